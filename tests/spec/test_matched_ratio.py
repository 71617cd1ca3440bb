# SPDX-License-Identifier: Apache-2.0
"""The hazard ratio of matched sets: pairs by hand, sets by brute force, robust errors by their definition, and who may ask for what."""

import math
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import minimize_scalar

from rempart.errors import BadInput
from rempart.records.study import Study, study_from_dict
from rempart.study.estimators.cox_rows import CoxRows, fit_rows
from tests.described_people import DAY, FIRST, LAST, Person, study, tables
from tests.designed_people import rows_of, value

INPUTS = {"target": "others_drawn_cases", "comparator": "others_drawn", "outcome": "illness", "covariates": []}


def comparing(sets: str, kind: str = "cox", *, replace: bool = False, **inputs: Any) -> Study:
    """A study that compares the two sides of a matching."""
    body = study({"id": "x", "type": "attrition", "inputs": {"cohort": "people"}}).as_dict()
    match = {"to": "people", "from": "others", "kind": "risk-set", "ratio": 2, "on": ["sex"], "replace": replace}
    body["cohorts"]["others_drawn"] = {"match": match}
    given = {key: item for key, item in (INPUTS | inputs).items() if kind == "cox" or key != "covariates"}
    asked = {"sets": sets} if sets else {}
    body["analyses"] = [
        {"id": "main", "type": kind, "design": "cohort-comparison", "inputs": given, "parameters": asked}
    ]
    return study_from_dict(body)


Row = tuple[int, int, str, int, bool]  # person, set, arm, days followed, ill


def drawn(seed: int, sets: int, *, ratio: int = 1, again: float = 0.0) -> list[Row]:
    """Rows of matched sets; with ``again`` a control may be one of another set too."""
    draw, rows, person = random.Random(seed), [], 0
    for number in range(sets):
        for place in range(1 + ratio):
            person += 1
            days = 1 + int(draw.expovariate((2.0 if place == 0 else 1.0) / 200))
            rows.append((person, number, "target" if place == 0 else "comparator", min(days, 300), days <= 300))
            if place and draw.random() < again and number:
                rows.append((person, number - 1, "comparator", min(days, 300), days <= 300))
    return rows


def shards(rows: list[Row]) -> list[dict[str, pa.Table]]:
    """Tables of persons that have these rows, in two shards: sets have members in both."""
    people = {}
    for person, _, _, days, ill in rows:
        people[person] = Person(number=person, born=1950, sex=8532, observed=(FIRST, LAST))
        people[person].events = [FIRST + days * DAY] if ill else []
    found = []
    for part in (0, 1):
        given = tables([p for p in people.values() if p.number % 2 == part])
        for name, arm in (("cohort_others_drawn_cases", "target"), ("cohort_others_drawn", "comparator")):
            mine = [row for row in rows if row[2] == arm and row[0] % 2 == part]
            given[name] = pa.table(
                {
                    "person_id": pa.array([row[0] for row in mine], pa.int64()),
                    "start_date": pa.array([FIRST for _ in mine], pa.date32()),
                    "end_date": pa.array([FIRST + 300 * DAY for _ in mine], pa.date32()),
                    "match_set": pa.array([row[1] for row in mine], pa.int64()),
                }
            )
        found.append(given)
    return found


def told(rows: list[Row], sets: str, *, replace: bool = False) -> tuple[float, float]:
    """Log ratio and its error as published."""
    found = rows_of(comparing(sets, replace=replace), shards(rows), cut=LAST)
    low, high = (value(found, name, model="crude") for name in ("lower", "upper"))
    return math.log(value(found, "hazard_ratio", model="crude") or 0), math.log(
        (high or 0) / (low or 1)
    ) / 2 / 1.959963984540054


def test_pairs_by_hand() -> None:
    """Of a pair only the first event tells, while both are followed: the ratio is of those pairs."""
    first, rows = {"target": 0, "comparator": 0}, []
    every = drawn(3, 120)
    for one, other in zip(every[::2], every[1::2], strict=True):
        if one[3] == other[3] and one[4] and other[4]:
            continue  # both ill on one day: no order to tell
        rows += [one, other]
        sooner = min((one, other), key=lambda row: (row[3], not row[4]))
        first[sooner[2]] += sooner[4]
    beta, error = told(rows, "strata")
    assert beta == pytest.approx(math.log(first["target"] / first["comparator"]), rel=1e-6)
    assert error == pytest.approx(math.sqrt(1 / first["target"] + 1 / first["comparator"]), rel=1e-5)


def test_sets_by_brute_force() -> None:
    rows = drawn(5, 60, ratio=2)

    def likelihood(beta: float) -> float:
        total = 0.0
        for number in {row[1] for row in rows}:
            mine = [row for row in rows if row[1] == number]
            for day in sorted({row[3] for row in mine if row[4]}):
                ill = [row for row in mine if row[3] == day and row[4]]
                risk = sum(math.exp(beta * (row[2] == "target")) for row in mine if row[3] >= day)
                own = sum(math.exp(beta * (row[2] == "target")) for row in ill)
                for tied, row in enumerate(ill):
                    total += beta * (row[2] == "target") - math.log(risk - own * tied / len(ill))
        return -total

    assert told(rows, "strata")[0] == pytest.approx(minimize_scalar(likelihood, bracket=(0, 1)).x, abs=1e-6)


def test_errors_robust_to_sets_and_to_persons_who_stand_in_several() -> None:
    rows = drawn(7, 80, ratio=2, again=0.4)
    common: dict[str, Any] = {
        "x": np.array([[float(row[2] == "target")] for row in rows]),
        "terms": ("arm",),
        "exit_": np.array([row[3] for row in rows]),
        "event": np.array([row[4] for row in rows]),
        "clones": True,
    }
    labels = {"set": [row[1] for row in rows], "person": [row[0] for row in rows], "row": list(range(len(rows)))}
    errors = {
        name: fit_rows(CoxRows(**common, person=np.array(by)), robust=True).error[0] for name, by in labels.items()
    }
    both = math.sqrt(errors["set"] ** 2 + errors["person"] ** 2 - errors["row"] ** 2)
    assert told(rows, "robust", replace=True)[1] == pytest.approx(both, rel=1e-6)
    within = {
        name: fit_rows(
            CoxRows(**common, strata=np.array(labels["set"]), person=np.array(by)), robust=True, idle_strata="keep"
        )
        for name, by in labels.items()
    }
    squares = {name: fit.error[0] ** 2 for name, fit in within.items()}
    both = math.sqrt(squares["set"] + squares["person"] - squares["row"])
    assert told(rows, "strata", replace=True) == pytest.approx((within["set"].beta[0], both), rel=1e-6)


def test_a_few_persons_in_two_sets_hardly_change_the_error_of_a_stratum_each() -> None:
    """Summed by person alone it fell by a fifth, and intervals covered in 86 of 100."""
    some = drawn(11, 400, ratio=2, again=0.02)
    seen: set[int] = set()
    alone = [row for row in some if not (row[0] in seen or seen.add(row[0]))]  # type: ignore[func-returns-value]
    assert 0 < len(some) - len(alone) < 30
    assert told(some, "strata", replace=True)[1] == pytest.approx(told(alone, "strata")[1], rel=0.04)


def test_persons_are_counted_once_however_many_sets_they_serve_in() -> None:
    rows = drawn(7, 80, ratio=2, again=0.4)
    found = rows_of(comparing("strata", replace=True), shards(rows), cut=LAST)
    assert value(found, "persons", model="crude", arm="comparator") == len(
        {row[0] for row in rows if row[2] == "comparator"}
    )
    ill = {row[0] for row in rows if row[2] == "comparator" and row[4]}
    assert value(found, "events", model="crude", arm="comparator") == len(ill)


@pytest.mark.parametrize(
    ("sets", "more"),
    [
        ("", {}),
        ("strata", {"target": "people", "comparator": "others"}),
        ("", {"kind": "incidence_rate", "replace": True}),
        ("", {"kind": "attrition", "target": "people", "comparator": "people"}),
    ],
    ids=str,
)
def test_what_cannot_be_asked_of_sets(sets: str, more: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="study-field"):
        comparing(sets, **more)
