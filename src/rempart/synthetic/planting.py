# SPDX-License-Identifier: Apache-2.0
"""The seam between the planted studies and the delivered lines: what a block of persons is, and what is planted in it.

Persons are places in their block (0 … n-1), days are those of ``plan.Calendar``, NEVER where nothing happens. Whoever turns
dispensings, doses, stays and births into lines needs nothing else of a study; what it draws of its own it draws elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TypeVar

import numpy as np

from rempart.synthetic.plan import Flags, Floats, Ints

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Births:
    """One entry a live birth to a person of the block. The child is a new person for whoever writes lines.

    ``conceived`` and ``day`` of delivery; ``sex`` of the child; ``weeks`` of gestation; ``weight`` in grams; ``malformation``: place in
    ``Planted.malformations`` or -1; ``found``: days after the birth at which a stay of the child first says so (0: the birth stay).
    """

    mother: Ints
    conceived: Ints
    day: Ints
    sex: Ints
    weeks: Ints
    weight: Ints
    malformation: Ints
    found: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some of the persons, as they are before any study: n entries each.

    ``sex`` 1 or 2. ``born`` day of birth (below 0 for most). ``death`` day of the natural death or NEVER. ``diseases``: flags by
    plain word ("diabetes", …). ``homes`` n × years delivered: place of residence through that year, as a row of
    ``Environment.values``. ``mortality`` n × years delivered: yearly hazard of natural death, constant within a calendar year;
    needed by the study of fine particles alone. ``group``: what ``eligible_people`` said, in the modes that draw the eligible only.
    ``births``: live births drawn elsewhere (malformation and found left at -1 and 0): studies of pregnancies then use these, and give
    them back in the same order with what they planted.
    """

    sex: Ints
    born: Ints
    death: Ints
    diseases: Mapping[str, Flags] = field(default_factory=dict)
    homes: Ints | None = None
    mortality: Floats | None = None
    group: Ints | None = None
    births: Births | None = None

    def __len__(self) -> int:
        return len(self.sex)

    def age(self, day: Ints | int) -> Floats:
        """Age in years on a day."""
        return np.asarray((day - self.born) / 365.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An exposure by place and year: ``values`` places × years delivered, in ``unit``."""

    name: str
    unit: str
    values: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligible:
    """Who is drawn in the modes ``cohort`` and ``boost``. ``age`` in years on the first day delivered."""

    sex: Ints
    age: Floats
    group: Ints
    diseases: Mapping[str, Flags]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One way of dispensing a product: ``boxes`` of a pack meant to last ``days``. ``dose``: milligrams in all those boxes."""

    product: str
    atc: str
    cip13: str
    cip7: str
    units: int
    price: int
    boxes: int
    days: int
    dose: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StayForm:
    """What a planted stay is coded with: CIM-10 and CCAM codes, a group, nights, and how many sessions ('' and () where none)."""

    principal: str
    related: str = ""
    associated: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    group: str = ""
    nights: int = 0
    sessions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispensings:
    """One entry a dispensing. ``pack``: place in ``Planted.packs``. Sorted by person and day."""

    person: Ints
    day: Ints
    pack: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses:
    """One entry a vaccine dose. ``rank`` 1, 2, …; ``product``: place in ``Planted.vaccines``."""

    person: Ints
    day: Ints
    rank: Ints
    product: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """One entry a stay. ``form``: place in ``Planted.forms``; ``day``: day of entry."""

    person: Ints
    day: Ints
    form: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The truth of one study in one block, one entry a person of the study: for ``truth_persons`` and for the counts.

    ``arm``: place in ``arms``; ``start``, ``stop`` of the study's drug (or NEVER); ``event`` first outcome; ``fresh``: a new user;
    ``treated``: the outcome's stay holds an act. Of doses, start and stop are the days of the first and the second; of pregnancies
    (one entry each), the first day and the birth.
    """

    study: str
    arms: tuple[str, ...]
    person: Ints
    arm: Ints
    fresh: Flags
    start: Ints
    stop: Ints
    event: Ints
    treated: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Everything the studies put into a block. ``death``: day for each person of the block, to be used instead of the natural one."""

    death: Ints
    packs: tuple[Pack, ...] = ()
    vaccines: tuple[str, ...] = ()
    forms: tuple[StayForm, ...] = ()
    malformations: tuple[str, ...] = ()
    dispensings: Dispensings
    doses: Doses
    stays: Stays
    births: Births
    facts: tuple[Facts, ...] = ()


def empty_planted(death: Ints) -> Planted:
    """Nothing planted."""
    none = np.zeros(0, dtype=np.int64)
    return Planted(
        death=death,
        dispensings=Dispensings(person=none, day=none, pack=none),
        doses=Doses(person=none, day=none, rank=none, product=none),
        stays=Stays(person=none, day=none, form=none),
        births=Births(
            mother=none, conceived=none, day=none, sex=none, weeks=none, weight=none, malformation=none, found=none
        ),
    )  # fmt: skip


def merge(parts: Sequence[Planted]) -> Planted:
    """Several studies in one block, one after the other; ``death`` is the last part's (each is given the one before).

    Lists of packs, vaccines, forms and malformations are laid end to end, and the places in them moved accordingly.
    """
    if len(parts) == 1:
        return parts[0]
    shift = dict.fromkeys(("packs", "vaccines", "forms", "malformations"), 0)
    moved = []
    for part in parts:
        moved.append(_moved(part, shift))
        for word in shift:
            shift[word] += len(getattr(part, word))
    rows = np.concatenate([part.dispensings.person for part in moved])
    days = np.concatenate([part.dispensings.day for part in moved])
    order = np.lexsort((days, rows))
    dispensings = _joined(Dispensings, [part.dispensings for part in moved])
    return Planted(
        death=parts[-1].death,
        packs=tuple(pack for part in parts for pack in part.packs),
        vaccines=tuple(name for part in parts for name in part.vaccines),
        forms=tuple(form for part in parts for form in part.forms),
        malformations=tuple(name for part in parts for name in part.malformations),
        dispensings=Dispensings(
            person=dispensings.person[order], day=dispensings.day[order], pack=dispensings.pack[order]
        ),
        doses=_joined(Doses, [part.doses for part in moved]),
        stays=_joined(Stays, [part.stays for part in moved]),
        births=_joined(Births, [part.births for part in moved]),
        facts=tuple(fact for part in parts for fact in part.facts),
    )  # fmt: skip


def _moved(part: Planted, shift: Mapping[str, int]) -> Planted:
    births = part.births
    wrong = np.where(births.malformation >= 0, births.malformation + shift["malformations"], -1)
    return Planted(
        death=part.death,
        dispensings=Dispensings(
            person=part.dispensings.person, day=part.dispensings.day, pack=part.dispensings.pack + shift["packs"]
        ),
        doses=Doses(
            person=part.doses.person, day=part.doses.day, rank=part.doses.rank,
            product=part.doses.product + shift["vaccines"],
        ),
        stays=Stays(person=part.stays.person, day=part.stays.day, form=part.stays.form + shift["forms"]),
        births=Births(
            mother=births.mother, conceived=births.conceived, day=births.day, sex=births.sex, weeks=births.weeks,
            weight=births.weight, malformation=wrong, found=births.found,
        ),
        facts=part.facts,
    )  # fmt: skip


def _joined(kind: type[T], parts: Sequence[T]) -> T:
    words = [column.name for column in fields(kind)]  # type: ignore[arg-type]
    return kind(**{word: np.concatenate([getattr(part, word) for part in parts]) for word in words})
