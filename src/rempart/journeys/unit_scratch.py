# SPDX-License-Identifier: Apache-2.0
"""Rows of a unit that does not fit into memory, on their way from its files to its partitions: sealed scratch under a key of the run."""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from rempart.journeys.exchange import Exchange
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Randomness


class UnitScratch:
    """Pieces of one unit by table word and partition, in the order in which they were put."""

    def __init__(self, scratch: Scratch, run: str, randomness: Randomness) -> None:
        self._exchange = Exchange(scratch, run, randomness)
        self._pieces: Counter[tuple[str, int]] = Counter()

    def put(self, word: str, partition: int, rows: pa.Table) -> None:
        """Keep a piece."""
        self._exchange.keep(word, partition, self._pieces[word, partition], rows)
        self._pieces[word, partition] += 1

    def get(self, word: str, partition: int) -> Iterator[pa.Table]:
        """The pieces of a partition in order; none where nothing was put."""
        if self._exchange.has(word, partition):
            yield from self._exchange.pieces(word, partition)
