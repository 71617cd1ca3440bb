# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.faults.campaign [--size small|full] [--seed N] [--only WORD]``: every part, counts by kind, 1 if a fault slips."""

import argparse
import contextlib
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import pytest

from tests.faults.backup_house import ceremony
from tests.faults.campaign.count import Section
from tests.faults.campaign.kills import AFTER, Victims, kills
from tests.faults.campaign.leaks import leaks
from tests.faults.campaign.moves import cutovers, movers
from tests.faults.campaign.stored import hints, put_back, stored
from tests.faults.campaign.stores import stores
from tests.faults.campaign.writers import writers
from tests.faults.warehouse.place import Place, build, copied, workers_find_the_package

MUTATIONS = {"small": 160, "full": 1000}
POINTS = {"small": 2, "full": 30}
MOMENTS = {"small": 1, "full": 3}
LEDGERS = {"small": 10, "full": 50}


class Campaign:
    """What every part is given: a warehouse that is never changed, copies of it, a size and a seed."""

    def __init__(self, folder: Path, *, size: str, seed: int) -> None:
        self.folder, self.size, self.seed = folder, size, seed
        self._copies = 0

    @cached_property
    def whole(self) -> Place:
        """The undamaged warehouse, built when first asked for."""
        (self.folder / "whole").mkdir()
        return build(self.folder / "whole")

    @contextlib.contextmanager
    def copy(self) -> Iterator[Place]:
        """A copy with its broker."""
        self._copies += 1
        with copied(self.whole, self.folder / f"copy-{self._copies}") as place:
            yield place


def of_stored(campaign: Campaign) -> list[Section]:
    """Mutations of what lies on the host, and states put back."""
    with campaign.copy() as place:
        return [
            stored(place, count=MUTATIONS[campaign.size], seed=campaign.seed),
            hints(place, seed=campaign.seed),
            put_back(place, campaign.folder / "ledgers", count=LEDGERS[campaign.size], seed=campaign.seed),
        ]


def of_kills(campaign: Campaign) -> list[Section]:
    """Processes killed, each act on one copy that goes on living."""
    sections = []
    for act in AFTER:
        with campaign.copy() as place, Victims() as victims:
            ceremony(place, place.root)
            sections.append(kills(victims, place, act, points=POINTS[campaign.size], named=True, seed=campaign.seed))
    with campaign.copy() as place:
        sections.append(cutovers(place, seed=campaign.seed))
    return [*sections, movers(campaign.folder / "movers", points=POINTS[campaign.size], seed=campaign.seed)]


def of_writers(campaign: Campaign) -> list[Section]:
    """Hosts that lie to writers."""
    return [writers(campaign.copy, moments=MOMENTS[campaign.size], seed=campaign.seed)]


def of_leaks(campaign: Campaign) -> list[Section]:
    """Canaries and key bytes."""
    return [leaks(campaign.folder / "leaks")]


def of_stores(campaign: Campaign) -> list[Section]:
    """Key stores and hosts that do not answer."""
    return [stores(campaign.folder / "stores")]


PARTS: dict[str, Callable[[Campaign], list[Section]]] = {
    "stored": of_stored,
    "writers": of_writers,
    "kills": of_kills,
    "leaks": of_leaks,
    "stores": of_stores,
}


def main() -> int:
    """Run the parts that were asked for; 1 when a fault slipped through."""
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--size", choices=["small", "full"], default="full")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("--only", choices=[*PARTS, ""], default="")
    asked = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        workers_find_the_package(patch)
        sys.stdout.write(f"faults, {asked.size} size, seed {asked.seed}\n")
        sys.stdout.flush()
        campaign = Campaign(Path(folder), size=asked.size, seed=asked.seed)
        sections = []
        for name, part in PARTS.items():
            if asked.only in {"", name}:
                for section in part(campaign):
                    sections.append(section)
                    sys.stdout.write("\n".join(section.lines()) + "\n")
                    sys.stdout.flush()
    made, slipped = sum(section.made for section in sections), [told for s in sections for told in s.slipped]
    sys.stdout.write(f"\n{made} faults, {len(slipped)} slipped through, {time.monotonic() - started:.0f} s\n")
    return 1 if slipped or not made else 0


if __name__ == "__main__":
    sys.exit(main())
