# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.faults.attacks [--size small|full] [--seed N] [--only WORD] [--without CHECK]``: every section, counts by kind,
1 if an attack gets through or more than three safe outputs in a hundred are stopped."""

import argparse
import secrets
import sys
import time

from tests.faults.attacks import files, safe, sections
from tests.faults.attacks.attack import counted
from tests.faults.attacks.without import CHECKS, without
from tests.faults.campaign.count import Section

FALSE_ALARMS = 0.03
SAFE = "safe outputs that must pass"


def disclosive(*, size: str, seed: int, only: str = "") -> list[Section]:
    """Every section of attacks whose name holds ``only``."""
    return [
        counted(title, make(counts[size], seed)) for title, (make, counts) in sections.SECTIONS.items() if only in title
    ]


def ordinary(*, size: str, seed: int) -> Section:
    """The safe outputs and the honest files."""
    each = sections.EACH[size]
    return counted(SAFE, [*safe.attacks(each, seed), *files.honest(each, seed)])


def alarms(section: Section) -> float:
    """The share of safe outputs that were stopped."""
    return len(section.slipped) / section.made


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(prog="make attacks")
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--only", default="")
    parser.add_argument("--without", default="", choices=("", *CHECKS))
    told = parser.parse_args()
    began = time.monotonic()
    print(
        f"attacks on the way out, size {told.size}, seed {told.seed}" + f", without {told.without}" * bool(told.without)
    )
    with without(told.without):
        found = disclosive(size=told.size, seed=told.seed, only=told.only)
        passed = ordinary(size=told.size, seed=told.seed)
    for section in (*found, passed):
        print("\n".join(section.lines()))
    through, share = sum(len(section.slipped) for section in found), alarms(passed)
    made = sum(section.made for section in found)
    print(
        f"\n{made} attacks, {through} got through; {passed.made} safe outputs, {share:.1%} stopped; {time.monotonic() - began:.0f} s"
    )
    return 1 if through or share > FALSE_ALARMS else 0


if __name__ == "__main__":
    sys.exit(main())
