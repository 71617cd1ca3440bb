# SPDX-License-Identifier: Apache-2.0
"""Our ledger folder read by another implementation of the C2SP formats (tlog-scales): checkpoint, tiles, both proofs."""

from itertools import pairwise
from pathlib import Path

import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey

from rempart.audit.tree import leaf_hash, verify_consistency, verify_inclusion
from rempart.records.vkey import ED25519_LOG, VerifierKey
from tests.conformance.test_ledger import LEAVES, ledger_at
from tests.properties.ledger_story import ORIGIN, PUBLIC


@pytest.mark.parametrize("sizes", [(1,), (255, 1), (256,), (200, 57, 300), (600,)])
def test_another_implementation_reads_our_tiles_and_each_believes_the_others_proofs(
    tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    ledger = ledger_at(tmp_path)
    for more in sizes:
        ledger.append(ledger.size(), LEAVES[ledger.size() : ledger.size() + more])
    (tmp_path / "tile").symlink_to(tmp_path / "tiles")
    other = TilesReader(LocalBackend(tmp_path))
    seen = other.get_checkpoint()
    seen.verify(Vkey.from_string(VerifierKey(name=ORIGIN, kind=ED25519_LOG, public=PUBLIC).line))
    size = ledger.size()
    assert (seen.size, seen.root_hash, other.calculate_root_hash()) == (size, ledger.root(size), ledger.root(size))
    for index in {0, size // 2, size - 1}:
        theirs = other.get_inclusion_proof(index, size)
        theirs.check(leaf_hash(LEAVES[index]), ledger.root(size))
        verify_inclusion(
            leaf=leaf_hash(LEAVES[index]),
            index=index,
            size=size,
            proof=ledger.inclusion(index, size),
            root=other.calculate_root_hash(),
        )
    for first, second in pairwise(sorted({1, size // 2 or 1, size})):
        other.get_consistency_proof(first, second).check(ledger.root(first), ledger.root(second))
        verify_consistency(
            first=first,
            second=second,
            proof=ledger.consistency(first, second),
            old=ledger.root(first),
            new=ledger.root(second),
        )
