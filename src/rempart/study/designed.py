# SPDX-License-Identifier: Apache-2.0
"""One analysis of a design as its writer reads it: counts of equal rows as columns, tallies as cells. Writes no row itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rempart.records.design import DesignAnalysis
from rempart.records.result import ResultRow
from rempart.records.study import Study
from rempart.study.tallies import NOBODY, Tally, part_of, tallies_of
from rempart.study.training import Training

Ints = NDArray[np.int64]
Texts = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """Distinct rows of a part: ``columns`` (text, equal lengths), ``n``: how many rows each stands for."""

    columns: tuple[Texts, ...]
    n: Ints

    def whole(self, at: int) -> Ints:
        """A column of whole numbers; negative ``at`` counts from the end."""
        return self.columns[at].astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Designed:
    """What a writer needs: the study, the analysis, and its evidence; ``training``: for designs that train models;
    ``before``: the rows of the analyses written before it."""

    study: Study
    analysis: DesignAnalysis
    tallies: pa.Table
    counted: pa.Table
    training: Training = field(default_factory=Training)
    before: Sequence[ResultRow] = ()

    def part(self, name: str) -> list[Tally]:
        """The tallies of a part, in order of their keys."""
        return tallies_of(self.tallies, self.analysis.id, name)

    def one(self, name: str) -> Tally:
        """The only tally of a part without keys."""
        return next(iter(self.part(name)), NOBODY)

    def by(self, name: str, *keys: str) -> dict[tuple[str, ...], Tally]:
        """The tallies of a part by the values of some keys."""
        return {tuple(cell.key[key] for key in keys): cell for cell in self.part(name)}

    def patterns(self, name: str, columns: int) -> Patterns:
        """The rows of a part: keys cut at ``|`` into so many columns."""
        own = part_of(self.counted, self.analysis.id, name)
        if not own.num_rows:
            return Patterns(columns=tuple(np.empty(0, dtype=np.str_) for _ in range(columns)), n=np.empty(0, np.int64))
        pieces = pc.split_pattern(own["key"].combine_chunks(), "|")
        found = [pc.list_element(pieces, at).to_numpy(zero_copy_only=False).astype(np.str_) for at in range(columns)]
        return Patterns(columns=tuple(found), n=np.asarray(own["n"].to_numpy(), dtype=np.int64))
