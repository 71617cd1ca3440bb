# SPDX-License-Identifier: Apache-2.0
"""A drug class in a study is looked up in the project's code_hierarchy (what it finds there: tests/spec/test_code_lists.py)."""

import json
from pathlib import Path

from tests.faults.warehouse.place import Place
from tests.faults.warehouse.test_rule_cohort_runs import MORE, of_project, permit_with, run

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
    _, steps = run(place, by("ATC", ["A10", "C10AA"], 'exclude = ["A10BG"]'))
    assert steps and set(steps.values()) == {0}


def test_a_permit_without_the_hierarchy_refuses_a_class_in_words(place: Place, tmp_path: Path) -> None:
    permit_with(place, {name: columns for name, columns in MORE.items() if name != "code_hierarchy"})
    assert place.grant("second").code == 0
    (tmp_path / "s.toml").write_text(by("ATC", ["A10"]), encoding="utf-8")
    told = place.run("study", "check", str(tmp_path / "s.toml"))
    assert told.code == 10
    assert told.answer["error"]["code"] == "study-column"
    assert told.answer["error"]["facts"]["table"] == "code_hierarchy"
