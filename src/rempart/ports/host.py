# SPDX-License-Identifier: Apache-2.0
"""A host: any store of bytes under random names. It is never believed; what it returns must prove itself."""

from collections.abc import Iterator
from typing import Protocol

from rempart.records.sealed import Sealed


class Host(Protocol):
    """Put, get, list, delete. Only ``Sealed`` bytes go in; names are ``o/…``, ``m/…``, ``s/…``."""

    @property
    def label(self) -> str:
        """A short name for the ledger, e.g. ``directory``."""

    def put(self, name: str, sealed: Sealed) -> bool:
        """Create ``name``; False when it already exists (nothing is overwritten). The answer is a hint, never proof.

        Raises Unavailable ``host-unreachable``; nothing half-written under ``name``.
        """

    def get(self, name: str) -> Sealed:
        """The bytes under ``name``; raises Missing ``object-missing`` or Unavailable ``host-unreachable``."""

    def names(self) -> Iterator[str]:
        """Every object name, in no promised order."""

    def delete(self, name: str) -> None:
        """Remove ``name`` if it is there."""
