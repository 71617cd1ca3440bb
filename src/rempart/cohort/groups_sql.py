# SPDX-License-Identifier: Apache-2.0
"""Groups as SQL: which index events meet what is demanded of them. An index table has person_id, event_id, start_date, end_date,
op_start, op_end, visit_id."""

from rempart.cohort.records_sql import Names, condition_sql, records_sql
from rempart.records.cohort import Bound, Concepts, Condition, Correlated, Criterion, Day, Group, Number, Window

_PERSON = {"gender": "gender_concept_id", "race": "race_concept_id", "ethnicity": "ethnicity_concept_id"}
_HOW = {"exactly": "=", "at_most": "<=", "at_least": ">="}


def events_sql(criterion: Criterion, names: Names) -> str:
    """SELECT of the records that meet a criterion and its group."""
    records = records_sql(criterion, names)
    if criterion.group is None:
        return records
    names.made += 1
    at = f"q{names.made}"
    period = names.table("observation_period")
    observed = (
        f"SELECT q.*, op.observation_period_start_date AS op_start, op.observation_period_end_date AS op_end FROM ({records}) AS q "
        f"JOIN {period} AS op ON op.person_id = q.person_id AND q.start_date BETWEEN op.observation_period_start_date AND op.observation_period_end_date"
    )
    met = group_sql(criterion.group, at, names)
    return (
        f"(WITH {at} AS MATERIALIZED ({observed}) SELECT {at}.* EXCLUDE (op_start, op_end) FROM {at} "
        f"SEMI JOIN ({met}) AS met USING (person_id, event_id))"
    )


def group_sql(group: Group, index: str, names: Names) -> str:
    """SELECT of person_id, event_id: the events of the table ``index`` that meet the group."""
    if group.empty:
        return f"SELECT person_id, event_id FROM {index}"
    parts = [_correlated_sql(item, index, names) for item in group.correlated]
    parts += [_demographic_sql(item, index, names) for item in group.demographic]
    parts += [group_sql(item, index, names) for item in group.groups]
    if group.kind == "all" and len(parts) == 1:
        return parts[0]
    least = {"all": f"= {len(parts)}", "any": "> 0", "at_least": f">= {group.count}", "at_most": f"<= {group.count}"}[group.kind]
    union = " UNION ALL ".join(f"SELECT DISTINCT person_id, event_id FROM ({part})" for part in parts)
    if group.kind == "at_most" or (group.kind == "at_least" and not group.count):
        return (
            f"SELECT i.person_id, i.event_id FROM {index} AS i LEFT JOIN ({union}) AS met USING (person_id, event_id) "
            f"GROUP BY i.person_id, i.event_id HAVING count(met.event_id) {least}"
        )
    return f"SELECT person_id, event_id FROM ({union}) GROUP BY person_id, event_id HAVING count(*) {least}"


def _correlated_sql(item: Correlated, index: str, names: Names) -> str:
    around = " AND ".join(["a.person_id = i.person_id", *_around(item)])
    counted = {"": "a.event_id", "concept": "DISTINCT a.concept", "start": "DISTINCT a.start_date", "visit": "DISTINCT a.visit_id"}
    outer = item.how == "at_most" or (item.count == 0 and item.how != "at_least") or (item.how == "at_least" and item.count == 0)
    return (
        f"SELECT i.person_id, i.event_id FROM {index} AS i {'LEFT ' if outer else ''}JOIN ({events_sql(item.criterion, names)}) AS a ON {around} "
        f"GROUP BY i.person_id, i.event_id HAVING count({counted[item.distinct]}) {_HOW[item.how]} {item.count}"
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
    record, index = f"a.{window.of_record}_date", f"i.{window.of_index}_date"
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
    asked = " AND ".join(condition_sql(item, _person_column(item)) for item in conditions) or "true"
    return (
        f"SELECT i.person_id, i.event_id FROM {index} AS i JOIN {names.table('person')} AS p ON p.person_id = i.person_id WHERE {asked}"
    )


def _person_column(item: Condition) -> str:
    if isinstance(item, Day):
        return f"i.{item.attribute}_date"
    if isinstance(item, Number):
        return "(year(i.start_date) - p.year_of_birth)"
    assert isinstance(item, Concepts)
    return f"p.{_PERSON[item.attribute]}"
