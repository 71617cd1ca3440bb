# SPDX-License-Identifier: Apache-2.0
"""The files of the controller that a backup keeps, and a folder put in place whole at a restore. Seals and proves nothing.

Left out: credentials of hosts, the node's own key, scratch, caches, sockets, and what can be made again (``state.db``, tiles).
"""

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rempart.adapters import ledger_files
from rempart.adapters.broker_accounts import NAME as ACCOUNTS
from rempart.adapters.configuration import NAME
from rempart.adapters.private_file import create_private
from rempart.audit.tree import Tree
from rempart.errors import BadInput, Missing, NotTrusted, Refused, Unavailable
from rempart.records.canonical import sha256_id

CONTROLLER = "controller"
RESTORED = "restored.json"
_LEDGER = f"{CONTROLLER}/ledger"
_LEAVES, _CHECKPOINT, _HISTORY = (f"{_LEDGER}/{name}" for name in ("leaves", "checkpoint", "checkpoints"))
_FOLDERS = ("keys", "documents", "ledger", "scratch")
_WORK = ".restoring"


def controller_files(directory: Path) -> dict[str, bytes]:
    """Path below ``directory`` → bytes: configuration, keys as they are stored, trust, documents, connections of hosts.

    Raises NotTrusted ``document-altered`` for a document that is not what its name says; Refused ``backup-account`` where the keys
    belong to another account.
    """
    try:
        return _files(directory, directory / CONTROLLER)
    except PermissionError as error:
        raise Refused("backup-account", file=Path(str(error.filename)).name) from error


def _files(directory: Path, controller: Path) -> dict[str, bytes]:
    found = {NAME: (directory / NAME).read_bytes()}
    for path in [*_regular(controller / "keys"), *_connections(controller / "hosts")]:
        if path != controller / "keys" / ACCOUNTS:  # which accounts serve is a matter of the machine
            found[path.relative_to(directory).as_posix()] = path.read_bytes()
    for path in _regular(controller / "documents"):
        data = path.read_bytes()
        if sha256_id(data) != f"sha256:{path.name}":
            raise NotTrusted("document-altered", document=path.name)
        found[path.relative_to(directory).as_posix()] = data
    return found


def ledger_as_files(directory: Path, checkpoint: str, leaves: Sequence[bytes]) -> dict[str, bytes]:
    """The ledger's files as of ``checkpoint``; of the checkpoints signed before, those that the folder still has."""
    last = int(checkpoint.split("\n")[1])
    signed = [text for text in ledger_files.lines(directory / _HISTORY) if _size(text) < last]
    history = b"".join(b"\n" + ledger_files.line(text) for text in [*signed, checkpoint])
    return {
        _LEAVES: b"".join(ledger_files.record(leaf) for leaf in leaves),
        _CHECKPOINT: checkpoint.encode(),
        _HISTORY: history,
    }


def ledger_of_files(files: Mapping[str, bytes]) -> tuple[str, list[bytes]]:
    """(checkpoint, leaves); raises NotTrusted ``backup-form``."""
    try:
        data, note = files[_LEAVES], files[_CHECKPOINT].decode()
    except (KeyError, UnicodeDecodeError) as error:
        raise NotTrusted("backup-form") from error
    leaves, used = ledger_files.records(data)
    if used != len(data):
        raise NotTrusted("backup-form")
    return note, leaves


def read_backup(path: Path) -> bytes:
    """The whole file; raises Missing ``backup-absent``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Missing("backup-absent", file=path.name) from error


def check_free(path: Path) -> None:
    """Raises Refused ``file-exists``, BadInput ``file-unwritable``, before anything is done for that file."""
    if path.exists():
        raise Refused("file-exists", file=path.name)
    if not path.parent.is_dir():
        raise BadInput("file-unwritable", file=path.name)


def write_backup(path: Path, data: bytes) -> None:
    """Put a backup under its name whole, mode 0600; on failure nothing is left. Raises as ``check_free``."""
    check_free(path)
    try:
        create_private(path, data)
    except OSError as error:
        for left in path.parent.glob(f".{path.name}.*.unfinished"):
            left.unlink(missing_ok=True)
        raise BadInput("file-unwritable", file=path.name) from error


@contextmanager
def restoring(directory: Path) -> Iterator[Path]:
    """A folder to make the controller's side in, beside its place; gone afterwards. One restore into a folder at a time.

    Raises Refused ``warehouse-exists``, ``restore-occupied`` where a controller's folder lies that no restore left;
    Unavailable ``restore-held``; BadInput ``file-unwritable``.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / f"{_WORK}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadInput("file-unwritable", file=directory.name) from error
    work = directory / _WORK
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _check_place(directory)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700)
        yield work
    except BlockingIOError as error:
        raise Unavailable("restore-held", folder=directory.name) from error
    finally:
        os.close(lock)
        shutil.rmtree(work, ignore_errors=True)
        (directory / f"{_WORK}.lock").unlink(missing_ok=True)


def write_files(work: Path, files: Mapping[str, bytes], *, marker: bytes) -> None:
    """Write everything into ``work``, on the disk before it returns: files 0600, folders 0700, the ledger's tiles made anew."""
    parents = {parent.as_posix() for path in files for parent in Path(path).parents}
    for folder in sorted({*parents, *(f"{CONTROLLER}/{name}" for name in _FOLDERS)} | {CONTROLLER}):
        (work / folder).mkdir(mode=0o700, exist_ok=True)  # parents come first in this order
    for path, data in [*files.items(), (f"{CONTROLLER}/{RESTORED}", marker)]:
        create_private(work / path, data)
    tree = Tree(ledger_of_files(files)[1])
    ledger_files.write_tiles(work / _LEDGER / "tiles", tree, 0)


def place(work: Path, directory: Path, named_step: Callable[[str], None]) -> None:
    """Rename what was made into ``directory``; the configuration last, since that is what makes a folder a warehouse."""
    old = directory / CONTROLLER
    if old.exists():
        old.rename(work / "left-by-a-dead-restore")
    (work / CONTROLLER).rename(old)
    ledger_files.sync_folder(directory)
    named_step("controller-placed")
    (directory / "public" / "releases").mkdir(parents=True, exist_ok=True)
    (work / NAME).rename(directory / NAME)
    ledger_files.sync_folder(directory)
    named_step("warehouse-placed")


def sweep(directory: Path) -> None:
    """Remove what a restore that was killed after its last step left beside the warehouse."""
    shutil.rmtree(directory / _WORK, ignore_errors=True)
    (directory / f"{_WORK}.lock").unlink(missing_ok=True)
    (directory / CONTROLLER / RESTORED).unlink(missing_ok=True)


def _check_place(directory: Path) -> None:
    if (directory / NAME).exists():
        raise Refused("warehouse-exists")
    if (directory / CONTROLLER).exists() and not (directory / CONTROLLER / RESTORED).is_file():
        raise Refused("restore-occupied", folder=directory.name)


def _regular(folder: Path) -> Iterator[Path]:
    """Files below a folder that are neither links nor sockets, nor somebody's unfinished work."""
    for path in sorted(folder.rglob("*")):
        if stat.S_ISREG(path.lstat().st_mode) and not path.name.startswith("."):
            yield path


def _connections(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*/connection.toml")):
        if stat.S_ISREG(path.lstat().st_mode):
            yield path


def _size(note: str) -> int:
    lines = note.split("\n")
    return int(lines[1]) if len(lines) > 1 and lines[1].isdecimal() else 0
