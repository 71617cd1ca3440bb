# SPDX-License-Identifier: Apache-2.0
"""Cards: every (pseudonym, twin rank) under which a true person, or nobody, appears in the delivery.

Planted: several pseudonyms for one person, first ones never certified, same-sex twins sharing one, fictive and unusable cards.
"""

from dataclasses import dataclass

import numpy as np

from rempart.synthetic.plan import NEVER, Flags, Ints, Texts, pseudonyms
from rempart.synthetic.population import People
from rempart.synthetic.setting import Setting


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
    home: Ints
    scheme: Ints
    latest: Flags
    archived: Flags
    archived_twice: Flags
    late: Flags
    first_of: Ints
    switches: Ints
    changing: Flags

    def at(self, person: Ints, day: Ints) -> Ints:
        """The card a person holds on a day."""
        return np.asarray(self.first_of[person] + (day[:, None] >= self.switches[person]).sum(axis=1))


def make_cards(setting: Setting, people: People) -> Cards:
    """Draw the cards of everybody and the cards of nobody."""
    plan, calendar = setting.plan, setting.calendar
    model, codes, draw = plan.tables["model"]["persons"], plan.tables["codes"], plan.stream("cards")
    size = len(people)
    count, switches, changing = _switches(setting, draw, people)
    first_of = np.concatenate([[0], np.cumsum(count)[:-1]])
    ghosts = _ghosts(draw, model, size)
    person = np.concatenate([np.repeat(np.arange(size), count), np.full(ghosts.sum(), -1)])
    mine, total = person >= 0, len(person)
    alike = np.where(mine, person, draw.integers(0, size, total))
    psa = pseudonyms(draw, total)
    psa[first_of[_younger(people)]] = psa[first_of[people.twin[_younger(people)]]]
    rank = np.where(draw.random(total) < 0.95, 1, 2)
    twins = np.flatnonzero(people.twin >= 0)
    rank[first_of[twins]] = 1 + (people.twin[twins] < twins)
    certified = mine & ~_uncertified(draw, model, count, total)
    _change_ranks(setting, first_of[np.flatnonzero(changing)], (psa, rank, certified))
    own = np.where(mine, pseudonyms(draw, size)[person], "")
    own_nir = np.where(certified, own, "")
    key = np.where(certified, own, np.char.add(psa, rank.astype(np.str_)))
    kind = np.where(draw.random(total) < model["provisional"], codes["nir"]["provisional"], codes["nir"]["normal"])
    kind[~mine] = _ghost_kinds(draw, codes["nir"]["fictive"], codes["nir"]["normal"], ghosts)
    born, sex = people.birth_year[alike], people.sex[alike].copy()
    unusable = np.arange(total) >= count.sum() + ghosts[0]
    born = np.where(unusable & (np.arange(total) % 2 == 0), 1600, born)
    sex[unusable & (np.arange(total) % 2 == 1)] = 9
    latest = np.append(person[1:] != person[:-1], True) | ~mine
    told, odd = plan.tables["demography"]["persons"], plan.stream("archive")
    alone = mine & ~latest & (odd.random(total) < told["archived"]) & plan.whole
    twice = mine & certified & ~alone & (odd.random(total) < told["archived_twice"]) & plan.whole
    return Cards(
        person=person, psa=psa, rank=rank, own_nir=own_nir, key=key, certified=certified, kind=kind,
        birth_year=born, birth_month=people.birth_month[alike], sex=sex,
        home=people.home_on(alike, np.full(total, calendar.last)), scheme=people.scheme[alike],
        latest=latest, first_of=first_of, switches=switches, changing=changing, archived=alone, archived_twice=twice,
        late=mine & certified & ~alone & (odd.random(total) < told["late_certificate"]) & plan.whole,
    )  # fmt: skip


def _change_ranks(setting: Setting, first: Ints, cards: tuple[Texts, Ints, Flags]) -> None:
    """Outside the general scheme the family rank changes: same pseudonym, another rank; a few are never certified and stay split."""
    psa, rank, certified = cards
    psa[first + 1], rank[first + 1] = psa[first], 3 - rank[first]
    bare = (
        setting.plan.stream("ranks").random(len(first))
        < setting.plan.tables["demography"]["persons"]["rank_uncertified"]
    )
    certified[first], certified[first + 1] = ~bare, ~bare


def _younger(people: People) -> Ints:
    numbers = np.arange(len(people))
    return np.flatnonzero((people.twin >= 0) & (people.twin < numbers))


def _switches(setting: Setting, draw: np.random.Generator, people: People) -> tuple[Ints, Ints, Flags]:
    """How many cards each person has, the days of change (NEVER where there is none), and whose change is of the rank alone."""
    model, calendar, size = setting.plan.tables["model"]["persons"], setting.calendar, len(people)
    roll = draw.random(size)
    count = 1 + (roll < model["two_pseudonyms"] + model["three_pseudonyms"]) + (roll < model["three_pseudonyms"])
    told, also = setting.plan.tables["demography"]["persons"], setting.plan.stream("families")
    child = (people.mother >= 0) & (also.random(size) < told["on_both_cards"])
    count = np.where(child, np.maximum(count, 2), count)
    alone = (count == 1) & (people.scheme > 0) & (people.twin < 0) & setting.plan.whole
    changing = alone & (also.random(size) < told["changing_rank"])
    count = np.where(changing, 2, np.where(people.twin >= 0, 1, count))
    days = np.sort(draw.integers(calendar.first + 60, calendar.last - 60, size=(size, 2)), axis=1)
    return count, np.where(np.arange(2)[None, :] < count[:, None] - 1, days, NEVER), changing


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
