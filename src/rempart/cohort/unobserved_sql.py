# SPDX-License-Identifier: Apache-2.0
"""Time in which dispensings cannot be seen (hospital nights, care homes), and days at which an exposure is cut, as SQL of one shard.

Three tables of an exposure x: exposure_x_away (who was away, and what the study makes of it), exposure_x_clock (days on which the clock
of supply stands still), exposure_x_cuts (days at which an exposure ends whatever is left). ``docs/exposure.md`` says what each means.
"""

from collections.abc import Sequence

from rempart.cohort.codes import Reads
from rempart.records.exposure import Eras

EPOCH, FOR_GOOD = "DATE '1900-01-01'", "DATE '9999-12-31'"


def away(table: str, eras: Eras, reads: Reads) -> str:
    """``table(person_id, how, first, after)``: stays by choice, joined where they touch; ``after``: the first day not away.

    A hospital stay is its nights (the day of leaving is no day of it); a day in a care home counts whole. A stay without an end is for
    good; where it extends, to the person's last observed day.
    """
    visit = "visit_occurrence"
    concept, begins, ends = (
        reads.column(visit, name) for name in ("visit_concept_id", "visit_start_date", "visit_end_date")
    )
    last = reads.column("observation_period", "observation_period_end_date")
    choices = ((eras.hospital_days, eras.hospital_visits, 0), (eras.care_home, eras.care_home_visits, 1))
    stays = "\n  UNION ALL ".join(
        f"SELECT person_id, '{how}' AS how, {begins} AS first, {ends} AS last, {more} AS more FROM {visit} "
        f"WHERE {concept} IN ({', '.join(map(str, visits))}) AND {begins} IS NOT NULL"
        for how, visits, more in choices
        if how != "ignore"
    )
    open_end = f"CASE WHEN how = 'extend' THEN observed ELSE {FOR_GOOD} END"
    return (
        f"CREATE OR REPLACE TEMP TABLE {table} AS WITH seen AS (SELECT person_id, max({last}) AS observed\n"
        f"  FROM observation_period GROUP BY person_id),\n"
        f"stays AS (SELECT person_id, how, first, coalesce(last, {open_end}, first) + more AS after\n"
        f"  FROM ({stays})\n  LEFT JOIN seen USING (person_id)),\n"
        "begun AS (SELECT *, CASE WHEN first <= max(after) OVER (PARTITION BY person_id, how ORDER BY first, after\n"
        "    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS begins FROM stays WHERE after > first),\n"
        "numbered AS (SELECT *, sum(begins) OVER (PARTITION BY person_id, how ORDER BY first, after) AS stay FROM begun)\n"
        "SELECT person_id, how, min(first) AS first, max(after) AS after FROM numbered GROUP BY person_id, how, stay"
    )


def clock(table: str, stays: str) -> str:
    """``table(person_id, first, after, at, before, length)``: stretches in which the clock stands; ``at``: its reading there,
    ``before``: days it stood earlier."""
    return (
        f"CREATE OR REPLACE TEMP TABLE {table} AS WITH lengths AS (SELECT person_id, first, after, after - first AS length\n"
        f"  FROM {stays} WHERE how = 'extend'),\n"
        "earlier AS (SELECT *, CAST(coalesce(sum(length) OVER (PARTITION BY person_id ORDER BY first\n"
        "    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS BIGINT) AS before FROM lengths)\n"
        f"SELECT *, first - {EPOCH} - before AS at FROM earlier"
    )


def cuts(table: str, stays: str | None, switch: str | None) -> str:
    """``table(person_id, cut_day)``: the first days of stays that censor, the dispensing days of the other drug."""
    parts = [f"SELECT person_id, first AS cut_day FROM {stays} WHERE how = 'censor'"] if stays else []
    parts += [f"SELECT person_id, day AS cut_day FROM {switch}"] if switch else []
    return (
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT DISTINCT person_id, cut_day FROM ("
        + " UNION ALL ".join(parts)
        + ")"
    )


def without_away(periods: str, stays: str, counted: Sequence[str]) -> str:
    """SELECT of ``periods`` (person_id, start_date, end_date, columns ``counted``) without the days of stays that exclude.

    What was counted of a period stands on the first piece that is left of it; the others have 0 dispensings, no amount.
    """
    excluded = f"(SELECT person_id, first, after FROM {stays} WHERE how = 'exclude')"
    begun = (
        f"SELECT person_id, start_date AS era, end_date, start_date AS start FROM {periods}\n"
        f"  UNION ALL SELECT p.person_id, p.start_date, p.end_date, a.after FROM {periods} p JOIN {excluded} a\n"
        "    ON a.person_id = p.person_id AND a.after > p.start_date AND a.after <= p.end_date"
    )
    kept = (
        "SELECT b.*, row_number() OVER (PARTITION BY b.person_id, b.era ORDER BY b.start) AS piece\n"
        f"  FROM ({begun}) b ASOF LEFT JOIN {excluded} a ON a.person_id = b.person_id AND b.start >= a.first\n"
        "  WHERE a.after IS NULL OR b.start >= a.after"
    )
    columns = ", ".join(
        f"CASE WHEN piece = 1 THEN p.{name} ELSE {'0' if name in _ZERO else f'p.{name}'} END AS {name}"
        for name in counted
    )
    last = "CAST(coalesce(least(k.end_date, n.first - 1), k.end_date) AS DATE)"
    return (
        f"SELECT k.person_id, k.start AS start_date, {last} AS end_date, {columns}\n"
        f"FROM ({kept}) k JOIN {periods} p ON p.person_id = k.person_id AND p.start_date = k.era\n"
        f"ASOF LEFT JOIN {excluded} n ON n.person_id = k.person_id AND k.start < n.first"
    )


_ZERO = frozenset({"dispensings", "amount"})
