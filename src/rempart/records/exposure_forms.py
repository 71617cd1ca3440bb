# SPDX-License-Identifier: Apache-2.0
"""The keys of an exposure that tell how its dispensings become periods: their forms, and what they ask of one another."""

from collections.abc import Iterator, Mapping
from typing import Any

from rempart.records.exposure import (
    CARE_HOME_VISITS,
    HOSPITAL_VISITS,
    KINDS,
    LONGEST,
    OF_PACKS,
    OVERLAP,
    PER,
    QUANTITIES,
    RULES,
    STOCKPILING,
    UNOBSERVED,
    Eras,
    Pack,
    PackSize,
    SupplyRule,
)
from rempart.records.fields import Fields
from rempart.records.form_reading import take
from rempart.records.forms import ByValue, Choice, Key, OneOf, Rows, Table, Text, Whole, Wholes, key
from rempart.records.protocol import Exposure

_UNTIL = 3660
_DAYS = Whole(1, LONGEST)
_SAYS: Mapping[str, str] = {
    "recorded": "The days of supply that the record itself has, where above 0.",
    "device": "A pack listed as a device works so many days, however many were handed out.",
    "quarterly": "A pack listed as quarterly covers so many days.",
    "opened": "Units out of an opened pack cover their share of the pack's days, rounded up.",
    "pack": "A listed pack covers its days.",
    "size": "A listed pack covers the days that its number of units stands for.",
    "daily_dose": "Substance handed out over the daily dose of the pack's line, rounded up; the doses are the operator's.",
    "waiting_time": "So many days a dispensing, found by the waiting times of the drug's users.",
    "fixed": "So many days a dispensing, or a pack.",
}


SIZE = Table(
    name="pack_size",
    about="What a pack of so many units covers.",
    keys={
        "units": key(Whole(1, 10**6), "units in the pack", required=True),
        "days": key(_DAYS, "days it covers", required=True),
    },
)


def _rule(name: str) -> Table:
    dosed = name == "daily_dose"
    keys: dict[str, Key] = {
        "rule": key(Choice((name,)), "the rule", required=True),
        "source": key(Text(), "where its figures come from", required=dosed),
        "date": key(Text(), "of when its figures are", required=dosed),
    }
    if name in {"quarterly", "waiting_time", "fixed"}:
        keys["days"] = key(_DAYS, "days covered", required=True)
    if name == "size":
        keys["sizes"] = key(Rows(SIZE, least=1), "days by units in a pack", required=True)
    if name == "fixed":
        keys["per"] = key(Choice(PER), "what covers so many days", default="dispensing")
    if name == "waiting_time":
        keys["percentile"] = key(Whole(1, 99), "the percentile that the days stand for", required=True)
    return Table(name=f"supply_{name}", about=_SAYS[name], keys=keys)


SUPPLY = ByValue(name="supply", about="A rule of days' supply.", by="rule", cases={name: _rule(name) for name in RULES})
PACK = Table(
    name="pack",
    about="What is known of a product's pack.",
    keys={
        "code": key(Text(pattern=r"[0-9A-Za-z]{1,20}", expected="figures and letters"), "the product", required=True),
        "units": key(Whole(1, 10**6), "units in it"),
        "days": key(_DAYS, "days it covers"),
        "kind": key(Choice(KINDS), "a quarterly pack, or a device that works for its days"),
        "strength": key(Whole(1, 10**9), "substance in a unit, in dose_unit"),
        "daily_dose": key(Whole(1, 10**9), "substance of a day, in dose_unit"),
    },
)
ERA_KEYS: Mapping[str, Key] = {
    "supply": key(
        OneOf((Text(), Rows(SUPPLY))),
        "rules of days' supply, the first that applies holds; or the name of a set of rules",
    ),
    "packs": key(OneOf((Text(), Rows(PACK))), "the packs that the rules ask about; or the name of a file of them"),
    "quantity": key(Choice(QUANTITIES), "what a quantity counts where its record does not say it", default="packs"),
    "dose_unit": key(Text(), "the unit of strength and daily_dose: mg, or µg where mg is no whole number"),
    "grace_days": key(Whole(0, _UNTIL), "days without drug that do not end a period", default=0),
    "stockpiling": key(Choice(STOCKPILING), "what is left of a supply at the next one", default="none"),
    "cap_days": key(Whole(1, _UNTIL), 'stockpiling = "cap": at most so many days are carried over'),
    "overlap": key(Choice(OVERLAP), "several supplies of one day: how they count", default="product"),
    "hospital_days": key(Choice(UNOBSERVED), "nights in hospital, where dispensings cannot be seen", default="ignore"),
    "hospital_visits": key(Wholes(1, 2**31), "visit concepts that are hospital stays", default=HOSPITAL_VISITS),
    "care_home": key(Choice(UNOBSERVED), "days in a care home with a pharmacy of its own", default="ignore"),
    "care_home_visits": key(Wholes(1, 2**31), "visit concepts that are care homes", default=CARE_HOME_VISITS),
    "lag_days": key(Whole(0, _UNTIL), "a period ends so many days after its last covered day", default=0),
    "induction_days": key(Whole(0, _UNTIL), "a period begins so many days after its first dispensing", default=0),
    "switch_to": key(Text(), "an exposure whose dispensing ends this one"),
}


def read_eras(told: dict[str, Any], given: Fields) -> Eras | None:
    """The choices among ``told`` (taken out of it), None without any of them.

    Raises BadInput ``study-field``, ``unknown-key``. That ``switch_to`` is defined is checked by ``study.py``.
    """
    own = {name: told.pop(name) for name in ERA_KEYS}
    if not any(given.has(name) for name in ERA_KEYS):
        return None
    for name in ("supply", "packs"):
        if isinstance(own[name], str):
            raise given.wrong(name, "a list of tables: a name is filled in where the study file is read")
    for choice, visits in (("hospital_days", "hospital_visits"), ("care_home", "care_home_visits")):
        own[visits] = () if own[choice] == "ignore" else own[visits]
    supply = tuple(_supply_rule(item) for item in own.pop("supply") or ())
    packs = sorted((Pack(**take(item, PACK)) for item in own.pop("packs") or ()), key=lambda pack: pack.code)
    eras = Eras(supply=supply, packs=tuple(packs), **own)
    _check_rules(eras, given)
    _check(eras, given)
    return eras


def switches(
    exposures: Mapping[str, Exposure], given: Mapping[str, object]
) -> Iterator[tuple[str, str, dict[str, Exposure]]]:
    """(exposure, the one it names, those it could name) for each ``switch_to`` that names no other drug of the study; ``given``: all
    that the file defines, of which one that could not be read is told by its own error."""
    for name, exposure in exposures.items():
        other = exposure.eras.switch_to if exposure.eras is not None else None
        possible = {item: found for item, found in exposures.items() if item != name and found.domain == "drug"}
        unread = other != name and other in given and other not in exposures
        if other is not None and other not in possible and not unread:
            yield name, other, possible


def _supply_rule(given: Fields) -> SupplyRule:
    told = take(given, SUPPLY)
    sizes = sorted((PackSize(**take(item, SIZE)) for item in told.pop("sizes", ())), key=lambda size: size.units)
    if len({size.units for size in sizes}) != len(sizes):
        raise given.wrong("sizes", "each number of units once")
    return SupplyRule(**told, sizes=tuple(sizes))


def _check_rules(eras: Eras, given: Fields) -> None:
    names = [rule.rule for rule in eras.supply]
    if not names or len(set(names)) != len(names):
        raise given.wrong("supply", "the rules of days' supply in their order, at least one, each once")
    always = [rule.rule for rule in eras.supply[:-1] if rule.rule == "waiting_time" or rule.per == "dispensing"]
    if always:
        raise given.wrong("supply", f"{always[0]} in the last place: no rule after it can apply")
    asked = sorted(set(names) & set(OF_PACKS))
    if asked and not eras.packs:
        raise given.wrong("packs", f"the packs that the rules ask about: {', '.join(asked)}")


def _check(eras: Eras, given: Fields) -> None:
    if len({pack.code for pack in eras.packs}) != len(eras.packs):
        raise given.wrong("packs", "each code once")
    if any(pack.kind == "device" and pack.days is None for pack in eras.packs):
        raise given.wrong("packs", "days of each device")
    if any(pack.strength or pack.daily_dose for pack in eras.packs) and eras.dose_unit is None:
        raise given.wrong("dose_unit", "the unit of strength and daily_dose (it is missing)")
    if (eras.stockpiling == "cap") != (eras.cap_days is not None):
        if not given.has("cap_days"):
            raise given.wrong("cap_days", 'a whole number with stockpiling = "cap", and with it alone (it is missing)')
        raise given.wrong("cap_days", 'a whole number with stockpiling = "cap", and with it alone')
