# SPDX-License-Identifier: Apache-2.0
"""Random ATLAS definitions over every word that is read, and random tables whose days and values lie close together."""

import datetime
from collections.abc import Mapping
from random import Random
from typing import Any

from tests.atlas_house import COLUMNS, NO_PERSON

BASE = datetime.date(2020, 1, 1)
SPAN = 90
CONCEPTS = range(1, 10)
GENDERS = (8507, 8532)
TEXTS = ("alpha", "Alphabet", "beta", "al_pha", "50%", "it's")
PERSONS = range(1, 9)
_OPS = ("lt", "lte", "eq", "!eq", "gt", "gte", "bt", "!bt")
_KINDS = ("ALL", "ANY", "AT_LEAST", "AT_MOST")
_LIMITS = ("All", "First", "Last")
Json = dict[str, Any]


def tables(rng: Random, *, rows: int = 24) -> dict[str, list[Json]]:
    """A few persons with some rows in every table; few numbers, so that they meet."""
    found = {
        name: _rows(rng, name, rows)
        for name in COLUMNS
        if name not in {"person", "observation_period", "death", *NO_PERSON}
    }
    found["person"] = [
        {
            "person_id": number, "gender_concept_id": rng.choice(GENDERS), "year_of_birth": 2020 - rng.randint(0, 6),
            "race_concept_id": rng.randint(1, 3), "ethnicity_concept_id": rng.randint(1, 3),
        }
        for number in PERSONS
    ]  # fmt: skip
    found["observation_period"] = _observed(rng)
    dead = [number for number in PERSONS if rng.random() < 0.4]
    found["death"] = [_row(rng, "death", 0) | {"person_id": number, "death_date": _day(rng)} for number in dead]
    found["provider"] = [{"provider_id": n, "specialty_concept_id": _code(rng)} for n in range(1, 5)]
    found["care_site"] = [{"care_site_id": n, "place_of_service_concept_id": _code(rng)} for n in range(1, 4)]
    found["concept"] = [
        {"concept_id": n, "invalid_reason": rng.choice([None, None, None, "D"])} for n in CONCEPTS if n != 9
    ]
    found["concept_ancestor"] = [
        {"ancestor_concept_id": rng.choice(CONCEPTS), "descendant_concept_id": rng.choice(CONCEPTS)} for _ in range(8)
    ]
    found["concept_relationship"] = [
        {
            "concept_id_1": rng.choice(CONCEPTS), "concept_id_2": rng.choice(CONCEPTS),
            "relationship_id": rng.choice(["Maps to", "Maps to", "Is a"]), "invalid_reason": rng.choice([None, None, "D"]),
        }
        for _ in range(6)
    ]  # fmt: skip
    return found


def _observed(rng: Random) -> list[Json]:
    found: list[Json] = []
    for person in PERSONS:
        cut = rng.randint(20, 60)
        spans = (
            [(rng.randint(-10, 10), SPAN - rng.randint(0, 20))]
            if rng.random() < 0.6
            else [(0, cut), (cut + rng.randint(1, 20), SPAN)]
        )
        for first, last in spans:
            found.append(
                {
                    "person_id": person, "observation_period_id": len(found) + 1, "period_type_concept_id": _code(rng),
                    "observation_period_start_date": _on(first), "observation_period_end_date": _on(last),
                }
            )  # fmt: skip
    return found


def _rows(rng: Random, table: str, count: int) -> list[Json]:
    numbers = rng.sample(range(1, count + 4), count)
    found = [_row(rng, table, number) for number in numbers]
    for row in found:
        starts = [name for name in row if name.endswith("_start_date")]
        for start in starts:
            end = start.replace("_start_", "_end_")
            row[end] = row[start] + datetime.timedelta(days=rng.choice([0, 0, 1, 5, 20, -2]))
            if (
                table in {"condition_occurrence", "drug_exposure", "device_exposure", "visit_occurrence"}
                and rng.random() < 0.25
            ):
                row[end] = None
    return found


def _row(rng: Random, table: str, number: int) -> Json:
    made: Json = {"person_id": rng.choice(PERSONS)}
    for name in COLUMNS[table].split():
        made[name] = number if name == f"{table}_id" else _value(rng, name)
    return made


def _value(rng: Random, name: str) -> Any:
    if name.endswith("_start_date") or name in {
        "procedure_date",
        "measurement_date",
        "observation_date",
        "specimen_date",
    }:
        return _day(rng)
    if rng.random() < 0.15:
        return None
    if name in {"stop_reason", "lot_number", "value_as_string", "unique_device_id", "specimen_source_id"}:
        return rng.choice(TEXTS)
    if name == "value_as_concept_id" and rng.random() < 0.2:
        return 4155142
    if name in {"value_as_number", "range_low", "range_high", "dose_value", "quantity", "effective_drug_dose"}:
        return rng.choice([0.0, 1.0, 1.5, 2.0, 3.0])
    return rng.randint(1, 8) if name == "visit_occurrence_id" else _code(rng)


def _code(rng: Random) -> int:
    return rng.randint(1, 4)


def _on(offset: int) -> datetime.date:
    return BASE + datetime.timedelta(days=offset)


def _day(rng: Random) -> datetime.date:
    return _on(rng.randint(-5, SPAN + 5))


class Definitions:
    """Random definitions over the words of circe.toml; ``without``: words that are left out."""

    def __init__(self, rng: Random, words: Mapping[str, Any], *, without: frozenset[str] = frozenset()) -> None:
        self._rng, self._words, self._without = rng, words, without
        self._domains = [name for name in words if name not in {"Demographic", "counted"}]

    def one(self) -> Json:
        """A whole definition."""
        rng = self._rng
        made: Json = {
            "ConceptSets": [self._code_set(number) for number in range(4)],
            "PrimaryCriteria": {
                "CriteriaList": [self.criterion(1) for _ in range(rng.randint(1, 2))],
                "ObservationWindow": {"PriorDays": rng.choice([0, 0, 5]), "PostDays": rng.choice([0, 0, 3])},
                "PrimaryCriteriaLimit": {"Type": rng.choice(_LIMITS)},
            },
            "QualifiedLimit": {"Type": rng.choice(_LIMITS)},
            "ExpressionLimit": {"Type": rng.choice(_LIMITS)},
            "InclusionRules": [
                {"name": f"rule {n}", "expression": self.group(1)} for n in range(rng.choice([0, 0, 1, 1, 2, 3]))
            ],
            "CollapseSettings": {"CollapseType": "ERA", "EraPad": rng.choice([0, 0, 4])},
        }
        if rng.random() < 0.35:
            made["AdditionalCriteria"] = self.group(1)
        if rng.random() < 0.3:
            made["CensoringCriteria"] = [self.criterion(0) for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.2:
            made["CensorWindow"] = {"StartDate": str(_on(15)), "EndDate": str(_on(70))}
        made["EndStrategy"] = self._exit()
        return made

    def _exit(self) -> Json | None:
        rng = self._rng
        return rng.choice(
            [
                None,
                {"DateOffset": {"DateField": rng.choice(["StartDate", "EndDate"]), "Offset": rng.randint(-2, 20)}},
                {
                    "CustomEra": {
                        "DrugCodesetId": rng.randrange(4), "GapDays": rng.randint(0, 6), "Offset": rng.randint(-2, 6),
                        "DaysSupplyOverride": rng.choice([None, 7]),
                    }
                },
            ]
        )  # fmt: skip

    def _code_set(self, number: int) -> Json:
        rng = self._rng
        items = [
            {
                "concept": {"CONCEPT_ID": rng.randint(1, 5)}, "isExcluded": rng.random() < 0.2,
                "includeDescendants": rng.random() < 0.4, "includeMapped": rng.random() < 0.3,
            }
            for _ in range(rng.randint(1, 4))
        ]  # fmt: skip
        return {"id": number, "name": f"set {number}", "expression": {"items": items}}

    def criterion(self, depth: int) -> Json:
        """A criterion of any domain."""
        rng, domain = self._rng, self._rng.choice(self._domains)
        body: Json = {}
        for name, word in self._words[domain].items():
            if name not in self._without:
                self._say(body, name, word)
        if depth and rng.random() < 0.2:
            body["CorrelatedCriteria"] = self.group(depth - 1)
        return {domain: body}

    def _say(self, body: Json, name: str, word: Mapping[str, str]) -> None:
        rng, kind = self._rng, word["kind"]
        if rng.random() > {"code-set": 0.6, "first": 0.12, "adjustment": 0.1, "period": 0.1}.get(kind, 0.035):
            return
        if kind in {"concepts", "chosen"}:
            if kind == "concepts" and rng.random() < 0.6:
                pool = GENDERS if name == "Gender" else range(1, 5)
                body[name] = [{"CONCEPT_ID": rng.choice(pool)} for _ in range(rng.randint(1, 2))]
                if "exclude" in word:
                    body[word["exclude"]] = rng.random() < 0.5
            else:
                body[f"{name}CS"] = {"CodesetId": rng.choice([None, 0, 1, 2, 3]), "IsExclusion": rng.random() < 0.4}
        else:
            body[name] = self._plain(kind)

    def _plain(self, kind: str) -> Any:
        rng = self._rng
        if kind in {"code-set", "source", "codes"}:
            return rng.randrange(4)
        if kind in {"first", "flag"}:
            return True
        if kind == "adjustment":
            sides = ("START_DATE", "END_DATE")
            return {
                "StartWith": rng.choice(sides), "StartOffset": rng.randint(-5, 5),
                "EndWith": rng.choice(sides), "EndOffset": rng.randint(-5, 8),
            }  # fmt: skip
        if kind == "period":
            return {
                "StartDate": str(_on(rng.randint(5, 30))),
                "EndDate": rng.choice([None, str(_on(rng.randint(30, 60)))]),
            }
        if kind == "text":
            how = rng.choice(["contains", "startsWith", "endsWith", "!contains", "!startsWith", "!endsWith"])
            return {"Text": rng.choice(["al", "ha", "a", "_", "%", "'", ""]), "Op": how}
        return self._range(kind)

    def _range(self, kind: str) -> Json:
        rng = self._rng
        low = rng.randint(0, 5)
        if kind == "day":
            return {"Value": str(_on(low * 15)), "Op": rng.choice(_OPS), "Extent": str(_on(low * 15 + 30))}
        value = low if kind == "whole" else low / 2
        return {"Value": value, "Op": rng.choice(_OPS), "Extent": value + 2}

    def group(self, depth: int) -> Json:
        """A group of up to three demands, sometimes of none."""
        rng = self._rng
        if rng.random() < 0.06:
            return {"Type": "ALL", "CriteriaList": [], "DemographicCriteriaList": [], "Groups": []}
        return {
            "Type": rng.choice(_KINDS[:2] * 2 + _KINDS),
            "Count": rng.randint(0, 2),
            "CriteriaList": [self._correlated(depth) for _ in range(rng.randint(1, 2))],
            "DemographicCriteriaList": [self._demographic()] if rng.random() < 0.2 else [],
            "Groups": [self.group(depth - 1)] if depth and rng.random() < 0.2 else [],
        }

    def _correlated(self, depth: int) -> Json:
        rng, asked = self._rng, self.criterion(depth)
        (domain,) = asked
        known = [
            word for word, given in self._words["counted"].items() if {"*", domain} & set(given["domains"].split())
        ]
        counted: Json = {"Type": rng.randrange(3), "Count": rng.randrange(3)}
        if rng.random() < 0.3 and not asked[domain].get("CorrelatedCriteria"):
            columns = [word for word in known if f"{domain}.{word}" not in self._without]
            counted |= {"IsDistinct": True, "CountColumn": rng.choice(columns)}
        made: Json = {"Criteria": asked, "Occurrence": counted, "StartWindow": self._window()}
        if rng.random() < 0.25:
            made["EndWindow"] = self._window()
        made["RestrictVisit"] = rng.random() < 0.12
        made["IgnoreObservationPeriod"] = rng.random() < 0.2
        return made

    def _window(self) -> Json:
        rng = self._rng
        first, last = sorted((rng.randint(-30, 30), rng.randint(-30, 30)))
        made: Json = {"Start": _bound(rng, first, -1), "End": _bound(rng, last, 1)}
        for name in ("UseIndexEnd", "UseEventEnd"):
            if rng.random() < 0.3:
                made[name] = rng.random() < 0.5
        return made

    def _demographic(self) -> Json:
        body: Json = {}
        for name, word in self._words["Demographic"].items():
            if self._rng.random() < 0.4:
                self._say(body, name, word)
        return body


def _bound(rng: Random, offset: int, side: int) -> Json:
    if rng.random() < 0.3:
        return {"Days": None, "Coeff": side}
    return {"Days": abs(offset), "Coeff": -1 if offset < 0 else 1}
