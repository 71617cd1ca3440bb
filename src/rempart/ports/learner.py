# SPDX-License-Identifier: Apache-2.0
"""A learner: makes trees by gradient boosting from yes-or-no features. An optional library behind a port; rooms are given one."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Sparse yes-or-no features: the persons of feature j, of ``persons``, are ``person[start[j]:start[j + 1]]``, rising."""

    persons: int
    start: Ints
    person: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """How trees are grown; ``leaf_persons``: least rows of a leaf (a row is a person); ``rate``: share of each step that is taken."""

    trees: int
    leaves: int
    leaf_persons: int
    rate: float
    seed: int


class Grown(Protocol):
    """A trained ensemble."""

    @property
    def text(self) -> str:
        """The whole model, as its library writes it."""

    def chances(self, given: Answers) -> Floats:
        """P(outcome) of each person, (n,)."""

    def leaves(self, given: Answers) -> tuple[Ints, ...]:
        """For each tree the leaf that each person falls in, (n,)."""


class Learner(Protocol):
    """What trains."""

    def check(self) -> None:
        """Raises Unavailable ``learner-missing`` (extra) where the library is not installed."""

    def grow(self, given: Answers, outcome: NDArray[np.bool_], weight: Floats, how: Growing) -> Grown:
        """Trees for P(outcome), each person weighted; the same for the same input. Raises Unavailable ``learner-missing``."""
