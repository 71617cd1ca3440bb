# SPDX-License-Identifier: Apache-2.0
"""A history of projects, permits, releases and votes, and a warehouse of it as far as the projection looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rempart.journeys.space import Vault
from rempart.records.trust import TrustFile
from tests.properties.ledger_story import PERMIT, ROLES, Story, trust_version
from tests.properties.project_histories import OTHER, act, enrolled, way
from tests.properties.wayout_histories import RELEASE, by_file, decision, withdrawal

FIRST, LATE = "R-2026-0001", "R-2026-0003"


def whole_life() -> Story:
    """Two projects, two releases, jobs: every act that the projection knows, good ones and ones that prove nothing."""
    story = enrolled()
    act(story, "suspend", "olga", permit="P-2026-0009")  # of a project that nobody asked for
    _way_in(story)
    _way_out(story)
    late = story.submission(LATE, "alice")
    for checker in ("bob", "gina"):  # who is enrolled afterwards: her vote reads otherwise then
        story.vote(LATE, late, checker)
    third = trust_version(3, story.trusts[1], (*ROLES, "gina"))
    story.trusts.append(third)
    story.act("person", "operation:person", [f"trust:{third.id}", "version:3"])
    story.act("erasure", "operation:erasure", ["run:E-1", "reach:space", "space:project:glitazones"])
    return story


def _way_in(story: Story) -> None:
    way(story, OTHER, until="agree")
    story.permit("alice")  # no member of the committee
    story.permit("carl")
    story.study("alice")
    story.leaf("code-job", "intent", PERMIT, ["run:J-1"])
    done = story.leaf("code-job", "intent", PERMIT, ["run:J-2"])
    story.leaf("code-job", "effect", PERMIT, [], of=done)


def _way_out(story: Story) -> None:
    over = story.submission(FIRST, "alice")
    story.vote(FIRST, over, "bob")
    story.vote(FIRST, over, "alice")  # the author
    story.vote(FIRST, over, "dora")
    story.publish(FIRST)
    second = story.submission(RELEASE, "alice")
    by_file(story, second, "bob", "approve")
    by_file(story, second, "dora", "changes")
    decision(story, second, "dora", "return")
    withdrawal(story, second, "alice")


@dataclass
class Held:
    """The story's first leaves, as a ledger that is read."""

    held: Sequence[bytes]

    def size(self) -> int:
        return len(self.held)

    def leaves(self, start: int = 0, end: int | None = None) -> list[bytes]:
        return list(self.held[start:end])


class StoryHouse:
    """What the projection asks of a warehouse. ``to``: how many leaves there are as yet."""

    def __init__(self, story: Story, folder: Path, url: str = "") -> None:
        self.story, self.controller = story, folder
        self.configuration = SimpleNamespace(state_url=url)
        self.documents = SimpleNamespace(get=story.fetch)
        self.recorder: Any = None
        self.to(len(story.events))

    def to(self, size: int) -> None:
        self.ledger = Held(self.story.leaves[:size])

    @property
    def trust(self) -> TrustFile:
        """As the warehouse tells it: the newest file that was saved."""
        named = [e.fact("trust") for e in self.story.events[: self.ledger.size()] if e.kind == "person"]
        return next(trust for trust in reversed(self.story.trusts) if trust.id in {self.story.trusts[0].id, *named})

    @property
    def vault(self) -> Vault:
        return Vault(warehouse="w", public=b"", host=None, ledger=self.ledger, broker=None)  # type: ignore[arg-type]

    closed_vault = vault
