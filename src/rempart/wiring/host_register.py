# SPDX-License-Identifier: Apache-2.0
"""``rempart hosts add|node|show|posture``: declarations from files and key files, and what they allow. Decides nothing itself."""

import datetime
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.host_connection import (
    Connection,
    check_credentials,
    connection_from_dict,
    credentials_file,
    host_names,
    read_connection,
    write_connection,
)
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput, Missing, Refused
from rempart.hosts.guard import Ending, Judgement, judge
from rempart.hosts.posture import Declared, Stand, posture
from rempart.hosts.rules import Rules, host_rules
from rempart.journeys.chain import leaves_of
from rempart.journeys.hosts import Registered, check_writable, register, registered
from rempart.records.canonical import content_id
from rempart.records.descriptor import HOST, NODE, HostDescriptor, NodeDescriptor
from rempart.records.descriptor_form import declaration_from
from rempart.records.document import SignedDocument
from rempart.wiring.hosts import active_host
from rempart.wiring.signing import Ask, signer, today
from rempart.wiring.warehouse import Warehouse

CONNECTION = "connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A declaration that was just registered, and what it allows today."""

    registered: Registered
    judgement: Judgement


def rules() -> Rules:
    """The rules on hosts."""
    return host_rules(package_data.toml("hosts/rules.toml"), package_data.toml("hosts/countries.toml"))


def add_host(
    warehouse: Warehouse, *, file: Path, credentials: Path | None, key_files: Sequence[Path], ask: Ask
) -> Added:
    """Declare a host by a file that holds its declaration and how to reach it; two officers sign the declaration.

    The connection is written the first time; a place once named is not moved: another place is another host. ``credentials``: a
    0600 file, never part of what is signed. Raises BadInput ``descriptor-field``, ``unknown-key``, ``config-field``; Refused
    ``officers-two``, ``role-missing``, ``host-elsewhere``.
    """
    value = read_toml(file)
    told = {name: item for name, item in value.items() if name != CONNECTION}
    descriptor = HostDescriptor(declaration=declaration_from(told, schema=HOST, file=file.name))
    name = descriptor.declaration.name
    connection = connection_from_dict(value[CONNECTION]) if CONNECTION in value else None
    fresh = connection is not None and _is_new(warehouse, name, connection)
    given = credentials_file(credentials, connection.kind) if credentials and connection else {}
    facts = [f"connection:{content_id(connection.as_dict())}"] if connection else []
    if fresh and connection:
        check_credentials(given, connection.kind)
    added = _signed(warehouse, descriptor.body, kind="host", key_files=key_files, ask=ask, facts=facts)
    if fresh and connection:
        write_connection(warehouse.controller, name, connection, given)
    return added


def _is_new(warehouse: Warehouse, name: str, connection: Connection) -> bool:
    """Whether the host has no connection yet; raises Refused ``host-elsewhere`` when it has another one."""
    if name not in host_names(warehouse.controller):
        return True
    if read_connection(warehouse.controller, name) != connection:
        raise Refused("host-elsewhere", host=name)
    return False


def add_node(warehouse: Warehouse, *, file: Path, key_files: Sequence[Path], ask: Ask) -> Added:
    """Declare this machine as a compute node, with the public halves of its node key; two officers sign.

    Raises as ``add_host``, Refused ``node-name`` when the key there is another node's.
    """
    from rempart.wiring.nodes import node_public  # ciphers are loaded by who needs them

    declaration = declaration_from(read_toml(file), schema=NODE, file=file.name)
    public = node_public(warehouse.directory, declaration.name)
    descriptor = NodeDescriptor(declaration=declaration, **public)
    return _signed(warehouse, descriptor.body, kind="node", key_files=key_files, ask=ask)


def declared(warehouse: Warehouse) -> list[Registered]:
    """Every declaration in force, hosts first, by name."""
    leaves, trust = warehouse.ledger.leaves(), warehouse.trust
    both = (registered(leaves, warehouse.documents, trust, kind) for kind in ("host", "node"))
    return [item for found in both for _, item in sorted(found.items())]


def one_declared(warehouse: Warehouse, name: str) -> list[Registered]:
    """The declarations of that name (a host and a node may share it); raises Missing ``host-undeclared``."""
    found = [item for item in declared(warehouse) if item.name == name]
    if not found:
        raise Missing("host-undeclared", host=name)
    return found


def active_name(warehouse: Warehouse) -> str:
    """The host that is written to."""
    return active_host(warehouse.ledger.leaves(), warehouse.configuration)


def writable(warehouse: Warehouse, *, on: datetime.date | None = None) -> tuple[Ending, ...]:
    """Refuse to write to a host that may hold nothing of ours; what ends soon. Asked before anything is written.

    Raises Refused ``store-…``, Missing ``host-undeclared``.
    """
    return check_writable(
        warehouse.ledger.leaves(),
        warehouse.documents,
        warehouse.trust,
        rules(),
        label=warehouse.configuration.host.kind,
        on=on or today(),
    )


def stands(warehouse: Warehouse, *, without: Set[str], on: datetime.date | None, speed: float | None) -> list[Stand]:
    """The posture of every declared host and node; raises BadInput ``premise-unknown``."""
    table = rules()
    for premise in without:
        if premise not in table.premises:
            raise BadInput("premise-unknown", premise=premise, expected=", ".join(sorted(table.premises)))
    active = active_name(warehouse)
    items = [_declared(warehouse, item, active) for item in declared(warehouse)]
    return posture(items, table, today(), on=on, without=without, speed=speed or measured_speed(warehouse))


def measured_speed(warehouse: Warehouse) -> float | None:
    """Bytes a second of the last move that the ledger holds; None when nothing was moved yet."""
    events = dict(leaves_of(warehouse.ledger.leaves(), {"move"}))
    for event in reversed(list(events.values())):
        begun, size = events.get(-1 if event.of is None else event.of), event.fact("bytes")
        if event.phase == "effect" and begun is not None and size:
            spent = datetime.datetime.fromisoformat(event.time) - datetime.datetime.fromisoformat(begun.time)
            return int(size) / max(spent.total_seconds(), 1e-3)
    return None


def judged(item: Registered, on: datetime.date | None = None) -> Judgement:
    """What a declaration allows that day."""
    return judge(item.declaration, rules(), on or today())


def _declared(warehouse: Warehouse, item: Registered, active: str) -> Declared:
    is_active = item.kind == "host" and item.name == active
    sizes = [size for _, size in warehouse.host.listing()] if is_active else []
    return Declared(
        kind=item.kind, declaration=item.declaration, active=is_active, objects=len(sizes), bytes=sum(sizes)
    )


def _signed(
    warehouse: Warehouse,
    body: Mapping[str, Any],
    *,
    kind: str,
    key_files: Sequence[Path],
    ask: Ask,
    facts: Sequence[str] = (),
) -> Added:
    trust = warehouse.trust
    officers = [signer(trust, file, ask) for file in key_files]
    over = SignedDocument(body=body, signatures=()).over
    signed = SignedDocument(body=body, signatures=tuple(officer.sign(over) for officer in officers))
    made = register(
        warehouse.recorder,
        warehouse.documents,
        trust,
        signed,
        kind=kind,
        actor=officers[0].salted if officers else "",
        facts=facts,
    )
    return Added(registered=made, judgement=judged(made))
