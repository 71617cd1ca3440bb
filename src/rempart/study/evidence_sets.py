# SPDX-License-Identifier: Apache-2.0
"""Who stands behind a comparison's counts: its sets of persons by fingerprint, and places of care; empty without evidence of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from rempart.study.tallies import Tally, tallies_of, union

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSets:
    """A frame's tallies (cohort/arm_sets.py): ``members`` by passed steps, arm, pattern and event; ``facilities`` by arm, day and
    facility, None where the study asks for none."""

    members: Sequence[Tally] = ()
    facilities: Sequence[Tally] | None = None
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
        return self._of(arm, lambda cell: self._at_risk(cell) and cell.key["pattern"].split("|")[at] == level)

    def establishments(self, arm: str, until: int | None = None) -> int | None:
        """Distinct places of care on the days of outcomes, up to a day; None where they are not asked for."""
        if self.facilities is None:
            return None
        inside = [cell.key for cell in self.facilities if arm in (ALL, cell.key["arm"])]
        return len({key["facility"] for key in inside if until is None or int(key["day"]) <= until})

    def _at_risk(self, cell: Tally) -> bool:
        return int(cell.key["passed"]) >= self.last

    def _of(self, arm: str, chosen: Callable[[Tally], bool]) -> Tally:
        return union(cell for cell in self.members if arm in (ALL, cell.key["arm"]) and chosen(cell))


NO_SETS = ArmSets()


def arm_sets(evidence: Mapping[str, pa.Table], frame: str, *, asked: bool) -> ArmSets:
    """Of a frame's key, from the study's merged evidence; ``asked``: whether the study counts places of care."""
    members = tallies_of(evidence["tallies"], f"frame:{frame}", "members")
    found = tallies_of(evidence["tallies"], f"frame:{frame}", "facilities") if asked else None
    steps = evidence["attrition"].filter(pc.equal(evidence["attrition"]["frame"], frame))["step"]
    return ArmSets(members=members, facilities=found, last=len(steps.unique()))


def name_of(cell: Tally, persons: int, label: str) -> str:
    """A set's name: its fingerprint; ``label`` where the evidence knows none of ``persons``; none of nobody, so that zeros are not tied."""
    return f"print:{cell.fingerprint}" if persons and cell.persons == persons else label
