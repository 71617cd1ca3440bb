# SPDX-License-Identifier: Apache-2.0
"""The true persons, a row each: who they are, every identity they are delivered under, and the days that matter."""

from typing import Any

import numpy as np
import pyarrow as pa

from rempart.synthetic.plan import NEVER, Calendar, Ints
from rempart.synthetic.population import ARM_NAMES
from rempart.synthetic.world import World

# Numbers of resolved persons of one block; the next block's come after.
RESOLVED = 1_000_000


def resolved_number(world: World, card: Ints) -> Ints:
    """Number, over all blocks, of the person that the delivered keys allow."""
    return np.asarray(world.resolved[card] + world.setting.plan.block * RESOLVED)


def persons_table(world: World, first: int = 0) -> pa.Table:
    """All text, numbered from ``first``. ``identities`` (``psa:rank:key``) and ``resolved`` numbers are joined by ``|``."""
    people, cards, calendar = world.people, world.cards, world.calendar
    mine = np.flatnonzero(cards.person >= 0)
    texts = np.char.add(np.char.add(np.char.add(cards.psa, ":"), cards.rank.astype(str)), np.char.add(":", cards.key))
    numbers = {"person": first + np.arange(len(people)), "sex": people.sex, "birth_year": people.birth_year}
    columns = {word: values.astype(str) for word, values in numbers.items()}
    columns["identities"] = _joined(cards.person[mine], texts[mine], len(people))
    columns["resolved"] = _joined(cards.person[mine], resolved_number(world, mine).astype(str), len(people))
    columns["arm"] = np.array(ARM_NAMES)[people.arm]
    flags = {
        "new_user": people.fresh, "event_with_act": people.act, "twin": people.twin >= 0, "consumer": people.consumer,
        "death_in_register": world.deaths.registered, "death_in_stay": world.deaths.in_stay & world.deaths.died,
        "death_linked": world.deaths.linked,
    }  # fmt: skip
    columns |= {word: values.astype(np.int64).astype(str) for word, values in flags.items()}
    columns["mother"] = np.where(people.mother >= 0, (first + people.mother).astype(str), "")
    days = {"time_zero": people.start, "event": people.event, "death": people.death, "since": people.since}
    for word, values in {**days, "leave": people.leave}.items():
        columns[word] = _dates(calendar, values)
    return pa.table({word: pa.array(values.astype(object), type=pa.string()) for word, values in columns.items()})


def _joined(person: Ints, texts: Any, size: int) -> Any:
    held: list[list[str]] = [[] for _ in range(size)]
    for one, text in zip(person.tolist(), texts.tolist(), strict=True):
        held[one].append(text)
    return np.array(["|".join(of) for of in held])


def _dates(calendar: Calendar, days: Ints) -> Any:
    return calendar.text(np.where(days >= NEVER, -4, days))
