# SPDX-License-Identifier: Apache-2.0
"""Reimbursement lines as whole numbers: everything that really happened in the community.

A ``Lines`` is a mapping of plain words to equally long arrays. No column name and no text of a delivery appears here; dirt is put
on afterwards (``dirt``).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rempart.synthetic.catalogue import NONE
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import NEVER, Flags, Ints
from rempart.synthetic.population import COMPARATOR, TARGET, People
from rempart.synthetic.setting import Setting

Lines = dict[str, Ints]
# Expense qualifier of a line: empty, 0, 71 or 72.
EMPTY, PLAIN, INFORMED, INFORMED_ALSO = range(4)
_DEFAULTS = {
    "item": -1, "kind": NONE, "quantity": 1, "surcharge": 0, "natureless": 0, "qualifier": PLAIN,
    "qualifier_service": PLAIN, "flow": 0, "nature": 0, "facility": -1, "direct": 0, "place": 0, "scheme": 0,
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


def study_lines(setting: Setting, people: People) -> Lines:
    """Care of the small population, by person (``who``): courses of drugs, consultations, sporadic drugs."""
    plan, calendar, goods = setting.plan, setting.calendar, setting.catalogue
    draw, model, size = plan.stream("claims"), plan.tables["model"], len(people)
    until = people.until
    happened = []
    for drug, who, start, stop in _study_courses(people):
        happened.append(course(draw, setting, drug, (who, start, np.minimum(stop, until[who]))))
    for drug, (diabetic, other) in model["courses"].items():
        who = np.flatnonzero(draw.random(size) < np.where(people.diabetic, diabetic, other))
        start = calendar.first + draw.integers(0, 90, len(who))
        happened.append(course(draw, setting, drug, (who, start, until[who])))
    span = (people.since, until)
    for drug in ("antibiotic", "painkiller"):
        who, day = sporadic(draw, np.full(size, model["care"][drug]), span)
        happened.append(dispensed(setting, who, day, draw.choice(goods.of(drug), len(who))))
    rate = model["care"]["consultations"]
    who, day = sporadic(draw, np.where(people.diabetic, rate["diabetic"], rate["other"]), span)
    natures = np.array([goods.nature("consultation"), goods.nature("specialist")])
    nature = natures[(draw.random(len(who)) < model["care"]["specialist_share"]).astype(np.int64)]
    happened.append(lines(who=who, day=day, nature=nature))
    return joined(happened)


def under_cards(setting: Setting, people: People, cards: Cards, block: Lines) -> Lines:
    """Lines of persons as lines of the cards they hold and the places they live in on the day."""
    who, day = block.pop("who"), block["day"]
    block["card"] = cards.at(who, day)
    block["place"] = setting.places.at(people.home_on(who, day), day)
    block["scheme"] = people.scheme[who]
    return block


def _study_courses(people: People) -> list[tuple[str, Ints, Ints, Ints]]:
    target, comparator = (np.flatnonzero(people.arm == arm) for arm in (TARGET, COMPARATOR))
    added = np.flatnonzero(people.added != NEVER)
    return [
        ("target", target, people.start[target], people.stop[target]),
        ("comparator", comparator, people.start[comparator], people.stop[comparator]),
        ("comparator", added, people.added[added], people.stop[added]),
    ]


def course(draw: np.random.Generator, setting: Setting, drug: str, span: tuple[Ints, Ints, Ints]) -> Lines:
    """Refills from ``start`` (kept to the day) to before ``stop``, one way of dispensing a course, some days early or late."""
    who, start, stop = span
    pack = draw.choice(setting.catalogue.of(drug), len(who))
    step = setting.catalogue.days[pack]
    refills = np.maximum(1 + (stop - start - 1) // step, 0)
    row = np.repeat(np.arange(len(who)), refills)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(refills) - refills, refills)
    late = draw.integers(-3, 6, len(row))
    day = start[row] + turn * step[row] + np.where(turn == 0, 0, late)
    kept = day < stop[row]
    return dispensed(setting, who[row][kept], day[kept], pack[row][kept])


def dispensed(setting: Setting, who: Ints, day: Ints, pack: Ints) -> Lines:
    """One line a dispensing, of as many boxes as the way of dispensing says."""
    goods = setting.catalogue
    nature = goods.nature("pharmacy")
    return lines(who=who, day=day, item=pack, kind=goods.kind[pack], quantity=goods.boxes[pack], nature=nature)


def sporadic(draw: np.random.Generator, rate: np.ndarray[Any, Any], span: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """Poisson events of persons between each one's first day and the day after the last; ``rate`` a year."""
    since, until = span
    length = np.maximum(until - since, 0)
    who = np.repeat(np.arange(len(until)), draw.poisson(rate * length / 365.25))
    return who, since[who] + (draw.random(len(who)) * length[who]).astype(np.int64)
