# SPDX-License-Identifier: Apache-2.0
"""Published Merkle vectors, and a frozen ledger folder that every later version must still read."""

import base64
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.audit.checkpoint import key_id, parse_and_verify
from rempart.audit.proofs import verify_consistency, verify_inclusion
from rempart.audit.retention import check_purged
from rempart.audit.tree import Tree, hash_of, leaf_hash

HERE = Path(__file__).resolve().parent
CT: dict[str, Any] = tomllib.loads((HERE / "ledger_tree.toml").read_text(encoding="utf-8"))
LEAVES = [bytes.fromhex(leaf) for leaf in CT["leaves"]]
FROZEN = HERE / "ledger_v1"


def unhex(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def test_the_roots_are_the_published_ones() -> None:
    tree = Tree(LEAVES)
    assert tree.root(0).hex() == CT["empty"]
    assert [tree.root(size).hex() for size in range(1, 9)] == CT["roots"]


@pytest.mark.parametrize("case", CT["inclusion"], ids=lambda c: f"{c['index']} in {c['size']}")
def test_inclusion_proofs_are_the_published_ones(case: dict[str, Any]) -> None:
    proof, root = unhex(case["proof"]), bytes.fromhex(CT["roots"][case["size"] - 1])
    assert Tree(LEAVES).inclusion(case["index"], case["size"]) == proof
    leaf = leaf_hash(LEAVES[case["index"]])
    verify_inclusion(leaf=leaf, index=case["index"], size=case["size"], proof=proof, root=root)


@pytest.mark.parametrize("case", CT["consistency"], ids=lambda c: f"{c['first']} to {c['second']}")
def test_consistency_proofs_are_the_published_ones(case: dict[str, Any]) -> None:
    proof = unhex(case["proof"])
    assert Tree(LEAVES).consistency(case["first"], case["second"]) == proof
    old, new = (bytes.fromhex(CT["roots"][case[name] - 1]) for name in ("first", "second"))
    verify_consistency(first=case["first"], second=case["second"], proof=proof, old=old, new=new)


def test_the_key_id_of_the_note_format_is_the_published_one() -> None:
    # From the documentation of Go's sumdb/note: the key "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".
    raw = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert raw[:1] == b"\x01"
    assert key_id("PeterNeumann", raw[1:]).hex() == "c74f20a3"


def test_a_frozen_ledger_is_still_read(tmp_path: Path) -> None:
    told = tomllib.loads((FROZEN / "expected.toml").read_text(encoding="utf-8"))
    shutil.copytree(FROZEN / "ledger", tmp_path / "ledger")
    ledger = DirectoryLedger(
        tmp_path / "ledger", origin=told["origin"], public=bytes.fromhex(told["public"]), sign=None
    )
    assert ledger.size() == told["size"] == len(ledger.leaves())
    signed = parse_and_verify(ledger.checkpoint(), told["origin"], bytes.fromhex(told["public"]))
    assert signed.root.hex() == told["root"]
    assert [leaf_hash(leaf).hex() for leaf in ledger.leaves()[:3]] == told["first_hashes"]
    assert list(ledger.raw().hashes) == [leaf_hash(leaf) for leaf in ledger.leaves()]


def _by_hand(data: bytes) -> list[bytes]:
    """Leaf hashes of a file as docs/ledger.md describes it."""
    found = []
    while data:
        length = int.from_bytes(data[:4], "big")
        gone, size = length >= 1 << 31, length & 0x7FFFFFFF
        content, data = data[4 : 4 + size], data[4 + size :]
        found.append(content if gone else leaf_hash(content))
    return found


def test_a_frozen_ledger_that_was_purged_is_still_read(tmp_path: Path) -> None:
    frozen = HERE / "ledger_v2"
    told = tomllib.loads((frozen / "expected.toml").read_text(encoding="utf-8"))
    shutil.copytree(frozen / "ledger", tmp_path / "ledger")
    public = base64.b64decode(told["public"])
    ledger = DirectoryLedger(tmp_path / "ledger", origin=told["origin"], public=public, sign=None)
    assert ledger.size() == told["size"] == len(ledger.leaves())
    assert list(ledger.purged()) == told["purged"]
    assert parse_and_verify(ledger.checkpoint(), told["origin"], public).root.hex() == told["root"]
    check_purged(ledger.leaves())
    hashes = _by_hand((frozen / "ledger" / "leaves").read_bytes())
    assert [hash_of(leaf) for leaf in ledger.leaves()] == hashes == list(ledger.raw().hashes)
