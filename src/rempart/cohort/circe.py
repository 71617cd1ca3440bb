# SPDX-License-Identifier: Apache-2.0
"""An ATLAS cohort definition (circe-be JSON) as a ``CohortDefinition``. Every word is read or refused by name; nothing is ignored.

Opens no file and knows no table.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rempart.cohort.circe_criterion import Words
from rempart.cohort.circe_fields import Json
from rempart.cohort.circe_group import criteria, group
from rempart.errors import BadInput
from rempart.records.cohort import (
    CodeSet,
    CohortDefinition,
    Concepts,
    Criterion,
    DateOffset,
    DrugEraExit,
    Group,
    InclusionRule,
    Limit,
)
from rempart.records.json_text import parsed_json

_TOP = (
    "cdmVersionRange", "Title", "ConceptSets", "PrimaryCriteria", "AdditionalCriteria", "QualifiedLimit", "ExpressionLimit",
    "InclusionRules", "EndStrategy", "CensoringCriteria", "CollapseSettings", "CensorWindow",
)  # fmt: skip
_AROUND = (  # what the service writes beside a definition: none of it says who is in
    "id", "name", "description", "expressionType", "createdBy", "createdDate", "modifiedBy", "modifiedDate", "tags", "hasWriteAccess",
    "hasReadAccess",
)  # fmt: skip
_WRAPPED = "expression"
_LIMITS: Mapping[str, Limit] = {"all": "all", "first": "first", "last": "last"}
_FIELDS: Mapping[str, Any] = {"StartDate": "start", "EndDate": "end"}


def definition_from_circe(parsed: object, *, words: Words, file: str = "cohort.json") -> CohortDefinition:
    """A definition from parsed JSON, as ATLAS shows it or as its service wraps it; ``words``: the tables of ``circe.toml``.

    Raises BadInput ``cohort-word`` (a word or domain that is not known here), ``cohort-value``, ``cohort-depth``, ``cohort-code-set``
    (named and not there, or there twice), ``cohort-entry`` (no primary criterion), ``cohort-window`` (ends before it begins).
    """
    top = _unwrapped(Json(parsed, path="", file=file))
    top.only(_TOP)
    primary = top.part("PrimaryCriteria")
    primary.only(("CriteriaList", "ObservationWindow", "PrimaryCriteriaLimit"))
    observed = primary.part("ObservationWindow")
    observed.only(("PriorDays", "PostDays"))
    definition = CohortDefinition(
        code_sets=_code_sets(top),
        primary=criteria(primary, "CriteriaList", words),
        prior_days=observed.days("PriorDays", 0),
        post_days=observed.days("PostDays", 0),
        primary_limit=_limit(primary, "PrimaryCriteriaLimit"),
        additional=group(top.part("AdditionalCriteria"), words) if top.has("AdditionalCriteria") else None,
        qualified_limit=_limit(top, "QualifiedLimit"),
        rules=tuple(_rule(item, number, words) for number, item in enumerate(top.items("InclusionRules"), 1)),
        expression_limit=_limit(top, "ExpressionLimit"),
        exit=_exit(top.part("EndStrategy")),
        censoring=criteria(top, "CensoringCriteria", words),
        era_pad=_era_pad(top.part("CollapseSettings")),
        window=_clip(top.part("CensorWindow")),
    )
    _check(definition, file)
    return definition


def _unwrapped(given: Json) -> Json:
    """The definition itself: the service gives it under ``expression``, as an object or as JSON text, beside its name and its dates."""
    if not given.has(_WRAPPED):
        return given
    given.only((*_AROUND, _WRAPPED))
    given.choice("expressionType", {"SIMPLE_EXPRESSION": True}, True)
    return given.part_or_text(_WRAPPED, parsed_json)


def _limit(holder: Json, name: str) -> Limit:
    """All, first or last events: the first, where nothing is said."""
    if not holder.has(name):
        return "first"
    given = holder.part(name)
    given.only(("Type",))
    return given.choice("Type", _LIMITS, "all" if given.null("Type") else "first")


def _rule(given: Json, number: int, words: Words) -> InclusionRule:
    given.only(("name", "description", "expression"))
    return InclusionRule(name=given.text("name", "") or str(number), group=group(given.needed("expression"), words))


def _era_pad(given: Json) -> int:
    given.only(("CollapseType", "EraPad"))
    given.choice("CollapseType", {"ERA": True}, True)
    return given.days("EraPad", 0)


def _clip(given: Json) -> tuple[Any, Any]:
    given.only(("StartDate", "EndDate"))
    return given.day("StartDate"), given.day("EndDate")


def _exit(given: Json) -> DateOffset | DrugEraExit | None:
    given.only(("DateOffset", "CustomEra"))
    if len(given.names()) > 1:
        raise given.unknown(given.path, ", ".join(given.names()))
    if given.has("DateOffset"):
        offset = given.part("DateOffset")
        offset.only(("DateField", "Offset"))
        return DateOffset(days=offset.days("Offset", 0), of=offset.choice("DateField", _FIELDS, "start"))
    if given.has("CustomEra"):
        era = given.part("CustomEra")
        era.only(("DrugCodesetId", "GapDays", "Offset", "DaysSupplyOverride"))
        supply = era.days("DaysSupplyOverride") if era.has("DaysSupplyOverride") else None
        gap, offset_days = era.days("GapDays", 0), era.days("Offset", 0)
        return DrugEraExit(code_set=era.whole("DrugCodesetId"), gap_days=gap, offset=offset_days, supply=supply)
    return None


def _code_sets(top: Json) -> dict[int, CodeSet]:
    found: dict[int, CodeSet] = {}
    for item in top.items("ConceptSets"):
        number = item.whole("id")
        if number in found:
            raise BadInput("cohort-code-set", file=top.file, number=number, count=2)
        found[number] = _code_set(item)
    return found


def _code_set(given: Json) -> CodeSet:
    given.only(("id", "name", "expression", "description"))
    expression = given.needed("expression")
    expression.only(("items",))
    entries = [_entry(item) for item in expression.items("items")]
    return CodeSet(
        include=tuple(entry for entry, excluded in entries if not excluded),
        exclude=tuple(entry for entry, excluded in entries if excluded),
    )


def _entry(given: Json) -> tuple[tuple[int, bool, bool], bool]:
    given.only(("concept", "isExcluded", "includeDescendants", "includeMapped"))
    concept = given.needed("concept").concept("CONCEPT_ID")
    descendants, mapped = given.flag("includeDescendants"), given.flag("includeMapped")
    return (concept, descendants, mapped), given.flag("isExcluded")


def _check(definition: CohortDefinition, file: str) -> None:
    """What a definition must hold as a whole."""
    if not definition.primary:
        raise BadInput("cohort-entry", file=file)
    first, last = definition.window
    if first and last and last < first:
        raise BadInput("cohort-window", file=file, first=str(first), last=str(last))
    for number in sorted(used_code_sets(definition)):
        if number not in definition.code_sets:
            raise BadInput("cohort-code-set", file=file, number=number, count=0)


def used_code_sets(definition: CohortDefinition) -> set[int]:
    """The code sets that a definition names, wherever it does."""
    groups = [rule.group for rule in definition.rules] + ([definition.additional] if definition.additional else [])
    found = {definition.exit.code_set} if isinstance(definition.exit, DrugEraExit) else set[int]()
    for item in (*definition.primary, *definition.censoring):
        found |= set(_in_criterion(item))
    for one in groups:
        found |= set(_in_group(one))
    return found


def _in_criterion(given: Criterion) -> Iterator[int]:
    named = [
        given.code_set,
        given.source_set,
        *(item.code_set for item in given.conditions if isinstance(item, Concepts)),
    ]
    yield from (number for number in named if number is not None)
    if given.group is not None:
        yield from _in_group(given.group)


def _in_group(given: Group) -> Iterator[int]:
    for item in given.correlated:
        yield from _in_criterion(item.criterion)
    for condition in (one for demanded in given.demographic for one in demanded):
        if isinstance(condition, Concepts) and condition.code_set is not None:
            yield condition.code_set
    for part in given.groups:
        yield from _in_group(part)
