# SPDX-License-Identifier: Apache-2.0
"""The cosigned checkpoint that a publication waits for, where the policy of the house asks for one."""

from rempart.adapters.ledger_files import read_text
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.witness_policy import by_policy, cosigners, parse_policy
from rempart.errors import NotTrusted, Unavailable
from rempart.journeys.publish import Witnessed
from rempart.wiring.policy import policy_now
from rempart.wiring.warehouse import Warehouse

COSIGNED = "cosigned"
"""In the ledger's folder: the newest checkpoint with the lines of its witnesses."""


def witnessed(warehouse: Warehouse, release: str) -> Witnessed | None:
    """How a publication asks for the cosigned checkpoint that holds a leaf; None where the policy asks for none.

    What it gives raises Unavailable ``release-unwitnessed``; BadInput ``witness-policy``; NotTrusted ``checkpoint-…``.
    """
    policy = policy_now(warehouse)
    if "release" not in policy.names("ledger.before"):
        return None
    asked, settings = parse_policy(policy.text("ledger.witnesses")), warehouse.configuration

    def cosigned(index: int) -> str:
        text = read_text(warehouse.controller / "ledger" / COSIGNED) or ""
        if text and parse_and_verify(text, settings.ledger_origin, settings.ledger_public).size > index:
            try:
                by_policy(asked, text, origin=settings.ledger_origin, public=settings.ledger_public)
            except NotTrusted as error:
                if error.code != "witness-quorum":
                    raise
            else:
                return text
        seen = ", ".join(cosigners(asked, text)) if text else ""
        raise Unavailable("release-unwitnessed", release=release, least=index + 1, seen=seen or "-")

    return cosigned
