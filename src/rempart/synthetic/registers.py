# SPDX-License-Identifier: Apache-2.0
"""The tables of persons: cards and their archive, long-term conditions, maternity; and which source knows of a death."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rempart.synthetic.cells import Frame, coded, counted, dated, given, monthly
from rempart.synthetic.claims import Lines
from rempart.synthetic.frames import Words, card_cells
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import NEVER, NO_DATE_0001, NO_DATE_1600, NO_DATE_2099, Flags, Ints
from rempart.synthetic.population import People
from rempart.synthetic.setting import Setting
from rempart.synthetic.stays import CLEAN

_NO_MONTH = 1600 * 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaths:
    """Of each person: died in the years delivered; the date is in the register; a linked certificate; a stay ended so."""

    died: Flags
    registered: Flags
    linked: Flags
    in_stay: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A table of persons: its cells, and how many rows it has."""

    frame: Frame
    rows: int


def death_sources(setting: Setting, people: People, stays: Lines) -> tuple[Deaths, dict[str, int]]:
    """Who tells of each death. Planted: deaths known from a stay alone, from a certificate alone, and from nowhere."""
    plan, calendar = setting.plan, setting.calendar
    model, draw, size = plan.tables["model"]["death"], plan.stream("deaths"), len(people)
    died = (people.death <= calendar.last) & (people.death < people.leave)
    in_stay = np.zeros(size, dtype=bool)
    in_stay[stays["who"][(stays["died"] == 1) & (stays["dirt"] == CLEAN)]] = True
    year = calendar.years[np.where(died, people.death, calendar.first)] - plan.first_year
    share = np.array(model["linked"])[np.minimum(year, len(model["linked"]) - 1)]
    unknown = died & (people.twin < 0) & (draw.random(size) < model["unknown_in_register"])
    lost = unknown & ~in_stay & plan.whole & (draw.random(size) < model["unrecorded"])
    linked = died & np.where(unknown, ~in_stay & ~lost, draw.random(size) < share)
    sources = Deaths(died=died, registered=died & ~unknown, linked=linked, in_stay=in_stay)
    return sources, {
        "deaths": int(died.sum()),
        "deaths_known_only_from_a_stay": int((unknown & in_stay).sum()),
        "deaths_known_only_from_a_certificate": int((unknown & ~in_stay & ~lost).sum()),
        "deaths_unrecorded": int(lost.sum()), "certificates_not_linked": int((died & ~linked).sum()),
    }  # fmt: skip


def beneficiaries(
    setting: Setting, world: tuple[People, Cards], words: Words, deaths: Deaths, *, early: bool = False
) -> tuple[Frame, int, dict[str, int]]:
    """One row a card that is not archived alone, in a random order. An older card often keeps the sentinel although its person died.

    ``early``: as the cards stood in the first delivery, some not yet certified.
    """
    (people, cards), calendar = world, setting.calendar
    draw, size = setting.plan.stream("beneficiaries"), len(cards.person)
    order = draw.permutation(size)
    told = (cards.person >= 0) & deaths.registered[cards.person] & (cards.latest | (draw.random(size) < 0.3))
    none = np.where(draw.random(size) < 0.1, NO_DATE_0001, NO_DATE_1600)
    death = np.where(told, people.death[cards.person], none)[order]
    idle = (cards.person >= 0) & ~people.consumer[cards.person]
    seen = np.where(draw.random(size) < 0.02, NO_DATE_1600, calendar.last - draw.integers(0, 300, size))
    seen = np.where(idle[order], NO_DATE_1600, seen)
    inserted = np.where(draw.random(size) < 0.1, NO_DATE_0001, draw.integers(0, calendar.first, size))
    kept = ~cards.archived[order]
    order, death, seen, inserted = order[kept], death[kept], seen[kept], inserted[kept]
    frame = _card_row(setting, cards, words, order, death, early=early) | {
        "last_seen": dated(calendar, seen), "inserted": dated(calendar, inserted), "updated": dated(calendar, seen),
        "consumer": counted(np.where(idle[order], 0, 1)),
    }  # fmt: skip
    return frame, len(order), {
        "death_dates_1600": int((death == NO_DATE_1600).sum()), "death_dates_0001": int((death == NO_DATE_0001).sum()),
        "birth_years_1600": int((cards.birth_year == 1600).sum()), "sex_unknown": int((cards.sex == 9).sum()),
        "last_seen_1600": int((seen == NO_DATE_1600).sum()), "cards_of_non_consumers": int(idle[order].sum()),
    }  # fmt: skip


def archived(setting: Setting, cards: Cards, words: Words) -> tuple[Frame, int, dict[str, int]]:
    """The archive of cards: cards that stand there alone, and older, uncertified states of some that do not."""
    calendar = setting.calendar
    alone, twice = np.flatnonzero(cards.archived), np.flatnonzero(cards.archived_twice)
    order = np.concatenate([alone, twice])
    death = np.full(len(order), NO_DATE_1600)
    old = np.arange(len(order)) >= len(alone)
    frame = _card_row(setting, cards, words, order, death, uncertified=old) | {
        "last_seen": dated(calendar, death), "inserted": dated(calendar, np.full(len(order), calendar.first - 900)),
        "updated": dated(calendar, np.full(len(order), calendar.first - 400)),
        "consumer": counted(np.ones(len(order), dtype=np.int64)),
    }  # fmt: skip
    return frame, len(order), {"cards_in_the_archive_alone": len(alone), "cards_in_the_archive_too": len(twice)}


def _card_row(
    setting: Setting, cards: Cards, words: Words, order: Ints, death: Ints, *,
    early: bool = False, uncertified: Flags | None = None,
) -> dict[str, Any]:  # fmt: skip
    calendar = setting.calendar
    bare = cards.late[order] & early if uncertified is None else uncertified & cards.certified[order]
    own = np.where(bare, "", cards.own_nir[order])
    key = np.where(bare, np.char.add(cards.psa[order], cards.rank[order].astype(np.str_)), cards.key[order])
    month = np.where(death >= 0, calendar.month(death), np.where(death == NO_DATE_0001, 12, _NO_MONTH))
    return card_cells(setting, cards, order, words) | {
        "own_nir": given(own), "person_key": given(key), "insured": given(own),
        "certified": counted((cards.certified[order] & ~bare).astype(np.int64)),
        "death": dated(calendar, death), "death_month": monthly(month),
    }  # fmt: skip


def conditions(setting: Setting, world: tuple[People, Cards], words: Words) -> tuple[Frame, int, dict[str, int]]:
    """Long-term conditions; codes padded with spaces, ends often a sentinel, list numbers often lost. Also the row count."""
    (people, cards), calendar, plan = world, setting.calendar, setting.plan
    model, draw = plan.tables["model"]["conditions"], plan.stream("conditions")
    told, who, kind, first = _holders(draw, setting, people)
    kept = first <= np.minimum(people.until[who] - 1, calendar.last)
    who, kind, first = who[kept], kind[kept], first[kept]
    roll = draw.random(len(who))
    end = np.where(roll < model["open_end"], NO_DATE_1600, first + 1826)
    end = np.where(roll > 1 - model["far_end"], NO_DATE_2099, end)
    end = np.where(end > calendar.last + 1000, NO_DATE_1600, end)
    lost = draw.random(len(who)) < model["number_lost"]
    other = plan.whole & (draw.random(len(who)) < model["other_ground"])
    grounds = [ground for _, _, ground in told]
    card = cards.at(who, np.maximum(first, calendar.first))
    frame = card_cells(setting, cards, card, words) | {
        "first": dated(calendar, first), "last": dated(calendar, end), "inserted": dated(calendar, first + 7),
        "number": coded(["0", *(number for _, number, _ in told)], np.where(lost, 0, kind + 1)),
        "ground": coded([*grounds, "11"], np.where(other, len(grounds), kind)),
        "diagnosis": coded([diagnosis for diagnosis, _, _ in told], kind),
    }  # fmt: skip
    return frame, len(who), {
        "condition_ends_1600": int((end == NO_DATE_1600).sum()), "condition_ends_2099": int((end == NO_DATE_2099).sum()),
        "condition_codes_padded": len(who), "condition_numbers_lost": int(lost.sum()),
        "grounds_that_are_no_condition": int(other.sum()),
    }  # fmt: skip


def _holders(
    draw: np.random.Generator, setting: Setting, people: People
) -> tuple[list[tuple[str, str, str]], Ints, Ints, Ints]:
    """(diagnosis, number, ground) of each condition; who holds which, from which day."""
    plan, calendar = setting.plan, setting.calendar
    told, who, kind, first = [], [], [], []
    if people.ill:
        for number, (name, disease) in enumerate(plan.tables["care"]["diseases"].items()):
            told.append(tuple(disease["condition"]))
            rows = np.flatnonzero((people.ill[name] != NEVER) & (draw.random(len(people)) < disease["declared"]))
            who.append(rows)
            kind.append(np.full(len(rows), number))
            first.append(people.ill[name][rows] + draw.integers(0, 60, len(rows)))
        return told, np.concatenate(who), np.concatenate(kind), np.maximum(np.concatenate(first), 0)
    model = plan.tables["model"]["conditions"]
    eligible = {"diabetes": people.diabetic, "cancer": people.event != NEVER}
    for number, (name, code) in enumerate(plan.tables["codes"]["conditions"].items()):
        told.append((code["diagnosis"], code["number"], code["ground"]))
        held = draw.random(len(people)) < model[name] * np.where(people.age < 50, 0.5, 1.0)
        rows = np.flatnonzero(held & eligible.get(name, True))
        since = people.event[rows] + draw.integers(10, 60, len(rows))
        before = calendar.first - draw.integers(30, 3500, len(rows))
        who.append(rows)
        kind.append(np.full(len(rows), number))
        first.append(since if name == "cancer" else before)
    return told, np.concatenate(who), np.concatenate(kind), np.concatenate(first)
