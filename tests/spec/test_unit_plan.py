# SPDX-License-Identifier: Apache-2.0
"""What becomes of a delivered unit, and which flows stay live: the newest delivery wins, whatever the order of ingest."""

import itertools
from dataclasses import replace

import pytest

from rempart.errors import BadInput
from rempart.ingest.unit_plan import dead_flows, live_id, outlived, plan_unit
from rempart.ingest.units import UnitEntry


def unit(name: str, number: int, produced: str, *flows: int, content: str = "") -> UnitEntry:
    """An entry of the register."""
    return UnitEntry(
        name=name,
        number=number,
        delivery=f"d{number}",
        produced=produced,
        files=((f"{name}.csv", content or f"{number:064x}"),),
        lines={"claims": 1},
        flows=flows,
        rules="r",
    )


HELD = unit("dcir/201503", 1, "2016-03-01", 182, content="a" * 64)


@pytest.mark.parametrize(
    ("content", "produced", "fate"),
    [
        ("a", "2016-05-01", "held"),
        ("b", "2016-05-01", "replaces"),
        ("b", "2016-01-01", "older"),
    ],
)
def test_a_delivered_unit_is_held_replaces_or_is_older(content: str, produced: str, fate: str) -> None:
    planned = plan_unit("dcir/201503", [("x.csv", content * 64)], produced=produced, held=[HELD])
    assert (planned.fate, planned.held) == (fate, 1)


def test_an_older_card_file_is_read_once_for_its_former_keys_and_makes_nothing_live() -> None:
    held = unit("cards", 1, "2016-03-01", content="a" * 64)
    asked = [("x.csv", "b" * 64)]
    assert plan_unit("cards", asked, produced="2016-01-01", held=[held]).fate == "former"
    older = unit("cards", 2, "2016-01-01", content="b" * 64)
    assert dead_flows([held, older]) == {2: frozenset()}
    assert plan_unit("cards", asked, produced="2016-01-01", held=[held, older]).fate == "older"
    assert live_id([held, older]) != live_id([held]), "who objected under one of its keys is to be found before a grant"


def test_a_unit_that_a_fresh_start_dropped_is_new_again() -> None:
    dropped = replace(HELD, state="superseded", files=())
    assert plan_unit("dcir/201503", [("x.csv", "a" * 64)], produced="2016-01-01", held=[dropped]).fate == "new"


def test_other_content_of_the_same_day_is_refused_since_the_order_of_arrival_would_decide() -> None:
    with pytest.raises(BadInput, match="delivery-tie"):
        plan_unit("dcir/201503", [("x.csv", "b" * 64)], produced="2016-03-01", held=[HELD])


def test_of_one_unit_the_delivery_produced_last_is_live_whatever_came_last() -> None:
    first, second, third = (
        unit("cards", 1, "2016-03-01"),
        unit("cards", 2, "2016-01-01"),
        unit("cards", 3, "2016-04-01"),
    )
    assert dead_flows([first, second]) == {2: frozenset()}
    assert dead_flows([first, second, third]) == {1: frozenset(), 2: frozenset()}


JANUARY, MAY, JUNE = 144, 148, 149  # of 2012, in months since January 2000


@pytest.mark.parametrize("days", [*itertools.permutations(["2013-01-01", "2014-01-01", "2014-06-01"])])
def test_lines_of_an_archive_beyond_its_months_take_no_other_units_place(days: tuple[str, str, str]) -> None:
    before = unit("dcir/2011", 1, days[0], MAY - 12, JANUARY)
    archive = unit("dcir/2012", 2, days[1], JANUARY, JUNE)
    month = unit("dcir/201201", 3, days[2], JANUARY)
    assert dead_flows([before, archive]) == {}
    assert dead_flows([archive, month]) == {}
    older = min(before, month, key=lambda one: one.produced)
    gone = {1: frozenset({JANUARY})} if older is before else {3: frozenset()}
    assert dead_flows([before, archive, month]) == gone


def test_where_such_lines_may_stand_they_stand_only_beside_no_unit_that_gives_their_flow() -> None:
    before = unit("dcir/2011", 1, "2013-01-01", MAY - 12, JANUARY)
    archive = unit("dcir/2012", 2, "2014-01-01", JANUARY, JUNE)
    assert dead_flows([archive], every_line=True) == {}
    for units in ([before, archive], [archive, before]):
        assert dead_flows(units, every_line=True) == {2: frozenset({JANUARY})}
    month = unit("dcir/201201", 3, "2012-03-01", JANUARY)
    assert dead_flows([archive, month], every_line=True) == {2: frozenset({JANUARY})}


def test_a_unit_gives_its_flow_again_once_the_archive_that_held_it_was_replaced_by_one_without() -> None:
    month = unit("dcir/201206", 1, "2013-01-01", JUNE)
    first, second = unit("dcir/2012", 2, "2014-01-01", JUNE, JUNE + 1), unit("dcir/2012", 3, "2016-01-01", JUNE + 1)
    assert dead_flows([month, first]) == {1: frozenset()}
    assert outlived([month, first]) == set(), "its rows are kept"
    for order in itertools.permutations([month, first, second]):
        assert dead_flows(order) == {2: frozenset()}
        assert outlived(order) == {2}


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1)])
def test_of_one_day_a_month_gives_its_flow_before_its_years_archive(numbers: tuple[int, int]) -> None:
    archive, month = (
        unit("dcir/2012", numbers[0], "2014-01-01", JUNE),
        unit("dcir/201206", numbers[1], "2014-01-01", JUNE),
    )
    assert dead_flows([archive, month]) == {numbers[0]: frozenset()}


def test_a_flow_in_two_units_is_given_by_the_newer_one_alone() -> None:
    archive, month = unit("dcir/2014", 1, "2016-01-01", 170, 171, 172), unit("dcir/201404", 2, "2016-02-01", 171)
    assert dead_flows([archive, month]) == {1: frozenset({171})}
    assert dead_flows([archive, replace(month, produced="2015-12-01")]) == {2: frozenset()}


def test_flows_of_other_products_and_units_without_flows_do_not_meet() -> None:
    assert (
        dead_flows([unit("dcir/201402", 1, "", 169), unit("doses/201402", 2, "", 169), unit("mco/2014", 3, "", 0)])
        == {}
    )


def test_the_same_deliveries_in_any_order_leave_the_same_rows_live() -> None:
    given = [
        ("dcir/2014", "2016-01-01", (170, 171)),
        ("dcir/2014", "2015-01-01", (170, 171, 172)),
        ("dcir/201404", "2016-02-01", (171,)),
        ("dcir/201404", "2016-03-01", (171,)),
        ("dcir/201405", "2014-06-01", (172,)),
        ("cards", "2016-02-01", ()),
        ("cards", "2015-02-01", ()),
    ]
    found = set()
    for order in itertools.permutations(given):
        held = [unit(name, number, produced, *flows) for number, (name, produced, flows) in enumerate(order, 1)]
        dead = dead_flows(held)
        found.add(
            frozenset(
                (u.name, u.produced, tuple(sorted(set(u.flows) - dead.get(u.number, frozenset()))))
                for u in held
                if dead.get(u.number) != frozenset()
            )
        )
    assert len(found) == 1


def test_what_was_superseded_stays_so() -> None:
    gone = replace(unit("dcir/201402", 1, "2016-01-01", 169), state="superseded")
    assert dead_flows([gone]) == {1: frozenset()}


def test_the_id_of_what_is_live_changes_with_every_unit_and_flow_and_with_nothing_else() -> None:
    one, two = unit("dcir/2014", 1, "2016-01-01", 170, 171), unit("dcir/201404", 2, "2016-02-01", 171)
    ids = [live_id([one]), live_id([one, two]), live_id([replace(one, state="superseded"), two])]
    assert len(set(ids)) == 3
    assert live_id([one, replace(two, produced="2015-01-01")]) == live_id([one]), (
        "a unit of which nothing is live changes nothing"
    )
