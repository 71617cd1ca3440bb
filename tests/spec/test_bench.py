# SPDX-License-Identifier: Apache-2.0
"""What `make bench` promises: ratios of two works run in turn, six figures a bench, one page, a failure beyond the bound."""

import importlib
import json
import pkgutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import bench.registry
from bench.registry import NAME, REGISTERED, Bench, Work, measure, write
from tests.law.tree import ROOT

KEYS = {"ratio", "bound", "peer", "spread", "runs", "note"}


@pytest.fixture
def slow_against_quick() -> Iterator[Bench]:
    """A bench whose answer is known to be above one, taken out of the registry again."""

    def prepare() -> tuple[Work, Work]:
        return lambda: time.sleep(0.004), lambda: time.sleep(0.001)

    yield bench.registry.bench("test-sleep", peer="a shorter sleep", bound=2.0, note="sleeps", runs=3)(prepare)
    del REGISTERED["test-sleep"]


def test_the_ratio_is_ours_over_the_peers(slow_against_quick: Bench) -> None:
    figures = measure(slow_against_quick)
    assert figures["ratio"] > 1.5
    assert figures["spread"][0] <= figures["ratio"] <= figures["spread"][1]
    assert set(figures) == KEYS


def test_results_and_page_tell_the_same(slow_against_quick: Bench, tmp_path: Path) -> None:
    figures = measure(slow_against_quick)
    results, page = tmp_path / "results.json", tmp_path / "page.md"
    write({"test-sleep": figures}, machine="2 cores", results_file=results, page=page)
    assert json.loads(results.read_text(encoding="utf-8")) == {"test-sleep": figures}
    assert f"| test-sleep | a shorter sleep | {figures['ratio']:.2f} |" in page.read_text(encoding="utf-8")


def test_a_name_is_of_the_form_word_slug_and_taken_once(slow_against_quick: Bench) -> None:
    for name in ("sleep", "Test-sleep", "test-sleep", "test_sleep"):
        with pytest.raises(ValueError, match="word-slug"):
            bench.registry.bench(name, peer="", bound=1, note="")(slow_against_quick.prepare)


def test_every_committed_result_belongs_to_a_bench_and_keeps_its_bound() -> None:
    for module in pkgutil.iter_modules(bench.__path__):
        if module.name != "__main__":
            importlib.import_module(f"bench.{module.name}")
    committed = json.loads((ROOT / "bench" / "results.json").read_text(encoding="utf-8"))
    assert set(committed) <= set(REGISTERED)
    for name, figures in committed.items():
        assert NAME.fullmatch(name)
        assert set(figures) == KEYS
        assert figures["ratio"] <= figures["bound"]
