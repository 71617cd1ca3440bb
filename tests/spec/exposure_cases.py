# SPDX-License-Identifier: Apache-2.0
"""Dispensings in, periods out: cases that a pharmacist can check by hand. They stand in docs/exposure.md too.

Packs: A 28 tablets of 15 mg, 28 days; B 30 tablets of 30 mg, no days told; Q 90 tablets, quarterly; D a device of 1,095 days;
C 60 tablets, 28 days. ``python -m tests.spec.exposure_cases`` writes their table into the page.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.exposure_histories import (
    BLISTER,
    CARE_HOME,
    CONSULTATION,
    DEVICE,
    DRUG,
    OTHER,
    QUARTERLY,
    STRONGER,
    Dispensing,
    Period,
    Stay,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exposure.md"
BEGIN, END = "<!-- cases -->", "<!-- end cases -->"
LETTERS = {DRUG: "A", STRONGER: "B", QUARTERLY: "Q", DEVICE: "D", BLISTER: "C", OTHER: "other drug"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """``keys``: those of the exposure beside ``supply = [pack]``; ``periods``: first day, last day, dispensings."""

    about: str
    keys: dict[str, Any] = field(default_factory=dict)
    given: tuple[Dispensing, ...]
    stays: tuple[Stay, ...] = ()
    periods: tuple[Period, ...]


def on(*days: int, code: str = DRUG, quantity: float | None = 1, unit: str | None = "pack") -> tuple[Dispensing, ...]:
    """The same dispensing on several days."""
    return tuple(Dispensing(day=day, code=code, quantity=quantity, unit=unit) for day in days)


def by(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Keys with those rules of supply."""
    return {"supply": list(rules), **more}


PACK, DEVICES, OPENED = {"rule": "pack"}, {"rule": "device"}, {"rule": "opened"}
QUARTER = {"rule": "quarterly", "days": 91}
SIZE = {"rule": "size", "sizes": [{"units": 30, "days": 30}]}
DOSE = {"rule": "daily_dose", "source": "the operator's file", "date": "2026-01-01"}
CARRY, CAP = {"stockpiling": "carry"}, {"stockpiling": "cap", "cap_days": 10}
EXTEND, CENSOR, EXCLUDE = ({"hospital_days": how} for how in ("extend", "censor", "exclude"))

CASES: tuple[Case, ...] = (
    # days' supply
    Case(about="a pack of 28 days covers the day of dispensing and 27 more", given=on(1), periods=((1, 28, 1),)),
    Case(about="two packs at once cover twice as long", given=on(1, quantity=2), periods=((1, 56, 1),)),
    Case(about="a record without a quantity is one pack", given=on(1, quantity=None), periods=((1, 28, 1),)),
    Case(about="no rule applies: the day of dispensing alone", given=on(1, code=STRONGER), periods=((1, 1, 1),)),
    Case(
        about="days by pack size, after the list of packs said nothing",
        keys=by(PACK, SIZE),
        given=on(1, code=STRONGER),
        periods=((1, 30, 1),),
    ),
    Case(
        about="a quarterly pack covers a quarter, the rule before the pack's own days",
        keys=by(QUARTER, PACK),
        given=on(1, code=QUARTERLY),
        periods=((1, 91, 1),),
    ),
    Case(
        about="the first rule that applies holds: the pack's own days come first here",
        keys=by(PACK, QUARTER),
        given=on(1, code=QUARTERLY),
        periods=((1, 90, 1),),
    ),
    Case(
        about="7 units of an opened pack of 28",
        keys=by(OPENED, PACK),
        given=on(1, quantity=7, unit="unit"),
        periods=((1, 7, 1),),
    ),
    Case(
        about="7 units of a pack of 60 for 28 days: 3.27 days, rounded up",
        keys=by(OPENED, PACK),
        given=on(1, code=BLISTER, quantity=7, unit="unit"),
        periods=((1, 4, 1),),
    ),
    Case(
        about="units of an opened pack are no packs",
        given=on(1, quantity=7, unit="unit"),
        periods=((1, 1, 1),),
    ),
    Case(
        about="a quantity that counts units, where the record does not say it",
        keys=by(OPENED, quantity="units"),
        given=on(1, quantity=14, unit=None),
        periods=((1, 14, 1),),
    ),
    Case(
        about="a device works for its time, two of them no longer",
        keys=by(DEVICES, PACK),
        given=on(1, code=DEVICE, quantity=2),
        periods=((1, 1095, 1),),
    ),
    Case(
        about="defined daily doses: 28 tablets of 15 mg are 14 days of 30 mg",
        keys=by(DOSE),
        given=on(1),
        periods=((1, 14, 1),),
    ),
    Case(
        about="the record's own days of supply, else 30",
        keys=by({"rule": "recorded"}, {"rule": "fixed", "days": 30}),
        given=(Dispensing(day=1, recorded=10), Dispensing(day=101, recorded=0), Dispensing(day=201)),
        periods=((1, 10, 1), (101, 130, 1), (201, 230, 1)),
    ),
    Case(
        about="fixed days a dispensing, however many packs",
        keys=by({"rule": "fixed", "days": 30}),
        given=on(1, quantity=3),
        periods=((1, 30, 1),),
    ),
    Case(
        about="fixed days a pack",
        keys=by({"rule": "fixed", "days": 30, "per": "pack"}),
        given=on(1, quantity=3),
        periods=((1, 90, 1),),
    ),
    Case(
        about="a waiting time, however many packs",
        keys=by({"rule": "waiting_time", "days": 47, "percentile": 80}),
        given=on(1, quantity=3),
        periods=((1, 47, 1),),
    ),
    # gaps
    Case(about="the next pack on the day after the last covered one", given=on(1, 29), periods=((1, 56, 2),)),
    Case(about="one day without drug ends the period", given=on(1, 30), periods=((1, 28, 1), (30, 57, 1))),
    Case(
        about="a gap of exactly the grace days does not",
        keys={"grace_days": 30},
        given=on(1, 59),
        periods=((1, 86, 2),),
    ),
    Case(
        about="one day more does",
        keys={"grace_days": 30},
        given=on(1, 60),
        periods=((1, 28, 1), (60, 87, 1)),
    ),
    Case(about="grace joins periods and lengthens none", keys={"grace_days": 30}, given=on(1), periods=((1, 28, 1),)),
    # several on one day
    Case(about="same product twice on one day: the supplies add up", given=on(1, 1), periods=((1, 56, 2),)),
    Case(
        about="two products on one day are taken together",
        keys=by(PACK, SIZE),
        given=(*on(1), *on(1, code=STRONGER)),
        periods=((1, 30, 2),),
    ),
    Case(
        about="two products on one day, one after the other",
        keys=by(PACK, SIZE, overlap="add"),
        given=(*on(1), *on(1, code=STRONGER)),
        periods=((1, 58, 2),),
    ),
    Case(
        about="of one day's supplies the longest alone",
        keys={"overlap": "longest"},
        given=on(1, 1),
        periods=((1, 28, 2),),
    ),
    # stock
    Case(about="an early pack: what was left is lost", given=on(1, 22), periods=((1, 49, 2),)),
    Case(about="an early pack: what was left is carried over", keys=CARRY, given=on(1, 22), periods=((1, 56, 2),)),
    Case(
        about="stock runs out in a gap and does not come back",
        keys=CARRY,
        given=on(1, 22, 60),
        periods=((1, 56, 2), (60, 87, 1)),
    ),
    Case(
        about="14 days left, of which 10 are carried over",
        keys=CAP,
        given=on(1, 15),
        periods=((1, 52, 2),),
    ),
    Case(
        about="the limit holds at each dispensing: 10, then 10 again",
        keys=CAP,
        given=on(1, 8, 15),
        periods=((1, 52, 3),),
    ),
    Case(
        about="a limit takes back nothing that was covered",
        keys=by(OPENED, PACK, **CAP),
        given=(*on(1, code=QUARTERLY), *on(2, quantity=7, unit="unit")),
        periods=((1, 90, 2),),
    ),
    # hospital
    Case(
        about="a stay is ignored", given=on(1, 35), stays=(Stay(first=11, last=21),), periods=((1, 28, 1), (35, 62, 1))
    ),
    Case(
        about="10 nights in hospital: the supply lasts 10 days longer",
        keys=EXTEND,
        given=on(1),
        stays=(Stay(first=11, last=21),),
        periods=((1, 38, 1),),
    ),
    Case(
        about="so the next pack comes in time",
        keys=EXTEND,
        given=on(1, 35),
        stays=(Stay(first=11, last=21),),
        periods=((1, 62, 2),),
    ),
    Case(
        about="stock is carried over a stay",
        keys={**EXTEND, **CARRY},
        given=on(1, 35),
        stays=(Stay(first=11, last=21),),
        periods=((1, 66, 2),),
    ),
    Case(
        about="stays that overlap count once: 10 nights",
        keys=EXTEND,
        given=on(1),
        stays=(Stay(first=11, last=18), Stay(first=15, last=21), Stay(first=12, last=14)),
        periods=((1, 38, 1),),
    ),
    Case(
        about="nights in hospital are no days of a gap either",
        keys={**EXTEND, "grace_days": 5},
        given=on(1, 64),
        stays=(Stay(first=29, last=59),),
        periods=((1, 91, 2),),
    ),
    Case(
        about="a day in hospital without a night changes nothing",
        keys=EXTEND,
        given=on(1),
        stays=(Stay(first=11, last=11), Stay(first=12, last=20, concept=CONSULTATION)),
        periods=((1, 28, 1),),
    ),
    Case(
        about="dispensed within a stay: used from the day of leaving",
        keys=EXTEND,
        given=on(5),
        stays=(Stay(first=1, last=11),),
        periods=((5, 38, 1),),
    ),
    Case(
        about="what follows an admission is not known: it ends the day before",
        keys=CENSOR,
        given=on(1, 25),
        stays=(Stay(first=11, last=21),),
        periods=((1, 10, 1), (25, 52, 1)),
    ),
    Case(
        about="dispensed within a stay that censors: begins on the day of leaving",
        keys=CENSOR,
        given=on(5),
        stays=(Stay(first=1, last=11),),
        periods=((11, 38, 1),),
    ),
    Case(
        about="a gap is never bridged over an admission that censors",
        keys={**CENSOR, "grace_days": 60},
        given=on(1, 25),
        stays=(Stay(first=11, last=21),),
        periods=((1, 10, 1), (25, 52, 1)),
    ),
    Case(
        about="nights in hospital are cut out, the supply runs on",
        keys=EXCLUDE,
        given=on(1),
        stays=(Stay(first=11, last=21),),
        periods=((1, 10, 1), (21, 28, 0)),
    ),
    Case(
        about="a day of leaving that is the last covered day stays",
        keys=EXCLUDE,
        given=on(1),
        stays=(Stay(first=20, last=28),),
        periods=((1, 19, 1), (28, 28, 0)),
    ),
    Case(
        about="a period within a stay is gone",
        keys=EXCLUDE,
        given=on(5),
        stays=(Stay(first=1, last=60),),
        periods=(),
    ),
    # care homes
    Case(
        about="each day in a care home counts whole: 11 days longer",
        keys={"care_home": "extend"},
        given=on(1),
        stays=(Stay(first=11, last=21, concept=CARE_HOME),),
        periods=((1, 39, 1),),
    ),
    Case(
        about="in a care home without an end: given there to the last observed day, 2000",
        keys={"care_home": "extend"},
        given=on(1),
        stays=(Stay(first=11, last=None, concept=CARE_HOME),),
        periods=((1, 2018, 1),),
    ),
    Case(
        about="in a care home for good: followed to the day before",
        keys={"care_home": "censor"},
        given=on(1, 40),
        stays=(Stay(first=11, last=None, concept=CARE_HOME),),
        periods=((1, 10, 1),),
    ),
    Case(
        about="hospital extends, the care home censors",
        keys={**EXTEND, "care_home": "censor"},
        given=on(1),
        stays=(Stay(first=11, last=21), Stay(first=30, last=90, concept=CARE_HOME)),
        periods=((1, 29, 1),),
    ),
    # switch, lag, induction
    Case(
        about="another drug ends it the day before; its own next pack begins anew",
        keys={"switch_to": "comparator", **CARRY},
        given=(*on(1), *on(15, code=OTHER), *on(20)),
        periods=((1, 14, 1), (20, 47, 1)),
    ),
    Case(
        about="both on one day: the new pack counts, the old one is given up",
        keys={"switch_to": "comparator", **CARRY},
        given=(*on(1), *on(15, code=OTHER), *on(15)),
        periods=((1, 14, 1), (15, 42, 1)),
    ),
    Case(about="7 days of lag", keys={"lag_days": 7}, given=on(1), periods=((1, 35, 1),)),
    Case(
        about="periods that the lag makes meet are one",
        keys={"lag_days": 7},
        given=on(1, 36),
        periods=((1, 70, 2),),
    ),
    Case(
        about="lag does not run past a switch",
        keys={"lag_days": 7, "switch_to": "comparator"},
        given=(*on(1), *on(31, code=OTHER)),
        periods=((1, 30, 1),),
    ),
    Case(about="10 days of induction", keys={"induction_days": 10}, given=on(1), periods=((11, 28, 1),)),
    Case(
        about="a period shorter than the induction does not count",
        keys={"induction_days": 28},
        given=on(1),
        periods=(),
    ),
)


def _keys(case: Case) -> str:
    found = []
    for key, value in case.keys.items():
        if key == "supply":
            words = [f"{rule['rule']} {rule['days']}" if "days" in rule else rule["rule"] for rule in value]
            words = [f"{w} a pack" if r.get("per") == "pack" else w for w, r in zip(words, value, strict=True)]
            found.append("supply " + ", ".join(words))
        else:
            found.append(f"{key} {value}")
    return "; ".join(found)


def _given(case: Case) -> str:
    words = []
    for item in case.given:
        much = "" if item.quantity in (1, None) else f" × {item.quantity:g}"
        unit = " units" if item.unit == "unit" or (item.unit is None and item.quantity) else ""
        told = "" if item.recorded is None else f" ({item.recorded} days recorded)"
        words.append(f"day {item.day}: {LETTERS[item.code]}{much}{unit}{told}")
    return "; ".join(words)


def _stays(case: Case) -> str:
    kinds = {CARE_HOME: "care home ", CONSULTATION: "no stay "}
    return "; ".join(f"{kinds.get(s.concept, '')}{s.first}–{'…' if s.last is None else s.last}" for s in case.stays)


def table() -> str:
    """The cases as the page has them."""
    rows = [
        "| what | choices | dispensed | in hospital (entry–leaving) | periods (first–last day) |",
        "|---|---|---|---|---|",
    ]
    for case in CASES:
        periods = ", ".join(f"{first}–{last}" for first, last, _ in case.periods) or "none"
        rows.append(f"| {case.about} | {_keys(case)} | {_given(case)} | {_stays(case)} | {periods} |")
    return "\n".join(rows)


def page() -> str:
    """docs/exposure.md with its table of cases."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + "\n\n" + table() + "\n\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
