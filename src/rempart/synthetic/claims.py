# SPDX-License-Identifier: Apache-2.0
"""Reimbursement lines as whole numbers: true care first, then the dirt of claims, each kind counted.

A ``Lines`` is a mapping of plain words to equally long arrays. No column name and no text of a delivery appears here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import NEVER, NO_DATE_0001, Calendar, Flags, Ints, SyntheticPlan
from rempart.synthetic.population import COMPARATOR, TARGET, People

Lines = dict[str, Ints]
NATURES = ("consultation", "specialist", "surcharge", "pharmacy")
_CONSULTATION, _SPECIALIST, _SURCHARGE, _PHARMACY = range(4)
# Expense qualifier of a line: empty, 0, 71 or 72.
EMPTY, PLAIN, INFORMED, INFORMED_ALSO = range(4)
_DEFAULTS = {
    "pack": -1, "quantity": 1, "surcharge": 0, "natureless": 0, "qualifier": PLAIN, "qualifier_service": PLAIN,
    "flow": 0, "nature": _CONSULTATION,
}  # fmt: skip


def lines(**given: Ints | int) -> Lines:
    """Equally long columns; words not given take their default."""
    size = max(len(v) for v in given.values() if isinstance(v, np.ndarray))
    whole = _DEFAULTS | given
    return {word: np.broadcast_to(np.asarray(v, dtype=np.int64), (size,)).copy() for word, v in whole.items()}


def joined(blocks: Sequence[Lines]) -> Lines:
    """One after the other."""
    return {word: np.concatenate([block[word] for block in blocks]) for word in blocks[0]}


def chosen(block: Lines, rows: Ints | Flags) -> Lines:
    """Some of the lines, copied."""
    return {word: values[rows].copy() for word, values in block.items()}


class Pharmacy:
    """The ways of dispensing, by drug, as arrays over the list of packs."""

    def __init__(self, packs: Sequence[dict[str, Any]]) -> None:
        self.days = np.array([pack["days"] for pack in packs], dtype=np.int64)
        self.boxes = np.array([pack["boxes"] for pack in packs], dtype=np.int64)
        self.drugs = [pack["drug"] for pack in packs]

    def of(self, drug: str) -> Ints:
        """Numbers of the packs of a drug."""
        return np.array([number for number, name in enumerate(self.drugs) if name == drug])


def true_lines(plan: SyntheticPlan, calendar: Calendar, people: People, cards: Cards) -> Lines:
    """Everything that really happened in the community: courses of drugs, consultations, sporadic drugs."""
    pharmacy, draw = Pharmacy(plan.tables["codes"]["packs"]), plan.stream("claims")
    model, size = plan.tables["model"], len(people)
    until = np.minimum(people.death, calendar.last + 1)
    happened = []
    for drug, who, start, stop in _study_courses(people):
        happened.append(_course(draw, pharmacy, drug, (who, start, np.minimum(stop, until[who]))))
    for drug, (diabetic, other) in model["courses"].items():
        who = np.flatnonzero(draw.random(size) < np.where(people.diabetic, diabetic, other))
        start = calendar.first + draw.integers(0, 90, len(who))
        happened.append(_course(draw, pharmacy, drug, (who, start, until[who])))
    span = (calendar.first, until)
    for drug in ("antibiotic", "painkiller"):
        who, day = _sporadic(draw, np.full(size, model["care"][drug]), span)
        happened.append(_dispensed(who, day, draw.choice(pharmacy.of(drug), len(who)), pharmacy))
    rate = model["care"]["consultations"]
    who, day = _sporadic(draw, np.where(people.diabetic, rate["diabetic"], rate["other"]), span)
    nature = np.where(draw.random(len(who)) < model["care"]["specialist_share"], _SPECIALIST, _CONSULTATION)
    happened.append(lines(who=who, day=day, nature=nature))
    whole = joined(happened)
    whole["card"] = cards.at(whole.pop("who"), whole["day"])
    return whole


def _study_courses(people: People) -> list[tuple[str, Ints, Ints, Ints]]:
    target, comparator = (np.flatnonzero(people.arm == arm) for arm in (TARGET, COMPARATOR))
    added = np.flatnonzero(people.added != NEVER)
    return [
        ("target", target, people.start[target], people.stop[target]),
        ("comparator", comparator, people.start[comparator], people.stop[comparator]),
        ("comparator", added, people.added[added], people.stop[added]),
    ]


def _course(draw: np.random.Generator, pharmacy: Pharmacy, drug: str, span: tuple[Ints, Ints, Ints]) -> Lines:
    """Refills from ``start`` (kept to the day) to before ``stop``, one way of dispensing a course, some days early or late."""
    who, start, stop = span
    pack = draw.choice(pharmacy.of(drug), len(who))
    step = pharmacy.days[pack]
    refills = np.maximum(1 + (stop - start - 1) // step, 0)
    row = np.repeat(np.arange(len(who)), refills)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(refills) - refills, refills)
    late = draw.integers(-3, 6, len(row))
    day = start[row] + turn * step[row] + np.where(turn == 0, 0, late)
    kept = day < stop[row]
    return _dispensed(who[row][kept], day[kept], pack[row][kept], pharmacy)


def _dispensed(who: Ints, day: Ints, pack: Ints, pharmacy: Pharmacy) -> Lines:
    return lines(who=who, day=day, pack=pack, quantity=pharmacy.boxes[pack], nature=_PHARMACY)


def _sporadic(draw: np.random.Generator, rate: np.ndarray[Any, Any], span: tuple[int, Ints]) -> tuple[Ints, Ints]:
    """Poisson events of persons between the first day and each one's end."""
    first, until = span
    length = np.maximum(until - first, 0)
    who = np.repeat(np.arange(len(until)), draw.poisson(rate * length / 365.25))
    return who, first + (draw.random(len(who)) * length[who]).astype(np.int64)


def set_flows(plan: SyntheticPlan, calendar: Calendar, block: Lines) -> Lines:
    """Give each line the month in which it became available: one to ``tail`` months after care."""
    lag, draw = plan.tables["model"]["lag"], plan.stream("flows")
    shares = np.array(lag["shares"])
    size, late = len(block["day"]), np.arange(lag["months"][-1] + 1, lag["tail"] - 6)
    months = np.concatenate([lag["months"], late])
    odds = np.concatenate([shares, np.full(len(late), (1 - shares.sum()) / len(late))])
    block["flow"] = calendar.month(block["day"]) + draw.choice(months, size=size, p=odds)
    return block


def with_dirt(
    plan: SyntheticPlan, calendar: Calendar, world: tuple[People, Cards], true: Lines
) -> tuple[Lines, dict[str, int]]:
    """The lines as delivered, and the count of each planted defect."""
    people, cards = world
    draw, share = plan.stream("dirt"), plan.tables["model"]["dirt"]
    drugs = int((true["pack"] >= 0).sum())
    last = calendar.month(true["day"]) + plan.tables["model"]["lag"]["tail"]
    counts: dict[str, int] = {}
    split = _split(draw, share["split"], true)
    counts["dispensings_on_two_equal_lines"] = len(split["day"])
    corrected = _corrected(draw, share["corrected"], true, last)
    counts["corrected_triples"] = len(corrected["day"]) // 2
    seen = _Seen(draw, plan, calendar, people, cards)
    pairs = seen.cancelled(max(6, round(drugs * share["cancelled"])))
    counts["cancelled_pairs"] = len(pairs["day"]) // 2
    informed = seen.informed(max(6, round(drugs * share["information"])), share["information_both"])
    counts["lines_information_only"] = len(informed["day"])
    counts["lines_information_only_and_without_nature"] = int(informed["natureless"].sum())
    bare = seen.drug_lines(max(3, round(drugs * share["natureless"])))
    bare["natureless"][:] = 1
    counts["lines_without_nature"] = len(bare["day"]) + counts["lines_information_only_and_without_nature"]
    extra = _surcharges(draw, plan.tables["model"]["care"]["surcharge_share"], true)
    counts["surcharge_lines"] = len(extra["day"])
    strangers = _strangers(draw, calendar, cards)
    counts["lines_of_unusable_cards"] = len(strangers["day"])
    whole = joined([true, split, corrected, pairs, informed, bare, extra, set_flows(plan, calendar, strangers)])
    return whole, counts | _undate(draw, share, whole, calendar)


def _split(draw: np.random.Generator, share: float, true: Lines) -> Lines:
    """A dispensing of two boxes written as two equal lines of one: collapsing equal lines loses a box."""
    rows = np.flatnonzero((true["quantity"] == 2) & (draw.random(len(true["day"])) < share))
    true["quantity"][rows] = 1
    return chosen(true, rows)


def _corrected(draw: np.random.Generator, share: float, true: Lines, last: Ints) -> Lines:
    """A wrong quantity, taken back in a later flow, where the right line follows: the true line moves to that flow."""
    rows = np.flatnonzero((true["pack"] >= 0) & (draw.random(len(true["day"])) < share))
    wrong = chosen(true, rows)
    wrong["quantity"] += 1
    back = {word: values.copy() for word, values in wrong.items()}
    back["quantity"] *= -1
    back["flow"] = np.minimum(back["flow"] + draw.integers(1, 7, len(rows)), last[rows])
    true["flow"][rows] = back["flow"]
    return joined([wrong, back])


def _surcharges(draw: np.random.Generator, share: float, true: Lines) -> Lines:
    rows = np.flatnonzero((true["pack"] < 0) & (draw.random(len(true["day"])) < share))
    extra = chosen(true, rows)
    extra["nature"][:], extra["surcharge"][:] = _SURCHARGE, 2
    return extra


def _strangers(draw: np.random.Generator, calendar: Calendar, cards: Cards) -> Lines:
    """A few consultations under each card that is no person's."""
    card = np.repeat(np.flatnonzero(cards.person < 0), 3)
    return lines(card=card, day=draw.integers(calendar.first, calendar.last + 1, len(card)))


def _undate(draw: np.random.Generator, share: dict[str, float], whole: Lines, calendar: Calendar) -> dict[str, int]:
    """Sentinels instead of dates; an empty qualifier instead of 0. Changes ``whole``; only consultations lose their care date."""
    size = len(whole["day"])
    plain = (whole["pack"] < 0) & (whole["surcharge"] == 0)
    undated = plain & (draw.random(size) < share["undated"])
    whole["care_end"] = np.where(draw.random(size) < share["no_end_date"], NO_DATE_0001, whole["day"])
    ordered = whole["day"] - draw.integers(0, 9, size)
    whole["prescribed"] = np.where(draw.random(size) < share["no_prescription_date"], NO_DATE_0001, ordered)
    whole["month"] = calendar.month(whole["day"])
    whole["day"] = np.where(undated, NO_DATE_0001, whole["day"])
    for word in ("qualifier", "qualifier_service"):
        missing = (whole[word] == PLAIN) & (draw.random(size) < share["qualifier_missing"])
        whole[word] = np.where(missing, EMPTY, whole[word])
    return {"lines_without_care_date": int(undated.sum())}


class _Seen:
    """Dispensings that never happened, in living diabetics, of the studied drugs too: a reader that keeps them sees false users."""

    def __init__(
        self, draw: np.random.Generator, plan: SyntheticPlan, calendar: Calendar, people: People, cards: Cards
    ) -> None:
        self.draw, self.plan, self.calendar, self.people, self.cards = draw, plan, calendar, people, cards
        self.pharmacy = Pharmacy(plan.tables["codes"]["packs"])
        self.tail = int(plan.tables["model"]["lag"]["tail"])

    def drug_lines(self, count: int) -> Lines:
        """``count`` drug lines without truth behind them."""
        who = self.draw.choice(np.flatnonzero(self.people.diabetic), count)
        until = np.minimum(self.people.death, self.calendar.last + 1)[who]
        day = self.calendar.first + (self.draw.random(count) * (until - self.calendar.first)).astype(np.int64)
        made = _dispensed(who, day, self.draw.integers(0, len(self.pharmacy.days), count), self.pharmacy)
        made["card"] = self.cards.at(made.pop("who"), day)
        made["flow"] = self.calendar.month(day) + self.draw.integers(1, 4, count)
        return made

    def cancelled(self, count: int) -> Lines:
        """A line and, in a later flow, the same with a negative quantity."""
        line = self.drug_lines(count)
        back = {word: values.copy() for word, values in line.items()}
        back["quantity"] *= -1
        late = self.draw.choice([1, 2, 3, 6, 12, self.tail - 3], count)
        back["flow"] += late
        return joined([line, back])

    def informed(self, count: int, both: float) -> Lines:
        """Lines sent for information only, by one qualifier or the other; some without nature as well."""
        line = self.drug_lines(count)
        kind = np.where(self.draw.random(count) < 0.7, INFORMED, INFORMED_ALSO)
        first = self.draw.random(count) < 0.6
        line["qualifier"] = np.where(first, kind, PLAIN)
        line["qualifier_service"] = np.where(first, PLAIN, kind)
        line["natureless"] = (self.draw.random(count) < both).astype(np.int64)
        return line
