# SPDX-License-Identifier: Apache-2.0
"""An attacker who tries every table of whole numbers that fits what is published never comes within 11 of a suppressed cell.

The oracle shares nothing with the code under test: it enumerates, and knows the sums of each kind of table by itself.
"""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.disclosure.check import check
from rempart.records.result import CheckedTable, ResultRow
from tests.disclosure_rows import RULES, attrition, counts_shown, frequency, rates, row, rules, submission

T = 11
COUNT = st.one_of(st.integers(0, 12), st.integers(9, 20))
CAP = 36  # an unknown count is tried up to here: more than the threshold beyond every truth
SLOW = settings(max_examples=40, deadline=None)


def possible(*axes: np.ndarray) -> list[np.ndarray]:
    """Every combination of the axes, as flat arrays."""
    return [grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")]


def axis(published: int | None, cap: int) -> np.ndarray:
    """The values an attacker must try for one cell."""
    return np.arange(cap) if published is None else np.array([published])


def width(values: np.ndarray) -> int:
    """Width of what is left possible."""
    assert values.size, "the truth itself must be possible"
    return int(values.max() - values.min())


def two_by_two(shown: Mapping[tuple[str, str], int | None], cap: int) -> dict[tuple[str, str], int]:
    """Width left for each cell of arms t, c, all × levels a, b, total; ``shown``: published or None."""
    inner = [(arm, level) for arm in ("t", "c") for level in ("a", "b")]
    grids = possible(*(axis(shown[key], cap) for key in inner))
    cells = dict(zip(("ta", "tb", "ca", "cb"), grids, strict=True))
    derived = {
        ("t", "a"): cells["ta"],
        ("t", "b"): cells["tb"],
        ("c", "a"): cells["ca"],
        ("c", "b"): cells["cb"],
        ("t", "all"): cells["ta"] + cells["tb"],
        ("c", "all"): cells["ca"] + cells["cb"],
        ("all", "a"): cells["ta"] + cells["ca"],
        ("all", "b"): cells["tb"] + cells["cb"],
        ("all", "all"): cells["ta"] + cells["tb"] + cells["ca"] + cells["cb"],
    }
    fits = np.ones(cells["ta"].size, dtype=bool)
    for key, value in shown.items():
        if value is not None:
            fits &= derived[key] == value
    return {key: width(values[fits]) for key, values in derived.items()}


@SLOW
@given(ta=COUNT, tb=COUNT, ca=COUNT, cb=COUNT)
def test_no_cell_of_a_table_with_margins_can_be_narrowed_below_the_threshold(
    ta: int, tb: int, ca: int, cb: int
) -> None:
    rows = frequency({"t": {"a": ta, "b": tb}, "c": {"a": ca, "b": cb}})
    published = {
        (arm, key.split("/")[1]): value for (_, key, arm, _), value in counts_shown(check(rows, RULES)).items()
    }
    widths = two_by_two(published, cap=CAP)
    for key, value in published.items():
        assert value is None or value == 0 or value >= T
        assert value is not None or widths[key] >= T, (key, published)


def test_the_enumerating_attacker_finds_a_cell_that_is_suppressed_alone() -> None:
    shown = {("t", "a"): None, ("t", "b"): 20, ("c", "a"): 15, ("c", "b"): 20}
    margins = {("t", "all"): 23, ("c", "all"): 35, ("all", "a"): 18, ("all", "b"): 40, ("all", "all"): 58}
    assert two_by_two({**shown, **margins}, cap=CAP)["t", "a"] == 0


@SLOW
@given(steps=st.lists(st.integers(0, 14), min_size=1, max_size=2), last=st.integers(0, 30))
def test_neither_a_step_of_attrition_nor_its_excluded_can_be_narrowed(steps: list[int], last: int) -> None:
    truth = [last + sum(steps[i:]) for i in range(len(steps))] + [last]
    shown = list(counts_shown(check(attrition(truth), RULES)).values())
    grids = possible(*(axis(value, 80) for value in shown))
    fits = np.logical_and.reduce([grids[i] >= grids[i + 1] for i in range(len(grids) - 1)])
    for index, value in enumerate(shown):
        assert value is None or value == 0 or value >= T
        assert value is not None or width(grids[index][fits]) >= T
    for index, excluded in enumerate(steps):
        if 1 <= excluded < T:
            assert width((grids[index] - grids[index + 1])[fits]) >= T, (truth, shown)


@SLOW
@given(a=st.lists(COUNT, min_size=3, max_size=3), share=st.integers(0, 20))
def test_two_variables_that_share_a_total_protect_each_other(a: list[int], share: int) -> None:
    total = sum(a)
    b = [min(share, total), total - min(share, total)]
    rows = frequency({"t": dict(zip("xyz", a, strict=True))}, variable="age")
    rows += [r for r in frequency({"t": dict(zip("uv", b, strict=True))}) if r.row_key["variable"] != "all"]
    shown = {key: value for (_, key, _, _), value in counts_shown(check(rows, RULES)).items()}
    x, y, z, u = possible(*(axis(shown[k], CAP) for k in ("age/x", "age/y", "age/z", "sex/u")))
    v = x + y + z - u
    fits = v >= 0
    for values, key in ((v, "sex/v"), (x + y + z, "all/all")):
        if shown[key] is not None:
            fits &= values == shown[key]
    left = {"age/x": x, "age/y": y, "age/z": z, "sex/u": u, "sex/v": v, "all/all": x + y + z}
    for key, values in left.items():
        if shown[key] is None:
            assert width(values[fits]) >= T, (a, b, shown)


@SLOW
@given(events=st.tuples(COUNT, COUNT), spare=st.tuples(st.integers(0, 14), st.integers(0, 14)))
def test_events_and_the_persons_without_them_cannot_be_narrowed(
    events: tuple[int, int], spare: tuple[int, int]
) -> None:
    persons = [e + s for e, s in zip(events, spare, strict=True)]
    arms = {"t": (persons[0], events[0], 50.0), "c": (persons[1], events[1], 60.0)}
    arms["all"] = (sum(persons), sum(events), 110.0)
    shown = {(arm, name): n for (_, _, arm, name), n in counts_shown(check(rates(arms), RULES)).items()}
    names = [(arm, name) for arm in ("t", "c") for name in ("persons", "events")]
    pt, et, pc, ec = possible(*(axis(shown[name], CAP + 12) for name in names))
    fits = (et <= pt) & (ec <= pc)
    for key, values in ((("all", "persons"), pt + pc), (("all", "events"), et + ec)):
        if shown[key] is not None:
            fits &= values == shown[key]
    for key, values in zip(names, (pt, et, pc, ec), strict=True):
        assert shown[key] is not None or width(values[fits]) >= T
    for arm, (p, e) in {"t": (pt, et), "c": (pc, ec)}.items():
        if 1 <= arms[arm][0] - arms[arm][1] < T:
            assert width((p - e)[fits]) >= T


def small_values(tables: tuple[CheckedTable, ...]) -> list[int]:
    """Published counts of 1 to 10."""
    return [value for value in counts_shown(tables).values() if value is not None and 1 <= value < T]


@SLOW
@given(events=st.tuples(st.integers(0, 45), st.integers(0, 45)))
def test_no_count_of_one_to_ten_is_published_anywhere_in_a_submission(events: tuple[int, int]) -> None:
    assert not small_values(check(submission(events), RULES))


def test_with_the_threshold_off_the_same_search_finds_small_counts() -> None:
    assert small_values(check(submission((4, 30)), rules(persons=2, width=2)))


@SLOW
@given(events=st.tuples(st.integers(0, 45), st.integers(0, 45)), order=st.randoms(use_true_random=False))
def test_the_same_rows_give_the_same_cells_in_any_order(events: tuple[int, int], order: object) -> None:
    rows = submission(events)
    mixed = list(rows)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    assert counts_shown(check(rows, RULES)) == counts_shown(check(mixed, RULES))
    assert check(rows, RULES) == check(rows, RULES)


@SLOW
@given(ta=COUNT, tb=COUNT, ca=COUNT, cb=COUNT)
def test_nothing_but_the_value_tells_one_suppressed_cell_from_another(ta: int, tb: int, ca: int, cb: int) -> None:
    (table,) = check(frequency({"t": {"a": ta, "b": tb}, "c": {"a": ca, "b": cb}}), RULES)
    hidden = [item for item in table.rows if item.status == "suppressed"]
    faces = {
        (r.value, r.status, r.rule, r.persons_ref, r.n_persons, r.n_establishments, r.top1, r.top2, r.total_abs)
        for r in hidden
    }
    assert len(faces) <= 1
    assert all(entry["verdict"] == "applied" for entry in table.record)


def evidence_left(item: ResultRow) -> bool:
    """Whether a checked row still carries the evidence behind it."""
    return item.n_persons is not None or bool(item.persons_ref) or item.total_abs is not None


def test_checked_rows_carry_no_evidence() -> None:
    assert not any(evidence_left(item) for table in check(submission(), RULES) for item in table.rows)
    assert evidence_left(row("attrition", "attrition", {"step": "01 a"}, "all", "n", 20, ref="x"))


@pytest.mark.parametrize("zero", [False, True])
def test_a_zero_is_kept_unless_the_policy_says_it_discloses(zero: bool) -> None:
    rows = frequency({"t": {"a": 0, "b": 40, "c": 60}})
    shown = counts_shown(check(rows, rules(zeros_are_disclosive=zero)))
    assert (shown["table_one", "sex/a", "t", "n"] is None) is zero
