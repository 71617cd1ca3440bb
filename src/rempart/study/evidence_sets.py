# SPDX-License-Identifier: Apache-2.0
"""Who stands behind a comparison's counts: its sets of persons by fingerprint, and places of care; empty without evidence of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.tallies import NOBODY, Tally, part_of, tallies_of, union

ALL = "all"
_ARMS = ("target", "comparator")
_PLACE = r'^\{"arm":"(?P<arm>[a-z]+)","day":"(?P<day>[0-9]+)","facility":"(?P<facility>[0-9]+)"\}$'
Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSets:
    """A frame's tallies (cohort/arm_sets.py): ``members`` by passed steps, arm and event; ``levels`` of those at risk, by a covariate's
    place in the pattern, level and arm; ``places``: arm → the first day of an outcome in each place of care, in order, None where the study
    asks for none."""

    members: Sequence[Tally] = ()
    levels: Mapping[tuple[int, str, str], Tally] = field(default_factory=dict)
    places: Mapping[str, Days] | None = None
    last: int = 0

    def step(self, number: int, arm: str) -> Tally:
        """Those who passed the first ``number`` steps; at the first also persons of both arms are of ``all``."""
        return self._of(arm, lambda cell: int(cell.key["passed"]) >= number)

    def persons(self, arm: str) -> Tally:
        """Those at risk."""
        return self.step(self.last, arm)

    def events(self, arm: str) -> Tally:
        """Those with the outcome."""
        return self._of(arm, lambda cell: cell.key["event"] == "1")

    def level(self, at: int, level: str, arm: str) -> Tally:
        """Those at risk whose covariate, the ``at``-th of the pattern, is of that level."""
        return union(self.levels.get((at, level, one), NOBODY) for one in (_ARMS if arm == ALL else (arm,)))

    def establishments(self, arm: str, until: int | None = None) -> int | None:
        """Distinct places of care on the days of outcomes, up to a day; None where they are not asked for."""
        if self.places is None:
            return None
        first = self.places[arm]
        return len(first) if until is None else int(np.searchsorted(first, until, side="right"))

    def _of(self, arm: str, chosen: Callable[[Tally], bool]) -> Tally:
        return union(cell for cell in self.members if arm in (ALL, cell.key["arm"]) and chosen(cell))


NO_SETS = ArmSets()


def arm_sets(evidence: Mapping[str, pa.Table], frame: str, *, asked: bool) -> ArmSets:
    """Of a frame's key, from the study's merged evidence; ``asked``: whether the study counts places of care."""
    name = f"frame:{frame}"
    members, levels = (tallies_of(evidence["tallies"], name, part) for part in ("members", "levels"))
    steps = evidence["attrition"].filter(pc.equal(evidence["attrition"]["frame"], frame))["step"]
    return ArmSets(
        members=members,
        levels={(int(cell.key["covariate"]), cell.key["level"], cell.key["arm"]): cell for cell in levels},
        places=_places(part_of(evidence["tallies"], name, "facilities")["key"]) if asked else None,
        last=len(steps.unique()),
    )


def _places(keys: pa.ChunkedArray) -> dict[str, Days]:
    """Arm → first days; on arrays, since there are nearly as many keys as persons with the outcome. Raises BadInput ``evidence-form``."""
    found = pc.extract_regex(keys.combine_chunks(), _PLACE)
    if found.null_count:
        raise BadInput("evidence-form")
    arm, day, facility = (pc.struct_field(found, name) for name in ("arm", "day", "facility"))
    days = np.asarray(day.cast(pa.int64()), dtype=np.int64)
    number = np.asarray(facility.cast(pa.uint64()), dtype=np.uint64)
    own = {name: np.asarray(pc.equal(arm, name).to_numpy(zero_copy_only=False), dtype=bool) for name in _ARMS}
    inside = {ALL: np.ones(len(days), dtype=bool), **own}
    return {name: _first_days(number[mine], days[mine]) for name, mine in inside.items()}


def _first_days(number: NDArray[np.uint64], days: Days) -> Days:
    order = np.argsort(days, kind="stable")
    _, first = np.unique(number[order], return_index=True)
    return np.sort(days[order][first])


def name_of(cell: Tally, persons: int, label: str) -> str:
    """A set's name: its fingerprint; ``label`` where the evidence knows none of ``persons``; none of nobody, so that zeros are not tied."""
    return f"print:{cell.fingerprint}" if persons and cell.persons == persons else label
