# SPDX-License-Identifier: Apache-2.0
"""The verifier that lies in every evidence pack: its signatures and proofs against those of others, and what it imports."""

import ast
import random
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters import pack_verifier
from rempart.audit.rules_pack import MANIFEST
from rempart.audit.tree import Tree, leaf_hash
from tests.properties.ledger_story import ORIGIN, PUBLIC, Story, audit, note, true_story
from tests.properties.pack_histories import evidence_pack

FILE = Path(str(pack_verifier.__file__))
ALLOWED = {"__future__", "argparse", "base64", "hashlib", "json", "pathlib", "sys", "typing"}


def test_it_imports_a_few_modules_of_the_standard_library_and_no_other() -> None:
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert named == ALLOWED and named - {"__future__"} <= set(sys.stdlib_module_names)
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"eval", "exec", "open", "compile", "__import__"}


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 511), st.integers(0, 255))
def test_a_signature_holds_as_the_library_says_and_no_bit_of_it_is_free(
    seed: bytes, message: bytes, bit: int, key_bit: int
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert pack_verifier.ed25519(public, message, signature)
    assert not pack_verifier.ed25519(public, message + b"x", signature)
    assert not pack_verifier.ed25519(public, message, _flipped(signature, bit))
    assert not pack_verifier.ed25519(_flipped(public, key_bit), message, signature)


def test_a_signature_that_is_not_in_its_one_form_is_refused() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
    public, signature = private.public_key().public_bytes_raw(), private.sign(b"m")
    other = int.from_bytes(signature[32:], "little") + pack_verifier.ORDER
    assert not pack_verifier.ed25519(public, b"m", signature[:32] + other.to_bytes(32, "little"))
    assert not pack_verifier.ed25519(public, b"m", signature[:63])
    base = (4 * pow(5, pack_verifier.PRIME - 2, pack_verifier.PRIME) % pack_verifier.PRIME).to_bytes(32, "little")
    one = base + (1).to_bytes(32, "little")  # holds for any message under the key that adds nothing
    assert pack_verifier.ed25519((1).to_bytes(32, "little"), b"m", one)
    assert not pack_verifier.ed25519((pack_verifier.PRIME + 1).to_bytes(32, "little"), b"m", one)


def test_the_signature_of_rfc_8032_holds() -> None:
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert pack_verifier.ed25519(public, b"\x72", signature)


def test_proofs_of_every_small_tree_hold_and_others_do_not() -> None:
    draw = random.Random(7)
    tree = Tree(b"leaf %d" % n for n in range(33))
    for size in range(1, 34):
        root = tree.root(size)
        for index in range(size):
            path = tree.inclusion(index, size)
            leaf = leaf_hash(b"leaf %d" % index)
            assert pack_verifier.climb(index, size, path, leaf) == root
            assert pack_verifier.leaf_hash(b"leaf %d" % index) == leaf
            if path:
                assert _climbed(index, size, path[:-1], leaf) != root
                assert _climbed(index, size, [*path, path[0]], leaf) != root
                assert _climbed(draw.choice([n for n in range(size) if n != index]), size, path, leaf) != root
        for first in range(1, size + 1):
            grown = tree.consistency(first, size)
            old = tree.root(first)
            assert pack_verifier.grows(first, size, grown, old, root)
            assert not pack_verifier.grows(first, size, [*grown, root], old, root)
            if first < size:
                assert not pack_verifier.grows(first, size, grown, root, root)
                assert not pack_verifier.grows(first, size, grown[:-1], old, root)
                assert not pack_verifier.grows(first, size, grown, old, old)


def test_a_checkpoint_is_of_this_log_and_signed_once() -> None:
    story = true_story()
    signed = note(story.leaves)
    size, root = pack_verifier.checkpoint(signed, ORIGIN, PUBLIC)
    assert (size, root) == (len(story.leaves), Tree(story.leaves).root())
    for text in (signed + signed.splitlines()[-1] + "\n", signed.replace(ORIGIN, "rempart.test/other"), signed[:-1]):
        with pytest.raises((pack_verifier.Bad, ValueError)):
            pack_verifier.checkpoint(text, ORIGIN, PUBLIC)


@pytest.mark.parametrize(
    ("how", "code"),
    [({"kept": False}, "document-missing"), ({"schema": "other/1"}, "document-form"), ({"size": 0}, "document-form")],
)
def test_the_audit_asks_for_the_manifest_of_each_pack(how: dict[str, object], code: str) -> None:
    story = true_story()
    evidence_pack(story, **how)  # type: ignore[arg-type]
    assert [(item.rule, item.facts["code"]) for item in audit(story).items] == [("pack-manifest", code)]


def test_a_pack_of_this_ledger_has_nothing_to_find() -> None:
    story: Story = true_story()
    evidence_pack(story)
    assert audit(story).items == () and MANIFEST.endswith("/1")


def _climbed(index: int, size: int, path: list[bytes], leaf: bytes) -> bytes:
    try:
        return pack_verifier.climb(index, size, path, leaf)
    except pack_verifier.Bad:
        return b""


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
