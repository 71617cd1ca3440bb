# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree of RFC 6962 §2.1 in memory: append, root of any earlier size, proofs.

Keeps hashes only, never leaves; stores nothing. The verifiers stand in ``proofs`` and are named here for callers.
"""

from collections.abc import Iterable
from hashlib import sha256

from rempart.audit.proofs import (
    EMPTY_ROOT,
    HASH_BYTES,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from rempart.errors import BadInput
from rempart.records.event import PURGED_START, purged_hash

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Tree",
    "hash_of",
    "hashes_of",
    "leaf_hash",
    "node_hash",
    "verify_consistency",
    "verify_inclusion",
]


class Tree:
    """Per level one array of complete nodes, 32 bytes each: level 0 holds leaf hashes, level L roots of 2^L leaves."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """A tree over the given leaves (data, not hashes)."""
        nodes = hashes_of(leaves)
        self._levels = [bytearray(nodes)]
        while len(nodes) >= 2 * HASH_BYTES:
            nodes = _above(nodes)
            self._levels.append(bytearray(nodes))

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> int:
        """Add one leaf's data; its index. Amortised two hashes."""
        return self.append_hash(hash_of(leaf))

    def append_hash(self, digest: bytes) -> int:
        """Add a leaf by its hash; its index."""
        index, node = self.size, digest
        for level in range(index.bit_length() + 1):
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += node
            if not (index >> level) & 1:
                break
            node = node_hash(*_last_two(self._levels[level]))
        return index

    def truncate(self, size: int) -> None:
        """Forget the leaves from ``size`` on."""
        for level, nodes in enumerate(self._levels):
            del nodes[(size >> level) * HASH_BYTES :]

    def nodes(self, level: int, start: int, end: int) -> bytes:
        """Complete nodes [start, end) of a level, concatenated; fewer when there are fewer."""
        if level >= len(self._levels):
            return b""
        return bytes(self._levels[level][start * HASH_BYTES : end * HASH_BYTES])

    def hash_at(self, index: int) -> bytes:
        """The hash of leaf ``index``."""
        return self.nodes(0, index, index + 1)

    def root(self, size: int | None = None) -> bytes:
        """Root of the first ``size`` leaves (all by default); raises BadInput ``ledger-range``."""
        wanted = self.size if size is None else size
        self._check(0, wanted)
        return self._range(0, wanted) if wanted else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Proof hashes that leaf ``index`` is in the first ``size`` leaves, leaf side first; raises BadInput ``ledger-range``."""
        self._check(index + 1, size)
        self._check(0, index)
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Proof hashes that the first ``first`` leaves are a prefix of ``second``; raises BadInput ``ledger-range``."""
        self._check(first, second)
        path: list[bytes] = []
        low, high = 0, second
        while low < first < high:
            middle = low + _split(high - low)
            if first <= middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        if low and first:
            path.append(self._range(low, high))
        return path[::-1]

    def _check(self, low: int, high: int) -> None:
        if not 0 <= low <= high <= self.size:
            raise BadInput("ledger-range", first=low, last=high, size=self.size)

    def _range(self, low: int, high: int) -> bytes:
        """Root of the leaves [low, high): read where complete and aligned, else hashed from two halves."""
        count = high - low
        if count & (count - 1) == 0 and low % count == 0:
            level = count.bit_length() - 1
            return self.nodes(level, low >> level, (low >> level) + 1)
        middle = low + _split(count)
        return node_hash(self._range(low, middle), self._range(middle, high))


def hash_of(leaf: bytes) -> bytes:
    """The tree's hash of a leaf as the ledger gives it: computed, or the one that a purged leaf keeps."""
    return purged_hash(leaf) or leaf_hash(leaf)


def hashes_of(leaves: Iterable[bytes]) -> bytes:
    """``hash_of`` each, one after another, without a call for each."""
    return b"".join(
        [hash_of(leaf) if leaf.startswith(PURGED_START) else sha256(b"\x00" + leaf).digest() for leaf in leaves]
    )


def _above(nodes: bytes) -> bytes:
    """The nodes over each two of a level, as ``node_hash`` has them, without a call for each."""
    pair = 2 * HASH_BYTES
    whole = len(nodes) - len(nodes) % pair
    return b"".join([sha256(b"\x01" + nodes[at : at + pair]).digest() for at in range(0, whole, pair)])


def _split(count: int) -> int:
    """The largest power of two smaller than ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def _last_two(nodes: bytearray) -> tuple[bytes, bytes]:
    return bytes(nodes[-2 * HASH_BYTES : -HASH_BYTES]), bytes(nodes[-HASH_BYTES:])
