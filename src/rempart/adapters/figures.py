# SPDX-License-Identifier: Apache-2.0
"""Figures of a release, drawn by Altair and vl-convert from checked tables alone: a picture is a data file.

Each figure is an SVG and a PNG. Spoken labels are written here from the table's own values, since Vega would write
every mark with whatever it was given. Suppressed values are not drawn. Draws nothing from a raw row.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert as vlc

from rempart.adapters.figure_bars import attrition
from rempart.adapters.figure_curves import curves, sparse_note, starts_above_zero
from rempart.adapters.figure_described import exposure, pathways
from rempart.adapters.figure_forest import hazard_ratios, incidence, prevalences, rates_by
from rempart.adapters.figure_use import drug_use
from rempart.adapters.figure_words import Words
from rempart.adapters.package_data import toml
from rempart.errors import Refused
from rempart.records.result import CheckedTable

_PNG_SCALE = 2.0
_BY_TYPE: Mapping[str, Callable[[CheckedTable, Words], Any]] = {
    "attrition": attrition,
    "survival": curves,
    "hazard_ratio": hazard_ratios,
    "rate": incidence,
    "stratified_rate": rates_by,
    "prevalence": prevalences,
    "pathway": pathways,
    "utilisation": drug_use,
    "frequency": exposure,
}


def draw(
    tables: Sequence[CheckedTable],
    *,
    language: str,
    names: Mapping[str, str] | None = None,
    about: Mapping[str, str] | None = None,
) -> dict[str, bytes]:
    """File name (``survival-fr.svg``) → bytes, for each table of a type that can be drawn and has something to show.

    ``language``: ``en`` or ``fr``; ``names``: a name to read for an arm or a term (``{"target": "pioglitazone"}``), as
    release/labels.py gives them; ``about``: output → of whom and of what it tells, which stands under the title.
    Raises Refused ``figure-unchecked`` when a row did not pass the disclosure rules.
    """
    words = Words(
        data=toml("adapters/figures.toml"), language=language, names=dict(names or {}), about=dict(about or {})
    )
    files: dict[str, bytes] = {}
    for table in tables:
        if any(row.status == "raw" for row in table.rows):
            raise Refused("figure-unchecked", output=table.output)
        chart = _BY_TYPE[table.output_type](table, words) if table.output_type in _BY_TYPE else None
        if chart is not None:
            files |= _files(f"{table.output}-{language}", _dressed(chart, table, words))
    return files


def _dressed(chart: Any, table: CheckedTable, words: Words) -> Any:
    """Title, note, type and colours common to all figures."""
    title, under = words.of(table, "title"), [*_compared(table, words), *_asked(table, words)]
    note = _note(table, words)
    return (
        chart.properties(
            title=alt.TitleParams(text=title, subtitle=[*under, *note]),
            description=". ".join([title, *under, note[0]]),
            padding=16,
            background="white",
        )
        .configure(font=words.data["fonts"])
        .configure_view(stroke=None)
        .configure_title(
            aria=False,
            anchor="start",
            frame="bounds",
            fontSize=18,
            fontWeight=600,
            color=words.colour("ink"),
            subtitleFontSize=13,
            subtitleColor=words.colour("quiet"),
            subtitleLineHeight=18,
            subtitlePadding=6,
            offset=14,
        )
        .configure_axis(
            aria=False,
            labelColor=words.colour("ink"),
            titleColor=words.colour("quiet"),
            titleFontWeight="normal",
            titleFontSize=14,
            labelFontSize=14,
            gridColor=words.colour("line"),
            domainColor=words.colour("line"),
            tickColor=words.colour("line"),
            titlePadding=10,
            labelPadding=6,
        )
        .configure_text(font=words.data["fonts"])
    )


def _compared(table: CheckedTable, words: Words) -> list[str]:
    """Who is compared with whom, where the figure's own labels do not say it."""
    terms = {row.row_key.get("term", "") for row in table.rows} if table.output_type == "hazard_ratio" else set()
    return [words.say(term) for term in terms] if len(terms) == 1 else []


def _note(table: CheckedTable, words: Words) -> list[str]:
    """What the figure is drawn from, and of a curve what its band is and where its axis begins."""
    if table.output_type != "survival":
        return [words.say("note")]
    banded = [words.say("band_note")] if any(row.statistic == "lower" for row in table.rows) else []
    begins = starts_above_zero(table, words)
    axis = [words.say("axis_note").format(begins=begins)] if begins else []
    few = [said] if (said := sparse_note(table, words)) else []
    return [words.say("curve_note"), *([" ".join([*banded, *axis])] if banded or axis else []), *few]


def _asked(table: CheckedTable, words: Words) -> list[str]:
    """Of whom and of what the figure tells; else the analysis that its output is named after, where several gave one like it."""
    told = words.about.get(table.output, "") or words.asked_for(table)
    return [told] if told else []


def _files(name: str, chart: Any) -> dict[str, bytes]:
    specification = json.loads(chart.to_json())
    svg = _renumbered(vlc.vegalite_to_svg(specification))
    png: bytes = vlc.vegalite_to_png(specification, scale=_PNG_SCALE)
    return {f"{name}.svg": svg.encode(), f"{name}.png": png}


def _renumbered(svg: str) -> str:
    """Clip ids counted from the start of each figure; Vega counts them over the life of the process."""
    ids: dict[str, str] = {}
    return re.sub(r"\bclip\d+\b", lambda found: ids.setdefault(found.group(), f"clip{len(ids)}"), svg)
