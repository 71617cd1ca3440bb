# SPDX-License-Identifier: Apache-2.0
"""Who may act: enrolled, revoked, and how many officers it takes. Every change is signed with the key files that are given."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.person_key import create_person_key
from rempart.adapters.surroundings import SystemRandomness
from rempart.adapters.trust_files import save_trust
from rempart.errors import BadInput, Refused
from rempart.journeys.hosts import registered
from rempart.journeys.permits import events
from rempart.journeys.persons import Registry, add_person, check_quorum, new_entry, revoke_person, set_quorum
from rempart.journeys.recorded import recorded
from rempart.keys.node_register import KIND, proof_facts, revocation_body
from rempart.keys.orders import KIND as ORDER
from rempart.keys.orders import LONGEST_HOURS, order_body
from rempart.records.document import SignedDocument
from rempart.records.trust import TrustEntry, TrustFile
from rempart.wiring.signing import Ask, signer, today
from rempart.wiring.warehouse import Warehouse


def enrol(
    warehouse: Warehouse,
    *,
    name: str,
    roles: list[str],
    key_file: Path,
    officer_keys: Sequence[Path],
    ask: Ask,
    key_passphrase: str,
) -> TrustEntry:
    """Make a key pair for a person and add the public half to the trust file, signed by as many officers as it asks for."""
    registry = _registry(warehouse, officer_keys, ask)
    salt = secrets.token_hex(16)
    new_entry(
        actor=name, roles=roles, public=bytes(32), today=today(), salt=salt
    )  # the name and roles, before a key file is made
    if any(entry.actor == name and entry.revoked is None for entry in registry.trust.entries):
        raise Refused("person-exists", actor=name)
    warehouse.broker.status()  # locked keys would leave a key file behind, and nobody enrolled
    public = create_person_key(key_file, randomness=SystemRandomness(), passphrase=key_passphrase or None)
    entry = new_entry(actor=name, roles=roles, public=public, today=today(), salt=salt)
    add_person(registry, entry)
    return entry


def revoke(warehouse: Warehouse, *, name: str, officer_keys: Sequence[Path], ask: Ask) -> TrustFile:
    """Revoke every key of a person from now on."""
    return revoke_person(_registry(warehouse, officer_keys, ask), name)


def revoke_node(warehouse: Warehouse, *, name: str, officer_keys: Sequence[Path], ask: Ask) -> str:
    """Revoke every declaration of a node, signed by as many officers as the trust file asks for; the revocation's id.

    Raises Refused ``node-unknown``, ``quorum-missing``, ``role-missing``.
    """
    trust, now = warehouse.trust, warehouse.recorder.clock.now()
    if name not in registered(warehouse.ledger.leaves(), warehouse.documents, trust, KIND):
        raise Refused("node-unknown", node=name)
    officers = [signer(trust, file, ask) for file in officer_keys]
    body = revocation_body(events(warehouse.ledger), name, now=now)
    over = SignedDocument(body=body, signatures=()).over
    signed = SignedDocument(body=body, signatures=tuple(officer.sign(over) for officer in officers))
    check_quorum(trust, signed.signatures, over=over, now=now)
    document = warehouse.documents.put(signed.data)
    objects = [f"name:{name}", f"revocation:{document}", *proof_facts(signed)]
    with recorded(warehouse.recorder, KIND, basis=f"operation:{KIND}", objects=objects, actor=officers[0].salted):
        pass
    return document


def order(warehouse: Warehouse, *, kind: str, hours: int, officer_key: Path, ask: Ask) -> str:
    """Let acts of a kind open keys for some hours, where the broker is strict; the document's id.

    Raises BadInput ``order-kind`` or ``order-hours``, Refused ``role-missing``.
    """
    kinds = sorted(name for name, row in package_data.joined("keys/grants.toml")["kinds"].items() if row.get("order"))
    if kind not in kinds:
        raise BadInput("order-kind", kind=kind, expected=", ".join(kinds))
    if not 1 <= hours <= LONGEST_HOURS:
        raise BadInput("order-hours", hours=hours, most=LONGEST_HOURS)
    officer = signer(warehouse.trust, officer_key, ask)
    if "officer" not in officer.entry.roles:
        raise Refused("role-missing", actor=officer.entry.actor, role="officer")
    signed = officer.document(order_body(kind, now=warehouse.recorder.clock.now(), hours=hours))
    document = warehouse.documents.put(signed.data)
    objects, basis = [f"kind:{kind}", f"document:{document}"], f"operation:{ORDER}"
    with recorded(warehouse.recorder, ORDER, basis=basis, objects=objects, actor=officer.salted):
        pass
    return document


def quorum(warehouse: Warehouse, *, needed: int, officer_keys: Sequence[Path], ask: Ask) -> TrustFile:
    """From now on ``needed`` officers sign each version of the trust file."""
    return set_quorum(_registry(warehouse, officer_keys, ask), needed)


def _registry(warehouse: Warehouse, officer_keys: Sequence[Path], ask: Ask) -> Registry:
    """Officers at work on the trust file; raises Refused ``role-missing``, ``quorum-missing`` before anything is made."""
    trust = warehouse.trust
    officers = [signer(trust, file, ask) for file in officer_keys]
    for officer in officers:
        if "officer" not in officer.entry.roles:
            raise Refused("role-missing", actor=officer.entry.actor, role="officer")
    distinct = len({officer.entry.actor for officer in officers})
    if distinct < trust.quorum:
        raise Refused("quorum-missing", needed=trust.quorum, signed=distinct)
    return Registry(
        recorder=warehouse.recorder,
        trust=trust,
        signs=[officer.sign for officer in officers],
        save=lambda version: save_trust(warehouse.controller / "keys", version),
    )
