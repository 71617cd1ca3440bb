# SPDX-License-Identifier: Apache-2.0
"""Backups as the ledger knows them: which there are, which are gone.

A backup counts from its intent on, since a process that was killed may have left its file behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rempart.records.event import LedgerEvent

KIND = "backup"
ERASED = "backup-erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredBackup:
    """``id``: ``B-…``; ``sha256``: of the file, 64 hex, '' while (or because) its act never ended; ``taken``: ISO instant;
    ``size``: leaves of the ledger in it; ``destroyed``: a ``backup-erased`` leaf tells of it."""

    id: str
    sha256: str
    taken: str
    size: int
    destroyed: bool


def registered(events: Sequence[LedgerEvent]) -> list[RegisteredBackup]:
    """Every backup that may still lie somewhere or once did, oldest first; one whose act failed left no file."""
    found: dict[int, RegisteredBackup] = {}
    for index, event in enumerate(events):
        if event.kind == KIND and event.phase == "intent":
            found[index] = RegisteredBackup(
                id=event.fact("backup") or "", sha256="", taken=event.time, size=index + 1, destroyed=False
            )
        elif event.kind == KIND and event.of in found:
            if event.phase == "failed":
                del found[event.of]
            else:
                found[event.of] = replace(found[event.of], sha256=event.fact("sha256") or "")
    gone = {name for event in events if event.kind == ERASED and event.phase == "effect" for name in event.facts(KIND)}
    return [replace(backup, destroyed=backup.id in gone) for backup in found.values()]
