# SPDX-License-Identifier: Apache-2.0
"""A cohort definition as the statements that make it: primary, qualified and included events, exits, eras. Runs nothing.

Ties between events of one day fall by the record's number, always (the reference leaves them to the database).
"""

from collections.abc import Mapping

from rempart.cohort.groups_sql import events_sql, group_sql
from rempart.cohort.records_sql import Domains, Names, codes
from rempart.records.cohort import CodeSet, CohortDefinition, Criterion, DateOffset, DrugEraExit, Limit

_INDEX = "person_id, event_id, start_date, end_date, op_start, op_end, visit_id"


def statements(definition: CohortDefinition, *, domains: Domains, prefix: str = "") -> list[str]:
    """SQL statements, the last of which makes the table ``cohort_row`` (person_id, start_date, end_date). ``code_set`` is there."""
    names = Names(domains=domains, prefix=prefix)
    return [
        _make("primary_event", _primary(definition, names)),
        _make("qualified_event", _qualified(definition, names)),
        *_inclusion(definition, names),
        _make("included_event", _included(definition)),
        _make("event_end", _ends(definition, names)),
        _make("cohort_row", _rows(definition)),
    ]


def code_set_sql(sets: Mapping[int, CodeSet], *, prefix: str = "") -> str:
    """SELECT of code_set, concept: every code set resolved."""
    parts = []
    for number, given in sets.items():
        if given.include:
            left = _resolved(given.include, prefix)
            right = f" EXCEPT ({_resolved(given.exclude, prefix)})" if given.exclude else ""
            parts.append(f"SELECT {number} AS code_set, concept FROM (({left}){right})")
    return " UNION ALL ".join(parts) or "SELECT 0 AS code_set, 0::BIGINT AS concept WHERE false"


def _resolved(entries: tuple[tuple[int, bool, bool], ...], prefix: str) -> str:
    plain = _concepts([entry[0] for entry in entries], [entry[0] for entry in entries if entry[1]], prefix)
    mapped = [entry for entry in entries if entry[2]]
    if not mapped:
        return plain
    to = _concepts([entry[0] for entry in mapped], [entry[0] for entry in mapped if entry[1]], prefix)
    return (
        f"{plain} UNION SELECT concept_id_1 FROM {prefix}concept_relationship WHERE relationship_id = 'Maps to' "
        f"AND invalid_reason IS NULL AND concept_id_2 IN ({to})"
    )


def _concepts(listed: list[int], with_descendants: list[int], prefix: str) -> str:
    found = f"SELECT concept_id AS concept FROM {prefix}concept WHERE concept_id IN ({', '.join(map(str, listed))})"
    if with_descendants:
        found += (
            f" UNION SELECT a.descendant_concept_id FROM {prefix}concept_ancestor AS a JOIN {prefix}concept AS c "
            f"ON c.concept_id = a.descendant_concept_id AND c.invalid_reason IS NULL "
            f"WHERE a.ancestor_concept_id IN ({', '.join(map(str, with_descendants))})"
        )
    return found


def _make(table: str, select: str) -> str:
    return f"CREATE OR REPLACE TEMP TABLE {table} AS {select}"


def _union(criteria: tuple[Criterion, ...], names: Names) -> str:
    return " UNION ALL ".join(f"SELECT * FROM ({events_sql(item, names)})" for item in criteria)


def _order(limit: Limit, column: str) -> str:
    return f"{column} DESC" if limit == "last" else column


def _primary(definition: CohortDefinition, names: Names) -> str:
    limit = definition.primary_limit
    only = "" if limit == "all" else " WHERE event_id = 1"
    return (
        f"SELECT * FROM (SELECT e.person_id, row_number() OVER (PARTITION BY e.person_id ORDER BY {_order(limit, 'e.sort_date')}, e.event_id) AS event_id, "
        "e.start_date, e.end_date, op.observation_period_start_date AS op_start, op.observation_period_end_date AS op_end, e.visit_id "
        f"FROM ({_union(definition.primary, names)}) AS e JOIN {names.table('observation_period')} AS op ON op.person_id = e.person_id "
        "AND e.start_date BETWEEN op.observation_period_start_date AND op.observation_period_end_date "
        f"WHERE op.observation_period_start_date + {definition.prior_days} <= e.start_date "
        f"AND e.start_date + {definition.post_days} <= op.observation_period_end_date){only}"
    )


def _qualified(definition: CohortDefinition, names: Names) -> str:
    group = definition.additional
    if group is None or group.empty:
        return f"SELECT {_INDEX} FROM primary_event"
    met = f"SELECT {_INDEX} FROM primary_event SEMI JOIN ({group_sql(group, 'primary_event', names)}) AS met USING (person_id, event_id)"
    return _limited(met, definition.qualified_limit)


def _limited(select: str, limit: Limit) -> str:
    if limit == "all":
        return select
    return f"{select} QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY {_order(limit, 'start_date')}, event_id) = 1"


def _inclusion(definition: CohortDefinition, names: Names) -> list[str]:
    return [
        _make(f"rule_{number}", f"SELECT DISTINCT person_id, event_id FROM ({group_sql(rule.group, 'qualified_event', names)})")
        for number, rule in enumerate(definition.rules)
    ]


def _included(definition: CohortDefinition) -> str:
    joins = "".join(f" SEMI JOIN rule_{number} USING (person_id, event_id)" for number in range(len(definition.rules)))
    return _limited(f"SELECT {_INDEX} FROM qualified_event{joins}", definition.expression_limit)


def _ends(definition: CohortDefinition, names: Names) -> str:
    """person_id, event_id, end_date: every day on which an event may end."""
    parts, way = [], definition.exit
    if isinstance(way, DateOffset):
        parts.append(f"SELECT person_id, event_id, least({way.of}_date + {way.days}, op_end) AS end_date FROM included_event")
    else:
        parts.append("SELECT person_id, event_id, op_end AS end_date FROM included_event")
    if isinstance(way, DrugEraExit):
        parts.append(_drug_era(way, names))
    if definition.censoring:
        parts.append(
            "SELECT i.person_id, i.event_id, min(c.start_date) FROM included_event AS i "
            f"JOIN ({_union(definition.censoring, names)}) AS c ON c.person_id = i.person_id AND c.start_date >= i.start_date "
            "AND c.start_date <= i.op_end GROUP BY i.person_id, i.event_id"
        )
    return " UNION ALL ".join(parts)


def _drug_era(way: DrugEraExit, names: Names) -> str:
    """The end of the continuous exposure that an event's day lies in; the offset lengthens every exposure before they are joined."""
    domain = names.domains["DrugExposure"]
    end = f"drug_exposure_start_date + {way.supply}" if way.supply is not None else domain["end"]
    table = f"{names.table('drug_exposure')} SEMI JOIN included_event USING (person_id)"
    days = f"SELECT person_id, drug_exposure_start_date AS start_date, {end} + {way.offset} AS end_date FROM {table} WHERE"
    used = " UNION ALL ".join(f"{days} {column} IN ({codes(way.code_set)})" for column in ("drug_concept_id", "drug_source_concept_id"))
    return (
        "SELECT i.person_id, i.event_id, era.end_date FROM included_event AS i "
        f"JOIN ({eras_sql(used, way.gap_days)}) AS era ON era.person_id = i.person_id AND i.start_date BETWEEN era.start_date AND era.end_date"
    )


def eras_sql(intervals: str, pad: int) -> str:
    """Intervals (person_id, start_date, end_date) joined where the next begins no later than ``pad`` days after the last end before it."""
    return (
        "SELECT person_id, min(start_date) AS start_date, max(end_date) AS end_date FROM ("
        "SELECT *, count(*) FILTER (WHERE before IS NULL OR start_date > before) OVER (PARTITION BY person_id ORDER BY start_date, end_date ROWS UNBOUNDED PRECEDING) AS era "
        f"FROM (SELECT person_id, start_date, end_date, max(end_date) OVER (PARTITION BY person_id ORDER BY start_date, end_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + {pad} AS before "
        f"FROM ({intervals}))) GROUP BY person_id, era"
    )


def _rows(definition: CohortDefinition) -> str:
    """Each event until its first end that is not before its start; then eras; then the window of the whole cohort."""
    ended = (
        "SELECT i.person_id, i.start_date, min(e.end_date) AS end_date FROM included_event AS i JOIN event_end AS e "
        "ON e.person_id = i.person_id AND e.event_id = i.event_id AND e.end_date >= i.start_date GROUP BY i.person_id, i.event_id, i.start_date"
    )
    rows = eras_sql(ended, definition.era_pad)
    first, last = definition.window
    if not first and not last:
        return rows
    start = f"greatest(start_date, DATE '{first}')" if first else "start_date"
    end = f"least(end_date, DATE '{last}')" if last else "end_date"
    return f"SELECT * FROM (SELECT person_id, {start} AS start_date, {end} AS end_date FROM ({rows})) WHERE start_date <= end_date"
