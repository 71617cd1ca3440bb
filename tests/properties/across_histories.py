# SPDX-License-Identifier: Apache-2.0
"""Histories of the register of released sets that the auditor must find, each broken in one place."""

from dataclasses import replace
from typing import Any

from tests.properties.ledger_story import PERMIT, SPACE, Story, true_story

RELEASE = "R-2026-0002"
Mutant = tuple[Story, dict[str, Any]]


def entered(story: Story, *, before: str = "", result: str = "", head: str = "") -> str:
    """A run's sets are told and entered in the register; the entry's document. ``head``: the snapshot that the run read."""
    result = result or next(event.fact("result") or "" for event in story.events if event.fact("result"))
    objects = ["run:F-1", "study-run:S-1", f"result:{result}", f"space:{SPACE}", *([f"head:{head}"] if head else [])]
    number = len(story.events)
    sets, entry = story.put(b"sets %d" % number), story.put(b"entry %d" % number)
    told = [f"sets:{sets}", f"register:{entry}", *([f"before:{before}"] if before else [])]
    intent = story.leaf("fingerprint", "intent", PERMIT, objects)
    story.grant(intent, f"{SPACE}/person/release_index/read", "disclosure/register/main/write")
    story.leaf("fingerprint", "effect", PERMIT, told, of=intent)
    return entry


def submitted(story: Story, entry: str) -> None:
    """A submission that names an entry."""
    document = story.submission(RELEASE, "alice")
    result = next(event.fact("result") or "" for event in story.events if event.fact("result"))
    at = max(n for n, event in enumerate(story.events) if event.phase == "intent" and event.kind == "submission")
    told = (f"release:{RELEASE}", f"document:{document}", "run:S-1", f"result:{result}", f"register:{entry}")
    story.events[at] = replace(story.events[at], objects=told)


def _an_entry_is_left_out() -> Mutant:
    story = true_story()
    entered(story)
    entered(story)
    return story, {}


def _submitted_before_it_was_compared() -> Mutant:
    story = true_story()
    entry = entered(story)
    submitted(story, "sha256:" + "0" * 64)
    entered(story, before=entry)
    return story, {}


def _other_data_shown_as_they_are() -> Mutant:
    story = true_story()
    entry = entered(story, head="sha256:" + "1" * 64)
    submitted(story, entered(story, before=entry))
    return story, {}


ACROSS_MUTANTS = {
    "register-chain": _an_entry_is_left_out,
    "submission-compared": _submitted_before_it_was_compared,
    "submission-moved": _other_data_shown_as_they_are,
}
