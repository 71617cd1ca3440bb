# SPDX-License-Identifier: Apache-2.0
"""What is asked of recovery: a line compares one estimate with its truth over many seeds; a trial gives the estimates of its lines."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recovery.session import Estimates
from rempart.adapters.duckdb_query import DuckDBQuery

LOG, PLAIN, EXACT, NEAR = "log", "plain", "exact", "near"
FILE, ARRAYS, WHOLE = "study file", "estimator", "whole way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``truth``: a ratio (scale log) or a share (plain); of exact lines the estimate is what was found less what is true, and must be 0 in
    each seed. ``estimand``: what the truth is of. ``crude``: name of the estimate that confounding must spoil. ``null``: the truth is no
    effect. ``way``: from a study file by what a worker runs, an estimator of the product on arrays of the same tables, or the whole way
    from a delivery. ``slack``: of near lines, how far from the truth the mean may be."""

    name: str
    truth: float
    estimand: str
    way: str = FILE
    scale: str = LOG
    crude: str = ""
    null: bool = False
    slack: float = 0.0

    @property
    def target(self) -> float:
        """The truth on the scale that is judged."""
        return math.log(self.truth) if self.scale == LOG else self.truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One planted study: ``run(engine, seed)`` → its estimates by name of line, crude ones too. ``most``: seeds at most."""

    study: str
    lines: Sequence[Line]
    run: Callable[[DuckDBQuery, int], Estimates]
    most: int = 1_000_000
