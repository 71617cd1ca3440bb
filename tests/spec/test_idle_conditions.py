# SPDX-License-Identifier: Apache-2.0
"""A condition that holds for everybody or for nobody, whatever the data, is refused by its key; its neighbours are not."""

import datetime
from typing import Any

import pytest

from rempart.cli.expected_words import in_language
from rempart.errors import BadInput, Refused
from rempart.permits.check_study import check_study
from rempart.records.permit import permit_from_dict
from tests.rule_histories import FIRST, LAST, day, study_of

ENTRY = {"any": [{"domain": "condition", "codes": "diabetes"}]}
METFORMIN = {"domain": "drug", "codes": "metformin", "days": [-30, 0]}
STAY = {"domain": "visit", "days": [-90, -60]}
ANCHORED = {"relative_to": {"event": {"domain": "drug", "codes": "metformin", "days": [-90, 0]}}}


def read(demand: dict[str, Any], kind: str = "include") -> None:
    """Read a cohort with one rule."""
    study_of({"x": {"entry": ENTRY, kind: [demand]}})


@pytest.mark.parametrize(
    ("demand", "field"),
    [
        ({**METFORMIN, "count": ">= 0"}, "count"),
        ({**METFORMIN, "count": "< 0"}, "count"),
        ({**METFORMIN, "count": "<0000"}, "count"),
        ({**METFORMIN, **ANCHORED, "count": ">=0"}, "count"),
        ({"any": [METFORMIN, {"all": [{**METFORMIN, "count": "< 0"}]}]}, "any[2].all[1].count"),
        ({**STAY, "where": {"nights": "< 0"}}, "where.nights"),
        ({**METFORMIN, "where": {"days_supply": "< 0"}}, "where.days_supply"),
        ({"at_most": [METFORMIN], "number": 1}, "number"),
        ({"at_most": [METFORMIN, STAY], "number": 1000}, "number"),
        ({"all": [{"at_most": [METFORMIN, STAY], "number": 2}]}, "all[1].number"),
    ],
)
@pytest.mark.parametrize("kind", ["include", "exclude"])
def test_what_holds_for_everybody_or_nobody_is_refused(demand: dict[str, Any], field: str, kind: str) -> None:
    with pytest.raises(BadInput, match="study-field") as caught:
        read(demand, kind)
    assert caught.value.facts["field"] == f"cohorts.x.{kind}[1].{field}"
    told = str(caught.value.facts["expected"])
    assert "everybody" in told or "nobody" in told or "none" in told
    assert in_language(told, "fr") != told


@pytest.mark.parametrize(
    "demand",
    [
        {**METFORMIN, "count": "= 0"},
        {**METFORMIN, "count": "<= 0"},
        {**METFORMIN, "count": "< 1"},
        {**METFORMIN, "count": "> 0"},
        {**STAY, "where": {"nights": ">= 0"}},
        {**METFORMIN, "where": {"quantity": "< 0"}},
        {"at_most": [METFORMIN, STAY], "number": 1},
        {"at_most": [METFORMIN], "number": 0},
        {"at_least": [METFORMIN, STAY], "number": 2},
    ],
)
def test_what_may_hold_or_not_is_read(demand: dict[str, Any]) -> None:
    read(demand)


PERMIT = permit_from_dict(
    {
        "schema": "rempart.permit/1",
        "id": "P-2026-0001",
        "project": "cohorts",
        "purpose": "t",
        "basis": "b",
        "persons": ["alice"],
        "valid": [datetime.date(2026, 1, 1), datetime.date(2027, 1, 1)],
        "lookback": day(FIRST - 365),
        "period": [day(FIRST), day(LAST)],
        "rows": {},
        "tables": [{"name": "person", "columns": []}],
    }
)


@pytest.mark.parametrize("begins", [FIRST, FIRST + 10])
def test_a_landmark_that_nobody_can_reach_is_refused(begins: int) -> None:
    """Who enters on the first possible day must be able to reach it; one day less is a cohort."""
    own = {"period": [day(begins), day(LAST)]}

    def check(landmark: int) -> None:
        study = study_of({"x": {"entry": ENTRY, "landmark_days": landmark, **own}})
        check_study(study, PERMIT, {}, required={})

    check(LAST - begins)
    with pytest.raises(Refused, match="landmark-after-data") as caught:
        check(LAST - begins + 1)
    assert caught.value.facts["what"] == "cohorts.x.landmark_days"
