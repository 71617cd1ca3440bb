# SPDX-License-Identifier: Apache-2.0
"""Self-controlled case series: each case's days are cut into intervals, and its events are set against its own other days.

Model: given a case's number of events, they fall on interval k with probability L_k·exp(x_kβ) / Σ_j L_j·exp(x_jβ), L in days; x holds
age group, calendar period and the windows of each exposure, which multiply. Fitted by ``conditional`` (Farrington, Biometrics
1995;51:228; Whitaker et al., Stat Med 2006;25:1768). Conventions: the first and last day of an observation, an exposure and a window
belong to it, so length = last − first + 1, and a cohort row (entry, exit] is first = entry + 1, last = exit; an event belongs to the
interval of its day; an age or calendar cut is the FIRST day of the next group; days in no window are the reference, and a pre-exposure
window or a washout is a window like others. Wald errors from the observed information. The exposures must not depend on the event: a
pre-exposure window shows that, and takes out only its short form. Nor may the observation's end, unless ``ends`` says so: ``sccs_ends``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators import conditional
from rempart.study.estimators.conditional import ConditionalFit
from rempart.study.estimators.conditional_sets import Sets
from rempart.study.estimators.sccs_days import Days, cut_days, strokes_of
from rempart.study.estimators.sccs_design import Cases, Exposure, Levels
from rempart.study.estimators.sccs_ends import Ends, age_on, end_model, ends_of, sizes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_TABLED = 1 << 22  # combinations of levels that are counted in a table instead of sorted


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSeries:
    """Intervals of all cases as ``sets`` (one set a case, sizes in days) and the ``terms`` that their covariate columns stand for.

    ``ends``: "independent", or the model of the ends by which days were weighed.
    """

    sets: Sets
    terms: tuple[str, ...]
    ends: str

    def fit(self) -> ConditionalFit:
        """Log incidence ratios. Raises the BadInput of ``conditional.fit``."""
        return replace(conditional.fit(self.sets, self.terms), ties="multinomial")


def case_series(
    cases: Cases,
    person: Ints,
    day: Ints,
    exposures: Sequence[Exposure],
    *,
    age: Levels | None = None,
    season: Levels | None = None,
    events: str = "all",
    ends: str = "independent",
) -> CaseSeries:
    """Cut the days of ``cases`` (n). Event e fell on case ``person[e]``, its place in ``cases``, and on ``day[e]``.

    ``events``: "all" (independent recurrences; two on one day count twice) or "first" (each case's earliest, valid when the event is
    rare over the observation). ``ends``: "independent" of the event, or "event-dependent" (first events only; ``cases`` with births and
    ``early``). Raises BadInput ``sccs-event-outside`` for an event outside its case's observation, ``sccs-events`` and ``sccs-ends`` for
    a choice that is not offered, ``sccs-no-birth`` for ages without births, ``sccs-ends-need`` and ``sccs-ends-model`` for ends.
    """
    _check_ends(cases, ends, events)
    if np.any((day < cases.first[person]) | (day > cases.last[person])):
        raise BadInput("sccs-event-outside")
    person, day = _chosen_events(person, day, events)
    levels = _levels(cases, age, season)
    strokes = [strokes_of(exposure, cases) for exposure in exposures]
    days = cut_days(cases, levels.values(), strokes)
    columns = [
        (groups.of(days.begin - origin[days.person]), _labels(term, groups), groups.reference)
        for term, (origin, groups) in levels.items()
    ]
    for exposure, stroke in zip(exposures, strokes, strict=True):
        labels = (exposure.name, *(f"{exposure.name}: {window.name}" for window in exposure.windows))
        columns.append((days.coloured(stroke), labels, 0))
    code, x, terms = _coded(columns)
    counts = np.bincount(days.at(person, day), minlength=len(days.key)).astype(np.float64)
    size, model = days.length.astype(np.float64), ends
    if ends != "independent":
        size, model = _weighed(cases, person, day, days)
    sets = Sets(x=x, code=code, size=size, events=counts, start=days.start)
    return CaseSeries(sets=sets, terms=terms, ends=model)


def _check_ends(cases: Cases, ends: str, events: str) -> None:
    if ends not in {"independent", "event-dependent"}:
        raise BadInput("sccs-ends", ends=ends)
    if ends != "independent" and (cases.birth is None or cases.early is None or events != "first"):
        raise BadInput("sccs-ends-need")


def _weighed(cases: Cases, person: Ints, day: Ints, days: Days) -> tuple[Floats, str]:
    """Sizes of the intervals and the name of the model of the ends that they come from."""
    if cases.birth is None or cases.early is None or not len(person):
        raise BadInput("sccs-ends-need")
    of = ends_of(cases.birth, cases.first, cases.last, cases.early)
    seen = Ends(start=of.start[person], end=of.end[person], early=of.early[person])
    model = end_model(seen, age_on(day, cases.birth[person]))
    return sizes(model, of, cases.birth, days.begin, days.length, days.start), model.kind


def _chosen_events(person: Ints, day: Ints, events: str) -> tuple[Ints, Ints]:
    if events == "all":
        return person, day
    if events != "first":
        raise BadInput("sccs-events", events=events)
    order = np.lexsort((day, person))
    person, day = person[order], day[order]
    first = np.r_[True, person[1:] != person[:-1]] if len(person) else np.zeros(0, dtype=np.bool_)
    return person[first], day[first]


def _levels(cases: Cases, age: Levels | None, season: Levels | None) -> dict[str, tuple[Ints, Levels]]:
    """Groups by the word before their names, with the day that each case counts from."""
    found: dict[str, tuple[Ints, Levels]] = {}
    if age is not None:
        if cases.birth is None:
            raise BadInput("sccs-no-birth")
        found["age"] = (cases.birth, age)
    if season is not None:
        found["season"] = (np.zeros(len(cases.first), dtype=np.int64), season)
    return found


def _labels(term: str, groups: Levels) -> tuple[str, ...]:
    return tuple(f"{term}: {name}" for name in groups.names)


def _coded(columns: list[tuple[Ints, tuple[str, ...], int]]) -> tuple[Ints, Floats, tuple[str, ...]]:
    """Each interval's place in a table of the combinations of levels that occur; that table as indicators; the names of its columns.

    ``columns``: level of each interval, names of the levels, the one that is the reference.
    """
    if not columns:
        raise BadInput("conditional-no-discordant")
    combined = np.zeros(len(columns[0][0]), dtype=np.int64)
    for level, labels, _ in reversed(columns):
        combined = combined * len(labels) + level
    kinds, code = _distinct(combined, int(np.prod([len(labels) for _, labels, _ in columns], dtype=np.float64)))
    indicators, terms = [], []
    for _, labels, reference in columns:
        kinds, level = np.divmod(kinds, len(labels))
        for other, label in enumerate(labels):
            if other != reference:
                indicators.append(level == other)
                terms.append(label)
    return code, np.column_stack(indicators).astype(np.float64), tuple(terms)


def _distinct(values: Ints, limit: int) -> tuple[Ints, Ints]:
    if limit > _TABLED:
        kinds, code = np.unique(values, return_inverse=True)
        return kinds, np.asarray(code, dtype=np.int64)
    seen = np.bincount(values, minlength=limit) > 0
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[values]
