# SPDX-License-Identifier: Apache-2.0
"""A warehouse of invented persons beside its people's key files: what the demo and a dry run have in common. Runs no study."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rempart.errors import RempartError
from rempart.wiring.broker import connect
from rempart.wiring.warehouse import Warehouse

_SWAP = "REMPART_UNENCRYPTED_SWAP"
_PATIENCE = 10.0  # seconds that a broker is given to end


class InventedPlace:
    """A folder that holds the warehouse, and under ``people`` the key files of those who act in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse, opened anew."""
        return Warehouse(self.folder / "warehouse")

    def key(self, name: str) -> Path:
        """A person's key file."""
        return self.folder / "people" / f"{name}.key"

    def lock(self) -> None:
        """Have the broker end, if one serves, and wait until it has."""
        try:
            broker = connect(self.folder / "warehouse")
            process = int(broker.status().get("pid", 0))
            broker.lock()
        except RempartError:
            return
        until = time.monotonic() + _PATIENCE
        while _alive(process) and time.monotonic() < until:
            time.sleep(0.02)


def _alive(process: int) -> bool:
    if not process:
        return False
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@contextmanager
def swap_may_see() -> Iterator[None]:
    """Invented persons: an unencrypted swap may see them, in this process and in those that it starts."""
    before = os.environ.get(_SWAP)
    os.environ.setdefault(_SWAP, "allowed")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_SWAP, None)
