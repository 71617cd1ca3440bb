# SPDX-License-Identifier: Apache-2.0
"""The house's policy on the command line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.toml_input import read_toml
from rempart.audit.witness_policy import parse_policy
from rempart.journeys.permits import events
from rempart.journeys.policy import policy_at, set_policy
from rempart.records.document import SignedDocument
from rempart.records.policy import Form, Policy, form_of, policy_body
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse


def policy_form() -> Form:
    """The fields of a policy."""
    return form_of(package_data.toml("records/policy.toml"))


def policy_now(warehouse: Warehouse) -> Policy:
    """The policy in force."""
    return policy_at(events(warehouse.ledger), warehouse.documents, warehouse.trust, policy_form())


def sign_policy(warehouse: Warehouse, *, file: Path, by: Sequence[Path], ask: Ask) -> Policy:
    """Sign a policy file with each officer's key, and log it; the policy in force afterwards."""
    form = policy_form()
    body = policy_body(read_toml(file), form, file=file.name)
    _check_witnesses(body["values"])
    people = [signer(warehouse.trust, key_file, ask) for key_file in by]
    unsigned = SignedDocument(body=body, signatures=())
    signed = SignedDocument(body=body, signatures=tuple(person.sign(unsigned.over) for person in people))
    trust = warehouse.trust
    return set_policy(warehouse.recorder, warehouse.documents, trust, form, signed=signed, actor=people[0].salted)


def _check_witnesses(values: Mapping[str, Any]) -> None:
    """A policy that asks for witnesses names them in a text that can be read; raises BadInput ``witness-policy``, ``verifier-key``."""
    if any(values.get(name) for name in ("ledger.witnesses", "ledger.before", "ledger.fresh_minutes")):
        parse_policy(values.get("ledger.witnesses", ""))
