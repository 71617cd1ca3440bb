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
        return f"persons/{arm}{self.suffix}"

    def events_ref(self, arm: str) -> str:
        """Name of the set of persons with the outcome."""
        return f"events/{self.outcome}/{arm}{self.suffix}"


def cells_of(study: Study, frame: Frame, table: pa.Table) -> Cells:
    """The cells of one frame; names of person sets carry the frame when the study has several."""
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
    )


def suffix_of(study: Study, frame: Frame) -> str:
    """What tells the person sets of several frames apart; nothing when there is one."""
    return f"@{frame.key}" if len(study.frames) > 1 else ""


def _texts(values: Sequence[str]) -> NDArray[np.str_]:
    return np.array(list(values), dtype=np.str_)


def _whole(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.to_numpy(), dtype=np.int64)
