# SPDX-License-Identifier: Apache-2.0
"""The tampering campaign: every way of altering a stored log, at every leaf, is caught, and its first bad leaf is named."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.adapters import ledger_files as files
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.audit.kept import check_kept
from rempart.audit.tree import Tree
from rempart.errors import NotTrusted
from rempart.records.signature import sign_text
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC, Story, audit, true_story

STORY = true_story()
LEAVES = STORY.leaves
COUNT = len(LEAVES)
OTHER = [leaf.replace(b"glitazones", b"statins") for leaf in LEAVES[::-1]]

Alteration = Callable[[list[bytes], int], list[bytes]]
ALTERATIONS: dict[str, Alteration] = {
    "edit": lambda log, at: [*log[:at], log[at].replace(b'"salt":"', b'"salt":"f'), *log[at + 1 :]],
    "delete": lambda log, at: [*log[:at], *log[at + 1 :]],
    "insert": lambda log, at: [*log[:at], b'{"forged":1}', *log[at:]],
    "reorder": lambda log, at: [*log[:at], *log[at : at + 2][::-1], *log[at + 2 :]],
    "duplicate": lambda log, at: [*log[: at + 1], log[at], *log[at + 1 :]],
    "truncate": lambda log, at: log[:at],
    "splice": lambda log, at: [*log[:at], *OTHER[at:]],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A true log, appended leaf by leaf."""
    root = tmp_path_factory.mktemp("whole") / "ledger"
    writer = ledger_at(root)
    for index, leaf in enumerate(LEAVES):
        writer.append(index, [leaf])
    return root


def ledger_at(root: Path) -> DirectoryLedger:
    return DirectoryLedger(root, origin=ORIGIN, public=PUBLIC, sign=lambda text: sign_text(LEDGER, text))


def altered(log: list[bytes], name: str) -> Iterator[tuple[list[bytes], int]]:
    """Every place, with the index of the first leaf that is not the signed one."""
    for at in range(COUNT):
        made = ALTERATIONS[name](log, at)
        if made != log:
            yield (
                made,
                next((i for i, (a, b) in enumerate(zip(made, log, strict=False)) if a != b), min(len(made), COUNT)),
            )


def write_leaves(root: Path, leaves: list[bytes]) -> None:
    (root / "leaves").write_bytes(b"".join(files.record(leaf) for leaf in leaves))


def write_tiles(root: Path, leaves: list[bytes]) -> None:
    shutil.rmtree(root / "tiles", ignore_errors=True)
    files.write_tiles(root / "tiles", Tree(leaves), 0)


def verdict(root: Path, **changes: object) -> int | None:
    """The first bad index that the auditor names."""
    raw = ledger_at(root).raw()
    found = audit(
        STORY, leaves=list(raw.leaves), checkpoint=raw.checkpoint, hashes=raw.hashes, history=raw.history, **changes
    )
    assert found.first is not None, "not detected"
    return found.first.index


@pytest.mark.parametrize("tiles_too", [False, True], ids=["leaves", "leaves and tiles"])
@pytest.mark.parametrize("name", sorted(ALTERATIONS))
def test_every_alteration_is_caught_and_placed(whole: Path, tmp_path: Path, name: str, tiles_too: bool) -> None:
    root = tmp_path / "ledger"
    shutil.copytree(whole, root)
    seen = 0
    for leaves, first in altered(LEAVES, name):
        if leaves[:COUNT] == LEAVES:
            continue  # a copy of the last leaf behind the end is the rest of a crash, and belongs to no log
        write_leaves(root, leaves)
        if tiles_too:
            write_tiles(root, leaves)
        with pytest.raises(NotTrusted):
            ledger_at(root).size()
        assert verdict(root) == first
        seen += 1
    assert seen >= COUNT - 2


def test_what_is_altered_under_a_running_process_is_caught_when_it_is_read(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "ledger"
    shutil.copytree(whole, root)
    ledger = ledger_at(root)
    assert ledger.size() == COUNT
    changed = bytearray((root / "leaves").read_bytes())
    changed[len(changed) // 2] ^= 1
    (root / "leaves").write_bytes(changed)
    with pytest.raises(NotTrusted) as caught:
        ledger.leaves()
    assert caught.value.code == "ledger-leaf-altered"


def test_every_flipped_byte_of_the_leaf_file_is_caught(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "ledger"
    shutil.copytree(whole, root)
    good = (root / "leaves").read_bytes()
    for at in [*range(0, len(good), 97), 0, 1, 2, 3, len(good) - 1]:
        (root / "leaves").write_bytes(good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :])
        with pytest.raises(NotTrusted):
            ledger_at(root).leaves()


@pytest.mark.parametrize("name", ["checkpoint", "leaves"])
def test_a_file_put_back_to_an_older_state_alone_is_caught(whole: Path, tmp_path: Path, name: str) -> None:
    root, before = tmp_path / "ledger", tmp_path / "before"
    shutil.copytree(whole, root)
    shutil.copytree(whole, before)
    ledger = ledger_at(root)
    ledger.append(COUNT, [b"one more"])
    shutil.copy(before / name, root / name)
    if name == "leaves":
        with pytest.raises(NotTrusted):
            ledger_at(root).size()
    else:
        with pytest.raises(NotTrusted) as caught:
            ledger.size()
        assert caught.value.code == "ledger-rolled-back"


def grown(whole: Path, root: Path) -> str:
    """The log a day later, with its checkpoint exported."""
    shutil.copytree(whole, root)
    later = ledger_at(root)
    story = Story()
    story.now = STORY.now
    story.act("hash", "operation:hash", ["space:warehouse"])
    leaves = [event.leaf() for event in story.events]
    later.append(COUNT, leaves)
    return later.checkpoint()


def test_host_and_ledger_put_back_to_yesterday_together_are_caught_by_a_kept_checkpoint(
    whole: Path, tmp_path: Path
) -> None:
    kept = grown(whole, tmp_path / "today")
    yesterday = ledger_at(whole)
    assert yesterday.size() == COUNT
    with pytest.raises(NotTrusted) as caught:
        check_kept(kept, yesterday, origin=ORIGIN, public=PUBLIC)
    assert (caught.value.code, caught.value.facts) == ("ledger-rolled-back", {"size": COUNT, "seen": COUNT + 2})
    with pytest.raises(NotTrusted) as caught:
        verdict(whole, since=kept)
    assert caught.value.code == "ledger-rolled-back"


def test_a_history_rewritten_and_signed_again_is_caught_by_a_kept_checkpoint_and_placed(
    whole: Path, tmp_path: Path
) -> None:
    kept = ledger_at(whole).checkpoint()
    for at in (0, 3, COUNT - 1):
        root = tmp_path / f"rewritten{at}"
        shutil.copytree(whole, root)
        rewritten = [*LEAVES[:at], LEAVES[at].replace(b'"salt":"0', b'"salt":"a'), *LEAVES[at + 1 :]]
        for name in ("leaves", "checkpoint"):
            (root / name).unlink()
        ledger_at(root).append(0, rewritten)
        assert ledger_at(root).size() == COUNT
        with pytest.raises(NotTrusted) as caught:
            check_kept(kept, ledger_at(root), origin=ORIGIN, public=PUBLIC)
        assert caught.value.code == "consistency-proof"
        assert verdict(root, since=kept) == at


def test_a_kept_checkpoint_of_the_same_history_is_continued(whole: Path, tmp_path: Path) -> None:
    kept = ledger_at(whole).checkpoint()
    grown(whole, tmp_path / "today")
    assert check_kept(kept, ledger_at(tmp_path / "today"), origin=ORIGIN, public=PUBLIC).size == COUNT
    assert check_kept(kept, ledger_at(whole), origin=ORIGIN, public=PUBLIC).size == COUNT
