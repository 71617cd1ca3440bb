# SPDX-License-Identifier: Apache-2.0
"""A criterion as SQL: the records of a domain that meet it. Reads no table that ``domains.toml`` does not name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rempart.records.cohort import Adjustment, Concepts, Condition, Criterion, Day, Number, Text

Domains = Mapping[str, Mapping[str, Any]]
_SIGNS = {"lt": "<", "lte": "<=", "eq": "=", "gt": ">", "gte": ">="}
_PERSON = {"gender": "gender_concept_id", "race": "race_concept_id", "ethnicity": "ethnicity_concept_id"}
_TEXTS = {"contains": "contains({0}, {1})", "starts": "starts_with({0}, {1})", "ends": "ends_with({0}, {1})", "eq": "{0} = {1}"}


@dataclass(slots=True)
class Names:
    """How tables are called: ``prefix`` before every table of the data; code sets lie in ``code_set`` (code_set, concept)."""

    domains: Domains
    prefix: str = ""
    made: int = field(default=0)

    def table(self, name: str) -> str:
        """A table of the data."""
        return f"{self.prefix}{name}"


def codes(number: int) -> str:
    """The concepts of a code set."""
    return f"SELECT concept FROM code_set WHERE code_set = {number}"


def records_sql(criterion: Criterion, names: Names) -> str:
    """SELECT of person_id, event_id, start_date, end_date, visit_id, sort_date, concept of the records that meet a criterion, but its group."""
    domain = names.domains[criterion.domain]
    joins, where = _asked(criterion, domain, names)
    visit = domain.get("visit", "visit_occurrence_id")
    inner = (
        f"SELECT r.*, {domain['start']} AS start_date, {domain['end']} AS end_date, "
        f"{visit or 'NULL::BIGINT'} AS visit_id, {_identifier(domain)} AS event_id{_ordinal(criterion, domain)} "
        f"FROM {names.table(domain['table'])} AS r{_coded(criterion, domain)}"
    )
    first = " AND c.nth = 1" if criterion.first else ""
    start, end = _dates(criterion)
    return (
        f"SELECT c.person_id, c.event_id, {start} AS start_date, {end} AS end_date, c.visit_id, c.start_date AS sort_date, "
        f"{_concept(domain)} AS concept FROM ({inner}) AS c{joins} WHERE {where or 'true'}{first}"
    )


def _identifier(domain: Mapping[str, Any]) -> str:
    return str(domain.get("id", f"{domain['table']}_id"))


def _concept(domain: Mapping[str, Any]) -> str:
    return f"c.{domain['concept']}" if "concept" in domain else "NULL::BIGINT"


def _ordinal(criterion: Criterion, domain: Mapping[str, Any]) -> str:
    """Of several records of one day, that of the smallest number is first."""
    if not criterion.first:
        return ""
    return f", row_number() OVER (PARTITION BY person_id ORDER BY {domain['start']}, {_identifier(domain)}) AS nth"


def _coded(criterion: Criterion, domain: Mapping[str, Any]) -> str:
    found = []
    for number, column in ((criterion.code_set, "concept"), (criterion.source_set, "source_concept")):
        if number is not None:
            found.append(f"r.{domain[column]} IN ({codes(number)})")
    return f" WHERE {' AND '.join(found)}" if found else ""


def _dates(criterion: Criterion) -> tuple[str, str]:
    changed, (first, last) = criterion.adjustment, criterion.period
    start = f"DATE '{first}'" if first else "c.start_date"
    end = f"DATE '{last}'" if last else "c.end_date"
    return _adjusted(changed, start, end) if changed else (start, end)


def _adjusted(changed: Adjustment, start: str, end: str) -> tuple[str, str]:
    sides = {"start": start, "end": end}
    return f"({sides[changed.start_from]} + {changed.start_days})", f"({sides[changed.end_from]} + {changed.end_days})"


def _asked(criterion: Criterion, domain: Mapping[str, Any], names: Names) -> tuple[str, str]:
    """Joins that the conditions need, and the conditions."""
    found, wanted = [], set()
    for item in criterion.conditions:
        column, needed = _column(item.attribute, domain)
        wanted |= needed
        found.append(condition_sql(item, column))
    first, last = criterion.period
    if first:
        found.append(f"c.start_date <= DATE '{first}' AND c.end_date >= DATE '{first}'")
    if last:
        found.append(f"c.start_date <= DATE '{last}' AND c.end_date >= DATE '{last}'")
    joins = "".join(text for name, text in _joins(domain, names).items() if name in wanted)
    return joins, " AND ".join(found)


def _joins(domain: Mapping[str, Any], names: Names) -> dict[str, str]:
    own = domain["table"] in {"visit_occurrence", "visit_detail"}
    return {
        "p": f" JOIN {names.table('person')} AS p ON p.person_id = c.person_id",
        "v": f" JOIN {names.table('visit_occurrence')} AS v ON v.visit_occurrence_id = c.visit_id AND v.person_id = c.person_id",
        "pr": f" LEFT JOIN {names.table('provider')} AS pr ON pr.provider_id = c.provider_id",
        "cs": f" JOIN {names.table('care_site')} AS cs ON cs.care_site_id = c.care_site_id" if own else "",
    }


def _column(attribute: str, domain: Mapping[str, Any]) -> tuple[str, set[str]]:
    """SQL of an attribute, and which other tables it needs."""
    if attribute in {"start", "end"}:
        return f"c.{attribute}_date", set()
    if attribute in {"age", "age_at_end"}:
        return f"(year(c.{'end' if attribute == 'age_at_end' else 'start'}_date) - p.year_of_birth)", {"p"}
    if attribute in _PERSON:
        return f"p.{_PERSON[attribute]}", {"p"}
    if attribute == "specialty":
        return "pr.specialty_concept_id", {"pr"}
    if attribute == "visit_type":
        return "v.visit_concept_id", {"v"}
    sql = str(domain["attributes"][attribute])
    return sql, {"cs"} if sql.startswith("cs.") else set()


def condition_sql(item: Condition, column: str) -> str:
    """One condition on the SQL of its attribute."""
    if isinstance(item, Concepts):
        listed = codes(item.code_set) if item.code_set is not None else ", ".join(map(str, item.concepts))
        return f"{column} {'NOT ' if item.excluded else ''}IN ({listed})"
    if isinstance(item, Number):
        return _compared(column, item.comparison, repr(item.value), None if item.extent is None else repr(item.extent))
    if isinstance(item, Day):
        return _compared(column, item.comparison, f"DATE '{item.value}'", f"DATE '{item.extent}'" if item.extent else None)
    if isinstance(item, Text):
        quoted = "'" + item.text.lower().replace("'", "''") + "'"
        return ("NOT " if item.negated else "") + _TEXTS[item.how].format(f"lower({column})", quoted)
    return column


def _compared(column: str, comparison: str, value: str, extent: str | None) -> str:
    if comparison in {"bt", "!bt"}:
        return f"{'NOT ' if comparison == '!bt' else ''}({column} >= {value} AND {column} <= {extent or value})"
    return f"{column} {_SIGNS[comparison]} {value}"
