# SPDX-License-Identifier: Apache-2.0
"""A drug that acts only after a latency: the truth from its end on, against a trial drawn day by day and against numbers by hand."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from rempart.adapters import package_data
from rempart.synthetic.outcomes import Baseline, Courses, baseline_of, effect_of, first_events
from rempart.synthetic.potential import marginal_truth
from rempart.synthetic.studies import rules_of
from rempart.synthetic.studies_cohort import draw_groups
from tests.spec.planted_people import YEAR, tables

STUDY, LATENCY, DAYS, SIZE = "benfluorex_valve", 90, 730, 400_000


def contrasts(mode: str = "boost") -> dict[str, Any]:
    given = tables()
    kept = package_data.toml("synthetic/marginal.toml")
    return marginal_truth(given, kept, rules_of(given, STUDY, mode))["contrasts"]


@dataclass(frozen=True)
class Drawn:
    """A randomised trial: who got the drug; the days of the outcome and of death after the start."""

    target: Any
    event: Any
    death: Any

    def seen(self, lag: int) -> tuple[Any, Any, Any]:
        """Arm, last day and whether it is that of the outcome, of who is at risk on the evening of day ``lag``."""
        there = (self.event > lag) & (self.death > lag)
        last = np.minimum(np.minimum(self.event, self.death), DAYS)
        return self.target[there], last[there], (self.event == last)[there]


def trial(seed: int) -> Drawn:
    """Heads or tails between the two drugs in the starters of both; outcomes by thinning, deaths by inversion."""
    given, draw = tables(), np.random.default_rng(seed)
    table, dying = given["studies"][STUDY], given["death"]
    rules = rules_of(given, STUDY, "boost")
    mine = [group for group in table["groups"]["boost"] if group["timing"] == "new"]
    who = draw_groups(replace(rules, table={**table, "groups": {"boost": mine}}), SIZE, draw)
    base = baseline_of(table["baseline"], table["boost"])
    death = Baseline(level=dying["level"], slope=dying["slope"], men=dying["men"])
    delay = draw.uniform(*given["potential"]["delay"], SIZE)
    spent = sum(law.rate(who.age, who.sex) * np.expm1(law.slope * delay) / law.slope for law in (base, death))
    there = draw.random(SIZE) < np.exp(-spent)
    age, sex = (who.age + delay)[there], who.sex[there]
    size, target = len(age), draw.random(len(age)) < 0.5
    years = np.log1p(draw.exponential(size=size) * death.slope / death.rate(age, sex)) / death.slope
    dead = (years * YEAR).astype(np.int64) + 1
    courses = Courses(
        start=np.zeros(size, dtype=np.int64), step=np.full(size, 30), refills=np.full(size, 50), dose=np.ones(size),
        effect=np.where(target, 0, -1),
    )  # fmt: skip
    effects = [effect_of(table["effects"]["benfluorex"])]
    born = (-age * YEAR).astype(np.int64)
    event = first_events(base, (born, sex), (courses, effects), (1, np.minimum(dead, DAYS + 1)), draw)
    return Drawn(target=target, event=event, death=dead)


def hazard_ratio(target: Any, last: Any, ill: Any) -> tuple[float, float]:
    """Cox's estimate for two arms, and its error: the score by days, ties after Breslow."""
    ends = [np.bincount(last[target == arm], minlength=DAYS + 1) for arm in (True, False)]
    one, other = (each.sum() - np.cumsum(each)[:-1] for each in ends)
    counts = np.bincount(last[ill], minlength=DAYS + 1)[1:]

    def share(beta: float) -> Any:
        return one * np.exp(beta) / (one * np.exp(beta) + other)

    beta = brentq(lambda at: float((ill & target).sum() - (counts * share(at)).sum()), -1.0, 3.0)
    return float(beta), float((counts * share(beta) * (1 - share(beta))).sum() ** -0.5)


def test_a_randomised_trial_drawn_day_by_day_finds_the_truth_of_its_own_window_and_not_that_of_the_other() -> None:
    truths, drawn, found = contrasts(), trial(5), {}
    for lag, name in ((0, "initiation_2_years"), (LATENCY, f"initiation_2_years_from_day_{LATENCY}")):
        told = {word: number["value"] for word, number in truths[name].items()}
        target, last, ill = drawn.seen(lag)
        for word, arm in (("risk_target", target), ("risk_comparator", ~target)):
            risk = ill[arm].mean()
            assert risk == pytest.approx(told[word], abs=4 * float(np.sqrt(risk / arm.sum()))), (name, word)
        beta, error = hazard_ratio(target, last, ill)
        assert beta == pytest.approx(np.log(told["hazard_ratio"]), abs=3 * error), name
        found[name] = beta, error, np.log(told["hazard_ratio"])
    (early, error, truth), (late, _, own) = found.values()
    assert late - truth > 3 * error and own - early > 3 * error


def test_the_latency_lowers_the_ratio_to_the_share_of_days_that_act_and_collapsing_does_the_rest() -> None:
    value = {name: {word: told["value"] for word, told in of.items()} for name, of in contrasts().items()}
    whole, later = value["initiation_2_years"], value[f"initiation_2_years_from_day_{LATENCY}"]
    days = 2 * YEAR
    # Two years grow old a little, so that the later days weigh more: 2.841 if they all weighed alike.
    assert whole["mean_conditional_ratio"] == pytest.approx((LATENCY + (days - LATENCY) * 3.1) / days, abs=0.01)
    assert later["mean_conditional_ratio"] == pytest.approx(3.1, rel=1e-7)
    assert 3.08 < later["hazard_ratio"] < 3.09 and 2.83 < whole["hazard_ratio"] < whole["mean_conditional_ratio"]
    # At true rates, a fortieth as many outcomes, nothing of the ratio is lost in collapsing.
    rare = contrasts("cohort")[f"initiation_2_years_from_day_{LATENCY}"]["hazard_ratio"]["value"]
    assert rare == pytest.approx(3.1, abs=0.001)


def test_the_two_windows_of_one_horizon_differ_by_the_outcomes_of_the_latency_alone() -> None:
    """Both worlds are one until the latency ends: what the arms differ by is what they differ by later, times the share still at risk."""
    value = {name: of["risk_difference"]["value"] for name, of in contrasts().items() if "risk_difference" in of}
    shares = [
        value[f"initiation_{years}_years"] / value[f"initiation_{years}_years_from_day_{LATENCY}"]
        for years in (1, 2, 3)
    ]
    assert 0.99 < shares[0] < 0.999
    assert shares == pytest.approx([shares[0]] * 3, rel=1e-6)


@pytest.mark.parametrize(
    "study", ["pioglitazone_bladder", "cyproterone_meningioma", "doac_vka", "progestogen_meningioma"]
)
def test_a_drug_that_acts_at_once_has_one_window_a_horizon(study: str) -> None:
    given = tables()
    truth = marginal_truth(given, package_data.toml("synthetic/marginal.toml"), rules_of(given, study, "boost"))
    assert not [name for name in truth["contrasts"] if "from_day" in name]
