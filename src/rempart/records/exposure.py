# SPDX-License-Identifier: Apache-2.0
"""How dispensings become periods of exposure: the assumption on days' supply, and the choices on gaps, stock and unobserved time.

``docs/exposure.md`` tells what each choice does; ``exposure_forms.py`` reads them. Holds no SQL and no fact on any drug.
"""

from dataclasses import asdict, dataclass
from typing import Any

RULES = ("recorded", "device", "quarterly", "opened", "pack", "size", "daily_dose", "waiting_time", "fixed")
OF_PACKS = ("device", "quarterly", "opened", "pack", "size", "daily_dose")  # rules that ask the list of packs
KINDS = ("quarterly", "device")
STOCKPILING = ("none", "carry", "cap")
OVERLAP = ("product", "add", "longest")
UNOBSERVED = ("ignore", "extend", "censor", "exclude")
QUANTITIES = ("packs", "units")
PER = ("dispensing", "pack")
HOSPITAL_VISITS = (262, 9201)  # OMOP standard concepts: inpatient visit, also through the emergency department
CARE_HOME_VISITS = (8676, 42898160)  # OMOP standard concepts: nursing facility, non-hospital institution visit
LONGEST = 36_500  # days: no single supply is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSize:
    """A pack of so many units covers so many days."""

    units: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyRule:
    """One rule of days' supply. ``days``: of quarterly, waiting_time, fixed; ``sizes``: of size; ``per``: of fixed;
    ``percentile``: that a waiting time stands for."""

    rule: str
    days: int | None = None
    sizes: tuple[PackSize, ...] = ()
    per: str | None = None
    percentile: int | None = None
    source: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack. ``units`` in it, ``days`` it covers; ``strength``: substance in a unit, ``daily_dose``: in a day, in the ``dose_unit``."""

    code: str
    units: int | None = None
    days: int | None = None
    kind: str | None = None
    strength: int | None = None
    daily_dose: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Eras:
    """``supply``: the first rule that applies holds. Every default of the study file is written out here, so the study's id holds it."""

    supply: tuple[SupplyRule, ...]
    packs: tuple[Pack, ...] = ()
    quantity: str = "packs"
    dose_unit: str | None = None
    grace_days: int = 0
    stockpiling: str = "none"
    cap_days: int | None = None
    overlap: str = "product"
    hospital_days: str = "ignore"
    hospital_visits: tuple[int, ...] = ()
    care_home: str = "ignore"
    care_home_visits: tuple[int, ...] = ()
    lag_days: int = 0
    induction_days: int = 0
    switch_to: str | None = None

    @property
    def unobserved(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """(choice, visit concepts) of hospital days and care homes, those ignored apart."""
        both = ((self.hospital_days, self.hospital_visits), (self.care_home, self.care_home_visits))
        return tuple(item for item in both if item[0] != "ignore")

    def as_keys(self) -> dict[str, Any]:
        """The keys as the study file has them, defaults written out."""
        return asdict(self)
