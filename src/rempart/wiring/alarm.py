# SPDX-License-Identifier: Apache-2.0
"""Alarms and refusals: what was not trusted, or refused, outside any intent gets a leaf of its own.

A ledger that is itself in doubt is never written to, since that would sign a second history, and a locked broker signs
nothing: the alarm then waits as a line of ``DIR/controller/alarms`` for the next one that can be written.
"""

import contextlib
from pathlib import Path

from rempart.adapters.configuration import NAME
from rempart.audit.findings import Findings
from rempart.errors import NotTrusted, Refused, RempartError
from rempart.journeys.permits import events
from rempart.journeys.recorded import recorded
from rempart.wiring.hosts import empty_cache
from rempart.wiring.warehouse import Warehouse

_WAITING = "alarms"
# Codes, and rules, that speak of the ledger itself.
_DOUBT = ("ledger-", "checkpoint-", "consistency-", "inclusion-", "witness-", "second-")
_LOG = "log-"


def raise_alarm(directory: Path, error: NotTrusted) -> None:
    """Record an error that no leaf tells of yet. Never raises: the error itself is what a person must see."""
    empty_cache(directory)  # perhaps it holds what was not trusted
    if not error.recorded:
        _note(directory, [f"error:{error.family}/{error.code}"], doubt=error.code.startswith(_DOUBT))


def note_refusal(directory: Path, error: Refused) -> None:
    """Leave a trace of a refusal that no leaf tells of yet: what was tried in vain is part of the story. Never raises."""
    if error.recorded or not (directory / NAME).is_file():
        return
    objects = [f"error:{error.family}/{error.code}"]
    with contextlib.suppress(
        RempartError
    ):  # locked, or a ledger in doubt: nothing can be written, and the door says the error
        recorder = Warehouse(directory).recorder
        with recorded(recorder, "refusal", basis="operation:refusal", objects=objects, event_class="trace"):
            pass


def findings_alarm(directory: Path, found: Findings) -> None:
    """Record the first breach of an audit, once; without one, write what waits."""
    if found.first is None:
        _note(directory, [], doubt=False)
        return
    index = "-" if found.first.index is None else found.first.index
    told = [f"error:{found.first.family}/audit-breach", f"rule:{found.first.rule}", f"leaf:{index}"]
    _note(directory, told, doubt=found.first.rule.startswith(_LOG))


def _note(directory: Path, told: list[str], *, doubt: bool) -> None:
    if not (directory / NAME).is_file():
        return
    waiting = directory / "controller" / _WAITING
    lines = waiting.read_text(encoding="utf-8").splitlines() if waiting.is_file() else []
    new = [*lines, *(["\t".join(told)] if told else [])]
    if new and not doubt and _appended(directory, new):
        waiting.unlink(missing_ok=True)
        return
    if new != lines:
        waiting.touch(mode=0o600)
        waiting.write_text("".join(f"{line}\n" for line in dict.fromkeys(new)), encoding="utf-8")


def _appended(directory: Path, lines: list[str]) -> bool:
    """Whether the lines are in the ledger now; not when the broker is locked or the ledger is not trusted."""
    try:
        _append(directory, lines)
    except RempartError:
        return False
    return True


def _append(directory: Path, lines: list[str]) -> None:
    warehouse = Warehouse(directory)
    there = {event.objects for event in events(warehouse.ledger) if event.kind == "alarm"}
    for line in lines:
        objects = line.split("\t")
        if len(objects) > 1 and tuple(objects) in there:
            continue  # an audit that runs every night says the same breach once
        with recorded(warehouse.recorder, "alarm", basis="operation:alarm", objects=objects):
            pass
