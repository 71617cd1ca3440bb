# SPDX-License-Identifier: Apache-2.0
"""Follow-up as SQL: from the day the lag ends to outcome, death, or censoring, in whole days since time zero.

A row covers (entry_day, exit_day]; on one day the outcome comes before death, death before censoring (statistics.md 2.1).
"""

import datetime

from rempart.cohort.codes import Reads
from rempart.cohort.exposure_exit import exposure_end
from rempart.cohort.outcomes import by_cause, outcome_events
from rempart.records.exposure_uses import supplied_arms
from rempart.records.protocol import Frame
from rempart.records.study import Study

EVENT, DEATH, UNKNOWN, CENSORED = (
    1,
    2,
    3,
    0,
)  # values of ``status``; 3: a death of unknown cause, where causes are asked for


def followup_sql(study: Study, frame: Frame, *, cut: datetime.date, reads: Reads, until: str = "") -> str:
    """Statement that makes ``study_follow(person_id, arm, age, pattern, entry_day, exit_day, status)``, ends before entry included.
    ``until``: SQL of the last day on which all sources of the question can be used (NULL: not known); '' where no session tells it."""
    outcome = outcome_events(study, frame.outcome, reads)
    unknown = by_cause(study, frame.outcome)
    ctes = [
        f"outcome AS (SELECT i.person_id, min(e.day) AS day FROM study_patterns i JOIN ({outcome}) e\n"
        "  ON e.person_id = i.person_id AND e.day > i.t0 GROUP BY i.person_id)",
        _observed(reads),
        _deaths(study, reads, causes=unknown),
        _stops(study, frame),
    ]
    ends = ["w.last_day", f"DATE '{cut}'", "s.day", *([until] if until else [])]
    if study.protocol.follow_up_days is not None:
        ends.append(f"i.t0 + {study.protocol.follow_up_days}")
    far = "DATE '9999-12-31'"
    return (
        "CREATE OR REPLACE TEMP TABLE study_follow AS WITH " + ",\n".join(ctes) + ",\n"
        f"ends AS (SELECT i.*, coalesce(o.day, {far}) AS outcome_day, coalesce(d.day, {far}) AS death_day,\n"
        f"    {'coalesce(d.unknown, false) AS unknown,' if unknown else ''}\n"
        f"    least({', '.join(ends)}) AS censor_day\n"
        "  FROM study_patterns i JOIN observed w ON w.person_id = i.person_id\n"
        "  LEFT JOIN outcome o ON o.person_id = i.person_id LEFT JOIN deaths d ON d.person_id = i.person_id\n"
        "  LEFT JOIN stops s ON s.person_id = i.person_id)\n"
        f"SELECT person_id, arm, age, pattern, {study.protocol.lag_days}::BIGINT AS entry_day,\n"
        "  least(outcome_day, death_day, censor_day) - t0 AS exit_day,\n"
        f"  CASE WHEN outcome_day <= least(death_day, censor_day) THEN {EVENT}\n"
        f"       WHEN death_day <= censor_day THEN {_state(unknown)} ELSE {CENSORED} END AS status\n"
        "FROM ends"
    )


def _state(unknown: bool) -> str:
    return f"CASE WHEN unknown THEN {UNKNOWN} ELSE {DEATH} END" if unknown else str(DEATH)


def _observed(reads: Reads) -> str:
    """The last observed day of the period of observation that holds time zero."""
    start = reads.column("observation_period", "observation_period_start_date")
    end = reads.column("observation_period", "observation_period_end_date")
    return (
        f"observed AS (SELECT i.person_id, max(o.{end}) AS last_day FROM study_patterns i JOIN observation_period o\n"
        f"  ON o.person_id = i.person_id AND i.t0 BETWEEN o.{start} AND o.{end} GROUP BY i.person_id)"
    )


def _deaths(study: Study, reads: Reads, *, causes: bool) -> str:
    """Day of death, with ``causes`` also whether its cause is unknown. With the month alone:
    its last day, or the last observed day when observation ends within that month."""
    if study.protocol.death == "ignore":
        return "deaths AS (SELECT person_id, t0 AS day, false AS unknown FROM study_patterns WHERE false)"
    column = reads.column("death", "cause_source_value") if causes else ""
    told = f", bool_and(coalesce(x.{column}, '') = '') AS unknown" if causes else ""
    if study.protocol.death == "date":
        date = reads.column("death", "death_date")
        return f"deaths AS (SELECT x.person_id, min(x.{date}) AS day{told} FROM death x WHERE x.{date} IS NOT NULL GROUP BY x.person_id)"
    month = f"min(x.{reads.column('death', 'death_month')})"
    inside = f"date_trunc('month', any_value(w.last_day)) = date_trunc('month', {month})"
    return (
        f"deaths AS (SELECT x.person_id, (CASE WHEN {inside} THEN any_value(w.last_day) ELSE last_day({month}) END)::DATE AS day{told}\n"
        "  FROM death x JOIN observed w ON w.person_id = x.person_id WHERE x.death_month IS NOT NULL GROUP BY x.person_id)"
    )


def _stops(study: Study, frame: Frame) -> str:
    """The day the arm ends: against non-users, starting the target; on treatment, also end of cover and switch."""
    non_users = study.exposures[frame.comparator].non_users
    parts = []
    if non_users:
        parts.append(_starts_other("i.arm = 'comparator' AND u.arm = 'target'"))
    elif study.protocol.on_treatment:
        parts.append(_starts_other("u.arm <> i.arm"))
    if study.protocol.on_treatment:
        parts += _treatment_ends(study, frame)
    if not parts:
        return "stops AS (SELECT person_id, t0 AS day FROM study_patterns WHERE false)"
    return "stops AS (SELECT person_id, min(day) AS day FROM (" + "\nUNION ALL\n".join(parts) + ") GROUP BY person_id)"


def _treatment_ends(study: Study, frame: Frame) -> list[str]:
    """The last day of treatment of each arm of users: by its exposure's periods where the study says how long a supply lasts, as a
    cohort leaves with them; else by the days that its records cover."""
    grace, supplied = study.protocol.grace_days, supplied_arms(study, frame)
    arms = {"target": frame.target, "comparator": frame.comparator}
    users = {arm: name for arm, name in arms.items() if not study.exposures[name].non_users}
    plain = [arm for arm, name in users.items() if name not in supplied]
    found = [_covered(grace, "true" if len(plain) > 1 else f"i.arm = '{plain[0]}'")] if plain else []
    for arm, name in users.items():
        if name in supplied:
            index = f"(SELECT person_id, 0 AS event_id, t0 AS start_date FROM study_patterns WHERE arm = '{arm}')"
            ends = exposure_end(index, name, study.exposures[name].eras, grace)
            found.append(f"SELECT person_id, day FROM ({ends})")
    return found


def _starts_other(condition: str) -> str:
    return (
        "SELECT i.person_id, min(u.day) AS day FROM study_patterns i JOIN study_uses u\n"
        f"  ON u.person_id = i.person_id AND u.day > i.t0 AND {condition} GROUP BY i.person_id"
    )


def _covered(grace: int, condition: str) -> str:
    """Last covered day + grace: the first dispensing later than that begins another treatment, which is not followed."""
    return (
        f"SELECT person_id, max(ends) + {grace} AS day FROM (\n"
        "  SELECT *, sum(CASE WHEN before IS NULL OR day <= before + " + str(grace) + " THEN 0 ELSE 1 END)\n"
        "    OVER (PARTITION BY person_id ORDER BY day) AS gaps FROM (\n"
        "    SELECT i.person_id, u.day, u.ends, max(u.ends) OVER earlier AS before\n"
        "    FROM study_patterns i JOIN study_uses u\n"
        f"      ON u.person_id = i.person_id AND u.arm = i.arm AND u.day >= i.t0 AND {condition}\n"
        "    WINDOW earlier AS (PARTITION BY i.person_id ORDER BY u.day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)))\n"
        "WHERE gaps = 0 GROUP BY person_id"
    )
