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
from rempart.adapters.figure_curves import curves
from rempart.adapters.figure_described import drug_use, pathways
from rempart.adapters.figure_forest import hazard_ratios, incidence, prevalences, rates_by
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
}


def draw(tables: Sequence[CheckedTable], *, language: str, names: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """File name (``survival-fr.svg``) → bytes, for each table of a type that can be drawn and has something to show.

    ``language``: ``en`` or ``fr``; ``names``: a name to read for an arm or a term (``{"target": "pioglitazone"}``).
    Raises Refused ``figure-unchecked`` when a row did not pass the disclosure rules.
    """
    words = Words(data=toml("adapters/figures.toml"), language=language, names=dict(names or {}))
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
    asked = [name] if (name := words.asked_for(table)) else []
    title, note = words.of(table, "title"), words.say("curve_note" if table.output_type == "survival" else "note")
    return (
        chart.properties(
            title=alt.TitleParams(text=title, subtitle=[*_compared(table, words), *asked, note]),
            description=". ".join([title, *asked, note]),
            padding=16,
            background="white",
        )
        .configure(font=words.data["fonts"])
        .configure_view(stroke=None)
        .configure_title(
            aria=False,
            anchor="start",
            frame="bounds",
            fontSize=17,
            fontWeight=600,
            color=words.colour("ink"),
            subtitleFontSize=11,
            subtitleColor=words.colour("quiet"),
            subtitlePadding=5,
            offset=16,
        )
        .configure_axis(
            aria=False,
            labelColor=words.colour("ink"),
            titleColor=words.colour("quiet"),
            titleFontWeight="normal",
            titleFontSize=12,
            labelFontSize=12,
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


def _files(name: str, chart: Any) -> dict[str, bytes]:
    specification = json.loads(chart.to_json())
    svg = _renumbered(vlc.vegalite_to_svg(specification))
    png: bytes = vlc.vegalite_to_png(specification, scale=_PNG_SCALE)
    return {f"{name}.svg": svg.encode(), f"{name}.png": png}


def _renumbered(svg: str) -> str:
    """Clip ids counted from the start of each figure; Vega counts them over the life of the process."""
    ids: dict[str, str] = {}
    return re.sub(r"\bclip\d+\b", lambda found: ids.setdefault(found.group(), f"clip{len(ids)}"), svg)
