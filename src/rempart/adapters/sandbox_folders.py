# SPDX-License-Identifier: Apache-2.0
"""A job's folders in memory: what it reads, what it writes; its throw-away account; and the removal of all of it, also after a crash.

As root each job has file systems of its own in memory, of a fixed size, and an account that nobody else has at that time. Without root,
folders in the system's shared memory, whose size the supervisor watches.
"""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rempart.errors import Refused, Unavailable

_NOSUID, _NODEV, _NOEXEC, _DETACH = 2, 4, 8, 2
_PAGE, _ROOM = 4096, 1 << 20
_MOUNTS = ("in", "out")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFolder:
    """``account``: the throw-away one, None where the supervisor is not root."""

    path: Path
    account: int | None

    @property
    def data(self) -> Path:
        """What the job reads as ``/in``."""
        return self.path / "in" / "data"

    @property
    def code(self) -> Path:
        """What the job reads as ``/code``."""
        return self.path / "in" / "code"

    @property
    def output(self) -> Path:
        """What the job writes as ``/out``."""
        return self.path / "out"

    def fill(self, folder: Path, files: Mapping[str, bytes]) -> None:
        """Write ``files`` so that the job's account may read them, and nobody else."""
        for name, data in files.items():
            path = folder / name
            for above in reversed(path.relative_to(folder).parents[:-1]):
                self._own(folder / above, 0o750, make=True)
            path.write_bytes(data)
            self._own(path, 0o440)

    def _own(self, path: Path, mode: int, *, make: bool = False) -> None:
        if make:
            path.mkdir(exist_ok=True)
        if self.account is not None:
            os.chown(path, 0, self.account)
        path.chmod(mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFolders:
    """``accounts``: first and last throw-away account; None: the supervisor's own (not root)."""

    root: Path
    accounts: tuple[int, int] | None
    _held: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def folder(self, job: str, *, room: int, output: int, files: int) -> Iterator[JobFolder]:
        """A job's folder, gone at the end whatever happens. ``room``: bytes that it reads; ``output``, ``files``: what it may write.

        Raises Refused ``sandbox-folder``, Unavailable ``sandbox-accounts``, ``sandbox-busy``, ``sandbox-mount``.
        """
        with self._order():
            lock = _owned(self.root / f"{job}.lock")
            if lock is None:
                raise Unavailable("sandbox-busy", job=job)
            account, account_lock = self._account()
        folder = JobFolder(path=self.root / job, account=account)
        try:
            self._make(folder, room, output, files)
            yield folder
        finally:
            with self._order():
                _remove(folder.path)
                (self.root / f"{job}.lock").unlink(missing_ok=True)
            for number in (lock, account_lock):
                os.close(number)

    def stale(self) -> list[str]:
        """Jobs whose folder is there though nobody owns it; none of them is removed."""
        with self._order():
            found = sorted(path.name for path in self.root.iterdir() if path.is_dir())
            return [job for job in found if _free(self.root / f"{job}.lock")]

    def remove(self, job: str) -> None:
        """Unmount and remove a stale job's folder."""
        with self._order():
            _remove(self.root / job)
            (self.root / f"{job}.lock").unlink(missing_ok=True)

    def _make(self, folder: JobFolder, room: int, output: int, files: int) -> None:
        own = folder.account
        _remove(folder.path)
        folder.path.mkdir(mode=0o700)
        for name in _MOUNTS:
            (folder.path / name).mkdir(mode=0o700)
        if own is not None:
            _mount(folder.path / "in", f"size={room + _ROOM},uid=0,gid={own},mode=750")
            _mount(folder.path / "out", f"size={output},nr_inodes={files + 1},uid={own},gid={own},mode=700")
            os.chown(folder.path, 0, own)
            folder.path.chmod(0o710)
        for inner in (folder.data, folder.code):
            inner.mkdir(mode=0o750)
            if own is not None:
                os.chown(inner, 0, own)

    def _account(self) -> tuple[int | None, int]:
        """A free account and the lock that keeps it ours; its lock alone where there is but our own."""
        if self.accounts is None:
            return None, os.open(self.root, os.O_RDONLY | os.O_CLOEXEC)
        used = _accounts_at_work()
        for number in range(self.accounts[0], self.accounts[1] + 1):
            lock = None if number in used else _owned(self.root / f"account-{number}.lock")
            if lock is not None:
                return number, lock
        raise Unavailable("sandbox-accounts", first=self.accounts[0], last=self.accounts[1])

    @contextmanager
    def _order(self) -> Iterator[None]:
        _safe_root(self.root, 0o700 if self.accounts is None else 0o711)
        number = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)


def size_of(folder: Path) -> tuple[int, int]:
    """(bytes, files) under a folder now, no link followed; for whoever watches a folder without a size of its own."""
    size = count = 0
    for above, folders, names in os.walk(folder):
        count += len(folders) + len(names)
        for name in names:
            try:
                size += os.stat(os.path.join(above, name), follow_symlinks=False).st_blocks * 512
            except FileNotFoundError:
                continue
    return size, count


def _safe_root(root: Path, mode: int) -> None:
    """Ours, and writable by nobody else; raises Refused ``sandbox-folder``."""
    root.mkdir(mode=mode, parents=True, exist_ok=True)
    state = root.stat(follow_symlinks=False)
    if state.st_uid != os.geteuid() or state.st_mode & 0o022 or not root.is_dir():
        raise Refused("sandbox-folder", folder=root.name)
    root.chmod(mode)


def _mount(path: Path, options: str) -> None:
    """A file system in memory, its pages never in swap where the kernel can promise it."""
    libc = ctypes.CDLL(None, use_errno=True)
    for told in (f"{options},noswap", options):
        if libc.mount(b"rempart-job", bytes(path), b"tmpfs", _NOSUID | _NODEV | _NOEXEC, told.encode()) == 0:
            return
        if ctypes.get_errno() != errno.EINVAL:
            break
    raise Unavailable("sandbox-mount", what=os.strerror(ctypes.get_errno()))


def _remove(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for name in _MOUNTS:
        while os.path.ismount(folder / name) and libc.umount2(bytes(folder / name), _DETACH) == 0:
            continue
    if folder.is_dir():
        _open_up(folder)
        shutil.rmtree(folder)


def _open_up(folder: Path) -> None:
    """What a job of our own account closed to itself can be removed again."""
    for above, _, _ in os.walk(folder):
        os.chmod(above, 0o700)


def _owned(path: Path) -> int | None:
    """A descriptor that holds the lock on ``path``, or None when another does."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        return None
    return number


def _free(path: Path) -> bool:
    number = _owned(path)
    if number is not None:
        os.close(number)
    return number is not None


def _accounts_at_work() -> set[int]:
    """Accounts that a living process has; one that ended and waits to be counted does nothing more."""
    found = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                account = entry.stat().st_uid
                if Path(entry.path, "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX":
                    found.add(account)
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found
