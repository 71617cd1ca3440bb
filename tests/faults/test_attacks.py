# SPDX-License-Identifier: Apache-2.0
"""The attackers' suite in small, and its positive control: with any one check taken out, an attack that it stopped gets through."""

import random
import shutil
from pathlib import Path

import pytest

from tests.faults.attacks import differencing, sections, yesterday
from tests.faults.attacks.__main__ import FALSE_ALARMS, alarms, disclosive, ordinary
from tests.faults.attacks.attack import counted
from tests.faults.attacks.solver import Knowledge
from tests.faults.attacks.without import CHECKS, without

SEED = 20261123


def test_every_attack_is_stopped() -> None:
    for section in disclosive(size="small", seed=SEED):
        assert section.made > 0
        assert section.slipped == [], "\n".join(section.lines())


def test_what_is_safe_passes() -> None:
    section = ordinary(size="small", seed=SEED)
    assert section.made >= 20
    assert alarms(section) <= FALSE_ALARMS, "\n".join(section.lines())


def test_sets_that_are_equal_or_far_apart_are_shown() -> None:
    assert all(differencing.far_apart(random.Random(f"{SEED}/{number}")) for number in range(40))


def test_where_nobody_remembers_yesterday_is_today_and_the_documents_say_who_must() -> None:
    assert not yesterday.alone(random.Random(SEED)).stopped
    told = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text("utf-8")
    assert (
        "| host and ledger put back to yesterday together | a checkpoint kept elsewhere; the second machine or a witness"
        in told
    )


@pytest.mark.parametrize("name", CHECKS)
def test_without_any_one_check_the_attacks_that_it_stopped_get_through(name: str) -> None:
    """Of its own section: the first whose kinds hold it."""
    rule = CHECKS[name]
    if name.startswith("sandbox-") and shutil.which("bwrap") is None:
        pytest.skip("no bubblewrap on this machine")
    title = rule.get("section", next(iter(sections.SECTIONS)))
    make, counts = sections.SECTIONS[title]
    kinds = set(rule["kinds"])
    with without(name):
        section = counted(title, (one for one in make(max(6, counts["small"]), SEED) if one.kind in kinds))
    through = {told.partition(":")[0] for told in section.slipped}
    assert through == kinds, "\n".join(section.lines())


def test_the_solver_finds_what_is_told_and_leaves_open_what_is_not() -> None:
    sums = [{"all": -1, "men": 1, "women": 1}]
    alone = Knowledge(shown={"all": 43, "men": 40, "women": None}, sums=sums)
    assert alone.range_of({"women": 1}) == (3, 3)
    both = Knowledge(shown={"all": 43, "men": None, "women": None}, sums=sums)
    assert both.range_of({"women": 1}) == (1, 42), "a hidden count is not zero"
    absent = Knowledge(shown={"all": 43, "men": None}, sums=sums)
    assert absent.range_of({"women": 1}) == (0, 42)
    assert both.narrowest({"women": {"women": 1}, "both": {"women": 1, "men": 1}}) == (0, "both")
