# SPDX-License-Identifier: Apache-2.0
"""No key without a young word of the witnesses, where the house's policy asks for one: a controller that hides its log gets no key."""

from collections.abc import Callable

from rempart.errors import Refused
from rempart.keys.intents import Proofs
from rempart.keys.policy_book import policy_of
from rempart.records.policy import KIND, Form

Cosigned = Callable[[str, int], bool]
"""(text of a witness policy, minutes) → whether its quorum cosigned a checkpoint of this ledger within them."""


def require_fresh(proofs: Proofs, *, form: Form, cosigned: Cosigned) -> None:
    """Raises Refused ``grant-unwitnessed`` when the policy in force asks for a younger checkpoint than there is."""
    if not any(event.kind == KIND for event in proofs.events):
        return
    policy = policy_of(proofs, form)
    minutes = policy.number("ledger.fresh_minutes")
    if minutes and not cosigned(policy.text("ledger.witnesses"), minutes):
        raise Refused("grant-unwitnessed", minutes=minutes)
