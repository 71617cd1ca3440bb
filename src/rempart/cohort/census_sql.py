# SPDX-License-Identifier: Apache-2.0
"""The days on which events can be counted for a census, and the calendar units that can be seen whole, as SQL. Runs nothing.

Who is counted by a census is there every day of the period; who is seen in the sources is not. So the days are told beside the counts.
"""

from collections.abc import Collection, Mapping

from rempart.cohort.sources import analysis_sources
from rempart.cohort.tally_sql import tally
from rempart.records.describing import OBSERVED, CohortAnalysis
from rempart.records.study import Study

SEEN, TIMES = "seen", "times"


def counted_until(study: Study, analysis: CohortAnalysis, until: str) -> str:
    """SQL of the last day on which time and events count: ``until``, for a census the end of the study's period where that is earlier."""
    if analysis.denominator == OBSERVED:
        return until
    last = f"DATE '{study.protocol.period[1]}'"
    return f"least({last}, {until})" if until else last


def census_since(study: Study, analysis: CohortAnalysis, until: str) -> str:
    """SQL of the first day on which all sources can be used, for a census; '' for none, and where no ``until`` is told."""
    if analysis.denominator == OBSERVED or not until:
        return ""
    return _usable_since(analysis_sources(study, analysis))


def _usable_since(sources: Collection[str]) -> str:
    listed = ", ".join(f"'{source}'" for source in sorted(sources))
    return f"(SELECT max(first_day) FROM usable_interval WHERE source IN ({listed}) AND scheme = '')"


def seen_days(since: str, until: str) -> Mapping[str, str]:
    """Part ``seen``: one cell, without persons, of the first and the last usable day; 'unknown' where none is known."""
    day = "SELECT 0 AS person_id, CAST({0} AS DATE) AS since, CAST({1} AS DATE) AS until"
    return {SEEN: tally(day.format(since or "NULL", until or "NULL"), keys=("since", "until"))}


def seen_whole(times: str, since: str, until: str) -> str:
    """Of ``times`` (time, first_day, last_day) those whose every day lies from ``since`` to ``until`` (SQL of days; '' or NULL: no end)."""
    held = [f"first_day >= coalesce({since}, first_day)"] if since else []
    held += [f"last_day <= coalesce({until}, last_day)"] if until else []
    return f"SELECT * FROM ({times}) WHERE {' AND '.join(held)}" if held else times


def told_times() -> Mapping[str, str]:
    """Part ``times``: one cell, without persons, for each time of ``describe_times``: others are not told, nobody being seen then."""
    return {TIMES: tally("SELECT 0 AS person_id, time FROM describe_times", keys=("time",))}
