# SPDX-License-Identifier: Apache-2.0
"""The multinomial kernel against R: clogit's three treatments of ties, case series and conditional Poisson against gnm (eliminate).

Conventions that differ. A matched set of cases only is left out by us, whatever the ties; clogit's efron and breslow let it pull the
estimate to zero, so R is given none. gnm's log-likelihood is the Poisson one and is not compared; strata without events, which it would
count in its dispersion, are dropped first. Its quasi-Poisson dispersion is Pearson's, like ours. The days of R's series are cut
one by one. ``approximate`` is clogit's other word for ``breslow``.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rempart.study.estimators import case_control, conditional_poisson
from rempart.study.estimators.sccs import CaseSeries, case_series
from rempart.study.estimators.sccs_design import Cases, Exposure, Levels, Window

HERE = Path(__file__).parent / "r"
TERMS = ("drug", "bmi", "past", "now")


def frozen(name: str) -> Any:
    """What R wrote."""
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def column(table: Any, name: str) -> Any:
    return np.asarray(table[name])


def close(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("ties", ["exact", "efron", "breslow"])
@pytest.mark.parametrize("which", ["one_to_three", "many_cases"])
def test_matched_sets_agree_with_clogit(which: str, ties: str) -> None:
    said = frozen("clogit")[which]
    data = said["data"]
    x = np.column_stack([column(data, term) for term in TERMS]).astype(float)
    fit = case_control.fit(column(data, "set"), column(data, "case") == 1, x, TERMS, ties=ties)
    close(fit.beta, said["fits"][ties]["beta"])
    close(fit.error, said["fits"][ties]["error"])
    close(fit.log_likelihood, said["fits"][ties]["log_likelihood"])
    close(fit.log_likelihood_null, said["fits"][ties]["null"])
    assert fit.ties == ties


def test_the_three_treatments_of_ties_differ_where_a_set_has_several_cases() -> None:
    fits = frozen("clogit")["many_cases"]["fits"]
    first = {ties: round(fits[ties]["beta"][0], 3) for ties in fits}
    assert len(set(first.values())) == 3
    assert first["approximate"] == first["breslow"]


def test_case_time_control_agrees_with_the_interaction_of_clogit() -> None:
    said = frozen("clogit")["case_time_control"]
    data = said["data"]
    found = case_control.case_time_control(
        column(data, "set"),
        column(data, "case") == 1,
        column(data, "is_case") == 1,
        column(data, "drug")[:, None].astype(float),
        ["drug"],
    )
    close(found.beta[0], said["beta"])
    close(found.error[0], said["error"])


def series(said: Any, events: str) -> CaseSeries:
    """The frozen case series, cut by us."""
    cases, vaccine, drug = said["cases"], said["vaccine"], said["drug"]
    start = column(vaccine, "start")
    return case_series(
        Cases(first=column(cases, "first"), last=column(cases, "last"), birth=column(cases, "birth")),
        column(said["events"], "person") - 1,
        column(said["events"], "day"),
        [
            Exposure(
                name="vaccine",
                person=column(vaccine, "person") - 1,
                start=start,
                stop=start,
                windows=(
                    Window(name="before", begin=-14, end=-1),
                    Window(name="day 0", begin=0, end=0),
                    Window(name="risk", begin=1, end=28),
                ),
            ),
            Exposure(
                name="drug",
                person=column(drug, "person") - 1,
                start=column(drug, "start"),
                stop=column(drug, "stop"),
                windows=(
                    Window(name="on", begin=0, end=None),
                    Window(name="washout", begin=1, end=30, anchor="stop"),
                ),
            ),
        ],
        age=Levels(cuts=np.asarray(said["cuts"]), names=tuple("abcd")),
        season=Levels(
            cuts=np.asarray(said["months"]),
            names=("winter", "spring", "summer", "autumn"),
            level=np.arange(len(said["months"]) + 1) % 4,
        ),
        events=events,
    )


@pytest.mark.parametrize("events", ["all", "first"])
def test_case_series_agrees_with_poisson_regression_with_a_factor_for_each_case(events: str) -> None:
    said = frozen("sccs")
    fit = series(said, events).fit()
    close(fit.beta, said[events]["beta"])
    close(fit.error, said[events]["error"])


def distributed(said: Any, basis: Any, *, dispersed: bool) -> Any:
    """Our fit of the frozen counts with lags of 0 to 6 days on ``basis``, and the lags' effects."""
    place, day = column(said, "place"), column(said, "day")
    lags = np.arange(7)
    q = conditional_poisson.lagged(np.asarray(said["pm"]), place, day - 12204 + said["before"], lags)
    x = np.column_stack((q @ basis, column(said, "heat")))
    fit = conditional_poisson.fit(
        conditional_poisson.time_strata(place, day),
        column(said, "count").astype(float),
        x,
        [f"x{i}" for i in range(x.shape[1])],
        population=column(said, "population").astype(float),
        dispersed=dispersed,
    )
    return fit, conditional_poisson.lag_effects(fit, lags, basis)


@pytest.mark.parametrize("model", ["poisson", "quasi"])
def test_conditional_poisson_agrees_with_gnm(model: str) -> None:
    said = frozen("conditional_poisson")
    fit, effects = distributed(said, np.eye(7), dispersed=model == "quasi")
    close(fit.beta, said[model]["beta"])
    close(fit.error, said[model]["error"])
    close(fit.dispersion, said[model]["dispersion"])
    close((effects.total, effects.total_error), (said[model]["total"], said[model]["total_error"]))


@pytest.mark.parametrize("shape", ["almon", "steps"])
def test_lags_on_a_basis_agree_with_gnm(shape: str) -> None:
    said = frozen("conditional_poisson")
    lags = np.arange(7)
    # Our polynomials are orthonormal and R's are powers: one space, so the effects of the lags are the same.
    basis = (
        conditional_poisson.polynomial(lags, 2) if shape == "almon" else conditional_poisson.steps(lags, np.array([2]))
    )
    _, effects = distributed(said, basis, dispersed=True)
    close(effects.beta, said[shape]["lag_beta"])
    close(effects.error, said[shape]["lag_error"])
    close((effects.total, effects.total_error), (said[shape]["total"], said[shape]["total_error"]))
