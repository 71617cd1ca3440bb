# SPDX-License-Identifier: Apache-2.0
"""``rempart study check`` reads no data: it starts no query engine, asks no broker and opens no part, in a warehouse or outside one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.atlas_house import entry
from tests.law.test_command_line import HEAVY, PROBE
from tests.law.tree import ROOT


def probed(arguments: list[str], folder: Path) -> dict[str, object]:
    """A command in a fresh interpreter: its code, and the modules that it imported."""
    result = subprocess.run(
        [sys.executable, "-c", PROBE.format(arguments=arguments)],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "Europe/Paris"},
    )
    told: dict[str, object] = json.loads(result.stderr.splitlines()[-1])
    return told


@pytest.mark.parametrize("template", ["comparison", "cohort"])
def test_a_study_is_begun_and_checked_without_an_engine(template: str, tmp_path: Path) -> None:
    begun = probed(["study", "new", "s.toml", "--template", template], tmp_path)
    checked = probed(["study", "check", "s.toml"], tmp_path)
    for told in (begun, checked):
        assert told["code"] == 0
        assert not HEAVY & set(told["modules"])  # type: ignore[call-overload]


STUDY = """
schema = "rempart.study/1"
permit = "P-2026-0001"
[protocol]
title = "t"
question = "q"
estimand = "initiation"
period = [2013-01-01, 2013-12-31]
[cohorts.users]
atlas = "users.json"
[[analyses]]
id = "flow"
type = "attrition"
design = "cohort"
"""


def test_a_definition_of_atlas_is_checked_without_an_engine(tmp_path: Path) -> None:
    definition = entry(
        {"DrugExposure": {"CodesetId": 1}}, EndStrategy={"DateOffset": {"DateField": "StartDate", "Offset": 30}}
    )
    (tmp_path / "users.json").write_text(json.dumps(definition), encoding="utf-8")
    (tmp_path / "s.toml").write_text(STUDY, encoding="utf-8")
    told = probed(["--dir", str(tmp_path), "study", "check", "s.toml"], tmp_path)
    assert told["code"] == 0
    assert not HEAVY & set(told["modules"])  # type: ignore[call-overload]


def test_codes_are_brought_in_without_an_engine(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("code,term\nC670,x\n", encoding="utf-8")
    told = probed(["study", "codes", "l.csv", "--as", "bladder"], tmp_path)
    assert told["code"] == 0
    assert not HEAVY & set(told["modules"])  # type: ignore[call-overload]
