# SPDX-License-Identifier: Apache-2.0
"""A covariate that changes after time zero, drives who stays and who falls ill, and is changed by the drug: weights need it, a model of
baseline cannot have it (Robins, Hernán & Brumback 2000)."""

import math
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.study import Study, study_from_dict
from rempart.study.target_trials import COLUMNS, Histories, clone_rows, grid, histories, trial_rows
from rempart.study.trial_columns import Terms
from rempart.study.trial_models import outcome_model, standardised
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


STARTS = {0: (0.1, 0.1, 0.1), 1: (0.1, 0.8, 0.8)}  # in the intervals of the grace, of who is not frail and of who is
FALLS_ILL, FOLLOWED = {0: 0.02, 1: 0.08}, 9


def cloned_law(*, changing: bool) -> tuple[Histories, NDArray[np.float64]]:
    """Every history of a law and how often it is: half are frail, which a sign shows from interval 1 on; the sign makes start, the
    drug takes it away, and does nothing else. Nobody dies, nobody is lost."""
    often: dict[tuple[int, ...], float] = {}
    for frail, start, ill in product((0, 1), (-1, 0, 1, 2), (-1, *range(FOLLOWED))):
        chances, hazard = STARTS[frail], FALLS_ILL[frail]
        begins = math.prod(1 - chance for chance in (chances if start < 0 else chances[:start]))
        begins *= 1.0 if start < 0 else chances[start]
        falls = (1 - hazard) ** FOLLOWED if ill < 0 else (1 - hazard) ** ill * hazard
        begun = -1 if 0 <= ill < start else start
        sign = [int(frail and at > 0 and not 0 <= begun < at) for at in range(FOLLOWED)]
        key = (ill, begun, *sign)
        often[key] = often.get(key, 0.0) + 0.5 * begins * falls
    rows, size = np.array(list(often)), len(often)
    none, zero = np.full(size, -1), np.zeros(size, dtype=np.int64)
    told = Histories(
        n=np.ones(size, dtype=np.int64),
        w=np.full(size, FOLLOWED + 1),
        e=rows[:, 0],
        i=rows[:, 1],
        s=none,
        d=none,
        lost=np.zeros(size, dtype=bool),
        of=np.arange(size),
        first=zero,
        last=zero,
        levels=(),
        changes=rows[:, 2:] if changing else np.zeros((size, 0), dtype=np.int64),
        changed=(("no",), ("yes",)) if changing else (),
        keys=np.arange(size).astype(np.str_),
    )
    return told, np.array(list(often.values())) * 100_000


def test_clones_of_a_drug_that_takes_the_sign_away_have_the_risk_of_everybody() -> None:
    """Who has started cannot leave at the end of the grace, and with the sign gone looks like those who never had it: as if he could, the
    risk of who starts was 0.41."""
    told, person = cloned_law(changing=True)
    cells = grid(told, clone_rows(told, horizon=FOLLOWED, grace=3), (), FOLLOWED)
    terms = Terms(covariates=(), each=True, varying=True)
    model = outcome_model(told, cells, person, staying(told, cells, person, terms), terms)
    found = standardised(model, told, cells, person)
    truth = sum(0.5 * (1 - (1 - hazard) ** FOLLOWED) for hazard in FALLS_ILL.values())
    assert truth == pytest.approx(0.347, abs=0.0005)
    assert [found.treated, found.comparator] == pytest.approx([truth, truth], abs=1e-6)


def test_weights_of_clones_by_hand() -> None:
    """Of twenty with the sign two start in the last interval of the grace, of ten without it five do: 20 / 2 and 10 / 5 stand for all of
    them. Thirty who had started before, twenty with the sign gone, stand for themselves. Of sixty 23 leave: times 37 / 60, for all."""
    often = {(1, 0, 0): 10, (0, 1, 0): 20, (2, 1, 1): 2, (-1, 1, 1): 18, (2, 0, 0): 5, (-1, 0, 0): 5}
    starts, size = np.array([key[0] for key in often]), len(often)
    told, _ = cloned_law(changing=True)
    zero, none = np.zeros(size, dtype=np.int64), np.full(size, -1)
    sign = np.array([[0, before, after, 0] for _, before, after in often])
    changes = {"n": np.array(list(often.values())), "w": np.full(size, 5), "e": none, "i": starts, "s": none, "d": none}
    told = replace(told, **changes, lost=zero == 1, of=np.arange(size), first=zero, last=zero, changes=sign)
    rows = clone_rows(told, horizon=4, grace=3)
    cells = grid(told, rows, (), 4)
    weight = staying(told, cells, told.n.astype(np.float64), Terms(covariates=(), each=True, varying=False))
    last = {int(of): weight[path, 3] for of, arm, path in zip(rows.of, rows.arm, cells.path, strict=True) if arm}
    kept = 37 / 60
    assert [last[at] for at in (0, 1, 2, 4)] == pytest.approx([kept, kept, kept * 20 / 2, kept * 10 / 5])


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
