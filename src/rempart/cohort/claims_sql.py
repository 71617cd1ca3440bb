# SPDX-License-Identifier: Apache-2.0
"""Events of claims as SQL: records of the research tables by source codes, position, specialty, setting, residence; periods of cohorts.

Every column that is read is noted, so that the permit and the worker know it. Runs nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rempart.cohort.codes import DOMAIN, Domain, Reads, matches
from rempart.records.cohort import Condition, Criterion, Day, Listed, Number

# OMOP standard concepts of visits (OHDSI vocabulary, domain Visit)
VISITS: Mapping[str, int] = {
    "inpatient": 9201,
    "emergency_inpatient": 262,
    "outpatient": 9202,
    "emergency": 9203,
    "home": 581476,
    "telehealth": 5083,
}
_VISIT, _PROVIDER = "visit_occurrence_id", "provider_id"
_SIGNS = {"lt": "<", "lte": "<=", "eq": "=", "gt": ">", "gte": ">="}
_COMMUNE = 5
_COUNTED = {"concept": "concept", "start": "start_date", "visit": "visit_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Where a domain's records lie. ``end``: the column of the last day or ''; ``visit``, ``provider``: columns or '';
    ``numbers``: name → SQL over columns, each written as {column}."""

    domain: Domain
    end: str = ""
    visit: str = _VISIT
    provider: str = ""
    numbers: Mapping[str, str]


def _domain(table: str, word: str, date: str) -> Domain:
    return Domain(table=table, date=date, source=f"{word}_source_value", concept=f"{word}_concept_id")


CLAIMS: Mapping[str, Claims] = {
    "drug": Claims(
        domain=DOMAIN["drug"],
        end="drug_exposure_end_date",
        provider=_PROVIDER,
        numbers={"quantity": "{quantity}", "days_supply": "{days_supply}"},
    ),
    "condition": Claims(domain=DOMAIN["condition"], end="condition_end_date", numbers={}),
    "procedure": Claims(domain=DOMAIN["procedure"], provider=_PROVIDER, numbers={"quantity": "{quantity}"}),
    "measurement": Claims(domain=DOMAIN["measurement"], provider=_PROVIDER, numbers={"quantity": "{quantity}"}),
    "device": Claims(
        domain=DOMAIN["device"],
        end="device_exposure_end_date",
        provider=_PROVIDER,
        numbers={"quantity": "{quantity}"},
    ),
    "visit": Claims(
        domain=_domain("visit_occurrence", "visit", "visit_start_date"),
        end="visit_end_date",
        provider=_PROVIDER,
        numbers={"nights": "({visit_end_date} - {visit_start_date})"},
    ),
    "death": Claims(domain=_domain("death", "cause", "death_date"), visit="", numbers={}),
    "residence": Claims(
        domain=_domain("location_history", "department", "location_history_start_date"),
        end="location_history_end_date",
        visit="",
        numbers={},
    ),
    "observation": Claims(
        domain=Domain(table="observation_period", date="observation_period_start_date", source="", concept=""),
        end="observation_period_end_date",
        visit="",
        numbers={},
    ),
}


def claims_sql(criterion: Criterion, counted: str, *, reads: Reads, death: str) -> str:
    """SELECT of person_id, event_id, start_date, end_date, visit_id, sort_date, counted: the shape of ``records_sql``.

    ``counted``: concept (the source code), start or visit; ``death``: the protocol's dating of deaths. ``event_id`` tells records apart
    only where a group is asked of them.
    """
    number = "row_number() OVER ()" if criterion.group is not None else "CAST(1 AS BIGINT)"
    shape = (
        f"SELECT r.person_id, {number} AS event_id, r.start_date, r.end_date, r.visit_id, "
        f"r.start_date AS sort_date, r.{_COUNTED[counted]} AS counted"
    )
    if criterion.cohort:
        return (
            f"{shape} FROM (SELECT person_id, start_date, end_date, CAST(NULL AS BIGINT) AS visit_id, CAST(NULL AS VARCHAR) AS concept "
            f"FROM cohort_{criterion.cohort}) AS r{_where(_days(criterion.conditions, lambda name: f'r.{name}_date'))}"
        )
    claims = CLAIMS[criterion.domain]
    records = (
        _death_sql(criterion, reads, death) if criterion.domain == "death" else _records_sql(criterion, claims, reads)
    )
    joins, asked = _elsewhere(criterion, claims, reads)
    asked += _days(criterion.conditions, lambda name: f"r.{name}_date")
    return f"{shape} FROM ({records}) AS r{joins}{_where(asked)}"


def _where(asked: list[str]) -> str:
    return f" WHERE {' AND '.join(asked)}" if asked else ""


def _records_sql(criterion: Criterion, claims: Claims, reads: Reads) -> str:
    """The records with their codes, status and numbers; end, visit and professional only where they are asked for."""
    domain = claims.domain

    def column(name: str) -> str:
        return reads.column(domain.table, name)

    start = column(domain.date)
    asked = [f"{start} IS NOT NULL"]
    if criterion.codes is not None:
        asked.append(matches(criterion.codes, domain, reads))
    for item in criterion.conditions:
        asked += _own(item, claims, column)
    end = f"coalesce({column(claims.end)}, {start})" if criterion.ended and claims.end else start
    if criterion.domain == "residence":
        end = column(claims.end)
    visit = _visit(criterion, claims)
    provider = column(claims.provider) if _asks(criterion, "specialty") and claims.provider else "CAST(NULL AS BIGINT)"
    code = column(domain.source) if criterion.of_code else "CAST(NULL AS VARCHAR)"
    return (
        f"SELECT person_id, {start} AS start_date, greatest({start}, {end}) AS end_date, "
        f"{column(visit) if visit else 'CAST(NULL AS BIGINT)'} AS visit_id, {provider} AS provider_id, {code} AS concept "
        f"FROM {domain.table} WHERE {' AND '.join(asked)}"
    )


def _own(item: Condition, claims: Claims, column: Callable[[str], str]) -> list[str]:
    """Conditions on the record's own columns."""
    if isinstance(item, Listed) and item.attribute == "status":
        return [f"{column(claims.domain.status)} IN ({_quoted(item.values)})"]
    if isinstance(item, Listed) and item.attribute == "place":
        return [_place(item.values, column)]
    if isinstance(item, Number):
        sql = claims.numbers[item.attribute]
        for name in _named(sql):
            column(name)
        return [f"{sql.replace('{', '').replace('}', '')} {_SIGNS[item.comparison]} {int(item.value)}"]
    return []


def _named(sql: str) -> list[str]:
    return [part.split("}")[0] for part in sql.split("{")[1:]]


def _place(values: tuple[str, ...], column: Callable[[str], str]) -> str:
    """Départements by their own column; a commune, a potential identifier, only where one is named."""
    communes = tuple(value for value in values if len(value) == _COMMUNE)
    departments = tuple(value for value in values if len(value) != _COMMUNE)
    found = [f"{column('department_source_value')} IN ({_quoted(departments)})"] if departments else []
    found += [f"{column('commune_source_value')} IN ({_quoted(communes)})"] if communes else []
    return f"({' OR '.join(found)})"


def _visit(criterion: Criterion, claims: Claims) -> str:
    """The column of the visit, where it is asked for."""
    wanted = (
        criterion.of_visit or _asks(criterion, "setting") or (_asks(criterion, "specialty") and not claims.provider)
    )
    return claims.visit if wanted else ""


def _asks(criterion: Criterion, attribute: str) -> bool:
    return any(isinstance(item, Listed) and item.attribute == attribute for item in criterion.conditions)


def _elsewhere(criterion: Criterion, claims: Claims, reads: Reads) -> tuple[str, list[str]]:
    """Joins and conditions on the visit and on the professional of a record."""
    joins, asked = "", list[str]()
    listed = {item.attribute: item.values for item in criterion.conditions if isinstance(item, Listed)}
    through_visit = "specialty" in listed and not claims.provider
    if "setting" in listed or through_visit:
        reads.column("visit_occurrence", _VISIT)
        joins += f" JOIN visit_occurrence AS v ON v.{_VISIT} = r.visit_id AND v.person_id = r.person_id"
    if "setting" in listed:
        concepts = ", ".join(str(VISITS[name]) for name in listed["setting"])
        asked.append(f"v.{reads.column('visit_occurrence', 'visit_concept_id')} IN ({concepts})")
    if "specialty" in listed:
        reads.column("provider", _PROVIDER)
        who = f"v.{reads.column('visit_occurrence', _PROVIDER)}" if through_visit else "r.provider_id"
        joins += f" JOIN provider AS pr ON pr.provider_id = {who}"
        asked.append(f"pr.{reads.column('provider', 'specialty_source_value')} IN ({_quoted(listed['specialty'])})")
    return joins, asked


def _days(conditions: tuple[Condition, ...], column: Callable[[str], str]) -> list[str]:
    """Calendar bounds of the record's days."""
    found = []
    for item in conditions:
        if isinstance(item, Day):
            found.append(f"{column(item.attribute)} BETWEEN DATE '{item.value}' AND DATE '{item.extent or item.value}'")
    return found


def _death_sql(criterion: Criterion, reads: Reads, death: str) -> str:
    """The day of death, once a person, as ``dated_deaths`` dates it."""
    asked = [matches(criterion.codes, CLAIMS["death"].domain, reads)] if criterion.codes is not None else []
    code = reads.column("death", "cause_source_value") if criterion.of_code else "CAST(NULL AS VARCHAR)"
    return (
        "SELECT person_id, min(death_day) AS start_date, min(death_day) AS end_date, CAST(NULL AS BIGINT) AS visit_id, "
        f"CAST(NULL AS BIGINT) AS provider_id, min({code}) AS concept FROM {dated_deaths(reads, death)}{_where(asked)} GROUP BY person_id"
    )


def dated_deaths(reads: Reads, death: str) -> str:
    """The table of deaths, in brackets, with ``death_day`` beside its columns: of a month alone, the last day of observation in it, else
    its own last day."""
    dated = reads.column("death", "death_date" if death == "date" else "death_month")
    day = f"d.{dated}"
    if death != "date":
        start, end = (
            reads.column("observation_period", f"observation_period_{side}_date") for side in ("start", "end")
        )
        seen = (
            f"SELECT max(o.{end}) FROM observation_period AS o WHERE o.person_id = d.person_id AND o.{start} <= last_day({day}) "
            f"AND date_trunc('month', o.{end}) = date_trunc('month', {day})"
        )
        day = f"coalesce(({seen}), last_day({day}))"
    return f"(SELECT d.*, CAST({day} AS DATE) AS death_day FROM death AS d WHERE d.{dated} IS NOT NULL)"


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)
