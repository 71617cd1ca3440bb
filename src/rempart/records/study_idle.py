# SPDX-License-Identifier: Apache-2.0
"""Keys of the protocol that would do nothing in a study: each acts on some analyses, and is refused by name where none of them is asked.

A value that nothing reads would be signed, and a grid over it would give several studies with the same figures. Reads no file.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol as Shape

from rempart.errors import BadInput
from rempart.records.cohort import DrugEraExit
from rempart.records.cohort_rules import RuleCohort
from rempart.records.describing import FOLLOW_UP, CohortAnalysis
from rempart.records.fields import Fields
from rempart.records.protocol import Analysis, Protocol

_CURVES = frozenset({FOLLOW_UP})
"""Descriptions whose curve goes on to ``follow_up_days``."""


class _Study(Shape):
    """A study whose analyses were read."""

    @property
    def protocol(self) -> Protocol: ...
    @property
    def rules(self) -> Mapping[str, RuleCohort]: ...


def idle_keys(
    study: _Study, analyses: Sequence[Analysis], descriptions: Iterable[CohortAnalysis], top: Fields
) -> list[BadInput]:
    """An error ``study-field`` for each key of the protocol that does nothing; a default does what its absence does."""
    told = _idle(study, analyses, {item.type for item in descriptions})
    return [top.wrong(f"protocol.{key}", expected) for key, expected in told]


def _idle(study: _Study, analyses: Sequence[Analysis], described: Iterable[str]) -> Iterable[tuple[str, str]]:
    protocol = study.protocol
    if protocol.on_treatment and not analyses and not any(map(_leaves_with_a_drug, study.rules.values())):
        yield "estimand", _ESTIMAND
    if protocol.lag_days and not analyses:
        yield "lag_days", _LAG
    if protocol.follow_up_days is not None and not analyses and not _CURVES & set(described):
        yield "follow_up_days", _FOLLOW_UP
    if protocol.grace_days and not (analyses and protocol.on_treatment):
        yield "grace_days", _GRACE


def _leaves_with_a_drug(cohort: RuleCohort) -> bool:
    return bool(cohort.exit.exposure) or (cohort.atlas is not None and isinstance(cohort.atlas.exit, DrugEraExit))


_ESTIMAND = "initiation: no analysis compares, and no cohort ends with a treatment (exit = { exposure = … }): nothing is on-treatment"
_LAG = "0, or no such line: a lag acts on comparisons alone, and no analysis compares; a cohort moves time zero by its landmark_days"
_FOLLOW_UP = (
    "no such line: it ends comparisons and the curve of follow_up, and neither is asked for; a cohort ends by its exit"
)
_GRACE = "0, or no such line: it acts on comparisons on-treatment alone; a cohort's exit and an exposure have a grace_days of their own"
