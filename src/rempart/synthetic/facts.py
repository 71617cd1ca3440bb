# SPDX-License-Identifier: Apache-2.0
"""What a perfect loader ends with, row by row: net quantities by person, day and code; stays with the rules they meet.

A person here is the one that the delivered keys allow (``resolved``), beside the true one.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from rempart.synthetic.catalogue import KINDS, NONE
from rempart.synthetic.cells import coded, counted, dated, given
from rempart.synthetic.hospital_frames import ambulatory_acts
from rempart.synthetic.plan import Flags
from rempart.synthetic.stays import BAD_NIR
from rempart.synthetic.tally import claim_rules, stay_rules
from rempart.synthetic.truth_persons import resolved_number
from rempart.synthetic.world import World

_SET_ASIDE = ("D1", "D2", "D3", "T1", "R1")


def net_quantities(world: World, first_person: int) -> pa.Table:
    """One row a person, day, kind and code whose quantities sum to more than nothing, over lines that no rule sets aside."""
    block, cards = world.lines, world.cards
    met = claim_rules(cards, block)
    kept = (block["kind"] != NONE) & ~np.any([met[rule] for rule in _SET_ASIDE], axis=0)
    rows = np.flatnonzero(kept)
    card = block["card"][rows]
    keys = np.stack([world.resolved[card], block["day"][rows], block["item"][rows]])
    order = np.lexsort(keys[::-1])
    starts = np.flatnonzero(np.append(True, (np.diff(keys[:, order]) != 0).any(axis=0)))[: len(order)]
    total = np.add.reduceat(block["quantity"][rows][order], starts) if len(order) else np.zeros(0, dtype=np.int64)
    one = rows[order][starts][total > 0]
    goods = world.setting.catalogue
    return _table({
        "person": counted(first_person + cards.person[block["card"][one]]),
        "resolved": counted(resolved_number(world, block["card"][one])),
        "day": dated(world.calendar, block["day"][one]), "kind": coded(list(KINDS), block["kind"][one]),
        "code": coded([item.code for item in goods.items], block["item"][one]), "quantity": counted(total[total > 0]),
    }, len(one))  # fmt: skip


def net_totals(table: pa.Table) -> dict[str, dict[str, int]]:
    """Rows and quantities of ``net_quantities`` by kind."""
    kinds, sums = np.array(table["kind"].to_pylist()), np.array([int(q) for q in table["quantity"].to_pylist()])
    return {
        kind: {"rows": int((kinds == kind).sum()), "quantity": int(sums[kinds == kind].sum())}
        for kind in KINDS
        if len(kinds) and (kinds == kind).any()
    }


def delivered_stays_table(world: World, first_person: int) -> list[pa.Table]:
    """One row a delivered stay of every field: whose, when, principal diagnosis, death, and the rules it meets."""
    tables = []
    for field, stays in world.stays.items():
        principal = world.forms.texts("principal")[stays["form"]] if len(world.forms.all) else np.array([""])
        size, card = len(stays["who"]), stays["card"]
        tables.append(_table({
            "person": counted(first_person + stays["who"]), "resolved": counted(resolved_number(world, card)),
            "field": coded([field], np.zeros(size, dtype=np.int64)), "entry": dated(world.calendar, stays["entry"]),
            "exit": dated(world.calendar, stays["exit"]), "year": counted(stays["year"]),
            "principal": given(np.where(field == "ace", "", principal)), "died": counted(stays["died"]),
            "record": counted(stays["record"]), "rules": given(_names(stay_rules(field, world.cards, world.shared, stays))),
        }, size))  # fmt: skip
    if "rip" in world.stays:
        tables.append(_ambulatory(world, first_person))
    return tables


def _ambulatory(world: World, first_person: int) -> pa.Table:
    """Ambulatory acts of psychiatry, as ``rip_ambulatory``: known by month, so on its first day; P6 where no stay of the year names
    the patient by a true pseudonym."""
    stays, calendar = world.stays["rip"], world.calendar
    row, _, after = ambulatory_acts(world.setting, stays)
    of_year = stays["who"] * 10_000 + stays["year"]
    named = np.unique(of_year[stays["dirt"] & BAD_NIR == 0])
    month, card = calendar.first_of(calendar.month(after)), stays["card"][row]
    met = {"P6": ~np.isin(of_year[row], named), "R2": world.shared[card]}
    nothing = np.zeros(len(row), dtype=np.int64)
    return _table({
        "person": counted(first_person + stays["who"][row]), "resolved": counted(resolved_number(world, card)),
        "field": coded(["rip_ambulatory"], nothing), "entry": dated(calendar, month), "exit": dated(calendar, month),
        "year": counted(stays["year"][row]), "principal": coded(world.forms.texts("principal"), stays["form"][row]),
        "died": counted(nothing), "record": counted(stays["record"][row]), "rules": given(_names(met)),
    }, len(row))  # fmt: skip


def _names(met: dict[str, Flags]) -> Any:
    """Of each row, the rules met, joined by ``+``."""
    size = len(next(iter(met.values())))
    texts = np.full(size, "", dtype="U40")
    for rule, flags in met.items():
        glue = np.where((texts != "") & flags, "+", "")
        texts = np.char.add(np.char.add(texts, glue), np.where(flags, rule, ""))
    return texts


def _table(cells: dict[str, Any], size: int) -> pa.Table:
    return pa.table({word: cell(slice(0, size)) for word, cell in cells.items()})
