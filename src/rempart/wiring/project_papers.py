# SPDX-License-Identifier: Apache-2.0
"""Versions of permits, trainings and charters, decisions on the warehouse, entries in the register: on the command line."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rempart.adapters.toml_input import read_toml
from rempart.journeys.amending import amend
from rempart.journeys.permits import events, find_permit
from rempart.journeys.projects import ProjectDesk, known, read_application
from rempart.journeys.standing import approve, attest, ending, enter
from rempart.records.application import Application
from rempart.records.attestation import Attestation, attestation_body
from rempart.records.document import SignedDocument
from rempart.records.permit import Permit
from rempart.records.register import entry_body
from rempart.records.system_approval import SystemApproval, approval_body
from rempart.wiring.acts import read_permit_file
from rempart.wiring.projects import desk
from rempart.wiring.signing import Ask, Signer, signer, today
from rempart.wiring.warehouse import Warehouse


def amend_permit(warehouse: Warehouse, *, file: Path, key_file: Path, ask: Ask, renews: bool) -> Permit:
    """Sign a permit's next version as a committee member, and log it; the version in force afterwards."""
    member = signer(warehouse.trust, key_file, ask)
    signed = member.document(read_permit_file(file).as_dict())
    return amend(desk(warehouse), signed=signed, actor=member.salted, renews=renews)


def attest_person(
    warehouse: Warehouse, *, person: str, what: str, text: str, on: datetime.date | None, key_file: Path, ask: Ask
) -> Attestation:
    """Sign that a person was trained, or one's own charter; ``text``: which training, or the charter's hash."""
    by = signer(warehouse.trust, key_file, ask)
    body = attestation_body(actor=person, what=what, on=on or today(), text=text)
    return attest(desk(warehouse), signed=by.document(body), actor=by.salted)


def approve_system(warehouse: Warehouse, *, file: Path, by: Sequence[Path], ask: Ask) -> SystemApproval:
    """Enter a decision on the warehouse with two officers' keys."""
    body = approval_body(read_toml(file), file=file.name)
    people = [signer(warehouse.trust, key_file, ask) for key_file in by]
    signed = _signed(body, people)
    return approve(desk(warehouse), signed=signed, actor=people[0].salted if people else "")


def _signed(body: dict[str, Any], people: Sequence[Signer]) -> SignedDocument:
    over = SignedDocument(body=body, signatures=()).over
    return SignedDocument(body=body, signatures=tuple(person.sign(over) for person in people))


def enter_register(warehouse: Warehouse, *, permit: str, key_file: Path, ask: Ask) -> dict[str, Any]:
    """Sign a project's entry in the public register, made from its application and permit, and log it; raises Missing
    ``project-missing``."""
    place, officer = desk(warehouse), signer(warehouse.trust, key_file, ask)
    body = entry_body(_told(warehouse, place, permit))
    return dict(enter(place, signed=officer.document(body), actor=officer.salted))


def _told(warehouse: Warehouse, place: ProjectDesk, name: str) -> dict[str, Any]:
    state = known(place, name)
    filed = state.parties.application if state.parties else ""
    told: dict[str, Any] = {"permit": name, "controller": warehouse.configuration.controller}
    if filed:
        told |= _of_application(read_application(place, filed))
    if any(one.act == "provision" for one in state.acts):
        told |= _of_permit(find_permit(events(place.ledger), place.documents, place.trust, name))
    return told | {"reference": next((one.facts["reference"] for one in state.acts if one.act == "authorise"), "")}


def _of_application(one: Application) -> dict[str, Any]:
    return {
        "project": one.project,
        "title": one.value("purpose.text"),
        "lay": one.value("purpose.lay"),
        "benefit": one.value("purpose.benefit"),
        "applicant": one.value("applicant.name"),
        "body": one.value("applicant.body"),
        "country": one.value("applicant.country"),
        "regime": one.regime,
        "purposes": one.value("purpose.codes"),
        "sources": one.value("data.sources"),
        "categories": [row["name"] for row in one.value("data.tables")],
        "period": one.value("data.period"),
    }


def _of_permit(permit: Permit) -> dict[str, Any]:
    return {
        "project": permit.project,
        "title": permit.purpose,
        "basis": permit.basis,
        "categories": list(permit.tables),
        "period": [day.isoformat() for day in permit.period],
        "valid": [day.isoformat() for day in permit.valid],
        "conditions": permit.conditions,
    }


def decisions_ending(warehouse: Warehouse) -> list[tuple[str, int]]:
    """Decisions on the warehouse that end within three months, are over or stand for nothing: what, days left."""
    return ending(desk(warehouse), today())
