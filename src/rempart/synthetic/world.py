# SPDX-License-Identifier: Apache-2.0
"""Everything drawn for a block of persons: who they are, their cards, lines, stays and deaths, and what was planted wrong."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from rempart.synthetic.claims import Lines, joined, lines, study_lines, under_cards
from rempart.synthetic.dirt import set_flows, with_dirt
from rempart.synthetic.frames import Words, make_words, numbered
from rempart.synthetic.hospital import Deliveries
from rempart.synthetic.identities import Cards, make_cards
from rempart.synthetic.plan import NEVER, Calendar, Flags, Ints, SyntheticPlan
from rempart.synthetic.planting import Planted
from rempart.synthetic.population import People, make_people
from rempart.synthetic.registers import Deaths, death_sources
from rempart.synthetic.setting import Setting, make_setting
from rempart.synthetic.stays import Forms, delivered_stays, study_stays
from rempart.synthetic.tally import resolution, shared_pseudonyms


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """What a mark plants: a pack code, a pseudonym, and the flow month (counted from year 0) whose drug file is named by it."""

    code: str
    psa: str
    mark: str
    month: int
    file: str

    def texts(self) -> list[str]:
        """What a scan searches for."""
        return [self.code, self.psa, self.file]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything drawn for a block. ``stays`` by field; ``counts``: planted defects; ``resolved``: of each card, the person that
    the delivered keys allow; ``shared``: of each card, whether its pseudonym is several persons'."""

    setting: Setting
    people: People
    cards: Cards
    words: Words
    lines: Lines
    stays: dict[str, Lines]
    forms: Forms
    deaths: Deaths
    resolved: Ints
    shared: Flags
    counts: dict[str, int]
    canaries: Canaries | None = None
    born: Deliveries | None = None
    planted: Planted | None = None

    @property
    def calendar(self) -> Calendar:
        """The plan's calendar."""
        return self.setting.calendar


def make_world(plan: SyntheticPlan) -> World:
    """Draw the world of a plan, or of one of its blocks. Deterministic."""
    setting = make_setting(plan)
    people = make_people(setting)
    cards = make_cards(setting, people)
    care = under_cards(setting, people, cards, study_lines(setting, people))
    true, forms = study_stays(setting, people)
    stays, counts = delivered_stays(setting, (people, cards), true, "mco", forms.outcomes)
    return finished(setting, (people, cards), care, {"mco": stays}, forms, counts)


def finished(
    setting: Setting, both: tuple[People, Cards], care: Lines, stays: dict[str, Lines], forms: Forms, counts: dict[str, int]
) -> World:  # fmt: skip
    """A world from what truly happened: claims made dirty and numbered, deaths told by their sources, canaries."""
    plan, calendar, (people, cards) = setting.plan, setting.calendar, both
    delivered, defects = with_dirt(setting, both, set_flows(setting, care))
    canaries = _canaries(plan)
    if canaries:
        goods = setting.catalogue
        goods.items[goods.canary] = replace(goods.items[goods.canary], code=canaries.code)
        cards, delivered = _with_canaries(setting, (people, cards, delivered), canaries)
    deaths, told = death_sources(setting, people, stays["mco"])
    delivered = numbered(calendar, delivered)
    resolved = resolution(cards)
    return World(
        setting=setting, people=people, cards=cards, words=make_words(setting, cards), lines=delivered, stays=stays,
        forms=forms, deaths=deaths, resolved=resolved, shared=shared_pseudonyms(cards, resolved),
        counts=counts | defects | told | _flow_counts(delivered), canaries=canaries,
    )  # fmt: skip


def _flow_counts(block: Lines) -> dict[str, int]:
    late = block["flow"] - block["month"]
    return {"lines_later_than_6_months": int((late > 6).sum()), "latest_flow_lag_months": int(late.max(initial=0))}


def _canaries(plan: SyntheticPlan) -> Canaries | None:
    if plan.mark is None or plan.block:
        return None
    digest = hashlib.sha256(f"{plan.seed} {plan.mark}".encode()).digest()
    year, drugs = min(plan.first_year + 2, plan.last_year), plan.tables["layouts"]["tables"]["drugs"]["name"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return Canaries(
        code="3499" + f"{int.from_bytes(digest[:8]) % 10**9:09d}", psa="".join(letters[b % 36] for b in digest[8:25]),
        mark=plan.mark, month=year * 12 + 2, file=f"{drugs}_{year}03_{plan.mark}.csv.gz",
    )  # fmt: skip


def _with_canaries(setting: Setting, world: tuple[People, Cards, Lines], canaries: Canaries) -> tuple[Cards, Lines]:
    """Give one living person the canary pseudonym, and one dispensing of the canary pack in the marked flow.

    The person is left without an own identifier, so that the pseudonym names the person all the way in.
    """
    people, cards, block = world
    single = (np.bincount(cards.person[cards.person >= 0], minlength=len(people)) == 1) & (people.twin < 0)
    able = single & people.consumer & (people.since <= setting.calendar.first)
    fit = able & (people.death == NEVER) & people.diabetic & cards.certified[cards.first_of]
    card = int(cards.first_of[np.argmax(2 * fit + able)])
    psa, own_nir, key, certified = cards.psa.copy(), cards.own_nir.copy(), cards.key.copy(), cards.certified.copy()
    late, twice = cards.late.copy(), cards.archived_twice.copy()
    psa[card], own_nir[card], certified[card], late[card], twice[card] = canaries.psa, "", False, False, False
    key[card] = f"{canaries.psa}{cards.rank[card]}"
    day, goods = setting.calendar.first_of(np.array([canaries.month - 1])) + 9, setting.catalogue
    line = lines(
        card=np.array([card]), day=day, item=goods.canary, kind=goods.kind[goods.canary], flow=canaries.month,
        nature=goods.nature("pharmacy"), month=canaries.month - 1, care_end=day, prescribed=day, place=cards.home[card],
    )  # fmt: skip
    changed = replace(cards, psa=psa, own_nir=own_nir, key=key, certified=certified, late=late, archived_twice=twice)
    return changed, joined([block, line])
