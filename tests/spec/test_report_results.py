# SPDX-License-Identifier: Apache-2.0
"""How a report tells results: captions that are sentences, one rule of digits for each statistic, days that a curve does not show."""

import re
from dataclasses import replace
from typing import Any

import pytest

from rempart.adapters.package_data import toml
from rempart.disclosure.policy import policy_from
from rempart.records.result import CheckedTable
from rempart.release.curve_days import curve_note
from rempart.release.digits import written
from rempart.release.reader_table import Reader
from rempart.release.report_blocks import Block
from rempart.wiring.spoken import spoken
from tests.disclosure_rows import RULES, row
from tests.spec.test_report import SVG, body, flow, made

WORDS = spoken()


def curve(days: dict[str, list[int]], output: str = "cumulative_incidence") -> CheckedTable:
    """arm → days shown."""
    rows = [
        replace(row(output, "survival", {"day": f"{day:05d}"}, arm, "at_risk", 200.0), status="kept")
        for arm, shown in days.items()
        for day in shown
    ]
    return CheckedTable(output=output, output_type="survival", rows=tuple(rows), rules="r")


def study(*, lag: int = 90, last: int = 720, step: int = 90) -> dict[str, Any]:
    told = body("glitazones")
    told["protocol"] |= {"lag_days": lag, "follow_up_days": last}
    for item in told["analyses"]:
        if item["type"] == "cumulative_incidence":
            item["parameters"] = {"grid_days": step}
    return told


def said(table: CheckedTable, language: str = "en", **how: int) -> str:
    labels = {"target": "A", "comparator": "B"}
    return curve_note(table, study=study(**how), words=WORDS, labels=labels, language=language)


def test_a_curve_of_which_one_day_is_left_says_which_days_are_not_shown_and_why() -> None:
    alone = curve({"target": [90], "comparator": [90]})
    assert said(alone).startswith("Days not shown: 180 to 720, every 90 days. A day is left out where fewer than 11")
    assert said(alone, "fr").startswith("Jours non montrés : de 180 à 720, tous les 90 jours. Un jour est omis")


def test_arms_that_lose_other_days_are_told_apart_and_whole_curves_say_nothing() -> None:
    whole = [90, *range(180, 721, 90)]
    assert said(curve({"target": whole, "comparator": whole})) == ""
    assert said(curve({"target": whole, "comparator": [*whole[:2], *whole[3:]]})).startswith("Days not shown: B: 270.")
    assert said(curve({"target": whole[1:], "comparator": whole[:-1]})).startswith("Days not shown: A: 90; B: 720.")


def test_the_days_of_the_note_are_those_that_the_results_write() -> None:
    from rempart.records.study import study_from_dict
    from rempart.study.time_to_event import grid

    for lag, last, step in ((0, 365, 90), (30, 1825, 90), (90, 720, 90), (91, 500, 7)):
        told = study(lag=lag, last=last, step=step)
        days = grid(study_from_dict(told), step)
        assert said(curve({"all": days}), lag=lag, last=last, step=step) == ""
        assert f": {days[3]}." in said(curve({"all": [*days[:3], *days[4:]]}), lag=lag, last=last, step=step)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_report_and_a_summary_tell_the_days_beside_the_table(language: str) -> None:
    table = curve({"target": [90], "comparator": [90]})
    it = made(language, study=study(), state="synthetic", tables=(table,))
    notes = [block.caption for section in it.sections for block in section.blocks if block.kind == "note"]
    assert [text for text in notes if "180" in text and "720" in text]


def captioned(language: str) -> list[Block]:
    """Every table, figure and code block of a report with results, a diagram and a ledger."""
    figures = {f"{name}-{language}.svg": SVG for name in ("attrition", "attrition_map", "estimates")}
    curves = curve({"target": [90], "comparator": [90]})
    more = {
        "figures": figures,
        "diagrams": (SVG.decode(),),
        "checkpoint": "a\nb",
        "leaves": [(0, "permit", "t", "f" * 64)],
    }
    reads = [("person", "person_id")]
    it = made(language, state="released", tables=(flow(), curves), reads=reads, **more)
    return [b for section in it.sections for b in section.blocks if b.kind in {"table", "figure", "code"} and b.caption]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_caption_is_a_sentence_and_none_is_the_name_of_a_file(language: str) -> None:
    told = captioned(language)
    assert {block.kind for block in told} == {"table", "figure", "code"}
    for block in told:
        assert re.fullmatch(r"[A-ZÉÀ][^_]*\.", block.caption), block.caption
        assert ".csv" not in block.caption and ".svg" not in block.caption
    numbered = [block.caption.split(".")[0] for block in told if block.caption.split(".")[0][-1:].isdigit()]
    assert len(numbered) == len(set(numbered)) == 6  # a design, three figures, two tables


DIGITS = [
    (0.9, {"significant": 3}, "0.900"),
    (1.0, {"significant": 3}, "1.00"),
    (12.3, {"significant": 3}, "12.3"),
    (123.0, {"significant": 3}, "123"),
    (12300.0, {"significant": 3}, "12300"),
    (0.0123, {"significant": 3}, "0.0123"),
    (0.0, {"significant": 3}, "0"),
    (0.05, {"significant": 2}, "0.050"),
    (0.00001, {"significant": 2}, "< 0.0001"),
    (7.0, {"decimals": 1}, "7.0"),
    (100.0, {"decimals": 1}, "100.0"),
    (-0.1, {"decimals": 2}, "-0.10"),
    (-0.0, {"decimals": 2}, "0.00"),
    (1250.0, {"decimals": 0}, "1250"),
]


@pytest.mark.parametrize(("value", "rule", "text"), DIGITS)
def test_a_value_is_written_with_the_digits_that_its_rule_keeps(value: float, rule: dict[str, int], text: str) -> None:
    assert written(value, rule) == text


@pytest.mark.parametrize("statistic", sorted(RULES["rounding"]))
def test_all_values_of_a_statistic_have_the_digits_of_its_rule(statistic: str) -> None:
    """By hand: as many decimals, or as many figures from the first that is not 0, whatever the value."""
    policy, rule = policy_from(RULES), RULES["rounding"][statistic]
    for value in (0.000512, 0.0512, 0.9, 1.0, 1.5, 10.0, 99.95, 250.0):
        text = written(policy.rounded("", statistic, value), rule)
        if text in {"0", "< 0.0001"} or text.startswith("-"):
            continue
        if "decimals" in rule:
            assert len(text.partition(".")[2]) == rule["decimals"], (statistic, value, text)
        else:
            figures = text.replace(".", "").lstrip("0")
            assert len(figures) == rule["significant"] or ("." not in text and len(figures) >= rule["significant"]), (
                text
            )


def test_a_table_in_french_has_the_same_digits_with_its_own_marks() -> None:
    cells = [("hazard_ratio", 0.9), ("lower", 0.85), ("upper", 1.0), ("p_value", 0.00002)]
    rows = [
        replace(row("hazard_ratio", "hazard_ratio", {"model": "crude"}, "", name, value, 50), status="rounded")
        for name, value in cells
    ]
    table = CheckedTable(output="hazard_ratio", output_type="hazard_ratio", rows=tuple(rows), rules="r")
    assert Reader("fr", WORDS, {}).grid(table).lines[0][1] == ("0,900", "0,850", "1,00", "< 0,0001")
    assert Reader("en", WORDS, {}).grid(table).lines[0][1] == ("0.900", "0.850", "1.00", "< 0.0001")
    assert toml("release/words.toml").get("rounding") is None, "one rule, and it stands with the disclosure rules"


def wide(columns: int) -> CheckedTable:
    """Two lines, the second with the first half of the columns alone."""
    rows = [
        replace(row("prediction", "prediction", {"level": level}, "", f"s{at:02d}", 1.0 + at, 50), status="rounded")
        for level, most in (("all", columns), ("sex", columns // 2))
        for at in range(most)
    ]
    return CheckedTable(output="prediction", output_type="prediction", rows=tuple(rows), rules="r")


@pytest.mark.parametrize(("columns", "parts"), [(1, [1]), (9, [9]), (16, [8, 8]), (20, [7, 7, 6])])
def test_a_table_too_wide_for_a_page_stands_in_parts_that_hold_every_value_once(columns: int, parts: list[int]) -> None:
    told = [
        block
        for section in made(state="synthetic", tables=(wide(columns),)).sections
        if section.name == "out:prediction"
        for block in section.blocks
        if block.kind == "table"
    ]
    assert [block.numbers for block in told] == parts
    values = [cell for block in told for line in block.lines for cell in line[-block.numbers :] if cell]
    assert sorted(values) == sorted(
        value for at in range(columns) for value in [f"{1.0 + at}"] * (1 + (at < columns // 2))
    )
    assert all(line[0] for block in told for line in block.lines), "each line says what it is"
    assert [block.caption.startswith("Table 1, continued. ") for block in told] == [False, *[True] * (len(parts) - 1)]


def test_an_empty_choice_is_not_told() -> None:
    from rempart.release.report_words import Speaker
    from tests.spec.test_report import OWN

    assert Speaker(own=OWN, language="en").value({"groups": [], "seed": 1}) == "seed: 1"
