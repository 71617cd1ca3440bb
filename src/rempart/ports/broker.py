# SPDX-License-Identifier: Apache-2.0
"""The key broker as its clients see it: it alone reaches the key store, checks the ledger, and hands out a job's data keys only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rempart.records.sealed import KeyContext


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRequest:
    """What a job asks for. ``intent``: ledger index of its intent leaf; ``tables``: (space, table, sibling, mode) with mode
    ``read`` or ``write``; ``secrets``: names of space secrets (``<space>/shard``, ``<space>/pseudonym``, ``identity``)."""

    intent: int
    tables: tuple[tuple[str, str, str, str], ...]
    secrets: tuple[str, ...] = ()


class Broker(Protocol):
    """Grants are checked against the ledger's logged intent, the permit, the signed study and the clock."""

    def grant(self, request: GrantRequest, *, uses: int = 1) -> list[str]:
        """``uses`` one-use references for what was asked.

        Raises Refused ``grant-…`` (naming the rule), NotTrusted, Unavailable ``broker-locked``.
        """

    def unwrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """The data keys, each within the grant's read scope; a reference gives each data key once, in one call or several.

        Raises Refused ``grant-spent``, ``grant-scope``, ``grant-closed``, ``grant-old``; NotTrusted ``wrapped-key``.
        """

    def wrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """Wrap fresh data keys within the grant's write scope (table keys are made on first use); not spent by use."""

    def secrets(self, reference: str, names: Sequence[str]) -> list[bytes]:
        """Space secrets (32 bytes each; made on first use under a write scope) within the grant; not spent by use."""

    def rewrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]], epoch: int) -> list[bytes]:
        """Wrapped data keys of the space that a rotation's intent names, anew under its next ``epoch``; contexts are those of the epoch
        before. No data key leaves the broker; not spent by use.

        Raises Refused ``grant-scope``, ``rotation-epochs``, ``keys-erased``; NotTrusted ``wrapped-key``.
        """

    def rewrap_root(self, reference: str) -> int:
        """A new version of the root key, and every table key, secret and signing key under it, as a root rotation's intent says; how
        many. Raises Refused ``root-key-file``."""

    def key_names(self, space: str) -> list[str]:
        """Names of the table keys and secrets that there are of ``space``; a name opens nothing."""

    def erase(self, reference: str) -> list[str]:
        """Destroy the keys that an erasure's intent and its document name: stored, open and granted; the names of those destroyed."""

    def sign(self, purpose: str, over: str) -> str:
        """Base64 Ed25519 by a system key: purpose ``vault`` signs a manifest's ``sha256:…`` (see records.signature);
        purpose ``ledger`` signs a checkpoint body. Raises Unavailable ``broker-locked``."""

    def status(self) -> dict[str, str | int]:
        """``{"expires": ISO time, "pid": …}``; raises Unavailable ``broker-locked`` when none answers."""

    def lock(self) -> None:
        """Forget every key and stop."""
