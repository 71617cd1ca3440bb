# SPDX-License-Identifier: Apache-2.0
"""True studies on Spark: whatever can be asked for gives the rows that worker processes give; a driver that is killed costs what it was at.

One session runs all of them, on a project of four shards; the workers, the agent and the keys are the true ones.
"""

import json
import os
import signal
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, Phase, given, settings

from rempart.adapters.spark_engine import SparkEngine
from rempart.errors import RempartError, Unavailable
from rempart.journeys.study import StudyRun
from rempart.records.study import Study
from rempart.wiring import spark
from rempart.wiring.acts import run_study_file
from tests.atlas_house import entry
from tests.conformance.engine_house import java
from tests.faults import once_waiting_worker
from tests.faults.cut_project import SHARDS, cut, most_seen, run_all, study_in
from tests.faults.warehouse.place import Place, Silence, built, copied, workers_find_the_package
from tests.faults.warehouse.test_atlas_runs import STUDY as ATLAS
from tests.faults.warehouse.test_description_runs import ALL
from tests.faults.warehouse.test_description_runs import STUDY as DESCRIBED
from tests.properties.test_rule_cohorts_oracle import STUDIES
from tests.recovery.test_kill import processes_of
from tests.recovery.test_matched_study import STUDY as MATCHED
from tests.rule_histories import study_of
from tests.spec.test_atlas_rows import around, rule

pytestmark = [pytest.mark.server, pytest.mark.slow]
EXPOSED = """
[exposures.taken]
domain = "drug"
codes = "packs"
supply = [{ rule = "fixed", days = 30 }]
stockpiling = "cap"
cap_days = 15
grace_days = 10
hospital_days = "extend"
[cohorts.on_drug]
entry = { any = [{ domain = "drug", codes = "packs" }], limit = "first" }
exit = { exposure = "taken", grace_days = 10, death = true }
[[analyses]]
id = "use"
type = "exposure_periods"
design = "cohort"
inputs = { cohort = "on_drug", exposures = ["taken"] }
parameters = { days = 180, grid_days = 30 }
[[analyses]]
id = "stay"
type = "follow_up"
design = "cohort"
inputs = { cohort = "on_drug" }
"""
RANDOM = 2
NAMES = ["matched", "described", "exposed", "atlas", "comparison", *(f"random-{number}" for number in range(RANDOM))]


def drawn(count: int) -> list[dict[str, Any]]:
    """Cohorts from the generator of the naive interpreter's test, the same in each run; not the first, which are the simplest."""
    found: list[dict[str, Any]] = []

    @settings(
        max_examples=4 + count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(STUDIES)
    def note(asked: dict[str, Any]) -> None:
        found.append(asked)

    note()
    return found[-count:]


def random_study(asked: dict[str, Any], codes: dict[str, list[str]]) -> str:
    """The file of a study over random cohorts, whose codes and days are those of the tiny warehouse."""
    flows = [
        {"id": f"flow_{name}", "type": "attrition", "design": "cohort", "inputs": {"cohort": name}} for name in asked
    ]
    told = study_of(asked, analyses=flows).as_dict()
    told["protocol"] |= {"period": ["2013-01-01", "2013-12-31"], "death": "month"}
    for name, include in codes.items():
        told["codes"][name] = {"system": told["codes"][name]["system"], "include": include}
    return tomli_w.dumps(told)


def texts(place: Place) -> dict[str, str]:
    """Name → study file, with the codes that the warehouse has most of."""
    packs = most_seen(place, "drug_exposure", "drug_source_value", 40)
    ills = sorted({code[:3] for code in most_seen(place, "condition_occurrence", "condition_source_value", 20)})
    acts = sorted({code[:4] for code in most_seen(place, "procedure_occurrence", "procedure_source_value", 20)})
    blocks = [
        f'[[analyses]]\nid = "{kind}"\ntype = "{kind}"\ndesign = "cohort"\n{text}\n' for kind, text in ALL.items()
    ]
    described = DESCRIBED.replace("PACKS", str(packs))
    concepts = most_seen(place, "drug_exposure", "drug_source_concept_id", 30)
    sets = [{"id": 1, "expression": {"items": [{"concept": {"CONCEPT_ID": int(number)}} for number in concepts]}}]
    asked = rule("seen before", around({"VisitOccurrence": {}}, -365, 0))
    definition = {**entry({"DrugExposure": {"DrugSourceConcept": 1}}, InclusionRules=[asked]), "ConceptSets": sets}
    definition["EndStrategy"] = {"DateOffset": {"DateField": "StartDate", "Offset": 30}}
    (place.root / "users.json").write_text(json.dumps(definition), encoding="utf-8")
    codes = {
        "diabetes": ills[:4],
        "pressure": ills[4:8],
        "tumour": ills[8:12],
        "metformin": packs[:10],
        "insulin": packs[10:20],
        "act": acts[:4],
    }
    return {
        "matched": MATCHED,
        "described": described.replace("ANALYSES", "\n".join(blocks)),
        "exposed": described.replace("ANALYSES", EXPOSED),
        "atlas": ATLAS,
        "comparison": (place.root / "study.toml").read_text(encoding="utf-8"),
        **{f"random-{number}": random_study(asked, codes) for number, asked in enumerate(drawn(RANDOM))},
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A copy of the tiny warehouse."""
    java()
    folder = tmp_path_factory.mktemp("studies")
    with pytest.MonkeyPatch.context() as patch, copied(built(tmp_path_factory), folder / "copy") as made:
        workers_find_the_package(patch)
        (folder / "spark-defaults.conf").write_text("spark.driver.memory 512m\n", encoding="ascii")
        patch.setenv("SPARK_CONF_DIR", str(folder))
        yield made


@pytest.fixture(scope="module")
def studies(place: Place) -> dict[str, Study]:
    """What runs, its project granted."""
    found = {name: study_in(place, name, text) for name, text in texts(place).items()}
    cut(place, list(found.values()))
    return found


@pytest.fixture(scope="module")
def on_the_pool(place: Place, studies: dict[str, Study]) -> dict[str, StudyRun]:
    """On worker processes."""
    return run_all(place, studies, "local")


@pytest.fixture(scope="module")
def on_spark(place: Place, studies: dict[str, Study]) -> dict[str, StudyRun]:
    """In one session of Spark."""
    return run_all(place, studies, "local[2]")


@pytest.mark.parametrize("name", NAMES)
def test_spark_gives_the_rows_of_the_pool(
    name: str, on_the_pool: dict[str, StudyRun], on_spark: dict[str, StudyRun]
) -> None:
    pool, cluster = on_the_pool[name], on_spark[name]
    assert cluster.rows == pool.rows
    assert (cluster.cost.shards, cluster.resumed, cluster.cost.reused) == (SHARDS, 0, 0)
    assert any(row.value for row in pool.rows), "nobody is in this study"


def test_the_studies_are_those_of_the_file_and_say_something(on_the_pool: dict[str, StudyRun]) -> None:
    assert list(on_the_pool) == NAMES
    outputs = {name: {row.output for row in run.rows} for name, run in on_the_pool.items()}
    assert {"attrition_matched", "attrition_drawn"} <= outputs["matched"]
    assert len(outputs["described"]) >= len(ALL)
    steps = [row.value or 0 for row in on_the_pool["matched"].rows if row.output == "attrition_matched"]
    assert 0 < min(steps) < max(steps)
    named = [row.persons_ref for run in on_the_pool.values() for row in run.rows if row.persons_ref]
    assert len(set(named)) > 20, "rows tell by a fingerprint who is behind them"


def test_a_killed_driver_is_told_and_the_same_command_takes_up_at_the_next_shard(
    place: Place, on_the_pool: dict[str, StudyRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    drivers: list[int] = []
    start = SparkEngine.start

    def started(engine: SparkEngine) -> None:
        start(engine)
        if engine._process is not None:
            drivers.append(engine._process.pid)

    monkeypatch.setattr(SparkEngine, "start", started)
    monkeypatch.setattr(spark, "SparkEngine", partial(SparkEngine, module=once_waiting_worker.MODULE))
    told: list[RempartError] = []

    def run() -> StudyRun:
        return run_study_file(
            place.warehouse(),
            file=place.root / "matched.toml",
            key_file=Path(place.key("alice")),
            ask=lambda _: "",
            progress=Silence(),
            engine="local[2]",
            fresh=True,
        )

    def first() -> None:
        try:
            run()
        except RempartError as error:
            told.append(error)

    runner = threading.Thread(target=first, daemon=True)
    runner.start()
    controller = place.directory / "controller"
    worker = once_waiting_worker.waits(controller)
    kept = [path.name for path in once_waiting_worker.kept(controller, 2)]
    os.kill(drivers[-1], signal.SIGKILL)
    runner.join(120)
    assert [(type(error), error.code) for error in told] == [(Unavailable, "spark-ended")]
    assert once_waiting_worker.gone(worker), "a worker of the killed driver computes on"
    again = run()
    assert again.rows == on_the_pool["matched"].rows
    assert again.resumed == len(kept) > 0
    assert [line for line in processes_of(place) if "rempart.worker" in line or "spark" in line] == []
