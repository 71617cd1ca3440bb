# SPDX-License-Identifier: Apache-2.0
"""The day-indexed scan of Cox against a likelihood written out over persons and days, on tiny random data with many ties."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.cox import fit as fit_patterns
from rempart.study.cox import risk_sets
from rempart.study.estimators import cox_loops
from rempart.study.estimators.cox_days import RiskDays, risk_days, risk_days_of_cells
from rempart.study.estimators.cox_input import CoxCells, CoxRows
from rempart.study.estimators.cox_moments import information, likelihood, score, tie_terms
from rempart.study.estimators.cox_residuals import schoenfeld, score_residuals
from rempart.study.estimators.cox_rows import fit_cells, fit_rows
from rempart.study.estimators.fine_gray import CompetingRows, competing_days

Floats = NDArray[np.float64]
BETA = np.array([0.7, -0.4])
FEW = settings(max_examples=60, deadline=None)


@dataclass
class Naive:
    """Value, score, information, and by row the score residual and (for events) x less the mean."""

    value: float
    score: Floats
    information: Floats
    residuals: Floats
    schoenfeld: Floats


def naive(rows: CoxRows, beta: Floats, ties: str, factor: dict[int, float] | None = None) -> Naive:
    """Each sum of the partial likelihood written out; ``factor`` multiplies each day's part of the information."""
    n, p = rows.x.shape
    entry = [-(10**9)] * n if rows.entry is None else rows.entry.tolist()
    strata = [0] * n if rows.strata is None else rows.strata.tolist()
    w = [1.0] * n if rows.weight is None else rows.weight.tolist()
    exit_, risk = rows.exit_.tolist(), [math.exp(float(x @ beta)) for x in rows.x]
    found = Naive(0.0, np.zeros(p), np.zeros((p, p)), np.zeros((n, p)), np.full((n, p), np.nan))
    for stratum, day in sorted({(strata[i], exit_[i]) for i in range(n) if rows.event[i]}):
        here = [i for i in range(n) if strata[i] == stratum and entry[i] < day <= exit_[i]]
        tied = [i for i in here if rows.event[i] and exit_[i] == day]
        m = len(tied)
        for i in tied:
            found.value += w[i] * float(rows.x[i] @ beta)
            found.schoenfeld[i] = rows.x[i]
        for place in range(m):
            share = place / m if ties == "efron" else 0.0
            mass = sum(w[i] for i in tied) / m
            own = {i: w[i] * risk[i] * ((1 - share) if i in tied else 1.0) for i in here}
            den = sum(own.values())
            mean = sum((own[i] * rows.x[i] for i in here), np.zeros(p)) / den
            spread = sum((own[i] * np.outer(rows.x[i] - mean, rows.x[i] - mean) for i in here), np.zeros((p, p))) / den
            found.value -= mass * math.log(den)
            found.score -= mass * mean
            found.information += mass * spread * (1.0 if factor is None else factor[day])
            for i in here:
                found.residuals[i] -= own[i] * mass / den * (rows.x[i] - mean)
            for i in tied:
                found.score += w[i] * rows.x[i] / m
                found.residuals[i] += w[i] * (rows.x[i] - mean) / m
                found.schoenfeld[i] -= mean / m
    return found


@st.composite
def tiny(draw: st.DrawFn) -> CoxRows:
    """Up to a dozen rows, one event at least, with whichever of entry, strata, weights and persons."""
    n = draw(st.integers(4, 12))

    def column(low: int, high: int) -> NDArray[np.int64]:
        return np.array(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)), dtype=np.int64)

    entry, length = column(0, 4), column(1, 5)
    event = column(0, 1) > 0
    event[0] = True
    x = np.column_stack([column(0, 1), column(-3, 3)]).astype(float)
    x[:2] = [[0.0, -1.0], [1.0, 2.0]]
    return CoxRows(
        x=x,
        terms=("a", "b"),
        exit_=entry + length,
        event=event,
        entry=entry if draw(st.booleans()) else None,
        strata=column(0, 2) if draw(st.booleans()) else None,
        weight=column(1, 6) / 2 if draw(st.booleans()) else None,
        person=column(0, 4) if draw(st.booleans()) else None,
        clones=True,
    )


def at(risk: RiskDays, ties: str, beta: Floats = BETA):  # type: ignore[no-untyped-def]
    """Value and sums at one β."""
    value, moments = likelihood(risk, tie_terms(risk, ties), beta)
    assert moments is not None
    return value, moments


@FEW
@given(tiny(), st.sampled_from(["efron", "breslow"]))
def test_value_score_and_information_are_those_written_out(rows: CoxRows, ties: str) -> None:
    risk = risk_days(rows)
    value, moments = at(risk, ties)
    truth = naive(rows, BETA, ties)
    # The centre of the covariates leaves the likelihood, whose events and terms bear the same masses.
    assert value == pytest.approx(truth.value, rel=1e-10, abs=1e-10)
    assert score(risk, moments) == pytest.approx(truth.score, rel=1e-9, abs=1e-10)
    assert information(risk, moments) == pytest.approx(truth.information, rel=1e-9, abs=1e-10)
    days = {int(day): 1.0 + int(day) for day in risk.days.day()}
    factor = np.array([days[int(day)] for day in risk.days.day()])
    weighted = naive(rows, BETA, ties, days).information
    assert information(risk, moments, factor) == pytest.approx(weighted, rel=1e-9, abs=1e-9)


@FEW
@given(tiny(), st.sampled_from(["efron", "breslow"]))
def test_residuals_are_those_written_out_and_summed_by_person(rows: CoxRows, ties: str) -> None:
    risk = risk_days(rows)
    _, moments = at(risk, ties)
    truth = naive(rows, BETA, ties)
    assert schoenfeld(risk, moments) == pytest.approx(truth.schoenfeld[rows.event], rel=1e-9, abs=1e-10)
    expected = truth.residuals
    if rows.person is not None:
        persons, number = np.unique(rows.person, return_inverse=True)
        expected = np.array([truth.residuals[number == k].sum(axis=0) for k in range(len(persons))])
    assert score_residuals(risk, moments) == pytest.approx(expected, rel=1e-9, abs=1e-10)


@FEW
@given(tiny(), st.sampled_from(["efron", "breslow"]), st.integers(1, 3))
def test_counts_say_what_as_many_rows_say(rows: CoxRows, ties: str, copies: int) -> None:
    rows = replace(rows, person=None)
    n = np.arange(len(rows.x)) % 3 * copies + 1
    every = {
        name: None if (value := getattr(rows, name)) is None else np.repeat(value, n)
        for name in ("exit_", "event", "entry", "strata", "weight")
    }
    many = risk_days(CoxRows(x=np.repeat(rows.x, n, axis=0), terms=rows.terms, **every))
    cells = risk_days_of_cells(
        CoxCells(
            x=rows.x,
            terms=rows.terms,
            pattern=np.arange(len(rows.x)),
            n=n,
            exit_=rows.exit_,
            event=rows.event,
            entry=rows.entry,
            strata=rows.strata,
            weight=rows.weight,
        )
    )
    (value, moments), (other, counted) = at(many, ties), at(cells, ties)
    assert other == pytest.approx(value, rel=1e-10, abs=1e-9)
    assert score(cells, counted) == pytest.approx(score(many, moments), rel=1e-9, abs=1e-9)
    assert information(cells, counted) == pytest.approx(information(many, moments), rel=1e-9, abs=1e-9)
    each = np.repeat(score_residuals(cells, counted), n, axis=0)
    assert each == pytest.approx(score_residuals(many, moments), rel=1e-9, abs=1e-9)


@FEW
@given(tiny(), st.sampled_from(["efron", "breslow"]))
def test_the_fit_on_counts_is_the_fit_of_patterns_by_risk_sets(rows: CoxRows, ties: str) -> None:
    size = len(rows.x)
    entry = np.zeros(size, dtype=np.int64) if rows.entry is None else rows.entry
    n, pattern = np.full(size, 3), np.arange(size)
    try:
        sets = risk_sets(pattern, entry, rows.exit_, rows.event, n=n, x=rows.x)
        other = fit_patterns(sets, rows.terms, ties=ties)
    except BadInput:
        return
    cells = CoxCells(x=rows.x, terms=rows.terms, pattern=pattern, n=n, exit_=rows.exit_, event=rows.event, entry=entry)
    found = fit_cells(cells, ties=ties)
    assert found.beta == pytest.approx(other.beta, rel=1e-6, abs=1e-7)
    assert found.error == pytest.approx(other.error, rel=1e-6)
    assert found.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-9)


@FEW
@given(tiny(), st.data())
def test_a_row_cut_in_two_says_the_same(rows: CoxRows, data: st.DataObject) -> None:
    if rows.entry is None:
        rows = replace(rows, entry=np.zeros(len(rows.x), dtype=np.int64))
    entry = rows.entry
    assert entry is not None
    who = data.draw(st.integers(0, len(rows.x) - 1))
    if rows.exit_[who] - entry[who] < 2:
        return
    order = np.append(np.arange(len(rows.x)), who)
    cut = int(entry[who]) + 1
    start, end, event = entry[order], rows.exit_[order], rows.event[order]
    end[who], event[who], start[-1] = cut, False, cut
    picked = {
        name: None if (value := getattr(rows, name)) is None else value[order]
        for name in ("strata", "weight", "person")
    }
    split = replace(rows, x=rows.x[order], entry=start, exit_=end, event=event, **picked)
    (value, moments), (other, parts) = at(risk_days(rows), "efron"), at(risk_days(split), "efron")
    assert other - value == pytest.approx(0.0, abs=1e-10)
    assert information(risk_days(split), parts) == pytest.approx(information(risk_days(rows), moments), abs=1e-10)


def long_table(rows: CompetingRows) -> CoxRows:
    """Fine–Gray's expansion written out: a row for each later event day of a competing event, weighted G(d-)/G(T-)."""
    size = len(rows.x)
    group = np.zeros(size, dtype=np.int64) if rows.group is None else rows.group
    weight = np.ones(size) if rows.weight is None else rows.weight

    def stays(who: int, day: int) -> float:
        left = 1.0
        mates = [i for i in range(size) if group[i] == group[who]]
        for other in sorted({int(rows.exit_[i]) for i in mates if rows.cause[i] == 0 and rows.exit_[i] < day}):
            gone = sum(rows.exit_[i] == other and rows.cause[i] == 0 for i in mates)
            left *= 1 - gone / (gone + sum(bool(rows.exit_[i] > other) for i in mates))
        return left

    table = [(i, -1, int(rows.exit_[i]), bool(rows.cause[i] == 1), float(weight[i])) for i in range(size)]
    for i in range(size):
        if rows.cause[i] > 1:
            for day in sorted({int(d) for d in rows.exit_[rows.cause == 1] if d > rows.exit_[i]}):
                share = stays(i, day) / stays(i, int(rows.exit_[i]))
                if share > 0:
                    table.append((i, day - 1, day, False, float(weight[i]) * share))
    who, start, end, event, mass = (np.array(column) for column in zip(*table, strict=True))
    return CoxRows(
        x=rows.x[who],
        terms=rows.terms,
        entry=start,
        exit_=end,
        event=event,
        weight=mass,
        person=who,
        strata=None if rows.strata is None else rows.strata[who],
    )


@FEW
@given(tiny(), st.data(), st.sampled_from(["efron", "breslow"]))
def test_fine_gray_is_weighted_cox_on_the_expansion(rows: CoxRows, data: st.DataObject, ties: str) -> None:
    size = len(rows.x)

    def column(high: int) -> NDArray[np.int64]:
        return np.array(data.draw(st.lists(st.integers(0, high), min_size=size, max_size=size)), dtype=np.int64)

    cause = column(2)
    cause[0] = 1
    competing = CompetingRows(
        x=rows.x,
        terms=rows.terms,
        exit_=rows.exit_,
        cause=cause,
        strata=rows.strata,
        weight=rows.weight,
        group=column(1) if data.draw(st.booleans()) else None,
    )
    short, long = competing_days(competing), risk_days(long_table(competing))
    (value, moments), (other, expanded) = at(short, ties), at(long, ties)
    # Each is centred at its own mean, which leaves every number of the likelihood where it is.
    assert value == pytest.approx(other, rel=1e-9, abs=1e-9)
    assert score(short, moments) == pytest.approx(score(long, expanded), rel=1e-8, abs=1e-9)
    assert information(short, moments) == pytest.approx(information(long, expanded), rel=1e-8, abs=1e-9)
    assert score_residuals(short, moments) == pytest.approx(score_residuals(long, expanded), rel=1e-8, abs=1e-9)


@FEW
@given(tiny())
def test_scale_and_origin_of_a_covariate_move_its_coefficient_alone(rows: CoxRows) -> None:
    try:
        before = fit_rows(rows, idle_strata="keep")
    except BadInput:
        return
    after = fit_rows(replace(rows, x=rows.x * [1.0, 1e4] + [0.0, 3e6]), idle_strata="keep")
    assert after.beta * [1.0, 1e4] == pytest.approx(before.beta, rel=1e-6, abs=1e-7)
    assert after.error * [1.0, 1e4] == pytest.approx(before.error, rel=1e-6)


@FEW
@given(tiny())
def test_compiled_and_plain_loops_are_the_same(rows: CoxRows) -> None:
    risk = risk_days(rows)
    window, shape = risk.windows[0], (len(risk.days.key), 2)
    sums = [(np.zeros(shape[0]), np.zeros(shape)) for _ in range(2)]
    span, x = (window.last, window.before), (risk.x, risk.centre)
    for loop, found in zip((cox_loops.bin_rows, cox_loops.plain_bin_rows), sums, strict=True):
        loop(window.pattern, span, window.mass, x, found)
    for compiled, plain in zip(*sums, strict=True):
        assert np.array_equal(compiled, plain)
    for one, other in ((cox_loops.sum_back, cox_loops.plain_sum_back), (cox_loops.sum_on, cox_loops.plain_sum_on)):
        compiled, plain = sums[0][1].copy(), sums[1][1].copy()
        one(risk.days.first, compiled)
        other(risk.days.first, plain)
        assert np.array_equal(compiled, plain)
    out = [np.zeros((risk.owners, 2)) for _ in range(2)]
    for loop, found in zip((cox_loops.add_residuals, cox_loops.plain_add_residuals), out, strict=True):
        loop((window.owner, window.pattern), span, window.mass, x, sums[0], found)
    assert out[0] == pytest.approx(out[1], rel=1e-12, abs=1e-12)
