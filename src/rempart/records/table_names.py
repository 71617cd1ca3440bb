# SPDX-License-Identifier: Apache-2.0
"""Names in a study file whose tables in a session would be one another's. Reads tables of the file by their keys alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from rempart.errors import BadInput
from rempart.records.fields import Fields

_OF_COHORTS = ("_attrition", "_reached")  # what a cohort's companions in a session are called by
_OF_EXPOSURES = ("_whole", "_cover", "_supplies", "_cuts", "_clock", "_away", "_switch", "_dispensings")
_ENTERED = ("entry", "of", "match", "atlas")


def is_rule(given: Fields) -> bool:
    """Whether a cohort of the file is more than the eligibility rule of a comparison."""
    return any(given.has(name) for name in _ENTERED)


def colliding(told: Mapping[str, Any], *, file: str) -> Iterator[BadInput]:
    """BadInput ``study-field`` for each cohort, and each exposure beside another, whose table is another's companion. ``told``: the
    file's tables by their keys."""
    for name, given in told.get("cohorts", {}).items():
        if name.endswith(_OF_COHORTS) and is_rule(given):
            expected = f"a name that does not end in {' or '.join(_OF_COHORTS)}: tables of a cohort are called so"
            yield BadInput("study-field", file=file, field=f"cohorts.{name}", expected=expected)
    exposures = told.get("exposures", {})
    for name in exposures:
        ending = next((end for end in _OF_EXPOSURES if name.endswith(end) and name.removesuffix(end) in exposures), "")
        if ending:
            expected = f"another name: tables of the exposure {name.removesuffix(ending)} are called so"
            yield BadInput("study-field", file=file, field=f"exposures.{name}", expected=expected)
