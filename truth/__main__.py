# SPDX-License-Identifier: Apache-2.0
"""``python -m truth [--persons N] [--years N] [--seed S] [--mutant NAME]``: a table of scores; 1 if one is off."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from truth.mutants import MUTANTS, mutant
from truth.run import run
from truth.scores import off, table


def main(argv: list[str] | None = None) -> int:
    """Run and print; the exit code."""
    parser = argparse.ArgumentParser(prog="truth")
    parser.add_argument("--persons", type=int, default=4000)
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="break the loader so, to see the scores fall")
    parser.add_argument("--quick", action="store_true", help="without the orders of delivery")
    asked = parser.parse_args(argv)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="truth-") as folder, mutant(asked.mutant):
        scores = run(Path(folder), persons=asked.persons, years=asked.years, seed=asked.seed, orders=not asked.quick)
    wrong = off(scores)
    judged = sum(1 for score in scores if not score.note)
    sys.stdout.write(table(scores) + f"\n{judged} scores, {len(wrong)} off; {time.monotonic() - begun:.0f} s\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
