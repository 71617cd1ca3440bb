# SPDX-License-Identifier: Apache-2.0
"""What stands under the title of a figure: of whom it tells, what it is drawn from, what its marks are, what is left out. Draws none."""

from collections.abc import Callable, Mapping

from rempart.adapters.figure_balance import unshown
from rempart.adapters.figure_controls import outside
from rempart.adapters.figure_curves import sparse_note, starts_above_zero
from rempart.adapters.figure_effects import cumulated
from rempart.adapters.figure_map import time_of
from rempart.adapters.figure_paths import masked_paths
from rempart.adapters.figure_prediction import masked_groups, persons_behind
from rempart.adapters.figure_ratios import ratio_of
from rempart.adapters.figure_words import Words, groups, shown
from rempart.records.result import CheckedTable

Notes = list[str]
_LEFT_OUT = "left out"  # the days of a curve that are not shown, as release/labels.py names them


def under(table: CheckedTable, words: Words, kind: str = "") -> tuple[Notes, Notes]:
    """Lines on the subject of a figure, and lines on how to read it; ``kind``: of a further figure of the table ('': its own)."""
    if kind:
        return _asked(table, words), [words.say("note"), *_FURTHER[kind](table, words)]
    return [*_compared(table, words), *_asked(table, words)], _reading(table, words)


def _compared(table: CheckedTable, words: Words) -> Notes:
    """Who is compared with whom, where the figure's own labels do not say it."""
    ratio = ratio_of(table)
    terms = {row.row_key.get("term", "") for row in table.rows if row.statistic == ratio} if ratio else set()
    return [words.say(term, table.output) for term in terms if term] if len(terms) == 1 else []


def _asked(table: CheckedTable, words: Words) -> Notes:
    """Of whom and of what the figure tells; else the analysis that its output is named after, where several gave one like it."""
    told = words.about.get(table.output, "") or words.asked_for(table)
    return [told] if told else []


def _reading(table: CheckedTable, words: Words) -> Notes:
    """What the figure is drawn from, and how its marks are to be read."""
    if table.output_type == "survival":
        return _of_curve(table, words)
    further = _BY_TYPE.get(table.output_type)
    return [words.say("note"), *(further(table, words) if further else [])]


def _of_curve(table: CheckedTable, words: Words) -> Notes:
    """Of a curve: what its band is, where its axis begins and which days are not shown."""
    banded = [words.say("band_note")] if any(row.statistic == "lower" for row in table.rows) else []
    begins = starts_above_zero(table, words)
    axis = [words.say("axis_note").format(begins=begins)] if begins else []
    hidden = words.names.get(f"{table.output}:{_LEFT_OUT}", "") or sparse_note(table, words)
    few = [hidden] if hidden else []
    return [words.say("curve_note"), *([" ".join([*banded, *axis])] if banded or axis else []), *few]


def _of_balance(table: CheckedTable, words: Words) -> Notes:
    rest = unshown(table)
    return [words.of_type("balance", "reading"), *([words.of_type("balance", "rest").format(n=rest)] if rest else [])]


def _of_overlap(table: CheckedTable, words: Words) -> Notes:
    return [words.of_type("score_overlap", "reading")]


def _of_controls(table: CheckedTable, words: Words) -> Notes:
    return [words.of_type("controls", "reading"), outside(table, words)]


def _of_calibration(table: CheckedTable, words: Words) -> Notes:
    masked, persons = masked_groups(table), persons_behind(table)
    behind = [words.of_type("calibration", "persons").format(n=words.number(persons))] if persons else []
    hidden = [words.of_type("calibration", "masked").format(n=masked)] if masked else []
    counted = [" ".join([*behind, *hidden])] if behind or hidden else []
    return [words.of_type("calibration", "reading"), *counted]


def _of_benefit(table: CheckedTable, words: Words) -> Notes:
    return [words.of_type("net_benefit", "reading")]


def _of_lags(table: CheckedTable, words: Words) -> Notes:
    whole = cumulated(table, words)
    return [words.say("band_note"), *([whole] if whole else [])]


def _of_risks(table: CheckedTable, words: Words) -> Notes:
    """Difference and ratio of the risks, where there is one of each."""
    told = []
    for name in ("risk_difference", "risk_ratio"):
        found = [shown(rows, name, "lower", "upper") for rows in groups(table).values() if name in rows]
        if len(found) == 1 and found[0]:
            ratio = words.interval(*found[0], form="#.3g")
            told.append(f"{words.of_type('risk', name)}{words.say('colon')}{ratio}.")
    return [" ".join(told)] if told else []


def _of_flow(table: CheckedTable, words: Words) -> Notes:
    masked = [words.of_type("pathways_flow", "masked")] if masked_paths(table) else []
    return [" ".join([words.of_type("pathways_flow", "reading"), *masked])]


def _of_map(table: CheckedTable, words: Words) -> Notes:
    time = time_of(table)
    return [words.of_type("map", "reading"), *([words.of_type("map", "time").format(time=time)] if time else [])]


_BY_TYPE: Mapping[str, Callable[[CheckedTable, Words], Notes]] = {
    "risk": _of_risks,
    "balance": _of_balance,
    "score_overlap": _of_overlap,
    "controls": _of_controls,
    "calibration": _of_calibration,
    "net_benefit": _of_benefit,
    "lag_effects": _of_lags,
}
_FURTHER: Mapping[str, Callable[[CheckedTable, Words], Notes]] = {"flow": _of_flow, "map": _of_map}
