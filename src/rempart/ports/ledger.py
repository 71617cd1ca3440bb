# SPDX-License-Identifier: Apache-2.0
"""The ledger: an append-only Merkle log at the controller. ``append`` is compare-and-append: one winner."""

from collections.abc import Sequence
from typing import Protocol


class Ledger(Protocol):
    """RFC 6962 log with C2SP checkpoints."""

    def size(self) -> int:
        """Number of leaves, after checking the stored checkpoint; raises NotTrusted ``ledger-…``."""

    def append(self, expected_size: int, leaves: Sequence[bytes]) -> int:
        """Append if the log still holds ``expected_size`` leaves; the index of the first new leaf.

        Raises Unavailable ``ledger-moved`` when another appended first; a signed checkpoint is written before it returns.
        """

    def leaves(self, start: int = 0, end: int | None = None) -> list[bytes]:
        """Leaves [start, end), as appended."""

    def checkpoint(self) -> str:
        """The newest signed checkpoint text (C2SP tlog-checkpoint)."""

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Inclusion proof hashes of leaf ``index`` in the tree of ``size``."""

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Consistency proof hashes between two sizes."""
