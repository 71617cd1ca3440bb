# SPDX-License-Identifier: Apache-2.0
"""The cosigned checkpoint that a publication waits for, where the policy of the house asks for one."""

from rempart.journeys.cosigning import cosigned
from rempart.journeys.publish import Witnessed
from rempart.wiring.cosigning import cosigning
from rempart.wiring.warehouse import Warehouse


def witnessed(warehouse: Warehouse) -> Witnessed | None:
    """How a publication asks for the cosigned checkpoint that holds a leaf; None where the policy asks for none.

    What it gives raises as ``journeys.cosigning.cosigned``.
    """
    desk = cosigning(warehouse)
    if "release" not in desk.policy.names("ledger.before"):
        return None
    return lambda index: cosigned(desk, covering=index)
