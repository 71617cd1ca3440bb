# SPDX-License-Identifier: Apache-2.0
"""The generated parts of docs/omop.md, from mapping.toml, omop54.toml and the schemas. ``python -m tests.spec.omop_page`` writes them."""

from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.delivery_reader import ingest_definitions
from rempart.adapters.gross_definitions import gross_definitions, known_rules

PAGE = Path(__file__).resolve().parents[2] / "docs" / "omop.md"


def research() -> str:
    """One row a research table: source, rule, deviation."""
    told = {one["name"]: one for one in package_data.toml("ingest/mapping.toml")["tables"]}
    text = ["| table | from | rule | departs from the published mapping |", "|---|---|---|---|"]
    for name in ingest_definitions().research:
        one = told[name]
        text.append(f"| {name} | {one['source']} | {one['rule']} | {one['deviation']} |")
    return "\n".join(text) + "\n"


def delivered() -> str:
    """One row a delivered table: which columns are read of it."""
    reads = gross_definitions(known_rules()).reads
    text = ["| table | columns that are read |", "|---|---|"]
    for table in ingest_definitions().tables.values():
        if table.word in reads:
            asked = " ".join(name for name in reads[table.word].columns if name in table.columns)
            text.append(f"| {table.name} | {asked} |")
    return "\n".join(text) + "\n"


def decisions() -> str:
    """One row a rule on what is believed of a person."""
    text = ["| rule | says | on by default |", "|---|---|---|"]
    text += [
        f"| {one.id} | {one.words['en']} | {'yes' if one.enabled else 'no'} |" for one in ingest_definitions().decisions
    ]
    return "\n".join(text) + "\n"


PARTS = {"research": research, "delivered": delivered, "decisions": decisions}


def filled(page: str) -> str:
    """The page with each generated part after its mark, up to the next heading or empty pair of lines."""
    for name, make in PARTS.items():
        head, _, tail = page.partition(f"<!-- {name} -->\n")
        page = f"{head}<!-- {name} -->\n\n{make()}\n<!-- end {name} -->{tail.partition(f'<!-- end {name} -->')[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
