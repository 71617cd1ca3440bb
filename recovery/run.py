# SPDX-License-Identifier: Apache-2.0
"""Seeds one after another, and what was found by name. Kept in a file where one is named, so that a broken-off run goes on."""

import csv
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from recovery.judged import Verdict, judge
from recovery.lines import Trial
from recovery.session import Estimate, session

Found = dict[str, list[Estimate]]
FIRST_SEED = 20_000  # fixed before any result was seen


def found_in(trial: Trial, seeds: int, *, keep: Path | None = None, kept_only: bool = False) -> Found:
    """Estimates of every line and crude estimate of a trial, in order of seeds. ``kept_only``: none is drawn."""
    kept = _read(keep, trial.study) if keep else {}
    found: Found = {}
    with session() as query:
        for number in range(FIRST_SEED, FIRST_SEED + min(seeds, trial.most)):
            estimates = kept.get(number)
            if estimates is None and kept_only:
                break
            if estimates is None:
                estimates = trial.run(query, number)
                if keep:
                    _write(keep, trial.study, number, estimates)
            for name, estimate in estimates.items():
                found.setdefault(name, []).append(estimate)
    return found


def verdicts(
    trials: Iterable[Trial], seeds: int, *, keep: Path | None = None, kept_only: bool = False
) -> list[Verdict]:
    """Each line of each trial that has estimates judged; says on the error stream how long each trial took."""
    made = []
    for trial in trials:
        begun = time.monotonic()
        found = found_in(trial, seeds, keep=keep, kept_only=kept_only)
        made += [judge(line, found) for line in trial.lines if line.name in found]
        sys.stderr.write(f"{trial.study}: {min(seeds, trial.most)} seeds, {time.monotonic() - begun:.0f} s\n")
        sys.stderr.flush()
    return made


def _read(file: Path, study: str) -> dict[int, dict[str, Estimate]]:
    kept: dict[int, dict[str, Estimate]] = {}
    if not file.exists():
        return kept
    with file.open(encoding="utf-8", newline="") as stream:
        for of, seed, name, *numbers in csv.reader(stream):
            if of == study:
                value, lower, upper, events = map(float, numbers)
                kept.setdefault(int(seed), {})[name] = Estimate(value=value, lower=lower, upper=upper, events=events)
    return kept


def _write(file: Path, study: str, seed: int, estimates: dict[str, Estimate]) -> None:
    with file.open("a", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            (study, seed, name, repr(one.value), repr(one.lower), repr(one.upper), repr(one.events))
            for name, one in estimates.items()
        )
