# SPDX-License-Identifier: Apache-2.0
"""Hospital stays of MCO turned into frames, and what the stays of every field share."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rempart.synthetic.cells import Frame, coded, counted, dated, given, monthly
from rempart.synthetic.claims import Lines
from rempart.synthetic.frames import Words, card_cells
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import Ints, SyntheticPlan, Texts
from rempart.synthetic.population import People
from rempart.synthetic.setting import Setting
from rempart.synthetic.stays import BAD_NIR, BAD_RETURN, DUPLICATE, GENERATED, INTER, UNGROUPED, Forms

UNLINKED = "ABAB" * 8
_RETURNS = (
    "return_nir", "return_birth", "return_sex", "return_stay", "return_file", "return_pmsi", "return_date",
    "return_birth_match", "return_sex_match",
)  # fmt: skip


def stay_cells(setting: Setting, world: tuple[People, Cards], words: Words, stays: Lines, forms: Forms) -> Frame:
    """Frame of stays sorted by year of discharge, for the tables with one row a stay of any field."""
    (people, cards), calendar, card, who = world, setting.calendar, stays["card"], stays["who"]
    hidden, dirt, year = setting.plan.tables["codes"]["hidden"], stays["dirt"], stays["year"]
    invalid = np.array(hidden["invalid_nir"])[stays["choice"] % len(hidden["invalid_nir"])]
    month, entered = calendar.month(stays["exit"]), calendar.month(stays["entry"])
    facility, record = facility_of(setting.plan, stays), stays["record"]
    place = setting.places.at(people.home_on(who, stays["entry"]), stays["entry"])
    return card_cells(setting, cards, card, words, place) | _return_cells(stays) | {
        "facility_narrow": given(np.char.lstrip(facility, "0")), "record_narrow": counted(record),
        "psa": given(np.where(dirt & BAD_NIR > 0, invalid, cards.psa[card])),
        "facility": given(facility), "record": counted(record, 10), "record_short": counted(record, 8),
        "entry": dated(calendar, stays["entry"]), "exit": dated(calendar, stays["exit"]),
        "entry_month": monthly(entered), "exit_month": monthly(month), "exit_year": counted(year),
        "exit_month_of_year": counted(month % 12 + 1, 2), "exit_month_year": given(_month_year(month)),
        "stay_number": counted(20_000 + stays["entry"] + who % 13),
        "principal": coded(forms.texts("principal"), stays["form"]),
        "related": coded(forms.texts("related"), stays["form"]),
        "age": counted(np.maximum(year - people.birth_year[who], 0)), "sex": counted(people.sex[who]),
        "nights": counted(stays["exit"] - stays["entry"]),
        "entry_mode": coded(["8", "7"], ((stays["choice"] % 11 == 0) & (stays["baby"] < 0)).astype(np.int64)),
        "entry_from": coded(["", "5"], (stays["choice"] % 4 == 0).astype(np.int64)),
        "exit_mode": coded(["8", "9"], stays["died"]), "exit_to": coded(["", "1"], stays["choice"] % 2),
        "generated": coded(["0", "1", "2"], np.where(dirt & GENERATED > 0, 1 + stays["choice"] % 2, 0)),
    }  # fmt: skip


def mco_frame(setting: Setting, own: Frame, stays: Lines, forms: Forms, births: Frame) -> Frame:
    """Frame of MCO stays and of their chaining; ``births``: the words of mother and child."""
    hidden, form = setting.plan.tables["codes"]["hidden"], stays["form"]
    group = np.where(stays["dirt"] & UNGROUPED > 0, hidden["ungrouped"], forms.texts("group")[form])
    tariffs = np.array([forms.tariffs.get(n, str(1000 + n * 13 % 997)) for n in range(len(forms.all))])
    acts = np.array([len(one.acts) for one in forms.all])
    return {**own, **births} | {
        "group": given(group), "tariff": coded(tariffs, form), "acts": counted(acts[form]),
        "diagnoses": counted(stays["associated"]), "wards": counted(1 + stays["choice"] % 5 // 4),
        "stay_kind": coded(["", hidden["inter_facility"]], (stays["dirt"] & INTER > 0).astype(np.int64)),
        "severity": counted(stays["choice"] % 60, 3), "ward_first": counted(np.ones(len(form), dtype=np.int64)),
    }  # fmt: skip


def no_births(stays: Lines) -> Frame:
    """The words of mother and child where no birth is planted."""
    empty = coded([""], np.zeros(len(stays["who"]), dtype=np.int64))
    return {
        "age_days": empty, "weight": empty, "weeks": empty, "mother": empty, "mother_and_child": empty,
    }  # fmt: skip


def facility_of(plan: SyntheticPlan, stays: Lines) -> Texts:
    """Nine-character facility number; a duplicate lies under one of the 46 numbers to set aside."""
    codes = plan.tables["codes"]
    places, twice = np.array(codes["places"]["facilities"]), np.array(codes["hidden"]["facilities"])
    if "outpatient" in stays:
        twice = np.array(
            [number for number in codes["hidden"]["facilities"] if not number.startswith(("69", "830100558"))]
        )
    return np.where(
        stays["dirt"] & DUPLICATE > 0, twice[stays["choice"] % len(twice)], places[stays["facility"] % len(places)]
    )


def _month_year(month: Ints) -> Texts:
    """MMYYYY."""
    unique, inverse = np.unique(month, return_inverse=True)
    texts = np.array([f"{m % 12 + 1:02d}{m // 12:04d}" for m in unique.tolist()] or [""])
    return texts[inverse]


def _return_cells(stays: Lines) -> dict[str, Any]:
    """Return codes: all 0, but one of them in the stays so planted (one of those that exist in every year)."""
    bad = np.where(stays["dirt"] & BAD_RETURN > 0, stays["choice"] % 7, -1)
    cells = {word: coded(["0", "1"], (bad == place).astype(np.int64)) for place, word in enumerate(_RETURNS)}
    # Outpatient records have five codes: the others' faults fall on the last of them.
    late = coded(["0", "1"], (bad > 2).astype(np.int64))
    return cells | {"return_insured": coded(["0"], np.zeros(len(bad), dtype=np.int64)), "return_entry": late}


def repeated(counts: Ints) -> tuple[Ints, Ints]:
    """Row of each repetition, and its turn (0, 1, …)."""
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)


def diagnoses_frame(setting: Setting, stays: Lines, forms: Forms) -> tuple[Frame, Ints]:
    """Frame of associated diagnoses, those of the form first, and the stay each belongs to."""
    fixed = np.array([len(form.associated) for form in forms.all])[stays["form"]]
    row, turn = repeated(fixed + stays["associated"])
    common = setting.plan.tables["codes"]["associated"]["diagnoses"]
    words, starts = _flat([form.associated for form in forms.all], common)
    own = turn < fixed[row]
    picked = np.where(
        own,
        len(common) + starts[stays["form"][row]] + turn,
        (stays["choice"][row] + (turn - fixed[row]) * 3) % len(common),
    )
    return {
        "facility": given(facility_of(setting.plan, stays)[row]), "record": counted(stays["record"][row], 10),
        "associated": coded(words, picked), "rank": counted(turn + 1),
    }, row  # fmt: skip


def acts_frame(setting: Setting, stays: Lines, forms: Forms) -> tuple[Frame, Ints]:
    """Frame of acts, and the stay each belongs to: the surgeon's line, and the anaesthetist's in half; a few second phases."""
    words, starts = _flat([form.acts for form in forms.all], [])
    count = np.array([len(form.acts) for form in forms.all])[stays["form"]]
    each = 1 + stays["choice"] % 2 + (setting.plan.whole & (stays["choice"] % 16 == 0))
    row, turn = repeated(count * each)
    of = {word: values[row] for word, values in stays.items()}
    which, again = turn // each[row], turn % each[row]
    delay = np.minimum(of["choice"] % 3, of["exit"] - of["entry"])
    second = np.where(of["choice"] % 2 == 0, again + 1, again)
    return {
        "facility": given(facility_of(setting.plan, of)), "record": counted(of["record"], 10), "delay": counted(delay),
        "act": coded(words or [""], starts[of["form"]] + which),
        "activity": coded(["1", "4", "1"], np.where(again == 0, 0, second)),
        "phase": coded(["0", "2"], ((again > 0) & (second > 1)).astype(np.int64)),
    }, row  # fmt: skip


def _flat(lists: Sequence[Sequence[str]], before: Sequence[str]) -> tuple[list[str], Ints]:
    """All texts end to end, after some others; where each list begins among them."""
    sizes = [len(one) for one in lists]
    return [*before, *(text for one in lists for text in one)], np.cumsum([0, *sizes])[:-1]
