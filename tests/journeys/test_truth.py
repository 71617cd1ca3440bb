# SPDX-License-Identifier: Apache-2.0
"""The loader scored against what was planted, small; and the scores fall when the loader is broken."""

from pathlib import Path

import pytest

from truth.house import Planted, deliver
from truth.mutants import MUTANTS, mutant
from truth.run import score
from truth.scores import Score, off, same, table

pytestmark = pytest.mark.slow
FALLS = {
    "netting-off": "net drug: other value",
    "rule-d1-off": "claims: first hit D1",
    "twins-merged": "persons lost or joined with another",
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return deliver(tmp_path_factory.mktemp("truth") / "synth", persons=150, years=2, seed=4)


def test_no_score_is_off(planted: Planted, tmp_path: Path) -> None:
    scores = score(planted, tmp_path)
    assert not off(scores), table(scores)
    assert sum(1 for one in scores if not one.note) > 80
    assert next(one for one in scores if one.name == "claims: lines").found > 5000


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_broken_loader_is_seen(planted: Planted, tmp_path: Path, name: str) -> None:
    with mutant(name):
        wrong = {one.name for one in off(score(planted, tmp_path))}
    assert FALLS[name] in wrong, wrong


def test_a_score_is_off_when_what_was_found_differs() -> None:
    assert [one.off for one in same("a", "b", {1: 2, 3: 4}, {1: 2, 3: 5, 6: 7})] == [True, False, True, True]
    assert not Score(area="a", name="b", expected=1, found=2, note=True).off
