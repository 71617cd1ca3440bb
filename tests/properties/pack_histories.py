# SPDX-License-Identifier: Apache-2.0
"""Histories of evidence packs that the auditor must find, each broken in one place."""

from typing import Any

from rempart.audit.rules_pack import MANIFEST
from rempart.records.canonical import canonical_bytes, sha256_id
from tests.properties.ledger_story import ORIGIN, Story, true_story


def evidence_pack(story: Story, *, size: int | None = None, kept: bool = True, schema: str = MANIFEST) -> None:
    """One evidence pack over the log as it stands."""
    log = {"origin": ORIGIN, "size": len(story.events) if size is None else size, "root": ""}
    data = canonical_bytes({"schema": schema, "files": {}, "log": log})
    manifest = story.put(data) if kept else sha256_id(data)
    story.act("evidence-pack", "operation:evidence-pack", [f"manifest:{manifest}"], [f"manifest:{manifest}"])


def _of_a_later_log() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    evidence_pack(story, size=len(story.events) + 1)
    return story, {}


PACK_MUTANTS = {"pack-manifest": _of_a_later_log}
