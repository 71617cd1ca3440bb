# SPDX-License-Identifier: Apache-2.0
"""The tables of persons: beneficiaries, long-term conditions, death certificates, and which source knows of a death."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rempart.synthetic.cells import Frame, coded, counted, dated, given, monthly
from rempart.synthetic.claims import Lines
from rempart.synthetic.frames import card_cells
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import (
    NEVER,
    NO_DATE_0001,
    NO_DATE_1600,
    NO_DATE_2099,
    Calendar,
    Flags,
    Ints,
    SyntheticPlan,
    pseudonyms,
)  # fmt: skip
from rempart.synthetic.population import People
from rempart.synthetic.stays import CLEAN

_NO_MONTH = 1600 * 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaths:
    """Of each person: died in the years delivered; the date is in the register; a linked certificate; a stay ended so."""

    died: Flags
    registered: Flags
    linked: Flags
    in_stay: Flags


def death_sources(
    plan: SyntheticPlan, calendar: Calendar, people: People, stays: Lines
) -> tuple[Deaths, dict[str, int]]:
    """Who tells of each death. Planted: deaths known from a stay alone, and from a certificate alone."""
    model, draw, size = plan.tables["model"]["death"], plan.stream("deaths"), len(people)
    died = people.death != NEVER
    in_stay = np.zeros(size, dtype=bool)
    in_stay[stays["who"][(stays["died"] == 1) & (stays["dirt"] == CLEAN)]] = True
    year = calendar.years[np.where(died, people.death, calendar.first)] - plan.first_year
    share = np.array(model["linked"])[np.minimum(year, len(model["linked"]) - 1)]
    unknown = died & (people.twin < 0) & (draw.random(size) < model["unknown_in_register"])
    linked = died & np.where(unknown, ~in_stay, draw.random(size) < share)
    sources = Deaths(died=died, registered=died & ~unknown, linked=linked, in_stay=in_stay)
    return sources, {
        "deaths": int(died.sum()),
        "deaths_known_only_from_a_stay": int((unknown & in_stay).sum()),
        "deaths_known_only_from_a_certificate": int((unknown & ~in_stay).sum()),
        "certificates_not_linked": int((died & ~linked).sum()),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A table of persons: its cells, and how many rows it has."""

    frame: Frame
    rows: int


def make_registers(
    plan: SyntheticPlan, calendar: Calendar, world: tuple[People, Cards], deaths: Deaths
) -> tuple[dict[str, Register], dict[str, int]]:
    """The tables that have one file for all years, and the count of each defect in them."""
    cards, counts = beneficiaries(plan, calendar, world, deaths)
    held, rows, more = conditions(plan, calendar, world)
    return {
        "beneficiaries": Register(frame=cards, rows=len(world[1].person)),
        "conditions": Register(frame=held, rows=rows),
    }, counts | more  # fmt: skip


def beneficiaries(
    plan: SyntheticPlan, calendar: Calendar, world: tuple[People, Cards], deaths: Deaths
) -> tuple[Frame, dict[str, int]]:
    """One row a card, in a random order. An older card often keeps the sentinel although its person died."""
    people, cards = world
    draw, codes = plan.stream("beneficiaries"), plan.tables["codes"]
    size = len(cards.person)
    order = draw.permutation(size)
    told = (cards.person >= 0) & deaths.registered[cards.person] & (cards.latest | (draw.random(size) < 0.3))
    none = np.where(draw.random(size) < 0.1, NO_DATE_0001, NO_DATE_1600)
    death = np.where(told, people.death[cards.person], none)[order]
    month = np.where(death >= 0, calendar.month(death), np.where(death == NO_DATE_0001, 12, _NO_MONTH))
    seen = np.where(draw.random(size) < 0.02, NO_DATE_1600, calendar.last - draw.integers(0, 300, size))
    inserted = np.where(draw.random(size) < 0.1, NO_DATE_0001, draw.integers(0, calendar.first, size))
    frame = card_cells(codes, cards, order) | {
        "own_nir": given(cards.own_nir[order]), "person_key": given(cards.key[order]),
        "certified": counted(cards.certified[order].astype(np.int64)), "insured": given(cards.own_nir[order]),
        "death": dated(calendar, death), "death_month": monthly(month), "last_seen": dated(calendar, seen),
        "inserted": dated(calendar, inserted), "updated": dated(calendar, seen),
    }  # fmt: skip
    return frame, {
        "death_dates_1600": int((death == NO_DATE_1600).sum()), "death_dates_0001": int((death == NO_DATE_0001).sum()),
        "birth_years_1600": int((cards.birth_year == 1600).sum()), "sex_unknown": int((cards.sex == 9).sum()),
        "last_seen_1600": int((seen == NO_DATE_1600).sum()),
    }  # fmt: skip


def conditions(
    plan: SyntheticPlan, calendar: Calendar, world: tuple[People, Cards]
) -> tuple[Frame, int, dict[str, int]]:
    """Long-term conditions; codes padded with spaces, ends often a sentinel, list numbers often lost. Also the row count."""
    people, cards = world
    model, codes, draw = plan.tables["model"]["conditions"], plan.tables["codes"], plan.stream("conditions")
    names = list(codes["conditions"])
    who, kind = _holders(draw, model, people, names)
    size = len(who)
    first = calendar.first - draw.integers(30, 3500, size)
    cancer = kind == names.index("cancer")
    first = np.where(cancer, people.event[who] + draw.integers(10, 60, size), first)
    kept = first <= np.minimum(people.death[who], calendar.last)
    who, kind, first = who[kept], kind[kept], first[kept]
    roll = draw.random(len(who))
    end = np.where(roll < model["open_end"], NO_DATE_1600, first + 1826)
    end = np.where(roll > 1 - model["far_end"], NO_DATE_2099, end)
    end = np.where(end > calendar.last + 1000, NO_DATE_1600, end)
    lost = draw.random(len(who)) < model["number_lost"]
    card = cards.at(who, np.maximum(first, calendar.first))
    frame = card_cells(codes, cards, card) | {
        "first": dated(calendar, first), "last": dated(calendar, end), "inserted": dated(calendar, first + 7),
        "number": coded(["0", *(codes["conditions"][n]["number"] for n in names)], np.where(lost, 0, kind + 1)),
        "ground": coded([codes["conditions"][n]["ground"] for n in names], kind),
        "diagnosis": coded([codes["conditions"][n]["diagnosis"] for n in names], kind),
    }  # fmt: skip
    return frame, len(who), {
        "condition_ends_1600": int((end == NO_DATE_1600).sum()), "condition_ends_2099": int((end == NO_DATE_2099).sum()),
        "condition_codes_padded": len(who), "condition_numbers_lost": int(lost.sum()),
    }  # fmt: skip


def _holders(draw: np.random.Generator, model: dict[str, Any], people: People, names: list[str]) -> tuple[Ints, Ints]:
    who, kind = [], []
    eligible = {"diabetes": people.diabetic, "cancer": people.event != NEVER}
    for number, name in enumerate(names):
        held = draw.random(len(people)) < model[name] * np.where(people.age < 50, 0.5, 1.0)
        rows = np.flatnonzero(held & eligible.get(name, True))
        who.append(rows)
        kind.append(np.full(len(rows), number))
    return np.concatenate(who), np.concatenate(kind)


def certificates(
    plan: SyntheticPlan, calendar: Calendar, world: tuple[People, Cards], deaths: Deaths
) -> tuple[Frame, Ints]:
    """One row a death, sorted by year, and the year of each; a certificate not linked carries no person key."""
    people, cards = world
    codes, draw = plan.tables["codes"], plan.stream("certificates")
    who = np.flatnonzero(deaths.died)
    who = who[np.argsort(people.death[who], kind="stable")]
    card = cards.at(who, people.death[who])
    linked = deaths.linked[who]
    causes = [codes["outcome"]["cause"], *codes["causes"]["other"]]
    cause = draw.integers(1, len(causes), len(who))
    cause = np.where((people.event[who] != NEVER) & (draw.random(len(who)) < 0.7), 0, cause)
    day = people.death[who]
    years = calendar.years[day]
    frame = card_cells(codes, cards, card) | {
        "certificate": given(pseudonyms(draw, len(who), 64)), "linked": counted(linked.astype(np.int64)),
        "person_key": given(np.where(linked, cards.key[card], "")),
        "certified": counted((linked & cards.certified[card]).astype(np.int64)), "death_year": counted(years),
        "death": dated(calendar, day), "death_month": monthly(calendar.month(day)), "cause": coded(causes, cause),
    }  # fmt: skip
    return frame, years
