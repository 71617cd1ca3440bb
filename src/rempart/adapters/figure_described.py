# SPDX-License-Identifier: Apache-2.0
"""Figures of descriptions in bars: pathways, and how much of the days a drug covers. Draws nothing that a checked table does not show."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from rempart.adapters.figure_bars import Bar, panel
from rempart.adapters.figure_words import Words, groups, shown
from rempart.records.result import CheckedTable, ResultRow

_WIDTH, _BARS = 480, 30
_COVER = "days covered"  # of study/describe_exposure.py


def pathways(table: CheckedTable, words: Words) -> Any:
    """One bar for each path, the most common first, with its share; None when no count may be shown."""
    bars = _bars(table, words, variable="path")[:_BARS]
    if not any(bar["n"] is not None for bar in bars):
        return None
    return panel(bars, words, width=_WIDTH, title="", colour=words.colour("target"))


def exposure(table: CheckedTable, words: Words) -> Any:
    """Persons by the share of their days that the drug covers, one panel for each drug; None where the table tells of none."""
    drugs = list(dict.fromkeys(row.row_key["exposure"] for row in table.rows if "exposure" in row.row_key))
    panels = []
    for drug in drugs:
        bars = _bars(table, words, variable=_COVER, exposure=drug)
        if any(bar["n"] is not None for bar in bars):
            panels.append(panel(bars, words, width=_WIDTH, title=words.say(drug), colour=words.colour("target")))
    return alt.vconcat(*panels, spacing=20) if panels else None


def _bars(table: CheckedTable, words: Words, *, variable: str, exposure: str = "") -> list[Bar]:
    """Bars of the levels of a variable, in the order of the table."""
    found: list[Bar] = []
    for (row, _), statistics in groups(table).items():
        keys = dict(row)
        if keys.get("variable") != variable or keys.get("exposure", "") != exposure:
            continue
        name = words.say(keys["level"], table.output)
        name = f"{name} %" if variable == _COVER and keys["level"][0].isdigit() else name
        text, value = _counted(statistics, words), shown(statistics, "n")
        n = None if value is None else int(value[0])
        found.append({"order": f"{len(found):04d}", "name": name, "n": n, "text": text, "spoken": f"{name}: {text}"})
    return found


def _counted(statistics: Mapping[str, ResultRow], words: Words) -> str:
    """``266 (94,0 %)``: a count with its share, as far as they may be shown."""
    count, share = words.counted(statistics.get("n")), shown(statistics, "percent")
    return count if share is None else f"{count} ({words.decimal(_tenths(share[0]))} %)"


def _tenths(share: float) -> str:
    text = f"{share:.12g}"
    return text if "." in text else f"{text}.0"
