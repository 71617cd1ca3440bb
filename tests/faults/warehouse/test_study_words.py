# SPDX-License-Identifier: Apache-2.0
"""What plan, run and show say of a study: ends of sources, nothing of how many a cohort holds, numbers of cells; as checked tables do."""

import datetime
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rempart.cli import app
from rempart.journeys.run_cost import LEAST_CELLS
from rempart.journeys.study_size import coarse
from rempart.journeys.usable import last_days
from rempart.records.document import SignedDocument
from rempart.study.members import members_told
from rempart.wiring.acts import run_study_file
from rempart.wiring.ingest import ingest_delivery
from rempart.wiring.releases import submit_run
from tests.disclosure_rows import RULES, attrition
from tests.faults.warehouse.place import Place, Silence, copied, workers_find_the_package
from tests.journeys.test_study_told import CLONED
from tests.law.test_command_line import HEAVY
from tests.law.test_study_check import probed

PERSONS = 60
COMMON, NEVER, RARE, NEARLY = (digit * 13 for digit in "1234")
STUDY = """
schema = "rempart.study/1"
permit = "P-2026-0002"
[protocol]
title = "t"
question = "q"
estimand = "initiation"
period = [2013-01-01, 2013-12-31]
"""
COHORT = """
[codes.{name}]
system = "CIP13"
include = ["{code}"]
[cohorts.{name}]
entry = {{ any = [{{ domain = "drug", codes = "{name}" }}] }}
[[analyses]]
id = "{name}"
type = "attrition"
design = "cohort"
inputs = {{ cohort = "{name}" }}
"""


def study_of(place: Place, **codes: str) -> Path:
    """A study with a cohort of the users of each code."""
    file = place.root / "members.toml"
    text = STUDY + "".join(COHORT.format(name=name, code=code) for name, code in codes.items())
    file.write_text(text, encoding="utf-8")
    return file


def source(folder: Path) -> Path:
    """Everybody has the common drug in 2013, one person the rare one, all but one the one that nearly everybody has."""
    folder.mkdir()
    numbers = range(1, PERSONS + 1)
    drugs = (
        [(person, COMMON) for person in numbers] + [(7, RARE)] + [(person, NEARLY) for person in numbers if person != 9]
    )
    tables = {
        "person": ("person_id,gender_concept_id,year_of_birth", [f"{n},8507,{1940 + n % 30}" for n in numbers]),
        "observation_period": (
            "observation_period_id,person_id,observation_period_start_date,observation_period_end_date",
            [f"{n},{n},2012-01-01,2016-12-31" for n in numbers],
        ),
        "drug_exposure": (
            "drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_source_value",
            [f"{row},{person},0,2013-0{1 + person % 9}-11,{code}" for row, (person, code) in enumerate(drugs, 1)],
        ),
    }
    for name, (head, lines) in tables.items():
        (folder / f"{name}.csv").write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def small(whole: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A project of sixty persons, of whom all is known."""
    with pytest.MonkeyPatch.context() as patch, copied(whole, tmp_path_factory.mktemp("small") / "copy") as place:
        workers_find_the_package(patch)
        folder = source(place.root / "known")
        ingest_delivery(place.warehouse(), folder, form="omop", replace=True, progress=Silence())
        done = place.grant("second")
        assert done.code == 0, done.told
        yield place


def ran(place: Place, file: Path) -> dict[str, Any]:
    """What the run of a study answers."""
    done = place.run("study", "run", str(file), "--key", place.key("alice"), "--workers", "1")
    assert done.code == 0, done.told
    found: dict[str, Any] = done.answer["data"]
    return found


def last_steps(place: Place, run: str) -> dict[str, object]:
    """Cohort → what its submission shows of its last step: a number of persons, or the word for what is suppressed."""
    made = submit_run(place.warehouse(), run=run, context="t", key_file=Path(place.key("alice")), ask=lambda _: "")
    found = {}
    for table in made.tables:
        last = max(table.rows, key=lambda row: row.row_key["step"])
        found[table.output.removeprefix("attrition_")] = last.value if last.status == "kept" else last.status
    return found


def test_nobody_everybody_and_one_person_from_run_to_the_checked_tables(small: Place) -> None:
    told = ran(small, study_of(small, everybody=COMMON, nobody=NEVER, one=RARE))
    assert set(told) == {"run", "result", "resumed", "reused", "unkept"}, "nothing of how many a cohort holds"
    assert last_steps(small, told["run"]) == {"everybody": PERSONS, "nobody": 0, "one": "suppressed"}


@pytest.mark.parametrize(
    ("persons", "open_numbers"), [(1, [2]), (12, [13]), (20, [21]), (21, [11, 11]), (100, [11, 11, 79])]
)
def test_a_phrase_leaves_as_many_numbers_open_as_a_suppressed_cell(persons: int, open_numbers: list[int]) -> None:
    study = SimpleNamespace(
        analyses=(), designs=(), descriptions=(SimpleNamespace(type="attrition", id="a", cohorts=("c",)),)
    )

    def told(n: int) -> str:
        rows = attrition([persons, n])
        return str(members_told(study, rows, RULES, persons=persons))  # type: ignore[arg-type]

    assert sorted(Counter(told(n) for n in range(persons + 1)).values()) == open_numbers


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_run_says_the_same_of_cohorts_of_nobody_some_and_everybody(
    small: Place, lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A phrase that changes at eleven persons would tell, of a set of ten, whether one more person belongs to it."""
    said = set()
    for code in (NEVER, RARE, NEARLY, COMMON):
        words = ["--lang", lang, "--dir", str(small.directory), "study", "run", str(study_of(small, **{lang: code}))]
        assert app.main([*words, "--key", small.key("alice")]) == 0
        told = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
        said.add(re.sub(r"\b[0-9a-f]{8,}\b|\d+", "#", "\n".join(told)))
    assert len(said) == 1 and not re.search(r"\b(nobody|everybody|personne n)", said.pop())


def test_numbers_of_cells_are_told_coarsely(small: Place) -> None:
    text = STUDY + COHORT.format(name="everybody", code=COMMON)
    curve = '[[analyses]]\nid = "seen"\ntype = "follow_up"\ndesign = "cohort"\nparameters = { grid_days = 2 }\n'
    file = small.root / "cells.toml"
    file.write_text(text + curve, encoding="utf-8")
    done = run_study_file(
        small.warehouse(),
        file=file,
        key_file=Path(small.key("alice")),
        ask=lambda _: "",
        workers=1,
        progress=Silence(),
    )
    raw = Counter(row.output for row in done.rows)
    shown = small.run("study", "show", done.run).answer["data"]["outputs"]
    assert raw["attrition"] < LEAST_CELLS < raw["follow_up_curve"]
    assert shown["attrition"] == LEAST_CELLS
    assert raw["follow_up_curve"] <= shown["follow_up_curve"] == coarse(raw["follow_up_curve"], least=LEAST_CELLS)
    assert shown == {name: coarse(count, least=LEAST_CELLS) for name, count in raw.items()}


def plan(place: Place, file: Path, *, code: int = 0) -> dict[str, Any]:
    """What a plan says."""
    told = place.run("study", "plan", str(file))
    assert told.code == code, told.told
    found: dict[str, Any] = told.answer["data"]
    return found


def test_plan_says_until_when_each_question_is_followed_and_what_lies_beyond(shared: Place) -> None:
    ends = last_days(shared.body("project:first").body.facts)
    sources = {"dcir", "had", "mco", "rip", "ssr"}
    until = min(ends[source] for source in sources if source in ends)
    file = shared.root / "study.toml"
    (asked,) = plan(shared, file)["times"]
    last = datetime.date(2017, 12, 31)
    assert set(asked["sources"]) == sources
    assert (asked["until"], asked["days_beyond"]) == (until.isoformat(), (last - until).days)
    within = file.read_text(encoding="utf-8").replace("2017-12-31", until.isoformat())
    file = shared.root / "within.toml"
    file.write_text(within, encoding="utf-8")
    (asked,) = plan(shared, file)["times"]
    assert asked["days_beyond"] == 0


@pytest.mark.parametrize(
    ("lang", "word"), [("en", "days after the last usable day"), ("fr", "jours après le dernier jour")]
)
def test_plan_says_it_in_words(shared: Place, lang: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = shared.root / "study.toml"
    assert app.main(["--lang", lang, "--dir", str(shared.directory), "study", "plan", str(file)]) == 0
    out = capsys.readouterr().out
    assert word in out
    assert "dcir 201" in out


def test_plan_without_intervals_says_that_follow_up_goes_on(small: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file = study_of(small, everybody=COMMON)
    assert plan(small, file)["times"][0]["until"] is None
    assert app.main(["--lang", "en", "--dir", str(small.directory), "study", "plan", str(file)]) == 0
    assert "end of the permit's period" in capsys.readouterr().out


def test_plan_of_a_design_that_is_not_run_yet_compares_its_columns(shared: Place) -> None:
    """Its late rule reads devices, which the permit does not give."""
    file = shared.root / "cloned.toml"
    head = STUDY.replace("P-2026-0002", "P-2026-0001") + COHORT.format(name="metformin", code=COMMON)
    file.write_text(head + CLONED, encoding="utf-8")
    told = plan(shared, file, code=1)
    assert told["not_yet"] == "cohort-not-yet-run"
    assert set(told["missing"]) == {"device_exposure"}
    file.write_text(
        head + CLONED.replace('"device", codes = "strips"', '"drug", codes = "metformin"'), encoding="utf-8"
    )
    told = plan(shared, file, code=1)
    assert (told["fits"], told["missing"], told["not_yet"]) == (True, {}, "cohort-not-yet-run")
    assert shared.run("study", "check", str(file)).error == "cohort-not-yet-run"


@pytest.mark.slow
def test_a_study_of_ten_megabytes_is_planned_signed_and_run(small: Place) -> None:
    """Forty lists of 12,500 codes; one of them, with the common drug, is what persons enter by."""
    lists = []
    for number in range(40):
        codes = [f"34009{number:02}{code:06}" for code in range(12_500)] + [COMMON] * (not number)
        written = ",\n".join(f'  "{code}"' for code in codes)
        lists.append(f'[codes.list_{number}]\nsystem = "CIP13"\ninclude = [\n{written}\n]\n')
    tail = COHORT.format(name="everybody", code=RARE).replace('codes = "everybody"', 'codes = "list_0"')
    file = small.root / "large.toml"
    file.write_text(STUDY + "\n".join(lists) + tail, encoding="utf-8")
    assert file.stat().st_size > 9_000_000
    planned = plan(small, file)
    assert (planned["fits"], planned["parts"], planned["kept"]) == (True, 1, 0)
    told = ran(small, file)
    asked = [e for e in small.events() if (e.kind, e.phase) == ("study", "intent") and e.fact("run") == told["run"]]
    kept = small.warehouse().documents.get(asked[0].fact("study") or "")
    document = SignedDocument.from_bytes(kept, schema="rempart.study/1")
    assert document.over == planned["id"]
    assert len(document.body["codes"]["list_39"]["include"]) == 12_500


def test_check_with_a_permit_at_hand_starts_no_engine_and_asks_no_broker(shared: Place, tmp_path: Path) -> None:
    """In a process of its own, where no module was loaded before; the ledger is as long as it was."""
    leaves, file = len(shared.events()), str(shared.root / "study.toml")
    told = probed(["--dir", str(shared.directory), "--json", "study", "check", file], tmp_path)
    assert told["code"] == 0
    assert not HEAVY & set(told["modules"])  # type: ignore[call-overload]
    assert len(shared.events()) == leaves
    assert shared.run("study", "check", file).answer["data"]["fits"] == "P-2026-0001"
