# SPDX-License-Identifier: Apache-2.0
"""Sealed parts as a query reads them, with their keys; and the next shard made ready while one is computed. Reads no byte itself."""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
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


@contextmanager
def prepared(
    items: Iterable[Item], *, new_query: Callable[[], Query], prepare: Callable[[Query, Item], None]
) -> Generator[Iterable[tuple[Item, Query]]]:
    """(item, a session that ``prepare`` made ready) in order; the next item's parts are fetched and opened in a thread meanwhile.

    Two sessions at most hold plaintext at a time. Each is closed when the next is asked for, all when the block is left.
    """

    def ready(item: Item) -> Query:
        query = new_query()
        try:
            prepare(query, item)
        except BaseException:
            query.close()
            raise
        return query

    waiting: list[tuple[Item, Future[Query]]] = []

    def one_after_another() -> Generator[tuple[Item, Query]]:
        for item in items:
            waiting.append((item, threads.submit(ready, item)))
            if len(waiting) > 1:
                yield from _served(waiting.pop(0))
        while waiting:
            yield from _served(waiting.pop(0))

    with ThreadPoolExecutor(1) as threads:
        told = one_after_another()
        try:
            yield told
        finally:
            told.close()
            for _, future in waiting:
                if not future.cancel() and future.exception() is None:
                    future.result().close()


def _served(given: tuple[Item, "Future[Query]"]) -> Generator[tuple[Item, Query]]:
    item, future = given
    query = future.result()
    try:
        yield item, query
    finally:
        query.close()
