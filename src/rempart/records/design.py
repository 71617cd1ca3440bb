# SPDX-License-Identifier: Apache-2.0
"""An analysis of a design beyond the comparison of new users and the description of cohorts, as data; and what a design declares of itself.

Holds no design: each has a file of its own (``design_<name>.py``), and ``designs.py`` knows them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rempart.records.describing_reading import Known
from rempart.records.fields import Fields
from rempart.records.forms import Table

# Keys of ``inputs`` that name things of the study file, in every design; the first set is checked against rule and matched cohorts.
COHORT_KEYS = ("cohort", "cohorts", "cases", "controls", "target", "comparator")
EXPOSURE_KEYS = ("exposure", "exposures")
OUTCOME_KEYS = ("outcome", "outcomes")
COVARIATE_KEYS = ("covariates",)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignAnalysis:
    """One analysis. ``inputs``, ``parameters``: plain values (text, numbers, flags, dates' ISO text, lists, tables), every default of
    its type written out; a key without value is absent."""

    id: str
    type: str
    design: str
    inputs: Mapping[str, Any]
    parameters: Mapping[str, Any]

    @property
    def cohorts(self) -> tuple[str, ...]:
        """Rule or matched cohorts that it names, in order of the keys."""
        return self._named(COHORT_KEYS)

    @property
    def exposures(self) -> tuple[str, ...]:
        """Exposures that it names."""
        return self._named(EXPOSURE_KEYS)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes that it names."""
        return self._named(OUTCOME_KEYS)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Covariates that it names, in order of their names."""
        return tuple(sorted(self._named(COVARIATE_KEYS)))

    def _named(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        told = (self.inputs.get(key, ()) for key in keys)
        return tuple(name for value in told for name in ((value,) if isinstance(value, str) else value))


ANY_DEATH = "death"  # as an outcome, where none of the study file has that name: death of any cause


def _nothing(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    """No further rule."""


def _no_look(analysis: DesignAnalysis) -> tuple[tuple[str, int], ...]:
    """No look before time zero."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignForm:
    """What a design declares. ``types``: of its analyses; ``inputs``, ``parameters``: their keys; ``used``: key → the types that use it,
    where not all do; ``protocol``: keys of the protocol that its analyses read; ``periods``: whether exposures are read as periods, and so
    must say their supply; ``unsaid``: inputs that stay absent where the file does not name them; ``death``: whether an outcome may be
    ``death``, that of any cause; ``check``: raises BadInput ``study-field`` for what the forms cannot say; ``looks_back``: (what, first day
    before time zero) for the permit's look-back."""

    design: str
    about: str
    types: tuple[str, ...]
    inputs: Table
    parameters: Table
    used: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protocol: frozenset[str] = frozenset()
    periods: bool = False
    unsaid: frozenset[str] = frozenset()
    death: bool = False
    check: Callable[[Fields, DesignAnalysis, Known], None] = _nothing
    looks_back: Callable[[DesignAnalysis], tuple[tuple[str, int], ...]] = _no_look
