# SPDX-License-Identifier: Apache-2.0
"""Whatever the plan: nobody is treated after death or before the first year, and flows stay within 27 months."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.delivery_writer import synthetic_tables
from rempart.synthetic.delivery import pieces
from rempart.synthetic.plan import NEVER, SyntheticPlan
from rempart.synthetic.stays import CLEAN
from rempart.synthetic.world import make_world

TABLES = synthetic_tables()


@st.composite
def plans(draw: st.DrawFn) -> SyntheticPlan:
    first = draw(st.integers(2006, 2030))
    return SyntheticPlan(
        persons=draw(st.integers(20, 150)), first_year=first, last_year=first + draw(st.integers(1, 6)),
        seed=draw(st.integers(0, 2**40)), effect=draw(st.floats(0.2, 8)),
        mark=draw(st.sampled_from([None, "ABC", "CANARY123"])), tables=TABLES,
    )  # fmt: skip


@settings(max_examples=25)
@given(plan=plans())
def test_the_world_is_coherent(plan: SyntheticPlan) -> None:
    world = make_world(plan)
    people, cards, lines, stays = world.people, world.cards, world.lines, world.stays["mco"]
    assert (people.event <= people.death).all() or (people.event[people.event > people.death] == NEVER).all()
    used = people.start != NEVER
    assert (people.start[used] < people.death[used]).all()
    assert (people.start[used] <= people.stop[used]).all()
    lag = lines["flow"] - lines["month"]
    assert lag.min() >= 1
    assert lag.max() <= 27
    dated = lines["day"] >= 0
    assert lines["day"][dated].min() >= world.calendar.first
    assert lines["day"][dated].max() <= world.calendar.last
    person = cards.person[lines["card"]]
    canary = lines["item"] == world.setting.catalogue.canary
    assert ((person < 0) | canary | (lines["day"] < people.death[person])).all()
    assert (stays["entry"] <= stays["exit"]).all()
    assert (stays["exit"] <= world.calendar.last).all()
    clean = stays["dirt"] == CLEAN
    assert (stays["exit"][clean] <= people.death[stays["who"][clean]]).all()


@settings(max_examples=10)
@given(plan=plans())
def test_files_are_named_once_and_hold_text_only(plan: SyntheticPlan) -> None:
    world = make_world(plan)
    made = [piece() for piece in pieces(world)[0]]
    assert len({file.name for file in made}) == len(made)
    for file in made:
        assert tuple(file.columns.column_names) == file.header
        assert {str(field.type) for field in file.columns.schema} == {"string"}
        assert all(column.null_count == 0 for column in file.columns.columns)


@settings(max_examples=10)
@given(plan=plans())
def test_a_person_holds_one_card_on_each_day(plan: SyntheticPlan) -> None:
    world = make_world(plan)
    everybody = np.arange(len(world.people))
    for day in (world.calendar.first, world.calendar.last):
        card = world.cards.at(everybody, np.full(len(everybody), day))
        assert (world.cards.person[card] == everybody).all()
