# SPDX-License-Identifier: Apache-2.0
"""Checks of rows: every condition on a table becomes one pair of counters in a single aggregate over it (rows and persons).

A shard's counters are summed with those of the others, since a person lies in one shard. Says nothing of codes: ``quality_values``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rempart.ingest.quality import Check, Measured, Settings
from rempart.records.omop import WAREHOUSE_PERSON, TableLayout

Columns = Mapping[str, str]
"""Column → SQL type, of what is stored."""

_NUMERIC = frozenset({"BIGINT", "INTEGER", "DOUBLE", "SMALLINT", "TINYINT", "HUGEINT", "FLOAT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck:
    """A check that asks of each row: ``failing`` and ``base`` are conditions over t, p, d, v and what ``needs`` joins."""

    check: Check
    failing: str
    base: str = "true"
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expansion:
    """What turns one stored table into its row checks."""

    layout: TableLayout
    stored: Mapping[str, Columns]
    rules: Settings

    @property
    def name(self) -> str:
        """The table."""
        return self.layout.name

    @property
    def columns(self) -> Columns:
        """What is stored of it."""
        return self.stored[self.layout.name]

    def of(self, kind: str, field: str, failing: str, base: str = "true", *needs: str, detail: str = "") -> RowCheck:
        """One check of a field."""
        return RowCheck(
            check=Check(kind=kind, table=self.name, field=field, detail=detail), failing=failing, base=base, needs=needs
        )

    def dates(self) -> list[str]:
        """Columns that are stored as dates."""
        return [column for column, type_ in self.columns.items() if type_ == "DATE"]

    def all(self) -> Iterator[RowCheck]:
        """Every row check of the table."""
        if self.name != "person":
            yield self.of("key-found", WAREHOUSE_PERSON, f"p.{WAREHOUSE_PERSON} IS NULL", "true", "p")
        yield from self._filled()
        yield from self._numbers()
        yield from self._days()
        yield from self._life()
        yield from self._order()
        yield from self._foreign()
        yield from self._spells()

    def _filled(self) -> Iterator[RowCheck]:
        always = {self.layout.key, self.layout.date} | set(self.rules.facts["required"].get(self.name, ()))
        for column in self.columns:
            if column == WAREHOUSE_PERSON:
                continue
            kind = "required" if column in always else "filled"
            yield self.of(kind, column, f"t.{column} IS NULL")

    def _numbers(self) -> Iterator[RowCheck]:
        for column, (low, high) in self.rules.facts["numbers"].items():
            if self.columns.get(column) in _NUMERIC:
                yield self.of("value-low", column, f"t.{column} < {low}", f"t.{column} IS NOT NULL")
                yield self.of("value-high", column, f"t.{column} > {high}", f"t.{column} IS NOT NULL")

    def _days(self) -> Iterator[RowCheck]:
        bounds = self.rules.facts["dates"]
        for column in self.dates():
            last = bounds["highest_open"] if column in bounds["open"] else self.rules.today
            yield self.of("value-low", column, f"t.{column} < DATE '{bounds['lowest']}'", f"t.{column} IS NOT NULL")
            yield self.of("value-high", column, f"t.{column} > DATE '{last}'", f"t.{column} IS NOT NULL")

    def _life(self) -> Iterator[RowCheck]:
        """Dates against birth and death; ends of open spells are asked of birth only."""
        days, opens = self.rules.facts["death"]["days"], self.rules.facts["dates"]["open"]
        for column in self.dates():
            born = f"t.{column} IS NOT NULL AND {birth(self.stored)} IS NOT NULL"
            yield self.of("after-birth", column, f"t.{column} < {birth(self.stored)}", born, "p")
            if self.name in {"death", "person"} or column in opens:
                continue
            dead = f"t.{column} IS NOT NULL AND {death(self.stored)} IS NOT NULL"
            late = f"t.{column} > {death(self.stored)} + {days}"
            yield self.of("before-death", column, late, dead, "d")
            outside = f"t.{column} < {birth(self.stored)} OR t.{column} > {death(self.stored)}"
            known = f"t.{column} IS NOT NULL AND ({birth(self.stored)} IS NOT NULL OR {death(self.stored)} IS NOT NULL)"
            yield self.of("during-life", column, f"coalesce({outside}, false)", known, "p", "d")

    def _order(self) -> Iterator[RowCheck]:
        names = self.rules.facts["names"]
        for end in (column for column in self.dates() if column.endswith(names["end"])):
            start = end.removesuffix(names["end"]) + names["start"]
            if self.columns.get(start) == "DATE":
                both = f"t.{start} IS NOT NULL AND t.{end} IS NOT NULL"
                yield self.of("start-before-end", start, f"t.{start} > t.{end}", both)
        for row in self.rules.facts["after"]:
            if row["table"] != self.name or self.columns.get(row["field"]) != "DATE":
                continue
            than, needs = _than(row["than"], self.stored)
            if than and self._has(row["than"]):
                both = f"t.{row['field']} IS NOT NULL AND {than} IS NOT NULL"
                yield self.of("after", row["field"], f"t.{row['field']} < {than}", both, *needs, detail=row["than"])
        if self._visited():
            days = self.rules.facts["visits"]["days"]
            for column in self.dates():
                if column == self.layout.date and column not in self.rules.facts["visits"]["free"]:
                    outside = f"t.{column} < v.visit_start_date - {days} OR t.{column} > v.visit_end_date + {days}"
                    yield self.of("within-visit", column, outside, "v.visit_start_date IS NOT NULL", "v")

    def _has(self, than: str) -> bool:
        return not than.startswith("t.") or self.columns.get(than[2:]) == "DATE"

    def _visited(self) -> bool:
        return (
            self.name != "visit_occurrence"
            and "visit_occurrence_id" in self.columns
            and "visit_occurrence" in self.stored
        )

    def _foreign(self) -> Iterator[RowCheck]:
        for column, target in self.rules.facts["foreign"].items():
            table, _, key = target.partition(".")
            if column in self.columns and column != self.layout.key and table in self.stored:
                alias = f"f_{column}"
                yield self.of(
                    "key-found",
                    column,
                    f"{alias}.found IS NULL",
                    f"t.{column} IS NOT NULL",
                    f"{alias}:{table}.{key or column}",
                )

    def _spells(self) -> Iterator[RowCheck]:
        if self.name in self.rules.facts["apart"]["tables"] and self.layout.date in self.columns:
            yield self.of("periods-apart", self.layout.date, f"t.{self.layout.date} <= t.before_")
        if self.name == "condition_occurrence" and "condition_era" in self.stored:
            yield self.of("era-built", "", "e.era IS NULL", "true", "e")


def birth(stored: Mapping[str, Columns]) -> str:
    """The earliest day on which the person can have been born; NULL where no year is known."""
    known = stored.get("person", {})
    year = "p.year_of_birth"
    month, day = (f"coalesce(p.{name}, 1)" if name in known else "1" for name in ("month_of_birth", "day_of_birth"))
    return f"TRY_CAST(printf('%04d-%02d-%02d', {year}::INTEGER, {month}::INTEGER, {day}::INTEGER) AS DATE)"


def death(stored: Mapping[str, Columns]) -> str:
    """The latest day on which the person can have died; NULL for the living."""
    columns = stored.get("death", {})
    if "death" not in stored:
        return "NULL::DATE"
    month = "last_day(d.death_month)" if "death_month" in columns else "NULL::DATE"
    return f"coalesce(d.death_date, {month})" if "death_date" in columns else month


def _than(text: str, stored: Mapping[str, Columns]) -> tuple[str, tuple[str, ...]]:
    """A date named in the settings as SQL, and what must be joined for it."""
    if text == "birth":
        return birth(stored), ("p",)
    table, _, column = text.partition(".")
    if table == "t":
        return text, ()
    return (f"v.{column}", ("v",)) if table == "visit" and "visit_occurrence" in stored else ("", ())


def row_sql(layout: TableLayout, checks: Sequence[RowCheck], *, stored: Mapping[str, Columns], apart: bool) -> str:
    """One SELECT: rows, persons, then r<i> and p<i> (rows and persons) of each distinct condition of ``checks``."""
    found = conditions(checks)
    inner = ", ".join(f"count(*) FILTER (WHERE {text}) AS c{n}" for n, text in enumerate(found))
    outer = ", ".join(f"sum(c{n})::BIGINT AS r{n}, count(*) FILTER (WHERE c{n} > 0) AS p{n}" for n in range(len(found)))
    source = layout.name
    if apart:
        end = layout.date.replace("start", "end")
        frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
        last = f"max({end}) OVER (PARTITION BY {WAREHOUSE_PERSON} ORDER BY {layout.date}, {layout.key} {frame})"
        source = f"(SELECT *, {last} AS before_ FROM {layout.name})"
    joins = "".join(_join(need, stored) for need in dict.fromkeys(need for check in checks for need in check.needs))
    return (
        f"SELECT coalesce(sum(n), 0)::BIGINT AS rows, count(*) AS persons, {outer} FROM (SELECT count(*) AS n, {inner} "
        f"FROM {source} t{joins} GROUP BY t.{WAREHOUSE_PERSON})"
    )


def _join(need: str, stored: Mapping[str, Columns]) -> str:
    """What one alias joins: at most one row each, so that no row of the table is counted twice."""
    person = WAREHOUSE_PERSON
    if need == "d" and "death" not in stored:
        return ""
    fixed = {
        "p": f" LEFT JOIN (SELECT * FROM person QUALIFY row_number() OVER (PARTITION BY {person}) = 1) p ON p.{person} = t.{person}",
        "d": f" LEFT JOIN (SELECT * FROM death QUALIFY row_number() OVER (PARTITION BY {person}) = 1) d ON d.{person} = t.{person}",
        "v": " LEFT JOIN (SELECT visit_occurrence_id, min(visit_start_date) AS visit_start_date, max(visit_end_date) AS visit_end_date"
        " FROM visit_occurrence GROUP BY 1) v ON v.visit_occurrence_id = t.visit_occurrence_id",
        "e": f" LEFT JOIN (SELECT DISTINCT {person}, true AS era FROM condition_era) e ON e.{person} = t.{person}",
    }
    if need in fixed:
        return fixed[need]
    alias, _, target = need.partition(":")
    table, _, key = target.partition(".")
    column = alias.removeprefix("f_")
    return (
        f" LEFT JOIN (SELECT DISTINCT {key} AS key_, true AS found FROM {table}) {alias} ON {alias}.key_ = t.{column}"
    )


def conditions(checks: Sequence[RowCheck]) -> list[str]:
    """The distinct conditions of ``checks``, in order: ``base``, then ``base`` and ``failing``."""
    texts = [text for check in checks for text in (_base(check), _both(check)) if text]
    return list(dict.fromkeys(texts)) or ["false"]


def _base(check: RowCheck) -> str:
    return "" if check.base == "true" else check.base


def _both(check: RowCheck) -> str:
    return check.failing if check.base == "true" else f"({check.base}) AND ({check.failing})"


def measured_rows(checks: Sequence[RowCheck], totals: Mapping[str, int]) -> Iterator[Measured]:
    """What each check counted, from the counters of ``row_sql`` summed over the shards."""
    place = {text: n for n, text in enumerate(conditions(checks))}
    for one in checks:
        broken, asked = place[_both(one)], place.get(_base(one))
        base = totals["rows"] if asked is None else totals[f"r{asked}"]
        persons = totals["persons"] if asked is None else totals[f"p{asked}"]
        yield Measured(
            check=one.check, failing=totals[f"r{broken}"], base=base, persons=(totals[f"p{broken}"], persons)
        )
