# SPDX-License-Identifier: Apache-2.0
"""Figures of a dry run say of which cohort and of which outcome they tell, as those of a release do; and that the persons are invented."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rempart.records.result import CheckedTable
from rempart.release.dry_run import Rehearsed
from rempart.wiring.dry_run import save
from tests.disclosure_rows import row

STUDY: dict[str, Any] = {
    "permit": "P-1",
    "cohorts": {"old_ones": {"entry": {}}},
    "analyses": [
        {"id": "r", "type": "incidence_rate", "design": "cohort", "inputs": {"cohort": "old_ones", "outcome": "stay"}},
    ],
}


def _rates() -> CheckedTable:
    rows = [
        replace(
            row(
                "incidence_by",
                "stratified_rate",
                {"outcome": "stay", "variable": "sex", "level": sex},
                "all",
                name,
                value,
            ),
            status="rounded",
            unit="per 1000 person-years" if name != "persons" else "persons",
        )
        for sex in ("female", "male")
        for name, value in (("rate", 26.5), ("ci_low", 20.1), ("ci_high", 31.0), ("persons", 300.0))
    ]
    return CheckedTable(output="incidence_by", output_type="stratified_rate", rows=tuple(rows), rules="r")


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Cohort: old ones · outcome: stay"), ("fr", "Cohorte : old ones · événement : stay")]
)
def test_a_figure_of_a_dry_run_says_its_cohort_and_its_outcome(tmp_path: Path, language: str, said: str) -> None:
    save([Rehearsed(name="", study=STUDY, tables=(_rates(),), persons=2000, seed=7)], tmp_path / "out")
    drawn = next((tmp_path / "out").rglob(f"incidence_by-{language}.svg")).read_text(encoding="utf-8")
    assert said in drawn.replace("\u00a0", " ")
    assert "SYNTH" in drawn
