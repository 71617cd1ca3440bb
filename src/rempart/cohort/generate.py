# SPDX-License-Identifier: Apache-2.0
"""A cohort definition as the statements that make it: primary, qualified and included events, exits, eras. Runs nothing.

Ties between events of one day fall by the record's number, then by the order of the criteria, always (the reference leaves them to
the database).
"""

from collections.abc import Mapping, Sequence

from rempart.cohort.groups_sql import events_sql, group_sql, observed_in, observed_sql
from rempart.cohort.records_sql import Names, codes
from rempart.records.cohort import CodeSet, CohortDefinition, Criterion, DateOffset, DrugEraExit, Limit

_INDEX = "person_id, event_id, start_date, end_date, op_start, op_end, visit_id"
Entry = tuple[int, int, int, bool, bool, bool]


def statements(definition: CohortDefinition, names: Names, *, every_rule: bool = True) -> list[str]:
    """SQL statements, the last of which makes the table ``cohort_row`` (person_id, start_date, end_date). ``code_set`` is there.

    They make ``primary_event``, ``qualified_event``, ``rule_0`` …, ``included_event`` (person_id, event_id among others) on the way.
    ``every_rule``: each rule is asked of every qualified event, as a report needs; else of those that met the rules before it.
    Raises BadInput ``cohort-counted``.
    """
    return [
        _make("primary_event", _primary(definition, names)),
        _make("qualified_event", _qualified(definition, names)),
        *_inclusion(definition, names, every_rule=every_rule),
        _make("included_event", _included(definition, every_rule=every_rule)),
        _make("cohort_row", _rows(definition, names)),
    ]


def code_set_entries(numbered: Sequence[tuple[int, Mapping[int, CodeSet]]]) -> list[Entry]:
    """Code sets of many definitions, each with its number: (definition, code_set, concept, descendants, mapped, excluded)."""
    return [
        (number, code_set, *entry, excluded)
        for number, sets in numbered
        for code_set, given in sets.items()
        for entries, excluded in ((given.include, False), (given.exclude, True))
        for entry in entries
    ]


def code_sets_sql(entries: Sequence[Entry], names: Names) -> str:
    """SELECT of definition, code_set, concept: every code set resolved at once, from the table ``code_set_entry`` of the entries.

    Reads the ancestors and the relationships of concepts only where an entry asks for them.
    """
    concept = names.column("concept", "concept_id", "c")
    parts = [
        "SELECT e.definition, e.code_set, e.mapped, e.excluded, e.concept FROM code_set_entry AS e "
        f"JOIN {names.table('concept')} AS c ON {concept} = e.concept"
    ]
    if any(entry[3] for entry in entries):
        parts.append(_descendants(names))
    plain = " UNION ".join(parts)
    every = "SELECT definition, code_set, excluded, concept FROM plain"
    if any(entry[4] for entry in entries):
        every += f" UNION {_mapped(names)}"
    kept = "SELECT definition, code_set, concept FROM resolved WHERE"
    return f"WITH plain AS ({plain}), resolved AS ({every}) {kept} NOT excluded EXCEPT {kept} excluded"


def _descendants(names: Names) -> str:
    above, below = (names.column("concept_ancestor", f"{side}_concept_id", "a") for side in ("ancestor", "descendant"))
    return (
        f"SELECT e.definition, e.code_set, e.mapped, e.excluded, {below} FROM code_set_entry AS e "
        f"JOIN {names.table('concept_ancestor')} AS a ON {above} = e.concept AND e.descendants "
        f"JOIN {names.table('concept')} AS c ON {names.column('concept', 'concept_id', 'c')} = {below} "
        f"AND {names.column('concept', 'invalid_reason', 'c')} IS NULL"
    )


def _mapped(names: Names) -> str:
    table = "concept_relationship"
    source, target, kind, invalid = (
        names.column(table, name, "m") for name in ("concept_id_1", "concept_id_2", "relationship_id", "invalid_reason")
    )
    return (
        f"SELECT p.definition, p.code_set, p.excluded, {source} FROM plain AS p "
        f"JOIN {names.table(table)} AS m ON {target} = p.concept AND p.mapped AND {kind} = 'Maps to' AND {invalid} IS NULL"
    )


def _make(table: str, select: str) -> str:
    return f"CREATE OR REPLACE TEMP TABLE {table} AS {select}"


def _union(criteria: Sequence[Criterion], names: Names) -> str:
    """Events of several criteria; ``criterion``: which one."""
    return " UNION ALL ".join(
        f"SELECT e.*, {number} AS criterion FROM ({events_sql(item, names)}) AS e"
        for number, item in enumerate(criteria)
    )


def _ranked(limit: Limit, column: str, tie: str) -> str:
    order = f"{column} DESC" if limit == "last" else column
    return f"row_number() OVER (PARTITION BY person_id ORDER BY {order}, {tie})"


def _primary(definition: CohortDefinition, names: Names) -> str:
    first, last = (
        names.column("observation_period", f"observation_period_{side}_date", "op") for side in ("start", "end")
    )
    events = (
        f"SELECT e.*, {observed_sql(names)} FROM ({_union(definition.primary, names)}) AS e JOIN {observed_in(names, 'e')} "
        f"WHERE {first} + {definition.prior_days} <= e.start_date AND e.start_date + {definition.post_days} <= {last}"
    )
    rank = _ranked(definition.primary_limit, "sort_date", "event_id, criterion, op_start, start_date, end_date")
    return f"SELECT person_id, {rank} AS event_id, start_date, end_date, op_start, op_end, visit_id FROM ({events})" + (
        "" if definition.primary_limit == "all" else f" QUALIFY {rank} = 1"
    )


def _qualified(definition: CohortDefinition, names: Names) -> str:
    group = definition.additional
    if group is None:
        return f"SELECT {_INDEX} FROM primary_event"
    met = (
        ""
        if group.empty
        else f" SEMI JOIN ({group_sql(group, 'primary_event', names)}) AS met USING (person_id, event_id)"
    )
    return _limited(f"SELECT {_INDEX} FROM primary_event{met}", definition.qualified_limit)


def _limited(select: str, limit: Limit) -> str:
    return select if limit == "all" else f"{select} QUALIFY {_ranked(limit, 'start_date', 'event_id')} = 1"


def _inclusion(definition: CohortDefinition, names: Names, *, every_rule: bool) -> list[str]:
    found = []
    for number, rule in enumerate(definition.rules):
        before = "qualified_event" if every_rule or not number else f"rule_{number - 1}"
        met = group_sql(rule.group, before, names)
        shown = "DISTINCT person_id, event_id" if every_rule else f"{_INDEX}"
        kept = f"({met})" if every_rule else f"{before} SEMI JOIN ({met}) AS met USING (person_id, event_id)"
        found.append(_make(f"rule_{number}", f"SELECT {shown} FROM {kept}"))
    return found


def _included(definition: CohortDefinition, *, every_rule: bool) -> str:
    count = len(definition.rules)
    if not every_rule and count:
        return _limited(f"SELECT {_INDEX} FROM rule_{count - 1}", definition.expression_limit)
    joins = "".join(f" SEMI JOIN rule_{number} USING (person_id, event_id)" for number in range(count))
    return _limited(f"SELECT {_INDEX} FROM qualified_event{joins}", definition.expression_limit)


def _ends(definition: CohortDefinition, names: Names) -> str:
    """person_id, event_id, end_date: every day on which an event may end."""
    parts, way = [], definition.exit
    if isinstance(way, DateOffset):
        last = f"{way.of}_date + {way.days}"
        parts.append(
            f"SELECT person_id, event_id, CASE WHEN {last} > op_end THEN op_end ELSE {last} END AS end_date FROM included_event"
        )
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
    start, end = (names.sql(str(domain[side]), domain["table"], "d") for side in ("start", "end"))
    if way.supply is not None:
        end = f"{start} + {way.supply}"
    table = f"{names.table(domain['table'])} AS d SEMI JOIN included_event AS i ON i.person_id = d.person_id"
    used = " UNION ALL ".join(
        f"SELECT d.person_id, {start} AS start_date, {end} + {way.offset} AS end_date FROM {table} "
        f"WHERE {names.column(domain['table'], domain[column], 'd')} IN ({codes(way.code_set)})"
        for column in ("concept", "source_concept")
    )
    return (
        "SELECT i.person_id, i.event_id, era.end_date FROM included_event AS i "
        f"JOIN ({eras_sql(used, way.gap_days)}) AS era ON era.person_id = i.person_id "
        "AND i.start_date BETWEEN era.start_date AND era.end_date"
    )


def eras_sql(intervals: str, pad: int) -> str:
    """Intervals (person_id, start_date, end_date) joined where the next begins no later than ``pad`` days after the last end before it."""
    ordered = "OVER (PARTITION BY person_id ORDER BY start_date, end_date ROWS"
    latest = f"max(end_date) {ordered} BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + {pad} AS latest"
    return (
        "SELECT person_id, min(start_date) AS start_date, max(end_date) AS end_date FROM ("
        f"SELECT *, count(*) FILTER (WHERE latest IS NULL OR start_date > latest) {ordered} UNBOUNDED PRECEDING) AS era "
        f"FROM (SELECT person_id, start_date, end_date, {latest} FROM ({intervals}))) GROUP BY person_id, era"
    )


def _rows(definition: CohortDefinition, names: Names) -> str:
    """Each event until its first end that is not before its start; then eras; then the window of the whole cohort."""
    ended = (
        f"SELECT i.person_id, i.start_date, min(e.end_date) AS end_date FROM included_event AS i JOIN ({_ends(definition, names)}) AS e "
        "ON e.person_id = i.person_id AND e.event_id = i.event_id AND e.end_date >= i.start_date "
        "GROUP BY i.person_id, i.event_id, i.start_date"
    )
    rows = eras_sql(ended, definition.era_pad)
    first, last = definition.window
    if not first and not last:
        return rows
    start = f"greatest(start_date, DATE '{first}')" if first else "start_date"
    end = f"least(end_date, DATE '{last}')" if last else "end_date"
    return f"SELECT * FROM (SELECT person_id, {start} AS start_date, {end} AS end_date FROM ({rows})) WHERE start_date <= end_date"
