# SPDX-License-Identifier: Apache-2.0
"""Claims turned into frames: whole numbers on one side, the words of the layout file on the other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from rempart.synthetic.catalogue import DRUG, NONE
from rempart.synthetic.cells import Frame, coded, counted, dated, money, monthly, words_of
from rempart.synthetic.claims import Lines
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import Calendar, Ints
from rempart.synthetic.setting import Setting

_PROFESSIONALS = 400
_QUALIFIERS = ("", "0", "71", "72")
_ACT_WIDTH = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The texts that lines of a block take from, as columns made once."""

    psa: pa.Array
    kind: pa.Array
    department: pa.Array
    hospital_department: pa.Array
    area: pa.Array
    commune: pa.Array
    payer: pa.Array
    professional: pa.Array
    item: pa.Array
    short: pa.Array
    act: pa.Array


def make_words(setting: Setting, cards: Cards) -> Words:
    """The texts every line takes from."""
    places, items = setting.places, setting.catalogue.items
    professionals = [f"{9_000_000 + 137 * n:08d}"[:8] + str(n % 9 + 1) for n in range(_PROFESSIONALS)]
    return Words(
        psa=words_of(cards.psa), kind=words_of(cards.kind), department=words_of(places.department),
        hospital_department=words_of(places.hospital_department), area=words_of(places.area),
        commune=words_of(places.commune), payer=words_of(places.payers), professional=words_of(professionals),
        item=words_of(item.code for item in items), short=words_of(item.short for item in items),
        act=words_of(item.code.ljust(_ACT_WIDTH) for item in items),
    )  # fmt: skip


def card_cells(setting: Setting, cards: Cards, card: Ints, words: Words, place: Ints | None = None) -> dict[str, Any]:
    """What any line repeats of the card it was made under; ``place``: the commune then, the latest one without it."""
    home = cards.home[card] if place is None else place
    return {
        "psa": coded(words.psa, card), "twin_rank": counted(cards.rank[card]),
        "twin_rank_wide": counted(cards.rank[card], 2), "nir_kind": coded(words.kind, card),
        "birth_year": counted(cards.birth_year[card]), "birth_month": counted(cards.birth_month[card], 2),
        "sex": counted(cards.sex[card]), "department": coded(words.department, home),
        "department_short": coded(words.hospital_department, home), "area": coded(words.area, home),
        "commune": coded(words.commune, home),
        "payer": coded(words.payer, setting.places.payer(home, cards.scheme[card])),
        "scheme": counted(cards.scheme[card] + 1), "scheme_wide": counted(cards.scheme[card] + 1, 3),
    }  # fmt: skip


def claims_frame(setting: Setting, cards: Cards, words: Words, block: Lines) -> Frame:
    """Frame of lines already sorted by flow, card and day."""
    calendar, goods, card, nature = setting.calendar, setting.catalogue, block["card"], block["nature"]
    price, rate = _prices(setting, block)
    sold = block["kind"] == DRUG
    prescribing = (card * 17) % _PROFESSIONALS
    executing = np.where(sold, (card * 29 + 5) % _PROFESSIONALS, (prescribing + nature) % _PROFESSIONALS)
    specialist = nature == goods.nature("specialist")
    nature_codes = [n.code for n in goods.natures]
    paid = np.where(block["natureless"] == 1, len(nature_codes), nature)
    own = card_cells(setting, cards, card, words, block["place"])
    return own | _keys(setting, block) | _facility_cells(setting, card, specialist, block) | {
        "age": counted(_ages(setting, cards, block)),
        "care": dated(calendar, block["day"]), "care_end": dated(calendar, block["care_end"]),
        "care_month": monthly(block["month"]), "prescribed": dated(calendar, block["prescribed"]),
        "nature": coded(nature_codes, nature), "paid_nature": coded([*nature_codes, "0"], paid),
        "surcharge": counted(block["surcharge"]), "expense_kind": coded(_QUALIFIERS, block["qualifier"]),
        "service_kind": coded(_QUALIFIERS, block["qualifier_service"]),
        "exemption": coded(["0", "42", "43"], (card + nature) % 3), "quantity": counted(block["quantity"]),
        "paid": money(price * block["quantity"]), "reimbursed": money(price * block["quantity"] * rate // 100),
        "rate": counted(rate), "unit_price": money(price), "executing": coded(words.professional, executing),
        "prescribing": coded(words.professional, prescribing),
        "executing_specialty": coded(["1", "3", "0"], np.where(sold, 2, specialist)),
        "executing_activity": coded(["0", "50"], sold.astype(np.int64)),
        "prescribing_specialty": coded(["1", "8"], (prescribing % 5 == 0).astype(np.int64)),
        "pack": coded(words.item, block["item"]), "pack_short": coded(words.short, block["item"]),
        "act": coded(words.act, block["item"]),
    }  # fmt: skip


def _keys(setting: Setting, block: Lines) -> dict[str, Any]:
    """The nine keys of a claim, in the widths of the main table and of the details."""
    calendar, card = setting.calendar, block["card"]
    sending = np.full(len(card), 1 + setting.plan.block)
    return {
        "flow": dated(calendar, calendar.first_of(block["flow"])), "processed": dated(calendar, block["processed"]),
        "sender": counted(10 + card % 8), "sending": counted(sending), "statement": counted(block["statement"]),
        "line_wide": counted(block["line"], 5), "line_narrow": counted(block["line"], 3),
    }  # fmt: skip


def _facility_cells(setting: Setting, card: Ints, specialist: Any, block: Lines) -> dict[str, Any]:
    """Prescribing and executing facility (8 characters), and whether a public hospital billed directly."""
    given = setting.plan.tables["codes"]["places"]["facilities"]
    return {
        "establishment": coded(["", "75000998"], specialist * (card % 7 == 0)),
        "facility": coded([*(number[:8] for number in given), ""], block["facility"]),
        "direct": coded(["", "0", "1"], block["direct"]),
        "public": coded(["2", "1"], (block["direct"] == 2).astype(np.int64)),
    }  # fmt: skip


def _ages(setting: Setting, cards: Cards, block: Lines) -> Ints:
    """Age in years; with every table, months + 1000 below two years and 999 where it makes no sense."""
    card = block["card"]
    years = block["month"] // 12 - cards.birth_year[card]
    if not setting.plan.whole:
        return np.asarray(np.clip(years, 0, 999))
    months = block["month"] - (cards.birth_year[card] * 12 + cards.birth_month[card] - 1)
    small = (months >= 0) & (months < 24)
    return np.asarray(np.where(small, 1000 + months, np.where((years < 0) | (years > 120), 999, years)))


def _prices(setting: Setting, block: Lines) -> tuple[Ints, Ints]:
    """Price of one unit in cents, and rate of reimbursement in percent, of each line."""
    goods = setting.catalogue
    price = np.array([n.price for n in goods.natures])[block["nature"]]
    rate = np.array([n.rate for n in goods.natures])[block["nature"]]
    return np.where(block["kind"] != NONE, goods.price[block["item"]], price), rate


def numbered(calendar: Calendar, block: Lines) -> Lines:
    """Sort by flow, card and day; give each line its statement and its rank there, so that the nine keys are unique."""
    order = np.lexsort((block["month"], block["card"], block["flow"]))
    block = {word: values[order] for word, values in block.items()}
    same = [np.diff(block[word], prepend=-9) == 0 for word in ("flow", "card", "month")]
    starts = np.flatnonzero(~(same[0] & same[1] & same[2]))
    sizes = np.diff(np.append(starts, len(order)))
    block["line"] = 1 + np.arange(len(order)) - np.repeat(starts, sizes)
    block["statement"] = 1 + np.repeat(np.arange(len(starts)), sizes)
    opened = calendar.first_of(block["flow"])
    block["processed"] = np.maximum(np.maximum(block["day"], 0), opened - 1 - (block["card"] * 7 + block["line"]) % 25)
    return block
