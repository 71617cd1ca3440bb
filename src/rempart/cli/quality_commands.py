# SPDX-License-Identifier: Apache-2.0
"""``rempart quality``: what failed, the worst first; the whole as JSON or as a page. No exact small count reaches this door."""

import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rempart.cli.session import Session

if TYPE_CHECKING:
    from rempart.journeys.quality import Report

_WORST = 40
_STATES = ("failed", "passed", "none")


def quality(session: Session, *, page: Path | None = None, thresholds: Path | None = None) -> int:
    """Check the warehouse; 1 when a check failed."""
    from rempart.ingest.quality import failed
    from rempart.wiring.quality import quality as check
    from rempart.wiring.quality import quality_settings, refuse_page, write_quality_page
    from rempart.wiring.warehouse import Warehouse

    voice, begun = session.voice, time.monotonic()
    if page is not None:
        refuse_page(page)
    with voice.bars() as bars:
        report = check(Warehouse(session.directory), thresholds=thresholds, progress=bars)
    seconds = time.monotonic() - begun
    rules = quality_settings(thresholds)
    if report.behind:
        voice.warn(voice.word("quality-behind"))
    _show(session, report, {name: kind.words[voice.language] for name, kind in rules.kinds.items()}, seconds)
    voice.say("quality-rounded", step=rules.facts["hiding"]["step"], below=rules.facts["hiding"]["below"])
    if page is not None:
        write_quality_page(page, report, rules, seconds=seconds, language=voice.language)
        voice.say("quality-page", file=str(page))
    counts: Counter[str] = Counter(finding.status for finding in report.findings)
    voice.result(
        "quality",
        {
            "head": report.head,
            "checks": len(report.findings),
            "scans": report.scans,
            "shards": report.shards,
            "rows": report.rows,
            "behind": report.behind,
            "rounded_to": rules.facts["hiding"]["step"],
            "seconds": round(seconds, 2),
            "status": {state: counts[state] for state in _STATES},
            "findings": [asdict(finding) for finding in report.findings],
        },
    )
    return 1 if failed(report.findings) else 0


def _show(session: Session, report: "Report", words: dict[str, str], seconds: float) -> None:
    voice = session.voice
    voice.say(
        "quality-done",
        checks=_number(session, str(len(report.findings))),
        rows=_number(session, str(report.rows)),
        scans=report.scans,
        shards=report.shards,
        seconds=_number(session, f"{seconds:.1f}"),
    )
    by: Counter[tuple[str, str]] = Counter((finding.category, finding.status) for finding in report.findings)
    lines: list[tuple[str | int, ...]] = [
        (voice.word(f"quality-{c}"), *(by[c, s] for s in _STATES))
        for c in ("conformance", "completeness", "plausibility")
    ]
    voice.table(["column-category", "column-failed", "column-passed", "column-none"], lines)
    worst = [finding for finding in report.findings if finding.status == "failed"]
    if worst:
        voice.say("quality-worst", failed=len(worst), shown=min(len(worst), _WORST))
        rows = [
            (
                words[f.kind],
                f.table,
                " ".join(filter(None, (f.field, f.detail.replace("undated", voice.word("quality-undated"))))),
                *(_number(session, text) for text in (f.failing, f.base, f.share, f"{f.percent:g}")),
            )
            for f in worst[:_WORST]
        ]
        columns = ["column-check", "column-table", "column-place", "column-breaking", "column-base", "column-share"]
        voice.table([*columns, "column-allowed"], rows)


def _number(session: Session, text: str) -> str:
    """A count or share as the language writes it; a sign before it stays."""
    sign = text[: len(text) - len(text.lstrip("<>"))]
    whole, point, rest = text[len(sign) :].partition(".")
    if not whole.isdigit():
        return text
    return (
        sign + f"{int(whole):,}".replace(",", "\u202f") + (session.voice.word("decimal-mark") + rest if point else "")
    )
