# SPDX-License-Identifier: Apache-2.0
"""Take a backup of the controller's side: keys as they are stored, ledger, documents, configuration. Needs no custodian.

What it holds is named by a checkpoint: the ledger is read first and everything else after it, so that what the leaves name is
there. A backup counts from its intent on, since a process that was killed may have left its file behind.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rempart.audit.checkpoint import Checkpoint, parse_and_verify
from rempart.audit.retention import KIND as RETENTION
from rempart.audit.retention import cover_of
from rempart.errors import NotTrusted, Refused, Unavailable
from rempart.journeys.archive import Header, seal
from rempart.journeys.living import living
from rempart.journeys.recorded import Recorder, recorded
from rempart.keys.custody import Custody, custody_from_bytes
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Progress
from rempart.records.canonical import parse_canonical
from rempart.records.event import PURGED, LedgerEvent

KIND = "backup"
ERASED = "backup-erased"
CUSTODY = "controller/keys/custody.json"
_MOVING = frozenset(
    {"person", "rotation", "root-rotation", "erasure", "ceremony", "host", "node"}
)  # acts that change the files of keys
_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredBackup:
    """``id``: ``B-…``; ``sha256``: of the file, 64 hex, '' while (or because) its act never ended; ``taken``: ISO instant;
    ``size``: leaves of the ledger in it; ``destroyed``: a ``backup-erased`` leaf tells of it."""

    id: str
    sha256: str
    taken: str
    size: int
    destroyed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A backup that was taken. ``sha256``: of the file; ``size``: leaves; ``bytes``: of the file; ``files``: in it."""

    id: str
    sha256: str
    taken: str
    size: int
    bytes: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is backed up, and where to. ``custody``: bytes of the custody record, None before any ceremony; ``others``: every
    file but the ledger's, by path below DIR, read now; ``ledger_files``: (checkpoint, leaves) → the files that hold them;
    ``store``: puts the sealed bytes under the name that was asked for, whole or not at all."""

    warehouse: str
    origin: str
    public: bytes
    custody: bytes | None
    others: Callable[[], Mapping[str, bytes]]
    ledger_files: Callable[[str, Sequence[bytes]], Mapping[str, bytes]]
    store: Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The files of one moment, and the checkpoint that names it."""

    note: str
    checkpoint: Checkpoint
    files: Mapping[str, bytes]


def back_up(
    source: Source, *, recorder: Recorder, scratch: Scratch, progress: Progress, named_step: Callable[[str], None]
) -> tuple[Taken, str]:
    """(what was taken, the checkpoint that it ends with). The intent stands before a byte is written, and is itself in the backup.

    Raises Refused ``custody-missing``; Unavailable ``backup-erasure``, ``backup-busy``; what ``source.store`` raises.
    """
    if source.custody is None:
        raise Refused("custody-missing")
    custody = custody_from_bytes(source.custody)
    run = f"B-{recorder.randomness.bytes(8).hex()}"
    objects = [f"run:{run}", f"{KIND}:{run}"]
    with (
        living(scratch, recorder, run),
        recorded(recorder, KIND, basis="operation:backup", objects=objects) as act,
    ):
        named_step("intent-written")
        progress.step("backup", 0, 3)
        found = _gather(source, recorder, custody)
        progress.step("backup", 1, 3)
        header = _header(source, run, found, taken=recorder.clock.now().isoformat())
        data = seal(header, found.files, recovery=custody.recovery_public, randomness=recorder.randomness.bytes)
        named_step("sealed")
        progress.step("backup", 2, 3)
        source.store(data)
        named_step("stored")
        done = _taken(header, data, files=len(found.files))
        for name, value in ((KIND, run), ("sha256", done.sha256), ("size", done.size), ("taken", done.taken)):
            act.say(name, value)
    named_step("registered")
    progress.step("backup", 3, 3)
    return done, found.note


def _header(source: Source, run: str, found: Gathered, *, taken: str) -> Header:
    return Header(
        id=run,
        warehouse=source.warehouse,
        taken=taken,
        size=found.checkpoint.size,
        root=found.checkpoint.root.hex(),
        custody=parse_canonical(source.custody or b"", what="custody"),
    )


def _taken(header: Header, data: bytes, *, files: int) -> Taken:
    return Taken(
        id=header.id,
        sha256=hashlib.sha256(data).hexdigest(),
        taken=header.taken,
        size=header.size,
        bytes=len(data),
        files=files,
    )


def _gather(source: Source, recorder: Recorder, custody: Custody) -> Gathered:
    """Ledger first, files after; again when an act that changes the files of keys came between."""
    ledger = recorder.ledger
    for _ in range(_TRIES):
        note = ledger.checkpoint()
        checkpoint = parse_and_verify(note, source.origin, source.public)
        leaves = ledger.leaves(0, checkpoint.size)
        events = [LedgerEvent.from_leaf(leaf) for leaf in leaves]
        _check_no_erasure(events)
        check_custody(events, custody)
        files = {**source.others(), **source.ledger_files(note, leaves)}
        since = ledger.leaves(checkpoint.size, ledger.size())
        if not any(LedgerEvent.from_leaf(leaf).kind in _MOVING for leaf in since):
            return Gathered(note=note, checkpoint=checkpoint, files=files)
    raise Unavailable("backup-busy")


def _check_no_erasure(events: Sequence[LedgerEvent]) -> None:
    """An erasure that has begun asked which backups there are before this one began: it must end first."""
    ended = {event.of for event in events if event.kind == "erasure"}
    if any(event.kind == "erasure" and event.phase == "intent" and n not in ended for n, event in enumerate(events)):
        raise Unavailable("backup-erasure")


def check_custody(events: Sequence[LedgerEvent], custody: Custody) -> None:
    """The custody record is the one of the ledger's last ceremony; raises NotTrusted ``custody-form``."""
    named = [custody_id for event in events if event.kind == "ceremony" for custody_id in event.facts("custody")]
    if named and custody.id != named[-1]:
        raise NotTrusted("custody-form")


def registered(events: Sequence[LedgerEvent]) -> list[RegisteredBackup]:
    """Every backup that may still lie somewhere or once did, oldest first; one whose act failed left no file."""
    found: dict[int, RegisteredBackup] = {}
    for index, event in enumerate(events):
        if event.kind == KIND and event.phase == "intent":
            found[index] = RegisteredBackup(
                id=event.fact(KIND) or "", sha256="", taken=event.time, size=index + 1, destroyed=False
            )
        elif event.kind == KIND and event.of in found:
            if event.phase == "failed":
                del found[event.of]
            else:
                found[event.of] = _ended(found[event.of], event)
    gone = {name for event in events if event.kind == ERASED and event.phase == "effect" for name in event.facts(KIND)}
    return [replace(backup, destroyed=backup.id in gone) for backup in found.values()]


def holding_purged(events: Sequence[LedgerEvent]) -> list[RegisteredBackup]:
    """The backups that still hold the content of traces which the ledger let go later, and of which no leaf says that they are gone."""
    ends = {
        event.of: index for index, event in enumerate(events) if event.kind == RETENTION and event.phase == "effect"
    }
    gone: list[tuple[int, int]] = []  # of each purge: its first trace, and the leaf at which it was over
    for index, event in enumerate(events):
        cover = cover_of(index, event)
        if cover is not None:
            left = (at for at in range(cover.first, cover.to) if events[at].kind == PURGED)
            gone.append((next(left, cover.to), ends.get(index, len(events))))
    return [
        backup
        for backup in registered(events)
        if not backup.destroyed and any(first < backup.size <= over for first, over in gone)
    ]


def _ended(backup: RegisteredBackup, event: LedgerEvent) -> RegisteredBackup:
    size = event.fact("size") or ""
    return replace(
        backup,
        sha256=event.fact("sha256") or "",
        taken=event.fact("taken") or backup.taken,
        size=int(size) if size.isdecimal() else backup.size,
    )
