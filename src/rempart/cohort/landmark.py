# SPDX-License-Identifier: Apache-2.0
"""Who does not come to the landmark of a cohort, and why: steps of attrition, one for each reason. Writes SQL, runs nothing.

Of several reasons on one day the first counts, in the order of ``REASONS``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rempart.cohort.groups_sql import events_sql, observed_in
from rempart.cohort.records_sql import Names
from rempart.records.cohort import CohortDefinition, Criterion, DateOffset

EVENT, DEATH, EXPOSURE, DAYS, OBSERVATION, DATA = REASONS = (
    "no {what} before",
    "alive at",
    "still exposed at",
    "within its {what} days at",
    "observed at",
    "data at hand at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way out of a cohort. ``reason``: one of ``REASONS``, which calls those whom it has not ended; ``what``: the event, the number of
    days; ``day``: SQL of its last day, NULL for none."""

    reason: str
    day: str
    what: str = ""

    @property
    def stays(self) -> str:
        """How attrition calls those whom it has not ended, but for the landmark."""
        return self.reason.format(what=self.what)


def by_reason(ways: Sequence[Way]) -> list[Way]:
    """Ways by what counts first of one day."""
    return sorted(ways, key=lambda way: REASONS.index(way.reason))


def first_way(ways: Sequence[Way]) -> str:
    """SQL of the number, from 1, of the way that ends first."""
    days = ", ".join(way.day for way in ways)
    return f"list_position([{days}], least({days}))"


def reached(ways: Sequence[Way], mark: str, told: str) -> Iterator[tuple[str, str]]:
    """Steps (name, condition) of events with ``leave_date`` and ``leave_way``: each takes out those whom one way has ended before the
    landmark; after all of them nobody has left. ``mark``: SQL of its day, ``told``: how it is called."""
    for number, way in enumerate(ways, 1):
        yield f"{way.stays} the landmark, {told}", f"leave_date >= {mark} OR leave_way <> {number}"


def atlas_steps(
    definition: CohortDefinition, names: Names, events: str, days: int, ends: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Steps (name, SELECT) of the table ``events`` (person_id, start_date, end_date), each of what the one before has left of it: ended by
    a censoring event, by the end of observation, by the end strategy, or by that of data (``ends``: SQL of their last days)."""
    early, mark = f"e.end_date < e.start_date + {days}", f"the landmark, day {days}"
    for number, item in enumerate(definition.censoring, 1):
        same = f"c.person_id = e.person_id AND c.start_date = e.end_date AND {early}"
        name = DEATH if item == Criterion(domain="Death") else EVENT
        what = f"CensoringCriteria[{number}] ({item.domain})"
        yield f"{name.format(what=what)} {mark}", _left(events, f"({events_sql(item, names)}) AS c ON {same}")
    last = names.column("observation_period", "observation_period_end_date", "op")
    yield f"{OBSERVATION} {mark}", _left(events, f"{observed_in(names, 'e')} AND {last} = e.end_date AND {early}")
    if (way := definition.exit) is not None:
        name = DAYS.format(what=way.days) if isinstance(way, DateOffset) else EXPOSURE
        yield f"{name} {mark}", f"SELECT e.* FROM {events} AS e WHERE NOT ({early})"
    yield f"{DATA} {mark}", f"SELECT e.* FROM {events} AS e WHERE e.start_date + {days} <= least({', '.join(ends)})"


def _left(events: str, ended: str) -> str:
    return f"SELECT e.* FROM {events} AS e ANTI JOIN {ended}"
