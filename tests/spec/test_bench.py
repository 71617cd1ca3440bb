# SPDX-License-Identifier: Apache-2.0
"""What `make bench` promises: ratios of two works run in turn, six figures a bench, one page, a failure beyond the bound."""

import importlib
import json
import pkgutil
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import bench.__main__ as main
import bench.registry
from bench.cluster_sizing import CORES, MARKS, STUDIES
from bench.registry import MEDIANS, NAME, REGISTERED, Bench, Work, measure, write
from tests.law.tree import ROOT

KEYS = {"ratio", "bound", "peer", "spread", "runs", "note"}


@pytest.fixture
def slow_against_quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench whose works take four seconds and one on a clock that only they move; taken out of the registry again. Nothing is swept
    before each: among thousands of tests that would take seconds."""
    clock = [0.0]
    monkeypatch.setattr(bench.registry.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(bench.registry.gc, "collect", lambda: 0)

    def lasting(moment: float) -> Work:
        return lambda: clock.__setitem__(0, clock[0] + moment)

    yield bench.registry.bench("test-clock", peer="a quicker work", bound=5.0, note="waits", runs=3)(
        lambda: (lasting(4.0), lasting(1.0))
    )
    del REGISTERED["test-clock"]


def test_the_ratio_is_ours_over_the_peers(slow_against_quick: Bench) -> None:
    figures = measure(slow_against_quick)
    assert figures["ratio"] == 4.0
    assert figures["spread"] == [4.0, 4.0]
    assert set(figures) == KEYS


def test_results_and_page_tell_the_same(slow_against_quick: Bench, tmp_path: Path) -> None:
    figures = measure(slow_against_quick)
    results, page = tmp_path / "results.json", tmp_path / "page.md"
    write({"test-clock": figures}, machine="2 cores", results_file=results, page=page)
    assert json.loads(results.read_text(encoding="utf-8")) == {"test-clock": figures}
    assert f"| test-clock | a quicker work | {figures['ratio']:.2f} |" in page.read_text(encoding="utf-8")


def test_a_name_is_of_the_form_word_slug_and_taken_once(slow_against_quick: Bench) -> None:
    for name in ("clock", "Test-clock", "test-clock", "test_clock"):
        with pytest.raises(ValueError, match="word-slug"):
            bench.registry.bench(name, peer="", bound=1, note="")(slow_against_quick.prepare)


def test_every_committed_result_belongs_to_a_bench_and_keeps_its_bound_or_says_where_the_time_goes() -> None:
    for module in pkgutil.iter_modules(bench.__path__):
        if module.name != "__main__":
            importlib.import_module(f"bench.{module.name}")
    committed = json.loads((ROOT / "bench" / "results.json").read_text(encoding="utf-8"))
    assert set(committed) <= set(REGISTERED) | set(MEDIANS)
    told = tomllib.loads((ROOT / "bench" / "shortfalls.toml").read_text(encoding="utf-8"))["shortfalls"]
    assert set(told) == {name for name, figures in committed.items() if figures["ratio"] > figures["bound"]}
    assert all(len(where) > 80 for where in told.values())
    for name, figures in committed.items():
        assert NAME.fullmatch(name)
        assert set(figures) == KEYS


def test_a_bench_whose_peer_is_not_installed_is_left_out_and_said_and_keeps_its_figure(
    slow_against_quick: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = measure(slow_against_quick)
    results = tmp_path / "results.json"
    monkeypatch.setattr(main, "RESULTS", results)
    monkeypatch.setattr(main, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr("sys.argv", ["bench", "--only", "test-"])
    results.write_text(json.dumps({"test-clock": figures}), encoding="utf-8")
    del REGISTERED["test-clock"]
    bench.registry.bench("test-clock", peer="a program", bound=5.0, note="", needs="no-such-program")(
        lambda: pytest.fail("measured")
    )
    assert main.main() == 0
    assert "test-clock: left out, there is no no-such-program on this machine" in capsys.readouterr().out
    assert json.loads(results.read_text(encoding="utf-8")) == {"test-clock": figures}
    assert not slow_against_quick.lacks()
    assert replace(slow_against_quick, beside=tmp_path / "sample").lacks() == "folder sample"


def registered() -> set[str]:
    """Every bench that there is."""
    for module in pkgutil.iter_modules(bench.__path__):
        if module.name != "__main__":
            importlib.import_module(f"bench.{module.name}")
    return set(REGISTERED)


def test_every_bench_of_cohorts_has_a_figure_that_is_kept() -> None:
    """What a page promises and nobody measured would be nothing's."""
    wanted = {name for name in registered() if name.startswith("cohort-")}
    kept = json.loads((ROOT / "bench" / "results.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert len(wanted) >= 8
    assert wanted - set(kept) == set()
    assert {name for name in wanted if f"| {name} |" not in page} == set()


def test_the_sizing_of_a_cluster_is_measured_and_stands_in_its_page() -> None:
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    section = page.partition(MARKS[0])[2].partition(MARKS[1])[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| ")]
    assert "Measured" in section and "two hundred events" in section
    assert [row[0].strip() for row in rows[1:]] == [study.what for study in STUDIES]
    for row in rows[1:]:
        assert len(row) == len(rows[0]) > len(CORES)
        assert all(float(lasting) > 0 for lasting in row[-len(CORES) :])
