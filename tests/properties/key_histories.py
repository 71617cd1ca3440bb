# SPDX-License-Identifier: Apache-2.0
"""Rotations and erasures in the auditor's small history, and for each rule about keys a history that breaks it alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rempart.errors import Missing
from rempart.records.canonical import sha256_id
from rempart.records.event import LedgerEvent
from rempart.records.keyring import SpaceKeyring
from rempart.records.sealed import SpaceCommit
from tests.properties.ledger_story import SPACE, Story, true_story

WAREHOUSE = "warehouse"
OFFICERS = ("olga", "otto")
Mutant = Callable[[], tuple[Story, dict[str, Any]]]


def newest(story: Story, space: str) -> SpaceCommit:
    """The newest commit of a space."""
    found = [event for event in story.events if event.kind == "commit" and event.fact("space") == space]
    return SpaceCommit.from_objects(found[-1].objects)


def older(story: Story, space: str) -> list[SpaceCommit]:
    """Every snapshot of a space but the newest, as first committed."""
    made: dict[str, SpaceCommit] = {}
    for event in story.events:
        if event.kind == "commit" and event.fact("space") == space:
            commit = SpaceCommit.from_objects(event.objects)
            made.setdefault(commit.head, commit)
    return list(made.values())[:-1]


def rotate(
    story: Story, space: str = WAREHOUSE, *, by: str = "olga", epoch: int | None = None, leave_out: int = 0
) -> int:
    """A rotation, its document signed by ``by``; ``epoch`` instead of the next one; ``leave_out`` older snapshots forgotten."""
    last = newest(story, space)
    to = epoch or last.epoch + 1
    step = {"space": space, "from": last.epoch, "to": to}
    document = story.signed({"schema": "rempart.rotation/1", "date": "2026-03-01", "spaces": [step]}, by)
    objects = [f"space:{space}", f"from-epoch:{last.epoch}", f"to-epoch:{to}", f"document:{document}"]
    intent = story.leaf("rotation", "intent", "operation:rotation", objects)
    number = len(story.events)
    turned = replace(
        last, parent=last.head, epoch=to, keyring=f"m/{number + 5000:032x}", keyring_sha256=sha256_id(b"r")
    )
    story.leaf("commit", "effect", "operation:rotation", list(turned.objects()), of=intent)
    for commit in older(story, space)[leave_out:]:
        story.leaf("keyring", "effect", "operation:rotation", list(ring_of(story, commit, to).objects()), of=intent)
    story.leaf("rotation", "effect", "operation:rotation", [f"head:{last.head}"], of=intent)
    return intent


def ring_of(story: Story, commit: SpaceCommit, epoch: int) -> SpaceKeyring:
    """A new keyring of a snapshot."""
    number = len(story.events)
    return SpaceKeyring(
        space=commit.space,
        head=commit.head,
        manifest=commit.manifest,
        keyring=f"m/{number + 7000:032x}",
        keyring_sha256=sha256_id(b"ring%d" % number),
        epoch=epoch,
    )


def erase(
    story: Story, space: str = SPACE, *, by: tuple[str, ...] = OFFICERS, certified: tuple[str, ...] = OFFICERS
) -> int:
    """An erasure of a whole space."""
    told: dict[str, Any] = {"space": space, "reach": "space", "epochs": [1]}
    document = story.signed({"schema": "rempart.erasure/1", **told, "keys": [], "backups": {}}, *by)
    objects = [f"space:{space}", "reach:space", "epoch:1", f"document:{document}"]
    intent = story.leaf("erasure", "intent", "operation:erasure", objects)
    story.leaf("key-grant", "effect", "operation:erasure", [f"use:{space}/*/*/erase"], of=intent)
    body = {"schema": "rempart.erasure-certificate/1", **told, "document": document}
    certificate = story.signed(body, "vault", *certified)
    story.leaf("erasure", "effect", "operation:erasure", [f"certificate:{certificate}"], of=intent)
    return intent


def back_up(story: Story, name: str) -> None:
    """A backup."""
    story.act("backup", "operation:backup", [f"backup:{name}"], [f"backup:{name}", "sha256:" + "0" * 64])


def long_story() -> Story:
    """The true history, a second ingest, two rotations with an ingest between them."""
    story = true_story()
    story.ingest()
    rotate(story)
    ingest_of(story, 2)
    rotate(story)
    return story


def ingest_of(story: Story, epoch: int) -> None:
    """An ingest whose commit is of that epoch."""
    story.ingest()
    at = max(index for index, event in enumerate(story.events) if event.kind == "commit")
    event: LedgerEvent = story.events[at]
    objects = tuple(f"epoch:{epoch}" if item.startswith("epoch:") else item for item in event.objects)
    story.edit(at, objects=objects)


def _rotated_by_nobody() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    rotate(story, by="alice")
    return story, {}


def _skipped() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    rotate(story, epoch=3)
    return story, {}


def _forgotten() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    story.ingest()
    rotate(story, leave_out=1)
    return story, {}


def _keyring_gone() -> tuple[Story, dict[str, Any]]:
    story = long_story()
    rings = [event.fact("keyring") for event in story.events if event.kind == "keyring"]

    def check(commit: SpaceCommit) -> None:
        if commit.keyring == rings[-1]:
            raise Missing("object-missing")

    return story, {"check_manifest": check}


def _one_officer() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    erase(story, by=("olga",))
    return story, {}


def _backup_stands() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    back_up(story, "B-1")
    erase(story)
    return story, {}


def _read_again() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    erase(story)
    document = story.signed({"schema": "rempart.study/1", "permit": "P-2026-0001"}, "alice")
    objects = ["run:S-2", f"study:{document}", f"space:{SPACE}", f"head:{story.heads[SPACE]}"]
    basis = "permit:P-2026-0001"
    intent = story.leaf("study", "intent", basis, objects)
    story.grant(intent, f"{SPACE}/drug_exposure/main/read")
    story.leaf("study", "effect", basis, ["run:S-2"], of=intent)
    return story, {}


def _native_by_nobody() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    body = {"schema": "rempart.native/1", "tables": ["claims"], "until": "2099-12-31", "basis": "none"}
    objects, basis = [f"document:{story.signed(body, 'alice')}"], "operation:native"
    story.leaf("native", "effect", basis, [], of=story.leaf("native", "intent", basis, objects))
    return story, {}


KEY_MUTANTS: dict[str, Mutant] = {
    "native-document": _native_by_nobody,
    "rotation-document": _rotated_by_nobody,
    "key-epoch": _skipped,
    "keyring-complete": _forgotten,
    "keyring-held": _keyring_gone,
    "erasure-officers": _one_officer,
    "erasure-backups": _backup_stands,
    "erased-read": _read_again,
}
