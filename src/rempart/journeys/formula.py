# SPDX-License-Identifier: Apache-2.0
"""How a project dataset was made, kept when its keys are gone: the same dataset can be made again under a new permit.

``rempart.formula/1``: the permit, the state of the warehouse, the proof of what was delivered. It holds no data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import Missing, NotTrusted, Refused
from rempart.journeys.chain import snapshot_of
from rempart.journeys.subset_proof import SCHEMA as PROOF
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.records.canonical import canonical_bytes, parse_canonical
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.sealed import SpaceCommit

SCHEMA = "rempart.formula/1"
_SAME = ("tables", "lookback", "period", "depth", "rows", "identifiers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """``tables``: table → rows, content and columns that were delivered."""

    permit: Permit
    source_head: str
    tables: Mapping[str, Any]

    def check_asked(self, permit: Permit) -> None:
        """The new permit asks for the same data; raises Refused ``formula-other`` naming the first field that differs."""
        for field in _SAME:
            if getattr(permit, field) != getattr(self.permit, field):
                raise Refused("formula-other", permit=permit.id, field=field)

    def source(self, ledger: Ledger, space: str) -> SpaceCommit:
        """The state of the warehouse that it was made from; raises Missing ``formula-snapshot`` where that is no longer kept."""
        try:
            return snapshot_of(ledger, space, self.source_head).current
        except NotTrusted as error:
            raise Missing("formula-snapshot", head=self.source_head[:23]) from error


def formula_document(permit: Permit, *, source_head: str, proof: str) -> bytes:
    """The formula of a grant; ``proof``: its document."""
    return canonical_bytes({"schema": SCHEMA, "permit": permit.as_dict(), "source-head": source_head, "proof": proof})


def read_formula(documents: Documents, formula: str) -> Formula:
    """A formula by its id; raises Missing ``document-missing``, NotTrusted ``document-form``."""
    told = _read(documents, formula, SCHEMA)
    proof = _read(documents, str(told.get("proof")), PROOF)
    permit = permit_from_dict(told["permit"])
    if proof.get("permit") != permit.content_id or proof.get("source-head") != told.get("source-head"):
        raise NotTrusted("document-form", expected=SCHEMA)
    return Formula(permit=permit, source_head=str(told["source-head"]), tables=proof["tables"])


def _read(documents: Documents, document: str, schema: str) -> dict[str, Any]:
    value = parse_canonical(documents.get(document), what="document")
    if not isinstance(value, dict) or value.get("schema") != schema:
        raise NotTrusted("document-form", expected=schema)
    return value
