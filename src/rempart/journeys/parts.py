# SPDX-License-Identifier: Apache-2.0
"""Sealed parts as a query reads them, with their keys; and the next shard's on their way while one is computed. Reads no byte itself."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from copy import copy
from typing import TypeVar

from rempart.journeys.space import OpenSpace, Vault
from rempart.ports.query import Query
from rempart.records.sealed import PartEntry
from rempart.vault.part import SealedPart

Item = TypeVar("Item")


def sealed_parts(vault: Vault, opened: OpenSpace, parts: Sequence[PartEntry], *, reference: str) -> list[SealedPart]:
    """Readers of ``parts`` in order; their data keys are asked for in one call. Raises as the broker does."""
    items = [(p.key_context(vault.warehouse, opened.commit.epoch), opened.wrapped[p.object]) for p in parts]
    keys = vault.broker.unwrap(reference, items) if items else []
    return with_keys(vault, parts, keys)


def with_keys(vault: Vault, parts: Sequence[PartEntry], keys: Sequence[bytes]) -> list[SealedPart]:
    """Readers of ``parts``, whose keys are at hand."""
    return [
        SealedPart(vault.host, part, warehouse=vault.warehouse, key=key) for part, key in zip(parts, keys, strict=True)
    ]


class FreshParts:
    """Readers by part, a new one at each asking: a reader keeps what it fetched first, of a small part all of it, as long as it lives."""

    def __init__(self, readers: Mapping[str, SealedPart]) -> None:
        """``readers``: none of them read from yet, nor ever."""
        self._readers = readers

    def __getitem__(self, part: str) -> SealedPart:
        """Raises KeyError for a part that is not there."""
        return copy(self._readers[part])


def one_ahead(
    items: Iterable[Item], *, new_query: Callable[[], Query], attach: Callable[[Query, Item], None]
) -> Generator[tuple[Item, Query]]:
    """(item, a session with what ``attach`` attached) in order. The next item's parts are fetched and opened meanwhile, since attaching
    does not wait; so two sessions at most hold plaintext. To be closed (``contextlib.closing``): that closes both.
    """
    sessions: list[tuple[Item, Query]] = []
    try:
        for item in items:
            sessions.append((item, new_query()))
            attach(sessions[-1][1], item)
            if len(sessions) > 1:
                yield sessions[0]
                sessions.pop(0)[1].close()
        while sessions:
            yield sessions[0]
            sessions.pop(0)[1].close()
    finally:
        for _, query in sessions:
            query.close()
