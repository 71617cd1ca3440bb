# SPDX-License-Identifier: Apache-2.0
"""What becomes of a delivered unit, and which flows stay live: the newest delivery wins, whatever the order of ingest."""

import itertools
from dataclasses import replace

import pytest

from rempart.ingest.unit_plan import dead_flows, live_id, plan_unit
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
        ("b", "2016-03-01", "replaces"),
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


def test_of_one_unit_the_delivery_produced_last_is_live_and_of_one_day_the_later_ingest() -> None:
    first, second, third = (
        unit("cards", 1, "2016-03-01"),
        unit("cards", 2, "2016-01-01"),
        unit("cards", 3, "2016-03-01"),
    )
    assert dead_flows([first, second]) == {2: frozenset()}
    assert dead_flows([first, second, third]) == {1: frozenset(), 2: frozenset()}


def test_a_flow_in_two_units_is_given_by_the_newer_one_alone() -> None:
    archive, month = unit("dcir/2014", 1, "2016-01-01", 168, 169, 170), unit("dcir/201402", 2, "2016-02-01", 169)
    assert dead_flows([archive, month]) == {1: frozenset({169})}
    assert dead_flows([archive, replace(month, produced="2015-12-01")]) == {2: frozenset()}


def test_flows_of_other_products_and_units_without_flows_do_not_meet() -> None:
    assert (
        dead_flows([unit("dcir/201402", 1, "", 169), unit("doses/201402", 2, "", 169), unit("mco/2014", 3, "", 0)])
        == {}
    )


def test_the_same_deliveries_in_any_order_leave_the_same_rows_live() -> None:
    given = [
        ("dcir/2014", "2016-01-01", (168, 169)),
        ("dcir/201402", "2016-02-01", (169,)),
        ("dcir/201402", "2016-03-01", (169,)),
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
    one, two = unit("dcir/2014", 1, "2016-01-01", 168, 169), unit("dcir/201402", 2, "2016-02-01", 169)
    ids = [live_id([one]), live_id([one, two]), live_id([replace(one, state="superseded"), two])]
    assert len(set(ids)) == 3
    assert live_id([one, replace(two, produced="2015-01-01")]) == live_id([one]), (
        "a unit of which nothing is live changes nothing"
    )
