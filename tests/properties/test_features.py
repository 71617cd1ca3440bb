# SPDX-License-Identifier: Apache-2.0
"""Features before time zero: SQL against a plain reading of the same records, and what the gathering leaves out."""

import datetime
import random
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import numpy as np
import pytest

from rempart.cohort.codes import Reads
from rempart.cohort.features_sql import feature_clear, feature_statements, feature_text
from rempart.errors import RempartError
from rempart.records.features import Features, features_dict, read_features
from rempart.records.fields import Fields
from rempart.records.protocol import CodeList
from rempart.records.study import Study
from rempart.study.features import among, feature_columns

DAY = datetime.date(2015, 6, 1)
PACKS = {"3400930000011": "A10BG03", "3400930000012": "A10BA02", "9000001": "C10AA05"}
DIAGNOSES, ACTS = ("E119", "E109", "I10", "C670", "XX9"), ("JDFA001", "JDFE002", "HAN+123", "ZZ")


def _session(seed: int) -> tuple[duckdb.DuckDBPyConnection, dict[str, list[tuple[Any, ...]]]]:
    draw = random.Random(seed)
    rows: dict[str, list[tuple[Any, ...]]] = {"drug": [], "condition": [], "procedure": [], "visit": []}
    for person in range(1, 41):
        for domain, codes in (("drug", tuple(PACKS)), ("condition", DIAGNOSES), ("procedure", ACTS), ("visit", ("",))):
            for _ in range(draw.randint(0, 5)):
                ago = draw.choice([-5, 0, 1, 2, 29, 30, 31, 180, 181, 700])
                day = None if draw.random() < 0.05 else DAY - datetime.timedelta(days=ago)
                rows[domain].append((person, day, draw.choice(codes), draw.choice([0.0, 60.0, 500.0])))
    query = duckdb.connect()
    query.execute(
        "CREATE TABLE drug_exposure (person_id BIGINT, drug_exposure_start_date DATE, drug_source_value VARCHAR, total_paid DOUBLE)"
    )
    query.execute(
        "CREATE TABLE condition_occurrence (person_id BIGINT, condition_start_date DATE, condition_source_value VARCHAR, x DOUBLE)"
    )
    query.execute(
        "CREATE TABLE procedure_occurrence (person_id BIGINT, procedure_date DATE, procedure_source_value VARCHAR, total_paid DOUBLE)"
    )
    query.execute(
        "CREATE TABLE visit_occurrence (person_id BIGINT, visit_start_date DATE, x VARCHAR, total_paid DOUBLE)"
    )
    query.execute("CREATE TABLE person (person_id BIGINT, year_of_birth INTEGER, gender_concept_id BIGINT)")
    tables = {
        "drug": "drug_exposure",
        "condition": "condition_occurrence",
        "procedure": "procedure_occurrence",
        "visit": "visit_occurrence",
    }
    for domain, table in tables.items():
        if rows[domain]:
            query.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", rows[domain])
    query.execute("CREATE TABLE code_hierarchy (system VARCHAR, code VARCHAR, parent_system VARCHAR, parent VARCHAR)")
    query.executemany("INSERT INTO code_hierarchy VALUES ('CIP13', ?, 'ATC', ?)", list(PACKS.items()))
    query.execute("INSERT INTO code_hierarchy VALUES ('ATC', 'A10BG03', 'ATC', 'A10BG')")
    query.execute(
        "INSERT INTO person SELECT range, 1940 + range, CASE range % 3 WHEN 0 THEN 8507 WHEN 1 THEN 8532 ELSE 0 END FROM range(1, 41)"
    )
    query.execute(
        f"CREATE TABLE chosen AS SELECT range AS person_id, DATE '{DAY}' AS t0 FROM range(1, 41) WHERE range % 7 > 0"
    )
    return query, rows


def _naive(rows: dict[str, list[tuple[Any, ...]]], features: Features, excluded: set[str]) -> set[tuple[int, str]]:
    found: set[tuple[int, str]] = set()
    windows = [(str(d), d) for d in features.days] + ([("ever", 10**9)] if features.ever else [])
    people = [person for person in range(1, 41) if person % 7]
    for name, back in windows:
        for person in people:

            def seen(domain: str, person: int = person, back: int = back) -> list[tuple[int, str, float]]:
                mine = [((DAY - d).days, c, paid) for p, d, c, paid in rows[domain] if p == person and d is not None]
                return [row for row in mine if -features.until <= row[0] <= back]

            for _, pack, _ in seen("drug"):
                found |= {(person, f"atc:{PACKS[pack][:n]}:{name}") for n in features.atc if pack not in excluded}
            for _, code, _ in seen("condition"):
                found |= {
                    (person, f"cim10:{code[:n]}:{name}") for n in features.cim10 if code[1].isdigit() and len(code) >= n
                }
            for _, code, _ in seen("procedure"):
                found |= {
                    (person, f"ccam:{code[:n]}:{name}") for n in features.ccam if code[:4].isalpha() and len(code) == 7
                }
            for what, domain in (("visits", "visit"), ("dispensings", "drug")):
                days = len({ago for ago, _, _ in seen(domain)})
                found |= {(person, f"{what}>={low}:{name}") for low in (1, 2, 4, 8) if days >= low}
            if features.costs:
                paid = sum(p for domain in ("visit", "drug", "procedure") for _, _, p in seen(domain))
                any_row = any(seen(domain) for domain in ("visit", "drug", "procedure"))
                found |= {(person, f"costs>={low}:{name}") for low in features.costs if any_row and paid >= low}
    for person in people:
        found.add((person, "sex:" + {0: "male", 1: "female", 2: "unknown"}[person % 3]))
        age = 2015 - (1940 + person)
        found.add((person, "age:" + ("0-49" if age < 50 else "50-64" if age < 65 else "65+")))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_features_are_those_of_a_plain_reading_of_the_records(seed: int) -> None:
    query, rows = _session(seed)
    features = Features(
        days=(30, 180),
        ever=bool(seed % 2),
        until=-1 if seed < 3 else 0,
        atc=(1, 5),
        cim10=(3, 4),
        ccam=(4,),
        counts=("dispensings", "visits"),
        costs=(100, 1000),
        sex=True,
        age=(50, 65),
        exclude=("left",) if seed < 4 else (),
    )
    codes = {"left": CodeList(system="CIP13", include=("3400930000011",))}
    study = cast(Study, SimpleNamespace(features={"f": features}, codes=codes))
    reads = Reads()
    for statement in feature_statements(study, "f", "chosen", reads):
        query.execute(statement)
    found = {(int(p), str(f)) for p, f in query.execute("SELECT person_id, feature FROM feature_f").fetchall()}
    assert found == _naive(rows, features, {"3400930000011"} if features.exclude else set())
    assert query.execute("SELECT count(*) FROM feature_f").fetchone() == (len(found),)
    texts = dict(query.execute(feature_text(["f"], "chosen")).fetchall())
    assert set(texts) == {person for person in range(1, 41) if person % 7}
    assert all(texts[p].split(",") == sorted(f for q, f in found if q == p) for p in texts)
    assert reads.columns["code_hierarchy"] == {"code", "parent", "parent_system"}
    for statement in feature_clear("f"):
        query.execute(statement)


def test_what_few_persons_bear_is_left_out_and_never_named() -> None:
    texts = ["a,b" if i < 30 else "c" if i < 40 else "d" for i in range(100)] + ["all"] * 0
    texts = [text + ",every" for text in texts]
    found = feature_columns(texts, least=11)
    assert found.columns.terms == ("a", "d")  # b has the persons of a; c has 10 persons; everybody bears the last
    assert dict(found.left_out) == {"few": 1, "nearly_all": 1, "twin": 1}
    half = np.arange(100) % 2 == 0
    assert feature_columns(texts, least=31, counted=half).columns.terms == ()
    assert among(found.columns, half).dense().sum(axis=0).tolist() == [15.0, 30.0]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"days": [30], "atc": [3], "until": 1}, "reads-after-time-zero"),
        ({"days": [30], "atc": [2]}, "study-field"),
        ({"atc": [3]}, "study-field"),
        ({"days": [30]}, "study-field"),
        ({"days": [30], "until": -60, "atc": [3]}, "study-field"),
        ({"days": [30], "atc": [3], "persons": 5}, "study-field"),
        ({"days": [30], "atc": [3], "cip": [3]}, "unknown-key"),
    ],
)
def test_a_window_never_ends_after_time_zero_and_a_feature_is_of_a_family(given: dict[str, Any], code: str) -> None:
    with pytest.raises(RempartError) as caught:
        read_features(Fields(given, file="study.toml", path="features.f"))
    assert caught.value.code == code


def test_the_canonical_form_reads_back_as_the_same_features() -> None:
    given = {"days": [30, 365], "ever": True, "atc": [3, 5], "exclude": ["z", "a"], "until": 0}
    features = read_features(Fields(given, file="study.toml"))
    told = features_dict({name: getattr(features, name) for name in Features.__dataclass_fields__})
    assert read_features(Fields(told, file="study.toml")) == features
    assert features.window("features.f").first == -365
