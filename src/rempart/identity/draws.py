# SPDX-License-Identifier: Apache-2.0
"""The draw number of each person in a project: what every random choice about the person hashes (matching, folds, ties).

A keyed hash of the project's pseudonym, so it says nothing about the person, does not change when others come or go (an ordinal does),
and is the same however the project is cut into shards. Chooses nothing itself.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rempart.identity.keyed_hash import digests

_PURPOSE = b"rempart.draw/1"
_BYTES = 8


def draw_numbers(pseudonyms: Sequence[str], key: bytes) -> NDArray[np.int64]:
    """63 bits each, in the order given, never negative. Two of 68 million persons share one with
    a chance of 1 in 4,000: whoever orders by it lets the ordinal break the tie.

    Raises ValueError for a key under 16 bytes.
    """
    heads = b"".join(digest[:_BYTES] for digest in digests(pseudonyms, key, _PURPOSE))
    return (np.frombuffer(heads, dtype=">u8") >> np.uint64(1)).astype(np.int64)
