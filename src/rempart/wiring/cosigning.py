# SPDX-License-Identifier: Apache-2.0
"""The policy's witnesses as a process of the warehouse asks them."""

from functools import partial
from pathlib import Path

from rempart.adapters.text_input import read_text
from rempart.adapters.witness_client import HttpWitnesses
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.witness_policy import cosigners, parse_policy
from rempart.errors import Refused
from rempart.journeys.cosigning import Cosigning, Witnessing, evidence, renewed, taken_up
from rempart.wiring.cosigned import cosigned_file
from rempart.wiring.policy import policy_now
from rempart.wiring.warehouse import Warehouse


def cosigning(warehouse: Warehouse) -> Cosigning:
    """What cosigning needs, under the policy in force now."""
    settings = warehouse.configuration
    return Cosigning(
        ledger=warehouse.ledger,
        documents=warehouse.documents,
        witnesses=HttpWitnesses(cosigned_file(warehouse.directory)),
        policy=policy_now(warehouse),
        origin=settings.ledger_origin,
        public=settings.ledger_public,
    )


def witnessing(warehouse: Warehouse) -> Witnessing:
    """For acts that the policy may name in ``ledger.before``."""
    return partial(evidence, cosigning(warehouse))


def have_cosigned(warehouse: Warehouse, file: Path | None) -> tuple[int, tuple[str, ...]]:
    """(leaves, witnesses): the newest checkpoint asked of the policy's witnesses, or the one of ``file`` taken up.

    Raises as ``journeys.cosigning``; Refused ``witness-undecided`` where the policy names no witness.
    """
    desk = cosigning(warehouse)
    if not desk.policy.text("ledger.witnesses"):
        raise Refused("witness-undecided")
    if file is not None:
        return taken_up(desk, read_text(file))
    policy = parse_policy(desk.policy.text("ledger.witnesses"))
    note = renewed(desk, policy)
    return parse_and_verify(note, desk.origin, desk.public).size, cosigners(policy, note)
