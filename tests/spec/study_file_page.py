# SPDX-License-Identifier: Apache-2.0
"""docs/reference/study-file.md and the published JSON Schema, from the forms that the reader reads by and from cases that tests run.

``python -m tests.spec.study_file_page`` writes both.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rempart.records.code_lists import CODES, FORMS
from rempart.records.forms import (
    ByPresence,
    ByValue,
    Choice,
    Flag,
    Form,
    Inside,
    Key,
    Kind,
    Named,
    Number,
    OneOf,
    Pair,
    Rows,
    Table,
    Text,
    Texts,
    Whole,
    Wholes,
    resolved,
)
from rempart.records.protocol import SYSTEMS
from rempart.records.study_forms import STUDY
from rempart.records.study_schema import study_schema
from rempart.records.study_variants import MOST
from tests.rule_histories import CUT
from tests.spec.code_list_cases import CASES, CLASSES, RECORDS
from tests.spec.rule_cohort_cases import DRAWN, PEOPLE, RULES

TOP = "The top of the file"
ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "reference" / "study-file.md"
SCHEMA = ROOT / "src" / "rempart" / "schemas" / "study.schema.json"
HEAD = """# The study file, key by key

Written by `python -m tests.spec.study_file_page` from the forms that the reader reads by (`src/rempart/records/study_forms.py` and the
files it names) and from cases that tests run; a test compares. What the keys mean together is told in [study](../study.md),
[exposure](../exposure.md) and [matching](../matching.md).

`rempart study new FILE` writes a study to begin with and, beside it, `study.schema.json`: an editor that knows TOML schemas (taplo, Even
Better TOML) then completes keys and marks errors. The schema is `src/rempart/schemas/study.schema.json`. `rempart study check FILE` says
everything that is wrong at once, each with its line, and reads no data.

A key that does not stand here is refused. **bold**: required. A table inside a table is linked.
"""
VARIANTS = f"""## `[variants.NAME]`

Sensitivity variants. Each table is a grid of its own: a key's path in quotes with a list of values is an axis, and every combination of the
axes is a study with its own id, judged like any other. An axis may have named levels, each of which changes several keys at once. At
most {MOST} studies a file. The study without variants keeps its id.

```toml
[variants.washout]
"cohorts.main.washout_days" = [180, 730]

[variants.lag_and_age]
"protocol.lag_days" = [0, 180]
"covariates.age_band.bands" = [[50, 60, 70], [65]]

[variants.strict]
entry.short = {{ "cohorts.main.washout_days" = 180 }}
entry.long = {{ "cohorts.main.washout_days" = 730, "cohorts.main.prior_observation_days" = 730 }}
```

Items of lists are numbered from 1, as in messages: `"cohorts.main.exclude[1].days"`, `"analyses[5].parameters.ties"`.
"""


def schema_text() -> str:
    """The published schema."""
    return json.dumps(study_schema(), indent=1, ensure_ascii=False) + "\n"


def page() -> str:
    """The page."""
    text = [HEAD]
    for kind, where in _kinds():
        text += _section(kind, where)
    return "\n".join([*text, VARIANTS, *_codes(), *_cases(), *_rules()]).rstrip("\n") + "\n"


def _kinds() -> Iterator[tuple[Kind, str]]:
    """Every table once, with where it stands, in the order in which a reader meets it."""
    seen, waiting = set[str](), [(STUDY, TOP)]
    while waiting:
        kind, where = waiting.pop(0)
        if kind.name in seen or kind.name.startswith("codes_"):
            continue
        seen.add(kind.name)
        yield kind, where
        below = list(kind.cases.values()) if not isinstance(kind, Table) else []
        inner = [(item, name) for name, key in getattr(kind, "keys", {}).items() for item in _inside(key.form)]
        waiting[:0] = [(case, where) for case in below]
        held = [(item, _where(where, name, key_form(kind, name))) for item, name in inner]
        waiting[len(below) : len(below)] = held if kind is not STUDY else []
        waiting += held if kind is STUDY else []


def key_form(kind: Kind, name: str) -> Form:
    """The form of a key of a table."""
    assert isinstance(kind, Table)
    return kind.keys[name].form


def _where(where: str, name: str, form: Form) -> str:
    before = "" if where == TOP else f"{where.strip('`[]')}."
    if isinstance(form, Named):
        return f"`[{before}{name}.NAME]`"
    return f"`[[{before}{name}]]`" if isinstance(form, Rows) else f"`[{before}{name}]`"


def _inside(form: Form) -> list[Kind]:
    match form:
        case Inside() | Rows() | Named():
            return [resolved(form.of)]
        case OneOf():
            return [kind for inner in form.forms for kind in _inside(inner)]
        case _:
            return []


def _section(kind: Kind, where: str) -> list[str]:
    title = [f"## {kind.name}", "", f"{where}. {kind.about}", ""]
    if kind is CODES:
        return [*title, *_table(_merged()), ""]
    if isinstance(kind, ByValue):
        cases = dict.fromkeys(f'`{kind.by} = "{value}"` → {_link(case)}' for value, case in kind.cases.items())
        return [*title, "One of: " + "; ".join(cases) + ".", ""]
    if isinstance(kind, ByPresence):
        cases = dict.fromkeys(
            f"{f'with `{name}`' if name else 'otherwise'} → {_link(case)}" for name, case in kind.cases.items()
        )
        return [*title, "One of: " + "; ".join(cases) + ".", ""]
    choices = [f"Exactly one of {', '.join(f'`{name}`' for name in names)} stands there.\n" for names in kind.one_of]
    return [*title, *_table(kind), "", *choices]


def _merged() -> Table:
    """The lists of all systems as one table: they differ by the form of their codes."""
    of_branches, codes = CODES.cases["CIM10"].keys, Texts(expected="a list of codes of the system, each once")
    keys = {
        **of_branches,
        "system": replace(of_branches["system"], form=Choice(tuple(CODES.cases))),
        "include": replace(
            of_branches["include"], form=codes, about="codes, written as [Code systems](#code-systems) has them"
        ),
        "exclude": Key(
            form=codes, about="codes taken out again, with all below them; none where codes are matched whole"
        ),
        "descendants": replace(
            of_branches["descendants"], about=f"{of_branches['descendants'].about}; where there are any"
        ),
    }
    return Table(name=CODES.name, about=CODES.about, keys=keys)


def _table(kind: Table) -> list[str]:
    rows = [
        f"| {_name(name, key)} | {_form(key.form)} | {_default(key)} | {key.about} |" for name, key in kind.keys.items()
    ]
    return ["| key | value | default | what it says |", "|---|---|---|---|", *rows]


def _link(kind: Kind) -> str:
    return f"[{kind.name}](#{kind.name})"


def _name(name: str, key: Key) -> str:
    return f"**`{name}`**" if key.required else f"`{name}`"


def _default(key: Key) -> str:
    value = key.default
    if key.required or value in (None, (), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return (
            f"`{json.dumps([str(item) if not isinstance(item, int) else item for item in value], ensure_ascii=False)}`"
        )
    return f"`{value}`"


def _form(form: Form) -> str:
    match form:
        case Choice():
            return ", ".join(f"`{word}`" for word in form.allowed)
        case Text():
            return _plain(form.expected)
        case Texts():
            return (
                f"list of {', '.join(f'`{word}`' for word in form.allowed)}" if form.allowed else _plain(form.expected)
            )
        case Whole() | Number():
            return f"{'whole number' if isinstance(form, Whole) else 'number'} {form.low:,} to {form.high:,}".replace(
                ",", " "
            )
        case Wholes():
            return f"rising whole numbers {form.low} to {form.high}"
        case Pair():
            return "two whole numbers, the smaller first"
        case Flag():
            return "`true` or `false`"
        case Inside():
            return f"table {_link(resolved(form.of))}"
        case Rows():
            return f"list of {_link(resolved(form.of))}"
        case Named():
            return f"tables {_link(resolved(form.of))} by name"
        case OneOf():
            return ", or ".join(_form(inner) for inner in form.forms)
        case _:
            return {"Day": "a date", "Days": "first and last day"}[type(form).__name__]


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


def _codes() -> list[str]:
    how = {
        "CIP13": "`drug_source_value`, whole", "CIP7": "`drug_source_value`, whole", "UCD": "`drug_source_value`, whole",
        "VAC-SI": "`drug_source_value`, whole",
        "ATC": "packs and units under the class in `code_hierarchy`, which the permit must name", "OMOP": "`…_concept_id`, whole",
    }  # fmt: skip
    rows = [
        f"| {name} | {', '.join(SYSTEMS[name])} | {form.hint} | {how.get(name, '`…_source_value`, by its beginning')} |"
        for name, form in FORMS.items()
    ]
    return [
        "## Code systems", "", "| system | records of | a code | matched on |", "|---|---|---|---|", *rows, "",
        "`rempart study codes LIST.csv --as NAME` writes such a table from CSV, OpenCodelists CSV or an ATLAS concept set, sets the",
        "writing of codes right (dots, spaces, lower case, missing zeros), and tells what it refuses. The content id of a list, which",
        "`study check` shows, is equal for equal codes, wherever they come from.", "",
    ]  # fmt: skip


def _cases() -> list[str]:
    codes = [f"| {domain} | {', '.join(held)} |" for domain, held in RECORDS.items()]
    rows = [
        f"| {case.about} | {case.system} | {' '.join(case.include)} | {' '.join(case.exclude)} "
        f"| {'' if case.descendants else '`false`'} | {', '.join(case.found) or 'nothing'} |"
        for case in CASES
    ]
    classes = ", ".join(f"{pack} under {above}" for pack, above in CLASSES.items())
    return [
        "### What a list finds", "", "Of these records:", "", "| domain | codes |", "|---|---|", *codes, "",
        f"with packs and units {classes}:", "",
        "| case | system | `include` | `exclude` | `descendants` | found |", "|---|---|---|---|---|---|", *rows, "",
    ]  # fmt: skip


def _rules() -> list[str]:
    text = [
        "## What rules of a cohort make", "",
        "Histories of a person, one line each, and the days in the cohort. `12 condition E110 DP #3`: on day 12 a principal diagnosis",
        "in visit 3; `20..25 visit inpatient #3`: a stay; `30 drug metformin`: a dispensing. Entry is possible on days 0 to 364; data end",
        f"on day {CUT}. `diabetes` is E11, `tumour` C67 without C679, `act` JDFA. `x2`: two boxes; `@01`: the prescriber's specialty.",
        "Everybody is a man born in 1950 and observed throughout; `woman`, `born 1974`, `observed -50..800`, `died 140` say otherwise.",
        "Day 0 is 2014-01-01.", "",
    ]  # fmt: skip
    for rule in RULES:
        rows = [
            f"| {lines.replace('; ', '<br>')} | {', '.join(f'{first} to {last}' for first, last in periods) or 'none'} |"
            for lines, periods in rule.histories
        ]
        text += [rule.about, "", "```toml", "[cohorts.x]", *rule.text.splitlines()]
        text += [*(["", *rule.more.splitlines()] if rule.more else []), "```", ""]
        text += ["| history | days in the cohort |", "|---|---|", *rows, ""]
    return text + _drawn()


def _drawn() -> list[str]:
    rows = [f"| {drawn.about} | `{drawn.text}` | {', '.join(drawn.who.split())} |" for drawn in DRAWN]
    return [
        "## Who may be whose control", "",
        "Everybody is in the pool while observed; who falls ill is a case on that day. Controls of Ann, when as many may serve as there",
        'are (`match = { to = "cases", from = "pool", ratio = 20, … }`; [matching](../matching.md)):', "",
        "```text", *PEOPLE.strip().splitlines(), "```", "",
        "| controls are | beside `to`, `from` and `ratio` | who |", "|---|---|---|", *rows, "",
    ]  # fmt: skip


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page(), encoding="utf-8")
    SCHEMA.write_text(schema_text(), encoding="utf-8")
