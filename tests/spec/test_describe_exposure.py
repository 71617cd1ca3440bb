# SPDX-License-Identifier: Apache-2.0
"""Cover, persistence, dose, switch, days not observed and waits of a few persons, counted by hand; and the rows made of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.figures import draw
from rempart.cohort.codes import Reads
from rempart.cohort.describe_exposure import exposure_periods
from rempart.disclosure.check import check
from rempart.records.describing import CohortAnalysis
from rempart.records.result import ResultRow
from rempart.study.describe_cells import Describing
from rempart.study.describe_exposure import exposure_periods as written
from rempart.study.evidence import Evidence, compute, merge
from rempart.study.rows import Output
from rempart.study.tallies import Tally, tallies_of
from tests import exposure_histories as house
from tests.exposure_histories import OTHER, Stay
from tests.spec.exposure_cases import by, on

LAST = 2000  # of the study's period
ANALYSIS = CohortAnalysis(
    id="use", type="exposure_periods", cohorts=("main",), exposures=("target",), days=60, grid_days=30
)
STAY = (Stay(first=11, last=21),)
PEOPLE: Mapping[int, house.History] = {
    1: (on(1, 29), STAY),  # covered on days 1 to 56
    2: (on(1), ()),  # 1 to 28
    3: ((), ()),  # never
    4: ((*on(1), *on(20, code=OTHER)), ()),  # 1 to 28, the other drug on day 20
}


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all tests."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def evidence(
    query: DuckDBQuery,
    keys: dict[str, Any],
    people: Mapping[int, house.History] = PEOPLE,
    *,
    entry: int = 1,
    end: int = 100,
    analysis: CohortAnalysis = ANALYSIS,
) -> Evidence:
    """The evidence of persons who are in the cohort from ``entry`` to ``end``."""
    house.made(query, keys, people)
    days = {
        name: pa.array([house.date(day)] * len(people), pa.date32())
        for name, day in (("start_date", entry), ("end_date", end))
    }
    query.register("cohort_main", pa.table({"person_id": pa.array(list(people), pa.int64()), **days}))
    return compute(query, [], [exposure_periods(house.study(keys), analysis, Reads())])


def cells(found: Evidence, part: str, *keys: str) -> dict[tuple[str, ...], Tally]:
    """The cells of a part by their keys."""
    return {
        tuple(cell.key[key] for key in keys): cell for cell in tallies_of(found["tallies"], "use", f"{part}/target")
    }


def counts(found: Evidence, part: str, *keys: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Persons and the sum of their values, by the keys."""
    return {key: (cell.persons, cell.total) for key, cell in cells(found, part, *keys).items()}


def rows(found: Evidence, keys: dict[str, Any]) -> list[ResultRow]:
    """The result rows."""
    output = Output(run="r", name="exposure", kind="frequency")
    written(output, Describing(study=house.study(keys), analysis=ANALYSIS, tallies=found["tallies"], standards={}))
    return output.rows


def test_days_covered_of_a_window_of_60_days(query: DuckDBQuery) -> None:
    found = counts(evidence(query, {}), "cover", "band")
    assert found == {("90-99",): (1, 9333), ("40-49",): (2, 2 * 4666), ("none",): (1, 0)}


def test_the_share_covered_is_of_users_alone(query: DuckDBQuery) -> None:
    found = cells(evidence(query, {}), "cover", "band")
    assert found[("none",)].n == 0
    mean = [row for row in rows(evidence(query, {}), {}) if row.output == "exposure_means" and row.statistic == "mean"]
    assert {row.row_key["variable"]: (row.value, row.unit, row.n_persons) for row in mean} == {
        "days covered": (pytest.approx((93.33 + 46.66 + 46.66) / 3), "percent", 3),
        "dose": ((840 + 420 + 420) / 3, "mg", 3),
    }


def test_days_that_exclude_are_in_neither_side_of_cover(query: DuckDBQuery) -> None:
    found = counts(evidence(query, {"hospital_days": "exclude"}), "cover", "band")
    assert found[("90-99",)] == (1, 46 * 10_000 // 50)


def test_a_window_ends_with_the_cohort(query: DuckDBQuery) -> None:
    found = counts(evidence(query, {}, end=28), "cover", "band")
    assert found == {("100",): (3, 30_000), ("none",): (1, 0)}


def test_only_the_part_of_a_period_within_the_window_counts(query: DuckDBQuery) -> None:
    found = counts(evidence(query, {}, entry=27, end=36), "cover", "band")
    assert found == {("100",): (1, 10_000), ("20-29",): (2, 4000), ("none",): (1, 0)}


def test_persistence_is_the_first_period(query: DuckDBQuery) -> None:
    found = counts(evidence(query, {}), "persistence", "days", "stopped")
    assert found == {("00056", "1"): (1, 0), ("00028", "1"): (2, 0)}


def test_the_end_of_the_window_censors(query: DuckDBQuery) -> None:
    found = counts(evidence(query, {}, end=28), "persistence", "days", "stopped")
    assert found == {("00028", "0"): (3, 0)}


def test_an_admission_that_censors_is_no_stop_and_one_that_excludes_no_end(query: DuckDBQuery) -> None:
    censored = counts(evidence(query, {"hospital_days": "censor"}), "persistence", "days", "stopped")
    assert censored == {("00010", "0"): (1, 0), ("00028", "1"): (2, 0)}
    excluded = counts(evidence(query, {"hospital_days": "exclude"}), "persistence", "days", "stopped")
    assert excluded == {("00056", "1"): (1, 0), ("00028", "1"): (2, 0)}


def test_persistence_as_a_curve(query: DuckDBQuery) -> None:
    found = [row for row in rows(evidence(query, {}), {}) if row.output == "exposure_persistence"]
    shown = {(row.row_key["day"], row.statistic): row.value for row in found}
    assert shown[("00030", "still_treated")] == pytest.approx(1 / 3)
    assert (shown[("00030", "events")], shown[("00030", "at_risk")]) == (2, 1)


def test_a_switch_within_the_window(query: DuckDBQuery) -> None:
    keys = {"switch_to": "comparator"}
    found = evidence(query, keys)
    assert counts(found, "switch", "switched") == {("yes",): (1, 19), ("no",): (2, 0)}
    levels = {
        row.row_key["level"]: row.value
        for row in rows(found, keys)
        if row.row_key.get("variable") == "switch" and row.statistic == "n"
    }
    assert levels == {"yes": 1, "no": 2, "none": 1}
    assert counts(found, "persistence", "days", "stopped")[("00019", "1")] == (1, 0)


def test_levels_of_each_variable_sum_to_the_cohort(query: DuckDBQuery) -> None:
    keys = {"switch_to": "comparator", "hospital_days": "extend"}
    shown = [row for row in rows(evidence(query, keys), keys) if row.output == "exposure" and row.statistic == "n"]
    for variable in ("all", "days covered", "switch", "days not observed"):
        assert sum(row.value or 0 for row in shown if row.row_key["variable"] == variable) == len(PEOPLE)


def test_the_set_of_those_without_the_drug_has_its_own_print(query: DuckDBQuery) -> None:
    keys = {"switch_to": "comparator"}
    shown = rows(evidence(query, keys), keys)
    alone = rows(evidence(query, keys, {3: PEOPLE[3]}), keys)
    ref = {
        row.persons_ref
        for row in shown
        if row.row_key.get("level") == "none" and row.row_key.get("variable") == "switch"
    }
    assert ref == {row.persons_ref for row in alone if row.row_key.get("variable") == "all"}


def test_days_away_within_the_window(query: DuckDBQuery) -> None:
    people = {1: PEOPLE[1], 2: (on(1), (Stay(first=-5, last=4), Stay(first=55, last=90))), 3: PEOPLE[3]}
    found = counts(evidence(query, {"hospital_days": "extend"}, people), "away", "away")
    assert found == {("yes",): (2, 10 + 3 + 6), ("no",): (1, 0)}


def test_the_share_of_dispensings_by_rule(query: DuckDBQuery) -> None:
    keys = by({"rule": "pack"}, {"rule": "fixed", "days": 30})
    people = {1: ((*on(1, 29), *on(40, code=house.STRONGER)), ()), 2: (on(1), ()), 3: (on(300), ())}
    found = evidence(query, keys, people)
    assert counts(found, "rules", "rule") == {("pack",): (2, 3), ("fixed",): (1, 1)}
    shown = {
        row.row_key["rule"]: (row.value, row.n_persons) for row in rows(found, keys) if row.output == "exposure_rules"
    }
    assert shown == {"pack": (75.0, 2), "fixed": (25.0, 1)}


def test_a_dose_is_unknown_where_one_dispensing_is(query: DuckDBQuery) -> None:
    people = {1: (on(1), ()), 2: ((*on(1), *on(30, code=house.BLISTER)), ())}
    cell = cells(evidence(query, {}, people), "dose")[()]
    assert (cell.n, cell.total, cell.persons) == (1, 420, 2)


def test_waits_are_counted_back_from_the_end_of_the_period(query: DuckDBQuery) -> None:
    people = {1: (on(LAST - 59, LAST - 7), ()), 2: (on(LAST - 7), ()), 3: (on(LAST - 60), ()), 4: (on(LAST), ())}
    found = counts(evidence(query, {}, people, entry=1, end=LAST), "waits", "wait")
    assert found == {("00007",): (2, 0), ("00000",): (1, 0)}
    assert counts(evidence(query, {}, people, entry=1, end=LAST - 1), "waits", "wait") == {}
    assert counts(evidence(query, {}, people, entry=LAST - 58, end=LAST), "waits", "wait") == {}


@pytest.mark.parametrize(
    ("until", "expected"), [(LAST, {"00007": 2, "00000": 1}), (LAST - 7, {"00000": 2}), (0, {"00007": 2, "00000": 1})]
)
def test_the_window_of_waits_ends_where_claims_do(query: DuckDBQuery, until: int, expected: dict[str, int]) -> None:
    """Seven days before the period ends: who came that day waited none, who came more than 59 days before it or after it is not seen."""
    people = {1: (on(LAST - 59, LAST - 7), ()), 2: (on(LAST - 7), ()), 3: (on(LAST - 67), ()), 4: (on(LAST), ())}
    house.made(query, {}, people)
    dated = {
        name: pa.array([house.date(day)] * 4, pa.date32()) for name, day in (("start_date", 1), ("end_date", LAST))
    }
    query.register("cohort_main", pa.table({"person_id": pa.array(list(people), pa.int64()), **dated}))
    known = f"(SELECT min(day) FROM (SELECT DATE '{house.date(until)}' AS day WHERE {until} > 0))"
    plan = exposure_periods(house.study({}), ANALYSIS, Reads(), known)
    found = counts(compute(query, [], [plan]), "waits", "wait")
    assert {wait: persons for (wait,), (persons, _) in found.items()} == expected


def test_waits_that_tell_no_gap_leave_rows_that_say_so(query: DuckDBQuery) -> None:
    people = {1: (on(LAST - 59, LAST - 7), ()), 2: (on(LAST - 7), ()), 3: (on(LAST), ())}
    told = [row for row in rows(evidence(query, {}, people, entry=1, end=LAST), {}) if row.output.endswith("_waits")]
    assert {(row.value, row.rule) for row in told} == {(None, "waits-tell-nothing")}


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_any_cut_into_shards_gives_the_same_tallies(query: DuckDBQuery, shards: int) -> None:
    keys = {"switch_to": "comparator", "hospital_days": "censor"}
    parts = [{p: h for p, h in PEOPLE.items() if p % shards == at} for at in range(shards)]
    assert merge([evidence(query, keys, part) for part in parts])["tallies"].equals(evidence(query, keys)["tallies"])


def test_every_output_passes_the_disclosure_rules_and_small_cells_go(query: DuckDBQuery) -> None:
    """40 users who stop after 28 days, 30 after 56, 20 never treated, 3 with another pack."""
    keys = by({"rule": "pack"}, {"rule": "fixed", "days": 30}, switch_to="comparator", hospital_days="extend")
    kinds = [on(1)] * 40 + [on(1, 29)] * 30 + [()] * 20 + [on(1, code=house.STRONGER)] * 3
    people = {number: (drugs, STAY if number % 2 else ()) for number, drugs in enumerate(kinds)}
    found = evidence(query, keys, people)
    checked = check(rows(found, keys), package_data.toml("disclosure/rules.toml"))
    tables = {table.output: table for table in checked}
    assert set(tables) == {"exposure", "exposure_rules", "exposure_means", "exposure_persistence"}
    shown = {row.row_key["rule"]: row.value for row in tables["exposure_rules"].rows}
    assert shown == {"pack": pytest.approx(100 * 100 / 103, abs=0.1), "fixed": None}
    counted = [
        row for table in checked for row in table.rows if row.statistic in {"n", "at_risk", "events", "censored"}
    ]
    assert not [row for row in counted if row.value is not None and 1 <= row.value <= 10]
    assert 93 in {row.value for row in counted if row.row_key.get("variable") == "all"}
    for language in ("en", "fr"):
        assert draw(checked, language=language)
