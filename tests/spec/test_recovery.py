# SPDX-License-Identifier: Apache-2.0
"""A small `make recovery`: planted effects come back over a few fixed seeds, and shortcuts are seen. The whole one: docs/recovery.md."""

import json
import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from recovery.__main__ import main
from recovery.judged import judge, width
from recovery.lines import EXACT, NEAR, PLAIN, Line
from recovery.mutants import MUTANTS, mutant
from recovery.mutants_ingest import INGEST
from recovery.page import page
from recovery.run import FIRST_SEED, Runs, found_in, verdicts
from recovery.session import Estimate, wald
from recovery.table import table
from recovery.trials import TRIALS

DEMANDED = {
    "negatives-not-netted", "pseudonym-for-person", "hospital-filters-off", "prescription-date", "end-at-last-visit", "prevalent-users",
    "future-exposure", "no-lag", "siblings-in-reference", "one-minus-km", "last-address",
}  # fmt: skip
FAST = {
    "prevalent-users": 2, "end-at-last-visit": 2, "no-lag": 2, "one-minus-km": 16, "siblings-in-reference": 6, "future-exposure": 20,
}  # fmt: skip


@pytest.mark.parametrize(("study", "seeds"), [("doac_vka", 20), ("benfluorex_valve", 8), ("doac_risk", 16)])
def test_planted_effects_come_back(study: str, seeds: int) -> None:
    made = verdicts([TRIALS[study]], Runs(seeds=seeds))
    assert not [one for one in made if one.failed], table(made)
    assert all(one.seeds == seeds and not one.lost for one in made)


@pytest.mark.parametrize("name", sorted(FAST))
def test_a_shortcut_is_seen(name: str) -> None:
    made = verdicts([TRIALS[study] for study in MUTANTS[name].studies], Runs(seeds=FAST[name], shortcut=name))
    assert [one for one in made if one.failed], table(made)


def test_every_shortcut_of_the_issue_is_a_mutant_and_every_mutant_names_trials() -> None:
    assert set(MUTANTS) >= DEMANDED
    assert all(set(one.studies) <= set(TRIALS) and one.studies for one in MUTANTS.values())


@pytest.mark.parametrize("name", sorted(INGEST))
def test_a_shortcut_of_the_ingest_changes_a_text_of_the_product(name: str) -> None:
    from rempart.adapters import package_data

    folders = ("ingest/sql/net_claim.sql", "ingest/sql/gross_cards.sql", "ingest/cleaning.toml", "ingest/sql/omop_drug_exposure.sql",
               "ingest/sql/context_residence.sql", "ingest/sql/context_observation.sql")  # fmt: skip
    before = [package_data.text(path) for path in folders]
    with mutant(name):
        after = [package_data.text(path) for path in folders]
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    assert [package_data.text(path) for path in folders] == before


def drawn(bias: float = 0.0, told: float = 0.2, seeds: int = 500, truth: float = 0.0) -> list[Estimate]:
    """Estimates of standard error 0.2, told with another one."""
    values = np.random.default_rng(8).normal(truth + bias, 0.2, seeds)
    return [wald(float(value), told) for value in values]


@pytest.mark.parametrize(
    ("given", "failed"),
    [
        ({}, ()),
        ({"bias": 0.06}, ("bias",)),
        ({"told": 0.16}, ("coverage", "null")),
        ({"told": 0.26}, ("coverage",)),
        ({"bias": 0.06, "seeds": 40}, ()),
        ({"bias": 0.3, "seeds": 40}, ("coverage", "null", "bias")),
    ],
)
def test_a_biased_or_miscovering_estimate_fails(given: dict[str, float], failed: tuple[str, ...]) -> None:
    line = Line(name="a", truth=1.0, estimand="", null=True)
    assert judge(line, {"a": drawn(**given)}).failed == failed  # type: ignore[arg-type]


def test_a_crude_estimate_that_is_right_fails_and_lost_ones_do() -> None:
    line = Line(name="a", truth=2.0, estimand="", crude="b")
    right, wrong = drawn(truth=math.log(2)), drawn(truth=math.log(2), bias=-0.3)
    assert judge(line, {"a": right, "b": wrong}).failed == ()
    assert judge(line, {"a": right, "b": right}).failed == ("crude",)
    gone = [Estimate(value=math.nan, lower=math.nan, upper=math.nan)] * 20
    assert "lost" in judge(line, {"a": [*right[20:], *gone], "b": wrong}).failed


def test_counts_are_equal_or_near_and_shares_are_judged_as_they_are() -> None:
    ones = [wald(1.0, 0.0)] * 3
    assert judge(Line(name="a", truth=1.0, estimand="", scale=EXACT), {"a": ones}).failed == ()
    assert judge(Line(name="a", truth=1.0, estimand="", scale=EXACT), {"a": [*ones, wald(2.0, 0.0)]}).failed == (
        "count",
    )
    assert judge(Line(name="a", truth=1.1, estimand="", scale=NEAR, slack=0.05), {"a": ones}).failed == ("count",)
    assert judge(Line(name="a", truth=1.04, estimand="", scale=NEAR, slack=0.05), {"a": ones}).failed == ()
    shares = drawn(truth=0.3)
    assert judge(Line(name="a", truth=0.3, estimand="", scale=PLAIN), {"a": shares}).failed == ()


def test_five_hundred_seeds_may_cover_as_the_issue_says() -> None:
    assert width(500) == pytest.approx(0.025)
    assert width(125) == pytest.approx(0.05)


def test_two_processes_find_what_one_finds_with_the_shortcut_in_force_and_a_broken_off_run_goes_on(
    tmp_path: Path,
) -> None:
    trial, keep = TRIALS["doac_risk"], tmp_path / "estimates.csv"
    runs = Runs(seeds=6, shortcut="one-minus-km", keep=keep)
    alone = found_in(trial, runs)
    kept = keep.read_text(encoding="utf-8").splitlines(keepends=True)
    assert repr(found_in(trial, replace(runs, kept_only=True))) == repr(alone)
    keep.write_text("".join(kept[:4]), encoding="utf-8")  # two seeds of two estimates each
    assert repr(found_in(trial, replace(runs, processes=2))) == repr(alone)
    assert keep.read_text(encoding="utf-8").splitlines(keepends=True) == kept
    assert repr(found_in(trial, Runs(seeds=2))) != repr({name: found[:2] for name, found in alone.items()})


def keep_all(folder: Path, **off: float) -> None:
    """Four seeds of every line on its truth (but by ``off``), every crude estimate wrong, and every shortcut seen."""
    rows = []
    for trial in TRIALS.values():
        values = {line.name: line.target + off.get(trial.study, 0.0) for line in trial.lines}
        values |= {line.crude: line.target + 1 for line in trial.lines if line.crude}
        for seed, (name, value) in product(range(FIRST_SEED, FIRST_SEED + min(4, trial.most)), values.items()):
            rows.append(",".join((trial.study, str(seed), f'"{name}"', f"{value},{value - 0.1},{value + 0.1},5.0")))
    folder.mkdir()
    (folder / "estimates.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "shortcuts.json").write_text(json.dumps({name: ["a line (bias)"] for name in MUTANTS}), encoding="utf-8")


@pytest.mark.parametrize("shown", [None, [], ["a line"]])
def test_a_shortcut_that_survives_or_was_not_tried_fails_the_build(tmp_path: Path, shown: list[str] | None) -> None:
    keep_all(tmp_path / "kept")
    file = tmp_path / "kept" / "shortcuts.json"
    told = json.loads(file.read_text(encoding="utf-8")) | {"no-lag": shown}
    file.write_text(json.dumps({name: lines for name, lines in told.items() if lines is not None}), encoding="utf-8")
    assert main(["--keep", str(tmp_path / "kept"), "--kept", "--seeds", "4"]) == (0 if shown else 1)


def test_a_line_that_fails_fails_the_build_and_the_page_says_which(tmp_path: Path) -> None:
    keep_all(tmp_path / "kept", doac_risk=0.2)
    assert main(["--keep", str(tmp_path / "kept"), "--kept", "--seeds", "4"]) == 1
    runs = Runs(seeds=4, keep=tmp_path / "kept" / "estimates.csv", kept_only=True)
    made = page(verdicts(TRIALS.values(), runs), {"no-lag": []})
    failed = [row for row in made.splitlines() if row.startswith("| ✗")]
    assert len(failed) == 3 and all("doac_risk" in row for row in failed[:2]) and "none: it survives" in failed[2]
    assert "**Not finished**" in made and "`last-address`" in made and "fewer than 500 seeds" in made
