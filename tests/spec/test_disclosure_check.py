# SPDX-License-Identifier: Apache-2.0
"""The disclosure rules one by one: what goes, what goes with it, and what is refused outright."""

import itertools
from dataclasses import replace

import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from rempart.disclosure.check import check, examine
from rempart.disclosure.findings import findings
from rempart.errors import BadInput, Refused
from rempart.records.result import CheckedTable, ResultRow
from tests.disclosure_rows import (
    RULES,
    attrition,
    counts_shown,
    curve,
    frequency,
    rates,
    ratios,
    row,
    rules,
    submission,
)

PERSONS = {"target": 1200, "comparator": 2300}


def values(tables: tuple[CheckedTable, ...], output: str, arm: str = "target") -> dict[str, float | None]:
    """statistic → published value of one arm."""
    return {
        item.statistic: item.value
        for table in tables
        for item in table.rows
        if table.output == output and item.column_key.get("arm", "") == arm
    }


def test_a_small_cell_takes_its_rate_interval_and_person_years_with_it() -> None:
    found = values(check(rates({"target": (1200, 4, 3960.0)}), RULES), "incidence")
    assert found["persons"] == 1200
    assert {name for name, value in found.items() if value is None} == {
        "events",
        "person_years",
        "rate",
        "rate_lower",
        "rate_upper",
    }


def inverted(found: dict[str, float | None]) -> set[int]:
    """Events that an attacker computes from a rate, its person-years and its Garwood limits."""
    years, rate, lower, upper = (found[name] for name in ("person_years", "rate", "rate_lower", "rate_upper"))
    guesses = set()
    if years and rate:
        guesses.add(round(rate * years / 1000))
    if rate and lower and upper:
        ratio = upper / lower
        events = brentq(lambda k: chi2.ppf(0.975, 2 * k + 2) / chi2.ppf(0.025, 2 * k) - ratio, 0.6, 400)
        guesses.add(round(events))
    return guesses


def test_rate_and_limits_invert_to_the_count_when_shown_and_are_gone_when_it_is_small() -> None:
    raw = {item.statistic: item.value for item in rates({"target": (1200, 4, 3960.0)})}
    assert inverted(raw) == {4}
    assert inverted(values(check(rates({"target": (1200, 4, 3960.0)}), RULES), "incidence")) == set()
    assert inverted(values(check(rates({"target": (1200, 44, 3960.0)}), RULES), "incidence")) == {44}


def test_few_persons_without_the_event_are_protected_like_few_with_it() -> None:
    found = values(check(rates({"target": (60, 55, 300.0)}), RULES), "incidence")
    assert None in {found["persons"], found["events"]}
    assert found["rate"] is None


def test_a_share_near_all_of_its_total_goes() -> None:
    rows = frequency({"t": {"yes": 1195, "no": 5}})
    shown = counts_shown(check(rows, RULES))
    assert shown["table_one", "sex/no", "t", "n"] is None
    assert shown["table_one", "sex/yes", "t", "n"] is None


def test_a_level_shown_alone_is_judged_by_those_outside_it() -> None:
    rows = [
        item for item in frequency({"t": {"yes": 1195, "no": 5}}, variable="diabetes") if item.row_key["level"] != "no"
    ]
    shown = counts_shown(check(rows, RULES))
    assert None in {shown["table_one", "diabetes/yes", "t", "n"], shown["table_one", "all/all", "t", "n"]}


def test_levels_that_overlap_are_each_judged_against_the_total() -> None:
    rows = [row("table_one", "frequency", {"variable": "all", "level": "all"}, "t", "n", 1200)]
    for level, n in (("hypertension", 1195), ("diabetes", 700), ("cancer", 400)):
        rows.append(row("table_one", "frequency", {"variable": "history", "level": level}, "t", "n", n))
    shown = counts_shown(check(rows, RULES))
    assert shown["table_one", "history/hypertension", "t", "n"] is None
    assert shown["table_one", "history/diabetes", "t", "n"] == 700


def test_one_set_of_persons_is_suppressed_wherever_it_appears() -> None:
    tables = check(submission((4, 70)), RULES)
    assert values(tables, "incidence")["events"] is None
    assert values(tables, "hazard_ratio")["events"] is None


def test_equal_totals_without_a_common_name_are_taken_for_one() -> None:
    rows = rates({"target": (1200, 4, 3960.0), "comparator": (2300, 44, 7000.0), "all": (3500, 48, 10960.0)})
    rows += [replace(item, persons_ref="") for item in ratios({"target": 4, "comparator": 44}, PERSONS)]
    tables = examine(rows, RULES, close=frozenset({"events/cancer/comparator"})).tables
    assert values(tables, "incidence", "comparator")["events"] is None
    assert values(tables, "hazard_ratio", "comparator")["events"] is None


def test_a_ratio_goes_with_the_events_of_either_arm() -> None:
    rows = ratios({"target": 60, "comparator": 7}, PERSONS)
    found = values(check(rows, RULES), "hazard_ratio", "")
    assert set(found.values()) == {None}
    kept = values(check(ratios({"target": 60, "comparator": 70}, PERSONS), RULES), "hazard_ratio", "")
    assert kept == {"hazard_ratio": 1.3, "lower": 0.996, "upper": 1.61, "p_value": 0.035}


def test_two_hidden_arms_are_not_given_back_by_person_years_and_their_total() -> None:
    arms = {"target": (1200, 4, 3960.0), "comparator": (2300, 44, 7000.0), "all": (3500, 48, 10960.0)}
    tables = check(rates(arms), RULES)
    assert values(tables, "incidence", "all")["events"] == 48
    assert values(tables, "incidence", "comparator")["person_years"] is None
    assert values(tables, "incidence", "target")["person_years"] is None


def test_the_few_excluded_at_a_step_are_not_given_by_its_neighbours() -> None:
    shown = list(counts_shown(check(attrition([5000, 4996, 4000]), RULES)).values())
    assert shown.count(None) == 1
    assert shown[2] == 4000


def test_totals_of_one_arm_that_differ_a_little_are_not_both_shown() -> None:
    rows = frequency({"target": {"a": 600, "b": 600}}) + rates({"target": (1197, 60, 3960.0)})
    shown = counts_shown(check(rows, RULES))
    totals = {shown["table_one", "all/all", "target", "n"], shown["incidence", "cancer", "target", "persons"]}
    assert None in totals
    apart = counts_shown(check(rows, rules(total_differences=False)))
    assert None not in apart.values()


def steps_between(tables: tuple[CheckedTable, ...], arm: str) -> list[int]:
    """Every difference of cumulative events and censorings between published days of a curve."""
    shown = {key: n for key, n in counts_shown(tables).items() if key[0] == "survival" and key[2] == arm}
    found = []
    for name in ("events", "censored"):
        line = [0, *(n for key, n in sorted(shown.items()) if key[3] == name and n is not None)]
        found += [after - before for before, after in itertools.pairwise(line)]
    return found


def test_no_step_of_a_curve_is_small_and_its_days_are_merged_rather_than_marked() -> None:
    rows = curve("target", 1200, [(5, 40), (8, 3), (20, 60), (2, 30), (30, 30)])
    tables = check(rows, RULES)
    assert all(step == 0 or step >= 11 for step in steps_between(tables, "target"))
    days = {item.row_key["day"] for item in tables[0].rows}
    assert days == {"00000", "00180", "00270", "00450"}
    assert {item.status for item in tables[0].rows} == {"kept", "rounded"}
    raw = check(rows, rules(persons=2, width=2))
    assert any(1 <= step <= 10 for step in steps_between(raw, "target"))


def test_two_grids_of_one_curve_do_not_give_the_steps_between_them() -> None:
    fine = curve("target", 1200, [(20, 40), (20, 40), (20, 40)], grid=90)
    shifted = curve("target", 1200, [(25, 50), (25, 50)], grid=120, output="survival_wide")
    shown = counts_shown(check(fine + shifted, RULES))
    events = sorted({n for key, n in shown.items() if key[3] == "events" and n is not None})
    assert all(after - before >= 11 for before, after in itertools.pairwise(events))
    assert {"survival", "survival_wide"} == {key[0] for key in shown}


def test_a_curve_ends_where_fewer_than_the_threshold_remain_at_risk() -> None:
    tables = check(curve("target", 100, [(40, 20), (20, 12), (0, 0)]), RULES)
    assert max(item.row_key["day"] for item in tables[0].rows) == "00090"


def test_the_events_after_the_last_day_are_a_step_too() -> None:
    rows = curve("target", 1200, [(20, 40), (20, 40), (15, 40)])
    alone = check(rows, RULES)
    assert max(item.row_key["day"] for item in alone[0].rows) == "00270"
    beside = check(rows + rates({"target": (1200, 58, 3960.0)}), RULES)
    last = [n for key, n in sorted(counts_shown(beside).items()) if key[0] == "survival" and key[3] == "events"][-1]
    assert last is not None
    assert 58 - last >= 11


def test_arms_that_sum_to_a_drawn_total_keep_the_same_days() -> None:
    first, second = [(12, 20), (3, 20), (20, 20)], [(15, 20), (15, 20), (15, 20)]
    both = [(a + c, b + d) for (a, b), (c, d) in zip(first, second, strict=True)]
    rows = curve("target", 500, first) + curve("comparator", 600, second) + curve("all", 1100, both)
    days = {
        (item.column_key["arm"], item.row_key["day"]) for item in check(rows, RULES)[0].rows if item.status == "kept"
    }
    per_arm = {arm: {day for name, day in days if name == arm} for arm in ("target", "comparator", "all")}
    assert per_arm["target"] == per_arm["comparator"] == per_arm["all"]
    assert len(per_arm["all"]) == 3


def test_a_curve_does_not_give_back_a_hidden_number_of_persons() -> None:
    rows = frequency({"target": {"a": 600, "b": 600}, "comparator": {"a": 4, "b": 3}})
    rows += curve("target", 1200, [(20, 40), (20, 40)])
    tables = check(rows, RULES)
    shown = counts_shown(tables)
    if shown["table_one", "all/all", "target", "n"] is None:
        assert not next(table for table in tables if table.output == "survival").rows
    assert shown["table_one", "all/all", "comparator", "n"] is None


def test_forty_lines_of_two_patients_are_two_patients() -> None:
    item = row("table_one", "frequency", {"variable": "stays", "level": "any"}, "t", "n", 40, 2)
    assert check([item], RULES)[0].rows[0].value is None


def test_few_establishments_and_a_dominant_contributor_are_refused_a_cell() -> None:
    mean = row("table_one_means", "mean", {"variable": "cost"}, "t", "mean", 10.123456, 400)
    assert check([mean], RULES)[0].rows[0].value == 10.1
    for evidence in (
        {"n_establishments": 3},
        {"top1": 900.0, "top2": 10.0, "total_abs": 1000.0},
        {"top1": -900.0, "top2": 10.0, "total_abs": 1000.0},
        {"top1": 500.0, "top2": 460.0, "total_abs": 1000.0},
    ):
        assert check([replace(mean, **evidence)], RULES)[0].rows[0].value is None
    even = replace(mean, n_establishments=40, top1=10.0, top2=9.0, total_abs=1000.0)
    assert check([even], RULES)[0].rows[0].value == 10.1


def test_estimates_are_rounded_and_counts_are_not() -> None:
    found = values(check(submission(), RULES), "incidence")
    assert found == {
        "persons": 1200,
        "events": 60,
        "person_years": 3960,
        "rate": 15.1,
        "rate_lower": 11.6,
        "rate_upper": 19.5,
    }


@pytest.mark.parametrize("text", ["1850175123456", "a" * 32, "two\nlines", "x" * 121, "\u202eabc"])
def test_a_label_that_could_carry_data_is_refused_without_being_repeated(text: str) -> None:
    item = row("table_one", "frequency", {"variable": "v", "level": text}, "t", "n", 40)
    with pytest.raises(Refused, match="disclosure-label") as caught:
        check([item], RULES)
    assert text not in str(caught.value.facts)


def test_what_has_no_rule_is_not_released() -> None:
    good = row("attrition", "attrition", {"step": "01 a"}, "all", "n", 40)
    with pytest.raises(Refused, match="disclosure-output-type"):
        check([replace(good, output_type="maximum")], RULES)
    with pytest.raises(Refused, match="disclosure-statistic"):
        check([replace(good, statistic="maximum")], RULES)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"value": 40.5}, "disclosure-count"),
        ({"value": None}, "disclosure-count"),
        ({"value": -1.0}, "disclosure-count"),
        ({"n_persons": None}, "disclosure-count"),
    ],
)
def test_a_count_that_is_no_count_is_refused(change: dict[str, object], code: str) -> None:
    item = replace(row("attrition", "attrition", {"step": "01 a"}, "all", "n", 40), **change)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=code):
        check([item], RULES)


def test_a_value_without_evidence_a_cell_twice_and_a_set_with_two_sizes_are_refused() -> None:
    bare = replace(row("means", "mean", {"variable": "age"}, "t", "mean", 60.0, 40), n_persons=None)
    with pytest.raises(BadInput, match="disclosure-evidence"):
        check([bare], RULES)
    one: ResultRow = row("attrition", "attrition", {"step": "01 a"}, "all", "n", 40, ref="x")
    with pytest.raises(BadInput, match="disclosure-duplicate"):
        check([one, one], RULES)
    other = row("attrition", "attrition", {"step": "02 b"}, "all", "n", 30, ref="x")
    with pytest.raises(BadInput, match="disclosure-persons-ref"):
        check([one, other], RULES)


def test_what_could_not_be_estimated_is_neither_suppressed_nor_zero() -> None:
    items = ratios({"target": 60, "comparator": 70}, PERSONS)
    items[0], items[2] = replace(items[0], value=None), replace(items[2], value=float("inf"))
    found = {item.statistic: (item.value, item.status) for item in check(items, RULES)[0].rows if not item.column_key}
    assert found["hazard_ratio"] == found["upper"] == (None, "kept")


def test_findings_count_the_suppressed_and_say_no_more() -> None:
    found = {entry["output"]: entry for entry in findings(check(submission((4, 70)), RULES))}
    assert set(found["incidence"]) == {"output", "type", "cells", "suppressed", "rules", "applied"}
    # One arm and the total, which less the other arm's 70 events would give the 4.
    assert found["incidence"]["suppressed"] == 10
    assert found["attrition"]["suppressed"] == 0
    assert found["incidence"]["applied"] == RULES["types"]["rate"]["rules"]


def test_the_private_record_says_how_wide_every_hidden_cell_is_left() -> None:
    private = examine(submission((4, 70)), RULES).private
    assert private
    assert all(float(str(entry["high"])) - float(str(entry["low"])) >= 11 for entry in private)


def test_a_broken_rule_file_is_refused() -> None:
    with pytest.raises(BadInput, match="disclosure-rules"):
        check([], {**RULES, "schema": "other/1"})
    with pytest.raises(BadInput, match="disclosure-rules"):
        check([], rules(persons=1))
    with pytest.raises(BadInput, match="disclosure-rules"):
        check([], {name: value for name, value in RULES.items() if name != "threshold"})


def test_a_curve_of_who_is_still_followed_needs_no_events() -> None:
    names = {"events": "deaths", "survival": "still_followed"}
    rows = [
        replace(item, statistic=names.get(item.statistic, item.statistic))
        for item in curve("t", 2000, [(40, 60), (30, 50)])
        if item.statistic not in {"lower", "upper"}
    ]
    (table,) = check(rows, RULES)
    assert len({item.row_key["day"] for item in table.rows}) == 3
