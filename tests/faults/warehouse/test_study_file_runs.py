# SPDX-License-Identifier: Apache-2.0
"""What a study file can say is what runs: a drug class by the project's code_hierarchy, a variant by its name, lines in refusals."""

import json
from pathlib import Path

from tests.faults.warehouse.place import Place
from tests.faults.warehouse.test_rule_cohort_runs import MORE, of_project, permit_with

STUDY = """
schema = "rempart.study/1"
permit = "P-2026-0002"
[protocol]
title = "t"
question = "q"
estimand = "initiation"
period = [2013-01-01, 2013-12-31]
[codes.class]
CODES
[cohorts.treated]
entry = { any = [{ domain = "drug", codes = "class" }], limit = "first" }
exit = { days = 30 }
[[analyses]]
id = "all"
type = "attrition"
design = "cohort"
"""

MATCHED = """
[codes.packs]
system = "CIP13"
include = ["3400935563248"]
[cohorts.cases]
entry = { any = [{ domain = "drug", codes = "packs" }], limit = "first" }
[cohorts.controls]
match = { to = "cases", from = "treated", kind = "exact", ratio = 1, on = [] }
"""


def by(system: str, include: list[str], *more: str) -> str:
    """The study with its list."""
    return STUDY.replace("CODES", "\n".join([f'system = "{system}"', f"include = {json.dumps(include)}", *more]))


def test_a_class_is_looked_up_in_the_projects_own_hierarchy_by_every_worker(place: Place) -> None:
    permit_with(place, MORE)
    done = place.grant("second")
    assert done.code == 0, done.told
    query = of_project(place)
    hung = query.table("SELECT count(*) AS n FROM code_hierarchy WHERE parent_system = 'ATC'").column("n").to_pylist()
    query.close()
    assert hung == [0], "the delivery now has a reference of drugs: ask for a class of it"
    asked = by("ATC", ["A10", "C10AA"], 'exclude = ["A10BG"]')
    drawn = asked.replace('design = "cohort"', 'design = "cohort"\ninputs = { cohort = "controls" }')
    for text in (asked, drawn + MATCHED):
        (place.root / "rules.toml").write_text(text, encoding="utf-8")
        done = place.run("study", "run", str(place.root / "rules.toml"), "--key", place.key("alice"), "--workers", "1")
        assert done.code == 40, "a class that no pack hangs under matched nobody, in silence"
        assert done.answer["error"]["code"] == "codes-find-nothing"
        assert done.answer["error"]["facts"] == {"name": "class", "classes": "A10, C10AA"}


def test_a_permit_without_the_hierarchy_refuses_a_class_in_words(place: Place, tmp_path: Path) -> None:
    permit_with(place, {name: columns for name, columns in MORE.items() if name != "code_hierarchy"})
    assert place.grant("second").code == 0
    (tmp_path / "s.toml").write_text(by("ATC", ["A10"]), encoding="utf-8")
    told = place.run("study", "check", str(tmp_path / "s.toml"))
    assert told.code == 10
    assert told.answer["error"]["code"] == "study-column"
    assert told.answer["error"]["facts"]["table"] == "code_hierarchy"


def test_a_variant_runs_under_its_own_id_and_those_that_did_not_are_named(place: Place) -> None:
    study = place.root / "study.toml"
    grid = '[variants.washout]\n"cohorts.main.washout_days" = [10, 20]\n'
    study.write_text(study.read_text(encoding="utf-8") + "\n" + grid, encoding="utf-8")
    checked = place.run("study", "check", str(study)).answer["data"]
    assert set(checked["variants"]) == {"washout.washout_days_10", "washout.washout_days_20"}
    assert len({checked["id"], *checked["variants"].values()}) == 3
    key = ("--key", place.key("alice"), "--workers", "1")
    runs = {name: place.run("study", "run", str(study), *key, *more) for name, more in ASKED.items()}
    assert all(run.code == 0 for run in runs.values()), runs
    assert len({run.answer["data"]["run"] for run in runs.values()}) == 2
    lost = place.run("study", "run", str(study), *key, "--variant", "washout.washout_days_11")
    assert (lost.code, lost.answer["error"]["code"]) == (30, "study-variant")
    assert lost.answer["error"]["facts"]["near"].startswith("washout.washout_days_1")


ASKED = {"itself": (), "variant": ("--variant", "washout.washout_days_10")}


def test_what_the_permit_refuses_has_the_line_that_asks_for_it(place: Place) -> None:
    study = place.root / "study.toml"
    text = study.read_text(encoding="utf-8").replace("washout_days = ", "washout_days = 9", 1)
    study.write_text(text, encoding="utf-8")
    told = place.run("study", "check", str(study))
    assert (told.code, told.answer["error"]["code"]) == (10, "window-before-lookback")
    assert told.answer["error"]["facts"]["line"] == text[: text.index("washout_days = ")].count("\n") + 1
