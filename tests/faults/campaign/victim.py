# SPDX-License-Identifier: Apache-2.0
"""Processes to be killed: ``python -m tests.faults.campaign.victim`` makes one for each line that it reads, by forking.

Each says ``begun``, each named step, and ``ended``. With a step it kills itself there; else somebody kills it at any time.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from rempart.adapters.delivery_reader import list_delivery
from rempart.journeys.research_state import is_current
from rempart.wiring.backup import take_backup
from rempart.wiring.ingest import ingest_delivery
from rempart.wiring.rotation import rotate_keys
from tests.faults.warehouse.place import Place, Silence


def teller(step: str, nth: int) -> Callable[[str], None]:
    """Says each step, and dies at the ``nth`` telling of ``step``."""
    seen = 0

    def told(name: str) -> None:
        nonlocal seen
        _say(f"step {name}")
        seen += name == step
        if name == step and seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    return told


def ingest(place: Place, named_step: Callable[[str], None]) -> None:
    """The other delivery than the one that the newest snapshot holds; the same where it waits for its research tables."""
    body = place.body("warehouse").body
    first = f"delivery:{list_delivery(place.delivery('first')).id}" in body.lineage
    if not body.lineage:
        raise RuntimeError("an empty warehouse")
    name = "first" if first != is_current(body.facts) else "second"
    ingest_delivery(
        place.warehouse(), place.delivery(name), form="snds", replace=True, progress=Silence(), named_step=named_step
    )


def rotation(place: Place, named_step: Callable[[str], None]) -> None:
    """Every space."""
    rotate_keys(
        place.warehouse(),
        spaces=[],
        by=Path(place.key("officer")),
        ask=lambda _: "",
        progress=Silence(),
        named_step=named_step,
    )


def backup(place: Place, named_step: Callable[[str], None]) -> None:
    """To a name that no backup has yet."""
    number = len(list(place.root.glob("kept-*.backup")))
    file = place.root / f"kept-{number}.backup"
    take_backup(place.warehouse(), file, head=None, progress=Silence(), named_step=named_step)


ACTS: dict[str, Callable[[Place, Callable[[str], None]], None]] = {
    "ingest": ingest,
    "rotation": rotation,
    "backup": backup,
}


def live(root: str, act: str, step: str, nth: str) -> None:
    """Do the act, say so, and leave without tidying up: a process of its own does nothing else."""
    _say("begun")
    try:
        ACTS[act](Place(Path(root)), teller(step, int(nth)))
    except Exception:  # noqa: BLE001  told to whoever runs the campaign
        traceback.print_exc()
        os._exit(1)
    _say("ended")
    os._exit(0)


def serve() -> None:
    """Make a victim of each request ``ROOT<tab>ACT<tab>STEP<tab>NTH``, in a session of its own, and tell how it ended."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os.setsid()
            live(*line.rstrip("\n").split("\t"))
        _say(f"pid {child}")
        _, status = os.waitpid(child, 0)
        _say(f"over {os.waitstatus_to_exitcode(status)}")


def _say(text: str) -> None:
    os.write(sys.stdout.fileno(), f"{text}\n".encode())


if __name__ == "__main__":
    serve()
