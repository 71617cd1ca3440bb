# SPDX-License-Identifier: Apache-2.0
"""Curves and their tests from day counts against their definitions written out person by person, on tiny data with many ties."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rempart.errors import BadInput
from rempart.study.estimators.cumulative_incidence import cumulative_incidence
from rempart.study.estimators.curve_tests import gray, log_rank
from rempart.study.estimators.restricted_mean import restricted_mean
from rempart.study.estimators.survival_cells import SurvivalCells, numbers_at_risk
from rempart.study.estimators.survival_curves import kaplan_meier
from rempart.study.survival import aalen_johansen, day_counts
from rempart.study.survival import kaplan_meier as kaplan_meier_by_day

FEW = settings(max_examples=40, deadline=None)
LAST = 9


@dataclass
class Person:
    """A person at risk after ``entry`` to ``exit_``; ``weight`` serves the jackknife."""

    arm: int
    stratum: int
    entry: int
    exit_: int
    status: int
    weight: float = 1.0


@st.composite
def people(draw: st.DrawFn, *, late: bool = True) -> list[Person]:
    """Two or three arms with someone in each, two causes, two strata."""
    arms = draw(st.integers(2, 3))
    found = []
    for place in range(draw(st.integers(arms + 2, 14))):
        entry = draw(st.integers(0, 3)) if late else 0
        exit_ = draw(st.integers(entry + 1, LAST))
        arm = place if place < arms else draw(st.integers(0, arms - 1))
        found.append(Person(arm, draw(st.integers(0, 1)), entry, exit_, draw(st.integers(0, 2))))
    return found


def cells(persons: list[Person], *, strata: bool = False) -> SurvivalCells:
    """One cell a person."""

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([getattr(person, name) for person in persons], dtype=np.int64)

    return SurvivalCells(
        arms=tuple("abc"[: max(person.arm for person in persons) + 1]),
        causes=("outcome", "death"),
        arm=column("arm"),
        exit_=column("exit_"),
        status=column("status"),
        entry=column("entry"),
        stratum=column("stratum") if strata else None,
        n=np.ones(len(persons), dtype=np.int64),
    )


def at_risk(persons: list[Person], day: int) -> float:
    return sum(p.weight for p in persons if p.entry < day <= p.exit_)


def falls(persons: list[Person], day: int, status: int | None = None) -> float:
    """Events of a cause on a day, of any where None."""
    return sum(p.weight for p in persons if p.exit_ == day and (p.status == status if status else p.status > 0))


def surviving(persons: list[Person], day: int, status: int | None = None) -> float:
    value = 1.0
    for d in range(1, day + 1):
        if falls(persons, d, status):
            value *= 1 - falls(persons, d, status) / at_risk(persons, d)
    return value


def incidence(persons: list[Person], day: int, status: int = 1) -> float:
    return sum(
        surviving(persons, d - 1) * falls(persons, d, status) / at_risk(persons, d)
        for d in range(1, day + 1)
        if falls(persons, d, status)
    )


def variance_of_incidence(persons: list[Person], t: int, kind: str) -> float:
    """Each day's part: gradient by the jumps of the two causes, between their covariance."""
    found = 0.0
    for s in range(1, t + 1):
        n, d1, d2 = at_risk(persons, s), falls(persons, s, 1), falls(persons, s, 2)
        if d1 + d2 == 0:
            continue
        before, after = surviving(persons, s - 1), surviving(persons, s)
        later = (incidence(persons, t) - incidence(persons, s)) / after if after > 0 else 0.0
        one, two = before * (1 - later), -before * later
        if kind == "aalen":
            loose = [d * (1 - (d - 1) / (n - 1) if d > 1 else 1) / n**2 for d in (d1, d2)]
            found += one**2 * loose[0] + two**2 * loose[1]
        else:
            found += (one**2 * d1 * (n - d1) + two**2 * d2 * (n - d2) - 2 * one * two * d1 * d2) / n**3
    return found


def jackknife(persons: list[Person], t: int) -> float:
    """The sum of squared slopes of the incidence in each person's weight."""
    found, step = 0.0, 1e-5
    for place, person in enumerate(persons):
        up, down = (
            incidence([*persons[:place], replace(person, weight=1 + e), *persons[place + 1 :]], t)
            for e in (step, -step)
        )
        found += ((up - down) / (2 * step)) ** 2
    return found


@FEW
@given(people())
def test_kaplan_meier_is_the_product_over_days_and_keeps_the_former_results(persons: list[Person]) -> None:
    days = np.arange(1, LAST + 1)
    for cause, status in ((None, None), ("outcome", 1)):
        for place, curve in enumerate(kaplan_meier(cells(persons), cause=cause)):
            mine = [p for p in persons if p.arm == place]
            known = days <= max(p.exit_ for p in mine)
            value, _, lower, upper = curve.at(days)
            assert value[known] == pytest.approx([surviving(mine, int(d), status) for d in days[known]], abs=1e-12)
            assert curve.absorbed or np.isnan(value[~known]).all()
            ones = np.ones(len(mine), dtype=np.int64)
            ends = np.array([p.exit_ for p in mine])
            event = np.array([p.status == status if status else p.status > 0 for p in mine]).astype(np.int64)
            counts = day_counts(np.array([p.entry for p in mine]), ends, event, ones, last_day=LAST)
            former = kaplan_meier_by_day(counts.at_risk, counts.events)
            for now, then in ((value, former.value), (lower, former.lower), (upper, former.upper)):
                assert now[known] == pytest.approx(then[1:][known], abs=1e-12, nan_ok=True)


@FEW
@given(people())
def test_aalen_johansen_and_its_three_variances_are_their_definitions(persons: list[Person]) -> None:
    days = np.arange(1, LAST + 1)
    found = {
        kind: cumulative_incidence(cells(persons), "outcome", variance=kind)
        for kind in ("greenwood", "aalen", "jackknife")
    }
    for place in range(len(found["aalen"])):
        mine = [p for p in persons if p.arm == place]
        known = days[days <= max(p.exit_ for p in mine)].tolist()
        for kind, curves in found.items():
            value, error, _, _ = curves[place].at(np.array(known))
            assert value == pytest.approx([incidence(mine, d) for d in known], abs=1e-12)
            naive = [jackknife(mine, d) if kind == "jackknife" else variance_of_incidence(mine, d, kind) for d in known]
            assert error**2 == pytest.approx(naive, abs=1e-8 if kind == "jackknife" else 1e-12)


@FEW
@given(people())
def test_incidences_of_all_causes_and_survival_share_out_everyone(persons: list[Person]) -> None:
    days = np.arange(1, LAST + 1)
    parts = [cumulative_incidence(cells(persons), cause) for cause in ("outcome", "death")]
    for free, one, other in zip(kaplan_meier(cells(persons)), *parts, strict=True):
        whole = free.at(days)[0] + one.at(days)[0] + other.at(days)[0]
        assert whole[~np.isnan(whole)] == pytest.approx(1.0, abs=1e-12)


@FEW
@given(people())
def test_former_incidence_keeps_its_results(persons: list[Person]) -> None:
    mine = [p for p in persons if p.arm == 0]
    columns = (np.array([getattr(p, name) for p in mine], dtype=np.int64) for name in ("entry", "exit_", "status"))
    counts = day_counts(*columns, np.ones(len(mine), dtype=np.int64), last_day=LAST)
    former = aalen_johansen(counts.at_risk, counts.events, counts.deaths)
    known = np.arange(0, max(p.exit_ for p in mine) + 1)
    value, _, lower, upper = cumulative_incidence(cells(persons), "outcome")[0].at(known)
    for now, then in ((value, former.value), (lower, former.lower), (upper, former.upper)):
        assert now == pytest.approx(then[known], abs=1e-12, nan_ok=True)


@settings(
    FEW, suppress_health_check=[HealthCheck.filter_too_much]
)  # most draws have an arm that nobody of is followed so long
@given(people(), st.integers(1, LAST))
def test_the_restricted_mean_is_the_days_added_up(persons: list[Person], horizon: int) -> None:
    try:
        found = restricted_mean(cells(persons), horizon)
    except BadInput as refused:
        assert refused.code in ("survival-horizon", "survival-arm-without-spread")
        assume(False)
    for place in range(len(found.arms)):
        mine = [p for p in persons if p.arm == place]
        assert found.value[place] == pytest.approx(sum(surviving(mine, d) for d in range(horizon)), abs=1e-12)
        spread = 0.0
        for d in range(1, horizon):
            n, e = at_risk(mine, d), falls(mine, d)
            if 0 < e < n:
                spread += sum(surviving(mine, later) for later in range(d, horizon)) ** 2 * e / (n * (n - e))
        assert found.error[place] == pytest.approx(math.sqrt(spread), abs=1e-12)


def naive_log_rank(persons: list[Person], arms: int) -> tuple[list[float], list[list[float]]]:
    """Score and covariance of all strata."""
    score, spread = [0.0] * arms, [[0.0] * arms for _ in range(arms)]
    for stratum in {p.stratum for p in persons}:
        here = [p for p in persons if p.stratum == stratum]
        of = [[p for p in here if p.arm == g] for g in range(arms)]
        for day in range(1, LAST + 1):
            n, d = at_risk(here, day), falls(here, day)
            for g in range(arms if d else 0):
                share = at_risk(of[g], day) / n
                score[g] += falls(of[g], day) - d * share
                for h in range(arms if n > 1 else 0):
                    both = share * ((g == h) - at_risk(of[h], day) / n)
                    spread[g][h] += both * d * (n - d) / (n - 1)
    return score, spread


@FEW
@given(people())
def test_the_log_rank_test_is_the_sum_over_days_and_strata(persons: list[Person]) -> None:
    arms = max(person.arm for person in persons) + 1
    score, spread = naive_log_rank(persons, arms)
    if np.linalg.matrix_rank(np.array(spread), tol=1e-8) < arms - 1:
        with pytest.raises(BadInput):
            log_rank(cells(persons, strata=True))
        return
    found = log_rank(cells(persons, strata=True))
    assert found.score == pytest.approx(score, abs=1e-10)
    assert found.covariance == pytest.approx(np.array(spread), abs=1e-10)
    assert found.chi2 == pytest.approx(
        np.array(score) @ np.linalg.pinv(np.array(spread), rcond=1e-8) @ score, rel=1e-6, abs=1e-9
    )


def naive_gray(persons: list[Person], arms: int) -> tuple[list[float], list[list[float]]]:
    """Gray 1988 in one stratum: score Σ dN_g − R_g dN./ΣR, and by arm r what it adds to each covariance, day by day."""
    of = [[p for p in persons if p.arm == g] for g in range(arms)]
    days = [d for d in range(1, LAST + 1) if falls(persons, d)]
    h = {d: [at_risk(p, d) / surviving(p, d - 1) if at_risk(p, d) else 0.0 for p in of] for d in days}
    pooled = {0: 0.0}
    for d in days:
        pooled[d] = pooled[max(pooled)] + falls(persons, d, 1) / sum(h[d])
    score = [0.0] * arms
    rate, a = {}, {}
    for before, d in zip([0, *days], days, strict=False):
        weight = [h[d][g] * (1 - incidence(of[g], d - 1)) for g in range(arms)]
        d1 = falls(persons, d, 1)
        rate[d] = d1 / (sum(h[d]) * (1 - pooled[before])) if d1 else 0.0
        for g in range(arms if d1 else 0):
            score[g] += falls(of[g], d, 1) - d1 * weight[g] / sum(weight)
        a[d] = [[(g == k) * h[d][g] - h[d][g] * h[d][k] / sum(h[d]) for k in range(arms)] for g in range(arms)]
    spread = [[0.0] * arms for _ in range(arms)]
    for d in days:
        for r in range(arms):
            n, d1, d2, after = at_risk(of[r], d), falls(persons, d, 1), falls(of[r], d, 2), surviving(of[r], d)
            to_come = [sum(a[s][g][r] * rate[s] for s in days if s > d) for g in range(arms)]
            pull = (1 - pooled[d]) / after if after > 0 else 0.0
            own = [a[d][g][r] + ((1 - pull) if after > 0 else 1.0) * to_come[g] for g in range(arms)]
            if n and d1:
                size = sum(h[d]) * surviving(of[r], d - 1)
                mass = (1 - (d1 - 1) / (size - 1) if d1 > 1 else 1.0) * d1 / (sum(h[d]) * h[d][r])
                for g in range(arms):
                    for k in range(arms):
                        spread[g][k] += own[g] * own[k] * mass
            if d2 and after > 0:
                mass = (1 - (d2 - 1) / (n - 1) if d2 > 1 else 1.0) * d2 * surviving(of[r], d - 1) ** 2 / n**2
                for g in range(arms):
                    for k in range(arms):
                        spread[g][k] += pull**2 * to_come[g] * to_come[k] * mass
    return score, spread


@FEW
@given(people(late=False))
def test_the_test_of_gray_is_its_definition(persons: list[Person]) -> None:
    try:
        found = gray(cells(persons), "outcome")
    except BadInput as refused:
        assert refused.code in ("survival-no-events", "survival-no-comparison")
        assume(False)
    score, spread = naive_gray(persons, len(found.arms))
    assert found.score == pytest.approx(score, abs=1e-10)
    assert found.covariance == pytest.approx(np.array(spread), rel=1e-9, abs=1e-10)


@FEW
@given(people())
def test_neither_the_order_of_cells_nor_counting_persons_together_matters(persons: list[Person]) -> None:
    one = cells(persons * 2, strata=True)
    other = replace(cells(persons, strata=True), n=np.full(len(persons), 2, dtype=np.int64))
    place = np.arange(len(persons))[::-1]
    turned = replace(
        other, **{name: getattr(other, name)[place] for name in ("arm", "exit_", "status", "n", "entry", "stratum")}
    )
    for kind in ("greenwood", "jackknife", "aalen"):
        for a, b in zip(*(cumulative_incidence(c, "outcome", variance=kind) for c in (one, turned)), strict=True):
            assert a.value == pytest.approx(b.value, abs=1e-12)
            assert a.error == pytest.approx(b.error, abs=1e-7)
    days = np.array([5, 1, 3])
    expected = [[at_risk([p for p in persons * 2 if p.arm == g], int(d)) for d in days] for g in range(len(one.arms))]
    assert numbers_at_risk(turned, days).tolist() == expected == numbers_at_risk(one, days).tolist()
