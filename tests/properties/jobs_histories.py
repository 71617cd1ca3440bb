# SPDX-License-Identifier: Apache-2.0
"""Histories of code jobs that the auditor must find, each broken in one place."""

from typing import Any

from tests.properties.ledger_story import PERMIT, SPACE, Story, true_story

Mutant = tuple[Story, dict[str, Any]]


def code_job(story: Story, *by: str, head: str | None = None, code: str | None = None) -> None:
    """A run that ended well."""
    written = story.put(b"print()") if code is None else code
    document = story.signed({"schema": "rempart.job/1", "permit": "P-2026-0001", "code": {"main.py": written}}, *by)
    objects = ["run:J-1", f"job:{document}", f"space:{SPACE}", f"head:{head or story.heads[SPACE]}"]
    intent = story.leaf("code-job", "intent", PERMIT, objects)
    story.grant(intent, f"{SPACE}/drug_exposure/main/read", f"{SPACE}/result/main/write")
    story.leaf("code-job", "effect", PERMIT, ["run:J-1", "files:" + story.put(b"files")], of=intent)


def _signed_by_no_researcher() -> Mutant:
    story = true_story()
    code_job(story, "bob")
    return story, {}


def _on_a_snapshot_of_nobody() -> Mutant:
    story = true_story()
    code_job(story, "alice", head="sha256:" + "0" * 64)
    return story, {}


JOBS_MUTANTS = {"job-document": _signed_by_no_researcher, "job-head": _on_a_snapshot_of_nobody}
