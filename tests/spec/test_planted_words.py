# SPDX-License-Identifier: Apache-2.0
"""What `rempart synth` says that it planted is what it planted: of each study its own effect, of a population without a question none."""

import json
from pathlib import Path

import pytest

from rempart.cli.app import main
from rempart.errors import BadInput
from rempart.wiring.synthetic import write_synthetic

FEW = ("--persons", "60", "--years", "2020:2021", "--density", "0.01")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen on which no table folds."""
    monkeypatch.setenv("COLUMNS", "200")


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command says, in English."""
    assert main(["--lang", "en", *words]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_nothing_is_said_to_be_planted_where_nothing_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "synth", str(tmp_path / "s"), *FEW, "--population", "france")
    truth = json.loads((tmp_path / "s" / "truth.json").read_text(encoding="utf-8"))
    assert "no effect is planted" in out
    assert "hazard ratio" not in out
    assert not {"planted_hazard_ratio", "effect", "arms"} & set(truth)


def test_each_studys_own_effect_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    studies = "pioglitazone_bladder,mrna_myocarditis,valproate_malformations,pm25_mortality"
    out = said(capsys, "synth", str(tmp_path / "s"), *FEW, "--studies", studies)
    truth = json.loads((tmp_path / "s" / "truth.json").read_text(encoding="utf-8"))
    assert "planted_hazard_ratio" not in truth
    assert "pioglitazone from 28000 mg 1.75" in out
    assert "mRNA-1273 (2) days 1-7 after the dose 30" in out
    assert "valproate, spina_bifida 19.4" in out
    assert "PM2.5 for each 5.9 µg/m³ 1.09" in out
    assert "in the population france" in out


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"population": "france", "effect": 3.0}, "synth-effect-nowhere"),
        ({"mode": "foo"}, "synth-study-mode"),
        ({"mode": "boost"}, "synth-study-several"),
    ],
)
def test_what_cannot_be_planted_is_refused_by_its_own_name(tmp_path: Path, asked: dict[str, object], code: str) -> None:
    usual: dict[str, object] = {
        "persons": 60,
        "first_year": 2020,
        "last_year": 2021,
        "seed": 1,
        "effect": None,
        "mark": None,
    }
    with pytest.raises(BadInput) as raised:
        write_synthetic(tmp_path, **(usual | {"progress": None} | asked))  # type: ignore[arg-type]
    assert raised.value.code == code
