# SPDX-License-Identifier: Apache-2.0
"""``rempart migrate plan|run|verify``: the controller's side of a move. The mover itself is another process, without a key."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.adapters.broker_wire import value_or_raise
from rempart.adapters.host_connection import read_credentials
from rempart.adapters.move_folder import LOG, ORDER, REPORT, MoveFolder, encode_log
from rempart.adapters.text_input import read_text
from rempart.audit.kept import check_kept
from rempart.errors import Missing, NotTrusted, Refused, Unavailable
from rempart.hosts.guard import Judgement, check_store
from rempart.journeys.cutover import cutover_of, moving
from rempart.journeys.hosts import registered
from rempart.journeys.migration import LogEvidence, log_evidence, prove_log, take_inventory
from rempart.journeys.permits import events
from rempart.migration.copy import made_of
from rempart.migration.order import MoveOrder, MoveReport, Place
from rempart.migration.pace import PROBE_BYTES, PROBE_OBJECTS, Estimate, Rates, estimate
from rempart.ports.host import Host
from rempart.wiring.host_register import rules
from rempart.wiring.hosts import connection_of, open_host
from rempart.wiring.ledger import exported
from rempart.wiring.mover import THREADS
from rempart.wiring.signing import today
from rempart.wiring.warehouse import Warehouse

Told = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A move on paper. ``source``, ``target``: rates measured just now; ``verdict``: what the target may hold, as it is declared."""

    order: MoveOrder
    snapshots: int
    estimate: Estimate
    source: Rates
    target: Rates
    verdict: Judgement


def plan_move(
    warehouse: Warehouse, *, source: str, target: str, checkpoint: Path | None, threads: int = THREADS
) -> Planned:
    """Write the order of a move and say what it will take. Nothing is copied but probes, which are deleted again.

    Raises Refused ``move-needs-checkpoint``, ``move-same-host``, ``move-not-active``, ``store-…``; Missing ``host-undeclared``;
    NotTrusted when the ledger does not continue the checkpoint or a manifest does not prove itself.
    """
    if source == target:
        raise Refused("move-same-host", host=source)
    if source != warehouse.active_host:
        raise Refused("move-not-active", host=source, active=warehouse.active_host)
    settings = warehouse.configuration
    kept = _kept(warehouse, checkpoint)
    check_kept(kept, warehouse.ledger, origin=settings.ledger_origin, public=settings.ledger_public)
    order = MoveOrder(
        move=f"M-{secrets.token_hex(8)}",
        warehouse=settings.warehouse,
        origin=settings.ledger_origin,
        ledger_public=settings.ledger_public,
        vault_public=settings.vault_public,
        source=place_of(warehouse, source),
        target=place_of(warehouse, target),
        kept=kept,
    )
    log = evidence(warehouse, order)
    whole = prove_log(log, origin=order.origin, public=order.ledger_public)
    hosts = host_of(warehouse, order.source), host_of(warehouse, order.target)
    wanted = take_inventory(hosts[0], whole, warehouse=order.warehouse, vault_public=order.vault_public)
    verdict = check_target(warehouse, target)
    check_apart(*hosts)
    rates = [probe(host) for host in hosts]
    guess = estimate(objects=len(wanted), size=wanted.bytes, source=rates[0], target=rates[1], threads=threads)
    folder = move_folder(warehouse, order.move)
    folder.create(order.as_dict())
    _write_log(folder, log)
    return Planned(
        order=order, snapshots=len(whole.snapshots), estimate=guess, source=rates[0], target=rates[1], verdict=verdict
    )


def run_move(warehouse: Warehouse, *, move: str, verify: bool, threads: int, told: Told) -> MoveReport:
    """Start the mover and wait for it, saying its progress; its report. A second run brings what came since.

    Raises Refused ``move-not-run`` for a verification before a run has ended; what the mover raised before its first object; NotTrusted
    ``move-not-proven`` or Unavailable ``move-unfinished`` when objects failed; Unavailable ``mover-died``.
    """
    folder = move_folder(warehouse, move)
    order = MoveOrder.from_dict(folder.read(ORDER))
    if not verify and cutover_of(events(warehouse.ledger), move):
        raise Refused("move-finished", move=move)
    if verify and not folder.has(REPORT):
        raise Refused("move-not-run", move=move)
    given = {"from": credentials_of(warehouse, order.source), "to": credentials_of(warehouse, order.target)}
    with folder.held("command"):
        log = evidence(warehouse, order)
        _write_log(folder, log)
        if verify:
            return _moved(folder, given, verify=True, threads=threads, told=told)
        with moving(warehouse.recorder, order, size=len(log.hashes) // 32) as act:
            report = _moved(folder, given, verify=False, threads=threads, told=told)
            act.say("inventory", report.root)
            act.say("objects", report.objects)
            act.say("bytes", report.bytes)
            act.say("copied", report.copied + report.replaced)
        return report


def move_folder(warehouse: Warehouse, move: str) -> MoveFolder:
    """``DIR/controller/moves/<M-id>``; raises Missing ``move-missing`` for what is no id."""
    if not move.startswith("M-") or not move[2:].isalnum():
        raise Missing("move-missing", move=move[:40], file=ORDER)
    return MoveFolder(warehouse.controller / "moves" / move)


def evidence(warehouse: Warehouse, order: MoveOrder) -> LogEvidence:
    """The log as it stands now, for the mover."""
    ledger = warehouse.ledger
    checkpoint = ledger.checkpoint()
    size = int(checkpoint.split("\n")[1])
    return log_evidence(ledger.leaves(0, size), checkpoint=checkpoint, kept=order.kept)


def _write_log(folder: MoveFolder, log: LogEvidence) -> None:
    folder.write(LOG, encode_log(checkpoint=log.checkpoint, kept=log.kept, hashes=log.hashes, leaves=log.leaves))


def place_of(warehouse: Warehouse, name: str) -> Place:
    """A host by the name under which it was added (the first one is that of rempart.toml); raises Missing ``host-unknown``."""
    connection = connection_of(warehouse.directory, warehouse.configuration, name)
    told = connection.as_dict()
    if connection.kind == "directory":
        told["path"] = str(Path(warehouse.directory, connection.path).resolve())
    return Place(name=name, connection=told)


def credentials_of(warehouse: Warehouse, place: Place) -> dict[str, str]:
    """The credentials of a host that was added."""
    return read_credentials(warehouse.controller, place.name, str(place.connection["kind"]))


def host_of(warehouse: Warehouse, place: Place) -> Host:
    """The host itself, reached from here; never through a cache."""
    return open_host(warehouse.directory, warehouse.configuration, place.name, cached=False)


def check_target(warehouse: Warehouse, name: str) -> Judgement:
    """What the declaration of the host to go to allows; raises Refused ``store-…`` or Missing ``host-undeclared``."""
    declared = registered(warehouse.ledger.leaves(), warehouse.documents, warehouse.trust, "host")
    if name not in declared:
        raise Missing("host-undeclared", host=name)
    return check_store(declared[name].body, today(), rules())


def check_apart(source: Host, target: Host) -> None:
    """What is written to the one is not found on the other; raises Refused ``move-same-host``. Two names, two links or two addresses
    of one place would be proven equal at once, and the deletion of the one would be the end of the other."""
    name = f"o/{secrets.token_hex(16)}"
    try:
        source.put_stream(name, made_of(os.urandom(64)))
        with suppress(Missing):
            target.get(name)
            raise Refused("move-same-host", host=target.label)
    finally:
        source.delete(name)


def probe(host: Host) -> Rates:
    """Write, read and delete a few objects of random bytes; rates of this moment."""
    names = [f"o/{secrets.token_hex(16)}" for _ in range(PROBE_OBJECTS + 1)]
    data = os.urandom(PROBE_BYTES)
    try:
        written = _seconds(lambda: [host.put_stream(name, made_of(data)) for name in names[:-1]])
        read = _seconds(lambda: [sum(map(len, host.open(name).chunks)) for name in names[:-1]])
        waited = _seconds(lambda: [host.put_stream(names[-1], made_of(data[:64])), host.get(names[-1])])
    finally:
        for name in names:
            host.delete(name)
    size = PROBE_BYTES * PROBE_OBJECTS
    return Rates(write=size / written, read=size / read, latency=waited / 2)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return max(time.perf_counter() - begun, 1e-6)


def _kept(warehouse: Warehouse, told: Path | None) -> str:
    """The checkpoint kept outside: the file that was named, else the exported one of the configuration."""
    file = told or exported(warehouse.directory, warehouse.configuration)
    if file is None or (told is None and not file.is_file()):
        raise Refused("move-needs-checkpoint")
    return read_text(file)


def _moved(
    folder: MoveFolder, given: Mapping[str, Mapping[str, str]], *, verify: bool, threads: int, told: Told
) -> MoveReport:
    """The mover's process from its start to its report; the hosts' credentials go through a pipe."""
    secret_out, secret_in = os.pipe()
    command = [sys.executable, "-P", "-m", "rempart.mover", "--move", str(folder.root.resolve())]
    command += ["--threads", str(threads), "--credentials-fd", str(secret_out)] + ["--verify"] * verify
    with os.fdopen(secret_in, "wb", buffering=0) as secret:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=(secret_out,)
            )
        finally:
            os.close(secret_out)
        with suppress(BrokenPipeError):  # it died at once: its exit says so
            secret.write(json.dumps(given).encode())
    with process:
        last = _listen(process, told)
    code = process.returncode
    if last.get("event") == "error":
        value_or_raise(last)
    if last.get("event") != "end":
        raise Unavailable("mover-died", move=folder.root.name, exit=code)
    report = MoveReport.from_dict(folder.read(REPORT))
    _raise_failed(report)
    return report


def _raise_failed(report: MoveReport) -> None:
    """What could not be proven outweighs what could not be reached."""
    altered = [name for name, family, _ in report.failed if family == NotTrusted.family]
    if altered:
        raise NotTrusted("move-not-proven", count=len(altered), object=altered[0])
    if report.failed:
        raise Unavailable("move-unfinished", count=len(report.failed), object=report.failed[0][0])


def _listen(process: "subprocess.Popen[bytes]", told: Told) -> Mapping[str, Any]:
    """Pass on what the mover says; its last line. Whatever ends us ends it too."""
    last: Mapping[str, Any] = {}
    try:
        for line in process.stdout or ():
            with suppress(ValueError):
                last = json.loads(line)
                told(last)
    except BaseException:
        process.terminate()
        raise
    return last
