# SPDX-License-Identifier: Apache-2.0
"""What the ledger, the documents and the trust files promise, held against the folders that keep them."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.documents import DirectoryDocuments
from rempart.adapters.ledger_files import TILE, tile_path
from rempart.adapters.trust_files import load_trust, load_versions, save_trust
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.tree import HASH_BYTES, Tree, leaf_hash, verify_consistency, verify_inclusion
from rempart.errors import BadInput, Missing, NotTrusted, Refused, RempartError, Unavailable
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.records.canonical import sha256_id
from rempart.records.signature import sign_text
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC, ROLES, key_of, trust_version

LEAVES = [b"leaf %d" % n for n in range(600)]


def ledger_at(root: Path, *, writes: bool = True) -> DirectoryLedger:
    sign = (lambda text: sign_text(LEDGER, text)) if writes else None
    return DirectoryLedger(root, origin=ORIGIN, public=PUBLIC, sign=sign)


def code_of(act: Callable[[], object]) -> tuple[type[RempartError], str]:
    with pytest.raises(RempartError) as caught:
        act()
    return type(caught.value), caught.value.code


def test_a_new_ledger_is_empty_and_reading_it_creates_nothing(tmp_path: Path) -> None:
    ledger: Ledger = ledger_at(tmp_path / "new", writes=False)
    assert (ledger.size(), ledger.leaves(), ledger.checkpoint()) == (0, [], "")
    assert not (tmp_path / "new").exists()


def test_what_was_appended_is_read_back_by_anyone(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    assert ledger.append(0, LEAVES[:3]) == 0
    assert ledger.append(3, LEAVES[3:5]) == 3
    for reader in (ledger, ledger_at(tmp_path), ledger_at(tmp_path, writes=False)):
        assert reader.size() == 5
        assert reader.leaves() == LEAVES[:5]
        assert (reader.leaves(1, 3), reader.leaves(4), reader.leaves(5)) == (LEAVES[1:3], LEAVES[4:5], [])
        assert parse_and_verify(reader.checkpoint(), ORIGIN, PUBLIC).root == Tree(LEAVES[:5]).root()


def test_two_instances_see_what_the_other_appended_and_one_of_two_wins(tmp_path: Path) -> None:
    one, two = ledger_at(tmp_path), ledger_at(tmp_path)
    one.append(0, LEAVES[:1])
    assert two.append(1, LEAVES[1:2]) == 1
    assert code_of(lambda: one.append(1, [b"late"])) == (Unavailable, "ledger-moved")
    assert one.append(2, LEAVES[2:3]) == 2
    assert two.leaves() == LEAVES[:3]


def test_a_refused_append_changes_no_byte(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    ledger.append(0, LEAVES[:3])
    before = content(tmp_path)
    assert code_of(lambda: ledger.append(2, [b"x"])) == (Unavailable, "ledger-moved")
    assert code_of(lambda: ledger.append(3, [b""])) == (BadInput, "ledger-leaf")
    assert code_of(lambda: ledger.append(3, [b"x", bytes(1 << 21)])) == (BadInput, "ledger-leaf")
    assert code_of(lambda: ledger_at(tmp_path, writes=False).append(3, [b"x"])) == (Refused, "ledger-read-only")
    assert content(tmp_path) == before


def content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file() and p.name != "lock"}


def test_a_signer_that_fails_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    ledger_at(tmp_path).append(0, LEAVES[:3])
    before = content(tmp_path)

    def locked(_: str) -> str:
        raise Unavailable("broker-locked")

    failing = DirectoryLedger(tmp_path, origin=ORIGIN, public=PUBLIC, sign=locked)
    assert code_of(lambda: failing.append(3, [b"x"])) == (Unavailable, "broker-locked")
    assert content(tmp_path) == before
    assert (failing.size(), failing.leaves()) == (3, LEAVES[:3])


def test_what_goes_elsewhere_goes_before_anything_is_written_and_its_failure_leaves_the_old_log(tmp_path: Path) -> None:
    told: list[tuple[int, list[bytes], str]] = []

    def forward(size: int, leaves: Sequence[bytes], note: str) -> None:
        told.append((size, list(leaves), note))
        if len(told) == 3:
            raise Unavailable("second-absent")

    ledger = DirectoryLedger(
        tmp_path, origin=ORIGIN, public=PUBLIC, sign=lambda text: sign_text(LEDGER, text), forward=forward
    )
    ledger.append(0, LEAVES[:3])
    assert [(size, leaves) for size, leaves, _ in told] == [(0, []), (0, LEAVES[:3])]
    assert told[1][2] == ledger.checkpoint()
    before = content(tmp_path)
    assert code_of(lambda: ledger.append(3, LEAVES[3:5])) == (Unavailable, "second-absent")
    assert content(tmp_path) == before and ledger.size() == 3
    other = ledger_at(tmp_path, writes=False)
    assert other.take_up(LEAVES[3:5], told[2][2]) == 5, "signed already: no key is needed"
    assert (ledger.leaves(), ledger.checkpoint()) == (LEAVES[:5], told[2][2])


def test_only_signed_leaves_that_follow_are_taken_up(tmp_path: Path) -> None:
    ledger, elsewhere = ledger_at(tmp_path / "here"), ledger_at(tmp_path / "there")
    elsewhere.append(0, LEAVES[:3])
    note = elsewhere.checkpoint()
    assert code_of(lambda: ledger.take_up(LEAVES[1:4], note)) == (NotTrusted, "ledger-root")
    assert code_of(lambda: ledger.take_up(LEAVES[:2], note)) == (Unavailable, "ledger-moved")
    assert code_of(lambda: ledger.take_up(LEAVES[:3], note.replace("\n3\n", "\n4\n"))) == (
        NotTrusted,
        "checkpoint-signature",
    )
    assert (ledger.size(), ledger.take_up(LEAVES[:3], note), ledger.leaves()) == (0, 3, LEAVES[:3])


def test_a_read_only_folder_can_be_read(tmp_path: Path) -> None:
    ledger_at(tmp_path).append(0, LEAVES[:3])
    before = content(tmp_path)
    for folder in (tmp_path, *(p for p in tmp_path.rglob("*") if p.is_dir())):
        folder.chmod(0o500)
    try:
        assert ledger_at(tmp_path, writes=False).leaves() == LEAVES[:3]
    finally:
        for folder in (tmp_path, *(p for p in tmp_path.rglob("*") if p.is_dir())):
            folder.chmod(0o700)
    assert content(tmp_path) == before


def test_proofs_come_from_the_log_and_hold(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    ledger.append(0, LEAVES[:70])
    ledger.append(70, LEAVES[70:100])
    signed = parse_and_verify(ledger.checkpoint(), ORIGIN, PUBLIC)
    for index in (0, 69, 70, 99):
        proof = ledger.inclusion(index, 100)
        verify_inclusion(leaf=leaf_hash(LEAVES[index]), index=index, size=100, proof=proof, root=signed.root)
    proof = ledger.consistency(70, 100)
    verify_consistency(first=70, second=100, proof=proof, old=ledger.root(70), new=signed.root)
    assert code_of(lambda: ledger.inclusion(100, 100)) == (BadInput, "ledger-range")
    assert code_of(lambda: ledger.consistency(70, 101)) == (BadInput, "ledger-range")
    assert code_of(lambda: ledger.leaves(3, 101)) == (BadInput, "ledger-range")


@pytest.mark.parametrize("sizes", [(1, 255, 1, 1), (256,), (257,), (600,), (1,) * 12, (250, 12, 249, 5)])
def test_tiles_hold_the_hashes_of_every_level(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    ledger = ledger_at(tmp_path)
    for count in sizes:
        at = ledger.size()
        ledger.append(at, LEAVES[at : at + count])
    total = sum(sizes)
    tree = Tree(LEAVES[:total])
    expected: dict[Path, bytes] = {}
    for level, shift in enumerate((0, 8)):
        for number in range(-(-(total >> shift) // TILE)):
            hashes = tree.nodes(shift, number * TILE, (number + 1) * TILE)
            expected[tile_path(tmp_path / "tiles", level, number, len(hashes) // HASH_BYTES)] = hashes
    found = {path: path.read_bytes() for path in (tmp_path / "tiles").rglob("*") if path.is_file()}
    assert found == expected
    assert list(ledger.raw().hashes) == [leaf_hash(leaf) for leaf in LEAVES[:total]]


def test_tile_paths_are_those_of_the_format() -> None:
    assert tile_path(Path("tiles"), 0, 1234067, 256) == Path("tiles/0/x001/x234/067")
    assert tile_path(Path("tiles"), 1, 0, 3) == Path("tiles/1/000.p/3")


def test_every_signed_checkpoint_is_kept_for_the_auditor(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    ledger.append(0, LEAVES[:3])
    ledger.append(3, LEAVES[3:4])
    with (tmp_path / "checkpoints").open("ab") as torn:
        torn.write(b'\n"half of a li')
    ledger.append(4, LEAVES[4:9])
    history = [parse_and_verify(text, ORIGIN, PUBLIC) for text in ledger.raw().history]
    assert [(kept.size, kept.root) for kept in history] == [(n, ledger.root(n)) for n in (0, 3, 4, 9)]


def test_ten_thousand_appends_stay_quick(tmp_path: Path) -> None:
    ledger_at(tmp_path).append(0, [b"x" * 600 + b"%d" % n for n in range(10_000)])
    signature = sign_text(LEDGER, "warm")
    assert signature
    ledger = ledger_at(tmp_path)
    ledger.size()
    spent = []
    for number in range(40):
        begun = time.perf_counter()
        ledger.append(10_000 + number, [b"y" * 600])
        spent.append(time.perf_counter() - begun)
    # The work itself is bounded, whatever the disk: the median leaves room for a slow fsync on a shared machine.
    assert sorted(spent)[20] < 0.03


def test_documents_are_kept_under_their_hash_and_checked_when_read(tmp_path: Path) -> None:
    documents: Documents = DirectoryDocuments(tmp_path / "documents")
    name = documents.put(b"a permit")
    assert name == sha256_id(b"a permit") == documents.put(b"a permit")
    assert documents.get(name) == b"a permit"
    assert [path.name for path in (tmp_path / "documents").iterdir()] == [name.removeprefix("sha256:")]
    (tmp_path / "documents" / name.removeprefix("sha256:")).write_bytes(b"another")
    assert code_of(lambda: documents.get(name)) == (NotTrusted, "document-altered")
    assert documents.put(b"a permit") == name
    assert documents.get(name) == b"a permit"


@pytest.mark.parametrize("name", ["sha256:" + "0" * 64, "", "sha256:", "sha256:../../etc/passwd", "sha256:" + "A" * 64])
def test_a_name_of_no_document_is_missing_and_names_no_file(tmp_path: Path, name: str) -> None:
    assert code_of(lambda: DirectoryDocuments(tmp_path).get(name)) == (Missing, "document-missing")


def test_the_trust_file_is_loaded_through_its_whole_chain(tmp_path: Path) -> None:
    first = trust_version(1, None, ("olga",))
    second = trust_version(2, first, tuple(ROLES))
    assert code_of(lambda: load_trust(tmp_path, first.id)) == (Missing, "trust-missing")
    save_trust(tmp_path, first)
    save_trust(tmp_path, second)
    save_trust(tmp_path, second)
    assert load_trust(tmp_path, first.id) == second
    assert load_versions(tmp_path) == (first, second)
    told = (tmp_path / "actors" / "alice.pub").read_text(encoding="utf-8").split()
    assert told == ["ed25519", next(e.public for e in second.entries if e.actor == "alice"), "alice"]
    assert key_of("alice").public_key()


def test_a_trust_file_that_was_altered_replaced_or_cut_is_not_trusted(tmp_path: Path) -> None:
    first = trust_version(1, None, ("olga",))
    second = trust_version(2, first, tuple(ROLES))
    save_trust(tmp_path, first)
    save_trust(tmp_path, second)
    assert code_of(lambda: save_trust(tmp_path, trust_version(2, first, ("olga",)))) == (NotTrusted, "trust-version")
    assert code_of(lambda: load_trust(tmp_path, second.id)) == (NotTrusted, "trust-chain")
    path = tmp_path / "trust" / "2.json"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"bob", b"rob"))
    assert code_of(lambda: load_trust(tmp_path, first.id))[0] is NotTrusted
    path.write_bytes(json.dumps(json.loads(good), indent=1).encode())
    assert code_of(lambda: load_trust(tmp_path, first.id)) == (NotTrusted, "not-canonical-bytes")
    path.write_bytes(good)
    os.rename(tmp_path / "trust" / "1.json", tmp_path / "trust" / "3.json")
    assert code_of(lambda: load_trust(tmp_path, first.id)) == (NotTrusted, "trust-chain")
