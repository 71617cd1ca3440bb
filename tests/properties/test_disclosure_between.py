# SPDX-License-Identifier: Apache-2.0
"""What stands beside a cell must not tell it: the order of lines, and the tables of another variant that left before."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.disclosure.check import Examination, check, examine
from rempart.disclosure.earlier import Earlier, all_hidden
from rempart.records.result import CheckedTable, ResultRow
from tests.disclosure_rows import RULES, attrition, counts_shown, curve, frequency, rates, row, submission

SLOW = settings(max_examples=40, deadline=None)
T = 11


def paths(counts: dict[str, int]) -> list[ResultRow]:
    """Pathways as their writer has them before any check, in whatever order the counts come."""
    total = sum(counts.values())
    found = [row("pathways", "pathway", {"variable": "all", "level": "all"}, "all", "n", total)]
    for name, n in counts.items():
        key = {"variable": "path", "level": name}
        found.append(row("pathways", "pathway", key, "all", "n", n))
        found.append(row("pathways", "pathway", key, "all", "percent", 100 * n / total, n))
    return found


def lines(table: CheckedTable) -> list[tuple[str, float | None]]:
    """(path, count) from top to bottom."""
    return [
        (item.row_key["level"], item.value)
        for item in table.rows
        if item.statistic == "n" and item.row_key["variable"] == "path"
    ]


@SLOW
@given(counts=st.lists(st.integers(1, 60), min_size=3, max_size=7), order=st.randoms(use_true_random=False))
def test_the_order_of_lines_is_one_that_a_reader_could_have_made(counts: list[int], order: random.Random) -> None:
    """An attacker who knows the rule puts what is published in order by himself: then the order of the file tells nothing more."""
    named = {f"path {chr(97 + at)}": n for at, n in enumerate(counts)}
    for by in (sorted(named, key=lambda name: -named[name]), sorted(named), order.sample(sorted(named), len(named))):
        (table,) = check(paths({name: named[name] for name in by}), RULES)
        told = lines(table)
        assert told == sorted(told, key=lambda line: (line[1] is None, -(line[1] or 0), line[0]))


def test_a_hidden_line_stands_after_the_shown_ones_with_all_its_statistics() -> None:
    (table,) = check(paths({"a": 60, "b": 46, "c": 45, "d": 4}), RULES)
    told = lines(table)
    assert dict(told)["d"] is None and sum(n is None for _, n in told) == 2
    assert [name for name, n in told if n is None] == [name for name, _ in told][-2:]
    beside = [(item.row_key["level"], item.statistic) for item in table.rows][1:]
    assert beside == [(name, statistic) for name, _ in told for statistic in ("n", "percent")]


def checked_in_turn(*submissions: list[ResultRow]) -> list[Examination]:
    """Each submission beside those before it."""
    found: list[Examination] = []
    for rows in submissions:
        found.append(examine(rows, RULES, earlier=[item.counts for item in found]))
    return found


def together(found: list[Examination]) -> list[dict[tuple[str, str, str, str], int | None]]:
    return [counts_shown(item.tables) for item in found]


def differences(found: list[Examination]) -> set[int]:
    """Between two counts of one place that are both published, in any two submissions."""
    told, apart = together(found), set()
    for at, one in enumerate(told):
        for other in told[:at]:
            both = [(n, other[place]) for place, n in one.items() if place in other]
            apart |= {abs(a - b) for a, b in both if a is not None and b is not None}
    return apart


AGES = {40: 500, 41: 493, 42: 488, 43: 300}


def test_variants_by_one_year_of_age_do_not_give_who_is_of_that_age() -> None:
    variants = [attrition([2000, 1500, n]) for n in AGES.values()]
    alone = [examine(rows, RULES) for rows in variants]
    assert {7, 5} <= differences(alone), "each passes alone"
    found = checked_in_turn(*variants)
    assert not {n for n in differences(found) if 1 <= n < T}
    last = [told["attrition", "03 step 3", "all", "n"] for told in together(found)]
    assert last == [500, None, None, None], "what was hidden there stays hidden, 300 too"


@pytest.mark.parametrize("total", [1000, 18])
def test_numbers_that_an_author_knows_do_not_find_a_hidden_one(total: int) -> None:
    """Whatever is hidden, 1 to 10 persons or those left when they are taken from the total, every probe is answered alike."""
    before = [examine(attrition([total, hidden]), RULES).counts for hidden in (1, 4, 10)]
    for probe in (0, 11, 12, 15, 21, 29):
        rows = attrition([3000, probe])
        answers = {str(counts_shown(check(rows, RULES, earlier=[one]))) for one in before}
        assert len(answers) == 1, probe


def mean_of(persons: int, ref: str) -> list[ResultRow]:
    """A mean of days whose persons no table counts."""
    return [row("means", "mean", {"variable": "cover"}, "a", "mean", 70, persons, ref=ref)]


@pytest.mark.parametrize("ref", ["print:{}", "users/{}", ""])
def test_probes_of_known_size_do_not_find_how_many_stand_behind_a_mean(ref: str) -> None:
    before = [examine(mean_of(n, ref.format(n)), RULES).counts for n in (23, 47, 195)]
    for probe in (*range(11, 60), *range(185, 206)):
        answers = {
            str([item.value for item in check(mean_of(probe, f"print:other {probe}"), RULES, earlier=[one])[0].rows])
            for one in before
        }
        assert answers == {"[None]"}, probe


def test_a_mean_of_the_same_persons_is_shown_again_and_one_whose_persons_are_counted_beside_others() -> None:
    first, second = checked_in_turn(mean_of(47, "print:47"), mean_of(47, "print:47"))
    assert first.tables == second.tables and first.tables[0].rows[0].value == 70
    counted = [
        [*mean_of(n, f"print:{n}"), *(replace(item, persons_ref=f"print:{n}") for item in attrition([n]))]
        for n in (47, 90)
    ]
    for found in checked_in_turn(*counted):
        assert None not in [item.value for table in found.tables for item in table.rows]


def test_the_same_persons_under_another_name_are_hidden_again() -> None:
    """One file hides d and, to protect it, another; the sets of the others were shown, and a second file shows them under its own names."""
    counts = {"a": 50, "b": 48, "c": 45, "d": 5}
    first = [replace(item, persons_ref=f"print:{item.n_persons}") for item in paths(counts)]
    hidden = [name for name, n in lines(check(first, RULES)[0]) if n is None]
    assert len(hidden) == 2 and hidden[1] == "d"
    for name, n in counts.items():
        other = [row("attrition", "attrition", {"step": "01 entry"}, "all", "n", n, ref=f"print:{n}")]
        two = together(checked_in_turn(first, other))[1]
        assert (two["attrition", "01 entry", "all", "n"] is None) == (name in hidden), name
    renamed = [replace(item, output="pathways_x") for item in first]
    further = attrition([1000, 45])
    two = together(checked_in_turn(first, renamed + further))[1]
    assert [name for name in counts if two["pathways_x", f"path/{name}", "all", "n"] is None] == hidden


def test_of_a_submission_that_is_no_longer_known_all_is_hidden() -> None:
    rows = submission()
    for unknown in (all_hidden(rows), Earlier(outputs=frozenset(item.output for item in rows))):
        told = counts_shown(check(submission((160, 170)), RULES, earlier=[unknown]))
        assert told and set(told.values()) == {None}


@SLOW
@given(events=st.lists(st.tuples(st.integers(0, 45), st.integers(0, 45)), min_size=2, max_size=3))
def test_no_two_submissions_give_a_small_difference(events: list[tuple[int, int]]) -> None:
    assert not {n for n in differences(checked_in_turn(*map(submission, events))) if 1 <= n < T}


def test_what_a_variant_hid_is_not_shown_by_the_next_one() -> None:
    """Of 5, 40 and 55 the first hides 5 and one to protect it; the next, whose tables are the same, may not hide the other one."""
    table = frequency({"t": {"a": 5, "b": 40, "c": 55}})
    further = [replace(item, output="other") for item in frequency({"t": {"a": 5, "b": 55, "c": 40}})]
    for first, second in ((table, table + further), (table + further, table)):
        one, two = together(checked_in_turn(first, second))
        for level in "abc":
            place = "table_one", f"sex/{level}", "t", "n"
            assert one[place] == two[place], level


def test_a_cell_shown_before_protects_no_other() -> None:
    """The first shows b and c; in the next a is small, and neither b nor c would keep it from whoever has the first."""
    one, two = together(
        checked_in_turn(frequency({"t": {"a": 40, "b": 40, "c": 55}}), frequency({"t": {"a": 5, "b": 40, "c": 55}}))
    )
    assert None not in one.values()
    assert two["table_one", "sex/a", "t", "n"] is None and two["table_one", "all/all", "t", "n"] is None


def test_a_hidden_count_is_not_bound_by_the_one_that_it_is_hidden_beside() -> None:
    """50 was shown; of 45 = 40 + 5 a reader who takes the smaller for a part of the larger may not be left with 40 to 50."""
    first = frequency({"t": {"a": 25, "b": 25}})
    two = together(checked_in_turn(first, frequency({"t": {"a": 40, "b": 5}})))[1]
    assert two["table_one", "all/all", "t", "n"] is None
    assert two["table_one", "sex/a", "t", "n"] is None, "with a known the whole would lie within 10"


def test_counts_far_apart_and_equal_ones_are_shown_in_both() -> None:
    for other in ({"target": (1200, 123, 3100.0)}, {"target": (1200, 23, 2900.0)}):
        found = together(checked_in_turn(rates({"target": (1200, 23, 3000.0)}), rates(other)))
        assert None not in found[0].values() and None not in found[1].values()


@pytest.mark.parametrize("days", [90, 180])
def test_days_of_a_curve_are_held_against_those_of_the_other_curve(days: int) -> None:
    one = curve("target", 1000, [(30, 20), (30, 20), (30, 20)], grid=days)
    other = curve("target", 1000, [(33, 20), (30, 20), (45, 20)], grid=days)
    assert {3} <= differences([examine(one, RULES), examine(other, RULES)])
    assert not {n for n in differences(checked_in_turn(one, other)) if 1 <= n < T}


def test_days_that_a_curve_left_out_are_left_out_of_the_next_one_whose_others_stay() -> None:
    def days(found: Examination) -> list[str]:
        return sorted({item.row_key["day"] for table in found.tables for item in table.rows})

    one = curve("target", 1000, [(30, 20), (3, 20), (30, 20)])
    other = curve("target", 3000, [(130, 120), (130, 120), (130, 120)])
    assert days(examine(other, RULES)) == ["00000", "00090", "00180", "00270"]
    first, second = checked_in_turn(one, other)
    assert days(first) == days(second) == ["00000", "00090", "00270"]


def test_a_set_too_close_to_an_earlier_one_is_hidden_wherever_it_stands_and_so_is_what_gives_it_back() -> None:
    near = frozenset({"events/cancer/target", "a set of another study"})
    told = counts_shown(examine(submission(), RULES, close=near).tables)
    assert counts_shown(check(submission(), RULES))["incidence", "cancer", "target", "events"] == 60
    assert told["incidence", "cancer", "target", "events"] is None
    assert None in {told["incidence", "cancer", arm, "events"] for arm in ("comparator", "all")}
    assert {
        n for (output, _, arm, name), n in told.items() if (output, arm, name) == ("hazard_ratio", "target", "events")
    } == {None}
    assert told["incidence", "cancer", "target", "persons"] == 1200


def test_a_derogation_does_not_let_a_set_through_that_is_too_close() -> None:
    let = [{"outcome": "cancer", "least": 3, "analyses": ()}]
    rows = rates({"target": (1200, 4, 3960.0), "comparator": (2300, 70, 7000.0)})
    place = ("incidence", "cancer", "target", "events")
    assert counts_shown(examine(rows, RULES, derogations=let).tables)[place] == 4
    near = frozenset({"events/cancer/target"})
    assert counts_shown(examine(rows, RULES, derogations=let, close=near).tables)[place] is None
