# SPDX-License-Identifier: Apache-2.0
"""Persons invented for one study, as tables of the OMOP CDM: whoever asks after a code finds somebody who bears it.

Nothing in them is planted and nothing is true of anybody: they show that a study runs and what its results look like. The deliveries of
``synth``, with known truth, are another thing.
"""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from rempart.errors import BadInput
from rempart.synthetic.asked import DEATH, Asked, Kind
from rempart.synthetic.asked_environment import communes, measured_in, measured_of
from rempart.synthetic.plan import Flags, Ints

FEWEST, MOST = 20, 1_000_000
_TABLES: Mapping[str, tuple[str, str, str, str]] = {  # domain → table, its word, first day, last day
    "drug": ("drug_exposure", "drug", "drug_exposure_start_date", "drug_exposure_end_date"),
    "condition": ("condition_occurrence", "condition", "condition_start_date", "condition_end_date"),
    "procedure": ("procedure_occurrence", "procedure", "procedure_date", ""),
    "measurement": ("measurement", "measurement", "measurement_date", ""),
    "device": ("device_exposure", "device", "device_exposure_start_date", "device_exposure_end_date"),
}
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_COMPARED = re.compile(r"(>=|<=|=|>|<) ?(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """``persons``: table of the OMOP CDM → rows; ``whole``: tables without persons, to seal beside."""

    persons: Mapping[str, pa.Table]
    whole: Mapping[str, pa.Table]


def invent(
    wanted: Asked, *, persons: int, seed: int, days: tuple[datetime.date, datetime.date], model: Mapping[str, Any]
) -> Invented:
    """``days``: first and last day that anything happens on; ``model``: the parsed ``synthetic/asked.toml``. The same for the same seed.

    Raises BadInput ``dry-run-persons``.
    """
    if not FEWEST <= persons <= MOST:
        raise BadInput("dry-run-persons", given=persons, least=FEWEST, most=MOST)
    return _Inventor(wanted, persons, np.random.default_rng(seed), days, model).made()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Records:
    """Rows of one kind: whose, on which day (days since 1970)."""

    who: Ints
    day: Ints


class _Inventor:
    """Draws everything in one order."""

    def __init__(
        self, wanted: Asked, persons: int, draw: np.random.Generator, days: tuple[datetime.date, datetime.date],
        model: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.wanted, self.persons, self.draw, self.model = wanted, persons, draw, model
        self.first, self.last = (day.toordinal() - _EPOCH for day in days)
        self.own = self._between(self.first, self.last, persons)  # a day around which much of a person's care happens
        self.begins, self.ends, self.dies = self._observed()
        self.tables: dict[str, list[pa.Table]] = {}
        self.specialties = tuple(
            dict.fromkeys([model["specialty"], *(code for kind in wanted.kinds for code in kind.specialty)])
        )
        self.visits = 0
        self.measured: pa.Table | None = None  # in invented communes

    def made(self) -> Invented:
        """All tables."""
        self._people()
        self._residence()
        for kind in self.wanted.kinds:
            if kind.domain == "visit":
                self._visits(kind, self._records(kind))
            elif kind.domain in _TABLES:
                self._coded(kind, self._records(kind))
        self._deaths()
        found = {name: pa.concat_tables(parts, promote_options="default") for name, parts in self.tables.items()}
        return Invented(persons=found, whole=self._whole())

    def _between(self, first: int, last: int, size: int) -> Ints:
        return np.asarray(self.draw.integers(first, max(first, last) + 1, size=size))

    def _observed(self) -> tuple[Ints, Ints, Flags]:
        """First and last day seen, and whose last day is that of death."""
        late = self._between(self.first, self.last, self.persons)
        begins = np.where(self.draw.random(self.persons) < self.model["observed_whole"], self.first, late)
        begins = np.minimum(begins, self.own)
        dies = self.draw.random(self.persons) < self.model["dying"]
        dead = self.own + (self.draw.random(self.persons) * (self.last - self.own)).astype(np.int64)
        return begins, np.where(dies, dead, self.last), dies

    def _add(self, table: str, **columns: object) -> None:
        self.tables.setdefault(table, []).append(pa.table({name: _array(values) for name, values in columns.items()}))

    def _people(self) -> None:
        low, high = self.wanted.ages or self.model["ages"]
        widest = self.draw.random(self.persons) < 0.2  # some outside what is asked for
        least, most = self.model["ages"]
        age = np.where(
            widest, self._between(least, most, self.persons), self._between(low, min(high, 95), self.persons)
        )
        female = self.draw.random(self.persons) < 0.5
        years = 1970 + self.own.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
        ids = np.arange(1, self.persons + 1)
        self._add(
            "person",
            person_id=ids,
            year_of_birth=years - age,
            gender_concept_id=np.where(female, self.model["female"], self.model["male"]),
        )
        self._add(
            "observation_period",
            person_id=ids,
            observation_period_id=ids,
            observation_period_start_date=_days(self.begins),
            observation_period_end_date=_days(self.ends),
        )

    def _residence(self) -> None:
        plain = tuple(self.model["places"])
        places = self.wanted.places or (communes(plain) if self.wanted.environment else plain)
        where = [places[at] for at in self.draw.integers(0, len(places), size=self.persons)]
        ids = np.arange(1, self.persons + 1)
        self._add(
            "location_history",
            person_id=ids,
            location_history_id=ids,
            location_history_start_date=_days(self.begins),
            location_history_end_date=_days(self.ends),
            department_source_value=[_department(place) for place in where],
            commune_source_value=[place if len(place) == 5 else None for place in where],
        )
        if self.wanted.environment:
            self._add("external_exposure", **measured_of(self.wanted.environment, self.begins, self.ends, self.draw))
            named = tuple(place for place in places if len(place) == 5)
            self.measured = measured_in(self.wanted.environment, named, (self.first, self.last), self.draw)

    def _records(self, kind: Kind) -> _Records:
        """Who bears it and when: a first day, often near the person's own, then others after it, while the person is seen."""
        told = self.model["kinds"][kind.domain]
        who = np.flatnonzero(self.draw.random(self.persons) < told["share"])
        near = self.draw.random(len(who)) < self.model["near"]
        reach = self.model["near_days"]
        first = np.where(
            near,
            self.own[who] + self._between(-reach, reach, len(who)),
            self._between(self.first, self.last, len(who)),
        )
        count = self._between(1, told["most"], len(who))
        who, first = np.repeat(who, count), np.repeat(first, count)
        gaps = self._between(told["gap"][0], told["gap"][1], len(who))
        starts = np.cumsum(count) - count
        passed = np.cumsum(gaps)
        day = first + passed - np.repeat(passed[starts], count) if len(who) else first
        seen = (day >= self.begins[who]) & (day <= self.ends[who])
        return _Records(who=who[seen], day=day[seen])

    def _coded(self, kind: Kind, records: _Records) -> None:
        """Records with a code, each with its visit and professional."""
        table, word, start, end = _TABLES[kind.domain]
        there = sum(part.num_rows for part in self.tables.get(table, ()))
        size = len(records.who)
        visit = self._visits(kind, records)
        columns: dict[str, object] = {
            "person_id": records.who + 1,
            f"{table}_id": np.arange(there + 1, there + size + 1),
        }
        columns |= {start: _days(records.day), "visit_occurrence_id": visit, "provider_id": self._providers(kind, size)}
        columns |= self._codes(kind, word, size)
        if end:
            columns[end] = _days(records.day + (27 if kind.domain == "drug" else 0))
        if kind.domain == "condition":
            columns["condition_status_source_value"] = self._one_of(kind.status or ("DP", "DAS"), size)
        else:
            columns["quantity"] = self._numbers(kind, "quantity", (1, 3), size)
        if kind.domain == "drug":
            columns["days_supply"] = self._numbers(kind, "days_supply", (28, 30), size)
            columns["dispensing_provider_id"] = columns["provider_id"]
        self._add(table, **columns)

    def _codes(self, kind: Kind, word: str, size: int) -> dict[str, object]:
        if not kind.codes:
            return {}
        if kind.system == "OMOP":
            return {f"{word}_concept_id": np.array(self._one_of(kind.codes, size), dtype=np.str_).astype(np.int64)}
        codes = packs(self.wanted)[kind.codes] if kind.system == "ATC" else kind.codes
        return {f"{word}_source_value": self._one_of(codes, size)}

    def _visits(self, kind: Kind, records: _Records) -> Ints:
        """A visit for each record; its number."""
        size = len(records.who)
        settings = self._one_of(kind.setting or (self.model["settings"][kind.domain],), size)
        nights = self._numbers(kind, "nights", (0, 8), size)
        stays = np.array([setting.endswith("inpatient") for setting in settings], dtype=bool)
        numbers = np.arange(self.visits + 1, self.visits + size + 1)
        self.visits += size
        self._add(
            "visit_occurrence",
            person_id=records.who + 1,
            visit_occurrence_id=numbers,
            visit_concept_id=np.array([self.model["visits"][setting] for setting in settings], dtype=np.int64),
            visit_start_date=_days(records.day),
            visit_end_date=_days(records.day + np.where(stays, nights, 0)),
            provider_id=self._providers(kind, size),
            care_site_source_value=[f"site{number}" for number in self.draw.integers(1, 40, size=size)],
        )
        return numbers

    def _providers(self, kind: Kind, size: int) -> Ints:
        """Numbers of professionals, of one of the specialties asked for."""
        numbers = [self.specialties.index(code) + 1 for code in kind.specialty or self.specialties[:1]]
        return np.array(numbers)[self.draw.integers(0, len(numbers), size=size)]

    def _numbers(self, kind: Kind, name: str, plain: tuple[int, int], size: int) -> Ints:
        """Numbers on both sides of what is asked for."""
        match = _COMPARED.fullmatch(dict(kind.where).get(name, ""))
        low, high = (max(0, int(match[2]) - 1), int(match[2]) + 1) if match else plain
        return self._between(low, high, size)

    def _one_of(self, words: tuple[str, ...], size: int) -> list[str]:
        return [words[at] for at in self.draw.integers(0, len(words), size=size)] if words else []

    def _deaths(self) -> None:
        who = np.flatnonzero(self.dies)
        kinds = [kind for kind in self.wanted.kinds if kind.domain == DEATH]
        concepts = tuple(code for kind in kinds for code in kind.codes if kind.system == "OMOP")
        causes = tuple(code for kind in kinds for code in kind.codes if kind.system != "OMOP")
        told = self._one_of(causes, len(who)) or [""] * len(who)
        known = self.draw.random(len(who)) < 0.7
        self._add(
            "death",
            person_id=who + 1,
            death_date=_days(self.ends[who]),
            cause_source_value=[cause if cause and seen else None for cause, seen in zip(told, known, strict=True)],
            cause_concept_id=np.array(self._one_of(concepts, len(who)) or ["0"] * len(who)).astype(np.int64),
        )

    def _whole(self) -> dict[str, pa.Table]:
        """Professionals, packs under the classes asked for, and what the delivery says of its population."""
        rows = [
            {"system": "CIP13", "code": code, "parent_system": "ATC", "parent": parent}
            for classes, codes in packs(self.wanted).items()
            for parent, code in zip(classes, codes, strict=True)
        ]
        known = [{"provider_id": at, "specialty_source_value": code} for at, code in enumerate(self.specialties, 1)]
        said = [
            {
                "delivery_source_value": "invented",
                "target_population": self.wanted.claims,
                "fraction": 1.0,
                "weight": 1.0,
            }
        ]
        return {
            "provider": pa.Table.from_pylist(known),
            **({"code_hierarchy": pa.Table.from_pylist(rows)} if rows else {}),
            **({"environment": self.measured} if self.measured is not None else {}),
            **({"delivery": pa.Table.from_pylist(said)} if self.wanted.claims else {}),
        }


def packs(wanted: Asked) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Classes of a list → a pack invented for each; no pack has such a code."""
    lists = dict.fromkeys(kind.codes for kind in wanted.kinds if kind.system == "ATC")
    classes = list(dict.fromkeys(code for codes in lists for code in codes))
    return {codes: tuple(f"0000{classes.index(code):09d}" for code in codes) for codes in lists}


def _department(place: str) -> str:
    return place[:3] if place.startswith("97") and len(place) == 5 else place[:2] if len(place) == 5 else place


def _days(numbers: Ints) -> Any:
    return np.asarray(numbers).astype("datetime64[D]")


def _array(values: object) -> pa.Array:
    return pa.array(values) if isinstance(values, np.ndarray) else pa.array(values, pa.string())
