# SPDX-License-Identifier: Apache-2.0
"""What a self-controlled case series is made of: cases, groups of age and calendar, exposures with their windows. It cuts nothing."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """``first`` and ``last`` (n,): days of observation, both included; ``birth`` (n,): the day that ages count from, if age is a term.

    ``early`` (n,): whether an observation ended by itself (death, loss) and not with the study, for ends that depend on the event.
    Raises BadInput ``sccs-no-time-at-risk`` where an observation ends before it begins.
    """

    first: Ints
    last: Ints
    birth: Ints | None = None
    early: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if np.any(self.last < self.first):
            raise BadInput("sccs-no-time-at-risk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Groups of age (days since birth) or of the calendar (days): ``cuts`` ascending, each the FIRST day of the next group.

    ``level`` (len(cuts) + 1,) is the group of each piece (months of several years share one; by default each piece is its own);
    ``names`` are the groups'; ``reference`` is the group without a coefficient. Raises BadInput ``sccs-levels``.
    """

    cuts: Ints
    names: tuple[str, ...]
    level: Ints | None = None
    reference: int = 0

    def __post_init__(self) -> None:
        pieces = len(self.cuts) + 1
        level = np.arange(pieces) if self.level is None else self.level
        if len(level) != pieces or np.any(np.diff(self.cuts) <= 0):
            raise BadInput("sccs-levels")
        if level.min() < 0 or level.max() >= len(self.names) or not 0 <= self.reference < len(self.names):
            raise BadInput("sccs-levels")

    def of(self, day: Ints) -> Ints:
        """The group of each day."""
        piece = np.searchsorted(self.cuts, day, side="right")
        return np.asarray(piece if self.level is None else self.level[piece], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days ``begin`` to ``end``, both included, counted from the ``anchor`` day of an exposure (day 0); ``end`` None: to its last day.

    A vaccine: begin 0 or 1, end 27. A treatment: begin 0, end None. Its washout: anchor "stop", begin 1, end 30. Before it: begin −30,
    end −1. ``dose`` k: of the k-th exposure of a case only. Raises BadInput ``sccs-window`` with the name where it holds no day.
    """

    name: str
    begin: int
    end: int | None
    anchor: Literal["start", "stop"] = "start"
    dose: int | None = None

    def __post_init__(self) -> None:
        endless = self.end is None and self.anchor == "stop"
        if endless or (self.end is not None and self.end < self.begin):
            raise BadInput("sccs-window", term=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """The occurrences of one exposure: ``person`` (m,) places in the cases, ``start`` and ``stop`` (m,) its first and last day.

    A day is in one window at most. ``overlap``: where windows of two occurrences meet, the "later" occurrence takes the day, with all
    its windows (its pre-exposure window too), or the "earlier" keeps it; of one occurrence, the window listed first keeps it. Windows
    of different exposures multiply. Raises BadInput ``sccs-exposure`` where one stops before it starts, or for another rule.
    """

    name: str
    person: Ints
    start: Ints
    stop: Ints
    windows: tuple[Window, ...]
    overlap: Literal["later", "earlier"] = "later"

    def __post_init__(self) -> None:
        if np.any(self.stop < self.start) or self.overlap not in {"later", "earlier"} or not self.windows:
            raise BadInput("sccs-exposure", term=self.name)
