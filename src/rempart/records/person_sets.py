# SPDX-License-Identifier: Apache-2.0
"""Sets of persons in the one numbering that all projects of a warehouse share, and their sketches: small sums that tell close sets.

Personal data, all of it: lives in the check's process and in sealed documents, nowhere else.
"""

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]
BLOCKS = 32
"""Of a sketch. Sets that differ by fewer persons than that are equal in one of their blocks at least."""
_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def packed(places: NDArray[np.integer]) -> bytes:
    """Whole numbers below 2^32, none twice, as a compressed bitmap."""
    return BitMap(array("I", np.ascontiguousarray(places, dtype=np.uint32).tobytes())).serialize()


def unpacked(data: bytes) -> NDArray[np.uint32]:
    """What ``packed`` was given, in ascending order."""
    return np.asarray(BitMap.deserialize(data).to_array(), dtype=np.uint32)


def sketch_keys(secret: bytes) -> tuple[int, int]:
    """The two numbers that a sketch is keyed by."""
    told = hashlib.sha256(b"rempart.sketch/1" + secret).digest()
    return int.from_bytes(told[:8], "big"), int.from_bytes(told[8:16], "big")


def words_of(index: Numbers, keys: tuple[int, int]) -> Words:
    """Two keyed words for each person of ``index``: shape (persons, 2)."""
    found = np.empty((len(index), 2), dtype=np.uint64)
    for column, key in enumerate(keys):
        found[:, column] = _mixed(index.astype(np.uint64) ^ np.uint64(key))
    return found


def sketch(words: Words) -> Words:
    """Sums mod 2^64 of the words of a set's persons, by block: shape (32, 2). Sketches of sets that share nobody add up."""
    found = np.zeros((BLOCKS, 2), dtype=np.uint64)
    block = (words[:, 0] >> np.uint64(59)).astype(np.intp)
    for column in (0, 1):
        np.add.at(found[:, column], block, words[:, column])
    return found


def _mixed(words: Words) -> Words:
    """The finaliser of splitmix64, mod 2^64."""
    words = words + np.uint64(_STEP)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(_FIRST)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(_SECOND)
    return words ^ (words >> np.uint64(31))


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSets:
    """``index``: the shared numbers of everybody who is in one of the sets, ascending; ``sets``: name → bitmap of places in it."""

    index: Numbers
    sets: Mapping[str, bytes]

    def persons(self, name: str) -> Numbers:
        """The shared numbers of a set, ascending."""
        return self.index[unpacked(self.sets[name])]

    def sketches(self, names: Sequence[str], secret: bytes) -> "Sketches":
        """Of those of ``names``, in that order."""
        words = words_of(self.index, sketch_keys(secret))
        places = [unpacked(self.sets[name]) for name in names]
        sums = [sketch(words[at]) for at in places]
        return Sketches(
            names=tuple(names),
            sizes=np.array([len(at) for at in places], dtype=np.int64),
            sums=np.stack(sums) if sums else np.zeros((0, BLOCKS, 2), dtype=np.uint64),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketches:
    """Of sets: ``names``, ``sizes`` and ``sums`` of shape (sets, 32, 2)."""

    names: tuple[str, ...]
    sizes: Numbers
    sums: Words

    def marks(self) -> dict[str, bytes]:
        """Name → what the same persons give in every result of every project, made with the secret: the sum of all blocks."""
        totals = np.ascontiguousarray(self.sums.sum(axis=1, dtype=np.uint64), dtype="<u8")
        return {name: totals[at].tobytes() for at, name in enumerate(self.names)}


def difference(one: Numbers, other: Numbers) -> int:
    """How many persons are in one of two sets and not in both; both ascending."""
    return len(one) + len(other) - 2 * len(np.intersect1d(one, other, assume_unique=True))
