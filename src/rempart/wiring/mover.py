# SPDX-License-Identifier: Apache-2.0
"""The mover's process: it reads one folder, proves the log, copies ciphertext from one host to another and proves it there.

It can verify and nothing else: no module of its own, nor one that it imports, could decrypt (tests/law look at it alive).
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from rempart.adapters import host_connection
from rempart.adapters.host_connection import connection_from_dict
from rempart.adapters.move_folder import LOG, ORDER, REPORT, MoveFolder, decode_log
from rempart.errors import BadInput, NotTrusted, Unavailable
from rempart.journeys.migration import LogEvidence, Whole, pointer_entries, prove_log, root_of, take_inventory
from rempart.migration.copy import Told, copy_object, holds, made_of
from rempart.migration.inventory import Entry, Inventory
from rempart.migration.order import MoveOrder, MoveReport, Place
from rempart.ports.host import Host
from rempart.wiring.moving import Say, Tally, Teller, through

Credentials = Mapping[str, Mapping[str, str]]
THREADS = 4
_LARGEST = 1 << 20


def move(folder: Path, *, verify: bool, threads: int, credentials: Credentials, say: Say) -> int:
    """Copy (or only read again) everything that the log names; says progress and, last, the report. The exit code.

    Raises NotTrusted, Unavailable, Missing, BadInput for what stands before any object: order, log, manifests.
    """
    place = MoveFolder(folder)
    order = MoveOrder.from_dict(place.read(ORDER))
    begun = time.monotonic()
    with place.held("mover"):
        whole = _proven(place, order)
        target = reach(order.target, credentials.get("to", {}))
        source = target if verify else reach(order.source, credentials.get("from", {}))
        wanted = take_inventory(source, whole, warehouse=order.warehouse, vault_public=order.vault_public)
        say({"event": "begin", "objects": len(wanted), "bytes": wanted.bytes, "size": whole.checkpoint.size})
        if verify:
            tally = _read_again(target, wanted, threads=threads, say=say)
        else:
            place.write_inventory(wanted)
            tally = _copy(_Hosts(source, target), whole, wanted, place, threads=threads, say=say)
        report = _report(order, whole, wanted, tally, mode="verify" if verify else "run", begun=begun)
        place.write(REPORT, report.as_dict())
    say({"event": "end", "report": report.as_dict()})
    return _exit(tally)


def read_credentials(descriptor: int | None) -> Credentials:
    """``{"from": {…}, "to": {…}}`` from a descriptor, which is closed; nothing without one. Raises BadInput ``move-form``."""
    if descriptor is None:
        return {}
    try:
        with os.fdopen(descriptor, "rb") as file:
            given = json.loads(file.read(_LARGEST))
        return {side: {str(name): str(value) for name, value in given.get(side, {}).items()} for side in ("from", "to")}
    except (OSError, ValueError, AttributeError) as error:
        raise BadInput("move-form", expected="credentials") from error


def reach(place: Place, credentials: Mapping[str, str]) -> Host:
    """The host of a place, a directory by its whole path; raises BadInput ``config-field``, ``credentials-form``."""
    connection = connection_from_dict(place.connection)
    return host_connection.reach(connection, credentials, label=place.name, base=Path("/"))


def _proven(place: MoveFolder, order: MoveOrder) -> Whole:
    """The log, held to the checkpoint of the order and to the one that came with the log."""
    log = LogEvidence(**decode_log(place.read(LOG)))
    prove_log(LogEvidence(checkpoint=log.checkpoint, kept=order.kept, hashes=log.hashes, leaves={}), **_key(order))
    return prove_log(log, **_key(order))


def _key(order: MoveOrder) -> dict[str, Any]:
    return {"origin": order.origin, "public": order.ledger_public}


@dataclass(frozen=True, slots=True)
class _Hosts:
    source: Host
    target: Host


def _copy(hosts: _Hosts, whole: Whole, wanted: Inventory, place: MoveFolder, *, threads: int, say: Say) -> Tally:
    pointers = pointer_entries(whole)
    # A hint: put and the second reading decide.
    there = {name for name, _ in hosts.target.listing() if name in wanted or name in pointers}
    count, size = len(wanted) + len(pointers), wanted.bytes + pointers.bytes
    teller = Teller("copy", objects=count, size=size, passes=2, say=say)
    with place.noting() as notes:

        def work(entry: Entry, told: Told) -> str:
            data = whole.pointers.get(entry.name)
            opened = (lambda: hosts.source.open(entry.name)) if data is None else (lambda: made_of(data))
            how = copy_object(opened, hosts.target, entry, there=entry.name in there, told=told)
            notes.note(entry.name, how)
            return how if data is None else "pointer"

        return through(chain(wanted.copy_order(), pointers), work, threads=threads, teller=teller)


def _read_again(target: Host, wanted: Inventory, *, threads: int, say: Say) -> Tally:
    teller = Teller("verify", objects=len(wanted), size=wanted.bytes, passes=1, say=say)

    def work(entry: Entry, told: Told) -> str:
        if not holds(target, entry, told=told):
            raise NotTrusted("move-target-altered", object=entry.name)
        return "already"

    return through(wanted, work, threads=threads, teller=teller)


def _report(order: MoveOrder, whole: Whole, wanted: Inventory, tally: Tally, *, mode: str, begun: float) -> MoveReport:
    bad = {name for name, _ in tally.failed}
    return MoveReport(
        move=order.move,
        mode=mode,
        size=whole.checkpoint.size,
        objects=len(wanted),
        bytes=wanted.bytes,
        root=root_of(wanted),
        proven=root_of(entry for entry in wanted if entry.name not in bad),
        copied=tally.how["copied"],
        already=tally.how["already"],
        replaced=tally.how["replaced"],
        failed=tuple((name, error.family, error.code) for name, error in sorted(tally.failed, key=_name)),
        seconds=time.monotonic() - begun,
        memory=_peak_memory(),
    )


def _peak_memory() -> int:
    """Bytes that this process held at most: VmHWM, since getrusage would tell of who started it; 0 where Linux does not say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)


def _name(failed: tuple[str, object]) -> str:
    return failed[0]


def _exit(tally: Tally) -> int:
    """0, or that of the gravest failure: not trusted before unreachable."""
    families = {type(error) for _, error in tally.failed}
    if NotTrusted in families:
        return NotTrusted.exit_code
    return Unavailable.exit_code if families else 0
