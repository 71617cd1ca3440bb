# SPDX-License-Identifier: Apache-2.0
"""The whole world of a plan, and its delivery file by file. Yields values; writing them is an adapter's work."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from rempart.synthetic.cells import Frame, Layouts
from rempart.synthetic.claims import Lines, chosen, joined, lines, set_flows, true_lines, with_dirt
from rempart.synthetic.frames import acts_frame, card_words, claims_frame, diagnoses_frame, numbered, stays_frame
from rempart.synthetic.identities import Cards, make_cards
from rempart.synthetic.plan import NEVER, Calendar, DeliveryFile, Ints, SyntheticPlan
from rempart.synthetic.population import People, make_people
from rempart.synthetic.registers import Deaths, Register, certificates, death_sources, make_registers
from rempart.synthetic.stays import make_stays

Piece = Callable[[], DeliveryFile]


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
    """Everything drawn for a plan; ``counts`` holds the planted defects of claims, stays, deaths."""

    calendar: Calendar
    people: People
    cards: Cards
    lines: Lines
    stays: Lines
    deaths: Deaths
    registers: dict[str, Register]
    counts: dict[str, int]
    canaries: Canaries | None


def make_world(plan: SyntheticPlan) -> World:
    """Draw the world of a plan, or of one of its blocks. Deterministic."""
    calendar = Calendar(plan)
    people = make_people(plan, calendar)
    cards = make_cards(plan, calendar, people)
    canaries = _canaries(plan)
    true = set_flows(plan, calendar, true_lines(plan, calendar, people, cards))
    delivered, counts = with_dirt(plan, calendar, (people, cards), true)
    if canaries:
        cards, delivered = _with_canaries(plan, calendar, (people, cards, delivered), canaries)
    stays, stay_counts = make_stays(plan, calendar, people, cards)
    deaths, death_counts = death_sources(plan, calendar, people, stays)
    delivered = numbered(calendar, delivered)
    registers, register_counts = make_registers(plan, calendar, (people, cards), deaths)
    counts |= stay_counts | death_counts | register_counts | _flow_counts(delivered)
    return World(
        calendar=calendar, people=people, cards=cards, lines=delivered, stays=stays, deaths=deaths,
        registers=registers, counts=counts, canaries=canaries,
    )  # fmt: skip


def pieces(plan: SyntheticPlan, world: World) -> list[Piece]:
    """The files of a delivery, or what a block adds to each: persons, claims by flow month, stays and certificates by year.

    Each is made when it is called, so that one of them at a time is in memory as text.
    """
    layouts, calendar, both = Layouts(plan), world.calendar, (world.people, world.cards)
    made: list[Piece] = [
        partial(layouts.file, table, world.registers[table].frame, slice(0, world.registers[table].rows))
        for table in ("beneficiaries", "conditions")
    ]
    made += [*_claims(plan, world, layouts), *_stays(plan, world, layouts)]
    frame, years = certificates(plan, calendar, both, world.deaths)
    made += (
        partial(layouts.file, "certificates", frame, _rows(years, year), str(year))
        for year in range(plan.first_year, plan.last_year + 1)
    )
    return made


def _rows(values: Ints, value: int) -> slice:
    """Where a value stands in sorted values."""
    first, last = np.searchsorted(values, [value, value + 1])
    return slice(int(first), int(last))


def _claims(plan: SyntheticPlan, world: World, layouts: Layouts) -> Iterator[Piece]:
    canary, words = world.canaries, card_words(world.cards)
    flows, sold = world.lines["flow"], world.lines["flow"][world.lines["pack"] >= 0]

    def made(table: str, month: int) -> DeliveryFile:
        part = {word: values[_rows(flows, month)] for word, values in world.lines.items()}
        if table == "drugs":
            part = chosen(part, part["pack"] >= 0)
        frame = claims_frame(plan, world.calendar, world.cards, words, part, canary.code if canary else "")
        suffix = f"_{canary.mark}" if table == "drugs" and canary and canary.month == month else ""
        period = f"{month // 12:04d}{month % 12 + 1:02d}"
        return layouts.file(table, frame, slice(0, len(part["flow"])), period, suffix)

    for month in np.unique(flows).tolist():
        yield partial(made, "claims", month)
        if len(sold[_rows(sold, month)]):
            yield partial(made, "drugs", month)


def _stays(plan: SyntheticPlan, world: World, layouts: Layouts) -> Iterator[Piece]:
    years = world.stays["year"]
    whole = stays_frame(plan, world.calendar, world.cards, world.people, world.stays)
    parts: list[tuple[str, Frame, Ints]] = [("chaining", whole, years), ("stays", whole, years)]
    for table, (frame, row) in {
        "diagnoses": diagnoses_frame(plan, world.stays), "acts": acts_frame(plan, world.stays),
    }.items():  # fmt: skip
        parts.append((table, frame, years[row]))
    for year in range(plan.first_year, plan.last_year + 1):
        for table, frame, of in parts:
            yield partial(layouts.file, table, frame, _rows(of, year), str(year))


def _flow_counts(block: Lines) -> dict[str, int]:
    late = block["flow"] - block["month"]
    return {"lines_later_than_6_months": int((late > 6).sum()), "latest_flow_lag_months": int(late.max())}


def _canaries(plan: SyntheticPlan) -> Canaries | None:
    if plan.mark is None or plan.block:
        return None
    digest = hashlib.sha256(f"{plan.seed} {plan.mark}".encode()).digest()
    year, drugs = min(plan.first_year + 2, plan.last_year), plan.tables["layouts"]["tables"]["drugs"]["name"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return Canaries(
        code="99" + f"{int.from_bytes(digest[:8]) % 10**11:011d}", psa="".join(letters[b % 36] for b in digest[8:25]),
        mark=plan.mark, month=year * 12 + 2, file=f"{drugs}_{year}03_{plan.mark}.csv.gz",
    )  # fmt: skip


def _with_canaries(
    plan: SyntheticPlan, calendar: Calendar, world: tuple[People, Cards, Lines], canaries: Canaries
) -> tuple[Cards, Lines]:
    """Give one living person the canary pseudonym, and one dispensing of the canary pack in the marked flow.

    The person is left without an own identifier, so that the pseudonym names the person all the way in.
    """
    people, cards, block = world
    single = (np.bincount(cards.person[cards.person >= 0], minlength=len(people)) == 1) & (people.twin < 0)
    fit = single & (people.death == NEVER) & people.diabetic & cards.certified[cards.first_of]
    card = int(cards.first_of[np.argmax(2 * fit + single)])
    psa, own_nir, key, certified = cards.psa.copy(), cards.own_nir.copy(), cards.key.copy(), cards.certified.copy()
    psa[card], own_nir[card], certified[card] = canaries.psa, "", False
    key[card] = f"{canaries.psa}{cards.rank[card]}"
    day = calendar.first_of(np.array([canaries.month - 1])) + 9
    nature = block["nature"][block["pack"] >= 0][:1]
    line = lines(
        card=np.array([card]), day=day, pack=len(plan.tables["codes"]["packs"]), flow=canaries.month, nature=nature,
        month=canaries.month - 1, care_end=day, prescribed=day,
    )  # fmt: skip
    return replace(cards, psa=psa, own_nir=own_nir, key=key, certified=certified), joined([block, line])
