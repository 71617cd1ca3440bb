# SPDX-License-Identifier: Apache-2.0
"""Dispensings to periods of exposure as SQL of one shard: days' supply, stock, gaps, unobserved time, switch, lag, induction.

Of an exposure x: exposure_x_dispensings (each), exposure_x_cover (days with drug at hand, no gap bridged), exposure_x (eras:
person_id, start_date, end_date, dispensings, amount, rule; both days included), exposure_x_whole (the same before days that exclude are
cut out, where any do). ``docs/exposure.md`` is what it must do.
"""

from rempart.cohort.codes import DOMAIN, Reads, matches
from rempart.cohort.stock_sql import stocked
from rempart.cohort.supply_sql import dispensings
from rempart.cohort.unobserved_sql import EPOCH, FOR_GOOD, away, clock, cuts, without_away
from rempart.errors import BadInput
from rempart.records.exposure import Eras
from rempart.records.study import Study

COUNTED = ("dispensings", "amount", "rule")
_MIXED = "CASE WHEN min(rule) = max(rule) THEN min(rule) ELSE 'mixed' END AS rule"
_AMOUNT = "CASE WHEN count(amount) = count(*) THEN CAST(sum(amount) AS BIGINT) END AS amount"
_SUMS = f"CAST(sum(dispensings) AS BIGINT) AS dispensings, {_AMOUNT}, {_MIXED}"
_SUFFIXES = ("", "_whole", "_cover", "_supplies", "_cuts", "_clock", "_away", "_switch", "_dispensings")


def exposure_statements(study: Study, name: str, reads: Reads) -> list[str]:
    """Statements that make ``exposure_<name>`` and its companions, in order; columns read are noted in ``reads``.

    Raises BadInput ``exposure-supply`` for an exposure without a rule of days' supply.
    """
    exposure = study.exposures[name]
    if exposure.eras is None:
        raise BadInput("exposure-supply", file="study", field=f"exposures.{name}", exposure=name)
    eras, x = exposure.eras, f"exposure_{name}"
    found = [_made(f"{x}_dispensings", dispensings(study.codes[exposure.codes], eras, reads))]
    found += _companions(study, eras, x, reads)
    found.append(_made(f"{x}_supplies", _supplies(eras, x)))
    found.append(_made(f"{x}_cover", _cut_out(eras, x, _periods(eras, x, gap=0))))
    shifted = _shifted(eras, _periods(eras, x, gap=eras.grace_days))
    if _chooses(eras, "exclude"):
        found.append(_made(f"{x}_whole", f"SELECT * EXCLUDE (cut_day) FROM ({shifted})"))
    found.append(_made(x, _cut_out(eras, x, shifted)))
    return found


def exposure_clear(name: str) -> list[str]:
    """Statements that drop what ``exposure_statements`` made."""
    return [f"DROP TABLE IF EXISTS exposure_{name}{suffix}" for suffix in _SUFFIXES]


def _made(table: str, select: str) -> str:
    return f"CREATE OR REPLACE TEMP TABLE {table} AS {select}"


def _chooses(eras: Eras, how: str) -> bool:
    return any(choice == how for choice, _ in eras.unobserved)


def _cuts(eras: Eras) -> bool:
    return _chooses(eras, "censor") or eras.switch_to is not None


def _companions(study: Study, eras: Eras, x: str, reads: Reads) -> list[str]:
    """Tables of time away, of the clock, of the other drug's days, of cuts: those that the choices need."""
    found = []
    if eras.unobserved:
        found.append(away(f"{x}_away", eras, reads))
    if _chooses(eras, "extend"):
        found.append(clock(f"{x}_clock", f"{x}_away"))
    if eras.switch_to is not None:
        domain, codes = DOMAIN["drug"], study.codes[study.exposures[eras.switch_to].codes]
        date = reads.column(domain.table, domain.date)
        where = f"{date} IS NOT NULL AND {matches(codes, domain, reads)}"
        found.append(
            _made(f"{x}_switch", f"SELECT DISTINCT person_id, {date} AS day FROM {domain.table} WHERE {where}")
        )
    if _cuts(eras):
        censors = f"{x}_away" if _chooses(eras, "censor") else None
        found.append(cuts(f"{x}_cuts", censors, f"{x}_switch" if eras.switch_to is not None else None))
    return found


def _supplies(eras: Eras, x: str) -> str:
    """One row a person and day of dispensing: the day its supply begins, the next cut, begin and end on the clock of supply, and the
    days without drug before it (``gap``, not above 0: none)."""
    before = "PARTITION BY person_id, cut_day ORDER BY t0, day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    ended = stocked(_on_clock(eras, x, _begun(eras, x, _by_day(eras, x))), eras)
    return f"SELECT *, t0 - max(t1) OVER ({before}) AS gap FROM ({ended})"


def _by_day(eras: Eras, x: str) -> str:
    """Supplies of one day as one. ``product``: those of one product add up, different products run side by side."""
    total = "CAST(sum(days) AS BIGINT)" if eras.overlap == "add" else "max(days)"
    counted = f"SELECT *, 1 AS dispensings FROM {x}_dispensings"
    if eras.overlap == "product":
        summed = f"CAST(sum(days) AS BIGINT) AS days, {_SUMS}"
        counted = f"SELECT person_id, day, product, {summed}\n  FROM ({counted}) GROUP BY person_id, day, product"
    return f"SELECT person_id, day, {total} AS days, {_SUMS} FROM ({counted}) GROUP BY person_id, day"


def _begun(eras: Eras, x: str, by_day: str) -> str:
    """``begins``: the day of dispensing, or the day of leaving a stay that censors; ``cut_day``: the next cut (far when there is none)."""
    if _chooses(eras, "censor"):
        by_day = (
            "SELECT d.*, CAST(CASE WHEN d.day < a.after THEN a.after ELSE d.day END AS DATE) AS begins\n"
            f"  FROM ({by_day}) d ASOF LEFT JOIN (SELECT * FROM {x}_away WHERE how = 'censor') a\n"
            "    ON a.person_id = d.person_id AND d.day >= a.first"
        )
        by_day = f"SELECT * FROM ({by_day}) WHERE begins < {FOR_GOOD}"
    else:
        by_day = f"SELECT *, day AS begins FROM ({by_day})"
    if not _cuts(eras):
        return f"SELECT *, {FOR_GOOD} AS cut_day FROM ({by_day})"
    return (
        f"SELECT d.*, coalesce(c.cut_day, {FOR_GOOD}) AS cut_day FROM ({by_day}) d\n"
        f"  ASOF LEFT JOIN {x}_cuts c ON c.person_id = d.person_id AND d.begins < c.cut_day"
    )


def _on_clock(eras: Eras, x: str, begun: str) -> str:
    """``t0``: the reading of the clock of supply on the day the supply begins; the clock stands still on days that extend."""
    if not _chooses(eras, "extend"):
        return f"SELECT *, begins - {EPOCH} AS t0 FROM ({begun})"
    return (
        f"SELECT b.*, coalesce(CASE WHEN b.begins < k.after THEN k.at ELSE b.begins - {EPOCH} - k.before - k.length END,\n"
        f"    b.begins - {EPOCH}) AS t0\n  FROM ({begun}) b ASOF LEFT JOIN {x}_clock k ON k.person_id = b.person_id AND b.begins >= k.first"
    )


def _periods(eras: Eras, x: str, *, gap: int) -> str:
    """Supplies joined over at most ``gap`` days without drug, and never over a cut; back on the calendar."""
    begun = f"CASE WHEN gap <= {gap} THEN 0 ELSE 1 END"
    joined = (
        f"SELECT person_id, cut_day, min(begins) AS start_date, max(t1) AS t1, {_SUMS} FROM (\n"
        f"  SELECT *, sum({begun}) OVER (PARTITION BY person_id, cut_day ORDER BY t0, day) AS period FROM {x}_supplies)\n"
        "GROUP BY person_id, cut_day, period"
    )
    counted = ", ".join(COUNTED)
    if not _chooses(eras, "extend"):
        last = f"{EPOCH} + CAST(t1 - 1 AS INTEGER)"
        return f"SELECT person_id, start_date, CAST(least({last}, cut_day - 1) AS DATE) AS end_date, cut_day, {counted} FROM ({joined})"
    last = f"{EPOCH} + CAST(j.t1 - 1 + coalesce(k.before + k.length, 0) AS INTEGER)"
    return (
        f"SELECT j.person_id, start_date, CAST(least({last}, cut_day - 1) AS DATE) AS end_date, cut_day, {counted}\n"
        f"FROM ({joined}) j ASOF LEFT JOIN {x}_clock k ON k.person_id = j.person_id AND j.t1 - 1 >= k.at"
    )


def _shifted(eras: Eras, periods: str) -> str:
    """Eras begin ``induction_days`` later and end ``lag_days`` later, not past a cut; those that meet are joined."""
    if not (eras.lag_days or eras.induction_days):
        return periods
    moved = (
        f"SELECT person_id, cut_day, start_date + {eras.induction_days} AS start_date,\n"
        f"    CAST(least(end_date + {eras.lag_days}, cut_day - 1) AS DATE) AS end_date, {', '.join(COUNTED)} FROM ({periods})"
    )
    before = "PARTITION BY person_id, cut_day ORDER BY start_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    return (
        f"SELECT person_id, min(start_date) AS start_date, max(end_date) AS end_date, cut_day, {_SUMS} FROM (\n"
        "  SELECT *, sum(begun) OVER (PARTITION BY person_id, cut_day ORDER BY start_date) AS period FROM (\n"
        f"    SELECT *, CASE WHEN start_date <= max(end_date) OVER ({before}) + 1 THEN 0 ELSE 1 END AS begun\n"
        f"    FROM ({moved}) WHERE start_date <= end_date))\nGROUP BY person_id, cut_day, period"
    )


def _cut_out(eras: Eras, x: str, periods: str) -> str:
    """The periods as they are kept: without days that exclude."""
    if not _chooses(eras, "exclude"):
        return f"SELECT person_id, start_date, end_date, {', '.join(COUNTED)} FROM ({periods})"
    return f"WITH periods AS ({periods})\n" + without_away("periods", f"{x}_away", COUNTED)
