# SPDX-License-Identifier: Apache-2.0
"""What an outsider needs to check a Merkle log: two hashes and two proof verifiers (RFC 6962 §2.1, RFC 9162 §2.1.3–4).

Holds no tree and makes no proof; short on purpose, to be read in one sitting.
"""

import hashlib
import hmac
from collections.abc import Sequence

from rempart.errors import NotTrusted

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 ‖ leaf): 32 bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right): 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Prove that the leaf with hash ``leaf`` stands at ``index`` in the tree of ``size`` leaves with ``root``.

    Raises NotTrusted ``inclusion-proof``: wrong hash, position, size or root; a proof too long or too short.
    """
    good = 0 <= index < size and all(len(item) == HASH_BYTES for item in (leaf, root, *proof))
    if not good or not _climbs(leaf, index, size - 1, proof, root):
        raise NotTrusted("inclusion-proof", index=index, size=size)


def _climbs(leaf: bytes, index: int, last: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 §2.1.3.2: walk from the leaf to the root; ``last`` is the index of the rightmost node of the level."""
    at, here = index, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            here = node_hash(sibling, here)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            here = node_hash(here, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and hmac.compare_digest(here, root)


def verify_consistency(*, first: int, second: int, proof: Sequence[bytes], old: bytes, new: bytes) -> None:
    """Prove that the tree of ``first`` leaves with root ``old`` is a prefix of the one of ``second`` with root ``new``.

    An empty proof holds only for equal sizes with equal roots, or for ``first`` = 0 with the empty root.
    Raises NotTrusted ``consistency-proof``.
    """
    good = 0 <= first <= second and all(len(item) == HASH_BYTES for item in (old, new, *proof))
    if not good or not _agrees(first, second, list(proof), old, new):
        raise NotTrusted("consistency-proof", first=first, second=second)


def _agrees(first: int, second: int, proof: list[bytes], old: bytes, new: bytes) -> bool:
    if first == 0:
        return not proof and old == EMPTY_ROOT and (second > 0 or new == EMPTY_ROOT)
    if first == second:
        return not proof and hmac.compare_digest(old, new)
    if first & (first - 1) == 0:
        proof = [old, *proof]
    return bool(proof) and _both_climb(first - 1, second - 1, proof, old, new)


def _both_climb(at: int, last: int, proof: list[bytes], old: bytes, new: bytes) -> bool:
    """RFC 9162 §2.1.4.2: one walk that rebuilds both roots."""
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and hmac.compare_digest(before, old) and hmac.compare_digest(after, new)
