# SPDX-License-Identifier: Apache-2.0
"""A host: any store of bytes under random names. It is never believed; what it returns must prove itself."""

from collections.abc import Iterator
from typing import Protocol

from rempart.records.sealed import Sealed, SealedStream


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

    def get_range(self, name: str, start: int, end: int) -> Sealed:
        """Bytes [start, end) of the object, cut where it ends; raises as ``get``."""

    def open(self, name: str) -> SealedStream:
        """The object as a stream of chunks (8 MiB or so), for whoever must not hold it whole; raises as ``get``."""

    def put_stream(self, name: str, stream: SealedStream) -> bool:
        """As ``put``, in bounded memory. A stream that ends early or raises leaves nothing under ``name``."""

    def names(self) -> Iterator[str]:
        """Every object name, in no promised order."""

    def listing(self) -> Iterator[tuple[str, int]]:
        """(name, size in bytes) of every object, in no promised order; a hint, as everything a host says."""

    def delete(self, name: str) -> None:
        """Remove ``name`` if it is there."""
