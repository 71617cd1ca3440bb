# SPDX-License-Identifier: Apache-2.0
"""Writes the generated tables of docs/permit.md on the life of a project: ``PYTHONPATH=src:. python -m tests.spec.project_page``."""

import re
from pathlib import Path

from rempart.records.project import diagram, project_table
from tests.disclosure_rows import toml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permit.md"


def states() -> str:
    """The table of states."""
    return diagram(project_table(toml("permits/states.toml"), toml("permits/conflicts.toml")))


def clocks() -> str:
    """The table of clocks, each with its source."""
    lines = ["| clock | regimes | from | until | how long | source |", "|---|---|---|---|---|---|"]
    for name, row in toml("permits/clocks.toml")["clocks"].items():
        longer = f", {row['extension']} more once" if "extension" in row else ""
        longer += "; ends on a working day" if row.get("working") else ""
        longer += "; again at each end" if row.get("repeats") else ""
        begins = ", ".join(row["starts"]) + (f" (counted from {row['from']})" if "from" in row else "")
        stops = f"; stands still while {', '.join(row['pauses'])}" if "pauses" in row else ""
        regimes = ", ".join(row["regimes"]) or "all"
        told = (name, regimes, begins, ", ".join(row["ends"]) + stops, row["period"] + longer)
        lines.append(f"| {' | '.join(told)} | {row['source']} ({row['sure']}) |")
    return "\n".join(lines) + "\n"


def fields() -> str:
    """The fields of an application."""
    lines = ["| field | what | letter |", "|---|---|---|"]
    for name, row in toml("permits/application.toml")["fields"].items():
        what = ", ".join(row["of"]) if "of" in row else row["kind"]
        asked = "" if row.get("required") or row.get("filed") else ", may be left out"
        asked += f", where `{row['when']}` is true" if "when" in row else ""
        asked += f", unless `{row['unless']}` is given" if "unless" in row else ""
        lines.append(f"| {name} | {what}{asked} | {row.get('letter', '')} |")
    return "\n".join(lines) + "\n"


PARTS = {"states": states, "clocks": clocks, "fields": fields}


def with_generated(text: str) -> str:
    """``text`` with its generated tables replaced by what the data files say."""
    for name, made in PARTS.items():
        marked = re.compile(rf"(<!-- {name} of projects -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        table = made()
        text = marked.sub(lambda found, table=table: f"{found[1]}\n{table}\n{found[2]}", text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    PAGE.write_text(with_generated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
