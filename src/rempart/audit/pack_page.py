# SPDX-License-Identifier: Apache-2.0
"""An evidence pack as a page to read, in one language: what is asked, what answers it, how it stands. Adds nothing to the JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

Table = Mapping[str, Any]


def page(content: Table, words: Table, language: str) -> str:
    """The page as Markdown. ``words``: the parsed table of words of that language."""
    lines = [
        f"# {words['title']}",
        "",
        words["made"].format(**content["log"], made=_instant(content["made"]), **content["program"]),
    ]
    lines += ["", words["how"], "", *_legend(words), "", *_overview(content, words, language)]
    for framework in content["frameworks"]:
        lines += ["", *_framework(content, framework, words, language)]
    lines += ["", f"## {words['evidence']}", "", *_controls(content, words, language)]
    return "\n".join(lines) + "\n"


def _legend(words: Table) -> list[str]:
    rows = [f"| {words['results'][name]} | {about} |" for name, about in words["means"].items()]
    return [f"| {words['result']} | {words['meaning']} |", "|---|---|", *rows]


def _overview(content: Table, words: Table, language: str) -> Iterator[str]:
    """A row a list, a column a result: what to look at first."""
    names = list(words["results"])
    yield f"| {words['list']} | {' | '.join(words['results'][name] for name in names)} |"
    yield f"|---|{'---:|' * len(names)}"
    for framework in content["frameworks"]:
        counts = [str(framework["totals"].get(name, 0)) for name in names]
        yield f"| {_cell(framework['about']['title'][language])} | {' | '.join(counts)} |"


def _instant(text: str) -> str:
    """A UTC instant of the JSON, to the minute."""
    return f"{text[:10]} {text[11:16]} UTC"


def _framework(content: Table, framework: Table, words: Table, language: str) -> Iterator[str]:
    about = framework["about"]
    yield f"## {about['title'][language]}"
    yield ""
    yield words["origin"].format(**{**about, "sure": about["sure"][language], "title": ""})
    yield ""
    yield " · ".join(f"{words['results'][name]} {count}" for name, count in framework["totals"].items())
    yield ""
    yield f"| {words['item']} | {words['asks']} | {words['answers']} | {words['result']} |"
    yield "|---|---|---|---|"
    for item in framework["items"]:
        answers = [f"[{_cell(content['controls'][n]['words'][language])}](#{n})" for n in item["controls"]]
        missing = [words["missing"].format(gap=_cell(item["gap"][language]))] if item["gap"][language] else []
        told = words["between"].join([*answers, *missing]) or "–"
        kind = words["classes"][item["class"]]
        yield f"| {item['id']} ({kind}) | {_cell(item['text'][language])} | {told} | {words['results'][item['result']]} |"


def _controls(content: Table, words: Table, language: str) -> Iterator[str]:
    for name, control in content["controls"].items():
        yield f"### {name}"
        yield ""
        yield f"{control['words'][language]}."
        yield ""
        yield from (f"- {_evidence(row, words, language)}" for row in control["evidence"])
        yield ""


def _evidence(row: Table, words: Table, language: str) -> str:
    state, colon = words["states"][row["state"]], words["colon"]
    if row["kind"] != "probe":
        return f"{words['kinds'][row['kind']]} `{row['id']}`{colon}{state}"
    told = [words["count"].format(count=row["count"], last=row["last"][:10])] if row["last"] else []
    told += [words["leaf"].format(leaf=row["leaf"])] if row["leaf"] is not None else []
    told += [f"{words['breached']} {', '.join(row['breaches'])}"] if row["breaches"] else []
    told += [words["overdue"]] if row["overdue"] else []
    between: str = words["between"]
    return between.join([f"{words['kinds']['probe']}{colon}{row['words'][language]}{colon}{state}", *told])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
