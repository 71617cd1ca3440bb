# SPDX-License-Identifier: Apache-2.0
"""``rempart objection add|withdraw|apply|list``: an officer's key, the regimes' file, then the journeys."""

from collections.abc import Sequence
from dataclasses import dataclass

from rempart.adapters import package_data
from rempart.adapters.gross_definitions import gross_definitions
from rempart.errors import Refused
from rempart.identity.objections import Regime, known_regime, regimes
from rempart.journeys.gross_parts import CARDS
from rempart.journeys.objection_application import Applied, application_body, apply_objections, running_permits
from rempart.journeys.objections import Change, Changed, Standing, change_objections, list_objections
from rempart.ports.surroundings import Progress
from rempart.records.permit import Permit
from rempart.wiring.acts import no_step
from rempart.wiring.host_register import writable
from rempart.wiring.signing import Signer
from rempart.wiring.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A change, and what it did to the datasets that run."""

    changed: Changed
    applied: tuple[Applied, ...]


def regimes_known() -> dict[str, Regime]:
    """The laws under which persons object, by name."""
    return regimes(package_data.toml("identity/objection_regimes.toml"))


def check_regime(name: str) -> Regime:
    """The regime of that name; raises BadInput ``objection-regime`` before anybody is asked for anything."""
    return known_regime(name, regimes_known())


def require_officer(officer: Signer) -> None:
    """Raises Refused ``role-missing`` before a list is read."""
    if "officer" not in officer.entry.roles:
        raise Refused("role-missing", actor=officer.entry.actor, role="officer")


def change(warehouse: Warehouse, wanted: Change, *, officer: Signer, progress: Progress) -> Recorded:
    """Add or withdraw; what is added under a regime that reaches running datasets is applied to them at once."""
    require_officer(officer)
    writable(warehouse)
    changed = change_objections(
        vault=warehouse.vault,
        recorder=warehouse.recorder,
        documents=warehouse.documents,
        new_query=warehouse.new_query,
        change=wanted,
        signed=officer.document(wanted.body()),
        actor=officer.salted,
        cards=gross_definitions().layouts[CARDS],
        named_step=no_step,
    )
    reaches = wanted.verb == "add" and wanted.regime is not None and check_regime(wanted.regime).running
    applied = apply_to_running(warehouse, officer=officer, progress=progress) if reaches else ()
    return Recorded(changed=changed, applied=applied)


def running(warehouse: Warehouse) -> list[Permit]:
    """The permits whose datasets an application would look into."""
    return running_permits(warehouse.ledger, warehouse.recorder, warehouse.documents, warehouse.trust)


def apply_to_running(warehouse: Warehouse, *, officer: Signer, progress: Progress) -> tuple[Applied, ...]:
    """Apply what stands to every dataset that runs, each an act of its own: one killed between two is taken up by calling again."""
    require_officer(officer)
    writable(warehouse)
    warehouse.cache.clear()  # what was counted with persons who object
    with warehouse.queries() as new_query:
        return tuple(
            apply_objections(
                vault=warehouse.vault,
                recorder=warehouse.recorder,
                documents=warehouse.documents,
                new_query=new_query,
                permit=permit,
                signed=officer.document(application_body(permit)),
                actor=officer.salted,
                layouts=warehouse.layouts,
                among=regimes_known(),
                progress=progress,
                named_step=no_step,
            )
            for permit in running(warehouse)
        )


def standing(warehouse: Warehouse) -> Sequence[Standing]:
    """Counts by regime."""
    return list_objections(vault=warehouse.vault, recorder=warehouse.recorder, new_query=warehouse.new_query)
