# SPDX-License-Identifier: Apache-2.0
"""Ratios with their intervals, one a line on a log axis, with the counts behind them: hazard ratios, odds ratios, whatever is a ratio.

How the lines are laid out: figure_lines.py. Rates and shares: figure_forest.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_lines import Line, forest
from rempart.adapters.figure_words import Words, groups, hidden, shown, wrapped
from rempart.records.result import CheckedTable, ResultRow

_LINES = 60  # more are read in the table
_TITLE = 46  # letters of a line of the axis's title
_SIDES = ": "  # before what the two sides of 1 say
# What tells ratios apart, in the order in which a label says it; the first of the subjects is a heading where models are told apart too.
_DIMENSIONS = ("analysis", "outcome", "exposure", "variable", "level", "window", "term", "estimand", "model")
_ID = "analysis"  # an id is no word of a language
_SUBJECTS = ("outcome", "exposure", "term")
# Arms whose counts stand beside.
_PAIRS = (("target", "comparator"), ("exposed", "unexposed"), ("risk", "reference"), ("all",))
_CORRECTED = ("corrected_ratio", "corrected_lower", "corrected_upper")
_OWN = 2  # arms of a line that has a state of its own and the one it is compared with
_COUNTS = ("events", "persons", "cases", "controls")
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_WIDEST = (0.005, 200.0)  # an interval beyond ends at the edge of the plot
_FEW_TICKS = (0.5, 0.75, 1, 1.5, 2)
Rows = Mapping[str, ResultRow]
Keys = Mapping[str, str]


def ratios(table: CheckedTable, words: Words) -> Any:
    """One line for each ratio, with the counts of both arms; None when no ratio may be shown."""
    arms = _arms_beside(table)
    lines = ratio_lines(table, words, arms=arms)
    if not any(line.bounds for line in lines):
        return None
    scale, axis = ratio_axis([line.bounds for line in lines if line.bounds], words, words.of(table, "axis"))
    counts = " / ".join(words.say(f"head_{name}") for name in _counts(table))
    heads = [[words.arm(arm, table) if arm else words.say("head_in_state"), counts] for arm in arms]
    return forest(lines[:_LINES], words, heads=[*heads, [words.of(table, "head")]], scale=scale, axis=axis, one=1)


def _arms_beside(table: CheckedTable) -> tuple[str, ...]:
    """The arms whose counts stand beside every ratio: a pair that all lines have; else the line's own state (``''``) and the one that all
    are compared with."""
    lines = [
        {dict(column).get("arm", "") for (row, column) in groups(table) if column and _bare(row) == line}
        for line in {
            _bare(row) for (row, column), found in groups(table).items() if not column and ratio_of(table) in found
        }
    ]
    known = next((pair for pair in _PAIRS if any(set(pair) <= arms for arms in lines)), ())
    if known or not lines:
        return known
    common = sorted(set.intersection(*lines) - {"all"})
    own = all(len(arms - {"all"}) == _OWN for arms in lines)
    return ("", common[0]) if own and len(common) == 1 else tuple(common)


def corrected(table: CheckedTable, words: Words) -> Any:
    """One line for each stated error, with what the ratio would be without it; None when none may be shown. E-values are read."""
    named = {row.row_key.get("term", "") for row in table.rows if row.statistic == _CORRECTED[0]}
    lines = []
    for (row, column), statistics in groups(table).items():
        keys = dict(row)
        if column or _CORRECTED[0] not in statistics:
            continue
        group = words.say(keys.get("term", "")) if len(named) > 1 else ""
        shape = ("square", words.colour("target"))
        label = words.say(keys.get("scenario", ""))
        lines.append(line_of(label, statistics, _CORRECTED, words, cells=(), shape=shape, group=group))
    if not any(line.bounds for line in lines):
        return None
    scale, axis = ratio_axis([line.bounds for line in lines if line.bounds], words, words.of_type("ratio", "axis"))
    lines.sort(key=lambda line: line.group)
    return forest(lines[:_LINES], words, heads=[[words.of(table, "head")]], scale=scale, axis=axis, one=1)


def ratio_of(table: CheckedTable) -> str:
    """The statistic of a table that is a ratio with an interval (``hazard_ratio``, ``ratio``); '' where it has none."""
    known = {row.statistic for row in table.rows}
    found = [name for name in known if name == "ratio" or name.endswith("_ratio")]
    plain = [name for name in found if not name.startswith(("calibrated_", "corrected_"))]
    return min(plain) if plain and {"lower", "upper"} <= known else ""


def ratio_lines(table: CheckedTable, words: Words, *, arms: Sequence[str], group: str = "") -> list[Line]:
    """A line for each ratio of a table; ``arms``: whose counts stand beside it; ``group``: the heading of all of them."""
    ratio, telling = ratio_of(table), _telling(table)
    found = {(_bare(row), column): rows for (row, column), rows in groups(table).items()}
    subject = next((name for name in _SUBJECTS if name in telling), "") if len(telling) > 1 else ""
    lines: dict[str, list[Line]] = {}
    for (row, column), statistics in found.items():
        if ratio not in statistics or (column and dict(column).get("arm") != "all"):
            continue
        keys = dict(row)
        names = [
            keys[name] if name == _ID else words.say(keys[name], table.output)
            for name in telling
            if keys.get(name) and (group or name != subject)
        ]
        cells = tuple(_counted(table, words, _of_arm(found, row, arm, arms)) for arm in arms)
        shape = ("square", words.colour("target"))
        if keys.get("model") == "crude" and "model" in telling:
            shape = ("circle", words.colour("comparator"))
        lines.setdefault(keys.get(subject, ""), []).append(
            line_of(
                " · ".join(names) or words.say("target"),
                statistics,
                (ratio, "lower", "upper"),
                words,
                cells=cells,
                shape=shape,
                group=group or words.say(keys.get(subject, "")),
            )
        )
    return [line for mine in lines.values() for line in mine]


def _of_arm(found: Mapping[Any, Rows], row: Any, arm: str, arms: Sequence[str]) -> Rows:
    """The counts of an arm of a line; of its own state, those of the arm that is neither the common one nor everybody."""
    if arm:
        return found.get((row, (("arm", arm),)), {})
    named = [column for (other, column) in found if other == row and column]
    own = next((column for column in named if dict(column)["arm"] not in {*arms, "all"}), ())
    return found.get((row, own), {})


def ratio_axis(bounds: Sequence[tuple[float, float]], words: Words, title: str) -> tuple[dict[str, Any], Any]:
    """A log scale around 1 that holds all of these bounds, and its axis with few round marks."""
    low, high = min(0.5, *(each[0] for each in bounds), 0.5) * 0.94, max(2.0, *(each[1] for each in bounds), 2.0) * 1.06
    low, high = max(low, _WIDEST[0]), min(high, _WIDEST[1])
    marks = [tick for tick in (_FEW_TICKS if high < 5 and low > 0.2 else _TICKS) if low <= tick <= high]
    scale = {"type": "log", "domain": [low, high], "nice": False, "clamp": True}
    return scale, axis_of(words, title, values=marks, format="~r")


def line_of(
    label: str,
    found: Rows,
    statistics: tuple[str, str, str],
    words: Words,
    *,
    cells: Sequence[str],
    shape: tuple[str, str],
    group: str = "",
) -> Line:
    """A line of a forest; where the estimate is there and its interval is not, the words say so."""
    value, bounds = shown(found, statistics[0]), shown(found, *statistics[1:])
    if value is None:
        text = words.say("suppressed" if hidden(found, statistics[0]) else "not_estimated")
    elif bounds is None:
        text = f"{words.estimate(value[0], form='#.3g')} ({words.say('no_interval')})"
    else:
        text = words.interval(value[0], *bounds, form="#.3g")
    spoken = f"{f'{group}, ' if group else ''}{label}: {text}"
    pair = None if value is None or bounds is None else (bounds[0], bounds[1])
    drawn = None if value is None else value[0]
    return Line(
        group=group, label=label, cells=tuple(cells), text=text, spoken=spoken, value=drawn, bounds=pair, shape=shape
    )


def axis_of(words: Words, title: str, **more: Any) -> Any:
    """The axis under a forest; a title that says what its sides mean stands in two lines."""
    kind, colon, sides = title.partition(_SIDES)
    lines = [kind.rstrip(), sides] if colon and len(title) > _TITLE else wrapped(title, _TITLE)
    return alt.Axis(title=lines, labelExpr=words.axis_numbers(), grid=False, labelFlush=False, **more)


def _bare(row: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """A row's key without the note that only the estimate has."""
    return tuple((name, text) for name, text in row if name != "note")


def _counts(table: CheckedTable) -> list[str]:
    known = {row.statistic for row in table.rows}
    return [name for name in _COUNTS if name in known]


def _counted(table: CheckedTable, words: Words, rows: Rows) -> str:
    """Events / persons of an arm, or cases / controls."""
    return " / ".join(text for name in _counts(table) if (text := words.counted(rows.get(name))))


def _telling(table: CheckedTable) -> list[str]:
    """The dimensions that tell the lines apart; what all lines share is said by the title."""
    ratio = ratio_of(table)
    keys = [row.row_key for row in table.rows if row.statistic == ratio]
    names = [name for name in _DIMENSIONS if len({key.get(name, "") for key in keys}) > 1]
    models = {key.get("model", "") for key in keys}
    if "estimand" in names and len({(key.get("model"), key.get("estimand")) for key in keys}) == len(models):
        names.remove("estimand")
    return names or ["model", "term"]
