# SPDX-License-Identifier: Apache-2.0
"""How far an ATLAS definition reads before and after the first day of an entry event, in days. Judges terms; reads no row.

A record is known when it has begun, its end when it has ended, a length of n days after n days, that nothing comes after when all is
over. Whoever is chosen by what is known later is chosen by the future (``reads-after-time-zero``).
"""

import math
from collections.abc import Iterator

from rempart.records.cohort import (
    Adjustment,
    CohortDefinition,
    Condition,
    Correlated,
    Criterion,
    DateOffset,
    DrugEraExit,
    Group,
    Limit,
    Number,
    Window,
)

_EVER = 1 << 40  # days: without bound
_UNTIL_END = ("end", "age_at_end")  # attributes that are known when a record has ended
_LENGTH, _OF_ENDS = "length", ("end", "duration")


def reads_after(definition: CohortDefinition, landmark: int) -> str:
    """The first part of a definition that reads later than ``landmark`` days after the entry event, '' for none. Nobody may leave by what
    is known later either."""
    late = next((what for what, day in _chosen_by(definition) if day > landmark), "")
    if landmark and not late and isinstance(way := definition.exit, DrugEraExit) and way.gap_days > 0:
        return "EndStrategy.CustomEra"  # who is still there at the landmark is told by a refill after it
    return late or next((what for what, day in _left_by(definition) if day > 0), "")


def known_later(definition: CohortDefinition) -> int:
    """Days after a day until it is known whether the day is a member's: gaps that a later event or dispensing bridges."""
    limits = {definition.primary_limit, definition.expression_limit}
    limits |= {definition.qualified_limit} if definition.additional is not None else set()
    bridged = max(0, definition.era_pad - 1) if limits == {"all"} else 0
    way = definition.exit
    return max(bridged, way.gap_days - 1) if isinstance(way, DrugEraExit) else bridged


def reads_before(definition: CohortDefinition) -> Iterator[tuple[str, int]]:
    """Each part with the first day that it reads, 0 or before; what has no bound reads as far back as the data go."""
    yield "PrimaryCriteria.ObservationWindow", -definition.prior_days
    for number, item in enumerate(definition.primary, 1):
        yield f"PrimaryCriteria[{number}]", _first_of(item)
    for what, group in _groups(definition):
        yield what, _first_in(group)


def reads_all_before(definition: CohortDefinition) -> Iterator[str]:
    """Each part that asks for something in all the days before, without a bound: windows, ``First`` records, limits to the first event.
    It reads as far back as the data go, and so tells persons new from others by where the data begin."""
    yield from (f"{name} (First)" for name, limit in _limits(definition) if limit == "first")
    for what, items in (("PrimaryCriteria", definition.primary), ("CensoringCriteria", definition.censoring)):
        for number, item in enumerate(items, 1):
            if _endless(item):
                yield f"{what}[{number}] ({item.domain})"
    yield from (what for what, group in _groups(definition) if _endless_in(group))


def criteria(definition: CohortDefinition) -> Iterator[Criterion]:
    """Every criterion, those within others too."""
    for item in (*definition.primary, *definition.censoring):
        yield from _within(item)
    for _, group in _groups(definition):
        yield from _criteria_in(group)


def groups(definition: CohortDefinition) -> Iterator[Group]:
    """Every group, those within others too."""
    for item in criteria(definition):
        if item.group is not None:
            yield item.group
    waiting = [group for _, group in _groups(definition)]
    while waiting:
        group = waiting.pop()
        yield group
        waiting += group.groups


def _within(item: Criterion) -> Iterator[Criterion]:
    yield item
    if item.group is not None:
        yield from _criteria_in(item.group)


def _criteria_in(group: Group) -> Iterator[Criterion]:
    for item in group.correlated:
        yield from _within(item.criterion)
    for inner in group.groups:
        yield from _criteria_in(inner)


def _groups(definition: CohortDefinition) -> Iterator[tuple[str, Group]]:
    if definition.additional is not None:
        yield "AdditionalCriteria", definition.additional
    for number, rule in enumerate(definition.rules, 1):
        yield f"InclusionRules[{number}] ({rule.name})", rule.group


def _limits(definition: CohortDefinition) -> list[tuple[str, Limit]]:
    found = [("PrimaryCriteriaLimit", definition.primary_limit), ("ExpressionLimit", definition.expression_limit)]
    return found + ([("QualifiedLimit", definition.qualified_limit)] if definition.additional is not None else [])


def _chosen_by(definition: CohortDefinition) -> Iterator[tuple[str, int]]:
    yield "PrimaryCriteria.ObservationWindow.PostDays", definition.post_days
    for name, limit in _limits(definition):
        yield f"{name} (Last)", _EVER if limit == "last" else 0
    for number, item in enumerate(definition.primary, 1):
        yield f"PrimaryCriteria[{number}] ({item.domain})", _known(item)
    for what, group in _groups(definition):
        yield what, _last_in(group, definition.prior_days)


def _left_by(definition: CohortDefinition) -> Iterator[tuple[str, int]]:
    for number, item in enumerate(definition.censoring, 1):
        yield f"CensoringCriteria[{number}] ({item.domain})", _known(item)
    way = definition.exit
    if isinstance(way, DrugEraExit):
        yield "EndStrategy.CustomEra", -way.offset
    if isinstance(way, DateOffset) and way.of == "end":
        yield "EndStrategy.DateOffset", -way.days


def _known(item: Criterion) -> int:
    """Days after a record's first day, as the criterion dates it, until it is known to be one that meets it."""
    days = [0, *(_condition(one) for one in item.conditions)]
    if _ends_early(item) and any(one.attribute in (_LENGTH, *_UNTIL_END) for one in item.conditions):
        days.append(_EVER)
    first, last = item.period
    if last is not None:
        days.append((last - first).days if first is not None else _EVER)
    if item.group is not None:
        days.append(_last_in(item.group, 0))
    return max(days) + (_adjusted(item.adjustment) if item.adjustment is not None else 0)


def _ends_early(item: Criterion) -> bool:
    """Its end is dated before the record's own: what is said of the end or of the length is known later than it is dated."""
    return item.adjustment is not None and item.adjustment.end_days < 0


def _adjusted(changed: Adjustment) -> int:
    """A day before the record's own is known afterwards, and that the new end is not before the new start."""
    both = -changed.end_days if (changed.start_from, changed.end_from) == ("start", "end") else 0
    return max(-changed.start_days, both if changed.start_days > changed.end_days else 0)


def _condition(item: Condition) -> int:
    if item.attribute in _UNTIL_END:
        return _EVER
    if item.attribute != _LENGTH or not isinstance(item, Number):
        return 0
    most = max(item.value, item.extent if item.extent is not None else item.value)
    return max(0, math.ceil(most) + (item.comparison not in {"gte", "lt"}))


def _last_in(group: Group, prior: int) -> int:
    """The last day that a group reads, from its event's first day; ``prior``: days of observation before it for certain."""
    days = [_last_of(item, prior) for item in group.correlated]
    days += [_condition(item) for asked in group.demographic for item in asked]
    days += [_last_in(inner, prior) for inner in group.groups]
    return max(days, default=0)


def _last_of(item: Correlated, prior: int) -> int:
    windows = [window for window in (item.start, item.end) if window is not None]
    ends = any(window.of_record == "end" for window in windows)
    if (
        any(window.of_index == "end" for window in windows)
        or item.distinct in _OF_ENDS
        or (ends and _ends_early(item.criterion))
    ):
        return _EVER
    uppers = [_bound(window, prior) for window in windows]
    begun = min((day for day in uppers if day is not None), default=_EVER)
    return max(begun + _known(item.criterion), *(_ended(window, prior) for window in windows), -_EVER)


def _bound(window: Window, prior: int) -> int | None:
    """The last day on which the record may begin: none ends before it begins."""
    if window.last.days is None:
        return None
    return window.last.days - (prior if window.of_index == "observation_start" else 0)


def _ended(window: Window, prior: int) -> int:
    """When it is known whether the record's end lies in the window: with its last day; without one, with its first."""
    if window.of_record != "end":
        return -_EVER
    last = _bound(window, prior)
    if last is not None:
        return last
    return window.first.days if window.first.days is not None else -_EVER


def _first_in(group: Group) -> int:
    days = [
        min(0, item.start.first.days if item.start is not None and item.start.first.days is not None else 0)
        + _first_of(item.criterion)
        for item in group.correlated
    ]
    return min([0, *days, *(_first_in(inner) for inner in group.groups)])


def _first_of(item: Criterion) -> int:
    shifted = max(0, item.adjustment.start_days) if item.adjustment is not None else 0
    return -shifted + (_first_in(item.group) if item.group is not None else 0)


def _endless(item: Criterion) -> bool:
    return item.first or (item.group is not None and _endless_in(item.group))


def _endless_in(group: Group) -> bool:
    return any(map(_endless_of, group.correlated)) or any(map(_endless_in, group.groups))


def _endless_of(item: Correlated) -> bool:
    """No window has a first day: a record's end in one bounds how early it may have begun, as far as it is asked."""
    windows = [window for window in (item.start, item.end) if window is not None]
    return all(window.first.days is None for window in windows) or _endless(item.criterion)
