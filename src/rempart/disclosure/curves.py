# SPDX-License-Identifier: Apache-2.0
"""Days of a curve that may be shown: between two of them nothing small may be computed. Leaves days out, marks nothing.

A day is kept when, since the last kept day (or the start), the events, the censored and the deaths are each 0 or at
least the threshold, and at least the threshold remain at risk. Where an arm ``all`` is drawn, all arms keep the same days.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rempart.disclosure.cells import ALL, Cells, Key, key_of, without
from rempart.disclosure.lines import Lines
from rempart.disclosure.policy import Policy
from rempart.disclosure.totals import event_totals, person_totals
from rempart.errors import BadInput
from rempart.records.result import ResultRow

CURVE = "survival"
AT_RISK, EVENTS = "at_risk", "events"
_OF_EVENTS = frozenset({"survival", "cumulative_incidence", "still_treated"})
CurveKey = tuple[str, Key, Key]


@dataclass(slots=True)
class Curve:
    """One arm: day → statistic → persons; ``rows``: day → indexes of its rows; ``of_events``: whether it falls with each event."""

    arm: str
    points: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=dict)
    of_events: bool = False

    def taken(self, day: str) -> dict[str, int]:
        """Cumulative counts of a day: events, censored, deaths."""
        return {name: value for name, value in self.points.get(day, {}).items() if name != AT_RISK}

    def size(self, day: str) -> int:
        """Persons at the start, as the counts of that day give them back."""
        return sum(self.points[day].values())


def curves_of(rows: Sequence[ResultRow], policy: Policy) -> dict[CurveKey, Curve]:
    """The curves among ``rows``; raises BadInput ``disclosure-count`` when a count is no whole number of persons."""
    found: dict[CurveKey, Curve] = {}
    for index, row in enumerate(rows):
        if row.output_type != CURVE:
            continue
        key = (row.output, without(key_of(row.row_key), "day"), key_of(row.column_key))
        curve = found.setdefault(key, Curve(arm=row.column_key.get("arm", "")))
        day = row.row_key.get("day", "")
        curve.rows.setdefault(day, []).append(index)
        curve.of_events |= row.statistic in _OF_EVENTS
        if row.statistic in policy.type_rule(row.output, row.output_type).counts:
            if row.value is None or row.value != int(row.value):
                raise BadInput("disclosure-count", output=row.output, statistic=row.statistic)
            curve.points.setdefault(day, {})[row.statistic] = int(row.value)
    return found


def left_out(rows: Sequence[ResultRow], policy: Policy) -> set[int]:
    """Indexes of rows whose day cannot be shown."""
    curves = curves_of(rows, policy)
    totals = _event_totals(rows)
    out: set[int] = set()
    shown: dict[str, list[dict[str, int]]] = {}
    for family in _families(curves):
        kept = _without_small_end(family, _kept_days(family, shown, policy), totals, policy)
        for curve in family:
            shown.setdefault(curve.arm, []).extend(curve.points[day] for day in sorted(kept))
            out |= {index for day, indexes in curve.rows.items() if day not in kept for index in indexes}
    return out


def _families(curves: Mapping[CurveKey, Curve]) -> Iterable[list[Curve]]:
    """Curves that must keep the same days: arms that sum to a drawn ``all``; otherwise each by itself."""
    grouped: dict[tuple[str, Key, Key], list[Curve]] = {}
    for (output, row, column), curve in sorted(curves.items()):
        grouped.setdefault((output, row, without(column, "arm")), []).append(curve)
    for group in grouped.values():
        yield from [group] if any(curve.arm == ALL for curve in group) else ([curve] for curve in group)


def _kept_days(family: Sequence[Curve], shown: Mapping[str, list[dict[str, int]]], policy: Policy) -> list[str]:
    kept: list[str] = []
    for day in sorted(set().union(*(curve.points for curve in family))):
        before = kept[-1] if kept else ""
        if all(
            _may_follow(curve, before, day, policy) and _beside(curve.points[day], shown.get(curve.arm, ()), policy)
            for curve in family
        ):
            kept.append(day)
    return kept


def _beside(point: Mapping[str, int], others: Iterable[Mapping[str, int]], policy: Policy) -> bool:
    """Whether a day may stand beside the days of the same persons in another output, on another grid."""
    return not any(
        policy.small(abs(point[name] - other.get(name, 0)))
        for other in others
        if sum(other.values()) == sum(point.values())
        for name in point
        if name != AT_RISK
    )


def _may_follow(curve: Curve, before: str, day: str, policy: Policy) -> bool:
    """Whether ``day`` may be the next shown one after ``before`` (empty: the start)."""
    point = curve.points.get(day)
    if point is None or AT_RISK not in point or not curve.taken(day) or point[AT_RISK] < policy.persons:
        return False
    if curve.of_events and EVENTS not in point:  # the fall of the curve and who is at risk would give them
        return False
    earlier = curve.taken(before)
    if any(policy.small(value - earlier.get(name, 0)) for name, value in curve.taken(day).items()):
        return False
    first = min(curve.points)
    return not policy.small(abs(curve.size(first) - curve.size(day)))


def _event_totals(rows: Sequence[ResultRow]) -> dict[str, set[int]]:
    """Per arm, the events over the whole follow-up that other outputs give."""
    found: dict[str, set[int]] = {}
    for row in rows:
        if (
            row.statistic == "events"
            and row.output_type in {"rate", "hazard_ratio", "pooled_ratio"}
            and row.value is not None
        ):
            found.setdefault(row.column_key.get("arm", ""), set()).add(int(row.value))
    return found


def _without_small_end(
    family: Sequence[Curve], kept: list[str], totals: Mapping[str, set[int]], policy: Policy
) -> set[str]:
    """Kept days less the last ones, until no small number of events lies between the last and a known total."""

    def small_end(day: str) -> bool:
        return any(
            policy.small(total - curve.taken(day).get("events", 0))
            for curve in family
            for total in totals.get(curve.arm, ())
            if not policy.small(total)
        )

    while kept and small_end(kept[-1]):
        kept = kept[:-1]
    return set(kept)


def tie_curves(rows: Sequence[ResultRow], cells: Cells, policy: Policy) -> dict[str, Curve]:
    """Let every shown row of a curve rest on the curve's persons and its last events; returns cell name → curve.

    A curve is shown or left out as a whole: each of its days gives back the persons at its start.
    """
    tied: dict[str, Curve] = {}
    for key, curve in sorted(curves_of(rows, policy).items()):
        name, last = f"curve:{key}", max(curve.points)
        persons = cells.add(name + " persons", curve.size(last), output=key[0])
        events = cells.add(name + " events", curve.taken(last).get("events", 0), output=key[0])
        for indexes in curve.rows.values():
            together = set().union(*(cells.needs[index] for index in indexes)) | {persons, events}
            for index in indexes:
                cells.needs[index] = set(together)
        tied[name] = curve
    return tied


def tie_totals(tied: Mapping[str, Curve], cells: Cells, lines: Lines) -> None:
    """A curve's persons are the arm's where the numbers agree; its last events lie within the arm's total."""
    persons, events = person_totals(cells), event_totals(cells)
    for name, curve in sorted(tied.items()):
        for total in persons.get(curve.arm, []):
            if cells.values[total] == cells.values[name + " persons"]:
                lines.same(total, name + " persons")
        for total in events.get(curve.arm, []):
            lines.within(total, name + " events")
