# SPDX-License-Identifier: Apache-2.0
"""Cox and Fine–Gray on data that allow no estimate, or a hard one: a word with the covariate's name, never a silent number."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.compiled import compiled
from rempart.study.estimators.cox_input import CoxCells, CoxRows
from rempart.study.estimators.cox_proportional import proportionality
from rempart.study.estimators.cox_rows import fit_cells, fit_rows
from rempart.study.estimators.fine_gray import CompetingRows, fit_fine_gray

Floats = NDArray[np.float64]
SIZE = 200


def rows(*, size: int = SIZE, seed: int = 7, **changed: Any) -> CoxRows:
    """Ordinary follow-up with two covariates, an effect of 0.6 on the first."""
    draw = np.random.default_rng(seed)
    x = np.column_stack([draw.integers(0, 2, size), draw.normal(50, 10, size)]).astype(float)
    time = draw.exponential(300 / np.exp(0.6 * x[:, 0]))
    given: dict[str, Any] = {
        "x": x,
        "terms": ("drug", "age"),
        "exit_": np.minimum(np.ceil(time), 365).astype(np.int64),
        "event": time <= 365,
    }
    return CoxRows(**(given | changed))


def refused(code: str, make: Any, **facts: str) -> None:
    """It ends with this code and names what it is about."""
    with pytest.raises(BadInput) as caught:
        make()
    assert caught.value.code == code
    for key, value in facts.items():
        assert caught.value.facts[key] == value


def with_column(values: Floats | list[float], at: int = 0) -> Floats:
    """The ordinary covariates with one replaced."""
    x = rows().x.copy()
    x[:, at] = values
    return x


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_names_its_covariate(bad: float) -> None:
    x = rows().x.copy()
    x[17, 1] = bad
    refused("cox-covariate-not-finite", lambda: rows(x=x), term="age")


@pytest.mark.parametrize("value", [0.0, 1.0, 1e9, -3.7])
def test_a_covariate_that_all_share_is_named(value: float) -> None:
    refused("cox-covariate-constant", lambda: rows(x=with_column([value] * SIZE)), term="drug")


def test_rounding_is_no_variation() -> None:
    wobble = np.full(SIZE, 0.1 + 0.2)
    wobble[0] = 0.3
    refused("cox-covariate-constant", lambda: rows(x=with_column(wobble)), term="drug")


def test_a_sum_of_other_covariates_is_named_and_it_is_the_later_one() -> None:
    base = rows()
    x = np.column_stack([base.x, base.x[:, 0] * 3 - base.x[:, 1] / 7 + 2])
    refused("cox-collinear", lambda: fit_rows(rows(x=x, terms=("drug", "age", "both"))), term="both")


def test_a_dummy_for_every_level_is_collinear() -> None:
    level = np.arange(SIZE) % 3
    x = np.column_stack([level == 0, level == 1, level == 2]).astype(float)
    refused("cox-collinear", lambda: fit_rows(rows(x=x, terms=("north", "middle", "south"))), term="south")


def test_a_year_and_its_square_are_not_taken_for_one() -> None:
    year = np.random.default_rng(3).integers(2005, 2020, SIZE).astype(float)
    found = fit_rows(rows(x=np.column_stack([year, year**2]), terms=("year", "square")))
    assert np.isfinite(found.error).all()


def test_no_event_among_the_exposed_is_separation_and_names_them() -> None:
    base = rows()
    x = base.x.copy()
    x[base.event, 0] = 0.0
    x[np.flatnonzero(~base.event)[:20], 0] = 1.0
    refused("cox-separation", lambda: fit_rows(rows(x=x)), term="drug")


def test_only_the_exposed_have_events_is_separation_too() -> None:
    base = rows()
    x = base.x.copy()
    x[:, 0] = base.event
    x[np.flatnonzero(~base.event)[:20], 0] = 1.0
    refused("cox-separation", lambda: fit_rows(rows(x=x)), term="drug")


def test_a_covariate_that_orders_the_events_is_separation() -> None:
    base = rows()
    refused("cox-separation", lambda: fit_rows(rows(x=with_column(-base.exit_.astype(float)))), term="drug")


def test_one_event_among_many_exposed_is_a_finite_estimate() -> None:
    base = rows(size=5000)
    x = base.x.copy()
    x[:, 0] = 0.0
    x[np.flatnonzero(~base.event)[:400], 0] = 1.0
    x[np.flatnonzero(base.event)[0], 0] = 1.0
    found = fit_rows(rows(size=5000, x=x))
    assert found.beta[0] < -2
    assert found.error[0] == pytest.approx(1.0, abs=0.05)


def test_a_covariate_that_differs_only_between_strata_is_idle() -> None:
    base = rows()
    refused("cox-covariate-idle", lambda: fit_rows(rows(strata=base.x[:, 0].astype(np.int64))), term="drug")


def test_a_covariate_of_those_who_leave_before_any_event_is_idle() -> None:
    base = rows()
    exit_, event, x = base.exit_.copy(), base.event.copy(), base.x.copy()
    exit_[:10], event[:10] = 0, False
    x[:, 0] = np.arange(SIZE) < 10
    refused("cox-covariate-idle", lambda: fit_rows(rows(x=x, exit_=exit_, event=event)), term="drug")


@pytest.mark.parametrize(
    ("events", "code"), [(0, "cox-no-events"), (1, "cox-too-few-events"), (2, "cox-too-few-events")]
)
def test_fewer_events_than_covariates_or_one_or_none(events: int, code: str) -> None:
    event = np.zeros(SIZE, dtype=bool)
    event[np.flatnonzero(rows().event)[:events]] = True
    x = np.column_stack([rows().x, np.arange(SIZE) % 7])
    refused(code, lambda: fit_rows(rows(x=x, terms=("drug", "age", "region"), event=event)))


def test_one_event_names_the_covariate_even_where_there_is_only_one() -> None:
    event = np.zeros(SIZE, dtype=bool)
    event[3] = True
    refused("cox-too-few-events", lambda: fit_rows(rows(x=rows().x[:, :1], terms=("drug",), event=event)), term="drug")


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_weight_that_is_no_weight_is_refused(bad: float) -> None:
    weight = np.ones(SIZE)
    weight[5] = bad
    refused("cox-weight", lambda: rows(weight=weight))


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_weights_are_of_any_size_and_their_unit_moves_neither_estimate_nor_robust_error(size: float) -> None:
    weight = np.random.default_rng(4).uniform(0.2, 3, SIZE)
    one, other = fit_rows(rows(weight=weight), robust=True), fit_rows(rows(weight=weight * size), robust=True)
    assert other.beta == pytest.approx(one.beta, rel=1e-9)
    assert other.error == pytest.approx(one.error, rel=1e-7)
    x = rows().x.copy()
    x[rows().event, 0] = 0.0
    refused("cox-separation", lambda: fit_rows(rows(x=x, weight=weight * size)), term="drug")


def test_a_row_that_ends_before_it_begins_and_an_event_without_time_at_risk() -> None:
    base = rows()
    entry = np.zeros(SIZE, dtype=np.int64)
    entry[4] = base.exit_[4] + 1
    refused("cox-negative-follow-up", lambda: rows(entry=entry))
    who = int(np.flatnonzero(base.event)[0])
    entry[4], entry[who] = 0, base.exit_[who]
    refused("cox-event-not-at-risk", lambda: rows(entry=entry))


def test_a_row_of_no_length_without_event_says_nothing() -> None:
    base = rows(entry=np.zeros(SIZE, dtype=np.int64))
    entry = base.entry
    assert entry is not None
    idle = ~base.event & (base.exit_ == base.exit_.max())
    entry = np.where(idle, base.exit_, 0)
    assert fit_rows(rows(entry=entry)).beta == pytest.approx(
        fit_rows(
            CoxRows(
                x=base.x[~idle],
                terms=base.terms,
                exit_=base.exit_[~idle],
                event=base.event[~idle],
                entry=entry[~idle],
            )
        ).beta,
        rel=1e-9,
    )


def test_a_person_twice_on_one_day_is_refused_unless_clones_are_declared() -> None:
    person = np.arange(SIZE) // 2
    refused("cox-rows-overlap", lambda: rows(person=person))
    entry = np.zeros(SIZE, dtype=np.int64)
    refused("cox-rows-overlap", lambda: rows(person=person[::-1].copy(), entry=entry))
    assert rows(person=person, clones=True).person is person


def test_rows_of_a_person_that_touch_do_not_overlap() -> None:
    person, entry = np.repeat(np.arange(SIZE // 2), 2), np.zeros(SIZE, dtype=np.int64)
    exit_ = np.full(SIZE, 10)
    entry[1::2], exit_[1::2] = 10, 20
    order = np.random.default_rng(1).permutation(SIZE)
    cut = {"person": person[order], "entry": entry[order], "exit_": exit_[order]}
    assert rows(**cut).person is not None
    entry[1] = 9
    refused("cox-rows-overlap", lambda: rows(**(cut | {"entry": entry[order]})))


def test_a_stratum_without_events_is_refused_or_kept_counted_and_says_nothing() -> None:
    base = rows()
    strata = np.where(base.event, 0, np.arange(SIZE) % 3)
    refused("cox-stratum-without-events", lambda: fit_rows(rows(strata=strata)))
    found = fit_rows(rows(strata=strata), idle_strata="keep")
    only = strata == 0
    assert found.idle_strata == 2
    alone = CoxRows(x=base.x[only], terms=base.terms, exit_=base.exit_[only], event=base.event[only])
    assert found.beta == pytest.approx(fit_rows(alone).beta, rel=1e-9)


def test_arrays_that_do_not_fit_together_and_unknown_rules_are_refused() -> None:
    base = rows()
    refused("cox-shape", lambda: rows(terms=("drug",)))
    refused("cox-shape", lambda: rows(exit_=base.exit_[:-1]))
    refused("cox-shape", lambda: rows(exit_=base.exit_.astype(float)))
    refused("cox-shape", lambda: rows(event=base.event.astype(int)))
    refused("cox-shape", lambda: rows(x=np.empty((0, 2)), exit_=base.exit_[:0], event=base.event[:0]))
    refused("cox-ties", lambda: fit_rows(base, ties="exact"), ties="exact")
    refused("cox-transform", lambda: proportionality(base, fit_rows(base), transform="square"))
    cells = {"x": base.x, "terms": base.terms, "exit_": base.exit_, "event": base.event}
    refused("cox-shape", lambda: CoxCells(pattern=np.full(SIZE, SIZE), n=np.ones(SIZE, np.int64), **cells))
    refused("cox-shape", lambda: CoxCells(pattern=np.arange(SIZE), n=np.full(SIZE, -1), **cells))


def test_all_events_on_one_day_are_fitted_and_their_hazards_cannot_be_seen_to_change() -> None:
    base = rows()
    same = replace(base, exit_=np.where(base.event, 100, 200))
    found = fit_rows(same)
    assert np.isfinite(found.error).all()
    refused("cox-proportional-flat", lambda: proportionality(same, found))


def test_cells_of_nobody_change_nothing() -> None:
    base = rows()
    cells = {"x": base.x, "terms": base.terms, "exit_": base.exit_, "event": base.event, "pattern": np.arange(SIZE)}
    n = np.arange(SIZE) % 3
    kept = n > 0
    all_cells = fit_cells(CoxCells(n=n, **cells), robust=True)
    few = {name: value if name in {"x", "terms"} else value[kept] for name, value in cells.items()}
    some = fit_cells(CoxCells(n=n[kept], **few), robust=True)
    assert all_cells.error == pytest.approx(some.error, rel=1e-9)
    assert all_cells.beta == pytest.approx(some.beta, rel=1e-9)
    assert all_cells.events == some.events


def test_costs_with_a_heavy_tail_need_halved_steps_and_get_their_maximum() -> None:
    draw = np.random.default_rng(11)
    cost = draw.pareto(1.1, 3000) * 100
    time = draw.exponential(200 / np.exp(np.minimum(0.004 * cost, 6.0)))
    data = CoxRows(
        x=cost[:, None], terms=("cost",), exit_=np.ceil(np.minimum(time, 300)).astype(np.int64), event=time <= 300
    )
    found = fit_rows(data)
    around = [fit_at(data, float(found.beta[0]) + d * float(found.error[0])) for d in (-0.05, 0.0, 0.05)]
    assert around[1] >= max(around)
    assert around[1] == pytest.approx(found.log_likelihood, rel=1e-9)


def fit_at(data: CoxRows, beta: float) -> float:
    """The log partial likelihood at one coefficient, Efron ties, written out."""
    risk, total = np.exp(data.x[:, 0] * beta), 0.0
    for day in np.unique(data.exit_[data.event]):
        tied = data.event & (data.exit_ == day)
        m = int(tied.sum())
        total += float((data.x[tied, 0] * beta).sum())
        total -= float(np.log(risk[data.exit_ >= day].sum() - np.arange(m) / m * risk[tied].sum()).sum())
    return total


def test_late_entry_on_a_scale_of_age_keeps_its_digits_where_few_are_at_risk() -> None:
    draw = np.random.default_rng(5)
    size = 20_000
    entry = np.where(np.arange(size) < 30, 6000, 22_000 + draw.integers(0, 4000, size))
    exit_ = entry + draw.integers(1, 3000, size)
    x = draw.normal(0, 2, (size, 1))
    event = draw.random(size) < 0.02
    event[:10] = True
    base = {"x": x, "terms": ("score",), "exit_": exit_, "event": event}
    found = fit_rows(CoxRows(entry=entry, **base))
    mirrored = fit_rows(CoxRows(entry=entry, strata=(np.arange(size) >= 30).astype(np.int64), **base))
    assert found.beta == pytest.approx(mirrored.beta, rel=1e-9)
    assert found.log_likelihood == pytest.approx(mirrored.log_likelihood, rel=1e-11)


def test_fine_gray_without_competitors_is_cox_and_causes_are_checked() -> None:
    base = rows()
    cause = base.event.astype(np.int64)
    given = {"x": base.x, "terms": base.terms, "exit_": base.exit_}
    one, other = fit_fine_gray(CompetingRows(cause=cause, **given)), fit_rows(base, robust=True)
    assert one.beta == pytest.approx(other.beta, rel=1e-9)
    assert one.error == pytest.approx(other.error, rel=1e-9)
    refused("cox-cause", lambda: CompetingRows(cause=-cause, **given))
    refused("cox-no-events", lambda: fit_fine_gray(CompetingRows(cause=cause * 2, **given)))


def test_fine_gray_without_censoring_keeps_competitors_at_full_weight() -> None:
    base = rows()
    cause = np.where(base.event, 1, 2)
    exit_ = np.where(cause == 2, base.exit_ - base.exit_ % 50, base.exit_)
    given = {"x": base.x, "terms": base.terms}
    gray = fit_fine_gray(CompetingRows(exit_=exit_, cause=cause, **given))
    stays = fit_rows(CoxRows(exit_=np.where(cause == 2, 10_000, exit_), event=cause == 1, **given), robust=True)
    assert gray.beta == pytest.approx(stays.beta, rel=1e-9)
    assert gray.error == pytest.approx(stays.error, rel=1e-9)


def test_an_effect_that_turns_is_seen_and_one_that_stays_is_not() -> None:
    draw = np.random.default_rng(2)
    drug = draw.integers(0, 2, 4000).astype(float)
    early = draw.exponential(100 / np.exp(1.5 * drug))
    time = np.where(early < 50, early, 50 + draw.exponential(100 / np.exp(-0.5 * drug)))
    turning = CoxRows(
        x=drug[:, None], terms=("drug",), exit_=np.ceil(np.minimum(time, 300)).astype(np.int64), event=time <= 300
    )
    assert proportionality(turning, fit_rows(turning)).p_value[0] < 1e-6
    steady = rows(size=4000)
    assert proportionality(steady, fit_rows(steady)).global_p_value > 0.01


@pytest.mark.parametrize("transform", ["km", "rank", "identity"])
def test_proportional_hazards_are_tested_on_counts_as_on_the_rows_behind_them(transform: str) -> None:
    base, n = rows(entry=np.zeros(SIZE, dtype=np.int64)), np.arange(SIZE) % 3 + 1
    cells = CoxCells(
        x=base.x, terms=base.terms, exit_=base.exit_, event=base.event, entry=base.entry, pattern=np.arange(SIZE), n=n
    )
    many = {"exit_": np.repeat(base.exit_, n), "event": np.repeat(base.event, n), "entry": np.zeros(n.sum(), np.int64)}
    behind = CoxRows(x=np.repeat(base.x, n, axis=0), terms=base.terms, **many)
    one = proportionality(cells, fit_cells(cells), transform=transform)
    other = proportionality(behind, fit_rows(behind), transform=transform)
    assert one.chi2 == pytest.approx(other.chi2, rel=1e-8)
    assert one.global_chi2 == pytest.approx(other.global_chi2, rel=1e-8)


def test_a_loop_is_compiled_where_nothing_can_be_kept_too() -> None:
    made: dict[str, Any] = {}
    # A body without a file: numba finds no place for its machine code, as in a room where nothing can be written.
    exec("def add(values):\n    for i in range(len(values)):\n        values[i] += 1.0\n", made)
    values = np.zeros(3)
    compiled(made["add"])(values)
    assert values.tolist() == [1.0, 1.0, 1.0]


def test_machine_code_is_kept_beside_its_source_and_in_no_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, elsewhere = tmp_path / "program", tmp_path / "elsewhere"
    beside.mkdir()
    file = beside / "loop.py"
    file.write_text(
        "def one_more(values):\n    for i in range(len(values)):\n        values[i] += 1.0\n", encoding="utf-8"
    )
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(elsewhere))
    made: dict[str, Any] = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), made)
    compiled(made["one_more"])(np.zeros(3))
    assert list((beside / "__pycache__").glob("*.nbi"))
    assert not elsewhere.exists()
