# SPDX-License-Identifier: Apache-2.0
"""Groups as SQL: which index events meet what is demanded of them. Decides nothing about entry or exit.

An index table has person_id, event_id, start_date, end_date, op_start, op_end, visit_id; (person_id, event_id) names an event.
"""

from rempart.cohort.records_sql import Names, condition_sql, records_sql
from rempart.records.cohort import Bound, Condition, Correlated, Criterion, Day, Group, Number, Window

_PERSON = {"gender": "gender_concept_id", "race": "race_concept_id", "ethnicity": "ethnicity_concept_id"}
_HOW = {"exactly": "=", "at_most": "<=", "at_least": ">="}
_EVENT = "person_id, event_id"


def events_sql(criterion: Criterion, names: Names, counted: str = "") -> str:
    """SELECT of the records that meet a criterion and its group: the columns of ``records_sql``."""
    records = records_sql(criterion, names, counted)
    if criterion.group is None:
        return records
    names.made += 1
    at = f"at_{names.made}"
    met = group_sql(criterion.group, at, names)
    if names.domains:
        seen = f"SELECT q.*, {observed_sql(names)} FROM ({records}) AS q JOIN {observed_in(names, 'q')}"
    else:  # records of claims count whether or not the person was observed
        seen = f"SELECT q.*, CAST(NULL AS DATE) AS op_start, CAST(NULL AS DATE) AS op_end FROM ({records}) AS q"
    return (
        f"WITH {at} AS MATERIALIZED ({seen}) "
        f"SELECT DISTINCT {at}.* EXCLUDE (op_start, op_end) FROM {at} SEMI JOIN ({met}) AS met USING ({_EVENT})"
    )


def observed_sql(names: Names) -> str:
    """The bounds of a period of observation, as an index table calls them."""
    first, last = (
        names.column("observation_period", f"observation_period_{side}_date", "op") for side in ("start", "end")
    )
    return f"{first} AS op_start, {last} AS op_end"


def observed_in(names: Names, event: str) -> str:
    """The period of observation in which an event begins, to be joined."""
    first, last = (
        names.column("observation_period", f"observation_period_{side}_date", "op") for side in ("start", "end")
    )
    table = names.table("observation_period")
    return f"{table} AS op ON op.person_id = {event}.person_id AND {event}.start_date BETWEEN {first} AND {last}"


def group_sql(group: Group, index: str, names: Names) -> str:
    """SELECT of person_id, event_id: the events of the table ``index`` that meet the group, each once where the index has it once."""
    if group.empty:
        return f"SELECT {_EVENT} FROM {index}"
    parts = [_correlated_sql(item, index, names) for item in group.correlated]
    parts += [_demographic_sql(item, index, names) for item in group.demographic]
    parts += [group_sql(item, index, names) for item in group.groups]
    if group.kind == "all":
        return _every(parts)
    if group.kind == "any":
        return " UNION ".join(f"SELECT {_EVENT} FROM ({part})" for part in parts)
    return _counted(group, parts, index)


def _every(parts: list[str]) -> str:
    first, *rest = parts
    if not rest:
        return first
    joined = "".join(f" SEMI JOIN ({part}) AS part_{number} USING ({_EVENT})" for number, part in enumerate(rest))
    return f"SELECT {_EVENT} FROM ({first}) AS part{joined}"


def _counted(group: Group, parts: list[str], index: str) -> str:
    """At least or at most so many parts; those events too that meet none."""
    sign = ">=" if group.kind == "at_least" else "<="
    union = " UNION ALL ".join(f"SELECT DISTINCT {_EVENT} FROM ({part})" for part in parts)
    if group.kind == "at_least" and group.count > 0:
        return f"SELECT {_EVENT} FROM ({union}) GROUP BY {_EVENT} HAVING count(*) {sign} {group.count}"
    met = f"SELECT {_EVENT}, count(*) AS parts FROM ({union}) GROUP BY {_EVENT}"
    return (
        f"SELECT i.person_id, i.event_id FROM {index} AS i LEFT JOIN ({met}) AS met USING ({_EVENT}) "
        f"WHERE coalesce(met.parts, 0) {sign} {group.count}"
    )


def _correlated_sql(item: Correlated, index: str, names: Names) -> str:
    """Events with so many records around them. One or none needs no count: a record is there, or is not."""
    if item.how == "at_least" and item.count == 0:
        return f"SELECT {_EVENT} FROM {index}"
    around = " AND ".join(["a.person_id = i.person_id", *_around(item)])
    records = events_sql(item.criterion, names, item.distinct)
    if not item.distinct and item.how == "at_least" and item.count == 1:
        return f"SELECT i.person_id, i.event_id FROM {index} AS i SEMI JOIN ({records}) AS a ON {around}"
    if not item.distinct and item.how != "at_least" and item.count == 0:
        return f"SELECT i.person_id, i.event_id FROM {index} AS i ANTI JOIN ({records}) AS a ON {around}"
    counted = "DISTINCT a.counted" if item.distinct else "a.event_id"
    outer = "LEFT " if item.how == "at_most" or item.count == 0 else ""
    return (
        f"SELECT i.person_id, i.event_id FROM {index} AS i {outer}JOIN ({records}) AS a ON {around} "
        f"GROUP BY i.person_id, i.event_id HAVING count({counted}) {_HOW[item.how]} {item.count}"
    )


def _around(item: Correlated) -> list[str]:
    """Where the record lies: within the index event's period of observation, in its windows, in its visit."""
    found = []
    if not item.outside_observation:
        found.append("a.start_date >= i.op_start AND a.start_date <= i.op_end")
    for window in (item.start, item.end):
        if window is not None:
            found += _window(window, observed=not item.outside_observation)
    if item.same_visit:
        found.append("a.visit_id = i.visit_id")
    return found


def _window(window: Window, *, observed: bool) -> list[str]:
    record = f"a.{window.of_record}_date"
    index = "i.op_start" if window.of_index == "observation_start" else f"i.{window.of_index}_date"
    found = []
    for bound, sign in ((window.first, ">="), (window.last, "<=")):
        limit = _limit(bound, index, observed=observed)
        if limit:
            found.append(f"{record} {sign} {limit}")
    return found


def _limit(bound: Bound, index: str, *, observed: bool) -> str:
    if bound.days is not None:
        return f"({index} + {bound.days})"
    if not observed:
        return ""
    return "i.op_start" if bound.sign < 0 else "i.op_end"


def _demographic_sql(conditions: tuple[Condition, ...], index: str, names: Names) -> str:
    asked = " AND ".join(condition_sql(item, _person_column(item, names)) for item in conditions) or "true"
    if all(isinstance(item, Day) for item in conditions):  # the event's own days: nothing of the person
        return f"SELECT i.person_id, i.event_id FROM {index} AS i WHERE {asked}"
    person = names.table("person")
    return f"SELECT i.person_id, i.event_id FROM {index} AS i JOIN {person} AS p ON p.person_id = i.person_id WHERE {asked}"


def _person_column(item: Condition, names: Names) -> str:
    if isinstance(item, Day):
        return f"i.{item.attribute}_date"
    if isinstance(item, Number):
        return f"(year(i.start_date) - {names.column('person', 'year_of_birth', 'p')})"
    return names.column("person", _PERSON[item.attribute], "p")
