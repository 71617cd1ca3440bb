# SPDX-License-Identifier: Apache-2.0
"""Invented leaks are planted where there is free text, in any size; where there is none, asking for them is refused."""

import pytest

from rempart.adapters.delivery_writer import synthetic_tables
from rempart.errors import BadInput
from rempart.synthetic.leaks import HANDFUL, KINDS, labels
from rempart.synthetic.plan import SyntheticPlan


def planned(population: str, *, whole: bool) -> SyntheticPlan:
    return SyntheticPlan(
        persons=300, first_year=2012, last_year=2013, seed=3, population=population, whole=whole, leaks=True, tables=synthetic_tables()
    )  # fmt: skip


@pytest.mark.parametrize("size", [12, 16, 60, 5000])
def test_a_handful_of_each_kind_is_planted_whatever_the_size(size: int) -> None:
    texts, counts = labels(planned("france", whole=True), size)
    assert all(counts[f"leaks_{kind}"] >= HANDFUL for kind in KINDS)
    assert len(texts) == size
    assert sum(counts.values()) == sum(
        any(mark in text for mark in ("MME ", "TEL ", "PARIS")) or text[-1].isdigit() for text in texts
    )


def test_fewer_causes_than_leaks_hold_one_each() -> None:
    _, counts = labels(planned("france", whole=True), 3)
    assert sum(counts.values()) == 3


def test_leaks_where_there_is_no_free_text_are_refused() -> None:
    with pytest.raises(BadInput) as caught:
        planned("study", whole=False)
    assert caught.value.code == "synth-leaks"
