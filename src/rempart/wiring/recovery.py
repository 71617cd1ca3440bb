# SPDX-License-Identifier: Apache-2.0
"""``rempart audit recover``: leaves that were lost come back from the second machine or from a copy of the ledger's folder."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.ledger_files import read_text, replace
from rempart.adapters.second_ledger import Second
from rempart.adapters.surroundings import SystemClock
from rempart.adapters.text_input import check_folder
from rempart.errors import Refused
from rempart.journeys.recovery import Found, check_signed, plan_recovery, record_recovery
from rempart.records.document import SignedDocument
from rempart.records.recovery import Recovery
from rempart.wiring.ledger import plain_ledger
from rempart.wiring.remembered import remembered
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse

SECOND = "second"
_MARKER = "recovered"


def recover(
    directory: Path, *, source: str, by: Sequence[Path], ask: Ask, witnessed: Path | None, plan: bool
) -> Recovery:
    """Take back what was lost; with ``plan`` only say what that would be. ``source``: ``second``, or a folder that holds a ledger;
    ``witnessed``: a checkpoint kept elsewhere, beside those that are at hand.

    Raises as ``journeys.recovery``; Refused ``recovery-no-second``, BadInput ``file-missing``.
    """
    warehouse = Warehouse(directory)
    settings = warehouse.configuration
    ledger = plain_ledger(directory, settings, sign=None)
    if not plan:
        ledger.purge()  # a recovery that was killed may have left it
    notes = remembered(directory, settings, ledger) + ([read_text(witnessed) or ""] if witnessed else [])
    found = _found(warehouse, source, ledger.size())
    planned = plan_recovery(ledger, found, notes, origin=settings.ledger_origin, public=settings.ledger_public)
    if plan:
        return planned
    people = [signer(warehouse.trust, file, ask) for file in by]
    unsigned = SignedDocument(body=planned.body(), signatures=())
    signed = SignedDocument(body=unsigned.body, signatures=tuple(person.sign(unsigned.over) for person in people))
    check_signed(signed, warehouse.trust, warehouse.trust.moment(SystemClock().now()), planned=planned)
    document = warehouse.documents.put(signed.data)
    replace(warehouse.controller / _MARKER, f"{document} {people[0].salted}\n".encode())
    take_up(ledger, found)
    return planned


def take_up(ledger: DirectoryLedger, found: Found) -> None:
    """Write what came back, and let go the traces that are still here and that its acts let go."""
    ledger.take_up(found.leaves, found.note)
    ledger.purge()


def note_recovered(directory: Path) -> None:
    """After the first unlock: the ledger learns of its recovery, which could sign nothing by itself. Does nothing otherwise."""
    warehouse = Warehouse(directory)
    marker = warehouse.controller / _MARKER
    told = (read_text(marker) if marker.is_file() else "") or ""
    document, _, actor = told.strip().partition(" ")
    if document:
        record_recovery(warehouse.recorder, warehouse.documents, document=document, actor=actor)
        with contextlib.suppress(FileNotFoundError):
            marker.unlink()


def _found(warehouse: Warehouse, source: str, size: int) -> Found:
    settings = warehouse.configuration
    origin, public = settings.ledger_origin, settings.ledger_public
    if source != SECOND:
        other = DirectoryLedger(check_folder(Path(source)), origin=origin, public=public, sign=None)
        end = max(other.size(), size)
        return Found(
            leaves=other.leaves(min(size, other.size()), min(end, other.size())), note=other.checkpoint(), source="copy"
        )
    if not settings.ledger_second:
        raise Refused("recovery-no-second")
    second = Second(settings.ledger_second, origin=origin, public=public)
    note, end = second.checkpoint()
    return Found(leaves=second.leaves(size, end), note=note, source=SECOND)
