# SPDX-License-Identifier: Apache-2.0
"""Cards: every (pseudonym, twin rank) under which a true person, or nobody, appears in the delivery.

Planted: several pseudonyms for one person, first ones never certified, same-sex twins sharing one, fictive and unusable cards.
"""

from dataclasses import dataclass

import numpy as np

from rempart.synthetic.plan import NEVER, Calendar, Flags, Ints, SyntheticPlan, Texts, pseudonyms
from rempart.synthetic.population import People


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """One entry a card; a person's cards follow one another. ``person`` is -1 for a card that is no person's."""

    person: Ints
    psa: Texts
    rank: Ints
    own_nir: Texts
    key: Texts
    certified: Flags
    kind: Texts
    birth_year: Ints
    birth_month: Ints
    sex: Ints
    place: Ints
    commune: Ints
    latest: Flags
    first_of: Ints
    switches: Ints

    def at(self, person: Ints, day: Ints) -> Ints:
        """The card a person holds on a day."""
        return np.asarray(self.first_of[person] + (day[:, None] >= self.switches[person]).sum(axis=1))


def make_cards(plan: SyntheticPlan, calendar: Calendar, people: People) -> Cards:
    """Draw the cards of everybody and the cards of nobody."""
    model, codes, draw = plan.tables["model"]["persons"], plan.tables["codes"], plan.stream("cards")
    size = len(people)
    count, switches = _switches(draw, model, people, calendar)
    first_of = np.concatenate([[0], np.cumsum(count)[:-1]])
    ghosts = _ghosts(draw, model, size)
    person = np.concatenate([np.repeat(np.arange(size), count), np.full(ghosts.sum(), -1)])
    mine, total = person >= 0, len(person)
    alike = np.where(mine, person, draw.integers(0, size, total))
    psa = pseudonyms(draw, total)
    psa[first_of[_younger(people)]] = psa[first_of[people.twin[_younger(people)]]]
    rank = np.where(draw.random(total) < 0.95, 1, 2)
    rank[first_of[people.twin >= 0]] = 1 + (np.flatnonzero(people.twin >= 0) & 1)
    certified = mine & ~_uncertified(draw, model, count, total)
    own = np.where(mine, pseudonyms(draw, size)[person], "")
    own_nir = np.where(certified, own, "")
    key = np.where(certified, own, np.char.add(psa, rank.astype(np.str_)))
    kind = np.where(draw.random(total) < model["provisional"], codes["nir"]["provisional"], codes["nir"]["normal"])
    kind[~mine] = _ghost_kinds(draw, codes["nir"]["fictive"], codes["nir"]["normal"], ghosts)
    born, sex = people.birth_year[alike], people.sex[alike].copy()
    unusable = np.arange(total) >= count.sum() + ghosts[0]
    born = np.where(unusable & (np.arange(total) % 2 == 0), 1600, born)
    sex[unusable & (np.arange(total) % 2 == 1)] = 9
    return Cards(
        person=person, psa=psa, rank=rank, own_nir=own_nir, key=key, certified=certified, kind=kind,
        birth_year=born, birth_month=people.birth_month[alike], sex=sex, place=people.place[alike],
        commune=draw.integers(0, len(codes["places"]["communes"]), total),
        latest=np.append(person[1:] != person[:-1], True) | ~mine, first_of=first_of, switches=switches,
    )  # fmt: skip


def _younger(people: People) -> Ints:
    numbers = np.arange(len(people))
    return np.flatnonzero((people.twin >= 0) & (people.twin < numbers))


def _switches(
    draw: np.random.Generator, model: dict[str, float], people: People, calendar: Calendar
) -> tuple[Ints, Ints]:
    """How many cards each person has, and the days of change (NEVER where there is none)."""
    roll = draw.random(len(people))
    count = 1 + (roll < model["two_pseudonyms"] + model["three_pseudonyms"]) + (roll < model["three_pseudonyms"])
    count = np.where(people.twin >= 0, 1, count)
    days = np.sort(draw.integers(calendar.first + 60, calendar.last - 60, size=(len(people), 2)), axis=1)
    return count, np.where(np.arange(2)[None, :] < count[:, None] - 1, days, NEVER)


def _uncertified(draw: np.random.Generator, model: dict[str, float], count: Ints, total: int) -> Flags:
    """Cards without an own identifier: the first of several, which then shares no key with the next, or a lone one."""
    share = np.zeros(total)
    firsts = np.concatenate([[0], np.cumsum(count)[:-1]])
    share[firsts] = np.where(count > 1, model["first_uncertified"], model["never_certified"])
    return np.asarray(draw.random(total) < share)


def _ghosts(draw: np.random.Generator, model: dict[str, float], size: int) -> Ints:
    """Number of fictive cards, then of cards without birth year or sex."""
    return np.array([max(2, round(size * model["fictive_card"])), max(2, round(size * model["unusable_card"]))])


def _ghost_kinds(draw: np.random.Generator, fictive: list[str], normal: str, ghosts: Ints) -> Texts:
    return np.concatenate([draw.choice(fictive, ghosts[0]), np.full(ghosts[1], normal)])
