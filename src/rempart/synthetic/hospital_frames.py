# SPDX-License-Identifier: Apache-2.0
"""The tables that only a whole delivery has, of hospitals: wards and drugs of MCO, births, outpatient visits, SSR, HAD, RIM-P."""

from typing import Any

import numpy as np

from rempart.synthetic.cells import Frame, coded, counted, dated, given, taken
from rempart.synthetic.claims import Lines
from rempart.synthetic.hospital import Deliveries
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import Ints, pseudonyms
from rempart.synthetic.setting import Setting
from rempart.synthetic.stay_frames import UNLINKED, facility_of, repeated
from rempart.synthetic.stays import GENERATED, LATE, UNGROUPED, Forms

Part = tuple[Frame, Ints]
_SERVICE_WORDS = ("ATU", "CS", "lab", "ccam", "drug")


def birth_cells(setting: Setting, cards: Cards, stays: Lines, born: Deliveries) -> Frame:
    """Age in days, weight and weeks of the newborn; the mother's pseudonym and a number of both, in her stay and the child's."""
    births, size, baby = born.births, len(born.births.mother), stays["baby"]
    number = np.where(baby >= size, baby - size, baby)
    child, either = baby >= size, baby >= 0
    link = pseudonyms(setting.plan.stream("births", "numbers"), size, 32)
    psa = cards.psa[cards.at(births.mother, births.day)]
    whose, both = (np.append(texts, "") for texts in (psa, link))
    hidden = child & ~np.append(born.linked, True)[number]
    nothing = np.where(either, number, size)
    return {
        "age_days": _or_empty(np.zeros(len(baby), dtype=np.int64), child),
        "weight": _or_empty(np.append(births.weight, 0)[number], child),
        "weeks": _or_empty(np.append(births.weeks, 0)[number], either),
        "mother": given(np.where(hidden, UNLINKED, whose[nothing])),
        "mother_and_child": given(np.where(hidden, UNLINKED, both[nothing])),
    }  # fmt: skip


def _or_empty(numbers: Ints, shown: Any) -> Any:
    return given(np.where(shown, numbers.astype(np.str_), ""))


def _place(setting: Setting, stays: Lines, row: Ints) -> dict[str, Any]:
    facility = facility_of(setting.plan, stays)[row]
    return {
        "facility": given(facility), "record": counted(stays["record"][row], 10),
        "record_short": counted(stays["record"][row], 8),
    }  # fmt: skip


def ward_parts(setting: Setting, stays: Lines, forms: Forms) -> dict[str, Part]:
    """Wards: one a stay, two in a fifth; the first holds the principal diagnosis. Drugs on top of the tariff of some stays."""
    row, turn = repeated(1 + stays["choice"] % 5 // 4)
    nights = (stays["exit"] - stays["entry"])[row]
    wards = _place(setting, stays, row) | {
        "turn": counted(turn + 1), "principal": coded(forms.texts("principal"), stays["form"][row]),
        "related": coded(forms.texts("related"), stays["form"][row]),
        "ward": coded(["", "01A", "07B", "18"], stays["choice"][row] % 4),
        "nights": counted(np.where(turn == 0, nights, 0)), "severity": counted(stays["choice"][row] % 60, 3),
        "record_ward": counted(turn + 1, 3),
    }  # fmt: skip
    drugs = setting.plan.tables["care"]["hospital"]["on_top"]
    treated = np.flatnonzero((forms.texts("principal")[stays["form"]] == "Z511") | (stays["choice"] % 97 == 0))
    given_drugs = _place(setting, stays, treated) | {
        "drug": coded(drugs, stays["choice"][treated] % len(drugs)),
        "boxes": counted(1 + stays["choice"][treated] % 3), "delay": counted(np.zeros(len(treated), dtype=np.int64)),
        "exit_year": counted(stays["year"][treated]),
    }  # fmt: skip
    return {"wards": (wards, stays["year"][row]), "stay_drugs": (given_drugs, stays["year"][treated])}


def outpatient_parts(setting: Setting, own: Frame, visits: Lines) -> dict[str, Part]:
    """Chaining and declaration of every visit, and the one table of its service."""
    rules, years = setting.plan.tables["care"]["outpatient"], visits["year"]
    services = setting.catalogue
    parts: dict[str, Part] = {"outpatient_chaining": (own, years), "outpatient_invoices": (own, years)}
    word_of = np.array([rule["act"] for rule in rules])[visits["service"]]
    tables = {
        "ATU": ("outpatient_services", ["ATU"]),
        "CS": ("outpatient_fees", ["CS"]),
        "lab": ("outpatient_labs", [services.items[n].code.rjust(8, "0") for n in services.of("lab")]),
        "ccam": ("outpatient_acts", [services.items[n].code for n in services.of("technical")]),
        "drug": ("outpatient_drugs", setting.plan.tables["care"]["hospital"]["on_top"]),
    }
    for word in _SERVICE_WORDS:
        table, codes = tables[word]
        row = np.flatnonzero(word_of == word)
        frame = _place(setting, visits, row) | {
            "service": coded(codes, visits["choice"][row] % len(codes)), "boxes": counted(np.ones(len(row), dtype=np.int64)),
            "exit_year": counted(years[row]), "specialty": coded(["01", "03", "99"], visits["choice"][row] % 3),
        }  # fmt: skip
        parts[table] = (frame, years[row])
    return parts


def rehabilitation_parts(setting: Setting, own: Frame, stays: Lines, forms: Forms) -> dict[str, Part]:
    """SSR: chaining; a row a week, whose month may lie before the year of the table; diagnoses, acts, rehabilitation, groups."""
    calendar, years = setting.calendar, stays["year"]
    row, turn = repeated(1 + (stays["exit"] - stays["entry"]) // 7)
    month = calendar.month(np.minimum(stays["entry"][row] + 7 * turn, stays["exit"][row]))
    month = np.where(stays["dirt"][row] & LATE > 0, (years[row] - 1) * 12 + 10, month)
    form = stays["form"][row]
    group = np.where(stays["dirt"] & UNGROUPED > 0, "90Z00Z", forms.texts("group")[stays["form"]])
    weeks = {word: taken(own[word], row) for word in _WEEKLY} | _place(setting, stays, row) | {
        "week": counted(turn + 1), "purpose": coded(["Z501", "Z509"], stays["choice"][row] % 2),
        "morbidity": coded(forms.texts("principal"), form), "cause": coded(["", "I10"], stays["choice"][row] % 2),
        "group": given(group[row]), "month_year": given(_texts(month)), "week_of_stay": counted(turn),
        "ward": coded(["1", "2"], stays["choice"][row] % 2), "generated_week": coded(["0", "1"], _generated(stays)[row]),
    }  # fmt: skip
    common = setting.plan.tables["codes"]["associated"]["diagnoses"]
    acts = setting.plan.tables["care"]["hospital"]["rehabilitation"]
    some = np.flatnonzero(turn == 0)
    of = row[some]
    ends = years[of]
    detail = _place(setting, stays, of) | {
        "week": counted(turn[some] + 1), "associated": coded(common, stays["choice"][of] % len(common)),
        "act": coded(["EQQP004", "DEQP003"], stays["choice"][of] % 2), "delay": counted(np.zeros(len(of), dtype=np.int64)),
        "rehabilitation": coded(acts, stays["choice"][of] % len(acts)), "group": given(group[of]),
        "days": counted((stays["exit"] - stays["entry"])[of]),
    }  # fmt: skip
    return {
        "rehabilitation_chaining": (own, years), "rehabilitation_weeks": (weeks, years[row]),
        "rehabilitation_diagnoses": (detail, ends), "rehabilitation_acts": (detail, ends),
        "rehabilitation_services": (detail, ends), "rehabilitation_groups": (detail, ends),
    }  # fmt: skip


_WEEKLY = (
    "age", "sex", "area", "department_short", "entry_mode", "entry_from", "exit_mode", "exit_to", "exit_month_year",
)  # fmt: skip


def _generated(stays: Lines) -> Ints:
    return np.asarray((stays["dirt"] & GENERATED > 0).astype(np.int64))


def _texts(month: Ints) -> Any:
    unique, inverse = np.unique(month, return_inverse=True)
    return np.array([f"{m % 12 + 1:02d}{m // 12:04d}" for m in unique.tolist()] or [""])[inverse]


def home_parts(setting: Setting, own: Frame, stays: Lines) -> dict[str, Part]:
    """HAD: chaining, one sequence a stay, a diagnosis, an act in some, a group (99 where it failed)."""
    years, care = stays["year"], setting.plan.tables["care"]["hospital"]["home_care"]
    common = setting.plan.tables["codes"]["associated"]["diagnoses"]
    whole = dict(own) | {
        "care": coded(care, stays["choice"] % len(care)), "associated": coded(common, stays["choice"] % len(common)),
        "tariff": given(np.where(stays["dirt"] & UNGROUPED > 0, "99", "07")),
    }  # fmt: skip
    acted = np.flatnonzero(stays["choice"] % 3 == 0)
    acts = _place(setting, stays, acted) | {
        "act": coded(["EQQP004"], np.zeros(len(acted), dtype=np.int64)),
        "delay": counted(stays["choice"][acted] % 2),
    }
    return {
        "home_chaining": (whole, years), "home_sequences": (whole, years), "home_diagnoses": (whole, years),
        "home_acts": (acts, years[acted]), "home_groups": (whole, years),
    }  # fmt: skip


def ambulatory_acts(setting: Setting, stays: Lines) -> tuple[Ints, Ints, Ints]:
    """Acts after a stay of psychiatry, within its year: the stay, its turn, the day (of which the table tells the month alone)."""
    calendar = setting.calendar
    row, turn = repeated(stays["choice"] % 4)
    after = np.minimum(stays["exit"][row] + 14 * (turn + 1), calendar.last)
    kept = calendar.years[after] == stays["year"][row]
    return row[kept], turn[kept], after[kept]


def psychiatry_parts(setting: Setting, own: Frame, stays: Lines) -> dict[str, Part]:
    """RIM-P: chaining, one sequence a stay, a diagnosis; ambulatory acts after the stay, which reach a person through it."""
    years, day = stays["year"], setting.calendar
    common = ["F101", "F172", "Z630"]
    hidden = np.char.mod("%016d", 7919 * (stays["who"] + 31 * setting.plan.first_person))
    whole = dict(own) | {
        "patient": given(hidden), "associated": coded(common, stays["choice"] % len(common)),
        "stay_short": counted(20_000 + stays["choice"] % 70_000),
        "act": coded(["AHQP003"], np.zeros(len(years), dtype=np.int64)),
    }  # fmt: skip
    row, turn, after = ambulatory_acts(setting, stays)
    seen = _place(setting, stays, row) | {
        "patient": given(hidden[row]), "stay_short": counted(20_000 + stays["choice"][row] % 70_000),
        "order": counted(stays["record"][row] % 10_000_000 * 4 + turn, 8), "principal": taken(own["principal"], row),
        "age": taken(own["age"], row), "sex": taken(own["sex"], row), "area": taken(own["area"], row),
        "department_short": taken(own["department_short"], row), "exit_year": counted(years[row]),
        "month": counted(day.month(after) % 12 + 1, 2), "day": dated(day, after),
        "associated": coded(common, stays["choice"][row] % len(common)),
    }  # fmt: skip
    return {
        "psychiatry_chaining": (whole, years), "psychiatry_sequences": (whole, years),
        "psychiatry_diagnoses": (whole, years), "psychiatry_acts": (whole, years),
        "psychiatry_ambulatory": (seen, years[row]), "psychiatry_ambulatory_diagnoses": (seen, years[row]),
    }  # fmt: skip
