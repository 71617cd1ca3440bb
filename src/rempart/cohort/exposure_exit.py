# SPDX-License-Identifier: Apache-2.0
"""Leaving a rule cohort with the end of continuous exposure, as SQL: after the last covered day and the grace, whoever comes back or not.

A gap that a later dispensing closes must be exposed time for those too who never have that dispensing; else who comes back is safe
until then (immortal time). Runs nothing.
"""

from rempart.cohort.generate import eras_sql
from rempart.records.exposure import Eras

_EVENT = "person_id, event_id"


def exposure_end(index: str, exposure: str, eras: Eras | None, grace_days: int) -> str:
    """SELECT of person_id, event_id, day: the last day of the exposure that the entry event's day lies in, its own day outside any.

    ``grace_days``: the exit's; the exposure's own where that is longer. Days of stays that extend are covered, with the grace after
    them; the day before a switch or a stay that censors ends it.
    """
    grace = max(grace_days, eras.grace_days if eras is not None else 0)
    covered = f"SELECT person_id, start_date, end_date + {grace} AS end_date FROM exposure_{exposure}"
    chosen = {choice for choice, _ in eras.unobserved} if eras is not None else set[str]()
    spans = covered
    if "extend" in chosen:
        spans += (
            f" UNION ALL SELECT person_id, CAST(first AS DATE), CAST(after AS DATE) + {grace - 1} "
            f"FROM exposure_{exposure}_away WHERE how = 'extend'"
        )
    sql = (
        f"SELECT i.person_id, i.event_id, coalesce(max(a.end_date), i.start_date) AS day FROM {index} AS i "
        f"LEFT JOIN ({eras_sql(spans, 1)}) AS a ON a.person_id = i.person_id AND i.start_date BETWEEN a.start_date AND a.end_date\n"
        f"AND (i.person_id, i.event_id) IN (SELECT (j.person_id, j.event_id) FROM {index} AS j JOIN ({covered}) AS c "
        "ON c.person_id = j.person_id AND j.start_date BETWEEN c.start_date AND c.end_date)\n"
        "GROUP BY i.person_id, i.event_id, i.start_date"
    )
    if "censor" not in chosen and (eras is None or eras.switch_to is None):
        return sql
    cut = (
        f"SELECT i.person_id, i.event_id, min(c.cut_day) - 1 AS cut FROM {index} AS i JOIN exposure_{exposure}_cuts AS c "
        "ON c.person_id = i.person_id AND c.cut_day > i.start_date GROUP BY i.person_id, i.event_id"
    )
    return f"SELECT {_EVENT}, least(e.day, c.cut) AS day FROM ({sql}) AS e LEFT JOIN ({cut}) AS c USING ({_EVENT})"
