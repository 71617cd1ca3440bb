# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a rule cohort is said by field; a rule that reads after time zero is refused by its name, with three ways out."""

import datetime
from collections.abc import Mapping
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.cohort.required import required_columns
from rempart.errors import BadInput, Refused, RempartError
from rempart.permits.check_study import check_study
from rempart.records.cloned import check_runnable
from rempart.records.cohort_reading import in_order
from rempart.records.omop import layouts, whole_layouts
from rempart.records.permit import permit_from_dict
from rempart.records.study import study_from_dict
from tests.rule_histories import day, study_of

DIABETES = {"domain": "condition", "codes": "diabetes"}
METFORMIN = {"domain": "drug", "codes": "metformin"}
X1 = "cohorts.x.include[1]."
EARLY = {"relative_to": "observation_start"}
LATER_STAY = {"relative_to": {"event": {**DIABETES, "days": [0, 5]}}}
AFTER_STAY = {"relative_to": {"event": {**DIABETES, "days": [-9, 0]}}}
ENTRY = {"any": [DIABETES]}
LONG_STAY = {"domain": "visit", "where": {"nights": ">= 30"}}
VARIES = {**METFORMIN, "days": [0, 60], "time_varying": True}
BRIDGED = {"entry": {"any": [METFORMIN], "limit": "every"}, "exit": {"days": 10}, "collapse_days": 31}
_PARSED = package_data.toml("records/omop54.toml")
KNOWN = {**layouts(_PARSED), **whole_layouts(_PARSED)}


def said(cohorts: Mapping[str, Any], **more: Any) -> RempartError:
    """The error of a study with these cohorts."""
    with pytest.raises(RempartError) as caught:
        study_of(cohorts, **more)
    return caught.value


def of(**rules: Any) -> dict[str, Any]:
    """One cohort with these rules."""
    return {"x": {"entry": ENTRY, **rules}}


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"include": [{**METFORMIN, "days": [0, 1]}]}, "cohorts.x.include[1] (metformin (drug) on days 0 to 1)"),
        ({"exclude": [{**METFORMIN, "days": [-9, 30], "name": "later"}]}, "cohorts.x.exclude[1] (later)"),
        (
            {"include": [{"any": [{"all": [{**METFORMIN, "days": [-1, 5]}]}], "name": "deep"}]},
            "cohorts.x.include[1] (deep)",
        ),
        (
            {"include": [{**METFORMIN, "days": [-5, 5], **AFTER_STAY, "name": "a"}]},
            "cohorts.x.include[1] (a)",
        ),
        (
            {"include": [{**METFORMIN, "days": [-9, -5], **LATER_STAY, "name": "b"}]},
            "cohorts.x.include[1] (b)",
        ),
        (
            {
                "include": [{**METFORMIN, "days": [0, 90], "relative_to": "observation_start", "name": "c"}],
                "prior_observation_days": 89,
            },
            "cohorts.x.include[1] (c)",
        ),
        ({"entry": {**ENTRY, "limit": "last"}}, 'cohorts.x.entry.limit (limit = "last")'),
        ({"entry": {**ENTRY, "limit": "last"}, "landmark_days": 30}, 'cohorts.x.entry.limit (limit = "last")'),
        ({"landmark_days": 30, "include": [{**METFORMIN, "days": [0, 31], "name": "d"}]}, "cohorts.x.include[1] (d)"),
        ({"entry": {"any": [DIABETES, LONG_STAY]}}, "cohorts.x.entry.any[2].where.nights (any (visit))"),
        ({"entry": {"any": [LONG_STAY]}, "landmark_days": 29}, "cohorts.x.entry.any[1].where.nights (any (visit))"),
        ({"include": [{**LONG_STAY, "days": [-99, -29], "name": "long"}]}, "cohorts.x.include[1] (long)"),
        ({"exclude": [{**LONG_STAY, "days": [-99, 0], "name": "long"}]}, "cohorts.x.exclude[1] (long)"),
        (
            {
                "include": [
                    {
                        **METFORMIN,
                        "days": [-9, -9],
                        "relative_to": {"event": {**LONG_STAY, "days": [-29, -29]}},
                        "name": "e",
                    }
                ]
            },
            "cohorts.x.include[1] (e)",
        ),
    ],
)
def test_a_rule_that_reads_after_time_zero_is_refused_by_its_name(rules: dict[str, Any], field: str) -> None:
    error = said({"x": {"entry": ENTRY, **rules}})
    assert isinstance(error, Refused)
    assert (error.code, error.facts["field"]) == ("reads-after-time-zero", field)


@pytest.mark.parametrize(
    "rules",
    [
        {"include": [{**METFORMIN, "days": [0, 0]}]},
        {"include": [{**METFORMIN, "days": [0, 30]}], "landmark_days": 30},
        {"include": [{**METFORMIN, "days": [0, 30], "time_varying": True}]},
        {"include": [{**METFORMIN, "days": [0, 30]}], "clone_censor_weight": True},
        {"include": [{**METFORMIN, "days": [0, 90], "relative_to": "observation_start"}], "prior_observation_days": 90},
        {"entry": {**ENTRY, "limit": "last"}, "landmark": "period_end"},
        {"entry": {"any": [LONG_STAY]}, "landmark_days": 30},
        {"include": [{**LONG_STAY, "days": [-99, -30]}], "exclude": [{**LONG_STAY, "days": [-99, -40]}]},
    ],
)
def test_there_are_three_ways_out(rules: dict[str, Any]) -> None:
    study = study_of({"x": {"entry": ENTRY, **rules}})
    assert study_from_dict(study.as_dict()) == study


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        (
            {"x": {"entry": ENTRY, "include": [{"cohort": "a", "days": [-5, 0], "overlap": True, "name": "in"}]}},
            "include[1] (in)",
        ),
        (
            {"x": {"entry": ENTRY, "exclude": [{"cohort": "u", "days": [-60, -29], "overlap": True, "name": "in"}]}},
            "exclude[1] (in)",
        ),
        ({"x": {"of": {"intersection": ["b", "a"]}}}, "of (a)"),
        ({"x": {"of": {"difference": ["b", "a"]}}}, "of (a)"),
        ({"x": {"of": {"difference": ["u", "b"]}}}, "of (u)"),
        ({"x": {"match": {"to": "b", "from": "a", "kind": "risk-set", "ratio": 1, "on": []}}}, "match.from (a)"),
    ],
)
def test_membership_that_a_later_period_decides_is_no_condition(rules: dict[str, Any], field: str) -> None:
    union = {"of": {"union": ["a", "b"]}}
    error = said({"b": {"entry": ENTRY}, "a": BRIDGED, "u": union, **rules})
    assert (error.code, error.facts["field"]) == ("reads-after-time-zero", f"cohorts.x.{field}")


def test_what_no_later_period_decides_may_be_a_condition() -> None:
    inside = {"cohort": "a", "days": [-60, -30], "overlap": True}
    starts = {"cohort": "a", "days": [-60, 0]}
    exact = {"to": "b", "from": "a", "kind": "exact", "ratio": 1, "on": []}
    plain = {**BRIDGED, "collapse_days": 1}
    study_of({"b": {"entry": ENTRY, "include": [inside, starts]}, "a": BRIDGED, "m": {"match": exact}})
    study_of({"b": {"entry": ENTRY}, "a": plain, "x": {"of": {"intersection": ["a", "b"]}}})
    study_of({"b": {"entry": ENTRY}, "a": {**BRIDGED, "entry": ENTRY}, "x": {"of": {"difference": ["a", "b"]}}})


MATCHED = {"match": {"to": "x", "from": "b", "kind": "exact", "ratio": 1, "on": []}}


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"include": [{"cohort": "m", "days": [-9, 0]}]}, "x.include[1].cohort"),
        ({"exclude": [{"any": [{"cohort": "m_cases", "days": [-9, 0]}]}]}, "x.exclude[1].any[1].cohort"),
        ({"entry": {"any": [DIABETES, {"cohort": "m"}]}}, "x.entry.any[2].cohort"),
        ({"exit": {"event": {"cohort": "m"}}}, "x.exit.event[1].cohort"),
    ],
)
def test_no_rule_refers_to_a_cohort_that_is_drawn_by_matching(rules: dict[str, Any], field: str) -> None:
    error = said({"x": {"entry": ENTRY, **rules}, "b": {"entry": ENTRY}, "m": MATCHED})
    assert (error.code, error.facts["field"]) == ("study-field", f"cohorts.{field}")
    assert "drawn by matching" in str(error.facts["expected"])


def test_no_set_of_days_takes_a_matched_cohort_and_no_matching_another() -> None:
    cohorts = {"x": {"entry": ENTRY}, "b": {"entry": ENTRY}, "m": MATCHED}
    assert said({**cohorts, "u": {"of": {"union": ["x", "m"]}}}).facts["field"] == "cohorts.u.of.union"
    again = {"match": {**MATCHED["match"], "from": "m"}}
    assert said({**cohorts, "n": again}).facts["field"] == "cohorts.n.match.from"


def test_a_chain_of_thousands_of_cohorts_is_put_in_order() -> None:
    chain: dict[str, Any] = {"c0": {"entry": ENTRY}}
    chain |= {f"c{n}": {"entry": {"any": [{"cohort": f"c{n - 1}"}]}} for n in range(1, 2000)}
    order = in_order(study_of(chain).rules)
    assert [order.index(f"c{n}") for n in range(2000)] == list(range(2000))


@pytest.mark.parametrize("ending", ["cover", "dispensings", "switch"])
def test_no_exposure_is_called_as_another_s_tables(ending: str) -> None:
    exposures = {"a": {"domain": "drug", "codes": "insulin"}, f"a_{ending}": {"domain": "drug", "codes": "metformin"}}
    error = said(of(), exposures=exposures)
    assert (error.code, error.facts["field"]) == ("study-field", f"exposures.a_{ending}")
    study_of(of(), exposures={"b": exposures["a"], f"a_{ending}": exposures["a"]})


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"codes": "diabetes"}, "entry.any[1].codes"),
        ({"setting": ["home"]}, "entry.any[1].setting"),
        ({"status": ["DP"]}, "entry.any[1].status"),
        ({"where": {"nights": ">= 2"}}, "entry.any[1].where.nights"),
    ],
)
def test_a_period_of_observation_has_neither_code_nor_visit(more: dict[str, Any], field: str) -> None:
    error = said({"x": {"entry": {"any": [{"domain": "observation", **more}]}}})
    assert (error.code, error.facts["field"]) == ("study-field", f"cohorts.x.{field}")
    told = {"domain": "observation", "days": [-9, 0], "distinct": "code"}
    assert said(of(include=[told])).facts["field"] == "cohorts.x.include[1].distinct"


@pytest.mark.parametrize("name", ["x_attrition", "x_reached", "other_reached"])
def test_names_of_a_cohort_s_own_tables_are_no_cohorts(name: str) -> None:
    error = said({"x": {"entry": ENTRY}, name: {"entry": ENTRY}})
    assert (error.code, error.facts["field"]) == ("study-field", f"cohorts.{name}")


def test_cloning_is_checked_and_not_run() -> None:
    study = study_of(of(include=[{**METFORMIN, "days": [0, 30]}], clone_censor_weight=True))
    with pytest.raises(Refused, match="cohort-not-yet-run"):
        check_runnable(study)
    check_runnable(study_of(of()))


@pytest.mark.parametrize(
    ("cohorts", "circle"),
    [
        ({"a": {"of": {"union": ["a", "b"]}}, "b": {"entry": ENTRY}}, "a → a"),
        ({"a": {"entry": {"any": [{"cohort": "b"}]}}, "b": {"entry": {"any": [{"cohort": "a"}]}}}, "a → b → a"),
        (
            {
                "a": {"of": {"union": ["b", "c"]}},
                "b": {"entry": ENTRY, "exclude": [{"cohort": "c", "days": [-9, -1]}]},
                "c": {"entry": ENTRY, "exit": {"event": {"cohort": "a"}}},
            },
            "a → b → c → a",
        ),
    ],
)
def test_a_circle_of_cohorts_is_told(cohorts: dict[str, Any], circle: str) -> None:
    error = said(cohorts)
    assert (error.code, error.facts["circle"]) == ("cohort-circle", circle)


@pytest.mark.parametrize(
    ("rules", "code", "field"),
    [
        ({"entry": {"any": []}}, "study-field", "cohorts.x.entry.any"),
        ({"entry": {"any": [{**DIABETES, "codes": "diabets"}]}}, "study-name", "cohorts.x.entry.any[1].codes"),
        ({"entry": {"any": [{**METFORMIN, "codes": "diabetes"}]}}, "study-field", "cohorts.x.entry.any[1].codes"),
        ({"entry": {"any": [{"domain": "drug"}]}}, "study-field", "cohorts.x.entry.any[1].codes"),
        ({"entry": {"any": [{"cohort": "y"}]}}, "study-name", "cohorts.x.entry.any[1].cohort"),
        (
            {"entry": {"any": [{**DIABETES, "where": {"quantity": ">= 2"}}]}},
            "study-field",
            "cohorts.x.entry.any[1].where.quantity",
        ),
        (
            {"entry": {"any": [{**METFORMIN, "where": {"quantity": "2"}}]}},
            "study-field",
            "cohorts.x.entry.any[1].where.quantity",
        ),
        ({"entry": {"any": [{**METFORMIN, "status": ["DP"]}]}}, "study-field", "cohorts.x.entry.any[1].status"),
        (
            {"entry": {"any": [{"domain": "residence", "place": ["Paris"]}]}},
            "study-field",
            "cohorts.x.entry.any[1].place",
        ),
        ({"entry": {**ENTRY, "limit": "second"}}, "study-field", "cohorts.x.entry.limit"),
        ({"entry": {**ENTRY, "limit": {"nth": 0}}}, "study-field", "cohorts.x.entry.limit.nth"),
        ({"include": [{**METFORMIN}]}, "study-field", "cohorts.x.include[1].days"),
        ({"include": [{**METFORMIN, "days": [0, -5]}]}, "study-field", "cohorts.x.include[1].days"),
        ({"include": [{**METFORMIN, "days": [-5, 0], "count": "two"}]}, "study-field", "cohorts.x.include[1].count"),
        (
            {"include": [{"at_least": [{**METFORMIN, "days": [-5, 0]}], "number": 2}]},
            "study-field",
            "cohorts.x.include[1].number",
        ),
        (
            {"include": [{"any": [{**METFORMIN, "days": [-5, 0]}], "time_varying": True}]},
            "study-field",
            "cohorts.x.include[1].time_varying",
        ),
        ({"include": [{**VARIES, **EARLY}]}, "study-field", f"{X1}time_varying"),
        ({"include": [{**VARIES, "overlap": True}]}, "study-field", f"{X1}time_varying"),
        ({"include": [{**LONG_STAY, "days": [0, 60], "time_varying": True}]}, "study-field", f"{X1}time_varying"),
        ({"include": [{**VARIES, "count": "= 2"}]}, "study-field", f"{X1}time_varying"),
        ({"include": [{**VARIES, "count": ">= 0"}]}, "study-field", f"{X1}time_varying"),
        ({"exit": {"event": LONG_STAY}}, "study-field", "cohorts.x.exit.event[1].where.nights"),
        ({"age": [60, 40]}, "study-field", "cohorts.x.age"),
        ({"sex": ["woman"]}, "study-field", "cohorts.x.sex"),
        ({"period": [day(9), day(3)]}, "study-field", "cohorts.x.period"),
        ({"exit": "recovery"}, "study-field", "cohorts.x.exit"),
        ({"exit": {"grace_days": 3}}, "study-field", "cohorts.x.exit.grace_days"),
        ({"exit": {"exposure": "insulin"}}, "study-name", "cohorts.x.exit.exposure"),
        ({"landmark_days": 30, "exit": {"days": 30}}, "study-field", "cohorts.x.exit.days"),
        ({"landmark_days": 30, "landmark": "period_end"}, "study-field", "cohorts.x.landmark"),
        ({"washout_day": 30}, "unknown-key", ""),
    ],
)
def test_what_is_wrong_is_said_by_field(rules: dict[str, Any], code: str, field: str) -> None:
    error = said({"x": {"entry": ENTRY, **rules}})
    assert isinstance(error, BadInput)
    assert error.code == code
    assert not field or str(error.facts["field"]) == field


def test_sets_take_two_rule_cohorts() -> None:
    assert said({"x": {"of": {"union": ["y"]}}, "y": {"entry": ENTRY}}).code == "study-field"
    assert said({"x": {"of": {"union": ["y", "z"]}}, "y": {"entry": ENTRY}}).code == "study-name"
    assert (
        said(
            {"x": {"of": {"union": ["y", "w"], "difference": ["y", "w"]}}, "y": {"entry": ENTRY}, "w": {"entry": ENTRY}}
        ).code
        == "study-field"
    )
    assert (
        said({"x": {"of": {"union": ["y", "old"]}}, "y": {"entry": ENTRY}, "old": {"washout_days": 5}}).code
        == "study-field"
    )


def test_the_order_of_keys_and_defaults_do_not_change_the_id() -> None:
    plain = study_of(of(exit="observation", include=[{**METFORMIN, "days": [-5, 0]}]))
    told = {
        **METFORMIN,
        "count": ">=1",
        "distinct": "record",
        "relative_to": "index",
        "days": [-5, 0],
        "overlap": False,
    }
    same = study_of({"x": {"collapse_days": 0, "include": [told], "entry": {"limit": "first", **ENTRY}}})
    assert plain.content_id == same.content_id
    assert plain.content_id != study_of(of(include=[{**METFORMIN, "days": [-5, 0], "count": ">= 2"}])).content_id


def permit(**more: Any) -> Any:
    """A permit of everything that the rules read."""
    tables = {
        "person": [],
        "observation_period": ["observation_period_start_date", "observation_period_end_date"],
        "condition_occurrence": ["condition_start_date", "condition_source_value"],
        "drug_exposure": ["drug_exposure_start_date", "drug_source_value"],
    }
    return permit_from_dict(
        {
            "schema": "rempart.permit/1",
            "id": "P-2026-0001",
            "project": "cohorts",
            "purpose": "t",
            "basis": "b",
            "persons": ["alice"],
            "valid": [datetime.date(2026, 1, 1), datetime.date(2027, 1, 1)],
            "lookback": day(-365),
            "period": [day(0), day(364)],
            "rows": {},
            "tables": [{"name": name, "columns": columns} for name, columns in tables.items() if columns],
            **more,
        }
    )


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({}, ""),
        ({"include": [{**METFORMIN, "days": [-365, 0]}]}, ""),
        ({"include": [{**METFORMIN, "days": [-366, 0]}]}, "window-before-lookback"),
        (
            {"include": [{**METFORMIN, "days": [-300, 0], "relative_to": {"event": {**DIABETES, "days": [-66, 0]}}}]},
            "window-before-lookback",
        ),
        ({"washout_days": 366}, "window-before-lookback"),
        ({"prior_observation_days": 366}, "window-before-lookback"),
        ({"washout_days": 366, "period": [day(1), day(9)]}, ""),
        ({"period": [day(-1), day(9)]}, "study-period"),
        ({"period": [day(1), day(365)]}, "study-period"),
        ({"include": [{**METFORMIN, "days": [-5, 0], "where": {"quantity": "> 1"}}]}, "study-column"),
        ({"age": [20, 30]}, "study-column"),
    ],
)
def test_a_rule_cohort_stays_within_its_permit(rules: dict[str, Any], code: str) -> None:
    study = study_of({"x": {"entry": ENTRY, **rules}})
    required = required_columns(study, KNOWN)
    if not code:
        check_study(study, permit(), KNOWN, required=required)
        return
    with pytest.raises(Refused, match=code):
        check_study(study, permit(), KNOWN, required=required)
