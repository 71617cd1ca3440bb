# SPDX-License-Identifier: Apache-2.0
"""The marginal truths of recovery against the planted law itself, integrated day by day over persons: no outcome is drawn."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from recovery import truths
from recovery.persons import Asked, Scene, scene, tables, year_starts
from rempart.synthetic.outcomes import YEAR, Baseline, baseline_of

KEPT: dict[str, Any] = tomllib.loads(truths.FILE.read_text(encoding="utf-8"))
Floats = np.ndarray


@dataclass(frozen=True)
class Lived:
    """Of persons and days (days, n): chance to be at risk in the morning, and to have the first event."""

    at_risk: Floats
    events: Floats

    def risk(self, who: Floats) -> Floats:
        return self.events[:, who].sum(axis=0)


def lived(drawn: Scene, inside: Floats, days: int, ratio: float) -> Lived:
    """A year's mortality is constant, the hazard of the event the baseline of the age times ``ratio``; who dies on a day has no event."""
    study = tables()["studies"][drawn.facts.study]
    base: Baseline = baseline_of(study["baseline"], study["boost"])
    person, start = drawn.facts.person[inside], drawn.facts.start[inside]
    born, sex, years = drawn.block.born[person], drawn.block.sex[person], year_starts(drawn.days)
    free, alive, rows = np.ones(len(person)), np.ones(len(person)), ([], [])
    for day in (start + after for after in range(1, days + 1)):
        hazard = base.rate((day - born) / YEAR, sex) / YEAR * ratio
        alive *= np.exp(-drawn.block.mortality[person, np.searchsorted(years, day, side="right") - 1] / YEAR)
        rows[0].append(free * alive)
        rows[1].append(free * alive * -np.expm1(-hazard))
        free *= np.exp(-hazard)
    return Lived(at_risk=np.stack(rows[0]), events=np.stack(rows[1]))


def log_hazard_ratio(one: Lived, other: Lived, who: Floats) -> float:
    """Where the score of Cox's likelihood is 0 when every count is as expected."""
    risks, events = (
        [each[:, who].sum(axis=1) for each in pair]
        for pair in ((one.at_risk, other.at_risk), (one.events, other.events))
    )

    def score(beta: float) -> float:
        share = risks[0] * np.exp(beta) / (risks[0] * np.exp(beta) + risks[1])
        return float((events[0] - (events[0] + events[1]) * share).sum())

    return float(brentq(score, -3.0, 3.0))


def near(of: str, name: str, found: float, error: float) -> None:
    """Within four errors of both."""
    kept = KEPT[of][name]
    assert found == pytest.approx(kept["value"], abs=4 * float(np.hypot(kept["error"], error))), (of, name)


def error_of(values: Floats) -> float:
    return float(values.std() / np.sqrt(len(values)))


def aged(asked: Asked, last: str, ages: tuple[int, int] | None = None) -> tuple[Scene, Floats]:
    drawn = scene(asked, 31)
    inside = truths.started(drawn, last) & np.isin(drawn.facts.arm, [1, 2])
    if ages is not None:
        inside &= (truths.ages(drawn) >= ages[0]) & (truths.ages(drawn) <= ages[1])
    return drawn, inside


def test_contrasts_of_everybody_and_of_the_treated_are_those_of_the_law() -> None:
    drawn, inside = aged(replace(truths.SCORES, size=30_000), truths.SCORES_LAST, truths.SCORES_AGES)
    effect = truths.SCORES.effect or 1.0
    one, other = (lived(drawn, inside, truths.SCORES_DAYS, ratio) for ratio in (effect, 1.0))
    treated = drawn.facts.arm[inside] == 1
    for of, who in (("everybody", np.ones_like(treated)), ("treated", treated)):
        with_it, without = one.risk(who), other.risk(who)
        near(of, "risk_difference", float((with_it - without).mean()), error_of(with_it - without))
        error = float(np.hypot(error_of(with_it) / with_it.mean(), error_of(without) / without.mean()))
        near(of, "log_risk_ratio", float(np.log(with_it.mean() / without.mean())), error)
        near(of, "log_hazard_ratio", log_hazard_ratio(one, other, who), error)


def test_shares_with_a_bleeding_are_those_of_the_law() -> None:
    drawn, inside = aged(replace(truths.RISK, size=20_000), truths.RISK_LAST)
    told = lived(drawn, inside, truths.RISK_DAYS, 1.0)
    for place, arm in ((1, "target"), (2, "comparator")):
        risk = told.risk(drawn.facts.arm[inside] == place)
        near("anticoagulants", f"risk_{arm}", float(risk.mean()), error_of(risk))


def asked(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(truths.FILE).parent / "studies" / f"{name}.toml").read_text(encoding="utf-8"))


def test_truths_and_studies_count_the_same_days_of_the_same_persons() -> None:
    """No lag and no latency; a share begins with the first dispensing, a trial on the last day of its interval of starting."""
    assert truths.SCORES.effect is not None  # in place of the planted one: from the day after the first dispensing
    assert not any(effect["latency_days"] for effect in tables()["studies"]["doac_vka"]["effects"].values())
    assert "lag_days" not in asked("doac_risk")["protocol"]
    for name, days in (("pioglitazone_scores", 730), ("pioglitazone_matched", 730), ("pioglitazone_trial", None)):
        study = asked(name)
        protocol, (cohort,) = study["protocol"], study["cohorts"].values()
        assert "lag_days" not in protocol, name
        assert (str(protocol["period"][1]), protocol.get("follow_up_days")) == (truths.SCORES_LAST, days), name
        assert tuple(cohort["age"]) == truths.SCORES_AGES, name
    told = study["analyses"][0]["parameters"]
    assert (truths.SCORES_DAYS, told["every_days"], told["trials"]) == (730, truths.TRIAL_WINDOW, 1)
    assert told["every_days"] * told["intervals"] == truths.TRIAL_DAYS
