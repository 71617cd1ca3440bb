# SPDX-License-Identifier: Apache-2.0
"""``python -m recovery [--seeds N] [--only STUDY,…] [--mutant NAME] [--keep FILE]``: a table of lines; 1 if one fails."""

import argparse
import sys
import time
from pathlib import Path

from recovery.mutants import MUTANTS, mutant
from recovery.run import verdicts
from recovery.table import table
from recovery.trials import TRIALS


def main(argv: list[str] | None = None) -> int:
    """Run and print; the exit code."""
    parser = argparse.ArgumentParser(prog="recovery")
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--only", default="", help="studies, with commas between")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="with this shortcut")
    parser.add_argument("--keep", type=Path, help="file of estimates: a run that was broken off goes on")
    asked = parser.parse_args(argv)
    wanted = MUTANTS[asked.mutant].studies if asked.mutant else tuple(TRIALS)
    wanted = tuple(asked.only.split(",")) if asked.only else wanted
    begun = time.monotonic()
    with mutant(asked.mutant):
        made = verdicts([TRIALS[name] for name in wanted], asked.seeds, keep=asked.keep)
    failed = [verdict for verdict in made if verdict.failed]
    told = f"{len(made)} lines, {len(failed)} fail; {asked.seeds} seeds; {time.monotonic() - begun:.0f} s"
    sys.stdout.write(f"{table(made)}\n{told}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
