# SPDX-License-Identifier: Apache-2.0
"""The shard of each person: the first bits of a keyed hash, so that a shard of S splits into two of 2 S by one more bit."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rempart.identity.keyed_hash import digests

_PURPOSE = b"rempart.shard/1"
_BITS = 32


def shard_of(pseudonyms: Sequence[str], key: bytes, shards: int) -> NDArray[np.int64]:
    """Shard numbers 0 … shards-1, one a pseudonym; ``shards`` is a power of two up to 2^32, else ValueError."""
    if shards < 1 or shards & (shards - 1) or shards > 1 << _BITS:
        raise ValueError("the number of shards is a power of two")
    heads = b"".join(digest[: _BITS // 8] for digest in digests(pseudonyms, key, _PURPOSE))
    numbers = np.frombuffer(heads, dtype=">u4").astype(np.uint64)
    return (numbers >> np.uint64(_BITS - (shards.bit_length() - 1))).astype(np.int64)
