# SPDX-License-Identifier: Apache-2.0
"""Padmé: never shorter, at most 12 % longer, few sizes left to tell apart."""

import math

from hypothesis import given
from hypothesis import strategies as st

from rempart.vault.padding import padme

LENGTHS = st.integers(min_value=0, max_value=1 << 50)


def oracle(length: int) -> int:
    """The formula of docs/format.md in floating point, for lengths where that is exact."""
    exponent = math.floor(math.log2(length))
    step = 2 ** max(exponent - (math.floor(math.log2(exponent)) + 1 if exponent else 0), 0)
    return math.ceil(length / step) * step


@given(LENGTHS)
def test_padding_never_shortens_and_adds_at_most_twelve_percent(length: int) -> None:
    assert length <= padme(length) <= length * 1.12


@given(LENGTHS)
def test_a_padded_length_is_its_own_padding(length: int) -> None:
    assert padme(padme(length)) == padme(length)


@given(LENGTHS, LENGTHS)
def test_a_longer_text_is_never_padded_to_less(one: int, other: int) -> None:
    assert padme(min(one, other)) <= padme(max(one, other))


def test_the_formula_holds_for_every_small_length() -> None:
    assert [padme(length) for length in range(2, 70_000)] == [oracle(length) for length in range(2, 70_000)]


def test_known_lengths() -> None:
    assert [padme(n) for n in (0, 1, 2, 9, 100, 1000, 1_000_000, 10**9)] == [
        0, 1, 2, 10, 104, 1024, 1_015_808, 1_006_632_960,
    ]  # fmt: skip


def test_few_sizes_are_left_among_a_million() -> None:
    assert len({padme(length) for length in range(1_000_000)}) < 1000
