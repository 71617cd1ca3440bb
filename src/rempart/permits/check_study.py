# SPDX-License-Identifier: Apache-2.0
"""The proof that a study reads nothing outside its permit: columns, look-back, depth, period. Refuses; never narrows in silence."""

import datetime
from collections.abc import Mapping

from rempart.errors import Refused
from rempart.records.cohort_future import all_days_before
from rempart.records.omop import TableLayout
from rempart.records.permit import Permit
from rempart.records.study import Study

_FOUR_YEARS = 1461  # days


def check_study(
    study: Study,
    permit: Permit,
    layouts: Mapping[str, TableLayout],
    *,
    required: Mapping[str, frozenset[str]],
) -> None:
    """``required``: table → columns the study's SQL reads (``cohort.required.required_columns``).

    Raises Refused ``study-permit`` (another permit), ``study-column``, ``study-period``, ``window-before-lookback``,
    ``window-beyond-depth``, ``landmark-after-data``.
    """
    if study.permit != permit.id:
        raise Refused("study-permit", study=study.permit, permit=permit.id)
    for table, columns in sorted(required.items()):
        for column in sorted(columns):
            known = table in layouts and layouts[table].sibling_of(column) is not None
            if not known or column not in permit.tables.get(table, ()):
                raise Refused("study-column", table=table, column=column, permit=permit.id)
    _check_days(study, permit)


def _check_days(study: Study, permit: Permit) -> None:
    own = {f"cohorts.{name}.period": rule.period for name, rule in study.rules.items() if rule.period is not None}
    for what, (first, last) in {"protocol.period": study.protocol.period, **own}.items():
        if first < permit.period[0] or last > permit.period[1]:
            begins, ends = permit.period[0].isoformat(), permit.period[1].isoformat()
            raise Refused("study-period", what=what, permit=permit.id, begins=begins, ends=ends)
    _check_depth(study, permit)
    for window in study.windows():
        first = window.begins or study.protocol.period[0]
        if (first - permit.first_day).days + window.first < 0:
            begins = _day_before(first, -window.first)
            raise Refused(
                "window-before-lookback",
                what=window.what,
                begins=begins,
                lookback=permit.first_day.isoformat(),
                permit=permit.id,
            )
    _check_landmarks(study, permit)


def _check_depth(study: Study, permit: Permit) -> None:
    """No rule looks further before a time zero than the permit's years of history, wherever in the period that lies."""
    if not permit.depth:
        return
    far = [window.what for window in study.windows() if -window.first > permit.depth * _FOUR_YEARS // 4]
    far += [f"cohorts.{cohort}.atlas.{part}" for cohort, part in all_days_before(study.rules)]
    if far:
        raise Refused("window-beyond-depth", what=far[0], depth=permit.depth, permit=permit.id)


def _check_landmarks(study: Study, permit: Permit) -> None:
    """A landmark that nobody can reach would be a cohort of nobody."""
    for name, rule in study.rules.items():
        begins, _ = rule.period or study.protocol.period
        if isinstance(rule.landmark, int) and (permit.period[1] - begins).days < rule.landmark:
            what, ends = f"cohorts.{name}.landmark_days", permit.period[1].isoformat()
            raise Refused("landmark-after-data", what=what, days=rule.landmark, ends=ends, permit=permit.id)


def _day_before(day: datetime.date, days: int) -> str:
    return (
        (day - datetime.timedelta(days=days)).isoformat() if days < day.toordinal() else datetime.date.min.isoformat()
    )
