# SPDX-License-Identifier: Apache-2.0
"""Comparisons of two cohorts: the engine's counts are those of a reader by hand, and the ratio is that of the persons themselves."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.records.study import Study, study_from_dict
from rempart.study.estimators.cox_rows import CoxRows, fit_rows
from tests.described_people import LAST, people, study, tables
from tests.designed_people import rows_of, told_of, value
from tests.naive_comparison import naive_rows

INPUTS = {"target": "people", "comparator": "others", "outcome": "illness"}


def comparing(*types: str, lag: int = 0, follow_up: int | None = None, **more: Any) -> Study:
    """A study that compares the two cohorts of described_people in these ways."""
    body = study({"id": "x", "type": "attrition", "inputs": {"cohort": "people"}}).as_dict()
    body["protocol"] |= {"lag_days": lag, **({"follow_up_days": follow_up} if follow_up else {})}
    body["analyses"] = [
        {"id": kind, "type": kind, "design": "cohort-comparison", "inputs": INPUTS, **more} for kind in types
    ]
    return study_from_dict(body)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), lag=st.sampled_from([0, 30]), follow_up=st.sampled_from([None, 200]))
def test_the_counts_are_those_of_a_reader_by_hand(seed: int, lag: int, follow_up: int | None) -> None:
    persons = people(seed, 60)
    subject = comparing("cox", lag=lag, follow_up=follow_up)
    shards = [tables(persons[part::3]) for part in range(3)]
    found = told_of(subject, shards, cut=LAST).patterns("rows", 6)
    columns = [column.tolist() for column in found.columns]
    seen = Counter(
        {
            (arm, int(entry), int(exit_), int(status), age, sex): int(n)
            for arm, entry, exit_, status, age, sex, n in zip(*columns, found.n.tolist(), strict=True)
        }
    )
    assert seen == naive_rows(persons, LAST, lag=lag, follow_up=follow_up)


def test_the_ratio_is_that_of_the_persons_themselves() -> None:
    persons = people(7, 400)
    rows = rows_of(comparing("cox", "incidence_rate"), [tables(persons[part::2]) for part in range(2)], cut=LAST)
    expanded = [row for row, n in naive_rows(persons, LAST, lag=0, follow_up=None).items() for _ in range(n)]
    arm, _, exit_, status, _, _ = (np.array(column) for column in zip(*expanded, strict=True))
    fit = fit_rows(
        CoxRows(
            x=(arm == "target").astype(np.float64)[:, None],
            terms=("target",),
            exit_=exit_.astype(np.int64),
            event=status.astype(np.int64) == 1,
        )
    )
    assert value(rows, "hazard_ratio", model="crude") == pytest.approx(float(np.exp(fit.beta[0])), rel=1e-9)
    assert value(rows, "upper", model="crude") == pytest.approx(fit.interval(0)[1], rel=1e-6)
    assert value(rows, "events", output="incidence", arm="all") == sum(int(one) == 1 for one in status.tolist())
