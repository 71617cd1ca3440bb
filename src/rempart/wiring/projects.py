# SPDX-License-Identifier: Apache-2.0
"""The life of projects on the command line: each builds what its journey needs and calls it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput, Missing
from rempart.journeys.freezing import freeze, frozen
from rempart.journeys.permits import events, find_permit
from rempart.journeys.projects import (
    ProjectDesk,
    act,
    clocks_of,
    known,
    read_application,
    require_agreed,
    state_of,
)
from rempart.permits.clocks import Running, clocks
from rempart.permits.completeness import Lack, minimisation, missing
from rempart.records.application import Application, application_from_dict
from rempart.records.document import SignedDocument
from rempart.records.freeze import Frozen, freeze_body
from rempart.records.permit import Permit
from rempart.records.project import ProjectState
from rempart.records.project_act import APPLY, act_body
from rempart.wiring.audit import project_states
from rempart.wiring.policy import policy_form
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse

EVERYTHING = "all"
_FREEZES = {"suspend": False, "resume": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """A project as it is shown. ``lacks``: what its application does not say and should; ``columns``: asked for, and known in all;
    ``permit``: in the version in force, once it was granted."""

    state: ProjectState
    turn: str
    moves: tuple[str, ...]
    application: Application | None
    lacks: tuple[Lack, ...]
    columns: tuple[int, int]
    clocks: tuple[Running, ...]
    permit: Permit | None = None


def desk(warehouse: Warehouse) -> ProjectDesk:
    """What every step of a project needs."""
    return ProjectDesk(
        ledger=warehouse.ledger,
        recorder=warehouse.recorder,
        documents=warehouse.documents,
        trust=warehouse.trust,
        table=project_states(),
        form=package_data.toml("permits/application.toml"),
        contents=package_data.toml("permits/permit_contents.toml"),
        purposes=package_data.toml("permits/purposes.toml"),
        clocks=clocks(package_data.toml("permits/clocks.toml")),
        holidays=frozenset(package_data.toml("permits/holidays.toml")["days"]),
        policy_form=policy_form(),
    )


def apply_file(warehouse: Warehouse, *, file: Path, key_file: Path, ask: Ask) -> ProjectFile:
    """Sign an application as one whom it names and file it; after it was found incomplete, anew."""
    place = desk(warehouse)
    application = application_from_dict(read_toml(file), place.form, file=file.name)
    applicant = signer(warehouse.trust, key_file, ask)
    document = warehouse.documents.put(application.data)
    previous = state_of(place, application.id).document
    body = act_body(permit=application.id, act=APPLY, previous=previous, facts={"application": document})
    act(place, signed=applicant.document(body), actor=applicant.salted)
    return project_file(warehouse, application.id)


def step_project(
    warehouse: Warehouse, *, permit: str, name: str, facts: Mapping[str, str], by: Sequence[Path], ask: Ask
) -> ProjectFile | None:
    """Sign an act on a project with each of the keys, and log it; None where it was on everything."""
    place = desk(warehouse)
    if permit == EVERYTHING and name in _FREEZES:
        _freeze_all(warehouse, place, lifts=_FREEZES[name], reason=facts.get("reason", ""), by=by, ask=ask)
        return None
    rule = place.table.acts.get(name)
    signed_acts = [one for one, each in place.table.acts.items() if each.signers and one != APPLY]
    if rule is None or name not in signed_acts:
        raise BadInput("project-act", act=name, expected=", ".join(signed_acts))
    if not by:
        raise BadInput("project-by", act=name, expected=", ".join(rule.signers))
    people = [signer(warehouse.trust, key_file, ask) for key_file in by]
    body = act_body(permit=permit, act=name, previous=known(place, permit).document, facts=facts)
    unsigned = SignedDocument(body=body, signatures=())
    signed = SignedDocument(body=body, signatures=tuple(person.sign(unsigned.over) for person in people))
    act(place, signed=signed, actor=people[0].salted)
    return project_file(warehouse, permit)


def _freeze_all(
    warehouse: Warehouse, place: ProjectDesk, *, lifts: bool, reason: str, by: Sequence[Path], ask: Ask
) -> None:
    name = "resume" if lifts else "suspend"
    if not by or not reason.strip():
        raise BadInput("project-by", act=name, expected="--by, --reason")
    people = [signer(warehouse.trust, key_file, ask) for key_file in by]
    body = freeze_body(lifts=lifts, reason=reason, previous=frozen(place).document)
    over = SignedDocument(body=body, signatures=()).over
    signed = SignedDocument(body=body, signatures=tuple(person.sign(over) for person in people))
    freeze(place, signed=signed, actor=people[0].salted)


def frozen_since(warehouse: Warehouse) -> Frozen:
    """Whether everything is frozen."""
    return frozen(desk(warehouse))


def project_file(warehouse: Warehouse, permit: str) -> ProjectFile:
    """A project, its clocks as of now; raises Missing ``project-missing``."""
    place = desk(warehouse)
    state = known(place, permit)
    filed = state.parties.application if state.parties else ""
    application = read_application(place, filed) if filed else None
    columns = sum(len(layout.columns) for layout in warehouse.layouts.values())
    return ProjectFile(
        state=state,
        turn=place.table.turn[state.state],
        moves=tuple(place.table.moves[state.state]),
        application=application,
        lacks=missing(application, place.form) if application else (),
        columns=minimisation(application, columns) if application else (0, columns),
        clocks=clocks_of(place, permit, warehouse.recorder.clock.now()),
        permit=_granted(place, permit),
    )


def _granted(place: ProjectDesk, permit: str) -> Permit | None:
    """The version in force; None before the grant."""
    try:
        return find_permit(events(place.ledger), place.documents, place.trust, permit)
    except Missing as error:
        if error.code != "permit-missing":
            raise
        return None


def check_agreed(warehouse: Warehouse, permit: Permit) -> None:
    """As ``journeys.projects.require_agreed``."""
    require_agreed(desk(warehouse), permit)
