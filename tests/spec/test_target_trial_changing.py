# SPDX-License-Identifier: Apache-2.0
"""A covariate that changes after time zero, drives who stays and who falls ill, and is changed by the drug: weights need it, a model of
baseline cannot have it (Robins, Hernán & Brumback 2000)."""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rempart.errors import BadInput
from rempart.records.study import Study, study_from_dict
from rempart.study.target_trials import COLUMNS, clone_rows, grid, histories, trial_rows
from rempart.study.trial_columns import Terms
from rempart.study.trial_weights import staying
from tests.described_people import study, tables
from tests.designed_people import rows_of, told_of, value
from tests.naive_trials import naive_weights
from tests.properties.test_target_trials import followed
from tests.ulcer_people import END, LENGTH, Lived, truths, ulcer_people, ulcers

INTERVALS = 8
CRITERION = {"domain": "condition", "codes": "ulcer", "days": [0, 0]}


def trial(*changing: str, cloning: bool = False, **asked: Any) -> Study:
    """Per-protocol trials of who starts alpha, given the ulcer on the first day of a trial; ``changing``: and of each interval."""
    body = study({"id": "x", "type": "attrition", "inputs": {"cohort": "people"}}).as_dict()
    body["codes"]["ulcer"] = {"system": "CIM10", "include": ["K25"]}
    body["covariates"] = {"ulcer": {"type": "history", **CRITERION}, "sex": {"type": "sex"}}
    inputs: dict[str, Any] = {"cohort": "people", "exposure": "alpha", "outcome": "illness", "covariates": ["ulcer"]}
    if changing:
        inputs["changing"] = list(changing)
    parameters = {"every_days": LENGTH, "trials": 1, "intervals": INTERVALS, "effect": "per-protocol", **asked}
    body["analyses"] = [
        {"id": "risk", "type": "risk", "design": "target-trial", "inputs": inputs, "parameters": parameters}
    ]
    return study_from_dict(body)


@cache
def lives() -> list[Lived]:
    """Six thousand persons."""
    return ulcer_people(6_000, seed=5)


def given(them: list[Lived]) -> dict[str, pa.Table]:
    """Their tables."""
    made = tables(life.person for life in them)
    made["condition_occurrence"] = pa.concat_tables([made["condition_occurrence"], ulcers(them)])
    return made


@cache
def found(*changing: str) -> dict[str, float]:
    """Risks and their ratio."""
    rows = rows_of(trial(*changing), [given(lives()[part::2]) for part in range(2)], cut=END)
    arms = {arm: value(rows, "risk", output="risk", arm=arm) for arm in ("started", "not started")}
    ratio = {name: value(rows, name, measure="ratio") for name in ("risk_ratio", "lower", "upper")}
    return {name: float(one or np.nan) for name, one in {**arms, **ratio}.items()}


def test_weights_by_what_changes_find_the_risks_of_both_strategies() -> None:
    started, never = truths(lives(), INTERVALS)
    told = found("ulcer")
    assert told["started"] == pytest.approx(started, abs=0.02)
    assert told["not started"] == pytest.approx(never, abs=0.02)
    assert told["lower"] < started / never < told["upper"]


def test_weights_by_the_first_day_alone_are_visibly_wrong() -> None:
    started, never = truths(lives(), INTERVALS)
    told = found()
    assert told["lower"] > started / never
    assert told["risk_ratio"] > 1.15 * started / never


@pytest.mark.parametrize("cloning", [False, True], ids=["sequence", "clones"])
def test_they_are_those_of_a_reader_by_hand(cloning: bool) -> None:
    told = told_of(trial("ulcer", trials=3), [given(lives()[:400])], cut=END)
    histories_ = histories(told.patterns("histories", COLUMNS), 1)
    rows = (
        clone_rows(histories_, horizon=INTERVALS, grace=3)
        if cloning
        else trial_rows(histories_, horizon=INTERVALS, per_protocol=True)
    )
    cells = grid(histories_, rows, (0,), int(rows.exit_.max()))
    counted = histories_.n.astype(np.float64)
    weight = staying(histories_, cells, counted, Terms(covariates=(0,), each=False, varying=False))
    follows, places = followed(histories_, rows)
    for at, by_hand in zip(places, naive_weights(follows, cells.months), strict=True):
        assert weight[cells.path[at], : rows.exit_[at]] == pytest.approx(by_hand, rel=1e-6)


def test_what_is_told_of_each_interval_is_what_was_lived() -> None:
    """Of the ulcer on each first day, as long as somebody is in a trial."""
    some = lives()[:300]
    told = told_of(trial("ulcer", trials=3), [given(some)], cut=END)
    read = histories(told.patterns("histories", COLUMNS), 1)
    lived = {"".join("ny"[there] for there in life.ulcer) for life in some}
    rows = trial_rows(read, horizon=INTERVALS, per_protocol=True)
    for of, zero, exit_ in zip(rows.of.tolist(), rows.zero.tolist(), rows.exit_.tolist(), strict=True):
        inside = range(zero + 1, zero + exit_ + 1 if not read.d[of] >= 0 else min(zero + exit_, int(read.d[of])) + 1)
        seen = "".join(read.changed[read.changes[of, month]][0][0] for month in inside)
        assert any(one[zero + 1 :].startswith(seen) for one in lived)
    assert {levels for (levels,) in read.changed} == {"yes", "no"}


def test_what_is_not_weighted_needs_no_changing_covariate() -> None:
    with pytest.raises(BadInput, match="study-field"):
        trial("ulcer", effect="intention-to-treat")
    with pytest.raises(BadInput, match="study-field"):
        trial("sex")
