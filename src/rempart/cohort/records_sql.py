# SPDX-License-Identifier: Apache-2.0
"""A criterion as SQL: the records of a domain that meet it. Reads no table or column that ``domains.toml`` does not name, and notes each.

Knows nothing of groups or windows; ``groups_sql.py`` does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rempart.cohort.claims_sql import claims_sql, dated_deaths
from rempart.cohort.codes import Reads
from rempart.errors import BadInput
from rempart.records.cohort import Adjustment, Concepts, Condition, Criterion, Day, Number, Text

Domains = Mapping[str, Mapping[str, Any]]
_SIGNS = {"lt": "<", "lte": "<=", "eq": "=", "gt": ">", "gte": ">="}
_TEXTS = {"contains": "%{0}%", "starts": "{0}%", "ends": "%{0}", "eq": "{0}"}
_COLUMN = re.compile(r"\{(?:(\w+)\.)?(\w+)\}")
# What a record belongs to, by the table's name: how it is joined to the record r.
_JOINS = {
    "person": ("person_id", "JOIN {0} AS person ON person.person_id = r.person_id"),
    "provider": ("provider_id", "LEFT JOIN {0} AS provider ON provider.provider_id = r.provider_id"),
    "care_site": ("care_site_id", "JOIN {0} AS care_site ON care_site.care_site_id = r.care_site_id"),
    "visit_occurrence": (
        "visit_occurrence_id",
        "JOIN {0} AS visit_occurrence ON visit_occurrence.visit_occurrence_id = r.visit_occurrence_id "
        "AND visit_occurrence.person_id = r.person_id",
    ),
}


@dataclass(slots=True)
class Names:
    """How things are called: ``prefix`` before every table of the data; code sets lie in the table ``code_set`` (code_set, concept).

    ``reads``: the columns that the SQL written so far reads. ``made``: how many index tables of nested groups have a name. Without
    ``domains`` the events are those of claims (``claims_sql.py``); ``death``: how a study dates deaths.
    """

    domains: Domains
    prefix: str = ""
    reads: Reads = field(default_factory=Reads)
    made: int = field(default=0)
    death: str = ""

    def table(self, name: str) -> str:
        """A table of the data; of deaths with ``death_day`` beside, where ``death`` says how they are dated."""
        self.reads.columns.setdefault(name, set())
        return dated_deaths(self.reads, self.death) if name == "death" and self.death else f"{self.prefix}{name}"

    def column(self, table: str, name: str, alias: str) -> str:
        """A column of a table under its alias, noted as read."""
        if self.death and (table, name) == ("death", "death_day"):
            return f"{alias}.{name}"
        return f"{alias}.{name if name == 'person_id' else self.reads.column(table, name)}"

    def sql(self, template: str, table: str, alias: str) -> str:
        """A template of ``domains.toml`` with the table's own columns put in."""
        return _COLUMN.sub(lambda found: self.column(table, found[2], alias), template)


@dataclass(slots=True)
class _Record:
    """The record ``r`` of a criterion's domain while its SQL is written: the expressions of its days, and what must be joined to it."""

    names: Names
    domain: Mapping[str, Any]
    days: Mapping[str, str] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)

    def sql(self, template: str) -> str:
        """The template with its columns and days put in."""
        return _COLUMN.sub(lambda found: self._named(found[1], found[2]), template)

    def _named(self, table: str | None, name: str) -> str:
        if table is None:
            return self.days.get(name) or self.names.column(self.domain["table"], name, "r")
        self.joined.add(table)
        return self.names.column(table, name, table)

    def joins(self) -> str:
        """Every table that the expressions so far need."""
        found = []
        for table in sorted(self.joined):
            key, text = _JOINS[table]
            self.names.column(self.domain["table"], key, "r")
            self.names.column(table, key, table)
            found.append(f" {text.format(self.names.table(table))}")
        return "".join(found)


def codes(number: int) -> str:
    """The concepts of a code set."""
    return f"SELECT concept FROM code_set WHERE code_set = {number}"


def records_sql(criterion: Criterion, names: Names, counted: str = "") -> str:
    """SELECT of person_id, event_id, start_date, end_date, visit_id, sort_date, counted: records that meet a criterion, but its group.

    ``counted``: of what different values are counted, '' for none. Raises BadInput ``cohort-counted`` where the domain has no such thing.
    """
    if not names.domains:
        return claims_sql(criterion, counted or "concept", reads=names.reads, death=names.death)
    domain = names.domains[criterion.domain]
    record = _Record(names, domain)
    source = _source(criterion, record)
    own = _own_days(criterion.adjustment, record)
    record.days = own
    where = _asked(criterion, record)
    record.days = _shown_days(criterion, own)
    shown = [
        "r.person_id",
        f"{record.sql('{' + domain['id'] + '}')} AS event_id",
        f"{record.days['start']} AS start_date",
        f"{record.days['end']} AS end_date",
        f"{record.sql('{' + domain['visit'] + '}') if 'visit' in domain else 'NULL::BIGINT'} AS visit_id",
        f"{own['start']} AS sort_date",
        f"{_counted(counted, criterion.domain, record)} AS counted",
    ]
    return f"SELECT {', '.join(shown)} FROM {source} AS r{record.joins()} WHERE {' AND '.join(where) or 'true'}"


def _source(criterion: Criterion, record: _Record) -> str:
    """The domain's table; or each person's first record of the code sets: of several of one day, that of the smallest number."""
    table = record.names.table(record.domain["table"])
    if not criterion.first:
        return table
    coded = " AND ".join(_coded(criterion, record)) or "true"
    order = record.sql(f"{record.domain['start']}, {{{record.domain['id']}}}")
    return f"(SELECT * FROM {table} AS r WHERE {coded} QUALIFY row_number() OVER (PARTITION BY r.person_id ORDER BY {order}) = 1)"


def _coded(criterion: Criterion, record: _Record) -> list[str]:
    pairs = ((criterion.code_set, "concept"), (criterion.source_set, "source_concept"))
    return [
        f"{record.sql('{' + record.domain[column] + '}')} IN ({codes(number)})"
        for number, column in pairs
        if number is not None
    ]


def _own_days(changed: Adjustment | None, record: _Record) -> dict[str, str]:
    """The record's own days, adjusted."""
    own = {side: record.sql(str(record.domain[side])) for side in ("start", "end")}
    if changed is None:
        return {"start": own["start"], "end": f"({own['end']})"}
    return {
        "start": f"({own[changed.start_from]} + {changed.start_days})",
        "end": f"({own[changed.end_from]} + {changed.end_days})",
    }


def _shown_days(criterion: Criterion, own: Mapping[str, str]) -> dict[str, str]:
    """The days of the event: those given in place of a period's own come before all."""
    first, last = criterion.period
    return {
        "start": f"DATE '{first}'" if first else own["start"],
        "end": f"DATE '{last}'" if last else own["end"],
    }


def _asked(criterion: Criterion, record: _Record) -> list[str]:
    """What the record must meet; days that an adjustment turns around are no record."""
    found = [] if criterion.first else _coded(criterion, record)
    if criterion.adjustment is not None:
        found.append("{end} >= {start}".format(**record.days))
    found += [condition_sql(item, attribute_sql(item.attribute, record)) for item in criterion.conditions]
    for day in criterion.period:
        if day is not None:
            found.append(f"DATE '{day}' BETWEEN {record.days['start']} AND {record.days['end']}")
    return found


def attribute_sql(attribute: str, record: _Record) -> str:
    """SQL of an attribute of the record."""
    own, every = record.domain.get("attributes", {}), record.names.domains["shared"]["attributes"]
    return record.sql(str(own[attribute] if attribute in own else every[attribute]))


def _counted(counted: str, domain: str, record: _Record) -> str:
    """SQL of what is counted."""
    if not counted:
        return "NULL::BIGINT"
    given: dict[str, str] = {**record.names.domains["shared"]["counted"]}
    if "concept" in record.domain:
        given["concept"] = f"{{{record.domain['concept']}}}"
    given["visit"] = f"{{{record.domain['visit']}}}" if "visit" in record.domain else "NULL::BIGINT"
    given |= record.domain.get("counted", {})
    if counted not in given:
        raise BadInput("cohort-counted", domain=domain, counted=counted)
    return record.sql(given[counted])


def condition_sql(item: Condition, column: str) -> str:
    """One condition on the SQL of its attribute; nothing holds of no value, but that there is none."""
    if isinstance(item, Concepts):
        return _concepts(item, column)
    if isinstance(item, Number):
        return _compared(
            column, item.comparison, repr(item.value), repr(item.value if item.extent is None else item.extent)
        )
    if isinstance(item, Day):
        return _compared(column, item.comparison, f"DATE '{item.value}'", f"DATE '{item.extent or item.value}'")
    if isinstance(item, Text):
        pattern = _TEXTS[item.how].format(item.text.replace("'", "''"))
        return f"{column} {'NOT ' if item.negated else ''}LIKE '{pattern}'"
    return column


def _concepts(item: Concepts, column: str) -> str:
    negated = "NOT " if item.excluded else ""
    if item.code_set is None and not item.concepts:
        return f"{column} IS {'' if item.excluded else 'NOT '}NULL"
    listed = codes(item.code_set) if item.code_set is not None else ", ".join(map(str, item.concepts))
    return f"{column} {negated}IN ({listed})"


def _compared(column: str, comparison: str, value: str, extent: str) -> str:
    if comparison in {"bt", "!bt"}:
        return f"{'NOT ' if comparison == '!bt' else ''}({column} >= {value} AND {column} <= {extent})"
    return f"{column} {_SIGNS[comparison]} {value}"
