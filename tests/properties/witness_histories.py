# SPDX-License-Identifier: Apache-2.0
"""Histories of a release that should have waited for witnesses, each broken in one place."""

from typing import Any

from rempart.adapters.cosigner import Cosigner
from rempart.records.recovery import Recovery
from tests.properties.ledger_story import ORIGIN, PERMIT, Story, key_of, note, true_story
from tests.properties.policy_histories import policy

WITNESS = Cosigner(name="far.test/witness", private=key_of("far"))
OTHER = Cosigner(name="else.test/witness", private=key_of("else"))
TEXT = f"witness far {WITNESS.keys[0]}\nquorum far\n"
RELEASE = "R-2026-0002"


def approved() -> Story:
    """A house whose policy names every act, and a release that two checkers approved."""
    story = true_story()
    policy(story, "olga", "otto", **{"ledger.witnesses": TEXT, "ledger.before": ["release", "cutover", "erasure"]})
    over = story.submission(RELEASE, "alice")
    story.vote(RELEASE, over, "bob")
    story.vote(RELEASE, over, "dora")
    return story


def cosigned(story: Story, *, by: Cosigner = WITNESS, leaves: list[bytes] | None = None) -> str:
    """The document of a checkpoint over the leaves so far."""
    return story.put(by.cosign(note(story.leaves if leaves is None else leaves), time=1_790_000_000).encode())


def publish(story: Story, document: str) -> Story:
    """The release, with what it says it waited for."""
    told = [f"witnessed:{document}"] if document else []
    story.act("release", PERMIT, [f"release:{RELEASE}"], ["pack:sha256:1", *told])
    return story


def _by_nobody() -> tuple[Story, dict[str, Any]]:
    return publish(approved(), ""), {}


def recovered(story: Story, *officers: str, size: int = 8, had: int = 5) -> Story:
    """The ledger took back what it had lost, held to a checkpoint over the first leaves."""
    told = Recovery(origin=ORIGIN, had=had, got=10, witnessed=note(story.leaves[:size]), source="second")
    document = story.signed(told.body(), *officers)
    story.act("recovery", "operation:recovery", [f"document:{document}", f"had:{had}", "got:10"])
    return story


def _recovered_by_one() -> tuple[Story, dict[str, Any]]:
    return recovered(true_story(), "olga"), {}


WITNESS_MUTANTS = {"acts-witnessed": _by_nobody, "recovery-extends": _recovered_by_one}
