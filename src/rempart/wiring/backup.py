# SPDX-License-Identifier: Apache-2.0
"""``rempart backup`` and ``rempart restore``: where the sealed file comes from and goes to. docs/backup.md."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.backup_files import (
    CONTROLLER,
    RESTORED,
    check_free,
    controller_files,
    ledger_as_files,
    ledger_of_files,
    place,
    read_backup,
    restoring,
    sweep,
    write_backup,
    write_files,
)
from rempart.adapters.configuration import NAME, Configuration, read_configuration
from rempart.adapters.ledger_files import replace
from rempart.adapters.text_input import read_text
from rempart.adapters.trust_files import load_trust
from rempart.errors import BadInput, NotTrusted
from rempart.journeys.backup import CUSTODY, Source, Taken, back_up
from rempart.journeys.restore import Identity, Opened, Reading, check_head, open_backup, record_restored
from rempart.ports.surroundings import Progress
from rempart.records.canonical import canonical_bytes, parse_canonical
from rempart.wiring.acts import no_step
from rempart.wiring.ledger import VARIABLE, exported, plain_ledger
from rempart.wiring.warehouse import Warehouse

_SCHEMA = "rempart.restored/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put in place. ``size``: leaves; ``held``: leaves of the newest head from outside that it was held to, 0 = none;
    ``remote``: hosts whose credentials must be given anew."""

    backup: str
    taken: str
    size: int
    held: int
    files: int
    remote: tuple[str, ...]


def plan_backup(warehouse: Warehouse) -> list[tuple[str, int, int]]:
    """(kind, files, bytes) of what a backup would hold now; writes nothing."""
    counted: dict[str, tuple[int, int]] = {}
    files = controller_files(warehouse.directory)
    ledger = warehouse.ledger
    files |= ledger_as_files(warehouse.directory, ledger.checkpoint(), ledger.leaves())
    for path, data in files.items():
        kind = path.split("/")[1] if path.startswith(f"{CONTROLLER}/") else "configuration"
        count, size = counted.get(kind, (0, 0))
        counted[kind] = (count + 1, size + len(data))
    return [(kind, count, size) for kind, (count, size) in sorted(counted.items())]


def take_backup(
    warehouse: Warehouse,
    file: Path,
    *,
    head: Path | None,
    progress: Progress,
    named_step: Callable[[str], None] = no_step,
) -> Taken:
    """Write a backup to ``file`` and, where asked, the checkpoint that it ends with to ``head``.

    Raises Refused ``custody-missing``, ``file-exists``; Unavailable; BadInput ``file-unwritable``.
    """
    check_free(file)
    settings, directory = warehouse.configuration, warehouse.directory
    custody = directory / CUSTODY
    source = Source(
        warehouse=settings.warehouse,
        origin=settings.ledger_origin,
        public=settings.ledger_public,
        custody=custody.read_bytes() if custody.is_file() else None,
        others=lambda: controller_files(directory),
        ledger_files=lambda note, leaves: ledger_as_files(directory, note, leaves),
        store=lambda data: write_backup(file, data),
    )
    taken, note = back_up(
        source, recorder=warehouse.recorder, scratch=warehouse.scratch, progress=progress, named_step=named_step
    )
    if head is not None:
        _write_head(head, note)
    return taken


def restore(
    directory: Path,
    file: Path,
    *,
    shares: Sequence[tuple[bytes, str]],
    head: Path | None,
    named_step: Callable[[str], None] = no_step,
    quick_allowed: bool = False,
) -> Restored:
    """Put the controller's side of a warehouse into ``directory`` from a backup that proved itself.

    Raises as ``journeys.restore.open_backup`` and ``check_head``; Refused ``warehouse-exists``, ``restore-occupied``.
    """
    data = read_backup(file)
    with restoring(directory) as work:
        reading = Reading(identity=lambda files: _identity(work, files), ledger=ledger_of_files)
        opened = open_backup(data, reading, shares=shares, quick_allowed=quick_allowed)
        named_step("opened")
        settings = read_configuration(work)
        held = max((check_head(opened, text) for text in _heads(directory, settings, head)), default=0)
        (work / NAME).unlink()
        write_files(work, opened.files, marker=_marker(opened, data))
        plain_ledger(work, settings, sign=None).purge()  # what the backup's own log let go
        load_trust(work / CONTROLLER / "keys", settings.trust_first)
        named_step("written")
        place(work, directory, named_step)
    remote = sorted(path.split("/")[2] for path in opened.files if path.startswith(f"{CONTROLLER}/hosts/"))
    return Restored(
        backup=opened.header.id,
        taken=opened.header.taken,
        size=len(opened.leaves),
        held=held,
        files=len(opened.files),
        remote=tuple(remote),
    )


def note_restored(directory: Path) -> None:
    """After the first unlock: the ledger learns of the restore, which could sign nothing by itself. Does nothing otherwise."""
    marker = directory / CONTROLLER / RESTORED
    if not marker.is_file():
        return
    told = parse_canonical(marker.read_bytes(), what=RESTORED)
    if not isinstance(told, dict) or told.pop("schema", None) != _SCHEMA:
        raise NotTrusted("backup-form")
    record_restored(Warehouse(directory).recorder, **told)
    sweep(directory)


def _marker(opened: Opened, data: bytes) -> bytes:
    facts = {"backup": opened.header.id, "size": opened.header.size, "taken": opened.header.taken}
    return canonical_bytes({"schema": _SCHEMA, "sha256": hashlib.sha256(data).hexdigest(), **facts})


def _identity(work: Path, files: Mapping[str, bytes]) -> Identity:
    if NAME not in files:
        raise NotTrusted("backup-form")
    (work / NAME).write_bytes(files[NAME])
    settings = read_configuration(work)
    return Identity(warehouse=settings.warehouse, origin=settings.ledger_origin, public=settings.ledger_public)


def _heads(directory: Path, settings: Configuration, told: Path | None) -> list[str]:
    """Every checkpoint from outside that is at hand: the one that was given, and the one that the configuration names."""
    named = exported(directory, settings)
    if os.environ.get(VARIABLE) and named is not None:
        return [read_text(path) for path in (told, named) if path is not None]
    return [read_text(path) for path in (told, named) if path is not None and (path == told or path.is_file())]


def _write_head(file: Path, note: str) -> None:
    try:
        replace(file, note.encode())
    except OSError as error:
        raise BadInput("file-unwritable", file=file.name) from error
