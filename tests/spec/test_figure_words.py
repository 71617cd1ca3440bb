# SPDX-License-Identifier: Apache-2.0
"""What a figure says beside its marks: outcome, cohort, unit, counts; a suppressed time breaks its line; numbers in the language."""

import html
import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.adapters.figure_at_risk import spaced
from rempart.adapters.figure_curves import _low
from rempart.adapters.figure_use import _points
from rempart.adapters.figure_words import Words, groups
from rempart.adapters.figures import draw
from rempart.records.result import CheckedTable, ResultRow
from tests.disclosure_rows import row, toml

ABOUT = {"incidence": "Cohort: old ones · outcome: heart stay"}
NAMES = {"incidence:arm": "old ones"}


def table(output: str, kind: str, *rows: ResultRow) -> CheckedTable:
    """A checked table: a cell without a value is suppressed."""
    status = [replace(item, status="suppressed" if item.value is None else "rounded") for item in rows]
    return CheckedTable(output=output, output_type=kind, rows=tuple(status), rules="r")


def rates(rate: float = 26.5, upper: float | None = 34.0, unit: str = "per 1000 person-years") -> CheckedTable:
    """The rate of one cohort; without ``upper`` its interval is not there."""
    cells = {
        "persons": 844.0,
        "events": 61.0,
        "person_years": 2302.0,
        "rate": rate,
        "rate_lower": upper and 20.3,
        "rate_upper": upper,
    }
    made = [row("incidence", "rate", {"outcome": "heart_stay"}, "all", name, value) for name, value in cells.items()]
    return table(
        "incidence", "rate", *(replace(item, unit=unit if "rate" in item.statistic else item.unit) for item in made)
    )


def texts(tables: CheckedTable, language: str) -> list[str]:
    """Every text of the one figure."""
    files = draw([tables], language=language, names=NAMES, about=ABOUT)
    (svg,) = [data.decode() for name, data in files.items() if name.endswith(".svg")]
    return [html.unescape(text) for text in re.findall(r"<(?:text|tspan)[^>]*>([^<]+)</", svg)]


def test_a_rate_names_outcome_cohort_unit_and_the_counts_behind_it() -> None:
    found = texts(rates(), "en")
    assert ABOUT["incidence"] in found
    assert {
        "old ones",
        "events",
        "61",
        "person-years",
        "2,302",
        "per 1,000 person-years",
        "26.5 (20.3 to 34.0)",
    } <= set(found)


def test_a_rate_of_inhabitants_is_not_said_to_be_of_person_years() -> None:
    found = texts(rates(unit="per 1000 inhabitant-years"), "fr")
    assert "pour 1 000 années d'habitants" in found
    assert "pour 1 000 personnes-années" not in found
    assert "2\u202f302" in found


def test_an_estimate_without_an_interval_is_drawn_and_said_to_have_none() -> None:
    made = rates(upper=None)
    rows = [replace(item, status="kept") if item.value is None else item for item in made.rows]
    assert "26,5 (sans intervalle)" in texts(replace(made, rows=tuple(rows)), "fr")


def test_a_large_rate_is_no_power_of_ten() -> None:
    found = texts(rates(rate=1230.0, upper=1500.0), "fr")
    assert "1\u202f230 (20,3 à 1\u202f500)" in found
    assert not [text for text in found if "e+" in text]


USE = {"2013": 900.0, "2014": None, "2015": 1000.0, "2016": 700.0}


def use() -> CheckedTable:
    """Users of one drug per 1,000 over four years, the second suppressed."""
    cells = []
    for year, value in USE.items():
        key = {"exposure": "alpha", "time": year, "variable": "all", "level": "all"}
        cells += [row("drug_use", "utilisation", key, "all", name, value) for name in ("users", "users_per_1000")]
        cells.append(row("drug_use", "utilisation", key, "all", "persons", 1000))
    return table("drug_use", "utilisation", *cells)


def test_a_suppressed_time_breaks_the_line_keeps_its_place_and_is_named() -> None:
    words = Words(data=toml("adapters/figures.toml"), language="fr", names={})
    cells = {
        (key["exposure"], key["time"]): found for (keys, _), found in groups(use()).items() for key in [dict(keys)]
    }
    points = _points(cells, "users_per_1000", words, drugs=["alpha"], times=list(USE))
    lines = {point["time"]: point["line"] for point in points}
    assert lines["2013"] != lines["2015"] == lines["2016"]
    found = texts(use(), "fr")
    assert {*USE, "masqué", "utilisateurs pour 1 000 personnes", "alpha, utilisateurs"} <= set(found)
    assert "1\u202f000" in found and "1,000" not in found


def test_use_at_one_time_alone_is_left_to_the_table() -> None:
    made = use()
    rows = tuple(item for item in made.rows if item.row_key["time"] in {"2013", "2014"})
    assert draw([replace(made, rows=rows)], language="en") == {}


def treated(*marks: tuple[int, float]) -> CheckedTable:
    """A curve of persistence at these days, with an interval."""
    cells = []
    for day, value in marks:
        for name, number in (
            ("still_treated", value),
            ("lower", value - 0.05),
            ("upper", min(1.0, value + 0.05)),
            ("at_risk", 1000 * value),
        ):
            cells.append(row("exposure_persistence", "survival", {"day": f"{day:05d}"}, "alpha", name, number, 500))
    return table("exposure_persistence", "survival", *cells)


def test_a_curve_of_two_marks_is_read_as_numbers_and_says_so() -> None:
    few, more = (
        texts(treated((0, 1.0), (240, 0.76)), "fr"),
        texts(treated(*((30 * at, 1 - at / 10) for at in range(6))), "fr"),
    )
    assert "0,760 (0,710 à 0,810)" in few and not [text for text in more if "(" in text]
    assert [text for text in few if text.startswith("Seuls ces jours")] and not [
        text for text in more if text.startswith("Seuls")
    ]
    assert {
        "nombre à risque",
        "alpha",
        "760",
        "Bande : intervalle à 95 %.",
        "jours depuis le début du traitement",
    } <= set(few)


@pytest.mark.parametrize(("least", "begins"), [(0.97, 0.96), (0.9, 0.86), (0.51, 0.45), (0.49, 0), (0.999, 0.998)])
def test_an_axis_of_survival_is_cut_at_a_round_number_below_all_of_it_or_not_at_all(
    least: float, begins: float
) -> None:
    low = _low([{"value": 1.0}, {"value": least}])
    assert low == pytest.approx(begins, abs=0.06) and (low < least)


@given(st.sets(st.integers(0, 3650), min_size=1, max_size=60).map(sorted))
def test_numbers_at_risk_do_not_touch_and_hold_the_first_and_the_last(days: list[int]) -> None:
    last = float(max(days[-1], 1))
    found = sorted(spaced(days, last=last))
    assert found[0] == days[0] and found[-1] == days[-1]
    near = [after - before for before, after in itertools.pairwise(found)]
    assert len(found) <= 10
    assert all(gap >= last / 8 for gap in near) or len(found) == 2
