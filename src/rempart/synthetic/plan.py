# SPDX-License-Identifier: Apache-2.0
"""What is asked of the generator (``SyntheticPlan``), what it yields (``DeliveryFile``), its calendar and its random streams."""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rempart.errors import BadInput

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]

NEVER = 1_000_000
NO_DATE_1600, NO_DATE_0001, NO_DATE_2099, EMPTY_DATE = -1, -2, -3, -4
_UNDATED = ("", "2099-12-31", "0001-01-01", "1600-01-01")
_MARK = re.compile(r"[A-Z0-9]{3,16}")
_TABLES = ("layouts", "layouts_whole", "codes", "model", "places", "care", "demography")
POPULATIONS = ("study", "france")
# Persons drawn at once: few enough that their lines fit in a few hundred megabytes, whatever the number of persons in all.
_LINES_AT_ONCE = 500_000
_SMALLEST, _LARGEST, _FEWEST = 500, 20_000, 20
_LINES_A_YEAR, _LINES_A_YEAR_ORDINARY = 14.0, 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticPlan:
    """``effect``: hazard ratio of target against comparator, from the day after the first dispensing.

    ``tables``: the parsed data files of this room, ``{"layouts": …, "codes": …, "model": …}``.
    ``population``: "study" (mostly diabetics, one question, small) or "france" (its ages, families, diseases and deaths).
    ``whole``: all the tables, and the dirt of each; without it, the six that one question needs. ``density`` multiplies the rates of
    ordinary care. ``archives_until``: last year whose claims lie in yearly archives. ``leaks``: plant names and numbers of nobody.
    ``monthly``:    one delivery a flow month, one month delivered wrong at first, and cards that are certified late only.
    ``studies`` and ``mode``: what is planted in "france" (``studies.toml``); ``study_effect``: instead of the one study's own effect.
    ``block`` and ``first_person`` say which persons of a larger plan these are (``blocks``).
    Raises BadInput ``synth-persons``, ``synth-years``, ``synth-population``, ``synth-density``,
    ``synth-effect``, ``synth-leaks``, ``synth-seed``, ``synth-mark``, ``synth-tables``.
    """

    persons: int
    first_year: int
    last_year: int
    seed: int
    effect: float = 2.0
    mark: str | None = None
    tables: Mapping[str, Any]
    population: str = "study"
    whole: bool = False
    density: float = 1.0
    archives_until: int = 0
    leaks: bool = False
    monthly: bool = False
    studies: tuple[str, ...] = ()
    mode: str = "population"
    study_effect: float | None = None
    block: int = 0
    first_person: int = 0

    def __post_init__(self) -> None:
        if self.persons < 20 or self.persons > 100_000_000:
            raise BadInput("synth-persons", given=self.persons)
        if not (2006 <= self.first_year < self.last_year <= 2040):
            raise BadInput("synth-years", first=self.first_year, last=self.last_year)
        for effect in (self.effect, self.study_effect):
            if effect is not None and not 0.05 <= effect <= 20:
                raise BadInput("synth-effect", given=str(effect))
        if self.population not in POPULATIONS:
            raise BadInput("synth-population", given=self.population)
        if self.leaks and not self.whole:
            raise BadInput("synth-leaks")
        if not 0.01 <= self.density <= 10:
            raise BadInput("synth-density", given=str(self.density))
        if not 0 <= self.seed < 2**63:
            raise BadInput("synth-seed", given=self.seed)
        if self.mark is not None and not _MARK.fullmatch(self.mark):
            raise BadInput("synth-mark")
        for name in _TABLES:
            if name not in self.tables:
                raise BadInput("synth-tables", name=name)

    def stream(self, *words: str) -> np.random.Generator:
        """An independent random stream for one purpose and block: a change in one leaves the others as they were."""
        block = [self.block] if self.block else []
        return np.random.default_rng([self.seed, *block, *(zlib.crc32(word.encode()) for word in words)])

    @property
    def lines_a_person(self) -> float:
        """About how many main claim lines a person has in the years delivered."""
        ordinary = _LINES_A_YEAR_ORDINARY * self.density if self.whole else 0.0
        return (_LINES_A_YEAR + ordinary) * (self.last_year - self.first_year + 1)

    def blocks(self) -> Iterator["SyntheticPlan"]:
        """The plan in parts of at least 20 persons, whose lines are drawn and written one part after the other."""
        size = int(min(max(_LINES_AT_ONCE / self.lines_a_person, _SMALLEST), _LARGEST))
        count = min(-(-self.persons // size), max(self.persons // _FEWEST, 1))
        edges = [self.persons * number // count for number in range(count + 1)]
        for number, (first, last) in enumerate(pairwise(edges)):
            yield replace(self, persons=last - first, block=number, first_person=first)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFile:
    """One file of a delivery: ``name`` (with .csv.gz), ``table`` (real name), ``header``, and text columns in that order.

    ``variant``: "early" or "wrong" for what a later delivery replaces.
    """

    name: str
    table: str
    header: tuple[str, ...]
    columns: pa.Table
    period: str = ""
    variant: str = ""


class Calendar:
    """Days counted from 1 January twenty years before the first year delivered; months counted from year 0."""

    def __init__(self, plan: SyntheticPlan) -> None:
        self.base = np.datetime64(f"{plan.first_year - 20}-01-01", "D")
        days = np.arange(self.base, np.datetime64(f"{plan.last_year + 5}-01-01", "D"))
        months = days.astype("datetime64[M]").astype(np.int64)
        self.years: Ints = 1970 + months // 12
        self.months: Ints = months + 1970 * 12
        self.texts: Texts = np.concatenate([np.array(_UNDATED), np.datetime_as_string(days)])
        self.words: pa.Array = pa.array(self.texts.astype(object), type=pa.string())
        self.first = self.day(plan.first_year, 1)
        self.last = self.day(plan.last_year + 1, 1) - 1

    def day(self, year: int, month: int) -> int:
        """Number of the first day of a month."""
        return int((np.datetime64(f"{year:04d}-{month:02d}", "D") - self.base).astype(np.int64))

    def day_of(self, text: str) -> int:
        """Number of an ISO date."""
        return int((np.datetime64(text, "D") - self.base).astype(np.int64))

    def first_of(self, months: Ints) -> Ints:
        """Number of the first day of each month (months counted from year 0)."""
        starts = (np.asarray(months) - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
        return np.asarray((starts - self.base).astype(np.int64))

    def month(self, days: Ints) -> Ints:
        """Month of each day, counted from year 0; 0 for a day that is missing."""
        return np.where(days < 0, 0, self.months[np.clip(days, 0, len(self.months) - 1)])

    def text(self, days: Ints) -> Texts:
        """ISO text of each day; the negative numbers above give the sentinels of a delivery."""
        return self.texts[np.asarray(days) + len(_UNDATED)]


def pseudonyms(draw: np.random.Generator, count: int, width: int = 17) -> Texts:
    """``count`` random texts of ``width`` characters A-Z0-9 (a clash is as likely as in 36^width)."""
    letters = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", dtype=np.uint8)
    return letters[draw.integers(0, 36, size=(count, width))].view(f"S{width}").ravel().astype(f"U{width}")
