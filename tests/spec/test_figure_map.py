# SPDX-License-Identifier: Apache-2.0
"""The tile map: every département once and about where it lies; classes, codes and colours of a map; colours that print."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.adapters.figure_effects import _in_time
from rempart.adapters.figure_map import _class, _limits, code_of
from rempart.adapters.package_data import toml

TILES = {code: (row, column) for code, _, row, column in toml("adapters/departements.toml")["tiles"]}
COLOURS = toml("adapters/figures.toml")


def test_each_of_the_101_departements_has_a_square_of_its_own() -> None:
    metropolitan = {f"{n:02d}" for n in range(1, 96) if n != 20} | {"2A", "2B"}
    assert set(TILES) == metropolitan | {"971", "972", "973", "974", "976"}
    corners = sorted(TILES.values())
    assert len(set(corners)) == 101
    assert all(max(abs(a[0] - b[0]), abs(a[1] - b[1])) >= 1 for a in corners for b in corners if a != b), (
        "no two overlap"
    )


@pytest.mark.parametrize(
    "near",
    [
        "29 22",
        "22 35",
        "59 62",
        "59 02",
        "67 68",
        "57 67",
        "13 83",
        "33 40",
        "40 64",
        "2A 2B",
        "75 92",
        "75 93",
        "75 94",
        "75 60",
        "69 01",
        "06 04",
        "44 85",
    ],
)
def test_neighbours_lie_side_by_side(near: str) -> None:
    one, other = (TILES[code] for code in near.split())
    assert max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= 1


def test_north_is_up_and_east_is_right() -> None:
    down = [TILES[code][0] for code in ("59", "75", "18", "63", "34", "66", "2A")]
    assert down == sorted(down) and len(set(down)) >= 6
    assert TILES["29"][1] < TILES["35"][1] < TILES["75"][1] < TILES["51"][1] < TILES["67"][1]


@pytest.mark.parametrize(
    ("level", "code"),
    [("013", "13"), ("13", "13"), ("02A", "2A"), ("2B", "2B"), ("971", "971"), ("unknown", "unknown")],
)
def test_a_level_is_read_as_a_departement_however_it_is_written(level: str, code: str) -> None:
    assert code_of(level) == code


@given(st.lists(st.floats(0, 1000), min_size=5, max_size=101).map(sorted))
def test_classes_are_at_most_five_none_empty_and_in_order(values: list[float]) -> None:
    limits = _limits(values)
    assert limits == sorted(set(limits)) and len(limits) <= 4
    assert {_class(value, limits) for value in values} == set(range(len(limits) + 1))


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_of_text_and_lines_stand_out_on_white_and_shades_grow_darker() -> None:
    named = {name: colour for name, colour in COLOURS["colours"].items() if name not in {"others", "line", "hatch"}}
    for colour in (*named.values(), *COLOURS["colours"]["others"]):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5, colour
    for colour in COLOURS["windows"].values():
        assert 1.05 / (luminance(colour) + 0.05) >= 3, colour
    shades = [luminance(colour) for colour in COLOURS["shades"]]
    assert all(before - after > 0.04 for before, after in pairwise(shades))


def test_windows_stand_in_the_order_of_time() -> None:
    written = ["days 0 to 6", "days 7 to 20", "dose 2, days 0 to 6", "pre-exposure", "reference", "washout"]
    read = ["pre-exposure", "days 0 to 6", "days 7 to 20", "dose 2, days 0 to 6", "washout", "reference"]
    assert sorted(written, key=_in_time) == read
