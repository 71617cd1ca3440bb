# SPDX-License-Identifier: Apache-2.0
"""Rates and shares with their intervals, one a line from zero on, with the counts behind them and the numbers in words.

How the lines are laid out: figure_lines.py. Ratios: figure_ratios.py.
"""

from collections.abc import Mapping
from typing import Any

from rempart.adapters.figure_lines import Line, forest
from rempart.adapters.figure_map import is_mapped
from rempart.adapters.figure_ratios import axis_of, line_of
from rempart.adapters.figure_words import Words, arms_of, groups
from rempart.records.result import CheckedTable, ResultRow

_LINES = 60  # more are read in the table
_CROSSED = "*"
_RATE = ("rate", "rate_lower", "rate_upper")
_RISK = ("risk", "lower", "upper")
_SHARE = ("prevalence", "prevalence_lower", "prevalence_upper")
Rows = Mapping[str, ResultRow]


def incidence(table: CheckedTable, words: Words) -> Any:
    """One line for each outcome and arm; None when no rate may be shown."""
    outcomes = dict.fromkeys(row.row_key.get("outcome", "") for row in table.rows)
    found = groups(table)
    lines = []
    for outcome in outcomes:
        for arm in arms_of(table):
            for (row, column), statistics in found.items():
                mine = dict(row).get("outcome", "") == outcome and dict(column).get("arm", "") == arm
                if mine and _RATE[0] in statistics:  # of some tables a sum has outcomes and no rate
                    group = "" if len(outcomes) == 1 else words.say(outcome)
                    shape = ("diamond" if arm == "all" else "square", words.colour(arm))
                    cells = _behind(table, words, statistics)
                    lines.append(
                        line_of(words.arm(arm, table), statistics, _RATE, words, group=group, cells=cells, shape=shape)
                    )
    return _from_zero(lines, table, words, kind="incidence", unit=_unit(table, words, "rate"))


def rates_by(table: CheckedTable, words: Words) -> Any:
    """One line for each level of each variable that is not a crossing; None when no rate may be shown."""
    return _from_zero(_by_level(table, words, _RATE), table, words, kind="incidence", unit=_unit(table, words, "rate"))


def prevalences(table: CheckedTable, words: Words) -> Any:
    """One line for each time and level; None when no share may be shown."""
    unit = words.of_type("prevalence", "axis")
    return _from_zero(_by_level(table, words, _SHARE), table, words, kind="prevalence", unit=unit)


def risks(table: CheckedTable, words: Words) -> Any:
    """One line for each arm by the end of each day, with its outcomes; None when no risk may be shown."""
    found, lines = groups(table), []
    days = {dict(row).get("day", "") for row, _ in found}
    models = {dict(row).get("model", "") for row, _ in found}
    colours = dict(zip(arms_of(table), words.arm_scale(arms_of(table), table)[1], strict=True))
    for arm in arms_of(table):
        for (row, column), statistics in found.items():
            keys = dict(row)
            if dict(column).get("arm", "") == arm and _RISK[0] in statistics:
                telling = [words.say(keys["model"])] if len(models) > 1 else []
                telling += [f"{words.say('day')} {int(keys['day'])}"] if len(days) > 1 else []
                cells, shape = _behind(table, words, statistics), ("square", colours[arm])
                group = " · ".join(telling)
                lines.append(
                    line_of(words.arm(arm, table), statistics, _RISK, words, group=group, cells=cells, shape=shape)
                )
    order = list(dict.fromkeys(line.group for line in lines))
    lines.sort(key=lambda line: order.index(line.group))
    return _from_zero(lines[:_LINES], table, words, kind="risk", unit=words.of_type("risk", "axis"))


def _unit(table: CheckedTable, words: Words, statistic: str) -> str:
    """The unit that the table itself gives: of years of persons, or of inhabitants."""
    return next((words.unit(row.unit) for row in table.rows if row.statistic == statistic), "")


def _counts(table: CheckedTable) -> list[str]:
    """The counts that stand behind each estimate of the table: what happened, and among what."""
    known = {row.statistic for row in table.rows}
    among = next((name for name in ("inhabitant_years", "person_years", "inhabitants", "persons") if name in known), "")
    return [name for name in ("events", "cases", among) if name in known]


def _behind(table: CheckedTable, words: Words, statistics: Rows) -> tuple[str, ...]:
    return tuple(words.counted(statistics.get(name)) for name in _counts(table))


def _by_level(table: CheckedTable, words: Words, statistics: tuple[str, str, str]) -> list[Line]:
    """Lines by variable and level, and within them by time where there are several; places that a map shows stand on it."""
    times = {row.row_key.get("time", "") for row in table.rows}
    mapped = is_mapped(table, words)
    lines = []
    for (row, _), found in groups(table).items():
        keys = dict(row)
        if _CROSSED in keys.get("variable", "") or (mapped and keys.get("variable") == "place"):
            continue
        whole = keys.get("level") == "all"
        level = words.arm("all", table) if whole else words.say(keys.get("level", ""))
        group = "" if whole else words.say(keys.get("variable", ""))
        if len(times) > 1:
            group, level = level if whole else f"{group} · {level}", words.say(keys["time"])
        shape = ("diamond", words.colour("all")) if whole else ("square", words.colour("target"))
        cells = _behind(table, words, found)
        lines.append(line_of(level, found, statistics, words, group=group, cells=cells, shape=shape))
    order = list(dict.fromkeys(line.group for line in lines))
    if mapped and len(order) == 1:
        return []
    return sorted(lines, key=lambda line: order.index(line.group))[:_LINES]


def _from_zero(lines: list[Line], table: CheckedTable, words: Words, *, kind: str, unit: str) -> Any:
    most = max((line.most for line in lines if line.value is not None), default=None)
    if most is None:
        return None
    heads: list[list[str]] = [[words.say(f"head_{name}")] for name in _counts(table)]
    scale = {"domain": [0, most * 1.04 or 1], "nice": False, "zero": True}
    axis = axis_of(words, unit, tickCount=5)
    return forest(lines, words, heads=[*heads, [words.of_type(kind, "head")]], scale=scale, axis=axis, one=None)
