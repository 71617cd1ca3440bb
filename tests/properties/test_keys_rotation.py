# SPDX-License-Identifier: Apache-2.0
"""Rotations among commits and reads, in any order: every kept snapshot opens to what was written, epochs never fall, no part is
touched; and what a rotation may not do."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.errors import NotTrusted, Refused, Unavailable
from rempart.journeys.chain import kept
from rempart.journeys.rotation import left_over, next_steps
from rempart.journeys.space import commits
from rempart.keys.rotation import SCHEMA
from rempart.ports.broker import GrantRequest
from rempart.records.keyring import SpaceKeyring
from rempart.records.sealed import Sealed
from rempart.vault.manifest import open_keyring
from tests.properties.keys_story import context
from tests.properties.vault_story import SPACE, CountingHost, VaultStory, Writing


def epochs(story: VaultStory) -> list[int]:
    """Of every commit in order."""
    return [commit.epoch for commit in commits(story.keys.ledger, SPACE)]


def check_all(story: VaultStory) -> None:
    """Every snapshot that was committed is kept, in order, at the newest epoch, and opens to its rows."""
    snapshots = kept(story.keys.ledger, SPACE)
    assert [snapshot.origin.head for snapshot in snapshots] == list(story.written)
    assert {snapshot.current.epoch for snapshot in snapshots} <= {snapshots[-1].current.epoch if snapshots else 0}
    assert epochs(story) == sorted(epochs(story))
    for head, rows in story.written.items():
        assert story.read(head) == rows


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["write", "alone", "rotate", "begin", "finish", "read"]), max_size=9))
def test_whatever_the_order_every_snapshot_opens_to_what_was_written(acts: Sequence[str]) -> None:
    story, waiting = VaultStory(), list[Writing]()
    story.write([0])
    for number, act in enumerate(acts, 1):
        if act in {"write", "alone"}:
            story.write([number], keep=act == "write")
        elif act == "rotate":
            story.rotate()
        elif act == "begin":
            waiting.append(story.begin())
        elif act == "read":
            assert story.read() == list(story.written.values())[-1]
        elif waiting:
            finish(story, waiting.pop(0), number)
    check_all(story)


def finish(story: VaultStory, writing: Writing, number: int) -> None:
    """It wins exactly when nothing was committed and nothing rotated since it began."""
    now = kept(story.keys.ledger, SPACE)[-1].current
    if now == writing.parent:
        writing.finish([number])
        return
    with pytest.raises(Unavailable, match="commit-lost"):
        writing.finish([number])


def test_no_part_is_read_or_written_and_each_manifest_is_read_once() -> None:
    story = VaultStory()
    for number in range(4):
        story.write([number])
    manifests = {commit.manifest for commit in commits(story.keys.ledger, SPACE)}
    story.host.read.clear()
    story.host.written.clear()
    done = story.rotate()
    assert not [name for name in story.host.read + story.host.written if name.startswith("o/")]
    assert sorted(name for name in story.host.read if name in manifests) == sorted(manifests)
    assert len(story.host.written) == done.snapshots == 4
    assert done.keys == 4 + 4, "a part that four snapshots keep is rewrapped once; each manifest's own key too"


def test_sequence_numbers_count_manifests_not_leaves() -> None:
    story = VaultStory()
    story.write([1])
    story.rotate()
    story.rotate()
    story.write([2])
    opened, _ = story.opened()
    data = story.host.held[opened.commit.manifest]
    assert b'"sequence":2' in data
    assert b'"epoch":3' in data
    assert len(commits(story.keys.ledger, SPACE)) == 4


def test_a_commit_between_the_keyrings_and_the_append_is_taken_in() -> None:
    story = VaultStory()
    story.write([1])
    seen = []

    def meanwhile(step: str) -> None:
        if step == "keyring-stored" and not seen:
            seen.append(story.write([2]))

    done = story.rotate(named_step=meanwhile)
    assert (done.head, done.snapshots) == (seen[0].head, 2)
    check_all(story)


def test_of_two_rotations_at_once_one_wins_and_the_other_is_told() -> None:
    story = VaultStory()
    story.write([1])
    turned = []

    def meanwhile(step: str) -> None:
        if step == "keyring-stored" and not turned:
            turned.append(story.rotate())

    with pytest.raises(Unavailable, match="commit-lost"):
        story.rotate(named_step=meanwhile)
    assert epochs(story) == [1, 2]
    check_all(story)


class Forgetful(CountingHost):
    """A host that answers "created" and holds nothing new."""

    def put(self, name: str, sealed: Sealed) -> bool:
        return True


class Liar(CountingHost):
    """A host that stores something else."""

    def put(self, name: str, sealed: Sealed) -> bool:
        return super().put(name, Sealed(sealed.data[:-1] + b" "))


@pytest.mark.parametrize(("host", "code"), [(Forgetful(), "object-absent"), (Liar(), "keyring")])
def test_a_host_that_loses_the_new_keyring_shuts_nothing(host: CountingHost, code: str) -> None:
    story = VaultStory()
    story.write([1])
    host.held = story.host.held
    with pytest.raises(NotTrusted, match=code):
        story.rotate(host=host)
    assert epochs(story) == [1]
    check_all(story)


def asked(story: VaultStory, **change: Any) -> str:
    """A reference for a rotation of the warehouse from 1 to 2, unless changed."""
    facts = {"space": SPACE, "from-epoch": "1", "to-epoch": "2"} | change
    step = {"space": SPACE, "from": 1, "to": 2}
    document = story.keys.signed({"schema": SCHEMA, "spaces": [step]}, facts.pop("by", "olga"))
    objects = [*(f"{name}:{value}" for name, value in facts.items()), f"document:{document}"]
    intent = story.keys.log("rotation", basis="operation:rotation", objects=objects)
    uses = ((facts["space"], "*", "*", "rewrap"),)
    return story.keys.broker.grant(GrantRequest(intent=intent, tables=uses))[0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"space": "project:x"}, "grant-other-document"),
        ({"from-epoch": "2", "to-epoch": "3"}, "grant-other-document"),
        ({"to-epoch": "3"}, "rotation-epochs"),
        ({"from-epoch": "0", "to-epoch": "1"}, "rotation-epochs"),
        ({"from-epoch": "one"}, "rotation-epochs"),
        ({"by": "alice"}, "grant-unsigned"),
    ],
)
def test_a_rotation_goes_by_an_officers_word_only(change: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as caught:
        asked(VaultStory(), **change)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("given", "epoch", "code"),
    [
        (context("project:x/person/main"), 2, "grant-scope"),
        (context("warehouse/person/main", epoch=2), 2, "grant-scope"),
        (context("warehouse/person/main", warehouse="v"), 2, "grant-scope"),
        (context("warehouse/person/main"), 3, "rotation-epochs"),
    ],
)
def test_the_broker_rewraps_keys_of_that_space_and_epoch_only(given: Any, epoch: int, code: str) -> None:
    story = VaultStory()
    story.write([1])
    with pytest.raises(Refused) as caught:
        story.keys.broker.rewrap(asked(story), [(given, bytes(60))], epoch)
    assert caught.value.code == code


def test_a_rotations_reference_opens_no_part_and_wraps_nothing() -> None:
    story = VaultStory()
    story.write([1])
    opened, _ = story.opened()
    (part,) = opened.body.parts
    reference = asked(story)
    item = (part.key_context("w", 1), opened.wrapped[part.object])
    for call in (story.keys.broker.unwrap, story.keys.broker.wrap):
        with pytest.raises(Refused, match="grant-scope"):
            call(reference, [item])


def test_a_key_under_another_name_is_not_rewrapped() -> None:
    story = VaultStory()
    story.write([1])
    opened, _ = story.opened()
    (part,) = opened.body.parts
    moved = dataclasses.replace(part.key_context("w", 1), part="0" * 32)
    with pytest.raises(NotTrusted, match="wrapped-key"):
        story.keys.broker.rewrap(asked(story), [(moved, opened.wrapped[part.object])], 2)


class CountingStore:
    """A key store that counts calls, as a token's owner would."""

    def __init__(self, store: Any) -> None:
        self._store, self.calls = store, 0

    def __getattr__(self, name: str) -> Any:
        self.calls += name in {"wrap", "unwrap", "rewrap"}
        return getattr(self._store, name)


@pytest.mark.parametrize("parts", [1, 30])
def test_calls_to_the_key_store_do_not_grow_with_the_parts(parts: int) -> None:
    story = VaultStory()
    for number in range(parts):
        story.write([number])
    story.keys.keys.forget()
    counting = CountingStore(story.keys.store)
    story.keys.keys._store = counting
    story.rotate()
    assert counting.calls == 3, "the manifest's key opened, the other old keys opened, the new ones wrapped"


def test_an_interrupted_rotation_is_told_by_its_document() -> None:
    story = VaultStory()
    story.write([1])
    ledger, documents = story.keys.ledger, story.keys.documents
    assert left_over(ledger.leaves(), documents, [SPACE]) is None

    class Killed(BaseException):
        pass

    def die(step: str) -> None:
        if step == "keyring-stored":
            ledger.append = lambda *_: (_ for _ in ()).throw(Killed())  # type: ignore[method-assign]  # no failed leaf either
            raise Killed

    with pytest.raises(Killed):
        story.rotate(named_step=die)
    del ledger.append
    assert left_over(ledger.leaves(), documents, [SPACE]) == next_steps(ledger.leaves(), [SPACE])
    check_all(story)
    story.rotate()
    assert left_over(ledger.leaves(), documents, [SPACE]) == [], "all is done; the first act's end is unwritten"
    check_all(story)


@pytest.mark.parametrize("keep", [True, False])
def test_a_writer_that_began_before_a_rotation_loses_and_with_kept_parts_before_it_writes(keep: bool) -> None:
    story = VaultStory()
    story.write([1])
    writing = story.begin()
    story.rotate()
    story.host.written.clear()
    with pytest.raises(Unavailable, match="commit-lost"):
        writing.finish([2], keep=keep)
    assert bool(story.host.written) != keep
    check_all(story)


def test_after_a_cut_over_nothing_is_committed_to_the_host_that_was_left() -> None:
    story = VaultStory()
    story.write([1])
    basis = "operation:cutover"
    index = story.keys.log("cutover", basis=basis, objects=["from:directory", "to:elsewhere"])
    story.keys.log("cutover", basis=basis, phase="effect", of=index)
    for act in (lambda: story.write([2]), story.rotate):
        with pytest.raises(Unavailable, match="commit-lost"):
            act()
    index = story.keys.log("cutover", basis=basis, objects=["from:elsewhere", "to:directory"])
    story.keys.log("cutover", basis=basis, phase="effect", of=index)
    story.write([3])
    story.rotate()
    check_all(story)


@pytest.mark.parametrize("place", [-1, 60])
def test_a_manifest_that_is_not_the_committed_one_is_not_rotated(place: int) -> None:
    story = VaultStory()
    commit = story.write([1])
    data = bytearray(story.host.held[commit.manifest])
    data[place] ^= 1
    story.host.held[commit.manifest] = bytes(data)
    with pytest.raises(NotTrusted, match="manifest"):
        story.rotate()
    assert epochs(story) == [1]


def test_a_keyring_that_lacks_a_part_is_not_rotated(monkeypatch: pytest.MonkeyPatch) -> None:
    story = VaultStory()
    story.write([1])

    def short(sealed: Sealed, *, sha256: str) -> dict[str, bytes]:
        whole = open_keyring(sealed, sha256=sha256)
        return {name: blob for name, blob in whole.items() if name.startswith("m/")}

    monkeypatch.setattr("rempart.journeys.rotation.open_keyring", short)
    with pytest.raises(NotTrusted, match="keyring"):
        story.rotate()


def forged(story: VaultStory, **change: Any) -> None:
    """A second keyring leaf for the older of two snapshots, changed."""
    old = kept(story.keys.ledger, SPACE)[0].current
    ring = SpaceKeyring(
        space=SPACE, head=old.head, manifest=old.manifest, keyring="m/" + "f" * 32, keyring_sha256="0" * 64, epoch=3
    )
    objects = dataclasses.replace(ring, **change).objects()
    story.keys.log("keyring", basis="operation:rotation", phase="effect", of=0, objects=objects)


@pytest.mark.parametrize(
    "change",
    [{"epoch": 4}, {"epoch": 2}, {"epoch": 1}, {"manifest": "m/" + "e" * 32}, {"head": "0" * 64}],
    ids=["ahead of the chain", "no higher", "lower", "of another manifest", "of no snapshot"],
)
def test_a_forged_keyring_leaf_breaks_the_chain(change: dict[str, Any]) -> None:
    story = VaultStory()
    story.write([1])
    story.write([2])
    story.rotate()
    newest = kept(story.keys.ledger, SPACE)[-1].current
    turned = dataclasses.replace(newest, parent=newest.head, epoch=3, keyring="m/" + "d" * 32)
    story.keys.log("commit", basis="operation:rotation", phase="effect", of=0, objects=turned.objects())
    before = list(story.keys.ledger.held)
    forged(story)
    assert kept(story.keys.ledger, SPACE)[0].current.epoch == 3
    story.keys.ledger.held = before
    forged(story, **change)
    with pytest.raises(NotTrusted, match="commit-chain"):
        kept(story.keys.ledger, SPACE)
