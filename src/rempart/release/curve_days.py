# SPDX-License-Identifier: Apache-2.0
"""Which days of a curve were to be shown and are not, in words. A day that is left out is absent from its table: nothing else would say so.

Tells days alone, which follow from the study file and the table; of no count.
"""

import datetime
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from rempart.records.result import CheckedTable
from rempart.release.subjects import analysis_of

LEFT_OUT = "left out"  # under which a figure is told of them
_CURVE = "survival"
_AFTER_LAG = frozenset({"kaplan_meier", "cumulative_incidence"})  # comparisons: their first day is the end of the lag
_DESCRIBED = "follow_up"
_LISTED = 6  # days that are named one by one


def curve_note(
    table: CheckedTable, *, study: Mapping[str, Any], words: Mapping[str, Any], labels: Mapping[str, str], language: str
) -> str:
    """``Days not shown: 180 to 720, every 90 days. …``, by arm where arms differ; '' where every day of the design is there.

    ``study``: in canonical form; ``words``: the parsed ``release/words.toml``; ``labels``: names to read for arms.
    """
    designed = _designed(table, study, words)
    if not designed:
        return ""
    arms = list(dict.fromkeys(row.column_key.get("arm", "") for row in table.rows)) or [""]
    hidden = {arm: tuple(day for day in designed if day not in _days(table, arm)) for arm in arms}
    if not any(hidden.values()):
        return ""
    forms = words["curves"][language]
    if len(set(hidden.values())) == 1:
        told = _spoken(next(iter(hidden.values())), forms)
    else:
        told = "; ".join(
            forms["of"].format(arm=labels.get(f"{table.output}:{arm}", labels.get(arm, arm)), days=_spoken(days, forms))
            for arm, days in hidden.items()
            if days
        )
    return f"{forms['left_out'].format(days=told)} {forms['why']}"


def _days(table: CheckedTable, arm: str) -> frozenset[int]:
    return frozenset(int(row.row_key["day"]) for row in table.rows if row.column_key.get("arm", "") == arm)


def _designed(table: CheckedTable, study: Mapping[str, Any], words: Mapping[str, Any]) -> list[int]:
    """The days that the study asks for, as study/time_to_event.py and study/describe_persons.py write them."""
    item = analysis_of(table.output, study, words) if table.output_type == _CURVE else None
    step = int((item or {}).get("parameters", {}).get("grid_days", 0))
    if item is None or not step or item["type"] not in _AFTER_LAG | {_DESCRIBED}:
        return []
    protocol = study["protocol"]
    first, last = (datetime.date.fromisoformat(str(day)) for day in protocol["period"])
    end = int(protocol.get("follow_up_days") or (last - first).days)
    if item["type"] == _DESCRIBED:
        return list(range(0, end + 1, step))
    lag = int(protocol.get("lag_days", 0))
    return [lag, *(day for day in range(0, end + 1, step) if day > lag)]


def _spoken(days: Sequence[int], forms: Mapping[str, str]) -> str:
    """A few days by name; more by the first, the last and the step where they have one."""
    if len(days) <= _LISTED:
        return ", ".join(map(str, days))
    steps = {after - before for before, after in pairwise(days)}
    form = forms["every"] if len(steps) == 1 else forms["among"]
    return form.format(first=days[0], last=days[-1], step=min(steps), count=len(days))
