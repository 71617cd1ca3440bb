# SPDX-License-Identifier: Apache-2.0
"""What a bench is, how it is measured and how it is told. Measures nothing itself: the benches stand in the other files.

A bench gives two functions that do the same work: ours and a peer's. Both run in turn in one process, so that a busy
machine slows both; the figure is the median of the ratios ours / peer, 1.0 meaning the same time.
"""

import gc
import json
import re
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
Work = Callable[[], object]


class Figures(TypedDict):
    """One entry of bench/results.json: ratio and spread as ours / peer."""

    ratio: float
    bound: float
    peer: str
    spread: list[float]
    runs: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A comparison. ``bound``: the ratio that must not be passed; ``prepare`` makes (ours, peer) outside the measurement.

    ``given``: ours and peer return the numbers to compare (memory, seconds a line) instead of being timed. ``needs``: a program without
    which there is no peer; ``beside``: a folder whose data it reads.
    """

    name: str
    peer: str
    bound: float
    runs: int
    note: str
    prepare: Callable[[], tuple[Work, Work]]
    given: bool = False
    needs: str = ""
    beside: Path | None = None

    def lacks(self) -> str:
        """The program or the folder that it needs and this machine has not; empty where it can run."""
        if self.needs and shutil.which(self.needs) is None:
            return self.needs
        return f"folder {self.beside.name}" if self.beside is not None and not self.beside.is_dir() else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Median:
    """The middle one of several benches' ratios, with a bound of its own. Its runs are theirs."""

    of: tuple[str, ...]
    bound: float
    note: str


REGISTERED: dict[str, Bench] = {}
MEDIANS: dict[str, Median] = {}


def median_of(name: str, *, of: tuple[str, ...], bound: float, note: str) -> None:
    """Register a median. Raises ValueError for another form of name or a name taken twice."""
    if not NAME.fullmatch(name) or name in REGISTERED or name in MEDIANS:
        raise ValueError(f"a bench name is new and of the form word-slug: {name}")
    MEDIANS[name] = Median(of=of, bound=bound, note=note)


def middle(one: Median, results: Mapping[str, Figures]) -> Figures | None:
    """The median of what is in ``results``; None while one of its benches is missing."""
    parts = [results[name] for name in one.of if name in results]
    if len(parts) != len(one.of):
        return None
    ratios = [part["ratio"] for part in parts]
    spread = [min(ratios), max(ratios)]
    runs = min(part["runs"] for part in parts)
    return Figures(
        ratio=statistics.median(ratios), bound=one.bound, peer=parts[0]["peer"], spread=spread, runs=runs, note=one.note
    )


def bench(
    name: str,
    *,
    peer: str,
    bound: float,
    note: str,
    runs: int = 9,
    given: bool = False,
    needs: str = "",
    beside: Path | None = None,
) -> Callable[[Callable[[], tuple[Work, Work]]], Bench]:
    """Register the decorated function, which prepares and returns (ours, peer).

    ``name`` is "<word of the issue>-<slug>". Raises ValueError for another form or a name taken twice.
    """

    def register(prepare: Callable[[], tuple[Work, Work]]) -> Bench:
        if not NAME.fullmatch(name) or name in REGISTERED:
            raise ValueError(f"a bench name is new and of the form word-slug: {name}")
        REGISTERED[name] = Bench(
            name=name,
            peer=peer,
            bound=bound,
            runs=runs,
            note=note,
            prepare=prepare,
            given=given,
            needs=needs,
            beside=beside,
        )
        return REGISTERED[name]

    return register


def seconds(work: Work) -> float:
    """Wall-clock seconds of one call, without the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin
    finally:
        gc.enable()


def measure(one: Bench) -> Figures:
    """Run a bench: once to warm up, then ``runs`` times in turn."""
    ours, peer = one.prepare()
    if one.given:
        ratios = [float(str(ours())) / float(str(peer())) for _ in range(one.runs)]
    else:
        ours(), peer()
        ratios = [seconds(ours) / seconds(peer) for _ in range(one.runs)]
    return Figures(
        ratio=round(statistics.median(ratios), 4),
        bound=one.bound,
        peer=one.peer,
        spread=[round(min(ratios), 4), round(max(ratios), 4)],
        runs=one.runs,
        note=one.note,
    )


def write(
    results: Mapping[str, Figures],
    *,
    machine: str,
    results_file: Path,
    page: Path,
    shortfalls: Mapping[str, str] | None = None,
) -> None:
    """Write results as JSON and as a Markdown page; ``machine`` says in a few words what they were measured on; ``shortfalls`` where
    the time goes in a bench that does not keep its bound."""
    results_file.write_text(json.dumps(results, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    rows = [
        f"| {name} | {one['peer']} | {one['ratio']:.2f} | {one['spread'][0]:.2f} to {one['spread'][1]:.2f} | {one['bound']:.2f} "
        f"| {one['runs']} | {one['note']} |"
        for name, one in sorted(results.items())
    ]
    head = [
        "# Benchmarks",
        "",
        "Written by `make bench`; do not edit. A ratio is our time divided by the peer's for the same work, both measured in turn",
        f"in one process (1.00 = the same time); the figure is the median of the runs. Measured on {machine}.",
        "",
        "| bench | peer | ratio | spread | bound | runs | what is compared |",
        "|---|---|---|---|---|---|---|",
    ]
    beyond = [name for name, one in sorted(results.items()) if one["ratio"] > one["bound"]]
    tail = ["", "## Beyond their bound", ""] if beyond else []
    tail += [f"- **{name}**: {(shortfalls or {}).get(name, 'not looked into yet')}" for name in beyond]
    page.write_text("\n".join([*head, *rows, *tail]) + "\n", encoding="utf-8")
