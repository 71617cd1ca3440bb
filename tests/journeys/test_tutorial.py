# SPDX-License-Identifier: Apache-2.0
"""The tutorial's blocks run as they stand, on fewer persons, and end with a report that holds a ratio."""

import subprocess
from pathlib import Path

import pytest

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
    made = folder / "tutorial"
    assert (made / "report/report.en.html").is_file() and (made / "report/report.en.pdf").is_file()
    ratios = (made / "warehouse/public/releases/R-2026-0001/tables/hazard_ratio.csv").read_text(encoding="utf-8")
    assert "adjusted" in ratios and "hazard_ratio" in ratios
