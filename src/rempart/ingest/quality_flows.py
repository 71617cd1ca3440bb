# SPDX-License-Identifier: Apache-2.0
"""Checks of what was delivered: flow months, the share of a care month that has arrived, lines that reach no person. Reads counts only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rempart.ingest.quality import Check, Measured, Settings
from rempart.ingest.quality_values import compared

_EPOCH, _YEAR = 2000, 12
CLAIM_SQL = (
    "SELECT unit, flow, (year(care) - 2000) * 12 + month(care) - 1 AS month, count(*) FILTER (WHERE lead) AS lines "
    "FROM gross_claim WHERE care IS NOT NULL AND flow > 0 GROUP BY ALL"
)
"""Lines by unit, flow month and care month, months counted from January 2000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Lines of a care month that came in a flow month; months since January 2000."""

    flow: int
    month: int
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaching:
    """Delivered rows of a kind and group (a field and year) and how many of them reach no person."""

    table: str
    group: str
    rows: int
    lost: int


def stay_sql(bits: Sequence[int]) -> str:
    """Stays by unit, field and year of discharge; lost: without a pseudonym, or met by one of the rules with these bits."""
    mask = sum(1 << bit for bit in bits)
    return (
        "SELECT unit, field || ' ' || coalesce(year(coalesce(leaving, entry))::VARCHAR, '?') AS grp, count(*) AS rows, "
        f"count(*) FILTER (WHERE psa IS NULL OR (hits & {mask}::BIGINT) <> 0) AS lost FROM gross_stay GROUP BY ALL"
    )


DEATH_SQL = (
    "SELECT unit, coalesce(year(died)::VARCHAR, '?') AS grp, count(*) AS rows, count(*) FILTER (WHERE NOT coalesce(linked, false)) AS lost "
    "FROM gross_death WHERE kind = 'certificate' GROUP BY ALL"
)


def flow_checks(arrived: Sequence[Arrived], rules: Settings) -> Iterator[Measured]:
    """Each flow month against its neighbours, then each care month against the lag curve."""
    if not arrived:
        return
    flows: dict[int, int] = {}
    for one in arrived:
        flows[one.flow] = flows.get(one.flow, 0) + one.lines
    yield from _gaps(flows, rules)
    yield from _curve(arrived, min(flows), max(flows), rules)


def _gaps(flows: Mapping[int, int], rules: Settings) -> Iterator[Measured]:
    """A month between the first and the last that is missing, or far below the mean of the two beside it."""
    said = rules.facts["flows"]
    for flow in range(min(flows) + 1, max(flows)):
        around = (flows.get(flow - 1, 0) + flows.get(flow + 1, 0)) // 2
        now = min(flows.get(flow, 0), around)
        check = Check(kind="flow-gap", table="claims", detail=month_name(flow))
        yield compared(check, now, around, ratio=said["ratio"], least=said["least"])


def _curve(arrived: Sequence[Arrived], first: int, last: int, rules: Settings) -> Iterator[Measured]:
    """A care month's lines so far, against the mean complete month times the share that should have come by now."""
    said = rules.facts["lag"]
    months: dict[int, int] = {}
    for one in arrived:
        if first <= one.month <= one.flow:
            months[one.month] = months.get(one.month, 0) + one.lines
    full = [n for month, n in months.items() if last - month >= said["months"][-4]]
    usual = sum(full) // len(full) if full else 0
    there = [month for month, lines in months.items() if lines >= said["least"]]
    for month in range(first, min(last, max(there, default=first) + 1)):
        share = expected_share(last - month, rules)
        check = Check(kind="flow-arrived", table="claims", detail=month_name(month))
        if usual * share < said["least"]:
            yield Measured(check=check, failing=0, base=0, why="few")
            continue
        wanted = int(usual * share)
        missing = max(0, wanted - months.get(month, 0))
        late = missing > said["tolerance"] * wanted
        yield Measured(check=check, failing=missing if late else 0, base=wanted, broken=late)


def expected_share(lag: int, rules: Settings) -> float:
    """Share of a month's lines that has come after ``lag`` flow months, by the settings' curve, straight between its points."""
    said = rules.facts["lag"]
    before, share = 0, 0.0
    for months, now in zip(said["months"], said["shares"], strict=True):
        if lag <= months:
            return float(share + (now - share) * (lag - before) / (months - before))
        before, share = months, now
    return 1.0


def linked_checks(found: Sequence[Reaching]) -> Iterator[Measured]:
    """Rows that reach no person, by field and year."""
    for one in found:
        check = Check(kind="linked", table=one.table, detail=one.group)
        yield Measured(check=check, failing=one.lost, base=one.rows, persons=(one.lost, one.rows))


def month_name(month: int) -> str:
    """Months since January 2000 → ``2015-03``."""
    return f"{_EPOCH + month // _YEAR:04d}-{month % _YEAR + 1:02d}"
