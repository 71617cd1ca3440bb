# SPDX-License-Identifier: Apache-2.0
"""ATLAS cohort definitions over one session of OMOP tables: code sets resolved at once, then cohort after cohort, with their reports.

Knows no file: definitions come in parsed, rows go out through ``take``. Not for a warehouse: there a cohort is made inside a study.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from rempart.cohort.circe import used_code_sets
from rempart.cohort.codes import Reads
from rempart.cohort.generate import Entry, code_set_entries, code_sets_sql, made_tables, statements
from rempart.cohort.inclusion_sql import rules_sql, steps_sql
from rempart.cohort.records_sql import Domains, Names
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.cohort import CohortDefinition

Take = Callable[[str, pa.Table], None]
_ENTRY = ("definition", "code_set", "concept", "descendants", "mapped", "excluded")
_ROWS = "SELECT CAST(person_id AS BIGINT) AS subject_id, start_date, end_date FROM cohort_row ORDER BY ALL"
_COUNTS = "SELECT count(DISTINCT person_id) AS persons, count(*) AS periods FROM cohort_row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Definitions with names as SQL. ``reads``: table → columns, the person of each apart."""

    names: tuple[str, ...]
    definitions: tuple[CohortDefinition, ...]
    statements: tuple[tuple[str, ...], ...]
    entries: tuple[Entry, ...]
    code_sets: str
    reads: Mapping[str, frozenset[str]]
    report: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """Persons with an event that meets an inclusion rule; ``remaining``: it and those before; ``missed``: all but it alone."""

    name: str
    persons: int
    remaining: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One cohort: persons and their periods. ``steps``: (step, persons); ``empty``: code sets that hold no concept of the data."""

    name: str
    persons: int
    periods: int
    steps: tuple[tuple[str, int], ...] = ()
    rules: tuple[RuleCount, ...] = ()
    empty: tuple[int, ...] = ()


def plan_cohorts(named: Sequence[tuple[str, CohortDefinition]], *, domains: Domains, report: bool) -> Plan:
    """The statements of every definition, and what they read. ``report``: with what an inclusion report needs.

    Raises BadInput ``cohort-counted``.
    """
    reads = Reads()
    names = Names(domains=domains, reads=reads)
    entries = code_set_entries([(number, definition.code_sets) for number, (_, definition) in enumerate(named)])
    code_sets = code_sets_sql(entries, names)
    made = tuple(tuple(statements(definition, names, every_rule=report)) for _, definition in named)
    return Plan(
        names=tuple(name for name, _ in named),
        definitions=tuple(definition for _, definition in named),
        statements=made,
        entries=tuple(entries),
        code_sets=code_sets,
        reads={table: frozenset(columns) for table, columns in reads.columns.items()},
        report=report,
    )


def make_cohorts(query: Query, plan: Plan, *, progress: Progress, take: Take | None = None) -> list[Made]:
    """Every cohort of the plan, in order; ``take`` is given the rows of each (subject_id, start_date, end_date), sorted.

    The session holds the tables that the plan reads, under their own names. Raises as the query does.
    """
    progress.step("cohorts", 0, len(plan.names))
    _resolve(query, plan)
    found = []
    for number, name in enumerate(plan.names):
        _make(query, plan, number)
        if take is not None:
            take(name, query.table(_ROWS))
        found.append(_told(query, plan, number))
        for table in made_tables(plan.definitions[number], every_rule=plan.report):
            query.execute(f"DROP TABLE {table}")
        progress.step("cohorts", number + 1, len(plan.names))
    return found


def _resolve(query: Query, plan: Plan) -> None:
    """The table ``resolved_code_set`` (definition, code_set, concept) of all definitions."""
    types = (pa.int64(), pa.int64(), pa.int64(), pa.bool_(), pa.bool_(), pa.bool_())
    columns = [pa.array([entry[at] for entry in plan.entries], type=kind) for at, kind in enumerate(types)]
    query.register("code_set_entry", pa.table(columns, names=list(_ENTRY)))
    query.execute(f"CREATE OR REPLACE TEMP TABLE resolved_code_set AS {plan.code_sets} ORDER BY ALL")
    query.unregister("code_set_entry")


def _make(query: Query, plan: Plan, number: int) -> None:
    query.execute(
        f"CREATE OR REPLACE TEMP TABLE code_set AS SELECT code_set, concept FROM resolved_code_set WHERE definition = {number}"
    )
    for statement in plan.statements[number]:
        query.execute(statement)


def _told(query: Query, plan: Plan, number: int) -> Made:
    definition = plan.definitions[number]
    (counted,) = query.table(_COUNTS).to_pylist()
    held = set(query.table("SELECT DISTINCT code_set FROM code_set").column("code_set").to_pylist())
    made = partial(Made, name=plan.names[number], **counted, empty=tuple(sorted(used_code_sets(definition) - held)))
    if not plan.report:
        return made()
    steps = query.table(steps_sql(definition)).to_pylist()
    rules = query.table(rules_sql(definition)).to_pylist() if definition.rules else []
    told = tuple(
        RuleCount(name=rule.name, persons=row["persons"], remaining=row["remaining"], missed=row["missed"])
        for rule, row in zip(definition.rules, rules, strict=True)
    )
    return made(steps=tuple((row["step"], row["persons"]) for row in steps), rules=told)
