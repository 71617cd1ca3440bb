# SPDX-License-Identifier: Apache-2.0
"""What of case series, case-crossover and nested case-control is hidden, and what a study file may not ask of them."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.package_data import toml
from rempart.disclosure.check import check
from rempart.errors import BadInput
from tests.design_people import ALPHA, NESTED, asked, crossing, pairs, series
from tests.naive_designs import DAY, FIRST, rows_of, study

RULES = toml("disclosure/rules.toml")


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all."""
    made = DuckDBQuery(threads=1, memory_limit="1GB")
    yield made
    made.close()


@pytest.mark.parametrize("few", [10, 11])
def test_an_estimate_goes_with_the_count_of_its_fewest_cell(query: DuckDBQuery, few: int) -> None:
    """1 to 10 cases in the window, discordant pairs or exposed controls take ratio, limits and p with them; 11 let them stand."""
    told = {
        "series": (
            asked("case_series", "self-controlled", ALPHA, {"windows": [{"days": [0, 9]}]}),
            series([20] * few + [50] * 60),
        ),
        "crossover": (
            asked("odds_ratio", "case-crossover", ALPHA, {"risk_window": [-6, 0], "apart": [-28]}),
            crossing(30, few, 20, 40),
        ),
        "nested": (
            asked("odds_ratio", "nested-case-control", {**NESTED, "exposures": ["alpha"]}, {}),
            pairs(("alpha", "", 30), ("", "alpha", few), ("", "", 40)),
        ),
    }
    for name, (subject, people) in told.items():
        (table,) = check(rows_of(query, subject, people), RULES)
        shown = {row.status for row in table.rows if row.statistic in {"ratio", "lower", "upper", "p_value"}}
        assert shown == ({"suppressed"} if few < 11 else {"rounded"}), name


def test_no_ratio_stands_beside_a_count_that_is_hidden_for_another(query: DuckDBQuery) -> None:
    """Five cases in the first window hide larger counts too, which would give them back: their ratios go with them."""
    parameters = {"windows": [{"days": [0, 9]}, {"days": [10, 19]}, {"days": [20, 29]}]}
    people = series([22] * 5 + [32] * 30 + [42] * 25 + [60] * 80)
    (table,) = check(rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), people), RULES)
    for window in {row.row_key["window"] for row in table.rows}:
        mine = [row for row in table.rows if row.row_key["window"] == window]
        counts = {row.status for row in mine if row.statistic == "cases"}
        ratios = {row.status for row in mine if row.statistic == "ratio"}
        assert ratios == ({"suppressed"} if "suppressed" in counts else {"rounded"}), window
    hidden = [row for row in table.rows if row.status == "suppressed" and row.statistic == "cases"]
    assert {row.row_key["window"] for row in hidden} > {"days 0 to 9"}, "more than the small count"


@pytest.mark.parametrize("few", [3, 11])
def test_days_of_the_reference_go_with_those_of_a_window_of_few_persons(query: DuckDBQuery, few: int) -> None:
    """All days less those of the reference are the window's: ten days a person, which would tell how many were exposed."""
    people = series([60] * (few + 200))
    for person in people[few:]:
        person.doses = {}
    parameters = {"windows": [{"days": [0, 9]}]}
    (table,) = check(rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), people), RULES)
    told = {row.column_key["arm"]: row.status for row in table.rows if row.statistic == "person_days"}
    hidden = few < 11
    assert told["window"] == told["reference"] == ("suppressed" if hidden else "rounded")
    assert told["all"] == "rounded"


def test_few_who_had_both_exposures_are_not_to_be_computed(query: DuckDBQuery) -> None:
    """Cases: 20 had alpha alone, 20 beta alone, 5 both. Who had beta (25) less who had beta alone (20) would tell the five."""
    people = pairs(("alpha", "", 25), ("beta", "", 20), ("", "alpha", 20), ("", "beta", 20), ("", "", 30))
    for case in people[:10:2]:
        case.doses["beta"] = [FIRST + 25 * DAY]
    (table,) = check(rows_of(query, asked("odds_ratio", "nested-case-control", NESTED, {}), people), RULES)
    shown = {
        (row.row_key["term"], row.column_key["arm"]): row.value
        for row in table.rows
        if row.statistic == "cases" and row.status == "kept"
    }
    for one, other in (("alpha", "beta"), ("beta", "alpha")):
        assert not {(one, "other exposure"), (other, "exposed")} <= set(shown), shown


SERIES = {
    "type": "case_series",
    "design": "self-controlled",
    "inputs": ALPHA,
    "parameters": {"windows": [{"days": [0, 9]}]},
}
CROSSED = {
    "type": "odds_ratio",
    "design": "case-crossover",
    "inputs": ALPHA,
    "parameters": {"risk_window": [-6, 0], "apart": [-28]},
}
STRATIFIED = CROSSED | {"parameters": {"risk_window": [-6, 0], "time_stratified": True, "bidirectional": True}}
MATCHED = {"type": "odds_ratio", "design": "nested-case-control", "inputs": NESTED, "parameters": {}}


@pytest.mark.parametrize(
    ("analysis", "part", "changes", "field"),
    [
        (SERIES, "parameters", {"windows": []}, "parameters.windows"),
        (SERIES, "parameters", {"windows": [{"days": [1, 9]}]}, "parameters.day_zero"),
        (SERIES, "parameters", {"day_zero": "reference"}, "parameters.day_zero"),
        (SERIES, "parameters", {"windows": [{"days": [0, 9]}, {"days": [0, 9]}]}, "parameters.windows"),
        (SERIES, "parameters", {"windows": [{"days": "during"}]}, "parameters.windows"),
        (SERIES, "parameters", {"windows": [{"days": [0, 9], "of": "end"}]}, "parameters.windows"),
        (SERIES, "parameters", {"windows": [{"days": [0, 9], "exposure": "beta"}]}, "parameters.windows[1].exposure"),
        (SERIES, "parameters", {"calendar": "month", "calendar_days": 7}, "parameters.calendar_days"),
        (SERIES, "parameters", {"from_exposure": True, "pre_exposure_days": 7}, "parameters.pre_exposure_days"),
        (SERIES, "parameters", {"ends": "event-dependent", "events": "every"}, "parameters.events"),
        (SERIES, "inputs", {"exposures": ["alpha", "beta"], "cohort": "nobody"}, "inputs.cohort"),
        *((design, "inputs", {"exposures": []}, "inputs.exposures") for design in (SERIES, CROSSED, MATCHED)),
        (CROSSED, "parameters", {"apart": [-5]}, "parameters.apart"),
        (CROSSED, "parameters", {"apart": [-28, -24]}, "parameters.apart"),
        (CROSSED, "parameters", {"apart": [-28, 28]}, "parameters.apart"),
        (CROSSED, "parameters", {"risk_window": [0, 6]}, "parameters.risk_window"),
        (STRATIFIED, "parameters", {"bidirectional": False}, "parameters.time_stratified"),
        (CROSSED, "parameters", {"time_stratified": True}, "parameters.apart"),
        (CROSSED, "inputs", {"controls": "people"}, "inputs.controls"),
        (CROSSED, "parameters", {"exposed": "covered"}, "inputs.exposures"),
        (MATCHED, "inputs", {"controls": "others"}, "inputs.controls"),
        (MATCHED, "parameters", {"window": [-30, 1]}, "parameters.window"),
        (
            MATCHED,
            "parameters",
            {"windows": [{"exposure": "gamma", "days": [-30, -1]}]},
            "parameters.windows[1].exposure",
        ),
        (MATCHED, "parameters", {"exposed": "covered", "dispensings": 2}, "parameters.dispensings"),
        (MATCHED, "parameters", {"exposed": "covered"}, "inputs.exposures"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_at_its_place(
    analysis: dict[str, Any], part: str, changes: dict[str, Any], field: str
) -> None:
    body = copy.deepcopy(analysis)
    study(body)
    body[part] = {**body[part], **changes}
    with pytest.raises(BadInput) as refusal:
        study(body)
    assert str(refusal.value.facts["field"]).endswith(field), refusal.value.facts


@pytest.mark.parametrize(
    "asked",
    [
        {"risk_window": [-40, -35], "apart": [-14, 14]},
        {"risk_window": [-6, 0], "apart": [-28, 28], "bidirectional": True},
        {"risk_window": [-6, 0], "time_stratified": True, "bidirectional": True},
    ],
    ids=str,
)
def test_windows_after_the_event_are_allowed_by_name_and_windows_before_it_always(asked: dict[str, Any]) -> None:
    """Days that lie after the risk window may still lie before the event."""
    study(CROSSED | {"parameters": asked})


def test_a_study_that_does_not_name_the_key_has_the_id_that_it_had() -> None:
    """False is the default, and stands in no canonical form."""
    said = CROSSED | {"parameters": {"risk_window": [-6, 0], "apart": [-28], "bidirectional": False}}
    assert study(said).content_id == study(CROSSED).content_id
