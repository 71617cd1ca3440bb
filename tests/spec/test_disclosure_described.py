# SPDX-License-Identifier: Apache-2.0
"""What the tables of descriptions may show: strata and crossings, paths, cohorts side by side, quantiles, a standardised rate."""

from collections.abc import Mapping, Sequence

import pytest

from rempart.disclosure.check import check
from rempart.records.result import CheckedTable, ResultRow
from tests.disclosure_rows import RULES, row

Levels = Mapping[tuple[str, str], int]


def counted(output_type: str, levels: Levels, statistic: str = "n", **keys: str) -> list[ResultRow]:
    """Counts by (variable, level)."""
    return [
        row("out", output_type, {**keys, "variable": variable, "level": level}, "all", statistic, n)
        for (variable, level), n in levels.items()
    ]


def shown(tables: Sequence[CheckedTable], statistic: str = "n") -> dict[tuple[str, str], int | None]:
    """(variable, level) → what is published, None when suppressed."""
    return {
        (item.row_key["variable"], item.row_key["level"]): None if item.value is None else int(item.value)
        for table in tables
        for item in table.rows
        if item.statistic == statistic
    }


def hidden(tables: Sequence[CheckedTable], statistic: str = "n") -> set[tuple[str, str]]:
    """What is suppressed."""
    return {cell for cell, value in shown(tables, statistic).items() if value is None}


WHOLE = {("all", "all"): 1000}
AGES = {("age", "0-39"): 400, ("age", "40+"): 600}
SEXES = {("sex", "female"): 500, ("sex", "male"): 500}


def test_a_small_cell_of_a_crossing_takes_another_of_each_sum_that_it_is_in() -> None:
    small = ("age*sex", "0-39 / male")
    crossed = {
        ("age*sex", "0-39 / female"): 395, small: 5,
        ("age*sex", "40+ / female"): 105, ("age*sex", "40+ / male"): 495,
    }  # fmt: skip
    gone = hidden(check(counted("person_time", WHOLE | AGES | SEXES | crossed, "persons"), RULES), "persons")
    assert small in gone
    for margin in (("age", "0-39"), ("sex", "male")):
        others = {cell for cell in crossed if margin[1] in cell[1].split(" / ")} | {margin}
        assert len(others & gone) > 1, margin


def test_without_a_margin_a_small_cell_of_a_crossing_needs_less() -> None:
    crossed = {("age*sex", "0-39 / female"): 395, ("age*sex", "0-39 / male"): 5}
    tables = check(counted("person_time", crossed, "persons"), RULES)
    assert ("age*sex", "0-39 / male") in hidden(tables, "persons")


def test_a_path_too_rare_takes_another_of_its_first_line() -> None:
    levels = {
        ("all", "all"): 300, ("first", "a"): 105, ("first", "b"): 195,
        ("path", "a"): 5, ("path", "a → b"): 100, ("path", "b"): 95, ("path", "b → a"): 100,
    }  # fmt: skip
    gone = hidden(check(counted("pathway", levels), RULES))
    assert ("path", "a") in gone
    assert ("path", "a → b") in gone or ("first", "a") in gone


def two_cohorts(first: int, second: int, *, whole: bool) -> list[ResultRow]:
    """Table one of two cohorts of 500 with so many women, with or without the sum of both."""
    found = []
    arms = {"one": first, "other": second, **({"all": first + second} if whole else {})}
    for arm, women in arms.items():
        total = 1000 if arm == "all" else 500
        for level, n in (("all", total), ("female", women), ("male", total - women)):
            variable = "all" if level == "all" else "sex"
            found.append(
                row("table_one", "frequency", {"variable": variable, "level": level}, arm, "n", n, ref=f"{arm}/{level}")
            )
    key = {"variable": "sex", "level": "female"}
    return [*found, row("table_one", "frequency", key, "one versus other", "smd", 0.1, 500)]


def test_cohorts_that_may_lie_in_one_another_do_not_show_counts_that_differ_by_few() -> None:
    (table,) = check(two_cohorts(300, 294, whole=False), RULES)
    assert any(item.value is None for item in table.rows)


def test_cohorts_known_to_share_nobody_do() -> None:
    (table,) = check(two_cohorts(300, 294, whole=True), RULES)
    assert all(item.value is not None for item in table.rows)


def test_a_difference_goes_with_the_counts_it_was_made_of() -> None:
    (table,) = check(two_cohorts(300, 5, whole=True), RULES)
    (difference,) = [item for item in table.rows if item.statistic == "smd"]
    assert difference.value is None


def standardised(strata: Mapping[str, int]) -> list[ResultRow]:
    """A standardised rate beside events by age."""
    keys = {"outcome": "cancer"}
    found = counted("stratified_rate", {("all", "all"): 5000, **{("age", a): 2500 for a in strata}}, "persons", **keys)
    events = {("all", "all"): sum(strata.values()), **{("age", a): n for a, n in strata.items()}}
    found += counted("stratified_rate", events, "events", **keys)
    total = sum(strata.values())
    found += [
        row("std", "standardised_rate", keys, "all", "persons", 5000),
        row("std", "standardised_rate", keys, "all", "events", total),
        row("std", "standardised_rate", keys, "all", "standardised_rate", 12.3456, total),
    ]
    return found


@pytest.mark.parametrize(("strata", "kept"), [({"0-39": 100, "40+": 80}, True), ({"0-39": 100, "40+": 7}, False)])
def test_a_standardised_rate_stands_while_its_strata_do(strata: dict[str, int], *, kept: bool) -> None:
    tables = {table.output: table for table in check(standardised(strata), RULES)}
    (value,) = [item for item in tables["std"].rows if item.statistic == "standardised_rate"]
    assert (value.value == 12.3) is kept


def test_a_median_takes_twenty_two_persons_and_a_twentieth_two_hundred_and_twenty() -> None:
    def quantile(name: str, persons: int) -> float | None:
        (table,) = check([row("q", "quantile", {"variable": "follow_up"}, "all", name, 365.0, persons)], RULES)
        return table.rows[0].value

    assert quantile("p50", 22 // 2) == 365
    assert quantile("p50", 21 // 2) is None
    assert quantile("p05", 220 * 5 // 100) == 365
    assert quantile("p05", 219 * 5 // 100) is None


def test_cases_that_are_nearly_everybody_are_as_sensitive_as_few() -> None:
    levels = {("all", "all"): 100}
    rows = counted("prevalence", levels, "persons", time="2015") + counted(
        "prevalence", {("all", "all"): 95}, "cases", time="2015"
    )
    tables = check(rows, RULES)
    assert hidden(tables, "persons") | hidden(tables, "cases")


def test_packs_that_one_person_holds_are_not_shown() -> None:
    key = {"exposure": "a", "time": "2015-Q1", "variable": "all", "level": "all"}
    counts = [
        row("use", "utilisation", key, "all", name, n)
        for name, n in (("persons", 500), ("users", 60), ("new_users", 20))
    ]
    whole = {"total_abs": 1000.0, "top2": 1.0}
    packs = row("use", "utilisation", key, "all", "packs", 1000.0, 60, top1=900.0, **whole)
    (table,) = check([*counts, packs], RULES)
    assert {item.statistic for item in table.rows if item.value is None} >= {"packs"}
    fair = row("use", "utilisation", key, "all", "packs", 1000.0, 60, top1=30.0, **whole)
    (table,) = check([*counts, fair], RULES)
    assert all(item.value is not None for item in table.rows)


ALL_OF_THEM = {"variable": "all", "level": "all"}


def of(output: str, output_type: str, statistic: str, n: int, **keys: str) -> ResultRow:
    """A count of a whole cohort, or of what ``keys`` say."""
    return row(output, output_type, {**ALL_OF_THEM, **keys}, "all", statistic, n)


def published(rows: Sequence[ResultRow]) -> list[int]:
    """What is left of the counts, in order."""
    return [int(item.value) for table in check(rows, RULES) for item in table.rows if item.value is not None]


@pytest.mark.parametrize(("output_type", "statistic"), [("prevalence", "cases"), ("utilisation", "users")])
def test_a_time_that_differs_by_few_from_the_last_one_shown_is_hidden(output_type: str, statistic: str) -> None:
    def series(*counts: int) -> list[int]:
        return published([of("s", output_type, statistic, n, time=f"2014-{at:02}") for at, n in enumerate(counts, 1)])

    assert series(100, 101, 102) == [100]
    assert series(100, 105, 111, 112, 100) == [100, 111, 100]
    assert series(100, 111, 100, 100) == [100, 111, 100, 100]


def test_levels_of_the_calendar_are_times_too() -> None:
    levels = {("month", f"2014-0{at}"): n for at, n in ((1, 500), (2, 503), (3, 600))}
    assert ("month", "2014-02") in hidden(check(counted("person_time", levels, "persons"), RULES), "persons")
    crossed = {("age*month", f"{age} / 2014-01"): n for age, n in (("0-39", 500), ("40+", 503))}
    assert not hidden(check(counted("person_time", crossed, "persons"), RULES), "persons")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("pathway", "n"), ("pathway", "n")),
        (("person_time", "persons"), ("person_time", "persons")),
        (("frequency", "n"), ("frequency", "n")),
        (("frequency", "n"), ("pathway", "n")),
        (("stratified_rate", "persons"), ("person_time", "persons")),
        (("rate", "persons"), ("frequency", "n")),
    ],
)
def test_cohorts_in_one_another_are_not_both_counted_where_they_differ_by_few(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert len(published([of("a", *one, 500), of("b", *other, 497)])) < 2
    assert published([of("a", *one, 500), of("b", *other, 480)]) == [500, 480]


def test_the_last_step_of_a_cohort_is_held_against_the_tables_of_another() -> None:
    steps = [row("attrition", "attrition", {"step": at}, "all", "n", n) for at, n in (("01", 900), ("02", 500))]
    table = [row("table_one", "frequency", ALL_OF_THEM, "women", "n", 497)]
    assert len(published(steps + table)) < 3
    assert 497 not in published(steps + table) or 500 not in published(steps + table)


def test_levels_of_two_cohorts_are_held_against_one_another_too() -> None:
    def first(output: str, persons: int) -> ResultRow:
        return of(output, "pathway", "n", persons, variable="first", level="a")

    assert len(published([first("one", 100), first("two", 97)])) < 2
