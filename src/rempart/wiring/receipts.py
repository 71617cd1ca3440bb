# SPDX-License-Identifier: Apache-2.0
"""Receipts: who acts keeps, on their own side, a tlog-proof of each leaf of theirs, and can show later that the ledger still holds it.

A ledger cut behind the last cosigned checkpoint contradicts the receipts that were given since.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.configuration import Configuration
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.text_input import check_folder, read_text
from rempart.adapters.witness_memory import write_told
from rempart.audit import tlog_proof
from rempart.audit.checkpoint import unproven
from rempart.audit.kept import check_kept
from rempart.audit.proofs import leaf_hash, verify_inclusion
from rempart.errors import NotTrusted, RempartError
from rempart.records.event import LedgerEvent
from rempart.wiring.ledger import plain_ledger

VARIABLE = "REMPART_RECEIPTS"
SUFFIX = ".tlog-proof"
_NOBODY = frozenset({"salted:system", "salted:broker"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """What a folder of receipts says of the ledger. ``bad``: (file, error code) of each that the ledger does not hold."""

    size: int
    held: int
    bad: tuple[tuple[str, str], ...]


def giver(ledger: DirectoryLedger) -> Callable[[int, LedgerEvent], None]:
    """What writes a receipt of each leaf that a person signs for into the folder that REMPART_RECEIPTS names; nothing without one.

    Raises BadInput ``file-missing`` at once, ``file-unwritable`` later.
    """
    told = os.environ.get(VARIABLE)
    if not told:
        return lambda _, __: None
    folder = check_folder(Path(told))

    def give(index: int, event: LedgerEvent) -> None:
        if event.event_class == "act" and event.actor not in _NOBODY:
            write_told(folder / f"{index}{SUFFIX}", receipt(ledger, index))

    return give


def receipt(ledger: DirectoryLedger, index: int) -> str:
    """The tlog-proof of a leaf under the newest checkpoint."""
    note = ledger.checkpoint()
    inclusion = ledger.inclusion(index, unproven(note).size)
    return tlog_proof.build(leaf=ledger.leaves(index, index + 1)[0], index=index, inclusion=inclusion, checkpoint=note)


def check_receipts(directory: Path, settings: Configuration, folder: Path) -> Receipts:
    """Each receipt proven by itself, and against the ledger as it stands; needs no key. Raises as ``check_folder``."""
    ledger = plain_ledger(directory, settings, sign=None)
    files = sorted(file for file in check_folder(folder).iterdir() if file.name.endswith(SUFFIX))
    bad = [(file.name, code) for file in files if (code := _wrong(ledger, settings, file))]
    return Receipts(size=ledger.size(), held=len(files) - len(bad), bad=tuple(bad))


def _wrong(ledger: DirectoryLedger, settings: Configuration, file: Path) -> str:
    """The code of what speaks against a receipt, '' for one that the ledger holds."""
    origin, public = settings.ledger_origin, settings.ledger_public
    try:
        text = read_text(file)
        tlog_proof.verify(text, origin=origin, public=public)
        proof = tlog_proof.parse(text)
        check_kept(proof.checkpoint, ledger, origin=origin, public=public)
        size = ledger.size()
        if proof.extra is None:
            raise NotTrusted("tlog-proof-form")
        path, root = ledger.inclusion(proof.index, size), ledger.root(size)
        verify_inclusion(leaf=leaf_hash(proof.extra), index=proof.index, size=size, proof=path, root=root)
    except RempartError as error:
        return error.code
    return ""
