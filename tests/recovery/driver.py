# SPDX-License-Identifier: Apache-2.0
"""A process that does one act and kills itself at a named step: ``python -m tests.recovery.driver ROOT ACT STEP NTH``.

It is the test's victim: it never returns when the step is reached, and exits with 0 when it is not.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from rempart.adapters.scratch_directory import ScratchDirectory
from rempart.journeys.ingest_delivery import Bounds
from rempart.wiring.acts import grant_permit, run_study_file
from rempart.wiring.backup import restore, take_backup
from rempart.wiring.erasure import destroy_keys
from rempart.wiring.ingest import ingest_delivery
from rempart.wiring.rotation import rotate_keys
from tests.faults.backup_house import share_files
from tests.faults.warehouse.place import Place, Silence


def die_at(step: str, nth: int) -> Callable[[str], None]:
    """A named step that kills this process the ``nth`` time it is told ``step``."""
    seen = 0

    def told(name: str) -> None:
        nonlocal seen
        seen += name == step
        if name == step and seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    return told


class DyingScratch(ScratchDirectory):
    """Scratch of a process that dies once a piece of evidence is kept, or the ``nth`` of a ``step`` before it."""

    def __init__(self, root: Path, *, step: str, nth: int) -> None:
        super().__init__(root)
        self._step, self._left = step or "shard", nth

    def put(self, run: str, name: str, data: bytes) -> None:
        """Keep it, then die."""
        super().put(run, name, data)
        self._left -= name.startswith(f"{self._step}-")
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def officers(place: Place) -> list[Path]:
    """Key files of two officers; the second was enrolled by the test."""
    return [Path(place.key("officer")), Path(place.key("olga"))]


def no_passphrase(_: Path) -> str:
    """Nobody's key file here has one."""
    return ""


def main(root: str, act: str, step: str, nth: str) -> None:
    """Do the act."""
    place, named_step = Place(Path(root)), die_at(step, int(nth))
    warehouse = place.warehouse()
    if act in {"ingest", "ingest-units"}:
        ingest_delivery(
            warehouse,
            place.delivery("first"),
            form="snds",
            replace=True,
            progress=Silence(),
            named_step=named_step,
            bounds=Bounds(seconds=0 if act == "ingest-units" else 300),
        )
    elif act == "grant":
        grant_permit(
            warehouse,
            file=place.root / "second.toml",
            key_file=Path(place.key("claire")),
            ask=lambda _: "",
            progress=Silence(),
            named_step=named_step,
        )
    elif act == "backup":
        take_backup(warehouse, place.root / "killed-backup", head=None, progress=Silence(), named_step=named_step)
    elif act == "rotate":
        rotate_keys(
            warehouse, spaces=[], by=officers(place)[0], ask=no_passphrase, progress=Silence(), named_step=named_step
        )
    elif act == "destroy":
        destroy_keys(
            warehouse,
            space="project:first",
            epochs=None,
            by=officers(place),
            ask=no_passphrase,
            backups=[place.root / "backup"],
            named_step=named_step,
        )
    elif act == "restore":
        shares = share_files(place.root)
        into = place.root / "machine" / "w"
        restore(into, place.root / "backup", shares=shares, head=None, named_step=named_step, quick_allowed=True)
    else:
        folder = place.directory / "controller" / "scratch"
        vars(warehouse)["scratch"] = DyingScratch(folder, step=step, nth=int(nth))
        run_study_file(
            warehouse,
            file=place.root / "study.toml",
            key_file=Path(place.key("alice")),
            ask=lambda _: "",
            workers=2,
            progress=Silence(),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
