# SPDX-License-Identifier: Apache-2.0
"""Histories of releases without votes that the auditor must find, each broken in one place, and one that is sound."""

import datetime
from typing import Any

from rempart.records.clearing import sampled
from tests.properties.ledger_story import PERMIT, Story, true_story
from tests.properties.policy_histories import policy

RELEASE = "R-2026-0002"
Mutant = tuple[Story, dict[str, Any]]


def typed(story: Story, *, kind: str = "attrition", release: str = RELEASE) -> str:
    """A submission of the story's run whose author signed the type of its one table."""
    body = {
        "schema": "rempart.submission/1",
        "release": release,
        "permit": "P-2026-0001",
        "run": "S-1",
        "study": "sha256:0",
        "result": story.events[story.index("study", "effect")].fact("result"),
        "tables": {"attrition": "sha256:1"},
        "types": {"attrition": kind},
        "context": "",
        "controls": [],
    }
    document = story.signed(body, "alice")
    story.act("submission", PERMIT, [f"release:{release}", f"document:{document}", "run:S-1"])
    return document


def clearance(story: Story, over: str, *, version: int = 1, release: str = RELEASE) -> int:
    """The leaf by which it leaves without votes; the index of its effect."""
    told = [f"release:{release}", f"document:{over}", f"version:{version}"]
    return story.act("clearance", PERMIT, told) + 1


def look(story: Story, over: str, checker: str, verdict: str = "sound") -> None:
    """A checker's second look."""
    body = {"schema": "rempart.second-look/1", "release": RELEASE, "submission": over, "verdict": verdict}
    document = story.signed({**body, "public": "why", "private": ""}, checker)
    story.act("second-look", PERMIT, [f"release:{RELEASE}", f"document:{document}"])


def cleared(kind: str = "attrition", **values: object) -> tuple[Story, str]:
    """Two officers let attrition leave by itself; a submission does, and is published."""
    story = true_story()
    policy(story, "olga", "otto", **{"release.automatic": ["attrition"], "release.sample": 1.0, **values})
    over = typed(story, kind=kind)
    clearance(story, over)
    story.publish(RELEASE)
    return story, over


def _of_a_type_that_no_policy_lets() -> Mutant:
    story, over = cleared("frequency")
    look(story, over, "bob")
    return story, {}


def _by_an_older_policy() -> Mutant:
    story = true_story()
    policy(story, "olga", "otto", **{"release.automatic": ["attrition"]})
    policy(story, "olga", "otto", version=2)
    over = typed(story)
    clearance(story, over, version=1)
    look(story, over, "bob")
    return story, {}


def _without_any_policy() -> Mutant:
    story = true_story()
    over = typed(story)
    clearance(story, over, version=0)
    look(story, over, "bob")
    return story, {}


def _after_a_second_look_found_one_unsound() -> Mutant:
    story, over = cleared()
    look(story, over, "bob", "unsound")
    again = typed(story, release="R-2026-0003")
    clearance(story, again, release="R-2026-0003")
    return story, {}


def _looked_at_by_its_author() -> Mutant:
    story, over = cleared()
    look(story, over, "alice")
    return story, {}


def _never_looked_at() -> Mutant:
    story, _ = cleared()
    story.now += datetime.timedelta(days=8)
    story.act("order", "operation:order", [])
    return story, {"now": story.now}


def drawn(story: Story) -> bool:
    """Whether the story's clearance is drawn at a tenth."""
    return sampled(story.events[story.index("clearance", "effect")].leaf(), 0.1)


BROKEN_CLEARANCES = (
    _of_a_type_that_no_policy_lets,
    _by_an_older_policy,
    _without_any_policy,
    _after_a_second_look_found_one_unsound,
)
CLEARING_MUTANTS = {
    "clearance-policy": _of_a_type_that_no_policy_lets,
    "second-look-document": _looked_at_by_its_author,
    "sample-looked": _never_looked_at,
}
