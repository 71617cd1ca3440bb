# SPDX-License-Identifier: Apache-2.0
"""What a Cox model is fitted to: rows of follow-up, or counts of them by covariate pattern; both validated at birth. No fitting here.

Time is whole days; a row covers (entry, exit] and its event belongs to the exit day. Without ``entry`` a row is at risk from the
beginning. Errors name the covariate and never a number of persons or events: the message leaves the project's space more easily
than a table does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_ABREAST = 64
_FLAT = 1e-12  # a range below this share of the values themselves is rounding, not variation


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxRows:
    """N rows of follow-up, one or several a person (time-varying covariates, recurrent events, clones).

    ``x`` (N, p); ``terms`` p names; ``exit_``, ``entry`` (N,) days; ``event`` (N,) bool; ``strata`` (N,) whole numbers: a baseline
    hazard each; ``weight`` (N,) > 0, case weights (not counts); ``person`` (N,) whole numbers: whose rows these are.

    Raises BadInput ``cox-shape``, ``cox-covariate-not-finite``, ``cox-covariate-constant``, ``cox-weight``,
    ``cox-negative-follow-up``, ``cox-event-not-at-risk``, ``cox-rows-overlap``.
    """

    x: Floats
    terms: tuple[str, ...]
    exit_: Ints
    event: Bools
    entry: Ints | None = None
    strata: Ints | None = None
    weight: Floats | None = None
    person: Ints | None = None
    clones: bool = False  # a person may be at risk twice on a day (clones, sequential trials)

    def __post_init__(self) -> None:
        check_columns(self.x, self.terms)
        check_lengths(len(self.x), self.exit_, self.event, self.entry, self.strata, self.weight, self.person)
        check_days(self.entry, self.exit_, self.event)
        check_weights(self.weight)
        if self.person is not None and not self.clones:
            check_overlap(self.person, self.entry, self.exit_)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxCells:
    """C cells of a count table: ``n`` (C,) persons of ``pattern`` (C,), a row of ``x`` (P, p), with the same entry, exit and event.

    The likelihood sees nothing else, so that a fit on cells is the fit on the persons. Raises as CoxRows.
    """

    x: Floats
    terms: tuple[str, ...]
    pattern: Ints
    n: Ints
    exit_: Ints
    event: Bools
    entry: Ints | None = None
    strata: Ints | None = None
    weight: Floats | None = None

    def __post_init__(self) -> None:
        check_columns(self.x, self.terms)
        check_lengths(len(self.pattern), self.exit_, self.event, self.entry, self.strata, self.weight, self.n)
        if len(self.n) and (self.n.min() < 0 or self.pattern.min() < 0 or self.pattern.max() >= len(self.x)):
            raise BadInput("cox-shape", term="pattern")
        check_days(self.entry, self.exit_, self.event)
        check_weights(self.weight)


def check_columns(x: Floats, terms: tuple[str, ...]) -> None:
    """A name for each covariate, every value finite, every covariate with two values at least."""
    if x.ndim != 2 or x.shape[1] != len(terms) or not terms or not len(x) or not np.issubdtype(x.dtype, np.floating):
        raise BadInput("cox-shape", term="x")
    low, high = over_rows(np.minimum, x), over_rows(np.maximum, x)
    for j, term in enumerate(terms):
        if not (np.isfinite(low[j]) and np.isfinite(high[j])):
            raise BadInput("cox-covariate-not-finite", term=term)
        if high[j] - low[j] <= _FLAT * max(abs(low[j]), abs(high[j])):
            raise BadInput("cox-covariate-constant", term=term)


def over_rows(ufunc: np.ufunc, x: Floats) -> Floats:
    """``ufunc.reduce`` over the rows of ``x`` (N, p), some rows side by side: numpy is slow where columns are few."""
    whole = len(x) // _ABREAST * _ABREAST
    first = ufunc.reduce(x[:whole].reshape(-1, _ABREAST * x.shape[1]), axis=0).reshape(_ABREAST, -1) if whole else x[:0]
    return np.asarray(ufunc.reduce(np.concatenate([first, x[whole:]]), axis=0), dtype=np.float64)


def check_lengths(size: int, *columns: Ints | Floats | Bools | None) -> None:
    """All columns as long as the rows are many."""
    if any(column is not None and column.shape != (size,) for column in columns):
        raise BadInput("cox-shape", term="rows")


def check_weights(weight: Floats | None) -> None:
    """Weights above nothing and finite: whoever shall not count is left out by the caller, who can say so."""
    if weight is not None and not (np.isfinite(weight).all() and (weight > 0).all()):
        raise BadInput("cox-weight")


def check_days(entry: Ints | None, exit_: Ints, event: Bools) -> None:
    """No row ends before it begins; no event on a row that is never at risk."""
    if not np.issubdtype(exit_.dtype, np.integer) or event.dtype != np.bool_:
        raise BadInput("cox-shape", term="days")
    if entry is None:
        if (exit_ < 0).any():
            raise BadInput("cox-negative-follow-up")
        return
    if not np.issubdtype(entry.dtype, np.integer):
        raise BadInput("cox-shape", term="days")
    if (exit_ < entry).any():
        raise BadInput("cox-negative-follow-up")
    if (event & (exit_ == entry)).any():
        raise BadInput("cox-event-not-at-risk")


def check_overlap(person: Ints, entry: Ints | None, exit_: Ints) -> None:
    """No person is at risk twice on the same day."""
    if entry is None:
        order = np.sort(person)
        if (order[1:] == order[:-1]).any():
            raise BadInput("cox-rows-overlap")
        return
    same, start, end = person, entry, exit_
    if not _in_order(same, start):
        order = np.lexsort((exit_, entry, person))
        same, start, end = person[order], entry[order], exit_[order]
    if ((same[1:] == same[:-1]) & (start[1:] < end[:-1])).any():
        raise BadInput("cox-rows-overlap")


def _in_order(person: Ints, entry: Ints) -> bool:
    step = np.diff(person)
    return bool(((step > 0) | ((step == 0) & (np.diff(entry) >= 0))).all())
