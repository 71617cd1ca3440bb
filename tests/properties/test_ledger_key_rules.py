# SPDX-License-Identifier: Apache-2.0
"""The auditor on rotations and erasures: honest histories are sound, and each way to forge one is found."""

import dataclasses

import pytest

from rempart.records.sealed import SpaceCommit
from tests.properties.key_histories import (
    OFFICERS,
    back_up,
    erase,
    ingest_of,
    long_story,
    newest,
    older,
    ring_of,
    rotate,
)
from tests.properties.ledger_story import SPACE, Story, audit, true_story


def rules(story: Story) -> set[str]:
    """Rules that find something."""
    return {item.rule for item in audit(story).items}


def test_rotations_and_erasures_that_were_done_rightly_are_sound() -> None:
    story = long_story()
    back_up(story, "B-1")
    intent = erase(story)
    story.events.insert(intent + 1, story.events[intent])  # room for the leaf of the backup, inside the act
    story.events = story.events[: intent + 1]
    marked = story.leaf("backup-erased", "effect", "operation:erasure", ["backup:B-1", "how:presented"], of=intent)
    assert marked == intent + 1
    document = story.events[intent].fact("document") or ""
    told = {"space": SPACE, "reach": "space", "epochs": [1]}
    body = {"schema": "rempart.erasure-certificate/1", **told, "document": document}
    story.leaf(
        "erasure", "effect", "operation:erasure", [f"certificate:{story.signed(body, 'vault', *OFFICERS)}"], of=intent
    )
    found = audit(story)
    assert found.items == ()
    assert (found.counts["rotations"], found.counts["keyrings"], found.counts["erasures"]) == (2, 3, 1)


def test_a_keyring_without_a_rotation_is_found() -> None:
    story = true_story()
    story.ingest()
    intent = story.leaf("ingest", "intent", "operation:ingest", ["run:I-9", "space:warehouse"])
    ring = ring_of(story, older(story, "warehouse")[0], 2)
    story.leaf("keyring", "effect", "operation:ingest", list(ring.objects()), of=intent)
    story.leaf("ingest", "effect", "operation:ingest", [], of=intent)
    assert {"keyring-complete", "end-of-intent"} <= rules(story)


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_commit_that_keeps_to_an_older_epoch_or_runs_ahead_is_found(epoch: int) -> None:
    story = true_story()
    rotate(story)
    ingest_of(story, epoch)
    assert rules(story) == {"key-epoch"}


def test_a_rotation_that_changes_the_snapshot_is_found() -> None:
    story = true_story()
    rotate(story)
    at = max(index for index, event in enumerate(story.events) if event.kind == "commit")
    forged = dataclasses.replace(newest(story, "warehouse"), manifest="m/" + "e" * 32)
    story.edit(at, objects=forged.objects())
    assert "key-epoch" in rules(story)


def test_a_keyring_for_another_manifest_or_of_no_snapshot_is_found() -> None:
    for change in ({"manifest": "m/" + "e" * 32}, {"head": "0" * 64}):
        story = true_story()
        story.ingest()
        rotate(story)
        at = max(index for index, event in enumerate(story.events) if event.kind == "keyring")
        forged = dataclasses.replace(ring_of(story, older(story, "warehouse")[0], 2), **change)
        story.edit(at, objects=forged.objects())
        assert rules(story) == {"keyring-complete"}


def test_a_certificate_that_one_officer_signed_or_that_says_something_else_is_found() -> None:
    story = true_story()
    erase(story, certified=("olga", "olga"))
    assert rules(story) == {"erasure-officers"}
    story = true_story()
    intent = erase(story)
    story.edit(intent, objects=tuple(item.replace("epoch:1", "epoch:2") for item in story.events[intent].objects))
    assert rules(story) == {"erasure-officers"}


def test_a_commit_to_an_erased_space_is_found_and_its_host_may_have_dropped_it() -> None:
    story = true_story()
    erase(story, "warehouse")
    assert rules(story) == set()

    def check(commit: SpaceCommit) -> None:
        from rempart.errors import Missing

        if commit.space == "warehouse":
            raise Missing("object-missing")

    assert audit(story, check_manifest=check).ok
    story.ingest()
    assert rules(story) == {"erased-read"}


def test_a_backup_that_failed_left_no_file_and_need_not_be_erased() -> None:
    story = true_story()
    intent = story.leaf("backup", "intent", "operation:backup", ["backup:B-7"])
    story.leaf("backup", "failed", "operation:backup", ["error:unavailable/host-unreachable"], of=intent)
    erase(story)
    assert rules(story) == set()
