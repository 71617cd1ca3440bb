# SPDX-License-Identifier: Apache-2.0
"""The three worked studies, each from its permit to a published release, and their persons counted a second time by plain SQL."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from rempart.journeys.space import open_space, read_parts
from rempart.ports.broker import Broker
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import EXAMPLES, PASSPHRASE, House, copy_house
from tests.journeys.raw_result import Cells, cells
from tests.opener import Opener

METFORMIN = "('3400936161382', '3400937289665')"
PIOGLITAZONE = "('3400935563248', '3400935563538', '3400937169110')"
DIABETES = f"""
WITH drug AS (SELECT person_id, drug_exposure_start_date AS d FROM drug_exposure WHERE drug_source_value IN {METFORMIN}),
cond AS (SELECT person_id, condition_start_date AS d, condition_source_value AS c, condition_status_source_value AS s
  FROM condition_occurrence),
entry AS (SELECT person_id, min(d) AS t0 FROM (SELECT * FROM drug UNION ALL SELECT person_id, d FROM cond WHERE c LIKE 'E11%' AND s = 'DP')
  WHERE d BETWEEN '2013-01-01' AND '2017-12-31' GROUP BY 1),
kept AS (SELECT e.* FROM entry AS e JOIN observation_period AS o ON o.person_id = e.person_id
  AND t0 - 365 >= observation_period_start_date AND t0 <= observation_period_end_date
  JOIN person AS p ON p.person_id = e.person_id AND year(t0) - year_of_birth BETWEEN 40 AND 120
  WHERE EXISTS (SELECT 1 FROM cond AS x WHERE x.person_id = e.person_id AND c LIKE 'E11%' AND d BETWEEN t0 - 365 AND t0)
  OR ((SELECT count(DISTINCT d) FROM drug AS x WHERE x.person_id = e.person_id AND d BETWEEN t0 - 365 AND t0) >= 2
    AND EXISTS (SELECT 1 FROM drug AS x WHERE x.person_id = e.person_id AND d BETWEEN t0 - 365 AND t0 - 90)))
SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM kept AS k WHERE NOT EXISTS (SELECT 1 FROM cond AS x
  WHERE x.person_id = k.person_id AND c LIKE 'C67%' AND d BETWEEN t0 - 365 AND t0))
"""
STARTERS = f"""
WITH drug AS (SELECT person_id, drug_exposure_start_date AS d FROM drug_exposure WHERE drug_source_value IN {PIOGLITAZONE}),
entry AS (SELECT person_id, min(d) AS t0 FROM drug WHERE d BETWEEN '2013-01-01' AND '2017-12-31' GROUP BY 1)
SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT 1 FROM observation_period AS o WHERE o.person_id = e.person_id
  AND t0 - 365 >= observation_period_start_date AND t0 <= observation_period_end_date)
  AND NOT EXISTS (SELECT 1 FROM drug AS x WHERE x.person_id = e.person_id AND d BETWEEN t0 - 365 AND t0 - 1)) FROM entry AS e
"""


@pytest.fixture(scope="module")
def house(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The small warehouse, unlocked, for the three studies together."""
    made = copy_house(small_template, tmp_path_factory.mktemp("worked") / "house")
    made.unlock()
    yield made
    made.lock()


@pytest.fixture(scope="module")
def told(house: House) -> Callable[[str], Cells]:
    """``told(name)``: permit, plan, run, two votes, publication, proof of a worked study; its raw cells."""

    def tell(name: str) -> Cells:
        permit, study = EXAMPLES / name / "permit.toml", EXAMPLES / name / "study.toml"
        house.told("permit", "grant", permit, "--key", house.key("claire"))
        assert house.told("study", "check", study)["permit"]
        assert house.call("study", "plan", study).code == 0
        run = house.run_study(study=study, workers=1)["run"]
        release = house.told("release", "submit", run, "--key", house.key("alice"))["release"]
        for voter in ("bob", "carol"):
            house.told("release", "review", release, "--key", house.key(voter), "--verdict", "approve")
        house.told("release", "publish", release, "--key", house.key("alice"))
        published = house.warehouse / "public" / "releases" / release
        house.told("release", "verify", published)
        french = (published / "summary.fr.md").read_text(encoding="utf-8")
        steps = [line for line in french.splitlines() if line.startswith("| 1. ")]
        assert steps, french
        assert not any("first day" in line for line in steps), steps
        return cells(house, run)

    return tell


def by_sql(house: House, space: str, sql: str) -> tuple[int, ...]:
    """One row of counts over the project's rows, all shards together."""
    opener = cast(Broker, Opener(house.warehouse, PASSPHRASE))
    vault = dataclasses.replace(Warehouse(house.warehouse).vault, broker=opener)
    opened = open_space(vault, space=space, reference="")
    with duckdb.connect() as session:
        for table in ("person", "observation_period", "drug_exposure", "condition_occurrence"):
            parts = [part for part in opened.body.parts if (part.table, part.sibling) == (table, "main")]
            found = [
                parquet.read_table(pa.BufferReader(bytes(data)))
                for data in read_parts(vault, opened, parts, reference="")
            ]
            if found:
                session.register(table, pa.concat_tables(found))
        counted = session.execute(sql).fetchone()
    assert counted is not None
    return tuple(int(value) for value in counted)


def persons(found: Cells, output: str) -> list[int]:
    """Persons remaining after each step, in order."""
    return [int(cast(float, value)) for key, value in sorted(found.items()) if key[0] == output and key[3] == "n"]


def ends(values: list[int]) -> tuple[int, int]:
    """The first and the last."""
    return values[0], values[-1]


def summed(found: Cells, output: str, **parts: Any) -> int:
    """The one cell of an output that has these parts."""
    (value,) = [v for key, v in found.items() if key[0] == output and all(part in key for part in parts.values())]
    return int(cast(float, value))


def test_persons_treated_for_diabetes(house: House, told: Callable[[str], Cells]) -> None:
    found = told("diabetes")
    counted = by_sql(house, "project:diabetes", DIABETES)
    assert ends(persons(found, "attrition")) == counted
    assert summed(found, "follow_up_reasons", row="all,all", statistic="n") == counted[1] > 0


def test_how_pioglitazone_is_used(house: House, told: Callable[[str], Cells]) -> None:
    found = told("glitazone_use")
    counted = by_sql(house, "project:glitazone-use", STARTERS)
    assert ends(persons(found, "attrition")) == counted
    assert summed(found, "pathways", row="all,all", statistic="n") == counted[1] > 0
    variant = ("--variant", "assumptions.hospital_days_censor.grace_days_60")
    study = EXAMPLES / "glitazone_use" / "study.toml"
    other = house.told("study", "run", study, "--key", house.key("alice"), "--workers", "1", *variant)["run"]
    assert ends(persons(cells(house, other), "attrition")) == counted, "assumptions on supply change nobody's entry"


def test_starters_and_matched_users(house: House, told: Callable[[str], Cells]) -> None:
    found = told("glitazone_match")
    cases, matched, with_two = persons(found, "attrition_matched")
    assert persons(found, "attrition_starters")[-1] == cases >= matched >= with_two > 0
    drawn = int(cast(float, found["table_one", "all,all", "comparators", "n"]))
    assert drawn == matched + with_two, "without replacement each serves once"
