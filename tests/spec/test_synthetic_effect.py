# SPDX-License-Identifier: Apache-2.0
"""The planted effect is really there: hidden from a crude comparison, found again within age and sex.

Judged by rate ratios written for this test (Mantel-Haenszel for person-time; Rothman, Greenland, Lash 2008, chapter 15), and
by a naive reading of the files.
"""

import csv
import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rempart.adapters.delivery_writer import DeliverySummary, synthetic_tables, write_delivery
from rempart.synthetic.plan import SyntheticPlan
from rempart.synthetic.truth import arm_truth
from rempart.synthetic.truth_persons import persons_table
from rempart.synthetic.world import make_world

LAST = date(2017, 12, 31)
EPOCH = date(1970, 1, 1)
NEVER = 10**7
Estimate = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """New users free of the outcome: one entry a person."""

    target: NDArray[np.bool_]
    stratum: NDArray[np.int64]
    years: NDArray[np.float64]
    event: NDArray[np.bool_]


def plan(persons: int, effect: float, seed: int = 7) -> SyntheticPlan:
    return SyntheticPlan(
        persons=persons, first_year=2012, last_year=2017, seed=seed, effect=effect, tables=synthetic_tables()
    )  # fmt: skip


def days(texts: Iterable[str]) -> NDArray[np.int64]:
    return np.array([(date.fromisoformat(t) - EPOCH).days if t else NEVER for t in texts])


def follow_up(columns: dict[str, list[str]]) -> FollowUp:
    """From the truth file alone: to the outcome, death or the end of the last year; strata of five years of age, and sex."""
    zero, event, death = (days(columns[word]) for word in ("time_zero", "event", "death"))
    at_risk = (np.array(columns["new_user"]) == "1") & (event > zero)
    end = np.minimum(np.minimum(event, death), (LAST - EPOCH).days)
    year = np.array([int(t[:4]) if t else 0 for t in columns["time_zero"]])
    stratum = (year - np.array(columns["birth_year"], dtype=int)) // 5 * 10 + np.array(columns["sex"], dtype=int)
    return FollowUp(
        target=(np.array(columns["arm"]) == "target")[at_risk], stratum=stratum[at_risk],
        years=((end - zero) / 365.25)[at_risk], event=(event <= end)[at_risk],
    )  # fmt: skip


def rate_ratio(who: FollowUp, stratum: NDArray[np.int64]) -> Estimate:
    """Mantel-Haenszel rate ratio with its 95 % interval; one stratum gives the crude ratio."""
    top = bottom = spread = 0.0
    for value in np.unique(stratum):
        rows = stratum == value
        events = [float((who.event & rows & (who.target == arm)).sum()) for arm in (True, False)]
        years = [float(who.years[rows & (who.target == arm)].sum()) for arm in (True, False)]
        total = sum(years)
        top, bottom = top + events[0] * years[1] / total, bottom + events[1] * years[0] / total
        spread += sum(events) * years[0] * years[1] / total**2
    middle, half = np.log(top / bottom), 1.96 * np.sqrt(spread / (top * bottom))
    return float(np.exp(middle)), float(np.exp(middle - half)), float(np.exp(middle + half))


@pytest.mark.parametrize("effect", [1.0, 2.0, 3.0])
def test_the_crude_ratio_misses_the_planted_effect_and_the_stratified_one_finds_it(effect: float) -> None:
    who = follow_up(persons_table(make_world(plan(20_000, effect))).to_pydict())
    assert who.event.sum() >= 300
    _, crude_low, crude_high = rate_ratio(who, np.zeros_like(who.stratum))
    adjusted, low, high = rate_ratio(who, who.stratum)
    assert crude_high < effect, (crude_low, crude_high)
    assert low <= effect <= high, (low, adjusted, high)
    if effect > 1:
        assert low > 1


def test_the_truth_file_agrees_with_the_truth_of_each_arm() -> None:
    world = make_world(plan(3000, 2.0))
    who = follow_up(persons_table(world).to_pydict())
    for arm, target in ((1, True), (2, False)):
        told, mine = arm_truth(world, arm), who.target == target
        assert told["at_risk"] == mine.sum()
        assert told["events"] == (who.event & mine).sum() > 10
        assert told["person_years"] == pytest.approx(who.years[mine].sum(), abs=0.01)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> DeliverySummary:
    return write_delivery(tmp_path_factory.mktemp("effect"), plan(900, 2.0))


@cache
def rows_of(folder: Path, pattern: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob(pattern)):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            rows += csv.DictReader(text, delimiter=";")
    return rows


def first_uses(delivery: DeliverySummary, without: str = "") -> dict[str, tuple[str, str]]:
    """Person key to (day, arm) of its first study drug as a naive reader sees it, one rule left out by name."""
    folder = delivery.delivery
    packs = {pack["cip13"]: pack["drug"] for pack in synthetic_tables()["codes"]["packs"]}
    card = {
        (row["BEN_NIR_PSA"], int(row["BEN_RNG_GEM"])): row["BEN_IDT_ANO"] if without != "person" else row["BEN_NIR_PSA"]
        for row in rows_of(folder, "IR_BEN_R*") if row["BEN_CDI_NIR"] in {"00", "03", "04"}
    }  # fmt: skip
    keys = [
        name for name in rows_of(folder, "ER_PHA_F_201301*")[0] if name[:3] in {"FLX", "DCT"} or name == "ORG_CLE_NUM"
    ]

    def key(row: dict[str, str]) -> tuple[object, ...]:
        return (*(row[name] for name in keys), int(row["PRS_ORD_NUM"]))

    claims = {key(row): row for row in rows_of(folder, "ER_PRS_F*")}
    boxes: dict[tuple[str, ...], int] = {}
    for row in rows_of(folder, "ER_PHA_F*"):
        claim = claims[key(row)]
        informed = {claim["DPN_QLF"], claim["PRS_DPN_QLP"]} & {"71", "72"} and without != "information"
        bare = claim["BSE_PRS_NAT"] == "0" and without != "nature"
        who, drug = card.get((claim["BEN_NIR_PSA"], int(claim["BEN_RNG_GEM"]))), packs.get(row["PHA_PRS_C13"])
        if who and drug in {"target", "comparator"} and not informed and not bare:
            group = (who, claim["EXE_SOI_DTD"], str(drug), row["PHA_PRS_C13"])
            boxes[group] = boxes.get(group, 0) + (abs if without == "netting" else int)(int(row["PHA_ACT_QSN"]))
    first: dict[str, tuple[str, str]] = {}
    for who, day, drug, _ in (group for group, count in boxes.items() if count > 0):
        first[who] = min(first.get(who, ("9999", "")), (day, drug))
    return first


def new_users(first: dict[str, tuple[str, str]]) -> dict[str, int]:
    arms = [arm for day, arm in first.values() if day >= "2013-01-01"]
    return {arm: arms.count(arm) for arm in ("target", "comparator")}


def test_a_naive_reader_of_the_files_finds_the_true_new_users(delivery: DeliverySummary) -> None:
    truth = {arm: told["new_users"] for arm, told in delivery.truth["arms"].items()}
    split = delivery.truth["identities"]["split_persons"]
    found = new_users(first_uses(delivery))
    assert all(0 <= found[arm] - truth[arm] <= split for arm in truth), (found, truth, split)


@pytest.mark.parametrize("rule", ["netting", "information", "nature", "person"])
def test_a_reader_that_leaves_a_rule_out_miscounts(delivery: DeliverySummary, rule: str) -> None:
    assert new_users(first_uses(delivery, rule)) != new_users(first_uses(delivery))
