# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the analyses of a file beside their forms: a forgotten design, an id that comes twice. Knows no type of analysis."""

from collections.abc import Collection, Iterable, Mapping

from rempart.errors import BadInput
from rempart.records.fields import Fields
from rempart.records.harper import check_objectives


def check_design(given: Fields, rules: Collection[str]) -> None:
    """For an analysis without ``design = "cohort"``: it names none of ``rules``, the cohorts that only a description can tell of.

    Raises BadInput ``design-cohort``.
    """
    inputs = given.raw("inputs")
    told = inputs if isinstance(inputs, Mapping) else {}
    several = told.get("cohorts")
    named = [told.get("cohort"), *(several if isinstance(several, list | tuple) else ())]
    found = next((name for name in named if isinstance(name, str) and name in rules), None)
    if found is not None:
        raise BadInput("design-cohort", file=given.file, field=given.field("inputs"), name=found)


def check_ids(ids: Iterable[str], top: Fields) -> None:
    """Raises BadInput ``study-field``, which names the id that comes a second time and the analysis that has it, or the objective that
    names an analysis which is not there."""
    seen: set[str] = set()
    for place, name in enumerate(ids, 1):
        if name in seen:
            raise top.wrong("analyses", f"each id once; {name} comes twice", item=place)
        seen.add(name)
    check_objectives(top)
