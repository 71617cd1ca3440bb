# SPDX-License-Identifier: Apache-2.0
"""The quick writer of canonical bytes gives what RFC 8785's own library gives, or steps aside."""

import datetime
import enum
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.records.canonical import _quick, canonical_bytes, parse_canonical, plain

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
    | st.floats(min_value=-1e15, max_value=1e15)
    | st.text(max_size=8)
    | st.text(alphabet=st.characters(max_codepoint=127), max_size=8)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(TREES)
def test_the_bytes_are_those_of_the_library(value: Any) -> None:
    expected = rfc8785.dumps(plain(value))
    assert canonical_bytes(value) == expected
    assert _quick(value) in {None, expected}
    assert canonical_bytes(parse_canonical(expected, what="t")) == expected


def test_it_takes_the_quick_way_where_it_may() -> None:
    value = {"b": [1, True, None, 'a\x00\x1f\x7f\\"\n/é'[:-1]], "a": {"z": -(2**53) + 1, "A": ()}}
    assert _quick(value) == rfc8785.dumps(plain(value))


class Colour(enum.StrEnum):
    """Text of another type."""

    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        -0.0,
        1e16,
        {"a": 2**53},
        {1: 2},
        {True: 1},
        {None: 1},
        "é",
        {"é": 1},
        Colour.RED,
        Decimal(1),
        datetime.date.max,
    ],
)
def test_it_steps_aside_for_everything_else(value: Any) -> None:
    assert _quick(value) is None
