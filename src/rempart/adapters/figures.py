# SPDX-License-Identifier: Apache-2.0
"""Figures of a release, drawn by Altair and vl-convert from checked tables alone: a picture is a data file.

Each figure is an SVG and a PNG. Spoken labels are written here from the table's own values, since Vega would write
every mark with whatever it was given. Suppressed values are not drawn. Draws nothing from a raw row.
"""

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert as vlc

from rempart.adapters.figure_balance import balance
from rempart.adapters.figure_controls import controls
from rempart.adapters.figure_curves import curves
from rempart.adapters.figure_described import exposure, pathways
from rempart.adapters.figure_design import design_charts
from rempart.adapters.figure_effects import lag_effects, relative_incidence
from rempart.adapters.figure_flow import attrition
from rempart.adapters.figure_forest import incidence, prevalences, rates_by, risks
from rempart.adapters.figure_map import by_place
from rempart.adapters.figure_notes import under
from rempart.adapters.figure_overlap import score_overlap
from rempart.adapters.figure_overview import estimates
from rempart.adapters.figure_paths import flow
from rempart.adapters.figure_prediction import calibration, net_benefit
from rempart.adapters.figure_ratios import corrected, ratio_of, ratios
from rempart.adapters.figure_use import drug_use
from rempart.adapters.figure_words import Words, wrapped
from rempart.adapters.package_data import toml
from rempart.errors import Refused
from rempart.records.result import CheckedTable

_PNG_SCALE = 2.0
_PLACES = re.compile(r' (?:d|transform|x|y|x1|x2|y1|y2|width|height)="[^"]*"')  # attributes that say where a mark lies
_DIGITS = re.compile(r"(\d\.\d{2})\d+")
_APART = re.compile(r" (?=[:;?!%»])")
_LETTERS, _WIDE, _SMALL = 98, 112, 7.0  # of a line under the title: at least, and of several plots; pixels of one
_NARROW, _LARGE = 102, 9.6  # letters of a line over the diagram of a design; pixels of a letter of the title
_BY_TYPE: Mapping[str, Callable[[CheckedTable, Words], Any]] = {
    "attrition": attrition,
    "survival": curves,
    "rate": incidence,
    "stratified_rate": rates_by,
    "prevalence": prevalences,
    "risk": risks,
    "sensitivity": corrected,
    "pathway": pathways,
    "utilisation": drug_use,
    "frequency": exposure,
    "balance": balance,
    "score_overlap": score_overlap,
    "controls": controls,
    "calibration": calibration,
    "net_benefit": net_benefit,
    "lag_effects": lag_effects,
    "relative_incidence": relative_incidence,
}
# A second figure of a table, beside its own: what its name ends with, the section of its words, how it is drawn.
_FURTHER: Mapping[str, tuple[str, str, Callable[[CheckedTable, Words], Any]]] = {
    "pathway": ("flow", "pathways_flow", flow),
    "stratified_rate": ("map", "map", by_place),
    "standardised_rate": ("map", "map", by_place),
    "prevalence": ("map", "map_of_shares", by_place),
}
OVERVIEW = "estimates"  # the name of the one figure that is drawn of several tables


def draw(
    tables: Sequence[CheckedTable],
    *,
    language: str,
    names: Mapping[str, str] | None = None,
    about: Mapping[str, str] | None = None,
    png: bool = True,
) -> dict[str, bytes]:
    """File name (``survival-fr.svg``) → bytes, for each table of a type that can be drawn and has something to show; a table may have a
    second figure (``incidence_by_map-fr.svg``), and several tables of ratios one of all of them (``estimates-fr.svg``).

    ``language``: ``en`` or ``fr``; ``names``: a name to read for an arm or a term (``{"target": "pioglitazone"}``), as
    release/labels.py gives them; ``about``: output → of whom and of what it tells, which stands under the title.
    ``png``: whether each SVG has a PNG beside it. Raises Refused ``figure-unchecked`` when a row did not pass the disclosure rules.
    """
    words = words_of(language, names=names, about=about)
    files: dict[str, bytes] = {}
    for table in tables:
        if any(row.status == "raw" for row in table.rows):
            raise Refused("figure-unchecked", output=table.output)
        for name, chart in _charts(table, words):
            files |= files_of(f"{name}-{language}", chart, png=png)
    whole = estimates(tables, words)
    if whole is not None:
        note = [words.say("note"), words.of_type(OVERVIEW, "reading")]
        files |= files_of(
            f"{OVERVIEW}-{language}", dressed(whole, words, words.of_type(OVERVIEW, "title"), [], note), png=png
        )
    return files


def draw_designs(
    study: Mapping[str, Any],
    *,
    language: str,
    names: Mapping[str, str] | None = None,
    note: str = "",
    png: bool = True,
) -> dict[str, bytes]:
    """File name (``design_1-fr.svg``) → bytes: the windows of each comparison of a study in canonical form. No data, and no table.

    ``names``: names to read for those of the study file; ``note``: a mark that stands before what the diagram is drawn from.
    """
    words = words_of(language, names=names)
    files: dict[str, bytes] = {}
    for at, (diagram, made) in enumerate(design_charts(study, words), 1):
        title = f"{words.of_type('design', 'title')}{words.say('colon')}{diagram.title}"
        said = [*([note] if note else []), *diagram.notes, words.of_type("design", "note")]
        drawn = dressed(made, words, title, [], said, letters=_NARROW)
        files |= files_of(f"design_{at}-{language}", drawn, png=png)
    return files


def words_of(language: str, *, names: Mapping[str, str] | None = None, about: Mapping[str, str] | None = None) -> Words:
    """What figures say in a language, with the names that a study gives."""
    return Words(
        data=toml("adapters/figures.toml"), language=language, names=dict(names or {}), about=dict(about or {})
    )


def _charts(table: CheckedTable, words: Words) -> Iterator[tuple[str, Any]]:
    """The figures of a table that has something to show, each with its name."""
    kind = _BY_TYPE.get(table.output_type) or (ratios if ratio_of(table) else None)
    chart = kind(table, words) if kind else None
    if chart is not None:
        yield table.output, dressed(chart, words, words.of(table, "title"), *under(table, words))
    if table.output_type in _FURTHER:
        end, section, drawn = _FURTHER[table.output_type]
        chart = drawn(table, words)
        if chart is not None:
            title = words.of_type(section, "title")
            yield f"{table.output}_{end}", dressed(chart, words, title, *under(table, words, end))


def dressed(
    chart: Any, words: Words, title: str, subject: Sequence[str], note: Sequence[str], *, letters: int = 0
) -> Any:
    """Title, of whom it tells, how it is read, type and colours common to all figures. ``letters``: of a line under the title; 0: as many
    as the figure is wide."""
    most = letters or _letters(chart)
    lines = [line for text in [*subject, *note] for line in _lines(text, most)]
    named = chart.properties(
        title=alt.TitleParams(text=_titled(title, most), subtitle=lines),
        description=". ".join([title, *subject, note[0]]),
        padding=16,
        background="white",
    )
    return _styled(named, words)


def _styled(chart: Any, words: Words) -> Any:
    """Type and colours."""
    return (
        chart.configure(font=words.data["fonts"])
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


def _letters(chart: Any) -> int:
    """How many letters a line under the title has: as many as the figure is wide."""
    wide = getattr(chart, "width", None)
    return max(_LETTERS, round(wide / _SMALL) + 12) if isinstance(wide, int | float) else _WIDE


def _lines(text: str, letters: int) -> list[str]:
    """A text in lines; none begins with a mark that French sets apart."""
    bound = _APART.sub("\u00a0", text)
    found = textwrap.wrap(bound, letters, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in found]


def _titled(title: str, letters: int) -> list[str]:
    """A title in lines of about one length, as wide as so many small letters."""
    most = round(letters * _SMALL / _LARGE)
    return [line.replace("\u00a0", " ") for line in wrapped(_APART.sub("\u00a0", title), most)]


def files_of(name: str, chart: Any, *, png: bool = True) -> dict[str, bytes]:
    """The figure as SVG and, with ``png``, as PNG."""
    specification = json.loads(chart.to_json())
    files = {f"{name}.svg": _plain(vlc.vegalite_to_svg(specification)).encode()}
    if png:
        files[f"{name}.png"] = vlc.vegalite_to_png(specification, scale=_PNG_SCALE)
    return files


def _plain(svg: str) -> str:
    """Clip ids counted from the start of each figure, since Vega counts them over the life of the process; places to hundredths of a
    pixel, since more says nothing."""
    ids: dict[str, str] = {}
    told = re.sub(r"\bclip\d+\b", lambda found: ids.setdefault(found.group(), f"clip{len(ids)}"), svg)
    return _PLACES.sub(lambda found: _DIGITS.sub(r"\1", found.group()), told)
