# SPDX-License-Identifier: Apache-2.0
"""Checks of what was delivered: flow months, the share of a care month that has arrived, lines that reach no person. Reads counts only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rempart.ingest.quality import Check, Measured, Settings
from rempart.ingest.quality_lag import Arrived, lag_checks, month_name
from rempart.ingest.quality_values import compared

CLAIM_SQL = (
    "SELECT unit, flow, (year(care) - 2000) * 12 + month(care) - 1 AS month, count(*) FILTER (WHERE lead) AS lines "
    "FROM gross_claim WHERE care IS NOT NULL AND flow > 0 GROUP BY ALL"
)
"""Lines by unit, flow month and care month, months counted from January 2000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaching:
    """Delivered rows of a kind and group (a field and year) and how many of them reach no person."""

    table: str
    group: str
    rows: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Twice:
    """Stays of a group (a field and year of discharge) and how many repeat another one; persons likewise."""

    group: str
    rows: int
    again: int
    persons: int
    touched: int


def stay_sql(bits: Sequence[int]) -> str:
    """Stays by unit, field and year of discharge (else of delivery); lost: without a pseudonym, or met by a rule of ``bits``."""
    year = "coalesce(year(coalesce(leaving, entry))::VARCHAR, nullif(split_part(stay, '|', 2), ''), 'undated')"
    return (
        f"SELECT unit, field || ' ' || {year} AS grp, count(*) AS rows, "
        f"count(*) FILTER (WHERE psa IS NULL OR (hits & {_mask(bits)}::BIGINT) <> 0) AS lost FROM gross_stay GROUP BY ALL"
    )


def twice_sql(bits: Sequence[int], dead: Sequence[int]) -> str:
    """Acute stays of live units by year of discharge; again: with the facility, days and principal diagnosis of another of the person.

    Stays that a rule of ``bits`` drops are not asked: known double deliveries, and pseudonyms that many persons share.
    """
    live = f" AND unit NOT IN ({', '.join(map(str, dead))})" if dead else ""
    same = "psa, coalesce(place_facility, legal_facility), entry, leaving, principal"
    return (
        "SELECT 'mco ' || year(leaving) AS grp, count(*) AS rows, count(*) FILTER (WHERE nth > 1) AS again, "
        "count(DISTINCT psa) AS persons, count(DISTINCT psa) FILTER (WHERE nth > 1) AS touched "
        f"FROM (SELECT psa, leaving, row_number() OVER (PARTITION BY {same}) AS nth FROM gross_stay WHERE field = 'mco' "
        f"AND has_stay AND psa IS NOT NULL AND entry IS NOT NULL AND leaving IS NOT NULL AND principal IS NOT NULL "
        f"AND (hits & {_mask(bits)}::BIGINT) = 0{live}) GROUP BY ALL"
    )


def _mask(bits: Sequence[int]) -> int:
    return sum(1 << bit for bit in bits)


DEATH_SQL = (
    "SELECT unit, coalesce(year(died)::VARCHAR, 'undated') AS grp, count(*) AS rows, "
    "count(*) FILTER (WHERE NOT coalesce(linked, false)) AS lost FROM gross_death WHERE kind = 'certificate' GROUP BY ALL"
)


def flow_checks(
    arrived: Sequence[Arrived], rules: Settings, usable: tuple[int, int] | None = None
) -> Iterator[Measured]:
    """Each flow month against its neighbours, then each care month against the lag curve.

    ``usable``: first and last month in which claims are complete; None where that is not known.
    """
    if not arrived:
        return
    flows: dict[int, int] = {}
    for one in arrived:
        flows[one.flow] = flows.get(one.flow, 0) + one.lines
    yield from _gaps(flows, rules)
    yield from lag_checks(arrived, rules, usable)


def _gaps(flows: Mapping[int, int], rules: Settings) -> Iterator[Measured]:
    """A month between the first and the last that is missing, or far below the mean of the two beside it."""
    said = rules.facts["flows"]
    for flow in range(min(flows) + 1, max(flows)):
        around = (flows.get(flow - 1, 0) + flows.get(flow + 1, 0)) // 2
        now = min(flows.get(flow, 0), around)
        check = Check(kind="flow-gap", table="claims", detail=month_name(flow))
        yield compared(check, now, around, ratio=said["ratio"], least=said["least"])


def linked_checks(found: Sequence[Reaching], rules: Settings) -> Iterator[Measured]:
    """Rows that reach no person, by field and year; says nothing of few rows."""
    least = rules.facts["linking"]["least"]
    for one in found:
        check = Check(kind="linked", table=one.table, detail=one.group)
        why = "few" if one.rows < least else ""
        yield Measured(check=check, failing=one.lost, base=one.rows, persons=(one.lost, one.rows), why=why)


def twice_checks(found: Sequence[Twice], rules: Settings) -> Iterator[Measured]:
    """Stays that repeat another one, by field and year; says nothing of few stays."""
    least = rules.facts["twice"]["least"]
    for one in found:
        check = Check(kind="stay-twice", table="stay", detail=one.group)
        why = "few" if one.rows < least else ""
        yield Measured(check=check, failing=one.again, base=one.rows, persons=(one.touched, one.persons), why=why)
