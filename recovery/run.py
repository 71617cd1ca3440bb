# SPDX-License-Identifier: Apache-2.0
"""Seeds one after another, in one process or several, and what was found by name. Kept in a file where one is named, so that a
broken-off run goes on."""

import csv
import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from recovery.judged import Verdict, judge
from recovery.lines import Trial
from recovery.mutants import mutant
from recovery.session import Estimate, Estimates, session
from rempart.adapters.duckdb_query import DuckDBQuery

Found = dict[str, list[Estimate]]
FIRST_SEED = 20_000  # fixed before any result was seen
_SEVERAL = 4  # seeds that are worth a process of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Which seeds, and how: ``seeds`` from ``first`` on, in ``processes``, with the ``shortcut`` of that name in force. ``keep``: file of
    what was found; ``kept_only``: nothing is drawn."""

    seeds: int
    first: int = FIRST_SEED
    processes: int = 1
    shortcut: str | None = None
    keep: Path | None = None
    kept_only: bool = False

    def of(self, trial: Trial) -> range:
        """The seeds of a trial, which may ask for a few alone."""
        return range(self.first, self.first + min(self.seeds, trial.most))


def found_in(trial: Trial, runs: Runs) -> Found:
    """Estimates of every line and crude estimate of a trial, in order of seeds."""
    kept = _read(runs.keep, trial.study) if runs.keep else {}
    missing = [] if runs.kept_only else [seed for seed in runs.of(trial) if seed not in kept]
    for seed, estimates in zip(missing, _drawn(trial, missing, runs), strict=True):
        kept[seed] = estimates
        if runs.keep:
            _write(runs.keep, trial.study, seed, estimates)
    found: Found = {}
    for seed in runs.of(trial):
        for name, estimate in kept.get(seed, {}).items():
            found.setdefault(name, []).append(estimate)
    return found


def verdicts(trials: Iterable[Trial], runs: Runs) -> list[Verdict]:
    """Each line of each trial that has estimates judged; says on the error stream how long each trial took."""
    made = []
    for trial in trials:
        begun = time.monotonic()
        found = found_in(trial, runs)
        made += [judge(line, found) for line in trial.lines if line.name in found]
        sys.stderr.write(f"{trial.study}: {len(runs.of(trial))} seeds, {time.monotonic() - begun:.0f} s\n")
        sys.stderr.flush()
    return made


def _drawn(trial: Trial, seeds: Sequence[int], runs: Runs) -> Iterator[Estimates]:
    """What each seed gives, in their order."""
    if runs.processes > 1 and len(seeds) >= _SEVERAL:
        # A fresh interpreter each: one that is split off while threads of an engine run may stand still for ever.
        ways = multiprocessing.get_context("spawn")
        with ways.Pool(runs.processes, initializer=_begin, initargs=(runs.shortcut,)) as pool:
            yield from pool.imap(partial(_once, trial), seeds)
        return
    if not seeds:
        return
    with mutant(runs.shortcut), session() as query:
        for seed in seeds:
            yield trial.run(query, seed)


@dataclass(slots=True)
class _Process:
    """The engine of a process, and the shortcut that is in force there as long as it lives."""

    query: DuckDBQuery | None = None
    held: ExitStack = field(default_factory=ExitStack)


_OWN = _Process()


def _begin(shortcut: str | None) -> None:
    _OWN.held.enter_context(mutant(shortcut))
    _OWN.query = _OWN.held.enter_context(session())


def _once(trial: Trial, seed: int) -> Estimates:
    if _OWN.query is None:
        raise RuntimeError("a process without its engine")
    return trial.run(_OWN.query, seed)


def _read(file: Path, study: str) -> dict[int, Estimates]:
    kept: dict[int, Estimates] = {}
    if not file.exists():
        return kept
    with file.open(encoding="utf-8", newline="") as stream:
        for of, seed, name, *numbers in csv.reader(stream):
            if of == study:
                value, lower, upper, events = map(float, numbers)
                kept.setdefault(int(seed), {})[name] = Estimate(value=value, lower=lower, upper=upper, events=events)
    return kept


def _write(file: Path, study: str, seed: int, estimates: Estimates) -> None:
    with file.open("a", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            (study, seed, name, repr(one.value), repr(one.lower), repr(one.upper), repr(one.events))
            for name, one in estimates.items()
        )
