# SPDX-License-Identifier: Apache-2.0
"""The files of a ledger folder: length-prefixed leaves, C2SP hash tiles, the checkpoint, and every checkpoint ever signed.

    leaves        4-byte big-endian length, then the leaf; appended to, and written anew by a purge: of a purged leaf 0x80000020, its hash
    checkpoint    the newest signed note; replaced in one step: this is what makes an append count
    checkpoints   each signed note as a line of JSON text: tells an auditor where an altered log still was right
    tiles/L/N     256 hashes of tree level 8·L from 256·N on (C2SP tlog-tiles); the unfinished one is ``N.p/<width>``
    lock          held while appending

Believes nothing and proves nothing: that is ``directory_ledger``'s work.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from rempart.adapters.group_folder import make_folder, open_in
from rempart.audit.tree import HASH_BYTES, Tree
from rempart.errors import NotTrusted
from rempart.records.event import PURGED_START, purged_hash, purged_leaf

PREFIX = 4
LARGEST_LEAF = 1 << 20
TILE_BITS = 8
_PURGED = (0x80000000 | HASH_BYTES).to_bytes(PREFIX, "big")
TILE = 1 << TILE_BITS


def record(data: bytes) -> bytes:
    """A length-prefixed record; of a purged leaf its hash, marked."""
    gone = purged_hash(data)
    return _PURGED + gone if gone is not None else len(data).to_bytes(PREFIX, "big") + data


def records(data: bytes, limit: int | None = None) -> tuple[list[bytes], int]:
    """Whole records from the front (at most ``limit``) and the number of bytes they take; a torn one ends the list."""
    found: list[bytes] = []
    at = 0
    while limit is None or len(found) < limit:
        head = data[at : at + PREFIX]
        marked = head == _PURGED
        length = HASH_BYTES if marked else int.from_bytes(head, "big")
        end = at + PREFIX + length
        if at + PREFIX > len(data) or end > len(data) or length > LARGEST_LEAF:
            break
        leaf = data[at + PREFIX : end]
        if leaf.startswith(PURGED_START) and not marked and purged_hash(leaf) is not None:
            break  # nobody appends what only stands for a leaf
        found.append(purged_leaf(leaf) if marked else leaf)
        at = end
    return found, at


def read_from(path: Path, start: int, end: int | None = None) -> bytes:
    """Bytes [start, end) of a file; empty when there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read() if end is None else file.read(end - start)
    except FileNotFoundError:
        return b""


def read_text(path: Path) -> str | None:
    """The file's text, or None when there is no file; raises NotTrusted ``checkpoint-form`` when it is no UTF-8."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise NotTrusted("checkpoint-form") from error


def append_at(path: Path, start: int, data: bytes, *, sync: bool = True) -> None:
    """Cut the file at ``start``, write ``data`` there, and wait for the disk."""
    descriptor = open_in(path, os.O_RDWR | os.O_CREAT)
    try:
        if os.fstat(descriptor).st_size != start:
            os.ftruncate(descriptor, start)
        write_all(descriptor, data, start)
        if sync:
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes, start: int) -> None:
    """Write every byte, however often the system writes less."""
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], start + done)


def replace(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Put ``data`` under ``path`` in one step: the old bytes or the new ones, never a mixture, whoever else writes it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = open_in(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(descriptor, data, 0)
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    beside.replace(path)
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's names are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the one writer's lock; waits for another holder, and the system lets go when a holder dies."""
    descriptor = open_in(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def tile_path(folder: Path, level: int, number: int, width: int) -> Path:
    """``tiles/<level>/x001/x234/067`` with ``.p/<width>`` when fewer than 256 hashes wide (C2SP tlog-tiles)."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    whole = folder.joinpath(str(level), *reversed(groups))
    return whole if width == TILE else whole.with_name(whole.name + ".p") / str(width)


def write_tiles(folder: Path, tree: Tree, before: int) -> None:
    """Write each tile that changed when the tree grew from ``before`` leaves; superseded partial tiles go."""
    level = 0
    while (new := tree.size >> (TILE_BITS * level)) > (old := before >> (TILE_BITS * level)):
        for number in range(old // TILE, (new - 1) // TILE + 1):
            hashes = tree.nodes(TILE_BITS * level, number * TILE, (number + 1) * TILE)
            _write_tile(folder, level, number, hashes)
        level += 1


def _write_tile(folder: Path, level: int, number: int, hashes: bytes) -> None:
    width = len(hashes) // HASH_BYTES
    path = tile_path(folder, level, number, width)
    make_folder(path.parent)
    with os.fdopen(open_in(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(hashes)
    partial = path.parent if width < TILE else path.with_name(path.name + ".p")
    if partial.is_dir():
        for other in partial.iterdir():
            if other != path:
                other.unlink(missing_ok=True)
        if width == TILE:
            partial.rmdir()


def leaf_hashes(folder: Path) -> Iterator[bytes]:
    """Leaf hashes as the tiles hold them, up to the first tile that is not there or not whole. Not proven."""
    for number in count():
        data = _newest_tile(folder, number)
        width = len(data) // HASH_BYTES
        yield from (data[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(min(width, TILE)))
        if width != TILE:
            return


def _newest_tile(folder: Path, number: int) -> bytes:
    """The bottom tile of that number: the whole one, or the widest unfinished one, or nothing."""
    partial = tile_path(folder, 0, number, 1).parent
    widths = [int(path.name) for path in partial.iterdir() if path.name.isdecimal()] if partial.is_dir() else []
    wanted = tile_path(folder, 0, number, max(widths) if widths else TILE)
    return read_from(wanted, 0)


def add_line(path: Path, text: str) -> None:
    """Add ``text`` as one JSON line. Begins with a newline, so that a line torn by a crash spoils itself only."""
    with os.fdopen(open_in(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as file:
        file.write(b"\n" + line(text))


def line(text: str) -> bytes:
    """One line of that file."""
    return json.dumps(text).encode() + b"\n"


def lines(path: Path) -> Iterator[str]:
    """What ``add_line`` wrote; torn lines are passed over."""
    for line in read_from(path, 0).splitlines():
        if line.startswith(b'"') and line.endswith(b'"'):
            yield _json_text(line)


def _json_text(line: bytes) -> str:
    try:
        return str(json.loads(line))
    except ValueError:
        return ""
