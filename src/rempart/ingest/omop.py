# SPDX-License-Identifier: Apache-2.0
"""An OMOP CDM 5.x source becomes the same research tables as a claims delivery: rows checked, counted, typed, nothing recoded.

Reads no file: each source table is already readable in the query session as ``omop_<name>``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput
from rempart.ingest.report import IngestReport, Reconciliation, Step, reconcile
from rempart.ingest.research import make_research, rows_of
from rempart.ingest.rules import Rule, rules
from rempart.ports.query import Query
from rempart.records.omop import TableLayout

_PERSON = "person"
_PERSON_ID = "person_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class OmopSource:
    """``columns``: of each source table that is a research table, its columns in lower case; ``other``: names of further tables."""

    columns: Mapping[str, Sequence[str]]
    files: Mapping[str, str]
    other: tuple[str, ...] = ()


def ingest_omop(
    query: Query, source: OmopSource, layouts: Mapping[str, TableLayout], data: Mapping[str, Any]
) -> IngestReport:
    """Make ``research_<name>`` for every layout; ``data``: parsed ``omop.toml``.

    Raises BadInput ``omop-table-missing``, ``omop-column-missing``, ``omop-value``, ``omop-key-twice``.
    """
    ordered = rules(data)
    if _PERSON not in source.columns:
        raise BadInput("omop-table-missing", table=_PERSON)
    notes: list[tuple[str, str, str]] = [("table-left-out", name, "") for name in source.other]
    sheets = []
    for name in (_PERSON, *(name for name in layouts if name != _PERSON)):
        if name in source.columns:
            sheets.append(_Table(query, source, layouts[name], data, ordered, notes).ingest())
        else:
            notes.append(("table-not-delivered", name, ""))
            make_research(query, layouts[name], _nothing(layouts[name]))
    first, last = _window(query)
    persons = rows_of(query, layouts[_PERSON])
    return IngestReport(
        first_day=first,
        last_day=last,
        reconciliation=tuple(sheets),
        persons=(Step(what="persons", count=persons),),
        rows={name: rows_of(query, layout) for name, layout in layouts.items()},
        notes=tuple(notes),
        rules={rule.id: rule.words for rule in ordered},
    )


def _nothing(layout: TableLayout) -> str:
    columns = ", ".join(f'NULL AS "{name}"' for name in layout.columns)
    return f"SELECT NULL AS source_person, {columns} WHERE FALSE"


def _window(query: Query) -> tuple[str, str]:
    asked = "SELECT min(observation_period_start_date) AS a, max(observation_period_end_date) AS b FROM research_observation_period"
    row = query.table(asked).to_pylist()[0]
    return str(row["a"] or ""), str(row["b"] or "")


class _Table:
    """One source table on its way: its relation, its columns, and the rules its rows meet."""

    def __init__(
        self, query: Query, source: OmopSource, layout: TableLayout, data: Mapping[str, Any], ordered: tuple[Rule, ...],
        notes: list[tuple[str, str, str]],
    ) -> None:  # fmt: skip
        self.query, self.layout, self.data, self.rules, self.notes = query, layout, data, ordered, notes
        self.relation = f"omop_{layout.name}"
        self.columns = set(source.columns[layout.name])
        self.file = source.files[layout.name]
        self.bits = {rule.id: rule.mask for rule in ordered}

    def ingest(self) -> Reconciliation:
        """Judge, make the research table, balance."""
        lines = self._number(f"SELECT count(*) AS n FROM {self.relation}")
        if self._is_junk(lines):
            make_research(self.query, self.layout, _nothing(self.layout))
            return self._sheet(lines, 0, [(self.bits["O1"], lines)])
        if _PERSON_ID not in self.columns:
            raise BadInput("omop-column-missing", file=self.file, column=_PERSON_ID)
        if lines:
            self._check()
        self._note_columns()
        judged = f"judged_{self.layout.name}"
        self.query.execute(f"CREATE OR REPLACE TABLE {judged} AS {self._judged_sql()}")
        counts = self.query.table(f"SELECT hits, count(*) AS n FROM {judged} GROUP BY hits").to_pylist()
        make_research(self.query, self.layout, self._kept_sql(judged))
        self.query.execute(f"DROP TABLE {judged}")
        return self._sheet(lines, rows_of(self.query, self.layout), [(row["hits"], row["n"]) for row in counts])

    def _sheet(self, lines: int, kept: int, counts: list[tuple[int, int]]) -> Reconciliation:
        name = self.layout.name
        (sheet,) = reconcile(
            self.rules, {name: name}, {name: lines}, {name: kept}, [(name, hits, n) for hits, n in counts]
        )
        return sheet

    def _number(self, sql: str) -> int:
        return int(self.query.table(sql).column("n")[0].as_py())

    def _is_junk(self, lines: int) -> bool:
        """An empty table exported with one row of nulls, or with its column names as values."""
        if lines != 1 or _PERSON_ID not in self.columns:
            return lines == 1
        named = f"SELECT count(*) AS n FROM {self.relation} WHERE TRY_CAST({_PERSON_ID} AS BIGINT) IS NOT NULL"
        return self._number(named) == 0

    def _source_of(self, column: str) -> str | None:
        """The source column that holds a column of the layout, or None."""
        tried = (column, *self.data["instead"].get(column, ()))
        return next((name for name in tried if name in self.columns), None)

    def _read(self, column: str) -> str:
        """SQL for a column of the layout; concepts that nobody gave are 0, anything else NULL."""
        made = self.data["derived"].get(self.layout.name, {}).get(column)
        if made:
            return str(made[1]).replace(made[0], self._read(made[0]))
        found = self._source_of(column)
        empty = "0" if column.endswith("_concept_id") else "NULL"
        if found is None:
            return empty
        value = _typed(found, self.layout.type_of(column))
        return f"coalesce({value}, 0)" if empty == "0" else value

    def _judged_sql(self) -> str:
        read = ", ".join(f'{self._read(column)} AS "{column}"' for column in self.layout.columns)
        days = self.data["required"].get(self.layout.name, ())
        undated = " OR ".join(f"{self._read(column)} IS NULL" for column in days) or "FALSE"
        stranger = "FALSE"
        if self.layout.name != _PERSON:
            stranger = (
                f"CAST(TRY_CAST({_PERSON_ID} AS BIGINT) AS VARCHAR) NOT IN (SELECT source_person FROM research_person)"
            )
        again = "FALSE"
        if self.layout.name == "death":
            again = f"row_number() OVER (PARTITION BY {_PERSON_ID} ORDER BY {self._read('death_date')} NULLS LAST) > 1"
        hits = [
            f"CASE WHEN {test} THEN {self.bits[rule]} ELSE 0 END"
            for rule, test in (("O2", stranger), ("O3", undated), ("O4", again))
        ]
        return (
            f"SELECT CAST(TRY_CAST({_PERSON_ID} AS BIGINT) AS VARCHAR) AS source_person, {read}, {' | '.join(hits)} AS hits "
            f"FROM {self.relation}"
        )

    def _check(self) -> None:
        """Refuse the first value that is not of its column's type; a person, and the row's own key, are never empty."""
        tests = {}
        for column in self.layout.columns:
            found = self._source_of(column)
            kind = self.layout.type_of(column)
            if found and kind != "VARCHAR":
                given = f"nullif(trim(CAST({found} AS VARCHAR)), '')"
                tests[found] = (f"{given} IS NOT NULL AND {_typed(found, kind)} IS NULL", kind)
        for column in filter(None, (_PERSON_ID, self.layout.key)):
            if column not in self.columns:
                raise BadInput("omop-column-missing", file=self.file, column=column)
            tests[column] = (f"TRY_CAST({column} AS BIGINT) IS NULL", "BIGINT")
        numbered = f"(SELECT *, row_number() OVER () AS omop_row FROM {self.relation})"
        asked = ", ".join(f'min(omop_row) FILTER (WHERE {test}) AS "{name}"' for name, (test, _) in tests.items())
        first = self.query.table(f"SELECT {asked} FROM {numbered}").to_pylist()[0]
        wrong = sorted((row, name) for name, row in first.items() if row is not None)
        if wrong:
            row, name = wrong[0]
            raise BadInput("omop-value", file=self.file, row=row, column=name, expected=tests[name][1])

    def _kept_sql(self, judged: str) -> str:
        """The kept rows. Keys that several rows share are made anew from the rows themselves, unless other tables point to them."""
        key, rows = self.layout.key, f"SELECT * FROM {judged} WHERE hits = 0"
        unique = key or ("source_person" if self.layout.name == _PERSON else "")
        if not unique or not self._number(f"SELECT count(*) - count(DISTINCT {unique}) AS n FROM ({rows})"):
            return rows
        if not key or self.layout.name in self.data["referenced"]:
            raise BadInput("omop-key-twice", file=self.file, column=key or _PERSON_ID)
        self.notes.append(("keys-made-anew", self.layout.name, key))
        whole = ", ".join(["source_person", *self.layout.columns])
        turn = f"row_number() OVER (PARTITION BY {whole})"
        texts = ", ".join(f"coalesce(CAST({name} AS VARCHAR), '')" for name in ("source_person", *self.layout.columns))
        fresh = f"CAST('0x' || left(sha256(concat_ws('|', {texts}, turn)), 15) AS BIGINT) AS {key}"
        return f"SELECT * REPLACE ({fresh}) FROM (SELECT *, {turn} AS turn FROM ({rows}))"

    def _note_columns(self) -> None:
        used = {self._source_of(column) for column in self.layout.columns} | {_PERSON_ID}
        left = sorted(self.columns - used)
        if left:
            self.notes.append(("columns-left-out", self.layout.name, " ".join(left)))


def _typed(column: str, kind: str) -> str:
    text = f"trim(CAST({column} AS VARCHAR))"
    if kind == "VARCHAR":
        return f"nullif({text}, '')"
    if kind == "DATE":
        return (
            f"coalesce(TRY_CAST({text} AS DATE), CAST(TRY_CAST({text} AS TIMESTAMP) AS DATE), "
            f"CAST(try_strptime({text}, '%Y%m%d') AS DATE))"
        )
    return f"TRY_CAST({text} AS {kind})"
