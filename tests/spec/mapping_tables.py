# SPDX-License-Identifier: Apache-2.0
"""The generated part of docs/mapping.md: tables and needed columns. ``python -m tests.spec.mapping_tables`` writes it."""

from pathlib import Path

from rempart.adapters.delivery_reader import ingest_definitions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mapping.md"
MARK = "<!-- tables -->\n"


def tables() -> str:
    """One row a delivered table."""
    text = ["| table | one file for | must be there | columns that are read |", "|---|---|---|---|"]
    periods = {"none": "all", "month": "a month", "year": "a year"}
    for table in ingest_definitions().former.values():
        columns = " ".join(
            f"{name} (from {first})" if (first := table.columns[name].first) > 2006 else name for name in table.needed
        )
        text.append(f"| {table.name} | {periods[table.period]} | {'yes' if table.required else 'no'} | {columns} |")
    return "\n".join(text) + "\n"


def with_tables(page: str) -> str:
    """The page with the table after the mark, up to the next heading."""
    head, _, tail = page.partition(MARK)
    return head + MARK + "\n" + tables() + "\n## " + tail.partition("\n## ")[2]


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
