# SPDX-License-Identifier: Apache-2.0
"""Every kind of figure, in both languages: no number that its table does not give, nothing suppressed drawn, no style, no wrong comma.

The figures are those of invented tables (tests/figure_samples.py); the pictures of docs/figures.md are the same.
"""

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.adapters.figure_canvas import strokes
from rempart.adapters.figures import draw
from rempart.records.result import CheckedTable
from tests.figure_pictures import PICTURES, ROOT, figures
from tests.figure_samples import attrition, balance, by_place, controls, pathways, score_overlap, tables

LANGUAGES = ("en", "fr")
NUMBER = re.compile(r"\d[\d\u202f,.]*")


def spoken(svg: bytes) -> list[str]:
    """What an SVG tells a screen reader, mark by mark; not its title."""
    found = [html.unescape(text) for text in re.findall(r'aria-label="([^"]*)"', svg.decode())]
    return [text for text in found if not text.startswith(("Subtitle text", "Title text"))]


def written(svg: bytes) -> list[str]:
    """Every text of a picture."""
    return [html.unescape(text) for text in re.findall(r"<(?:text|tspan)[^>]*>([^<]+)</", svg.decode())]


def numbers(texts: Iterable[str], language: str) -> set[float]:
    """The numbers said, read as the language writes them."""
    found = set()
    for text in texts:
        for number in NUMBER.findall(text):
            plain = number.rstrip(",.").replace("\u202f", "")
            found.add(float(plain.replace(",", ".") if language == "fr" else plain.replace(",", "")))
    return found


def given_by(made: Iterable[CheckedTable]) -> set[float]:
    """Every number of these tables, labels included; a difference that is told may be told without its sign."""
    values = [row.value for table in made for row in table.rows if row.value is not None]
    labels = [
        text for table in made for row in table.rows for text in (*row.row_key.values(), *row.column_key.values())
    ]
    return {abs(value) for value in values} | {float(n) for text in labels for n in re.findall(r"\d+(?:\.\d+)?", text)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_marks_say_no_number_that_their_table_does_not_give(language: str) -> None:
    drawn, checked = figures(language), 0
    own = {
        "_flow": {1.0, 2.0, 3.0},
        "_map": {48.0, 973.0, 976.0},
    }  # steps of a path; places that the table does not have
    for made in tables().values():
        outputs = {table.output for table in made}
        for name, svg in drawn.items():
            if name.rpartition("-")[0].removesuffix("_map").removesuffix("_flow") in outputs:
                marks = [text for text in spoken(svg) if ":" in text]
                allowed = given_by(made).union(*(more for end, more in own.items() if end in name))
                assert numbers(marks, language) <= allowed, name
                checked += bool(marks)
    assert checked == 18


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_a_picture_has_more_decimals_than_its_table_may_have(language: str) -> None:
    mark = "," if language == "fr" else "."
    for name, svg in figures(language).items():
        long = [text for text in written(svg) if re.search(rf"\d\{mark}\d{{4,}}(?!\d*e)", text)]
        assert set(long) <= ({"0,0191 (0,0173 à 0,0209)", "0.0191 (0.0173 to 0.0209)"} | set(_risk(svg))), name


def _risk(svg: bytes) -> list[str]:
    """Risks of a few percent have four decimals in their table."""
    return [text for text in written(svg) if re.match(r"0[.,]0[01]\d\d|(Difference|Différence)", text)]


def test_a_french_figure_has_no_decimal_point_and_no_english_word() -> None:
    english = ("suppressed", "excluded", "target", "comparator", " to ", "before", "after", "days", "Drawn")
    for name, svg in figures("fr").items():
        for text in written(svg):
            assert not re.search(r"\d\.\d", text), (name, text)
            assert not any(word in text for word in english), (name, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_carry_no_style_no_script_and_no_address(language: str) -> None:
    for name, svg in figures(language).items():
        assert not re.search(rb"<style| style=|<script|href=|NaN|undefined|Infinity", svg), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pictures_of_the_documentation_are_those_that_are_drawn(language: str) -> None:
    page = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    drawn = figures(language)
    assert {path.name for path in PICTURES.glob(f"*-{language}.svg")} == set(drawn)
    for name, svg in drawn.items():
        assert f"pictures/figures/{name}" in page
        assert written((PICTURES / name).read_bytes()) == written(svg), f"{name}: python -m tests.figure_pictures"


SUPPRESSED = {  # table → (figure, what it says of a suppressed cell)
    attrition: ("attrition", "no bladder cancer (condition) on days −365 to 0, pioglitazone: suppressed"),
    score_overlap: ("score_overlap", None),
    by_place: ("incidence_by_map", "06 Alpes-Maritimes: suppressed"),
    balance: ("balance", None),
}


def test_a_suppressed_cell_is_said_to_be_so_and_has_no_mark_with_a_number() -> None:
    for made, (name, said) in SUPPRESSED.items():
        svg = figures("en")[f"{name}-en.svg"]
        assert said is None or said in spoken(svg), made.__name__
        hidden = [text for text in spoken(svg) if "suppressed" in text]
        assert not [text for text in hidden if re.search(r": .*\d", text.replace("suppressed", ""))]


CHANGED = (  # table, statistic of the cell that is suppressed, a value that no other cell has, how it is read
    (attrition, "n", 4321.0, "4,321"),
    (balance, "smd", 0.87, "0.87"),
    (score_overlap, "percent", 7.77, "7.77"),
    (by_place, "rate", 9.87, "9.87"),
    (pathways, "n", 4321.0, "4,321"),
    (controls, "ratio", 7.77, "7.77 ("),
)


@pytest.mark.parametrize(("made", "statistic", "value", "read"), CHANGED)
def test_what_is_suppressed_leaves_no_trace_of_its_value(
    made: Callable[[], CheckedTable], statistic: str, value: float, read: str
) -> None:
    rows = made().rows
    at = max(i for i, row in enumerate(rows) if row.value is not None and row.statistic == statistic)
    loud = tuple(replace(row, value=value) if i == at else row for i, row in enumerate(rows))
    quiet = tuple(replace(row, value=None, status="suppressed") if i == at else row for i, row in enumerate(loud))
    for rows, seen in ((loud, True), (quiet, False)):
        drawn = draw([replace(made(), rows=rows)], language="en", png=False)
        texts = [text for svg in drawn.values() for text in (*spoken(svg), *written(svg))]
        assert any(read in text for text in texts) == seen


def test_a_flow_tells_who_is_excluded_between_two_shown_counts_alone() -> None:
    found = written(figures("en")["attrition-en.svg"])
    assert "−\u202f108" in found and "−\u202f252" in found
    assert "−\u202f170" not in found, "21,650 less 21,480: the step between them is suppressed"
    assert found.count("suppressed") == 2 + 4


@given(st.floats(0, 50), st.floats(0, 50), st.floats(2, 90), st.floats(2, 90))
def test_strokes_of_a_hatching_stay_in_their_box(left: float, top: float, wide: float, high: float) -> None:
    for (x, y), (x2, y2) in strokes((left, top, left + wide, top + high)):
        assert left - 1e-6 <= min(x, x2) and max(x, x2) <= left + wide + 1e-6
        assert top - 1e-6 <= min(y, y2) and max(y, y2) <= top + high + 1e-6
