# SPDX-License-Identifier: Apache-2.0
"""One frame's evidence as arrays, with the counts and person sets that every output takes from it.

Person sets have names (``persons_ref``): cells with one name describe the same persons, whatever the output.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rempart.records.protocol import Frame
from rempart.records.study import Study
from rempart.study.evidence_sets import NO_SETS, ArmSets, name_of
from rempart.study.poisson import DAYS_IN_YEAR
from rempart.study.rows import Behind
from rempart.study.tallies import NOBODY, Tally

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
ARMS = ("all", "target", "comparator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Equal-length arrays, one entry a cell: arm, levels (covariate → level), days, status
    (1 outcome, 2 death, 3 death of unknown cause, 0 censored), persons."""

    arm: NDArray[np.str_]
    levels: dict[str, NDArray[np.str_]]
    entry: Ints
    exit: Ints
    status: Ints
    n: Ints
    outcome: str
    suffix: str
    sets: ArmSets = NO_SETS

    def in_arm(self, arm: str) -> Flags:
        """Cells of an arm; every cell for ``all``."""
        return np.ones(len(self.n), dtype=bool) if arm == "all" else self.arm == arm

    def persons(self, arm: str) -> int:
        """Persons at risk in the arm."""
        return int(self.n[self.in_arm(arm)].sum())

    def events(self, arm: str) -> int:
        """Persons with the outcome in the arm."""
        return int(self.n[self.in_arm(arm) & (self.status == 1)].sum())

    def person_days(self, arm: str) -> int:
        """Days at risk in the arm, exact."""
        return int((self.n * (self.exit - self.entry))[self.in_arm(arm)].sum())

    def persons_ref(self, arm: str) -> str:
        """Name of the set of persons at risk."""
        return self.named(self.sets.persons(arm), self.persons(arm), f"persons/{arm}")

    def events_ref(self, arm: str) -> str:
        """Name of the set of persons with the outcome."""
        return self.named(self.sets.events(arm), self.events(arm), f"events/{self.outcome}/{arm}")

    def level_ref(self, variable: str, level: str, arm: str, persons: int) -> str:
        """Name of the set of ``persons`` at risk in one level of a covariate."""
        found = self.sets.level(list(self.levels).index(variable), level, arm) if self.sets.members else NOBODY
        return self.named(found, persons, f"level/{variable}/{level}/{arm}")

    def known_ref(self, variable: str, arm: str, persons: int) -> str:
        """Name of the set of ``persons`` at risk of whom a variable is known."""
        return self.named(NOBODY, persons, f"known/{variable}/{arm}")

    def named(self, cell: Tally, persons: int, label: str) -> str:
        """Name of a set of ``persons``: its fingerprint; without evidence of it ``label`` and the frame's suffix."""
        return name_of(cell, persons, "" if self.sets.members and not persons else label + self.suffix)

    def time_behind(self, arm: str) -> Behind:
        """The two longest times at risk in the arm beside their sum, in years."""
        inside = self.in_arm(arm)
        days, n = (self.exit - self.entry)[inside], self.n[inside]
        order = np.argsort(-days, kind="stable")[:2]
        longest = [int(day) for at in order for day in [days[at]] * min(2, int(n[at]))]
        first, second = [*longest, 0, 0][:2]
        return Behind(
            top1=first / DAYS_IN_YEAR, top2=second / DAYS_IN_YEAR, total_abs=self.person_days(arm) / DAYS_IN_YEAR
        )

    def places_behind(self, arm: str, until: int | None = None) -> Behind:
        """Places of care on the days of outcomes, up to a day, where the study asks for them."""
        return Behind(establishments=self.sets.establishments(arm, until))


def cells_of(study: Study, frame: Frame, table: pa.Table, sets: ArmSets = NO_SETS) -> Cells:
    """The cells of one frame; person sets are named by their fingerprints in ``sets``, else by words that carry the frame when the study
    has several."""
    own = table.filter(pc.equal(table["frame"], frame.key))
    names = sorted(study.covariates)
    patterns = [text.split("|") for text in own["pattern"].to_pylist()]
    return Cells(
        arm=_texts(own["arm"].to_pylist()),
        levels={name: _texts([parts[i] for parts in patterns]) for i, name in enumerate(names)},
        entry=_whole(own["entry_day"]),
        exit=_whole(own["exit_day"]),
        status=_whole(own["status"]),
        n=_whole(own["n"]),
        outcome=frame.outcome,
        suffix=suffix_of(study, frame),
        sets=sets,
    )


def suffix_of(study: Study, frame: Frame) -> str:
    """What tells the person sets of several frames apart; nothing when there is one."""
    return f"@{frame.key}" if len(study.frames) > 1 else ""


def _texts(values: Sequence[str]) -> NDArray[np.str_]:
    return np.array(list(values), dtype=np.str_)


def _whole(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.to_numpy(), dtype=np.int64)
