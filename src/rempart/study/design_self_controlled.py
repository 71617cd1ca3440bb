# SPDX-License-Identifier: Apache-2.0
"""Relative incidences of a self-controlled case series as result rows, from counts of equal cases. Reads no row of a shard.

All exposures, ages and calendar periods are in one model (``estimators/sccs``). Nobody's own ratio of age or calendar is given: they
answer no question that was asked. A window, an age or a period without any event is set aside: as its ratio falls to nothing, the
likelihood tends to that of the other days, so that this is its exact limit.
"""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.describing import band_names
from rempart.records.design_self_controlled import DEPENDENT, EVERY, MONTH, MONTH_OF_YEAR
from rempart.records.design_windows import STOP, RiskWindow, risk_windows
from rempart.study.describe_cells import NOBODY, reference
from rempart.study.designed import Designed, Texts
from rempart.study.estimators.conditional import ConditionalFit
from rempart.study.estimators.conditional_sets import Sets
from rempart.study.estimators.sccs import CaseSeries, case_series
from rempart.study.estimators.sccs_design import Cases, Exposure, Levels, Window
from rempart.study.rows import UNITS, Output

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_UNITS = {
    **UNITS,
    "lower": "ratio",
    "upper": "ratio",
    "ratio": "ratio",
    "person_days": "days",
    "events": "events",
}
_REST = "reference"
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_LATE = 200  # years of age: everybody's last group ends there
_BIRTHDAY = 181  # days from 1 January to 1 July, for whom the year of birth alone is known
_AGE = "age"
_ENDS = 10  # observations that ended by themselves, below which a model of seven parameters is none


def relative_incidence(output: Output, told: Designed) -> None:
    """For each window the cases with the event in it and in no window of that exposure, the days of both, and the ratio with Wald limits
    and p. It stands on the fewer of the two counts."""
    told_cases = _read(told)
    days, fitted, rules = _fitted(told, told_cases)
    cells, whole = told.by("windows", "exposure", "held"), told.one("cases")
    for window in risk_windows(told.analysis):
        row = {"analysis": told.analysis.id, "exposure": window.exposure, "window": window.name}
        both = [cells.get((window.exposure, name), NOBODY) for name in (window.name, _REST)]
        for arm, cell in zip(("window", _REST, "all"), (*both, whole), strict=True):
            output.write(row, {"arm": arm}, {"cases": cell.persons}, n=cell.persons, ref=reference(cell))
            if told.analysis.parameters["events"] == EVERY:
                output.write(
                    row, {"arm": arm}, {"events": cell.total}, n=cell.persons, ref=reference(cell), units=_UNITS
                )
            length, persons = days[window.exposure, window.name if arm == "window" else arm]
            output.write(row, {"arm": arm}, {"person_days": length}, n=persons, ref="", units=_UNITS)
        least = min(both, key=lambda cell: cell.persons)
        term = _term(window)
        values = _values(fitted, term)
        output.write(row, {}, values, n=least.persons, ref=reference(least), rule=rules.get(term, ""), units=_UNITS)


def _term(window: RiskWindow) -> str:
    return f"{window.exposure}: {window.name}"


def _values(fitted: ConditionalFit | None, term: str) -> dict[str, float | None]:
    if fitted is None or term not in fitted.terms:
        return dict.fromkeys(("ratio", "lower", "upper", "p_value"))
    at = fitted.terms.index(term)
    lower, upper = fitted.interval(at)
    ratio = float(np.exp(fitted.beta[at]))
    return {"ratio": ratio, "lower": lower, "upper": upper, "p_value": fitted.p_value(at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Distinct cases (m,): days, year of birth, ``n`` persons each; events (e,) by the place of their case; exposures' occurrences."""

    first: Ints
    last: Ints
    born: Ints
    early: NDArray[np.bool_]
    n: Ints
    person: Ints
    day: Ints
    exposures: tuple[Exposure, ...]


def _read(told: Designed) -> _Told:
    analysis = told.analysis
    rows = told.patterns("cases", 5 + len(analysis.exposures))
    person, day = _listed(rows.columns[4])
    found = []
    for at, name in enumerate(analysis.exposures):
        of, text = _listed_text(rows.columns[5 + at])
        sides = np.array([piece.split(":") for piece in text], dtype=np.int64).reshape(len(text), 2)
        windows = tuple(_window(window) for window in risk_windows(analysis) if window.exposure == name)
        overlap = "later" if analysis.parameters["overlap"] == "later" else "earlier"
        found.append(
            Exposure(name=name, person=of, start=sides[:, 0], stop=sides[:, 1], windows=windows, overlap=overlap)  # type: ignore[arg-type]
        )
    return _Told(
        first=rows.whole(0),
        last=rows.whole(1),
        born=rows.whole(2),
        early=rows.whole(3) == 1,
        n=rows.n,
        person=person,
        day=day,
        exposures=tuple(found),
    )


def _window(window: RiskWindow) -> Window:
    return Window(
        name=window.name,
        begin=window.begin,
        end=window.end,
        anchor="stop" if window.side == STOP else "start",
        dose=window.dose or None,
    )


def _listed_text(column: Texts) -> tuple[Ints, list[str]]:
    """The items of lists joined by commas, each with the place of its list."""
    items = [text.split(",") if text else [] for text in column.tolist()]
    many = np.array([len(item) for item in items], dtype=np.int64)
    return np.repeat(np.arange(len(items)), many), [piece for item in items for piece in item]


def _listed(column: Texts) -> tuple[Ints, Ints]:
    of, text = _listed_text(column)
    return of, np.array(text, dtype=np.int64)


Days = Mapping[tuple[str, str], tuple[float, int]]


def _fitted(told: Designed, cases: _Told) -> tuple[Days, ConditionalFit | None, Mapping[str, str]]:
    """Days and persons by exposure and window, the fit, and why a term has no estimate."""
    windows = risk_windows(told.analysis)
    dependent = told.analysis.parameters["ends"] == DEPENDENT
    if not len(cases.n):
        return _no_days(windows), None, dict.fromkeys(map(_term, windows), "conditional-no-discordant")
    plain = _series(told, cases, dependent=False)
    days = _days(plain, cases, windows)
    rules = {}
    try:
        sets, terms, aside = _set_aside(_series(told, cases, dependent=True) if dependent else plain)
        for window in windows:
            if _term(window) in aside:
                held = days[window.exposure, window.name][0] > 0
                rules[_term(window)] = "conditional-separation" if held else "conditional-constant"
        return days, CaseSeries(sets=sets, terms=terms, ends="").fit(), rules
    except BadInput as error:
        return days, None, dict.fromkeys(map(_term, windows), error.code) | rules


def _no_days(windows: tuple[RiskWindow, ...]) -> Days:
    return {(w.exposure, name): (0.0, 0) for w in windows for name in (w.name, _REST, "all")}


def _series(told: Designed, cases: _Told, *, dependent: bool) -> CaseSeries:
    """The days of all cases cut. Equal cases are one with all their events: the same likelihood. The model of ends takes each."""
    asked = told.analysis.parameters
    events = np.repeat(np.arange(len(cases.person)), cases.n[cases.person])
    person, day, exposures = cases.person[events], cases.day[events], list(cases.exposures)
    born = np.array([_first_of(year) for year in cases.born.tolist()], dtype=np.int64) if cases.born.any() else None
    if "age_bands" in asked:
        exposures.append(_ages(cases, tuple(asked["age_bands"]), person, day))
    season = _calendar(told, day)
    given = Cases(first=cases.first, last=cases.last)
    if not dependent:
        return case_series(given, person, day, exposures, season=season)
    if born is None:
        raise BadInput("sccs-no-birth")
    if cases.n[cases.early].sum() < _ENDS:
        raise BadInput("sccs-ends-model")
    each = np.repeat(np.arange(len(cases.n)), cases.n)
    given = Cases(first=cases.first[each], last=cases.last[each], birth=born[each] + _BIRTHDAY, early=cases.early[each])
    own = [_repeated(exposure, cases.n) for exposure in exposures]
    # First events alone: one a case, in the order of cases.
    return case_series(given, np.arange(len(each)), day, own, season=season, events="first", ends="event-dependent")


def _repeated(exposure: Exposure, n: Ints) -> Exposure:
    """The occurrences of each case once for each person that it stands for."""
    start = np.cumsum(n) - n
    times = n[exposure.person]
    rank = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    return replace(
        exposure,
        person=np.repeat(start[exposure.person], times) + rank,
        start=np.repeat(exposure.start, times),
        stop=np.repeat(exposure.stop, times),
    )


def _first_of(year: int) -> int:
    return datetime.date(year, 1, 1).toordinal() - _EPOCH


def _ages(cases: _Told, bands: tuple[int, ...], person: Ints, day: Ints) -> Exposure:
    """Age groups as windows of an occurrence each: 1 January of the year of that age is the first day of a group. The group with most
    events is the reference."""
    limits, names = (0, *bands, _LATE), band_names(bands)
    edges = np.array([[_first_of(year + limit) for limit in limits] for year in cases.born.tolist()], dtype=np.int64)
    group = (day[:, None] >= edges[person][:, 1:-1]).sum(axis=1)
    most = int(np.argmax(np.bincount(group, minlength=len(names))))
    windows = tuple(Window(name=name, begin=0, end=None, dose=at + 1) for at, name in enumerate(names) if at != most)
    return Exposure(
        name=_AGE,
        person=np.repeat(np.arange(len(edges)), len(names)),
        start=edges[:, :-1].ravel(),
        stop=edges[:, 1:].ravel() - 1,
        windows=windows,
    )


def _calendar(told: Designed, day: Ints) -> Levels | None:
    """Calendar periods within the protocol's, the one with most events as the reference."""
    asked = told.analysis.parameters
    first, last = (side.toordinal() - _EPOCH for side in told.study.protocol.period)
    if asked["calendar_days"]:
        cuts = np.arange(first + int(asked["calendar_days"]), last + 1, int(asked["calendar_days"]))
        levels = Levels(cuts=cuts, names=tuple(str(at) for at in range(len(cuts) + 1)))
    elif asked["calendar"] in {MONTH, MONTH_OF_YEAR}:
        begins = [day for day in _months(*told.study.protocol.period) if day > first]
        cuts = np.array(begins, dtype=np.int64)
        month = np.r_[first, cuts].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        of_year = asked["calendar"] == MONTH_OF_YEAR
        names = tuple(str(at) for at in range(12 if of_year else len(month)))
        levels = Levels(cuts=cuts, names=names, level=month % 12 if of_year else None)
    else:
        return None
    most = np.bincount(levels.of(day), minlength=len(levels.names))
    return replace(levels, reference=int(np.argmax(most)))


def _months(first: datetime.date, last: datetime.date) -> Iterator[int]:
    for month in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield datetime.date(month // 12, month % 12 + 1, 1).toordinal() - _EPOCH


def _days(series: CaseSeries, cases: _Told, windows: tuple[RiskWindow, ...]) -> Days:
    """Days, and how many persons they rest on, by exposure and window; ``reference``: in none of the exposure's windows; ``all``: observed.

    Days of the reference rest on the fewest persons of any of the windows: taken from all days they give the days of those persons.
    """
    sets = series.sets
    owner = np.repeat(np.arange(sets.count), np.diff(sets.start))
    found: dict[tuple[str, str], tuple[float, int]] = {}
    column = {term: sets.x[:, at][sets.code] > 0 for at, term in enumerate(series.terms)}
    for exposure in dict.fromkeys(window.exposure for window in windows):
        held = np.zeros(len(owner), dtype=np.bool_)
        for window in (window for window in windows if window.exposure == exposure):
            inside = column[_term(window)]
            found[exposure, window.name] = _length(sets, owner, cases.n, inside)
            held |= inside
        few = [persons for (of, _), (_, persons) in found.items() if of == exposure and persons]
        length, persons = _length(sets, owner, cases.n, ~held)
        found[exposure, _REST] = length, min([persons, *few])
        found[exposure, "all"] = _length(sets, owner, cases.n, np.ones_like(held))
    return found


def _length(sets: Sets, owner: Ints, n: Ints, inside: NDArray[np.bool_]) -> tuple[float, int]:
    return float(sets.size[inside] @ n[owner[inside]]), int(n[np.unique(owner[inside])].sum())


def _set_aside(series: CaseSeries) -> tuple[Sets, tuple[str, ...], frozenset[str]]:
    """The sets without the days of terms that have no event, and those terms."""
    sets = series.sets
    events = np.bincount(sets.code, weights=sets.events, minlength=len(sets.x)) @ sets.x
    gone = events == 0
    if not gone.any():
        return sets, series.terms, frozenset()
    borne = np.asarray((sets.x[:, gone] > 0).any(axis=1))
    keep = ~borne[sets.code]
    many = np.add.reduceat(keep.astype(np.int64), sets.start[:-1])
    left = Sets(
        x=sets.x[:, ~gone],
        code=sets.code[keep],
        size=sets.size[keep],
        events=sets.events[keep],
        start=np.r_[0, np.cumsum(many)],
    )
    kept, aside = (tuple(np.array(series.terms)[side].tolist()) for side in (~gone, gone))
    return left, kept, frozenset(aside)
