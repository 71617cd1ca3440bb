# SPDX-License-Identifier: Apache-2.0
"""A checkpoint kept elsewhere against the ledger as it stands: rolled back, rewritten, or its true continuation.

This is what catches a host and a ledger put back to yesterday together: everything in them agrees, but not with what was kept.
"""

from rempart.audit.checkpoint import Checkpoint, parse_and_verify
from rempart.audit.tree import verify_consistency
from rempart.errors import NotTrusted
from rempart.ports.ledger import Ledger


def check_kept(kept: str, ledger: Ledger, *, origin: str, public: bytes) -> Checkpoint:
    """The kept checkpoint, once the ledger is proven to continue it.

    Raises NotTrusted ``ledger-rolled-back`` (the ledger is shorter), ``consistency-proof`` (it is another history),
    ``checkpoint-…`` (the kept one, or the ledger's, proves nothing).
    """
    old = parse_and_verify(kept, origin, public)
    size = ledger.size()
    if size < old.size:
        raise NotTrusted("ledger-rolled-back", size=size, seen=old.size)
    if size == 0:
        return old
    new = parse_and_verify(ledger.checkpoint(), origin, public)
    proof = ledger.consistency(old.size, new.size)
    verify_consistency(first=old.size, second=new.size, proof=proof, old=old.root, new=new.root)
    return old
