# SPDX-License-Identifier: Apache-2.0
"""Sealed evidence kept from run to run on the controller's disk: what is put here is already encrypted under a key of its space."""

from collections.abc import Collection
from typing import Protocol


class EvidenceCache(Protocol):
    """Named pieces by space, of a bounded size together: any piece may be gone at any time, and nothing is lost by that."""

    def get(self, space: str, name: str) -> bytes | None:
        """The piece, or None."""

    def has(self, space: str, name: str) -> bool:
        """Whether the piece is there; counts as no use of it."""

    def put(self, space: str, name: str, data: bytes) -> bool:
        """Keep a piece whole or not at all, and say which; the pieces that were asked for longest ago make room. Raises nothing: a full
        disk or a folder that goes meanwhile is no reason to lose what was computed."""

    def drop(self, space: str, name: str) -> None:
        """Remove one piece, if it is there."""

    def keep(self, space: str, prefix: str) -> None:
        """Remove the pieces of a space whose name does not begin with ``prefix``."""

    def clear(self, space: str | None = None) -> None:
        """Remove all pieces of a space, or of every space."""

    def retain(self, spaces: Collection[str]) -> None:
        """Remove the pieces of every space but these."""
