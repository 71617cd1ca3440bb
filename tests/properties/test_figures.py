# SPDX-License-Identifier: Apache-2.0
"""A picture is a data file: figures say no more than the checked table, in both languages, and draw nothing suppressed."""

import html
import re
from functools import cache

import pytest

from rempart.adapters.figures import draw
from rempart.disclosure.check import check
from rempart.errors import Refused
from rempart.records.result import CheckedTable
from rempart.release.tables import table_csv
from tests.disclosure_rows import RULES, rates, row, submission

NUMBER = re.compile(r"\d[\d\u202f,.]*")


@cache
def drawn(language: str, events: tuple[int, int] = (60, 70)) -> dict[str, bytes]:
    """All figures of a submission."""
    return draw(check(submission(events), RULES), language=language)


@cache
def published(events: tuple[int, int] = (60, 70)) -> frozenset[float]:
    """Every number in the published tables, labels included."""
    texts = [table_csv(table).decode() for table in check(submission(events), RULES)]
    return frozenset(float(text) for content in texts for text in re.findall(r"\d+(?:\.\d+)?", content))


def spoken(svg: bytes) -> list[str]:
    """What an SVG tells a screen reader, mark by mark."""
    return [html.unescape(text) for text in re.findall(r'aria-label="([^"]*)"', svg.decode())]


def numbers(texts: list[str], language: str) -> set[float]:
    """The numbers said, read as the language writes them."""
    found = set()
    for text in texts:
        for number in NUMBER.findall(text):
            plain = number.rstrip(",.").replace("\u202f", "")
            found.add(float(plain.replace(",", ".") if language == "fr" else plain.replace(",", "")))
    return found


@pytest.mark.parametrize("language", ["en", "fr"])
def test_each_output_is_drawn_as_svg_and_png(language: str) -> None:
    names = {f"{output}-{language}" for output in ("attrition", "incidence", "survival", "hazard_ratio")}
    files = drawn(language)
    assert set(files) == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
    assert all(data.startswith(b"\x89PNG") for name, data in files.items() if name.endswith(".png"))
    assert all(data.startswith(b"<svg") for name, data in files.items() if name.endswith(".svg"))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("events", [(60, 70), (4, 70)])
def test_a_figure_says_no_number_that_its_table_does_not_give(language: str, events: tuple[int, int]) -> None:
    for name, data in drawn(language, events).items():
        if name.endswith(".svg"):
            # under the title stand the width of intervals and where an axis begins: no values
            marks = [text for text in spoken(data) if ":" in text and not text.startswith("Subtitle text")]
            assert marks, name
            assert numbers(marks, language) <= published(events), name


def test_the_search_of_spoken_numbers_finds_one_that_is_too_precise() -> None:
    assert not numbers(["target, day 90: 0.98765432"], "en") <= published()
    assert numbers(["cible : 1\u202f200,5"], "fr") == {1200.5}


def test_what_is_written_in_a_figure_is_in_the_table_or_on_an_axis() -> None:
    svg = drawn("en")["hazard_ratio-en.svg"].decode()
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert "1.30 (0.996 to 1.61)" in texts
    assert not [text for text in texts if re.search(r"\d\.\d{4,}", text)]


def test_a_suppressed_estimate_is_named_and_not_drawn() -> None:
    two = rates({"target": (1200, 60, 3960.0)}) + rates({"target": (1200, 4, 3960.0)}, "rare")
    svg = draw(check(two, RULES), language="fr")["incidence-fr.svg"]
    assert any("masqué" in text for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode()))
    assert "hazard_ratio-fr.svg" not in drawn("fr", (4, 70))


def test_figures_carry_no_style_that_a_strict_page_blocks_and_no_script() -> None:
    for name, data in drawn("en").items():
        if name.endswith(".svg"):
            assert not re.search(rb"<style|style=|<script|href=", data), name


def test_the_same_tables_give_the_same_bytes() -> None:
    again = draw(check(submission(), RULES), language="en")
    assert again == drawn("en")


def test_a_raw_row_is_not_drawn() -> None:
    item = row("attrition", "attrition", {"step": "01 a"}, "all", "n", 4)
    raw = CheckedTable(output="attrition", output_type="attrition", rows=(item,), rules="r")
    with pytest.raises(Refused, match="figure-unchecked"):
        draw([raw], language="en")


def test_an_arm_bears_the_name_it_is_given() -> None:
    tables = [table for table in check(submission(), RULES) if table.output == "incidence"]
    svg = draw(tables, language="en", names={"target": "pioglitazone"})["incidence-en.svg"].decode()
    assert "pioglitazone" in svg
    assert ">target<" not in svg
