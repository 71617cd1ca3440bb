# SPDX-License-Identifier: Apache-2.0
"""The ledger as a process opens it: held to a checkpoint kept elsewhere, where one is named. docs/ledger.md, "Held from outside"."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from rempart.adapters.configuration import Configuration, read_configuration
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.ledger_files import read_text, replace
from rempart.adapters.second_ledger import Second, SecondLedger
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.kept import check_kept
from rempart.audit.retention import check_purged
from rempart.errors import BadInput, Missing, NotTrusted, RempartError

VARIABLE = "REMPART_LEDGER_EXPORTED"
Sign = Callable[[str], str] | None


def open_ledger(directory: Path, settings: Configuration, *, sign: Sign) -> DirectoryLedger:
    """The ledger of ``directory``; ``sign`` makes checkpoints, None = read only. One that lost leaves of the exported checkpoint can be
    read, and each append raises NotTrusted ``ledger-rolled-back``.

    Raises NotTrusted ``consistency-proof`` when it is another history than the exported checkpoint's, Missing
    ``ledger-exported-missing`` when that file is gone; NotTrusted ``ledger-purged`` where a leaf is gone that no act let go.
    """
    ledger = plain_ledger(directory, settings, sign=sign)
    try:
        check_exported(directory, settings, ledger)
    except NotTrusted as error:
        if error.code != "ledger-rolled-back":
            raise
        ledger = _only_read(directory, settings, error)
    if ledger.purged():
        check_purged(ledger.leaves())
    return ledger


def check_exported(directory: Path, settings: Configuration, ledger: DirectoryLedger) -> None:
    """Raises NotTrusted ``ledger-rolled-back`` or ``consistency-proof`` when the ledger does not continue the checkpoint kept elsewhere,
    Missing ``ledger-exported-missing`` when that file is gone."""
    kept = exported(directory, settings)
    if kept is not None and (kept.exists() or ledger.size()):  # a ledger without a leaf has nothing to have exported
        _hold(ledger, settings, kept)


def lost_leaves(directory: Path) -> NotTrusted | None:
    """What a writing command raises where a checkpoint kept elsewhere proves more leaves than are signed here; reads two notes alone.
    Never raises: what cannot be read, whoever opens the ledger says."""
    with contextlib.suppress(RempartError, OSError):
        settings = read_configuration(directory)
        kept = exported(directory, settings)
        note = read_text(kept) if kept is not None else None
        size = published_size(directory, settings) if note else 0
        seen = parse_and_verify(note, settings.ledger_origin, settings.ledger_public).size if note and size else 0
        return NotTrusted("ledger-rolled-back", size=size, seen=seen) if size < seen else None
    return None


def _only_read(directory: Path, settings: Configuration, error: NotTrusted) -> DirectoryLedger:
    def refuse(_: str) -> str:
        raise NotTrusted("ledger-rolled-back", **error.facts)

    folder, origin, public = ledger_folder(directory), settings.ledger_origin, settings.ledger_public
    return DirectoryLedger(folder, origin=origin, public=public, sign=refuse)


def plain_ledger(directory: Path, settings: Configuration, *, sign: Sign) -> DirectoryLedger:
    """The ledger, held to its own checkpoint only; what is appended reaches the second machine where ``[ledger] second`` names one."""
    folder, origin, public = ledger_folder(directory), settings.ledger_origin, settings.ledger_public
    if sign is None or not settings.ledger_second:
        return DirectoryLedger(folder, origin=origin, public=public, sign=sign)
    second = Second(settings.ledger_second, origin=origin, public=public)
    return SecondLedger(folder, origin=origin, public=public, sign=sign, second=second)


def ledger_folder(directory: Path) -> Path:
    """Where the ledger lies."""
    return directory / "controller" / "ledger"


def published_size(directory: Path, settings: Configuration) -> int:
    """Leaves of the checkpoint that stands in the folder now, 0 without one; takes no lock. Raises NotTrusted ``checkpoint-…``."""
    text = read_text(ledger_folder(directory) / "checkpoint")
    return parse_and_verify(text, settings.ledger_origin, settings.ledger_public).size if text else 0


def exported(directory: Path, settings: Configuration) -> Path | None:
    """The file of the checkpoint kept elsewhere: REMPART_LEDGER_EXPORTED, else ``[ledger] exported`` (relative to DIR)."""
    told = os.environ.get(VARIABLE)
    if told:
        return Path(told)
    return directory / settings.ledger_exported if settings.ledger_exported else None


def export_checkpoint(directory: Path, settings: Configuration, file: Path) -> str:
    """Write the newest checkpoint to ``file``, never over one that this ledger does not continue.

    Raises as ``open_ledger``, and BadInput ``file-unwritable``.
    """
    if file.is_dir() or not file.parent.is_dir():
        raise BadInput("file-unwritable", file=file.name)
    ledger = plain_ledger(directory, settings, sign=None)
    if file.exists():
        _hold(ledger, settings, file)
    text = ledger.checkpoint()
    try:
        replace(file, text.encode())
    except OSError as error:
        raise BadInput("file-unwritable", file=file.name) from error
    return text


def _hold(ledger: DirectoryLedger, settings: Configuration, kept: Path) -> None:
    text = read_text(kept)
    if text is None:
        raise Missing("ledger-exported-missing", file=kept.name)
    check_kept(text, ledger, origin=settings.ledger_origin, public=settings.ledger_public)
