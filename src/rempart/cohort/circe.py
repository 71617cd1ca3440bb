# SPDX-License-Identifier: Apache-2.0
"""An ATLAS cohort definition (circe-be JSON) as a ``CohortDefinition``. Every word is read or refused by name; nothing is ignored."""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.cohort.circe_criterion import Words, criterion
from rempart.cohort.circe_fields import Json, limit
from rempart.cohort.circe_group import group
from rempart.records.cohort import CodeSet, CohortDefinition, Criterion, DateOffset, DrugEraExit, InclusionRule, Limit

_TOP = (
    "cdmVersionRange", "Title", "ConceptSets", "PrimaryCriteria", "AdditionalCriteria", "QualifiedLimit", "ExpressionLimit",
    "InclusionRules", "EndStrategy", "CensoringCriteria", "CollapseSettings", "CensorWindow",
)  # fmt: skip


def definition_from_circe(parsed: Mapping[str, Any], *, words: Words, file: str = "cohort.json") -> CohortDefinition:
    """A definition from parsed JSON; ``words``: parsed ``circe.toml``.

    Raises BadInput ``cohort-word`` (a word that is not known here), ``cohort-value``, ``cohort-code-set``.
    """
    top = Json(parsed, path="", file=file)
    top.only(_TOP)
    primary, collapse, clip = top.part("PrimaryCriteria"), top.part("CollapseSettings"), top.part("CensorWindow")
    primary.only(("CriteriaList", "ObservationWindow", "PrimaryCriteriaLimit"))
    observed = primary.part("ObservationWindow")
    observed.only(("PriorDays", "PostDays"))
    additional = top.get("AdditionalCriteria")
    return CohortDefinition(
        code_sets={item.whole("id"): _code_set(item) for item in top.items("ConceptSets")},
        primary=_criteria(primary, "CriteriaList", words),
        prior_days=observed.whole("PriorDays", 0),
        post_days=observed.whole("PostDays", 0),
        primary_limit=limit(primary, "PrimaryCriteriaLimit"),
        additional=group(top.part("AdditionalCriteria"), words) if additional else None,
        qualified_limit=_limit(top, "QualifiedLimit"),
        rules=tuple(_rule(item, words) for item in top.items("InclusionRules")),
        expression_limit=_limit(top, "ExpressionLimit"),
        exit=_exit(top),
        censoring=_criteria(top, "CensoringCriteria", words),
        era_pad=_era_pad(collapse),
        window=(clip.day("StartDate"), clip.day("EndDate")),
    )


def _limit(top: Json, name: str) -> Limit:
    return limit(top, name) if top.get(name) else "first"


def _criteria(holder: Json, name: str, words: Words) -> tuple[Criterion, ...]:
    return tuple(criterion(item, words) for item in holder.items(name))


def _rule(given: Json, words: Words) -> InclusionRule:
    given.only(("name", "description", "expression"))
    return InclusionRule(name=given.text("name", ""), group=group(given.part("expression"), words))


def _era_pad(given: Json) -> int:
    given.only(("CollapseType", "EraPad"))
    if given.text("CollapseType", "ERA") != "ERA":
        raise given.wrong("CollapseType", "ERA")
    return given.whole("EraPad", 0)


def _exit(top: Json) -> DateOffset | DrugEraExit | None:
    given = top.part("EndStrategy")
    given.only(("DateOffset", "CustomEra"))
    if given.get("DateOffset"):
        offset = given.part("DateOffset")
        offset.only(("DateField", "Offset"))
        return DateOffset(days=offset.whole("Offset", 0), of=offset.choice("DateField", {"StartDate": "start", "EndDate": "end"}))
    if given.get("CustomEra"):
        era = given.part("CustomEra")
        era.only(("DrugCodesetId", "GapDays", "Offset", "DaysSupplyOverride"))
        supply = era.whole("DaysSupplyOverride") if era.get("DaysSupplyOverride") is not None else None
        return DrugEraExit(
            code_set=era.whole("DrugCodesetId"), gap_days=era.whole("GapDays", 0), offset=era.whole("Offset", 0), supply=supply
        )
    return None


def _code_set(given: Json) -> CodeSet:
    given.only(("id", "name", "expression", "description"))
    expression = given.part("expression")
    expression.only(("items",))
    entries = [_entry(item) for item in expression.items("items")]
    return CodeSet(
        include=tuple(entry for entry, excluded in entries if not excluded),
        exclude=tuple(entry for entry, excluded in entries if excluded),
    )


def _entry(given: Json) -> tuple[tuple[int, bool, bool], bool]:
    given.only(("concept", "isExcluded", "includeDescendants", "includeMapped"))
    concept = given.part("concept").whole("CONCEPT_ID")
    descendants, mapped = given.flag("includeDescendants"), given.flag("includeMapped")
    return (concept, descendants, mapped), given.flag("isExcluded")


def used_code_sets(given: Sequence[Criterion]) -> set[int]:
    """The code sets that criteria name."""
    return {number for item in given for number in (item.code_set, item.source_set) if number is not None}
