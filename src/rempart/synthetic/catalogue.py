# SPDX-License-Identifier: Apache-2.0
"""Everything a line can be for, as numbers: packs and other codes with their table, price and duration; natures of service."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rempart.synthetic.plan import Ints, SyntheticPlan
from rempart.synthetic.planting import Pack

NONE, DRUG, HOSPITAL_DRUG, ACT, LAB, DEVICE = range(6)
KINDS = {"none": NONE, "drug": DRUG, "hospital_drug": HOSPITAL_DRUG, "act": ACT, "lab": LAB, "device": DEVICE}
_PRICES = {HOSPITAL_DRUG: 42000, ACT: 2500, LAB: 540, DEVICE: 1890}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A code that a detail line is about. ``of``: plain word of the drug or service; price of one in cents."""

    kind: int
    of: str
    code: str
    short: str = ""
    ucd: str = ""
    atc: str = ""
    units: int = 0
    price: int = 0
    boxes: int = 1
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """A nature of service (PRS_NAT_REF); price in cents of a line without an item, rate of reimbursement in percent."""

    word: str
    code: str
    price: int
    rate: int


class Catalogue:
    """Items and natures by number; the number past the last item is the canary pack's."""

    def __init__(self, plan: SyntheticPlan, packs: Sequence[Pack] = (), canary: str = "") -> None:
        codes, care = plan.tables["codes"], plan.tables["care"]
        self.items = [_listed(pack) for pack in codes["packs"]]
        if plan.whole:
            self.items += [_told(pack["of"].split()) for pack in care["packs"]]
            self.items += _of_services(care["services"])
        self.planted = len(self.items)
        self.items += [_planted(pack) for pack in packs]
        self.canary = len(self.items)
        self.items.append(Item(kind=DRUG, of="", code=canary, price=999))
        self.natures = [
            Nature(word=word, code=nature["code"], price=nature["price"], rate=nature["rate"])
            for word, nature in codes["natures"].items()
        ]
        if plan.whole:
            for service in care["services"]:
                self._add(Nature(word=service["word"], code=service["nature"], price=service.get("price", 0), rate=65))
        self.kind: Ints = np.array([item.kind for item in self.items] + [NONE])
        self.price: Ints = np.array([item.price for item in self.items] + [0])
        self.days: Ints = np.array([item.days for item in self.items] + [0])
        self.boxes: Ints = np.array([item.boxes for item in self.items] + [1])
        self._numbers: dict[str, list[int]] = {}
        for number, item in enumerate(self.items[: self.planted]):
            self._numbers.setdefault(item.of, []).append(number)

    def _add(self, nature: Nature) -> None:
        if nature.word not in {known.word for known in self.natures}:
            self.natures.append(nature)

    def of(self, word: str) -> Ints:
        """Numbers of the items of a drug or service."""
        return np.array(self._numbers[word])

    def nature(self, word: str) -> int:
        """Number of a nature."""
        return next(number for number, nature in enumerate(self.natures) if nature.word == word)


def _listed(pack: dict[str, int | str]) -> Item:
    return Item(
        kind=DRUG, of=str(pack["drug"]), code=str(pack["cip13"]), short=str(pack["cip7"]), atc=str(pack["atc"]),
        units=int(pack["units"]), price=int(pack["price"]), boxes=int(pack["boxes"]), days=int(pack["days"]),
    )  # fmt: skip


def _told(words: Sequence[str]) -> Item:
    of, atc, cip13, cip7, ucd, *numbers = words
    units, price, boxes, days = (int(number) for number in numbers)
    return Item(
        kind=DRUG, of=of, code=cip13, short=cip7, ucd=ucd, atc=atc, units=units, price=price, boxes=boxes, days=days
    )


def _planted(pack: Pack) -> Item:
    return Item(
        kind=DRUG, of=pack.product, code=pack.cip13, short=pack.cip7, atc=pack.atc, units=pack.units,
        price=pack.price, boxes=pack.boxes, days=pack.days,
    )  # fmt: skip


def _of_services(services: Sequence[dict[str, Any]]) -> list[Item]:
    made = []
    for service in services:
        kind = KINDS[str(service.get("detail", "none"))]
        if kind not in {NONE, DRUG}:
            made += [Item(kind=kind, of=service["word"], code=code, price=_PRICES[kind]) for code in service["codes"]]
    return made
