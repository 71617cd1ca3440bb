# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree against a naive recursion of its definition, every proof up to 130 leaves, and every kind of damage."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.audit import checkpoint as notes
from rempart.audit.tree import Tree, leaf_hash, verify_consistency, verify_inclusion
from rempart.errors import BadInput, NotTrusted
from rempart.records.signature import sign_text
from tests.properties.ledger_story import ORIGIN, PUBLIC, key_of, note

LARGEST = 130
LEAVES = [b"leaf %d" % n for n in range(LARGEST)]
TREE = Tree(LEAVES)


def naive(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + naive(leaves[:split]) + naive(leaves[split:])).digest()


def flipped(data: bytes, bit: int) -> bytes:
    at = bit % (8 * len(data))
    return data[: at // 8] + bytes([data[at // 8] ^ (1 << at % 8)]) + data[at // 8 + 1 :]


def refused_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    try:
        verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root)
    except NotTrusted:
        return True
    return False


def refused_consistency(first: int, second: int, proof: list[bytes], old: bytes, new: bytes) -> bool:
    try:
        verify_consistency(first=first, second=second, proof=proof, old=old, new=new)
    except NotTrusted:
        return True
    return False


def test_every_root_is_that_of_the_definition() -> None:
    for size in range(LARGEST + 1):
        assert TREE.root(size) == naive(LEAVES[:size]) == Tree(LEAVES[:size]).root()


def test_every_inclusion_proof_holds_and_every_changed_bit_breaks_it() -> None:
    for size in range(1, LARGEST + 1):
        root = TREE.root(size)
        for index in range(size):
            leaf, proof = leaf_hash(LEAVES[index]), TREE.inclusion(index, size)
            verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root)
            bit = index * 131 + size * 7
            assert refused_inclusion(flipped(leaf, bit), index, size, proof, root)
            assert refused_inclusion(leaf, index, size, proof, flipped(root, bit))
            assert refused_inclusion(leaf, index + 1, size, proof, root)
            assert refused_inclusion(leaf, index - 1, size, proof, root)
            assert refused_inclusion(leaf, index, 4 * size, proof, root)
            assert refused_inclusion(leaf, index, size, [*proof, root], root)
            assert not proof or refused_inclusion(leaf, index, size, proof[:-1], root)
            for at in range(len(proof)):
                changed = [*proof[:at], flipped(proof[at], bit + at), *proof[at + 1 :]]
                assert refused_inclusion(leaf, index, size, changed, root)


def test_every_consistency_proof_holds_and_every_changed_bit_breaks_it() -> None:
    for second in range(1, LARGEST + 1):
        new = TREE.root(second)
        for first in range(1, second + 1):
            old, proof = TREE.root(first), TREE.consistency(first, second)
            verify_consistency(first=first, second=second, proof=proof, old=old, new=new)
            bit = first * 131 + second * 7
            assert refused_consistency(first, second, proof, flipped(old, bit), new)
            assert refused_consistency(first, second, proof, old, flipped(new, bit))
            assert refused_consistency(first, second, [*proof, new], old, new)
            assert refused_consistency(second + 1, second, proof, old, new)
            assert refused_consistency(first, 4 * second, proof, old, new)
            assert not proof or refused_consistency(first, second, proof[:-1], old, new)
            for at in range(len(proof)):
                changed = [*proof[:at], flipped(proof[at], bit + at), *proof[at + 1 :]]
                assert refused_consistency(first, second, changed, old, new)


def test_every_bit_of_one_proof_counts() -> None:
    leaf, proof, root = leaf_hash(LEAVES[77]), TREE.inclusion(77, 130), TREE.root(130)
    for at, item in enumerate(proof):
        for bit in range(256):
            assert refused_inclusion(leaf, 77, 130, [*proof[:at], flipped(item, bit), *proof[at + 1 :]], root)


def test_an_empty_consistency_proof_holds_only_for_equal_trees_or_from_nothing() -> None:
    empty, one = TREE.root(0), TREE.root(1)
    verify_consistency(first=0, second=5, proof=[], old=empty, new=TREE.root(5))
    verify_consistency(first=0, second=0, proof=[], old=empty, new=empty)
    assert refused_consistency(0, 5, [], one, TREE.root(5))
    assert refused_consistency(0, 0, [], empty, one)
    assert refused_consistency(0, 5, [one], empty, TREE.root(5))
    assert refused_consistency(4, 5, [], TREE.root(4), TREE.root(5))


def test_a_rewritten_entry_has_no_consistency_with_what_was_signed() -> None:
    rewritten = Tree([*LEAVES[:12], b"other", *LEAVES[13:]])
    for size in range(13, 100):
        proof = rewritten.consistency(size, 130)
        assert refused_consistency(size, 130, proof, TREE.root(size), rewritten.root(130))


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_a_cut_tree_is_the_tree_of_fewer_leaves(size: int, more: int) -> None:
    tree = Tree(LEAVES)
    tree.truncate(size)
    for leaf in LEAVES[:more]:
        tree.append(leaf)
    assert tree.root() == naive(LEAVES[:size] + LEAVES[:more])


def test_positions_outside_the_tree_are_bad_input() -> None:
    for ask in (
        lambda: TREE.root(LARGEST + 1),
        lambda: TREE.inclusion(5, 5),
        lambda: TREE.inclusion(-1, 5),
        lambda: TREE.inclusion(0, LARGEST + 1),
        lambda: TREE.consistency(6, 5),
    ):
        with pytest.raises(BadInput):
            ask()


def test_no_bit_of_a_checkpoint_is_free() -> None:
    text = note(LEAVES[:13])
    assert notes.parse_and_verify(text, ORIGIN, PUBLIC) == notes.Checkpoint(origin=ORIGIN, size=13, root=TREE.root(13))
    data = text.encode()
    for bit in range(8 * len(data)):
        changed = flipped(data, bit).decode(errors="replace")
        with pytest.raises(NotTrusted):
            notes.parse_and_verify(changed, ORIGIN, PUBLIC)


def test_a_checkpoint_of_another_log_or_key_is_not_trusted() -> None:
    text = note(LEAVES[:13])
    other = key_of("other")
    with pytest.raises(NotTrusted) as caught:
        notes.parse_and_verify(text, "other/ledger", PUBLIC)
    assert caught.value.code == "checkpoint-origin"
    with pytest.raises(NotTrusted) as caught:
        notes.parse_and_verify(text, ORIGIN, other.public_key().public_bytes_raw())
    assert caught.value.code == "checkpoint-signature"
    body = text.split("\n\n")[0] + "\n"
    forged = notes.assemble(body, ORIGIN, PUBLIC, sign_text(other, body))
    with pytest.raises(NotTrusted):
        notes.parse_and_verify(forged, ORIGIN, PUBLIC)


def test_a_witness_line_beside_the_signature_is_passed_over() -> None:
    text = note(LEAVES[:13]) + "\u2014 witness.example AAAAAAAA\n"
    assert notes.parse_and_verify(text, ORIGIN, PUBLIC).size == 13


@pytest.mark.parametrize(
    "text", ["", "\n\n", "a\n1\n", "a\nx\nAA==\n\n\u2014 a AA==\n", "a\n01\nAA==\n\n\u2014 a AA==\n", "é\ud800"]
)
def test_what_is_no_checkpoint_is_not_trusted(text: str) -> None:
    with pytest.raises(NotTrusted):
        notes.parse_and_verify(text, ORIGIN, PUBLIC)
