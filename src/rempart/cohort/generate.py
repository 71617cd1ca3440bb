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

    They make ``primary_event``, ``rule_0`` …, and ``qualified_event``, ``included_event`` where these are others (``qualified_table``,
    ``included_table``), all with person_id and event_id, on the way: ``made_tables``.
    ``every_rule``: each rule is asked of every qualified event, as a report needs; else of those that met the rules before it.
    Raises BadInput ``cohort-counted``.
    """
    included = included_table(definition, every_rule=every_rule)
    if _at_once(definition, every_rule=every_rule):
        return [_make("cohort_row", _rows(definition, names, f"({_primary(definition, names)})"))]
    selects = [_primary(definition, names)]
    if qualified_table(definition) == "qualified_event":
        selects.append(_qualified(definition, names))
    selects += _inclusion(definition, names, every_rule=every_rule)
    if included == "included_event":
        selects.append(_included(definition, every_rule=every_rule))
    selects.append(_rows(definition, names, included))
    return [_make(*one) for one in zip(made_tables(definition, every_rule=every_rule), selects, strict=True)]


def made_tables(definition: CohortDefinition, *, every_rule: bool = True) -> list[str]:
    """The tables that the statements make, in order."""
    if _at_once(definition, every_rule=every_rule):
        return ["cohort_row"]
    rules = [f"rule_{number}" for number in range(len(definition.rules))]
    events = ["primary_event", qualified_table(definition), *rules, included_table(definition, every_rule=every_rule)]
    return [*dict.fromkeys(events), "cohort_row"]


def stages(definition: CohortDefinition, names: Names) -> list[tuple[str, str]]:
    """Tables in order, each with the SELECT that makes it, of the events that are left after each step: primary, qualified, each rule's,
    included; at last ``event_period`` (person_id, start_date, end_date): until when each of them lasts (for ``joined_sql``)."""
    selects = [_primary(definition, names)]
    if definition.additional is not None:
        selects.append(_qualified(definition, names))
    selects += _inclusion(definition, names, every_rule=False)
    included = included_table(definition, every_rule=False)
    if included == "included_event":
        selects.append(_included(definition, every_rule=False))
    rules = [f"rule_{number}" for number in range(len(definition.rules))]
    tables = dict.fromkeys(["primary_event", qualified_table(definition), *rules, included])
    return [*zip(tables, selects, strict=True), ("event_period", _ended(definition, names, included))]


def _at_once(definition: CohortDefinition, *, every_rule: bool) -> bool:
    """Whether the primary events are asked for once, and so need no table: nobody reports on them, nothing else ends them."""
    ends = bool(definition.censoring) or isinstance(definition.exit, DrugEraExit)
    return not every_rule and not ends and included_table(definition, every_rule=every_rule) == "primary_event"


def qualified_table(definition: CohortDefinition) -> str:
    """Where the qualified events are: without additional criteria they are the primary ones."""
    return "primary_event" if definition.additional is None else "qualified_event"


def included_table(definition: CohortDefinition, *, every_rule: bool) -> str:
    """Where the included events are: without limit they are those that the last rule, or no rule, left."""
    if definition.expression_limit != "all" or (definition.rules and every_rule):
        return "included_event"
    return f"rule_{len(definition.rules) - 1}" if definition.rules else qualified_table(definition)


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
    if not _by_order(definition):  # a number is only a name then, and needs no sorting
        rank = "row_number() OVER ()"
    return f"SELECT person_id, {rank} AS event_id, start_date, end_date, op_start, op_end, visit_id FROM ({events})" + (
        "" if definition.primary_limit == "all" else f" QUALIFY {rank} = 1"
    )


def _by_order(definition: CohortDefinition) -> bool:
    """Whether any limit asks which event comes first."""
    limits = {definition.primary_limit, definition.expression_limit}
    if definition.additional is not None:
        limits.add(definition.qualified_limit)
    return limits != {"all"}


def _qualified(definition: CohortDefinition, names: Names) -> str:
    group, met = definition.additional, ""
    if group is not None and not group.empty:
        met = f" SEMI JOIN ({group_sql(group, 'primary_event', names)}) AS met USING (person_id, event_id)"
    return _limited(f"SELECT {_INDEX} FROM primary_event{met}", definition.qualified_limit)


def _limited(select: str, limit: Limit) -> str:
    return select if limit == "all" else f"{select} QUALIFY {_ranked(limit, 'start_date', 'event_id')} = 1"


def _inclusion(definition: CohortDefinition, names: Names, *, every_rule: bool) -> list[str]:
    found = []
    for number, rule in enumerate(definition.rules):
        before = qualified_table(definition) if every_rule or not number else f"rule_{number - 1}"
        met = group_sql(rule.group, before, names)
        if every_rule:
            found.append(f"SELECT DISTINCT person_id, event_id FROM ({met})")
        else:
            found.append(f"SELECT {_INDEX} FROM {before} SEMI JOIN ({met}) AS met USING (person_id, event_id)")
    return found


def _included(definition: CohortDefinition, *, every_rule: bool) -> str:
    count = len(definition.rules)
    if not every_rule and count:
        return _limited(f"SELECT {_INDEX} FROM rule_{count - 1}", definition.expression_limit)
    joins = "".join(f" SEMI JOIN rule_{number} USING (person_id, event_id)" for number in range(count))
    return _limited(f"SELECT {_INDEX} FROM {qualified_table(definition)}{joins}", definition.expression_limit)


def _own_end(definition: CohortDefinition) -> str:
    """The day on which an event ends by itself: after an offset, no later than the end of observation; else with that."""
    way = definition.exit
    if not isinstance(way, DateOffset):
        return "op_end"
    last = f"{way.of}_date + {way.days}"
    return f"CASE WHEN {last} > op_end THEN op_end ELSE {last} END"


def _other_ends(definition: CohortDefinition, names: Names, included: str) -> list[str]:
    """person_id, event_id, end_date: days on which an event may end before."""
    parts = []
    if isinstance(definition.exit, DrugEraExit):
        parts.append(_drug_era(definition.exit, names, included))
    if definition.censoring:
        parts.append(
            f"SELECT i.person_id, i.event_id, min(c.start_date) AS end_date FROM {included} AS i "
            f"JOIN ({_union(definition.censoring, names)}) AS c ON c.person_id = i.person_id AND c.start_date >= i.start_date "
            "AND c.start_date <= i.op_end GROUP BY i.person_id, i.event_id"
        )
    return parts


def _drug_era(way: DrugEraExit, names: Names, included: str) -> str:
    """The end of the continuous exposure that an event's day lies in; the offset lengthens every exposure before they are joined."""
    domain = names.domains["DrugExposure"]
    start, end = (names.sql(str(domain[side]), domain["table"], "d") for side in ("start", "end"))
    if way.supply is not None:
        end = f"{start} + {way.supply}"
    table = f"{names.table(domain['table'])} AS d SEMI JOIN {included} AS i ON i.person_id = d.person_id"
    used = " UNION ALL ".join(
        f"SELECT d.person_id, {start} AS start_date, {end} + {way.offset} AS end_date FROM {table} "
        f"WHERE {names.column(domain['table'], domain[column], 'd')} IN ({codes(way.code_set)})"
        for column in ("concept", "source_concept")
    )
    return (
        f"SELECT i.person_id, i.event_id, era.end_date FROM {included} AS i "
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


def periods_sql(intervals: str, pad: int) -> str:
    """As ``eras_sql``, of intervals none of which ends before it begins, for a ``pad`` of no or more days: sorts them once."""
    return (
        "SELECT person_id, start_date, coalesce("
        "lead(latest) OVER (PARTITION BY person_id ORDER BY start_date, end_date), last_date) AS end_date FROM ("
        "SELECT person_id, start_date, end_date, max(end_date) OVER (PARTITION BY person_id) AS last_date, "
        "max(end_date) OVER (PARTITION BY person_id ORDER BY start_date, end_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) "
        f"AS latest FROM ({intervals})) WHERE latest IS NULL OR start_date > latest + {pad}"
    )


def _rows(definition: CohortDefinition, names: Names, included: str) -> str:
    return joined_sql(definition, _ended(definition, names, included))


def _ended(definition: CohortDefinition, names: Names, included: str) -> str:
    """Each event until its first end that is not before its start."""
    ended = f"SELECT person_id, start_date, {_own_end(definition)} AS end_date FROM {included}"
    others = _other_ends(definition, names, included)
    if others:
        own = f"SELECT person_id, event_id, {_own_end(definition)} AS end_date FROM {included}"
        ended = (
            f"SELECT i.person_id, i.start_date, min(e.end_date) AS end_date FROM {included} AS i "
            f"JOIN ({' UNION ALL '.join([own, *others])}) AS e "
            "ON e.person_id = i.person_id AND e.event_id = i.event_id AND e.end_date >= i.start_date "
            "GROUP BY i.person_id, i.event_id, i.start_date"
        )
    return f"SELECT * FROM ({ended}) WHERE end_date >= start_date"


def joined_sql(definition: CohortDefinition, ended: str) -> str:
    """The rows of a cohort from its events with their ends: eras; then the window of the whole cohort."""
    rows = (periods_sql if definition.era_pad >= 0 else eras_sql)(ended, definition.era_pad)
    first, last = definition.window
    if not first and not last:
        return rows
    start = f"greatest(start_date, DATE '{first}')" if first else "start_date"
    end = f"least(end_date, DATE '{last}')" if last else "end_date"
    shown = f"SELECT person_id, {start} AS start_date, {end} AS end_date FROM ({rows})"
    return f"SELECT * FROM ({shown}) WHERE start_date <= end_date"
