# SPDX-License-Identifier: Apache-2.0
"""Case series in which the event shortens the observation: the models of the end, the weights of days, and what they put right."""

import math
from typing import Any

import numpy as np
import pytest

from rempart.errors import BadInput
from rempart.study.estimators.sccs import case_series
from rempart.study.estimators.sccs_design import Cases, Exposure, Window
from rempart.study.estimators.sccs_ends import KINDS, EndModel, Ends, age_on, end_model, ends_of, log_chance, sizes

PARAMETERS = np.array([math.log(0.1), math.log(30.0), 0.1, 0.3, 0.2, 0.4, -0.2])
YEAR = 365.25


def chance(kind: str, event: float, end: Any, early: bool) -> Any:
    end = np.atleast_1d(np.asarray(end, dtype=float))
    ends = Ends(start=np.full(len(end), 45.0), end=end, early=np.full(len(end), early))
    return np.exp(log_chance(kind, PARAMETERS, ends, np.full(len(end), event)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_is_a_distribution_and_lasting_is_what_is_left_of_it(kind: str) -> None:
    edge = 50 + np.r_[0, np.geomspace(1e-9, 400, 40_001)]
    middle, width = (edge[1:] + edge[:-1]) / 2, np.diff(edge)
    mass = chance(kind, 50, middle, True) * width
    assert mass.sum() == pytest.approx(1, abs=2e-3)
    for until in (50.05, 51, 60, 90):
        assert chance(kind, 50, until, False)[0] == pytest.approx(mass[middle > until].sum(), abs=2e-3)


def test_the_weibull_of_the_age_is_the_formula_written_out() -> None:
    rho, mean = 0.1, 30.0 * (45 / 50) ** 0.1
    toll, shape = 1 / (1 + math.exp(-(0.3 + 0.2 * (52 - 50) / 10))), math.exp(0.4 - 0.2 * math.log(45 / 50))
    quick = math.exp(-1 / rho) / rho
    usual = shape / mean * (53 / mean) ** (shape - 1) * math.exp((52 / mean) ** shape - (53 / mean) ** shape)
    assert chance("weibull-age", 52, 53, True)[0] == pytest.approx(toll * quick + (1 - toll) * usual)


@pytest.mark.parametrize("kind", KINDS)
def test_an_interval_weighs_the_sum_of_its_days(kind: str) -> None:
    birth, first, last = np.array([0, -200]), np.array([18_000, 18_050]), np.array([18_039, 18_059])
    ends = ends_of(birth, first, last, np.array([True, False]))
    model = EndModel(kind=kind, parameters=PARAMETERS, akaike=0.0)
    begin, length, start = np.array([18_000, 18_010, 18_050, 18_053]), np.array([10, 30, 3, 7]), np.array([0, 2, 4])
    found = sizes(model, ends, birth, begin, length, start)
    for case in range(2):
        each = []
        for row in (2 * case, 2 * case + 1):
            days = range(begin[row], begin[row] + length[row])
            own = Ends(start=ends.start[[case]], end=ends.end[[case]], early=ends.early[[case]])
            each.append(
                [math.exp(log_chance(kind, PARAMETERS, own, np.array([(d - birth[case]) / YEAR]))[0]) for d in days]
            )
        top = max(max(each[0]), max(each[1]))
        assert found[2 * case : 2 * case + 2] == pytest.approx([sum(days) / top for days in each])


def deadly(n: int, *, toll: float, seed: int = 20) -> tuple[Cases, Any, list[Exposure]]:
    """Cases over two years, exposed for 60 days with a true ratio of 3; of nine in ten the event is the death, after ``toll`` days."""
    chance_ = np.random.default_rng(seed)
    start, day = chance_.integers(0, 730, n), np.arange(730)
    weight = np.cumsum(np.where((day >= start[:, None]) & (day < start[:, None] + 60), 3.0, 1.0), axis=1)
    kept = chance_.random(n) < weight[:, -1] / weight[:, -1].max()
    event = (weight < (chance_.random(n) * weight[:, -1])[:, None]).sum(axis=1)
    usual = chance_.exponential(8 * YEAR, n).astype(int)
    death = np.where(chance_.random(n) < 0.9, event + chance_.exponential(toll, n).astype(int), 10**6)
    kept &= usual >= event
    death = np.minimum(usual, death)[kept]
    person = np.arange(len(death))
    last = np.minimum(729, death)
    seen = start[kept] <= last
    exposure = Exposure(
        name="drug",
        person=person[seen],
        start=start[kept][seen],
        stop=start[kept][seen],
        windows=(Window(name="risk", begin=0, end=59),),
    )
    birth = -chance_.integers(60 * 365, 75 * 365, len(death))
    cases = Cases(first=np.zeros_like(last), last=last, birth=birth, early=death < 729)
    return cases, (person, event[kept]), [exposure]


def test_the_model_of_the_ends_finds_the_toll_of_the_event() -> None:
    cases, (person, day), _ = deadly(900, toll=15)
    assert cases.birth is not None and cases.early is not None
    ends = ends_of(cases.birth, cases.first, cases.last, cases.early)
    model = end_model(ends, age_on(day, cases.birth)[person], ["weibull-interval"])
    assert np.exp(model.parameters[0]) * YEAR == pytest.approx(15, rel=0.2)
    toll = 1 / (1 + np.exp(-model.parameters[3] - model.parameters[4] * (67.5 - 50) / 10))
    assert toll == pytest.approx(0.9, abs=0.05)


def test_weighing_the_days_takes_the_bias_of_deaths_away() -> None:
    cases, (person, day), exposures = deadly(900, toll=15, seed=2)
    plain = case_series(cases, person, day, exposures, events="first").fit()
    series = case_series(cases, person, day, exposures, events="first", ends="event-dependent")
    weighed = series.fit()
    assert series.ends in KINDS
    assert abs(weighed.beta[0] - math.log(3)) < 2 * weighed.error[0]
    assert plain.beta[0] - weighed.beta[0] > 0.05


@pytest.mark.parametrize("missing", ["birth", "early", "first"])
def test_what_the_model_of_the_ends_needs_is_said(missing: str) -> None:
    given = {"birth": np.array([-9000]), "early": np.array([True])}
    given.pop(missing, None)
    cases = Cases(first=np.array([0]), last=np.array([99]), **given)
    events = "all" if missing == "first" else "first"
    with pytest.raises(BadInput, match="sccs-ends-need"):
        case_series(cases, np.array([0]), np.array([5]), [], events=events, ends="event-dependent")


def test_ends_that_no_model_fits_are_refused() -> None:
    ends = Ends(start=np.array([45.0]), end=np.array([np.nan]), early=np.array([True]))
    with pytest.raises(BadInput, match="sccs-ends-model"):
        end_model(ends, np.array([50.0]))
