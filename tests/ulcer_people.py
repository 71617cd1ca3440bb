# SPDX-License-Identifier: Apache-2.0
"""Persons whose ulcer comes and goes: it makes them ill and start, goes sooner while they are treated, and they stop when it has gone.

In the first interval a coin decides who starts, so that nothing but staying is confounded. A law by intervals of 30 days: what is true on
an interval's first day decides what happens in it. Under each strategy the chance of falling ill is a sum over two states.
"""

import random
from dataclasses import dataclass

import pyarrow as pa

from tests.described_people import DAY, FIRST, Person

LENGTH, KNOWN = 30, 16  # days of an interval; intervals that are lived
ILL, DIES = {False: 0.015, True: 0.15}, 0.03
FIRST_STARTS, STARTS, STOPS = 0.5, {False: 0.03, True: 0.35}, {False: 0.3, True: 0.05}
COMES, STAYS = 0.08, {False: 0.9, True: 0.5}  # whether untreated, treated
ULCER = "K25"
END = FIRST + (KNOWN * LENGTH - 1) * DAY


@dataclass(slots=True)
class Lived:
    """A person, and of each interval whether there is an ulcer on its first day, until the person's last."""

    person: Person
    ulcer: list[bool]


def ulcer_people(count: int, *, seed: int) -> list[Lived]:
    """Everybody enters on one day, without the drug."""
    draw = random.Random(seed)
    return [_lived(draw, number) for number in range(1, count + 1)]


def _lived(draw: random.Random, number: int) -> Lived:
    person = Person(number=number, born=1950, sex=8507, observed=(FIRST - 400 * DAY, END), cohort=[(FIRST, END)])
    ulcer, treated, told = draw.random() < 0.3, False, list[bool]()
    since = FIRST
    for at in range(KNOWN):
        told.append(ulcer)
        first = FIRST + at * LENGTH * DAY
        turn = FIRST_STARTS if not at else (STOPS if treated else STARTS)[ulcer]
        ill, dies, turns = (draw.random() < chance for chance in (ILL[ulcer], DIES, turn))
        day = first + draw.randint(1, LENGTH - 2) * DAY
        if ill:
            person.events = [day]
            break
        if dies:
            person.died = day
            person.observed, person.cohort = (person.observed[0], day), [(FIRST, day)]
            break
        if turns and not treated and not person.fills:
            person.fills, treated, since = [(day, 1.0, None)], True, day
        elif turns and treated:
            person.exposures, treated = {"alpha": [(since, day - DAY)]}, False
        ulcer = draw.random() < (STAYS[treated] if ulcer else COMES)
    if person.fills and not person.exposures:
        person.exposures = {"alpha": [(since, END)]}
    return Lived(person, told)


def risk(ulcer: bool, treated: bool, intervals: int) -> float:
    """Of falling ill in the intervals after one with or without an ulcer, in which treatment began or did not, and stays so."""
    states, found = {ulcer: 1.0, not ulcer: 0.0}, 0.0
    for _ in range(intervals):
        comes = states[True] * STAYS[treated] + states[False] * COMES
        states = {True: comes, False: sum(states.values()) - comes}
        found += sum(share * ILL[state] for state, share in states.items())
        states = {state: share * (1 - ILL[state]) * (1 - DIES) for state, share in states.items()}
    return found


def truths(lives: list[Lived], intervals: int) -> tuple[float, float]:
    """Mean risk if all had started in the first interval, and if none had, of who is alive and well at its end."""
    ends = FIRST + LENGTH * DAY
    of = [
        life.ulcer[0] for life in lives if not any(day < ends for day in (*life.person.events, life.person.died or END))
    ]
    one, other = ([risk(ulcer, treated, intervals) for ulcer in of] for treated in (True, False))
    return sum(one) / len(one), sum(other) / len(other)


def ulcers(lives: list[Lived]) -> pa.Table:
    """A record on the first day of each interval with an ulcer."""
    rows = [
        (life.person.number, FIRST + at * LENGTH * DAY, ULCER)
        for life in lives
        for at, there in enumerate(life.ulcer)
        if there
    ]
    person, day, code = zip(*rows, strict=True)
    return pa.table(
        {
            "person_id": pa.array(person, pa.int64()),
            "condition_start_date": pa.array(day, pa.date32()),
            "condition_source_value": pa.array(code, pa.string()),
        }
    )
