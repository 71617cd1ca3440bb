# SPDX-License-Identifier: Apache-2.0
"""Small histories of dispensings and stays, and their periods of exposure twice: by the product's SQL, and day by day in plain Python.

The second is written from docs/exposure.md and shares nothing with the SQL. Days are numbers; day 1 is BASE.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import pyarrow as pa

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.codes import Reads
from rempart.cohort.exposure_eras import exposure_clear, exposure_statements
from rempart.records.study import Study, study_from_dict

BASE = datetime.date(2014, 1, 1)
DRUG, STRONGER, QUARTERLY, DEVICE, BLISTER = (f"{digit}" * 13 for digit in "12345")
OTHER = "9999999999999"
PACKS: tuple[dict[str, Any], ...] = (
    {"code": DRUG, "units": 28, "days": 28, "strength": 15, "daily_dose": 30},
    {"code": STRONGER, "units": 30, "strength": 30, "daily_dose": 30},
    {"code": QUARTERLY, "units": 90, "days": 90, "kind": "quarterly", "strength": 15},
    {"code": DEVICE, "units": 1, "days": 1095, "kind": "device"},
    {"code": BLISTER, "units": 60, "days": 28},
)
KNOWN = {pack["code"]: pack for pack in PACKS}
HOSPITAL, CARE_HOME, CONSULTATION = 9201, 42898160, 9202
OBSERVED = 2000  # the last observed day
FAR = 10**6


@dataclass(frozen=True, kw_only=True)
class Dispensing:
    """``unit``: pack, unit or None; ``recorded``: days of supply that the record has."""

    day: int
    code: str = DRUG
    quantity: float | None = 1
    unit: str | None = "pack"
    recorded: int | None = None


@dataclass(frozen=True, kw_only=True)
class Stay:
    """From the day of entry to the day of leaving, None: still there."""

    first: int
    last: int | None
    concept: int = HOSPITAL


Period = tuple[int, int, int]  # first day, last day, dispensings


def date(day: int) -> datetime.date:
    """The date of a day number."""
    return BASE + datetime.timedelta(days=day - 1)


def number(day: datetime.date) -> int:
    """The day number of a date."""
    return (day - BASE).days + 1


def study(keys: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> Study:
    """A study whose exposure ``target`` has those keys; None takes one out. ``more``: in place of whole tables of the study."""
    told = {"supply": [{"rule": "pack"}], "packs": list(PACKS), "dose_unit": "mg", **keys}
    rules = {key: value for key, value in told.items() if value is not None}
    return study_from_dict(
        {
            "schema": "rempart.study/1",
            "permit": "P-2026-0001",
            "protocol": {"title": "t", "question": "q", "estimand": "initiation", "period": [date(1), date(2000)]},
            "codes": {
                "drug": {"system": "CIP13", "include": [pack["code"] for pack in PACKS]},
                "other": {"system": "CIP13", "include": [OTHER]},
                "tumour": {"system": "CIM10", "include": ["C67"]},
            },
            "cohorts": {"main": {}, "in_it": {"entry": {"any": [{"domain": "drug", "codes": "drug"}]}}},
            "exposures": {
                "target": {"domain": "drug", "codes": "drug", **rules},
                "comparator": {"domain": "drug", "codes": "other"},
            },
            "outcomes": {"tumour": {"any": [{"domain": "condition", "codes": "tumour"}]}},
            "analyses": [
                {"id": "main", "type": "attrition"},
                {
                    "id": "read",
                    "type": "exposure_periods",
                    "design": "cohort",
                    "inputs": {"cohort": "in_it", "exposures": ["target"]},
                },
            ],
            **(more or {}),
        }
    )


History = tuple[tuple[Dispensing, ...], tuple[Stay, ...]]


def _table(schema: dict[str, pa.DataType], rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.table({name: pa.array(c, type=t) for (name, t), c in zip(schema.items(), columns, strict=True)})


def register(query: DuckDBQuery, persons: Mapping[int, History], *, observed: int = OBSERVED) -> None:
    """The tables that exposures read; ``observed``: the last observed day."""
    whole, day, text = pa.int64(), pa.date32(), pa.string()
    drugs = {
        "person_id": whole,
        "drug_exposure_start_date": day,
        "drug_source_value": text,
        "quantity": pa.float64(),
        "dose_unit_source_value": text,
        "days_supply": pa.int32(),
    }
    visits = {"person_id": whole, "visit_concept_id": whole, "visit_start_date": day, "visit_end_date": day}
    periods = {"person_id": whole, "observation_period_start_date": day, "observation_period_end_date": day}
    query.register(
        "drug_exposure",
        _table(
            drugs,
            [(p, date(d.day), d.code, d.quantity, d.unit, d.recorded) for p, (ds, _) in persons.items() for d in ds],
        ),
    )
    query.register(
        "visit_occurrence",
        _table(
            visits,
            [
                (p, s.concept, date(s.first), None if s.last is None else date(s.last))
                for p, (_, stays) in persons.items()
                for s in stays
            ],
        ),
    )
    query.register("observation_period", _table(periods, [(p, date(-999), date(observed)) for p in persons]))


def made(query: DuckDBQuery, keys: Mapping[str, Any], persons: Mapping[int, History]) -> None:
    """Makes the periods of the exposure ``target``."""
    register(query, persons)
    for statement in [*exposure_clear("target"), *exposure_statements(study(keys), "target", Reads())]:
        query.execute(statement)


def periods(query: DuckDBQuery, table: str = "exposure_target") -> dict[int, list[Period]]:
    """Person → periods of what ``made`` made."""
    rows = query.table(f"SELECT * FROM {table} ORDER BY person_id, start_date").to_pylist()
    found: dict[int, list[Period]] = {}
    for row in rows:
        period = (number(row["start_date"]), number(row["end_date"]), row["dispensings"])
        found.setdefault(row["person_id"], []).append(period)
    return found


# ------------------------------------------------------------------------------------------------- the same in plain Python


def days_of(item: Dispensing, rules: list[dict[str, Any]], quantity_of: str = "packs") -> int:
    """Days' supply by the first rule that applies."""
    pack, opened = KNOWN.get(item.code, {}), item.unit == "unit" or (item.unit is None and quantity_of == "units")
    amount = Fraction(item.quantity) if item.quantity is not None and item.quantity > 0 else Fraction(1)
    for rule in rules:
        days = _days_by(rule, item, pack, amount, opened)
        if days is not None:
            return max(1, ceil(days))
    return 1


def _days_by(
    rule: dict[str, Any], item: Dispensing, pack: dict[str, Any], amount: Fraction, opened: bool
) -> Fraction | int | None:
    name, days, units = rule["rule"], pack.get("days"), pack.get("units")
    by_size = {size["units"]: size["days"] for size in rule.get("sizes", ())}.get(units)
    substance = pack.get("strength", 0) * (amount if opened else amount * (units or 0))
    whole = {
        "recorded": item.recorded if item.recorded is not None and item.recorded > 0 else None,
        "device": days if pack.get("kind") == "device" else None,
        "opened": amount * days / units if opened and days and units else None,
        "daily_dose": substance / pack["daily_dose"] if substance and pack.get("daily_dose") else None,
        "waiting_time": rule.get("days"),
    }
    closed = {
        "quarterly": rule["days"] if name == "quarterly" and pack.get("kind") == "quarterly" else None,
        "pack": days,
        "size": by_size,
        "fixed": rule.get("days"),
    }
    if name == "fixed" and rule.get("per") != "pack":
        return int(rule["days"])
    if name in whole:
        found = whole[name]
        return None if found is None else Fraction(found)
    each = closed[name]
    return None if opened or each is None else amount * each


def _away(stays: tuple[Stay, ...], keys: Mapping[str, Any], how: str) -> set[int]:
    """Days away that the study treats so."""
    found: set[int] = set()
    for stay in stays:
        choice = {HOSPITAL: keys.get("hospital_days"), CARE_HOME: keys.get("care_home")}.get(stay.concept)
        for_good = OBSERVED if how == "extend" else OBSERVED + 2000
        last = for_good if stay.last is None else stay.last
        if choice == how:
            found |= set(range(stay.first, last + (stay.concept == CARE_HOME)))
    return found


def _by_day(drugs: list[Dispensing], keys: Mapping[str, Any]) -> dict[int, tuple[int, int]]:
    """Day → (days' supply, dispensings)."""
    rules, overlap = list(keys.get("supply", [{"rule": "pack"}])), keys.get("overlap", "product")
    found = {}
    for day in {item.day for item in drugs}:
        same = [(item.code, days_of(item, rules, keys.get("quantity", "packs"))) for item in drugs if item.day == day]
        products = {code: sum(days for other, days in same if other == code) for code, _ in same}
        total = {
            "add": sum(days for _, days in same),
            "longest": max(days for _, days in same),
            "product": max(products.values()),
        }[overlap]
        found[day] = (total, len(same))
    return found


@dataclass
class _Hand:
    """What a person has at hand: ``cover`` days still covered, ``stock`` days that a next supply may carry over."""

    cover: int = 0
    stock: int = 0

    def add(self, days: int, keys: Mapping[str, Any]) -> None:
        """A supply comes in."""
        how = keys.get("stockpiling", "none")
        limit = {"none": 0, "carry": FAR, "cap": keys.get("cap_days", 0)}[how]
        self.stock = min(self.stock, limit) + days
        self.cover = max(self.cover, self.stock)

    def day(self) -> None:
        """A day goes by."""
        self.cover, self.stock = max(0, self.cover - 1), max(0, self.stock - 1)


def walk(history: History, keys: Mapping[str, Any], grace: int) -> list[Period]:
    """Periods before lag, induction and exclusion, by going through the days one by one."""
    drugs = [item for item in history[0] if item.code != OTHER]
    extend, censor = (_away(history[1], keys, how) for how in ("extend", "censor"))
    cuts = {day for day in censor if day - 1 not in censor}
    cuts |= {item.day for item in history[0] if item.code == OTHER} if keys.get("switch_to") else set()
    begins: dict[int, list[tuple[int, int]]] = {}
    for day, supply in sorted(_by_day(drugs, keys).items()):
        at = day
        while at in censor:
            at += 1
        begins.setdefault(at, []).append(supply)
    found: list[Period] = []
    era, gap, hand = [0, 0, 0], 0, _Hand()
    for day in range(min(begins, default=0), OBSERVED + 1200):
        if day in cuts:
            if era[2]:
                found.append((era[0], day - 1 if hand.cover else era[1], era[2]))
            era, gap, hand = [0, 0, 0], 0, _Hand()
        for days, count in begins.get(day, ()):
            era = [era[0] if era[2] else day, era[1], era[2] + count]
            hand.add(days, keys)
        if day in extend:
            continue
        if hand.cover:
            era[1], gap = day, 0
        elif era[2]:
            gap += 1
            if gap > grace:
                found.append((era[0], era[1], era[2]))
                era, gap = [0, 0, 0], 0
        hand.day()
    return found


def expected(history: History, keys: Mapping[str, Any], *, cover: bool = False) -> list[Period]:
    """The periods of ``exposure_target``, or of ``exposure_target_cover``."""
    found = walk(history, keys, 0 if cover else keys.get("grace_days", 0))
    lag, induction = (0, 0) if cover else (keys.get("lag_days", 0), keys.get("induction_days", 0))
    if lag or induction:
        found = _moved(found, history, keys, lag, induction)
    excluded = _away(history[1], keys, "exclude")
    return [piece for period in found for piece in _pieces(period, excluded)]


def covered(history: History, keys: Mapping[str, Any], first: int, last: int) -> int:
    """Days with drug at hand in ten-thousandths of a window's days, those that exclude apart; 0: none."""
    window = set(range(first, last + 1)) - _away(history[1], keys, "exclude")
    held = {day for begin, end, _ in expected(history, keys, cover=True) for day in range(begin, end + 1)} & window
    return len(held) * 10_000 // len(window) if held else 0


def _moved(found: list[Period], history: History, keys: Mapping[str, Any], lag: int, induction: int) -> list[Period]:
    censor = _away(history[1], keys, "censor")
    cuts = {day for day in censor if day - 1 not in censor}
    cuts |= {item.day for item in history[0] if item.code == OTHER} if keys.get("switch_to") else set()
    moved: list[tuple[int, int, int, int]] = []
    for first, last, count in found:
        cut = min((day for day in cuts if day > first), default=FAR)
        first, last = first + induction, min(last + lag, cut - 1)
        if first > last:
            continue
        if moved and moved[-1][3] == cut and first <= moved[-1][1] + 1:
            before = moved.pop()
            first, last, count = before[0], max(last, before[1]), count + before[2]
        moved.append((first, last, count, cut))
    return [item[:3] for item in moved]


def _pieces(period: Period, excluded: set[int]) -> list[Period]:
    """What is left of a period; its dispensings stand on the first piece."""
    first, last, count = period
    kept = [day for day in range(first, last + 1) if day not in excluded]
    pieces: list[Period] = []
    for day in kept:
        if pieces and pieces[-1][1] == day - 1:
            pieces[-1] = (pieces[-1][0], day, pieces[-1][2])
        else:
            pieces.append((day, day, 0 if pieces else count))
    return pieces
