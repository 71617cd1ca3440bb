# SPDX-License-Identifier: Apache-2.0
"""What a study may not cut in two ways, and what a description may not ask of cohorts: told by check, by field."""

from typing import Any

import pytest

from rempart.errors import BadInput
from tests.described_people import study

PEOPLE = {"cohort": "people"}
AGES = {"age": {"type": "age", "bands": [30, 60]}}
TABLE = {"id": "t", "type": "table_one", "inputs": {"cohorts": ["people"]}}


def lexis(name: str, *bands: int, cohort: str = "people") -> dict[str, Any]:
    """Person-time by age."""
    return {
        "id": name,
        "type": "person_time",
        "inputs": {"cohort": cohort},
        "parameters": {"by": ["age"], "bands": bands},
    }


def points(name: str, *days: str) -> dict[str, Any]:
    """Prevalence on days."""
    return {"id": name, "type": "prevalence", "inputs": PEOPLE, "parameters": {"points": days}}


def refused(*analyses: dict[str, Any], **changes: Any) -> tuple[str, str]:
    """Field and expected of the refusal."""
    with pytest.raises(BadInput, match="study-field") as caught:
        study(*analyses, **changes)
    return str(caught.value.facts["field"]), str(caught.value.facts["expected"])


def test_age_is_cut_in_one_way_by_all_tables() -> None:
    assert study(lexis("one", 30, 60), lexis("two", 30, 60), TABLE)
    for other in (lexis("two", 31), lexis("two", 60), lexis("two", 31, cohort="others")):
        field, expected = refused(lexis("one", 30, 60), other)
        assert field.endswith("parameters.bands")
        assert "[30, 60]" in expected
    assert refused(lexis("one", 40), TABLE)[0].endswith("inputs.covariates")
    two = {**AGES, "years": {"type": "age", "bands": [31]}}
    assert refused(TABLE, covariates=two)[0].endswith("inputs.covariates")


def test_points_of_prevalence_lie_a_month_apart() -> None:
    assert study(points("a", "2014-02-01", "2014-03-01"), points("b", "2014-02-01"))
    for asked in (
        [points("a", "2014-02-01", "2014-02-28")],
        [points("a", "2014-02-01"), points("b", "2014-02-02")],
    ):
        field, expected = refused(*asked)
        assert field.endswith("parameters.points")
        assert "28" in expected


def test_a_case_by_a_cohort_has_no_look_back() -> None:
    asked = points("a", "2014-02-01")
    asked["parameters"]["lookback_days"] = 300
    assert study(asked)
    asked["inputs"] = {**PEOPLE, "outcome": "others"}
    field, expected = refused(asked)
    assert field.endswith("parameters.lookback_days")
    assert "covers the day" in expected


def matched(*, replace: bool) -> dict[str, Any]:
    """Cohorts with controls drawn from others."""
    entry = {"any": [{"domain": "condition", "codes": "ill"}]}
    rules = {name: {"entry": entry, "exit": {"days": 365}} for name in ("people", "others")}
    match = {"to": "people", "from": "others", "kind": "risk-set", "ratio": 2, "on": ["sex"], "replace": replace}
    return {"cohorts": {**rules, "controls": {"match": match}}}


def test_controls_of_several_sets_have_no_rate_that_takes_each_for_another_person() -> None:
    rate = {"id": "r", "type": "incidence_rate", "inputs": {"cohort": "controls", "outcome": "illness"}}
    assert study(rate, **matched(replace=True)).overlapping == {"controls"}
    standard = {**rate, "inputs": {**rate["inputs"], "standard": "esp2013"}}
    assert study(standard, **matched(replace=False))
    assert refused(standard, **matched(replace=True))[0].endswith("inputs.standard")
