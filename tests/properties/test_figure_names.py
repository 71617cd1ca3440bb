# SPDX-License-Identifier: Apache-2.0
"""Names at the ends of curves never overlap, stay in order, and stay where they belong as a group."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from rempart.adapters.figure_curves import _apart


@given(st.lists(st.floats(0, 330), min_size=1, max_size=4).map(sorted))
def test_names_at_the_ends_of_curves_do_not_touch_and_keep_their_order(heights: list[float]) -> None:
    placed = _apart(heights)
    assert all(after - before >= 17.999 for before, after in itertools.pairwise(placed))
    assert abs(sum(placed) - sum(heights)) < 1e-6


def test_names_that_are_far_apart_are_left_where_they_are() -> None:
    assert _apart([10.0, 100.0, 200.0]) == [10.0, 100.0, 200.0]
