# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms, shards and ordinals for any persons and keys."""

import hashlib
import hmac

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.identity.ordinals import project_ordinals
from rempart.identity.pseudonyms import pseudonyms
from rempart.identity.shards import shard_of

PERSONS = st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=40)
KEYS = st.binary(min_size=16, max_size=80)  # a key beyond the block of 64 bytes is hashed first


@given(PERSONS, KEYS)
def test_a_pseudonym_is_a_keyed_hash_of_the_person_alone(persons: list[str], key: bytes) -> None:
    made = pseudonyms(persons, key)
    assert made == [
        hmac.new(key, b"rempart.pseudonym/1\x00" + p.encode(), hashlib.sha256).hexdigest()[:32] for p in persons
    ]
    assert pseudonyms(persons[::-1], key) == made[::-1]


@given(PERSONS.filter(bool), KEYS, KEYS)
def test_another_key_gives_unrelated_pseudonyms(persons: list[str], first: bytes, second: bytes) -> None:
    if first != second:
        assert not set(pseudonyms(persons, first)) & set(pseudonyms(persons, second))


@given(PERSONS, KEYS, st.integers(0, 10))
def test_a_shard_splits_in_two_by_one_more_bit(persons: list[str], key: bytes, bits: int) -> None:
    coarse, fine = shard_of(persons, key, 1 << bits), shard_of(persons, key, 2 << bits)
    assert coarse.tolist() == (fine // 2).tolist()
    assert all(0 <= shard < 1 << bits for shard in coarse.tolist())


def test_shards_are_even() -> None:
    counts = np.bincount(shard_of([f"p{n}" for n in range(16_000)], b"k" * 32, 16), minlength=16)
    assert counts.min() > 850 and counts.max() < 1150


@given(PERSONS, KEYS)
def test_ordinals_are_dense_and_follow_the_person_not_the_order(persons: list[str], key: bytes) -> None:
    made = project_ordinals(persons, key)
    assert sorted(made.tolist()) == list(range(1, len(persons) + 1))
    assert project_ordinals(persons[::-1], key).tolist() == made.tolist()[::-1]


def test_ordinals_of_two_projects_are_unrelated() -> None:
    persons = [f"p{n}" for n in range(2_000)]
    first, second = project_ordinals(persons, b"a" * 32), project_ordinals(persons, b"b" * 32)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    assert abs(np.corrcoef(first, np.arange(2_000))[0, 1]) < 0.1


@pytest.mark.parametrize("shards", [0, 3, -4, 1 << 33])
def test_a_number_of_shards_that_is_no_power_of_two_is_refused(shards: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        shard_of(["a"], b"k" * 32, shards)


def test_a_short_key_an_empty_person_and_a_double_are_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        pseudonyms(["a"], b"short")
    with pytest.raises(ValueError, match="without a name"):
        pseudonyms([""], b"k" * 32)
    with pytest.raises(ValueError, match="twice"):
        project_ordinals(["a", "a"], b"k" * 32)
