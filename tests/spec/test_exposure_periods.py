# SPDX-License-Identifier: Apache-2.0
"""Periods of exposure on hand-made histories (exposure_cases.py, docs/exposure.md), their amounts and rules, and what a study must say."""

from collections.abc import Iterator
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.codes import Reads
from rempart.cohort.exposure_eras import exposure_clear, exposure_statements
from rempart.errors import BadInput
from tests import exposure_histories as house
from tests.spec import exposure_cases
from tests.spec.exposure_cases import CASES, Case, by, on


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all tests."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def rows(query: DuckDBQuery, keys: dict[str, Any], given: tuple[house.Dispensing, ...]) -> list[dict[str, Any]]:
    """The whole rows of one person."""
    house.made(query, keys, {1: (given, ())})
    return query.table("SELECT * FROM exposure_target ORDER BY start_date").to_pylist()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_dispensings_become_these_periods(query: DuckDBQuery, case: Case) -> None:
    house.made(query, case.keys, {7: (case.given, case.stays)})
    assert tuple(house.periods(query).get(7, ())) == case.periods


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_going_through_the_days_one_by_one_gives_the_same(case: Case) -> None:
    assert tuple(house.expected((case.given, case.stays), case.keys)) == case.periods


def test_the_page_has_these_cases() -> None:
    assert exposure_cases.PAGE.read_text(encoding="utf-8") == exposure_cases.page(), (
        "run python -m tests.spec.exposure_cases"
    )


def test_persons_do_not_touch_one_another(query: DuckDBQuery) -> None:
    stay = (house.Stay(first=11, last=21),)
    house.made(
        query,
        {"hospital_days": "extend", "stockpiling": "carry"},
        {1: (on(1), ()), 2: (on(22), stay), 3: (on(1), stay)},
    )
    assert house.periods(query) == {1: [(1, 28, 1)], 2: [(22, 49, 1)], 3: [(1, 38, 1)]}


def test_amounts_add_up_and_the_rule_is_named(query: DuckDBQuery) -> None:
    found = rows(query, {}, on(1, 29, quantity=2))
    assert [(row["amount"], row["rule"], row["dispensings"]) for row in found] == [(2 * 2 * 28 * 15, "pack", 2)]


def test_an_amount_is_unknown_when_one_of_its_packs_is(query: DuckDBQuery) -> None:
    found = rows(query, by({"rule": "pack"}), (*on(1), *on(29, code=house.BLISTER)))
    assert [(row["amount"], row["dispensings"]) for row in found] == [(None, 2)]


def test_units_of_opened_packs_have_their_amount(query: DuckDBQuery) -> None:
    found = rows(query, by({"rule": "opened"}, {"rule": "pack"}), on(1, quantity=7, unit="unit"))
    assert found[0]["amount"] == 7 * 15


def test_half_a_unit_of_an_amount_is_rounded_up(query: DuckDBQuery) -> None:
    found = rows(query, by({"rule": "opened"}), on(1, quantity=0.5, unit="unit"))
    assert found[0]["amount"] == 8  # 7.5 mg


@pytest.mark.parametrize("times", [2, 5, 15, 70])
def test_a_limit_on_stock_holds_over_many_dispensings(query: DuckDBQuery, times: int) -> None:
    """8 days of supply every 7 days: a day more is left each time, until 10 are."""
    keys = by({"rule": "opened"}, stockpiling="cap", cap_days=10)
    history = (on(*range(1, 1 + 7 * times, 7), quantity=8, unit="unit"), ())
    house.made(query, keys, {1: history})
    last = 1 + 7 * (times - 1) + 8 + min(times - 1, 10) - 1
    assert house.periods(query) == {1: [(1, last, times)]} == {1: house.expected(history, keys)}


def test_a_period_by_several_rules_says_so(query: DuckDBQuery) -> None:
    found = rows(query, by({"rule": "pack"}, {"rule": "fixed", "days": 30}), (*on(1), *on(29, code=house.STRONGER)))
    assert [row["rule"] for row in found] == ["mixed"]


def test_a_dispensing_that_no_rule_covers_says_so(query: DuckDBQuery) -> None:
    assert [row["rule"] for row in rows(query, {}, on(1, code=house.STRONGER))] == ["none"]


def test_cover_bridges_no_gap(query: DuckDBQuery) -> None:
    house.made(query, {"grace_days": 30, "lag_days": 7}, {1: (on(1, 40), ())})
    assert house.periods(query, "exposure_target_cover") == {1: [(1, 28, 1), (40, 67, 1)]}
    assert house.periods(query) == {1: [(1, 74, 2)]}


def test_only_columns_that_the_choices_need_are_read() -> None:
    reads = Reads()
    exposure_statements(
        house.study({"supply": [{"rule": "fixed", "days": 30}], "packs": None, "overlap": "add"}), "target", reads
    )
    assert reads.columns == {"drug_exposure": {"drug_exposure_start_date", "drug_source_value"}}
    exposure_statements(house.study({"care_home": "censor"}), "target", reads)
    assert reads.columns["visit_occurrence"] == {"visit_concept_id", "visit_start_date", "visit_end_date"}
    assert "days_supply" not in reads.columns["drug_exposure"]


def test_everything_made_is_dropped(query: DuckDBQuery) -> None:
    keys = {"hospital_days": "extend", "care_home": "censor", "switch_to": "comparator"}
    house.made(query, keys, {1: (on(1), ())})
    for statement in exposure_clear("target"):
        query.execute(statement)
    left = query.table("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'exposure%'").to_pylist()
    assert left == []


def test_an_exposure_without_a_rule_is_refused_by_its_name() -> None:
    with pytest.raises(BadInput) as error:
        exposure_statements(house.study({}), "comparator", Reads())
    assert error.value.code == "exposure-supply"
    assert error.value.facts["exposure"] == "comparator"


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"supply": []}, "supply"),
        ({"supply": [{"rule": "pack"}, {"rule": "pack"}]}, "supply"),
        ({"supply": [{"rule": "fixed", "days": 30}, {"rule": "pack"}]}, "supply"),
        ({"supply": [{"rule": "guess"}]}, "rule"),
        ({"supply": [{"rule": "fixed"}]}, "days"),
        ({"supply": [{"rule": "daily_dose", "source": "file"}]}, "date"),
        ({"supply": "claims"}, "supply"),
        ({"packs": []}, "packs"),
        ({"packs": None}, "packs"),
        ({"packs": [{"code": "1"}, {"code": "1"}]}, "packs"),
        ({"packs": [{"code": "1", "kind": "device"}]}, "packs"),
        ({"stockpiling": "cap"}, "cap_days"),
        ({"stockpiling": "carry", "cap_days": 5}, "cap_days"),
        ({"hospital_days": "skip"}, "hospital_days"),
        ({"switch_to": "nobody"}, "switch_to"),
        ({"switch_to": "target"}, "switch_to"),
        ({"grace_days": -1}, "grace_days"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_by_its_field(keys: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as error:
        house.study(keys)
    assert str(error.value.facts["field"]).endswith(field)


def test_the_canonical_form_reads_back_and_writes_defaults_out() -> None:
    study = house.study({"hospital_days": "extend", "stockpiling": "cap", "cap_days": 10})
    written = study.as_dict()["exposures"]
    assert written["target"]["grace_days"] == 0
    assert written["target"]["hospital_visits"] == [262, 9201]
    assert written["comparator"] == {"domain": "drug", "codes": "other", "non_users": False}
    assert house.study_from_dict(study.as_dict()) == study
