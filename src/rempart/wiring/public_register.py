# SPDX-License-Identifier: Apache-2.0
"""``rempart audit publish`` and ``audit incident``: what the house tells everybody, and what happened to it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rempart.adapters.ledger_files import write_tiles
from rempart.adapters.register_files import write_heads, write_posture, write_register
from rempart.adapters.toml_input import read_toml
from rempart.adapters.witness_client import HttpWitnesses
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.cosignature import cosigned_at
from rempart.audit.kept import check_kept
from rempart.audit.tree import Tree
from rempart.audit.witness_policy import parse_policy, satisfied
from rempart.errors import RempartError
from rempart.hosts.posture import transparency
from rempart.journeys.freezing import freeze, frozen
from rempart.journeys.incidents import IncidentClock, clocks, incidents, record
from rempart.journeys.register import kept_log, public_projects
from rempart.records.freeze import freeze_body
from rempart.records.incident import Incident, incident_body
from rempart.records.vkey import ED25519_LOG, VerifierKey
from rempart.wiring.cosigned import cosigned_file
from rempart.wiring.host_register import declared, rules
from rempart.wiring.policy import policy_now
from rempart.wiring.projects import desk
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse


def publish_house(warehouse: Warehouse, *, to: Path | None = None) -> tuple[list[Path], dict[str, Any]]:
    """Write the register, the heads of the log with its hash tiles, and the posture of hosts; the files, and what the heads say. ``to``:
    default ``DIR/public``. Needs no key."""
    settings, place, public = warehouse.configuration, desk(warehouse), to or warehouse.directory / "public"
    projects = public_projects(place, place.recorder.clock.now())
    table = rules()
    hosts = {one.name: dict(transparency(one.declaration, table)) for one in declared(warehouse) if one.kind == "host"}
    note, (cosigned, word) = warehouse.ledger.checkpoint(), _cosigned(warehouse)
    heads = {**_head(warehouse, note), **word, **kept_log(warehouse.ledger)}
    files = [
        *write_register(public, projects, controller=settings.controller),
        *write_heads(public, notes={"checkpoint": note, "cosigned": cosigned}, told=heads),
        write_posture(public, hosts),
    ]
    write_tiles(public / "log" / "tiles", Tree(warehouse.ledger.leaves()), 0)
    return files, heads


def _head(warehouse: Warehouse, note: str) -> dict[str, Any]:
    settings = warehouse.configuration
    head = parse_and_verify(note, settings.ledger_origin, settings.ledger_public)
    key = VerifierKey(name=settings.ledger_origin, kind=ED25519_LOG, public=settings.ledger_public).line
    return {"origin": head.origin, "size": head.size, "root": head.root.hex(), "log": key}


def _cosigned(warehouse: Warehouse) -> tuple[str, dict[str, Any]]:
    """The newest checkpoint that witnesses of the policy cosigned and that this ledger continues, and what is told of it; ('', {}) without
    one."""
    settings, note = warehouse.configuration, HttpWitnesses(cosigned_file(warehouse.directory)).kept()
    text = policy_now(warehouse).text("ledger.witnesses")
    try:
        policy = parse_policy(text)
        seen = check_kept(note, warehouse.ledger, origin=settings.ledger_origin, public=settings.ledger_public)
        times = {name: at for name, key in policy.witnesses.items() if (at := cosigned_at(note, key))}
    except RempartError:
        return "", {}
    witnesses = [{"name": name, "time": datetime.fromtimestamp(at, UTC).isoformat()} for name, at in times.items()]
    told = {"size": seen.size, "root": seen.root.hex(), "witnesses": witnesses, "quorum": satisfied(policy, note)}
    return (note, {"cosigned": told}) if witnesses else ("", {})


def write_down(warehouse: Warehouse, *, file: Path, key_file: Path, ask: Ask, stop: bool = False) -> Incident:
    """Sign an incident, or its next version, as an officer, and log it; ``stop``: everything is frozen first, unless it stands still."""
    officer = signer(warehouse.trust, key_file, ask)
    body = incident_body(read_toml(file), file=file.name)
    place = desk(warehouse)
    before = frozen(place)
    if stop and before.since is None:
        order = freeze_body(lifts=False, reason=f"incident {body['id']}", previous=before.document)
        freeze(place, signed=officer.document(order), actor=officer.salted)
    return record(place, signed=officer.document(body), actor=officer.salted)


def incident_list(warehouse: Warehouse) -> tuple[dict[str, Incident], list[IncidentClock]]:
    """Every incident as it stands, and its clocks as of now."""
    place = desk(warehouse)
    return incidents(place), clocks(place, place.recorder.clock.now())
