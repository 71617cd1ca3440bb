# SPDX-License-Identifier: Apache-2.0
"""``python -m recovery [--seeds N] [--first N] [--processes N] [--only STUDY,…] [--mutant NAME] [--keep FOLDER [--kept]] [--write]``.

Prints a table of lines, then whether each shortcut is seen; 1 if a line fails or a shortcut survives. ``--only``, ``--mutant``: that alone.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from recovery.judged import Verdict
from recovery.mutants import MUTANTS
from recovery.page import FILE, page
from recovery.run import FIRST_SEED, Runs, verdicts
from recovery.table import table
from recovery.trials import TRIALS

MUTANT_SEEDS = 60


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; the exit code."""
    asked = _asked(argv)
    runs = Runs(
        seeds=asked.seeds, first=asked.first, processes=asked.processes, shortcut=asked.mutant, kept_only=asked.kept
    )
    begun = time.monotonic()
    if asked.mutant:
        made = _with(runs)
    else:
        trials = [TRIALS[name] for name in asked.only.split(",") if name] or TRIALS.values()
        made = verdicts(trials, replace(runs, keep=_file(asked.keep, "estimates.csv")))
    failed = [verdict for verdict in made if verdict.failed]
    sys.stdout.write(f"{table(made)}\n{len(made)} lines, {len(failed)} fail; {time.monotonic() - begun:.0f} s\n")
    sys.stdout.flush()
    if asked.mutant or asked.only:
        return 1 if failed else 0
    fails = _shown(_file(asked.keep, "shortcuts.json"), replace(runs, seeds=MUTANT_SEEDS))
    if asked.write:
        FILE.write_text(page(made, fails), encoding="utf-8")
    return 0 if not failed and all(fails.get(name) for name in MUTANTS) else 1


def _asked(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="recovery")
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed, to look again at others")
    parser.add_argument("--processes", type=int, default=1, help="so many seeds at once")
    parser.add_argument("--only", default="", help="studies, with commas between")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="with this shortcut")
    parser.add_argument("--keep", type=Path, help="folder of what was found: a run that was broken off goes on")
    parser.add_argument("--kept", action="store_true", help="judge what is kept and run nothing")
    parser.add_argument("--write", action="store_true", help="write docs/recovery.md")
    asked = parser.parse_args(argv)
    if unknown := [name for name in asked.only.split(",") if name and name not in TRIALS]:
        parser.error(f"--only {', '.join(unknown)}: one of {', '.join(TRIALS)}")
    return asked


def _file(folder: Path | None, name: str) -> Path | None:
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def _shown(file: Path | None, runs: Runs) -> dict[str, list[str]]:
    """Lines that fail with each shortcut, those kept first."""
    found: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else {}
    for name in MUTANTS:
        if name in found or runs.kept_only:
            continue
        found[name] = shown(replace(runs, shortcut=name))
        if file:
            file.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    return {name: found[name] for name in MUTANTS if name in found}


def _with(runs: Runs) -> list[Verdict]:
    return verdicts([TRIALS[study] for study in MUTANTS[runs.shortcut or ""].studies], runs)


def shown(runs: Runs) -> list[str]:
    """The lines that fail with a shortcut; says so."""
    found = [f"{one.line.name} ({', '.join(one.failed)})" for one in _with(runs) if one.failed]
    sys.stdout.write(f"{'=' if found else '✗'} {runs.shortcut}: {'; '.join(found) or 'survives'}\n")
    sys.stdout.flush()
    return found


if __name__ == "__main__":
    sys.exit(main())
