# SPDX-License-Identifier: Apache-2.0
"""Reading a cohort of a study file that an ATLAS definition says, once the content of its file stands in its place.

Knows nothing of the tables that it can run on: ``cohort/project_domains.py`` does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rempart.errors import Refused
from rempart.records.atlas_future import reads_after
from rempart.records.cohort_forms import ATLAS_COHORT
from rempart.records.cohort_rules import RuleCohort
from rempart.records.cohort_text import definition_from_text
from rempart.records.fields import Fields
from rempart.records.form_reading import take


def read_atlas(given: Fields) -> RuleCohort:
    """A cohort with ``atlas``; raises BadInput ``study-field``, ``unknown-key``, Refused ``reads-after-time-zero``."""
    told = take(given, ATLAS_COHORT)
    definition = definition_from_text(told["atlas"], file=given.file, field=given.field("atlas"))
    if told["concepts"] is not None:
        raise given.wrong("concepts", "nothing beside a definition that was read")
    if later := reads_after(definition, told["landmark_days"] or 0):
        raise Refused("reads-after-time-zero", file=given.file, field=given.field(f"atlas.{later}"))
    before = definition.prior_days
    return RuleCohort(atlas=definition, landmark=told["landmark_days"], prior_observation_days=before)


TextOf = Callable[[str, str], str]


def with_definitions(parsed: Mapping[str, Any], text_of: TextOf) -> dict[str, Any]:
    """The parsed study with the texts of definitions in place of their files' names. ``text_of``: file, file of concepts ('' for none) →
    text (``definition_text``). What is no name is left as it stands, for the reader to judge."""
    cohorts = parsed.get("cohorts")
    if not isinstance(cohorts, Mapping):
        return dict(parsed)
    return {**parsed, "cohorts": {name: _with_text(item, text_of) for name, item in cohorts.items()}}


def _with_text(item: Any, text_of: TextOf) -> Any:
    named = item.get("atlas") if isinstance(item, Mapping) else None
    concepts = item.get("concepts", "") if isinstance(item, Mapping) else ""
    if not isinstance(named, str) or not isinstance(concepts, str) or named.startswith("{"):
        return item
    kept = {key: value for key, value in item.items() if key != "concepts"}
    return {**kept, "atlas": text_of(named, concepts)}
