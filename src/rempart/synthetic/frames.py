# SPDX-License-Identifier: Apache-2.0
"""Claims and hospital stays turned into frames: whole numbers on one side, the words of the layout file on the other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from rempart.synthetic.cells import Frame, coded, counted, dated, given, money, monthly, words_of
from rempart.synthetic.claims import NATURES, Lines
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import Calendar, Ints, SyntheticPlan, Texts
from rempart.synthetic.population import People
from rempart.synthetic.stays import BAD_NIR, BAD_RETURN, DUPLICATE, GENERATED, INTER, LATER, OUTCOME, UNGROUPED

_PROFESSIONALS = 400
_QUALIFIERS = ("", "0", "71", "72")
_RETURNS = (
    "return_nir", "return_birth", "return_sex", "return_stay", "return_file", "return_pmsi", "return_date",
    "return_birth_match", "return_sex_match",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CardWords:
    """The texts of all cards as columns, made once for a delivery."""

    psa: pa.Array
    kind: pa.Array


def card_words(cards: Cards) -> CardWords:
    """The texts every line takes from."""
    return CardWords(psa=words_of(cards.psa), kind=words_of(cards.kind))


def card_cells(codes: dict[str, Any], cards: Cards, card: Ints, words: CardWords | None = None) -> dict[str, Any]:
    """What any line repeats of the card it was made under."""
    places, place, words = codes["places"], cards.place[card], words or card_words(cards)
    return {
        "psa": coded(words.psa, card), "twin_rank": counted(cards.rank[card]),
        "twin_rank_wide": counted(cards.rank[card], 2), "nir_kind": coded(words.kind, card),
        "birth_year": counted(cards.birth_year[card]), "birth_month": counted(cards.birth_month[card], 2),
        "sex": counted(cards.sex[card]), "department": coded(places["departments"], place),
        "department_short": coded(places["hospital_departments"], place), "area": coded(places["areas"], place),
        "commune": coded(places["communes"], cards.commune[card]), "payer": coded(places["payers"], place),
    }  # fmt: skip


def claims_frame(
    plan: SyntheticPlan, calendar: Calendar, cards: Cards, words: CardWords, block: Lines, canary: str
) -> Frame:
    """Frame of lines already sorted by flow, card and day; ``canary`` is the text of the pack number past the list."""
    codes, card = plan.tables["codes"], block["card"]
    packs, nature = codes["packs"], block["nature"]
    price, rate = _prices(codes, block)
    professional = [f"{9_000_000 + 137 * n:08d}"[:8] + str(n % 9 + 1) for n in range(_PROFESSIONALS)]
    prescribing = (card * 17) % _PROFESSIONALS
    executing = np.where(block["pack"] >= 0, (card * 29 + 5) % _PROFESSIONALS, (prescribing + nature) % _PROFESSIONALS)
    nature_codes = [codes["natures"][word]["code"] for word in NATURES]
    sold = block["pack"] >= 0
    return card_cells(codes, cards, card, words) | {
        "flow": dated(calendar, calendar.first_of(block["flow"])), "processed": dated(calendar, block["processed"]),
        "sender": counted(10 + card % 8), "sending": counted(np.full(len(card), 1 + plan.block)), "statement": counted(block["statement"]),
        "line_wide": counted(block["line"], 5), "line_narrow": counted(block["line"], 3),
        "age": counted(np.clip(block["month"] // 12 - cards.birth_year[card], 0, 999)),
        "care": dated(calendar, block["day"]), "care_end": dated(calendar, block["care_end"]),
        "care_month": monthly(block["month"]), "prescribed": dated(calendar, block["prescribed"]),
        "nature": coded(nature_codes, nature), "paid_nature": coded([*nature_codes, "0"], _paid(block)),
        "surcharge": counted(block["surcharge"]), "expense_kind": coded(_QUALIFIERS, block["qualifier"]),
        "service_kind": coded(_QUALIFIERS, block["qualifier_service"]),
        "exemption": coded(["0", "42", "43"], (card + nature) % 3), "quantity": counted(block["quantity"]),
        "paid": money(price * block["quantity"]), "reimbursed": money(price * block["quantity"] * rate // 100),
        "rate": counted(rate), "unit_price": money(price), "executing": coded(professional, executing),
        "prescribing": coded(professional, prescribing), "executing_specialty": coded(["1", "3", "0"], sold * 2 + (nature == 1)),
        "executing_activity": coded(["0", "50"], sold.astype(np.int64)),
        "prescribing_specialty": coded(["1", "8"], (prescribing % 5 == 0).astype(np.int64)),
        "establishment": coded(["", "75000998"], (nature == 1) * (card % 7 == 0)),
        "pack": coded([*(p["cip13"] for p in packs), canary], block["pack"]),
        "pack_short": coded([*(p["cip7"] for p in packs), ""], block["pack"]),
    }  # fmt: skip


def _paid(block: Lines) -> Ints:
    return np.where(block["natureless"] == 1, len(NATURES), block["nature"])


def _prices(codes: dict[str, Any], block: Lines) -> tuple[Ints, Ints]:
    """Price of one unit in cents, and rate of reimbursement in percent, of each line."""
    natures = [codes["natures"][word] for word in NATURES]
    price = np.array([n["price"] for n in natures])[block["nature"]]
    packs = np.array([*(p["price"] for p in codes["packs"]), 999])
    rate = np.array([n["rate"] for n in natures])[block["nature"]]
    return np.where(block["pack"] >= 0, packs[block["pack"]], price), rate


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


def stays_frame(plan: SyntheticPlan, calendar: Calendar, cards: Cards, people: People, stays: Lines) -> Frame:
    """Frame of stays sorted by year of discharge, for the tables with one row a stay."""
    codes, card = plan.tables["codes"], stays["card"]
    hidden, dirt, year = codes["hidden"], stays["dirt"], stays["year"]
    psa = np.where(dirt == BAD_NIR, np.array(hidden["invalid_nir"])[stays["choice"] % 3], cards.psa[card])
    month = calendar.month(stays["exit"])
    principal, related, group = _purpose(codes, stays)
    facility, record = facility_of(codes, stays), stays["record"]
    return card_cells(codes, cards, card) | _return_cells(stays) | {
        "facility_narrow": given(np.char.lstrip(facility, "0")), "record_narrow": counted(record), "psa": given(psa),
        "facility": given(facility), "record": counted(record, 10),
        "entry": dated(calendar, stays["entry"]), "exit": dated(calendar, stays["exit"]),
        "entry_month": monthly(calendar.month(stays["entry"])), "exit_month": monthly(month),
        "exit_year": counted(year), "exit_month_of_year": counted(month % 12 + 1, 2),
        "stay_number": counted(20_000 + stays["entry"] + stays["who"] % 13), "principal": given(principal),
        "related": given(related), "group": given(np.where(dirt == UNGROUPED, hidden["ungrouped"], group)),
        "tariff": counted(1000 + stays["kind"] * 13 % 997), "age": counted(year - people.birth_year[stays["who"]]),
        "sex": counted(people.sex[stays["who"]]), "nights": counted(stays["exit"] - stays["entry"]),
        "entry_mode": coded(["8", "7"], (stays["choice"] % 11 == 0).astype(np.int64)),
        "entry_from": coded(["", "5"], (stays["choice"] % 4 == 0).astype(np.int64)),
        "exit_mode": coded(["8", "9"], stays["died"]),
        "stay_kind": coded(["", hidden["inter_facility"]], (dirt == INTER).astype(np.int64)),
        "diagnoses": counted(stays["associated"]), "acts": counted((_act_of(codes, stays)[0] >= 0).astype(np.int64)),
        "generated": coded(["0", "1", "2"], np.where(dirt == GENERATED, 1 + stays["choice"] % 2, 0)),
    }  # fmt: skip


def facility_of(codes: dict[str, Any], stays: Lines) -> Texts:
    """Nine-character facility number; a duplicate lies under one of the 46 numbers to set aside."""
    places, twice = np.array(codes["places"]["facilities"]), np.array(codes["hidden"]["facilities"])
    return np.where(
        stays["dirt"] == DUPLICATE, twice[stays["choice"] % len(twice)], places[stays["facility"] % len(places)]
    )


def _return_cells(stays: Lines) -> dict[str, Any]:
    """Return codes: all 0, but one of them in the stays so planted (one of those that exist in every year)."""
    bad = np.where(stays["dirt"] == BAD_RETURN, stays["choice"] % 7, -1)
    return {word: coded(["0", "1"], (bad == place).astype(np.int64)) for place, word in enumerate(_RETURNS)}


def _purpose(codes: dict[str, Any], stays: Lines) -> tuple[Texts, Texts, Texts]:
    """Principal and related diagnosis and group of each stay."""
    outcome, kinds, kind = codes["outcome"], codes["stays"], stays["kind"]
    safe = np.maximum(kind, 0)
    principal = np.array([k["principal"] for k in kinds])[safe]
    group = np.array([k["group"] for k in kinds])[safe]
    for at, texts, groups in (
        (OUTCOME, np.array(outcome["diagnoses"])[stays["diagnosis"]], np.array(outcome["groups"])[stays["choice"] % 3]),
        (LATER, np.array(outcome["later"]["principal"]), np.array(outcome["later"]["group"])),
    ):
        principal, group = np.where(kind == at, texts, principal), np.where(kind == at, groups, group)
    return principal, np.where(kind == LATER, outcome["later"]["related"], ""), group


def diagnoses_frame(plan: SyntheticPlan, stays: Lines) -> tuple[Frame, Ints]:
    """Frame of associated diagnoses, and the stay each belongs to."""
    codes = plan.tables["codes"]
    row = np.repeat(np.arange(len(stays["who"])), stays["associated"])
    rank = np.arange(len(row)) - np.repeat(np.cumsum(stays["associated"]) - stays["associated"], stays["associated"])
    words = codes["associated"]["diagnoses"]
    picked = (stays["choice"][row] + rank * 3) % len(words)
    return {
        "facility": given(facility_of(codes, stays)[row]), "record": counted(stays["record"][row], 10),
        "associated": coded(words, picked), "rank": counted(rank + 1),
    }, row  # fmt: skip


def acts_frame(plan: SyntheticPlan, stays: Lines) -> tuple[Frame, Ints]:
    """Frame of acts, and the stay each belongs to: the surgeon's line, and the anaesthetist's in half of them."""
    codes = plan.tables["codes"]
    act, names = _act_of(codes, stays)
    has = act >= 0
    row = np.repeat(np.flatnonzero(has), 1 + stays["choice"][has] % 2)
    second = np.diff(row, prepend=-1) == 0
    stays_of = {word: values[row] for word, values in stays.items()}
    delay = np.minimum(stays_of["choice"] % 3, stays_of["exit"] - stays_of["entry"])
    return {
        "facility": given(facility_of(codes, stays_of)), "record": counted(stays_of["record"], 10),
        "delay": counted(delay), "act": coded(names, act[row]), "activity": coded(["1", "4"], second.astype(np.int64)),
    }, row  # fmt: skip


def _act_of(codes: dict[str, Any], stays: Lines) -> tuple[Ints, list[str]]:
    """Number of each stay's act (-1: none) in the list of acts given beside."""
    names = [*codes["outcome"]["acts"], *(k.get("act", "") for k in codes["stays"])]
    act = np.where(stays["kind"] >= 0, len(codes["outcome"]["acts"]) + np.maximum(stays["kind"], 0), stays["act"])
    return np.where(np.array(names)[act] == "", -1, act), names
