# SPDX-License-Identifier: Apache-2.0
"""The tutorial's blocks run as they stand, on fewer persons, and end with a report that holds a ratio."""

import subprocess
from pathlib import Path

import pytest

from rempart.adapters import package_data
from tests.journeys.test_docs_walk import ROOT, blocks, clone

PAGE = ROOT / "docs" / "tutorial.md"
FEWER = ("--persons 6000", "--persons 1500")


@pytest.mark.slow
@pytest.mark.server
def test_the_tutorial_runs_as_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "a clone"
    environment = clone(folder)
    text = "\n".join(blocks(PAGE))
    assert text.count(FEWER[0]) == 1
    try:
        done = subprocess.run(
            ["sh", "-eu", "-c", text.replace(*FEWER)],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    finally:
        subprocess.run(
            [folder / ".venv/bin/rempart", "--dir", folder / "tutorial/warehouse", "keys", "lock"],
            env=environment,
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "initiation_2_years 2.84\ninitiation_2_years_from_day_90 3.09\n" in done.stdout
    made = folder / "tutorial"
    assert (made / "report/report.en.html").is_file() and (made / "report/report.en.pdf").is_file()
    ratios = (made / "warehouse/public/releases/R-2026-0001/tables/hazard_ratio.csv").read_text(encoding="utf-8")
    assert "adjusted" in ratios and "hazard_ratio" in ratios


def test_the_planted_numbers_of_the_page_are_those_of_the_window_that_its_study_counts() -> None:
    told = next(
        truth["contrasts"]["initiation_2_years_from_day_90"]
        for truth in package_data.toml("synthetic/marginal.toml")["truths"]
        if (truth["study"], truth["mode"]) == ("benfluorex_valve", "boost")
    )
    ratio, one, other = (told[word]["value"] for word in ("hazard_ratio", "risk_target", "risk_comparator"))
    text = PAGE.read_text(encoding="utf-8")
    assert f"| {ratio:.2f}: the *marginal* one |" in text
    assert f"| {one:.1%} and {other:.1%} |".replace("%", " %") in text
    study = package_data.toml("examples/benfluorex_valves/study.toml")["protocol"]
    assert (study["lag_days"], study["follow_up_days"]) == (90, 730)
