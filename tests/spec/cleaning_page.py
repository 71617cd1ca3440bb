# SPDX-License-Identifier: Apache-2.0
"""The page of the cleaning rules, docs/cleaning.md, from their data and their cases. ``python -m tests.spec.cleaning_page`` writes it."""

from pathlib import Path

from rempart.adapters import package_data
from rempart.ingest.rules import Rule
from tests.gross_units import plan
from tests.spec.rule_cases import DROPPED, KEPT

TARGET = Path(__file__).resolve().parents[2] / "docs" / "cleaning.md"
_PHASES = {
    "line": "when a unit is read",
    "compaction": "when research tables are made",
    "observation": "for observation",
}
HEAD = """# The cleaning rules

Written by `python -m tests.spec.cleaning_page` from `src/rempart/ingest/cleaning.toml` and the cases of `tests/spec/rule_cases.py`;
a test compares. A line is counted under the first rule that it meets, in this order; lines that meet several are shown as overlaps.
For every table: lines in = lines kept + lines dropped. An empty value passes: a comparison with nothing is not true.

Four tables make no row of their own: ER_ETE_F tells the facility of a claim, T_MCOaaVALO what a stay was paid, T_HADaaGRP the tariff group
of a sequence, and T_SSRaaGME repeats the group that a week has. *Kept* is then a line whose claim, stay or sequence was delivered with it,
J1 one without. Of a reference file, *kept* are its unlike lines. A line of IR_MAT_R is kept as a beginning of pregnancy, one of IR_ESM_R
as a spell in a care home, of which no research table is made yet: it stays in the sealed rows.

A line is sealed with the bits of all rules *of the line* that it meets, switched on or off; a switch is a mask when research tables are
made. `rempart ingest DIR --rules FILE.toml` takes a file with `[switch]` (`P7 = true`) and `[parameters]`
(`duplicate_facilities_until = 2018`). A fixed rule is not switched; units marked under unlike parameters are not put together. The
hash of the rules as applied, and which are off, stand in the snapshot.
"""


def _names() -> dict[str, str]:
    """Word → name of the delivered table."""
    files = [package_data.toml(f"ingest/schemas/{name}") for name in package_data.names("ingest/schemas", ".toml")]
    tables: dict[str, str] = {}
    for raw in files:
        for word, table in raw.get("tables", {}).items():
            if not table["name"].startswith("NS_"):
                tables[word] = table["name"]
    return tables


def _row(rule: Rule, names: dict[str, str]) -> str:
    tables = ", ".join(
        names.get(word, "ER_PRS_F without detail, acts") for word in rule.at if word in names or word == "claim_lines"
    )
    state = "fixed" if rule.fixed else "on" if rule.enabled else "off"
    return (
        f"| {rule.id} | {tables or 'all'} | {rule.words['en']} | {rule.words['fr']} | {rule.years} | {state} | {_PHASES[rule.phase]} "
        f"| {rule.source} |"
    )


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} values" if len(value) > 6 else ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"


def page() -> str:
    """The page."""
    known, names, cleaning = plan(), _names(), package_data.toml("ingest/cleaning.toml")
    text = [
        HEAD,
        "| rule | tables | what goes | ce qui part | years | default | judged | said by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    text += [_row(rule, names) for rule in known.choice.rules]
    text += ["\n## Parameters\n", "| parameter | value |", "|---|---|"]
    text += [f"| `{name}` | {_value(value)} |" for name, value in cleaning["parameters"].items()]
    text += ["\n## The conditions\n"]
    for rule in known.choice.rules:
        by_text: dict[str, list[str]] = {}
        for word, condition in rule.drop.items():
            if word in names or word == "claim_lines":
                by_text.setdefault(condition, []).append(names.get(word, "ER_PRS_F"))
        for condition, tables in by_text.items():
            text += [f"**{rule.id}** at {', '.join(tables)}\n", "```sql", condition, "```\n"]
    text += ["## Cases: met\n", "| rule | at | a unit that meets no rule, but |", "|---|---|---|"]
    text += [f"| {case.rule} | {names[case.word]} | {case.words} |" for case in DROPPED]
    text += ["\n## Cases: not met\n", "| rule | at | a unit that meets no rule, but |", "|---|---|---|"]
    text += [f"| {case.rule} | {names[case.word]} | {case.words} |" for case in KEPT]
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
