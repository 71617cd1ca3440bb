# SPDX-License-Identifier: Apache-2.0
"""``rempart objection record``."""

from pathlib import Path

from rempart.adapters.objection_list import read_objections
from rempart.errors import Refused
from rempart.journeys.objections import SCHEMA, record_objections
from rempart.wiring.acts import no_step
from rempart.wiring.host_register import writable
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse


def record(warehouse: Warehouse, file: Path, *, key_file: Path, ask: Ask) -> int:
    """Add the persons of a list to the warehouse's objections, signed by an officer; how many there are now."""
    officer = signer(warehouse.trust, key_file, ask)
    if "officer" not in officer.entry.roles:
        raise Refused("role-missing", actor=officer.entry.actor, role="officer")
    writable(warehouse)
    names = read_objections(file)
    return record_objections(
        vault=warehouse.vault,
        recorder=warehouse.recorder,
        documents=warehouse.documents,
        new_query=warehouse.new_query,
        persons=names,
        signed=officer.document({"schema": SCHEMA, "lines": len(names)}),
        actor=officer.salted,
        named_step=no_step,
    )
