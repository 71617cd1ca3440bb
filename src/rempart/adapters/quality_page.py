# SPDX-License-Identifier: Apache-2.0
"""Findings of a quality run as one HTML file: no script, no address, its own style, light and dark, bars beside the numbers they draw.

Draws what may be shown and nothing else: it is given no exact small count.
"""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from rempart.adapters.package_data import toml
from rempart.errors import BadInput
from rempart.ingest.quality import Finding, Kind

_STATES = ("failed", "passed", "none")
_NUMBERS = ("breaking", "base", "share", "allowed")
_LISTED = 40
_BAR, _HIGH = 160, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page tells besides its findings. ``hiding``: that table of ``quality.toml``; ``behind``: the tables are not of
    the live units."""

    head: str
    day: datetime.date
    scans: int
    shards: int
    rows: int
    seconds: float
    hiding: Mapping[str, Any]
    behind: bool = False


def write_page(
    path: Path, page: Page, findings: Sequence[Finding], kinds: Mapping[str, Kind], *, language: str
) -> None:
    """Write the page; raises BadInput ``file-unwritable``."""
    words = toml("adapters/quality_page.toml")
    try:
        path.write_text(_Draft(words[language], words["css"], language, kinds).page(page, findings), encoding="utf-8")
    except OSError as error:
        raise BadInput("file-unwritable", file=path.name) from error


@dataclass(frozen=True, slots=True)
class _Draft:
    """One page in one language."""

    words: Mapping[str, Any]
    css: str
    language: str
    kinds: Mapping[str, Kind]

    def page(self, page: Page, findings: Sequence[Finding]) -> str:
        """The whole file."""
        body = [
            f'<a class="skip" href="#failed">{self.say("skip")}</a><main>',
            f"<h1>{self.say('title')}</h1>",
            *([f'<p role="note"><strong>{self.say("behind")}</strong></p>'] if page.behind else []),
            f"<p>{self._lead(page, findings)}</p>",
            f'<p class="quiet">{self._of(page)} {self._hidden(page)}</p>',
            self._totals(findings),
            f'<h2 id="failed">{self.say("failed-title")}</h2>',
            self._table([finding for finding in findings if finding.status == "failed"], kinds=True),
            f"<h2>{self.say('summary')}</h2>",
            self._by("category", findings),
            f"<h2>{self.say('tables')}</h2>",
            self._by("table", findings),
            f'<h2>{self.say("kinds")}</h2><p class="quiet note">{self.say("kinds-note")}</p>',
            *(self._kind(kind, findings) for kind in self.kinds.values()),
            "</main>",
        ]
        head = (
            f'<!doctype html><html lang="{self.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{self.say('title')}</title><style>{self.css}{self._labels()}</style></head><body>"
        )
        return head + "\n".join(body) + "</body></html>\n"

    def say(self, word: str, /, **facts: object) -> str:
        """A word, its facts filled in, safe in HTML."""
        return escape(str(self.words[word]).format(**facts))

    def number(self, text: str) -> str:
        """A number as the language writes it: thousands apart, its decimal mark; a sign before it stays."""
        return escape(self.written(text))

    def written(self, text: str) -> str:
        """The same, not yet safe in HTML."""
        sign = text[: len(text) - len(text.lstrip("<>"))]
        whole, point, rest = text[len(sign) :].partition(".")
        if not whole.isdigit() or (point and not rest.isdigit()):
            return text
        apart = f"{int(whole):,}".replace(",", str(self.words["separator"]))
        return sign + apart + (f"{self.words['mark']}{rest}" if point else "")

    def _labels(self) -> str:
        """Heads of the number columns, for a screen too narrow for a table."""
        said = "".join(f'.checks .{name}::before{{content:"{self.words[name]} "}}' for name in _NUMBERS)
        return f"@media screen and (max-width:40rem){{{said}}}"

    def _of(self, page: Page) -> str:
        day = page.day.isoformat()
        return self.say("of", head=page.head[:16], day=day).replace(day, f"<time>{day}</time>")

    def _hidden(self, page: Page) -> str:
        said = page.hiding
        below, estimated = said["below"], said["estimated_below"]
        return self.say("hidden", last=below - 1, below=below, estimated=estimated, step=said["step"])

    def _lead(self, page: Page, findings: Sequence[Finding]) -> str:
        return self.say(
            "lead",
            checks=self.written(str(len(findings))),
            rows=self.written(str(page.rows)),
            scans=self.written(str(page.scans)),
            shards=page.shards,
            seconds=self.written(f"{page.seconds:.1f}"),
        )

    def _totals(self, findings: Sequence[Finding]) -> str:
        counts: Counter[str] = Counter(finding.status for finding in findings)
        cells = "".join(
            f'<div><dt>{self.say(state)}</dt><dd class="{_tone(state, counts)}">{self.number(str(counts[state]))}</dd></div>'
            for state in _STATES
        )
        return f"<dl>{cells}</dl>"

    def _by(self, what: str, findings: Sequence[Finding]) -> str:
        """A line for each category or table: counts by state and their bar."""
        names = list(dict.fromkeys(sorted(str(getattr(finding, what)) for finding in findings)))
        lines = []
        for name in names:
            counts: Counter[str] = Counter(finding.status for finding in findings if getattr(finding, what) == name)
            said = self.say(name) if what == "category" else _code(name)
            cells = "".join(
                f'<td class="n {_tone(state, counts)}">{self.number(str(counts[state]))}</td>' for state in _STATES
            )
            lines.append(f'<tr><th scope="row">{said}</th>{cells}<td class="bar">{self._bar(counts)}</td></tr>')
        heads = "".join(f'<th scope="col" class="n">{self.say(state)}</th>' for state in _STATES)
        return (
            f'<div class="scroll"><table><caption>{self.say("summary-note")}</caption><thead><tr><th scope="col">'
            f'{self.say(what)}</th>{heads}<th scope="col" class="bar">{self.say("checks")}</th></tr></thead>'
            f"<tbody>{''.join(lines)}</tbody></table></div>"
        )

    def _bar(self, counts: Mapping[str, int]) -> str:
        """Three lengths that add up; a failure is never too thin to be seen."""
        total = sum(counts.values()) or 1
        spoken = self.say("bar", **{state: counts.get(state, 0) for state in _STATES})
        at, marks = 0.0, []
        for state in _STATES:
            count = counts.get(state, 0)
            wide = max(3.0, _BAR * count / total) if count else 0.0
            if wide:
                marks.append(f'<rect class="{state}" x="{at:.1f}" y="0" width="{wide:.1f}" height="{_HIGH}"/>')
            at += wide
        return _drawing(spoken, _BAR + 9, "".join(marks))

    def _kind(self, kind: Kind, findings: Sequence[Finding]) -> str:
        mine = [finding for finding in findings if finding.kind == kind.name]
        if not mine:
            return ""
        counts: Counter[str] = Counter(finding.status for finding in mine)
        known = f" [{escape(kind.dqd)}]" if kind.dqd else ""
        said = self.say("bar", **{state: counts[state] for state in _STATES})
        shown = [finding for finding in mine if finding.status != "none"][:_LISTED]
        rest = len(mine) - len(shown)
        more = f'<p class="quiet">{self._more(mine, rest)}</p>' if rest else ""
        state = "failed" if counts["failed"] else "passed" if counts["passed"] else "none"
        return (
            f'<details><summary><span class="{state}">{escape(kind.words[self.language])}</span>{known}, {said}</summary>'
            f"{self._table(shown, kinds=False)}{more}</details>"
        )

    def _more(self, mine: Sequence[Finding], rest: int) -> str:
        """How many are not listed, and why those that are not applicable are not."""
        why = Counter(finding.why for finding in mine if finding.status == "none" and finding.why)
        told = [f"{self.say(f'why-{code}')} ({self.number(str(count))})" for code, count in sorted(why.items())]
        return "; ".join([self.say("more", more=self.written(str(rest))), *told])

    def _table(self, findings: Sequence[Finding], *, kinds: bool) -> str:
        """Checks, a line each: of several kinds, all of which failed, or of one kind in any state."""
        if not findings:
            return f"<p>{self.say('failed-none')}</p>" if kinds else ""
        names = ["kind" if kinds else "state", "table", "field", "detail"]
        heads = "".join(f'<th scope="col">{self.say(name)}</th>' for name in names)
        numbers = "".join(f'<th scope="col" class="n">{self.say(name)}</th>' for name in _NUMBERS)
        lines = "".join(self._line(finding, kinds=kinds) for finding in findings)
        return (
            f'<div class="scroll"><table class="checks"><thead><tr>{heads}{numbers}'
            f'<th scope="col" class="bar">{self.say("against")}</th></tr></thead><tbody>{lines}</tbody></table></div>'
        )

    def _line(self, finding: Finding, *, kinds: bool) -> str:
        word = self.kinds[finding.kind].words[self.language] if kinds else str(self.words[f"{finding.status}-one"])
        detail = finding.detail.replace("undated", str(self.words["undated"]))
        places = "".join(f"<td>{_code(text)}</td>" for text in (finding.table, finding.field))
        places += f'<td class="detail">{_code(detail)}</td>'
        numbers = (finding.failing, finding.base, finding.share, f"{finding.percent:g}")
        told = "".join(
            f'<td class="n {name}">{self.number(text)}</td>' if text else "<td></td>"
            for name, text in zip(_NUMBERS, numbers, strict=True)
        )
        return (
            f'<tr><td class="first {finding.status}">{escape(word)}</td>{places}{told}'
            f'<td class="bar">{self._share(finding)}</td></tr>'
        )

    def _share(self, finding: Finding) -> str:
        """The share against what is allowed; nothing where no share is shown."""
        digits = finding.share.lstrip("<>")
        if not digits:
            return ""
        wide, mark = _BAR * min(100.0, float(digits)) / 100, _BAR * min(100.0, finding.percent) / 100
        spoken = self.say("share-bar", share=self.written(finding.share), allowed=self.written(f"{finding.percent:g}"))
        return _drawing(
            spoken,
            _BAR + 2,
            f'<rect class="back" x="0" y="4" width="{_BAR}" height="4"/>'
            f'<rect class="{finding.status}" x="0" y="2" width="{max(1.0, wide):.1f}" height="8"/>'
            f'<rect class="mark" x="{mark:.1f}" y="0" width="2" height="{_HIGH}"/>',
        )


def _tone(state: str, counts: Mapping[str, int]) -> str:
    """The class of a count: none of a state is no alarm."""
    return state if counts.get(state) else "none"


def _code(text: str) -> str:
    """A name of the warehouse, which may break after its underscores and nowhere else."""
    return f"<code>{escape(text).replace('_', '_<wbr>')}</code>" if text else ""


def _drawing(spoken: str, width: int, marks: str) -> str:
    """As wide as its column lets it be."""
    size = f'viewBox="0 0 {width} {_HIGH}" height="{_HIGH}" preserveAspectRatio="none"'
    return f'<svg role="img" aria-label="{spoken}" {size}>{marks}</svg>'
