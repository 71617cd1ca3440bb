# SPDX-License-Identifier: Apache-2.0
"""What a process that holds keys or plaintext asks of Linux: not dumpable, no core file, no unencrypted swap.

It cannot protect against root, nor against another process that it starts itself.
"""

import ctypes
import resource
import sys
from pathlib import Path

from rempart.errors import Refused, Unavailable

_PR_SET_DUMPABLE, _PR_GET_DUMPABLE = 4, 3


def harden(*, swap_allowed: bool = False) -> None:
    """All of it; raises Refused ``swap-unencrypted`` unless allowed, Unavailable ``hardening`` where the system says no."""
    forbid_core()
    forbid_dump()
    if not swap_allowed:
        check_swap()


def forbid_dump() -> None:
    """prctl(PR_SET_DUMPABLE, 0): no ptrace and no /proc/PID/mem or /proc/PID/fd for other processes of the account."""
    if not sys.platform.startswith("linux"):
        raise Unavailable("hardening", what="prctl")
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 or prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise Unavailable("hardening", what="prctl")


def forbid_core() -> None:
    """RLIMIT_CORE 0, soft and hard."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        raise Unavailable("hardening", what="core") from error


def check_swap(*, swaps: Path = Path("/proc/swaps"), blocks: Path = Path("/sys/block")) -> None:
    """Every active swap is encrypted (dm-crypt) or lies in memory (zram without a backing device).

    Raises Refused ``swap-unencrypted``.
    """
    try:
        lines = swaps.read_text(encoding="utf-8").splitlines()[1:]
    except FileNotFoundError:
        return  # a kernel without swap has no such file
    for line in lines:
        device = line.split()[0] if line.split() else ""
        if device and not _is_safe(device, blocks):
            raise Refused("swap-unencrypted", device=device)


def _is_safe(device: str, blocks: Path) -> bool:
    name = Path(device).resolve().name if device.startswith("/dev/") else ""
    if not name:
        return False
    if name.startswith("zram"):
        return _first_line(blocks / name / "backing_dev") in {"", "none"}
    return _first_line(blocks / name / "dm" / "uuid").startswith("CRYPT-")


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
