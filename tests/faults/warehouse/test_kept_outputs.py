# SPDX-License-Identifier: Apache-2.0
"""Models and sequences of a true run: sealed where they lie, opened for a person of the permit, and lost to anybody else."""

import pytest

from rempart.journeys.kept_outputs import kept_outputs
from rempart.study.meds import BIRTH
from rempart.wiring.releases import desk
from rempart.wiring.signing import signer
from tests.faults.warehouse.place import Outcome, Place
from tests.faults.warehouse.test_rule_cohort_runs import MORE, of_project, permit_with

STUDY = """
schema = "rempart.study/1"
permit = "P-2026-0002"
[protocol]
title = "who falls ill"
question = "q"
estimand = "initiation"
period = [2013-01-01, 2013-12-31]
[codes.any]
system = "CIM10"
include = ["C", "E", "I", "Z"]
[cohorts.everybody]
entry = { any = [{ domain = "drug", codes = "packs" }], limit = "first" }
exit = { days = 300 }
[codes.packs]
system = "CIP13"
include = PACKS
[outcomes.illness]
any = [{ domain = "condition", codes = "any" }]
[covariates.age]
type = "age"
bands = [60, 70]
[covariates.sex]
type = "sex"
[features.before]
days = [90]
until = 0
cim10 = [1]
counts = ["dispensings"]
[[analyses]]
id = "p"
type = "prediction"
design = "prediction"
inputs = { cohort = "everybody", features = ["before"] }
parameters = { horizon_days = 200, penalties = 4, folds = 2, models = ["l1_logistic", "gradient_boosting"], trees = 20, leaf_persons = 11 }
[[analyses]]
id = "s"
type = "meds"
design = "sequences"
inputs = { cohort = "everybody" }
parameters = { domains = ["drug", "condition"] }
"""


@pytest.fixture
def ran(place: Place) -> tuple[Place, str]:
    """A run that trains and makes sequences."""
    permit_with(place, {**MORE, "procedure_occurrence": ["procedure_date", "procedure_source_value"]})
    done = place.grant("second")
    assert done.code == 0, done.told
    file = place.root / "kept.toml"
    packs = of_project(place).table(
        "SELECT drug_source_value AS c FROM drug_exposure GROUP BY 1 ORDER BY count(*) DESC LIMIT 20"
    )
    file.write_text(STUDY.replace("PACKS", str(packs.column("c").to_pylist())), encoding="utf-8")
    answer = place.run("study", "run", str(file), "--key", place.key("alice"), "--workers", "1")
    assert answer.code == 0, answer.told
    return place, str(answer.answer["data"]["run"])


def kept(place: Place, run: str, person: str = "alice") -> Outcome:
    """The command."""
    return place.run("study", "kept", run, "--key", place.key(person))


def test_what_a_run_keeps_is_sealed_and_opens_for_its_permits_persons_alone(ran: tuple[Place, str]) -> None:
    place, run = ran
    told = kept(place, run)
    assert told.code == 0, told.told
    assert {model["kind"] for model in told.answer["data"]["models"]} <= {"l1_logistic", "gradient_boosting"}
    assert all(model["faults"] for model in told.answer["data"]["models"]), "ninety persons carry no model"
    assert {path for path in told.answer["data"]["sequences"] if path.startswith("s/metadata/")} == {
        "s/metadata/codes.parquet", "s/metadata/subject_splits.parquet", "s/metadata/dataset.json",
    }  # fmt: skip
    person = signer(place.warehouse().trust, place.root / "alice.key", lambda _: "")
    found = kept_outputs(desk(place.warehouse()), run=run, person=person.entry, actor=person.salted)
    assert found.sequences is not None
    assert BIRTH.encode() in found.sequences["s/metadata/codes.parquet"]
    plain = [file for file in place.root.rglob("*") if file.is_file() and b"MEDS_" in file.read_bytes()]
    assert not plain, "no file of the data set lies anywhere unsealed"
    assert place.run("audit", "verify", "--deep").code == 0
    refused = kept(place, run, "bob")
    assert (refused.code, refused.error) == (10, "permit-person")


def test_an_altered_document_and_another_runs_are_not_taken(ran: tuple[Place, str]) -> None:
    place, run = ran
    event = next(event for event in reversed(place.events()) if event.kind == "study" and event.phase == "effect")
    name = str(event.fact("sequences")).removeprefix("sha256:")
    (file,) = [path for path in place.directory.rglob(f"*{name[:16]}*") if path.is_file()] or [
        path for path in place.directory.rglob(f"*{name[2:18]}*") if path.is_file()
    ]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(bytes(data))
    assert kept(place, run).code == 20
    assert kept(place, "S-0000000000000000").error == "run-missing"
