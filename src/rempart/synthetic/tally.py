# SPDX-License-Identifier: Apache-2.0
"""Which rule every delivered line meets, counted; and how many persons can be told apart from the delivered keys alone.

Rules carry the names of the reference on the SNDS (D1 … A1) and, for what belongs to no published rule, the letters B (cards),
C (certificates), R (whose line it is), T (no date). Nothing here knows how a loader works.
"""

from collections.abc import Mapping

import numpy as np

from rempart.synthetic.catalogue import ACT, DEVICE, DRUG, HOSPITAL_DRUG, LAB
from rempart.synthetic.claims import INFORMED, Lines
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import Flags, Ints
from rempart.synthetic.stays import BAD_NIR, BAD_RETURN, DUPLICATE, GENERATED, INTER, LATE, UNGROUPED

DETAILS = {"drugs": DRUG, "hospital_drugs": HOSPITAL_DRUG, "claim_acts": ACT, "labs": LAB, "devices": DEVICE}
_OF_STAY = {
    "mco": {"P1": DUPLICATE, "P2": UNGROUPED, "P3": INTER, "P4": GENERATED, "P5": BAD_RETURN, "P6": BAD_NIR},
    "ssr": {"P2": UNGROUPED, "P4": GENERATED, "P5": BAD_RETURN, "P6": BAD_NIR, "P8b": LATE},
    "had": {"P8a": UNGROUPED, "P5": BAD_RETURN, "P6": BAD_NIR},
    "rip": {"P5": BAD_RETURN, "P6": BAD_NIR},
    "ace": {"P1": DUPLICATE, "P5": BAD_RETURN, "P6": BAD_NIR},
}  # fmt: skip
Combinations = dict[str, int]


def combinations(size: int, met: Mapping[str, Flags]) -> Combinations:
    """Lines by the set of rules they meet: names joined by ``+`` in the order given, '' for lines that meet none."""
    bits = np.zeros(size, dtype=np.int64)
    for place, flags in enumerate(met.values()):
        bits |= flags.astype(np.int64) << place
    names, found = list(met), np.bincount(bits, minlength=1)
    told = ("+".join(name for place, name in enumerate(names) if number >> place & 1) for number in range(len(found)))
    return {name: int(count) for name, count in zip(told, found, strict=True) if count}


def claim_rules(cards: Cards, block: Lines) -> dict[str, Flags]:
    """What each claim line meets; a detail line meets what its main line meets."""
    return {
        "D1": (block["qualifier"] >= INFORMED) | (block["qualifier_service"] >= INFORMED),
        "D2": block["direct"] == 2, "D3": block["natureless"] == 1, "D4": block["surcharge"] > 1,
        "T1": block["day"] < 0, "R1": cards.person[block["card"]] < 0,
    }  # fmt: skip


def stay_rules(field: str, cards: Cards, shared: Flags, stays: Lines) -> dict[str, Flags]:
    """What each stay meets; ``shared``: of each card, whether several persons hold its pseudonym."""
    met = {rule: stays["dirt"] & bit > 0 for rule, bit in _OF_STAY[field].items()}
    return met | {"R2": shared[stays["card"]] & (stays["dirt"] & BAD_NIR == 0)}


def card_rules(cards: Cards, kinds: list[str]) -> dict[str, Flags]:
    """What each card of the register meets; ``kinds``: fictive kinds of identity number."""
    return {
        "B2": np.isin(cards.kind, kinds), "B3": ~np.isin(cards.sex, [1, 2]), "B4": cards.birth_year == 1600,
    }  # fmt: skip


def resolution(cards: Cards) -> Ints:
    """Of each card, the number of the person that the delivered keys allow: joined by person key and by card; -1 for nobody's.

    Only what is delivered is used: the rows of the cards and of their archive (pseudonym, rank, person key).
    """
    mine, twice = np.flatnonzero(cards.person >= 0), np.flatnonzero(cards.archived_twice)
    card = np.concatenate([mine, twice])
    names = np.char.add(cards.psa[card], np.char.add("|", cards.rank[card].astype(np.str_)))
    older = np.char.add(cards.psa[twice], cards.rank[twice].astype(np.str_))
    _, holder = np.unique(names, return_inverse=True)
    _, key = np.unique(np.concatenate([cards.key[mine], older]), return_inverse=True)
    label = np.arange(key.max(initial=-1) + 1)
    while True:
        least = np.full(holder.max(initial=-1) + 1, len(label))
        np.minimum.at(least, holder, label[key])
        better = label.copy()
        np.minimum.at(better, key, least[holder])
        if (better == label).all():
            break
        label = better
    found = np.full(len(cards.person), -1)
    found[mine] = label[key[: len(mine)]]
    return found


def shared_pseudonyms(cards: Cards, found: Ints) -> Flags:
    """Of each card, whether its pseudonym belongs to several persons as resolved."""
    _, psa = np.unique(cards.psa, return_inverse=True)
    pairs = np.unique(np.stack([psa[found >= 0], found[found >= 0]]), axis=1)
    several = np.bincount(pairs[0], minlength=psa.max() + 1) > 1
    return np.asarray(several[psa])


def best_resolution(cards: Cards, found: Ints, persons: int) -> dict[str, int]:
    """Persons that the delivered keys tell apart, and why a true person falls into several."""
    mine = cards.person >= 0
    pairs = np.unique(np.stack([cards.person[mine], found[mine]]), axis=1)
    parts = np.bincount(pairs[0], minlength=persons)
    owners = np.bincount(np.unique(pairs, axis=1)[1])
    split = parts > 1
    return {
        "persons": len(np.unique(found[mine])), "split_persons": int(split.sum()),
        "split_by_uncertified_identifier": int((split & ~cards.changing).sum()),
        "split_by_changing_rank": int((split & cards.changing).sum()),
        "true_persons_wrongly_joined": int((owners > 1).sum()),
    }  # fmt: skip
