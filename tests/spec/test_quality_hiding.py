# SPDX-License-Identifier: Apache-2.0
"""Nobody gets a hidden count back from a quality report: not by subtraction, not by the parts of a column, not by thresholds or order.

The attacker knows the rules: what each text may stand for, that a column is empty or filled, that filled is low, high or within.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.ingest.quality import Check, Finding, Measured, Settings, judged, settings
from rempart.ingest.quality_battery import Battery
from rempart.records.omop import TableLayout

RULES = settings(package_data.toml("ingest/quality.toml"), today=datetime.date(2020, 6, 30))
BELOW, STEP = RULES.facts["hiding"]["below"], RULES.facts["hiding"]["step"]
NUMBERS = ("quantity", "days_supply")
DATES = ("drug_exposure_start_date", "drug_exposure_end_date", "prescription_date")
COLUMNS = {
    "drug_exposure_id": "BIGINT",
    **dict.fromkeys(DATES, "DATE"),
    "quantity": "DOUBLE",
    "days_supply": "INTEGER",
    "visit_occurrence_id": "BIGINT",
}
VISIT = {"visit_occurrence_id": "BIGINT", "visit_start_date": "DATE", "visit_end_date": "DATE"}
LAYOUTS = {
    "person": TableLayout(name="person", key="", date="", siblings={"main": {"year_of_birth": "INTEGER"}}),
    "visit_occurrence": TableLayout(
        name="visit_occurrence", key="visit_occurrence_id", date="visit_start_date", siblings={"main": VISIT}
    ),
    "drug_exposure": TableLayout(
        name="drug_exposure", key="drug_exposure_id", date=DATES[0], siblings={"main": COLUMNS}
    ),
}
Interval = tuple[int, int]
FAR = 10**9


def meant(text: str) -> Interval:
    """The counts that a shown text may stand for, as the report's own words have it."""
    if text.startswith("<"):
        return 1, int(text[1:]) - 1
    shown = int(text)
    # halves go up; a count below the threshold is never rounded, so 0 is 0
    return (0, 0) if shown == 0 else (max(BELOW, shown - STEP // 2), shown + STEP // 2 - 1)


def measured(rows: int, empty: dict[str, int], low: dict[str, int], high: dict[str, int]) -> list[Measured]:
    """A drug table of ``rows`` rows, each of its own person, with so many empty, too low and too high values by column."""
    query = DuckDBQuery(threads=1, memory_limit="500MB")
    texts = []
    for column in (*NUMBERS, *DATES, "visit_occurrence_id"):
        none, under = empty.get(column, 0), empty.get(column, 0) + low.get(column, 0)
        over = under + high.get(column, 0)
        bad, good, worse = ("-5", "i", "-7") if column == "visit_occurrence_id" else ("-5", "1", "99999")
        if column in DATES:
            bad, good, worse = "DATE '1850-01-01'", "DATE '2015-01-01'", "DATE '2021-01-01'"
        texts.append(
            f"CASE WHEN i < {none} THEN NULL WHEN i < {under} THEN {bad} WHEN i < {over} THEN {worse} ELSE {good} END"
            f"::{COLUMNS[column]} AS {column}"
        )
    source = f"range({rows}) r(i)"
    query.execute(f"CREATE TABLE person AS SELECT 'p' || i AS pseudonym, 1950::INTEGER AS year_of_birth FROM {source}")
    query.execute(
        "CREATE TABLE visit_occurrence AS SELECT 'p' || i AS pseudonym, i AS visit_occurrence_id, DATE '2015-01-01' AS visit_start_date, "
        f"DATE '2015-01-01' AS visit_end_date FROM {source}"
    )
    query.execute(
        f"CREATE TABLE drug_exposure AS SELECT 'p' || i AS pseudonym, i AS drug_exposure_id, {', '.join(texts)} FROM {source}"
    )
    battery = Battery(layouts=LAYOUTS, held=tuple(LAYOUTS), rules=RULES)
    battery.scan(query)
    found = list(battery.answers(battery.counts(query), None))
    query.close()
    return found


def numbers(findings: Sequence[Finding]) -> Iterator[tuple[Check, str, str]]:
    """Every count that a report shows: its check, whether it is the failing one or the base, its text."""
    for one in findings:
        for what, text in (("failing", one.failing), ("base", one.base)):
            if text:
                yield Check(kind=one.kind, table=one.table, field=one.field, detail=one.detail), what, text


def narrowed(texts: Sequence[str]) -> list[Interval]:
    """What is left for whole = sum of parts (``texts``: whole, then parts; '' is not shown)."""
    held = [meant(text) if text else (0, FAR) for text in texts]
    for _ in range(50):
        (low, high), parts = held[0], held[1:]
        held[0] = max(low, sum(p[0] for p in parts)), min(high, sum(p[1] for p in parts))
        for n, (least, most) in enumerate(parts, start=1):
            rest = [p for k, p in enumerate(held[1:], start=1) if k != n]
            held[n] = (
                max(least, held[0][0] - sum(p[1] for p in rest)),
                min(most, held[0][1] - sum(p[0] for p in rest)),
            )
    return held


def _wide(interval: Interval, hidden_whole: bool = False) -> bool:
    """Whether 1 to 10 are all still possible; of what is part of a hidden whole, all but what its other two parts may be."""
    return interval[0] <= 1 and interval[1] >= BELOW - 1 - 2 * hidden_whole


def betrayed(found: Sequence[Measured], rules: Settings = RULES) -> list[str]:
    """Counts of 1 to 10 that the report of ``found`` gives back better than "1 to 10"."""
    findings = judged(found, rules)
    truth = {one.check: one for one in found}
    shown = [(check, what, text) for check, what, text in numbers(findings)]
    told = []
    exact = sorted({(getattr(truth[check], what), text) for check, what, text in shown})
    for (less, low), (more, high) in combinations(exact, 2):
        narrow = max(0, meant(high)[0] - meant(low)[1]), meant(high)[1] - meant(low)[0]
        if not high.startswith("<") and less and 0 < more - less < BELOW and not _wide(narrow):
            told.append(f"{high} - {low} is {more - less}: {narrow}")
    texts = {(check.kind, check.table, check.field, what): text for check, what, text in shown}
    counts = {
        (c.kind, c.table, c.field, what): getattr(one, what) for c, one in truth.items() for what in ("failing", "base")
    }
    for table, column in {(check.table, check.field) for check, _, _ in shown}:
        told += _parts(table, column, texts, counts)
    return told


Shown = dict[tuple[str, str, str, str], str]


def _parts(table: str, column: str, texts: Shown, counts: dict[tuple[str, str, str, str], int]) -> list[str]:
    """Rows = empty + filled; filled = low + high + within."""
    empty = next((k for k in ("filled", "required") if (k, table, column, "base") in texts), "")
    if not empty:
        return []
    told = []
    for kind in ("value-low", "key-found"):
        filled = texts.get((kind, table, column, "base"))
        if filled is None:
            continue
        whole, none = (texts.get((empty, table, column, what), "") for what in ("base", "failing"))
        low, high = (
            texts.get((kind, table, column, "failing"), ""),
            texts.get(("value-high", table, column, "failing"), ""),
        )
        found = narrowed([whole, none, filled])
        beneath = narrowed([filled, low, high, ""] if kind == "value-low" else [filled, low, ""])
        true = counts[kind, table, column, "base"] - counts[kind, table, column, "failing"]
        true -= counts.get(("value-high", table, column, "failing"), 0)
        hidden = {
            "empty": (counts[empty, table, column, "failing"], found[1]),
            "filled": (counts[kind, table, column, "base"], found[2]),
            "low": (counts[kind, table, column, "failing"], beneath[1]),
            "within": (true, beneath[-1]),
        }
        for name, (count, (least, most)) in hidden.items():
            small = name in {"low", "within"} and filled.startswith("<")
            if 0 < count < BELOW and not _wide((least, most), small or whole.startswith("<")):
                told.append(f"{table}.{column} {name} is {count}: {least} to {most}")
    return told


def planted(rows: int, splits: Sequence[tuple[int, int, int]]) -> list[Measured]:
    """As ``measured`` would: a column for each (empty, low, high) of ``rows`` persons with one row each."""
    found = []
    for n, (empty, low, high) in enumerate(splits):
        for kind, failing, base in (
            ("filled", empty, rows),
            ("value-low", low, rows - empty),
            ("value-high", high, rows - empty),
        ):
            check = Check(kind=kind, table="drug_exposure", field=f"column{n}")
            found.append(Measured(check=check, failing=failing, base=base, persons=(failing, base)))
    return found


@st.composite
def tables(draw: st.DrawFn) -> list[Measured]:
    """Small tables whose columns have few or many empty, low and high values."""
    rows = draw(st.integers(0, 90))
    splits = []
    for _ in range(draw(st.integers(1, 3))):
        empty = draw(st.integers(0, rows) | st.integers(0, min(rows, 12)))
        low = draw(st.integers(0, rows - empty) | st.integers(0, min(rows - empty, 12)))
        splits.append((empty, low, draw(st.integers(0, rows - empty - low))))
    return planted(rows, splits)


@pytest.mark.parametrize(
    ("rows", "empty", "low", "high"),
    [
        (200, {"quantity": 5, "prescription_date": 3}, {"quantity": 4}, {}),
        (200, {"quantity": 195, "visit_occurrence_id": 7}, {"days_supply": 190}, {"days_supply": 3}),
        (30, {"quantity": 1, "days_supply": 2, "prescription_date": 10}, {"visit_occurrence_id": 25}, {"quantity": 9}),
        (14, {"quantity": 4, "visit_occurrence_id": 13}, {"prescription_date": 9}, {"days_supply": 12}),
    ],
)
def test_a_planted_table_gives_no_hidden_count_back(
    rows: int, empty: dict[str, int], low: dict[str, int], high: dict[str, int]
) -> None:
    found = measured(rows, empty, low, high)
    exact = {(one.check.kind, one.check.field): one for one in found if one.check.table == "drug_exposure"}
    for column, count in empty.items():
        assert exact["filled", column].failing == count
    for column, count in low.items():
        kind = "key-found" if column == "visit_occurrence_id" else "value-low"
        assert exact[kind, column].failing == count
    assert betrayed(found) == []


def test_the_attacker_reads_what_a_step_below_the_threshold_would_give_away() -> None:
    found = planted(200, [(5, 0, 0)])
    facts = {**RULES.facts, "hiding": {**RULES.facts["hiding"], "step": 1}}
    (bases,) = ({finding.base for finding in judged(found, replace(RULES, facts=facts))},)
    assert bases == {"200", "195"}
    assert STEP == 2 * BELOW


@given(tables())
@examples(max_examples=150, deadline=None)
def test_no_table_gives_a_hidden_count_back(found: list[Measured]) -> None:
    assert betrayed(found) == []


def test_two_parts_at_the_lower_edges_of_their_cells_leave_the_rest_open() -> None:
    """With a step of 20 the rest, 1, would be 0 to 8."""
    assert betrayed(planted(42, [(0, 11, 30)])) == []
    assert betrayed(planted(3 * STEP + 2, [(0, STEP // 2, 2 * STEP + STEP // 2)])) == []


def classes(count: int) -> Interval:
    """All counts that are shown as ``count`` is."""
    if count == 0:
        return 0, 0
    if count < BELOW:
        return 1, BELOW - 1
    return meant(str((count + STEP // 2) // STEP * STEP))


@given(st.data(), st.integers(11, 3000), st.floats(0, 100), st.sampled_from(["value-low", "required", "linked"]))
@examples(max_examples=150, deadline=None)
def test_what_is_shown_alike_is_told_alike_whatever_the_threshold_and_the_neighbours(
    data: st.DataObject, base: int, percent: float, kind: str
) -> None:
    """So neither state nor order nor share nor an operator's threshold says more than the counts shown."""
    failing = data.draw(st.integers(0, base) | st.integers(0, 10))
    bases, failings = classes(base), classes(failing)
    other_base = data.draw(st.integers(*bases))
    other = data.draw(
        st.integers(failings[0], min(failings[1], other_base)) if failings[0] <= other_base else st.just(-1)
    )
    if other < 0:
        return
    fixed = (data.draw(st.integers(0, 500)), 500)
    rules = replace(RULES, thresholds=[{"kind": kind, "percent": percent}])

    def report(counts: tuple[int, int]) -> list[Finding]:
        both = (("a", counts), ("b", fixed))
        found = [
            Measured(check=Check(kind=kind, table="stay", field=field), failing=least, base=most, persons=(least, most))
            for field, (least, most) in both
        ]
        return judged(found, rules)

    assert report((failing, base)) == report((other, other_base))


def test_rows_of_few_persons_tell_no_number_of_rows() -> None:
    check = Check(kind="required", table="person")
    one = Measured(check=check, failing=3, base=40, persons=(1, 2))
    (finding,) = judged([one], RULES)
    assert (finding.failing, finding.base, finding.share) == ("<11", "<11", "")


def test_an_estimate_says_below_what_it_is() -> None:
    one = Measured(
        check=Check(kind="code-form", table="person"), failing=14, base=900, persons=(13, 800), estimated=True
    )
    (finding,) = judged([one], RULES)
    assert finding.failing == "<16"


def test_too_few_never_splits_what_is_rounded_alike() -> None:
    facts = RULES.facts
    bounds = [facts["breaks"]["least"], facts["breaks"]["month_least"], facts["flows"]["least"]]
    for least in (*bounds, facts["linking"]["least"], facts["twice"]["least"]):
        assert least % STEP == STEP // 2
