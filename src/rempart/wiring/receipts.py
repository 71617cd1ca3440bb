# SPDX-License-Identifier: Apache-2.0
"""Receipts: who acts keeps, on their own side, a tlog-proof of each leaf of theirs, and can show later that the ledger still holds it.

A ledger cut behind the last cosigned checkpoint contradicts the receipts that were given since.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rempart.adapters.configuration import Configuration
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.ledger_files import leaf_hashes
from rempart.adapters.text_input import check_folder, read_text
from rempart.adapters.witness_memory import write_told
from rempart.audit import tlog_proof
from rempart.audit.checkpoint import parse_and_verify, unproven
from rempart.audit.tree import Tree
from rempart.errors import BadInput, NotTrusted, RempartError
from rempart.records.event import LedgerEvent
from rempart.records.vkey import ED25519_LOG, parse_vkey
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The log as it stands now, proven. ``root_at``: its root at a size."""

    origin: str
    public: bytes
    size: int
    root_at: Callable[[int], bytes]


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
    origin, public = settings.ledger_origin, settings.ledger_public
    return _held(Later(origin=origin, public=public, size=ledger.size(), root_at=ledger.root), folder)


def check_receipts_offline(folder: Path, *, log: str, at: Path) -> Receipts:
    """The same without the warehouse. ``log``: the ledger's public key as one line; ``at``: a folder with ``checkpoint`` and ``tiles``, as
    ``audit publish`` writes it: hashes alone, believed as far as the signed root proves them.

    Raises BadInput ``verifier-key``, ``file-missing``; NotTrusted ``checkpoint-…``, ``ledger-truncated``, ``ledger-root``.
    """
    key = parse_vkey(log)
    if key.kind != ED25519_LOG:
        raise BadInput("verifier-key")
    note = read_text(check_folder(at) / "checkpoint")
    signed, tree = parse_and_verify(note, key.name, key.public), Tree()
    for digest in islice(leaf_hashes(at / "tiles"), signed.size):
        tree.append_hash(digest)
    if tree.size < signed.size:
        raise NotTrusted("ledger-truncated", size=signed.size, found=tree.size)
    if tree.root() != signed.root:
        raise NotTrusted("ledger-root", size=signed.size)
    return _held(Later(origin=key.name, public=key.public, size=tree.size, root_at=tree.root), folder)


def _held(later: Later, folder: Path) -> Receipts:
    files = sorted(file for file in check_folder(folder).iterdir() if file.name.endswith(SUFFIX))
    bad = [(file.name, code) for file in files if (code := _wrong(later, file))]
    return Receipts(size=later.size, held=len(files) - len(bad), bad=tuple(bad))


def _wrong(later: Later, file: Path) -> str:
    """The code of what speaks against a receipt, '' for one that the log holds: its leaf stands under its own checkpoint, and the log had
    that root at that size."""
    try:
        text = read_text(file)
        tlog_proof.verify(text, origin=later.origin, public=later.public)
        seen = unproven(tlog_proof.parse(text).checkpoint)
        if seen.size > later.size:
            raise NotTrusted("ledger-rolled-back", size=later.size, seen=seen.size)
        if later.root_at(seen.size) != seen.root:
            raise NotTrusted("consistency-proof", first=seen.size, second=later.size)
    except RempartError as error:
        return error.code
    return ""
