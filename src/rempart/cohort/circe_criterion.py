# SPDX-License-Identifier: Apache-2.0
"""One criterion of an ATLAS definition: its domain, its code sets, its conditions. The words are those of ``circe.toml``."""

from collections.abc import Mapping
from typing import Any

from rempart.cohort.circe_fields import Json
from rempart.errors import BadInput
from rempart.records.cohort import Adjustment, Comparison, Concepts, Condition, Criterion, Day, Flag, Number, Text

Words = Mapping[str, Mapping[str, Mapping[str, str]]]
_OWN = ("CodesetId", "First", "CorrelatedCriteria", "DateAdjustment")
_COMPARISONS: Mapping[str, Comparison] = {
    "lt": "lt", "lte": "lte", "eq": "eq", "gt": "gt", "gte": "gte", "bt": "bt", "!bt": "!bt",
}  # fmt: skip
_SIDES = {"START_DATE": "start", "END_DATE": "end"}
_TEXTS = {"contains": "contains", "startsWith": "starts", "endsWith": "ends", "eq": "eq"}


def criterion(wrapped: Json, words: Words) -> Criterion:
    """``{"ConditionOccurrence": {…}}``; raises BadInput ``cohort-word`` for a domain or word that is not known."""
    from rempart.cohort.circe_group import group

    names = wrapped.names()
    if len(names) != 1 or names[0] not in words or names[0] == "shared":
        raise BadInput("cohort-word", file=wrapped.file, field=wrapped.path, word=", ".join(names)[:60] or "(none)")
    (domain,) = names
    given, known = wrapped.part(domain), {**words["shared"], **words[domain]}
    excludes = {word["exclude"] for word in known.values() if "exclude" in word}
    given.only([*_OWN, *known, *excludes, *(f"{name}CS" for name, word in known.items() if word["kind"] == "concepts")])
    around = group(given.part("CorrelatedCriteria"), words) if given.get("CorrelatedCriteria") else None
    found = _Found()
    for name, word in known.items():
        found.read(given, name, word)
    return Criterion(
        domain=domain,
        code_set=given.whole("CodesetId") if given.get("CodesetId") is not None else None,
        source_set=found.source,
        first=given.flag("First"),
        conditions=tuple(found.conditions),
        adjustment=_adjustment(given.part("DateAdjustment")) if given.get("DateAdjustment") else None,
        period=found.period,
        group=around if around is not None and not around.empty else None,
    )


class _Found:
    """What a criterion's words say."""

    def __init__(self) -> None:
        self.conditions: list[Condition] = []
        self.source: int | None = None
        self.period: Any = (None, None)

    def read(self, given: Json, name: str, word: Mapping[str, str]) -> None:
        """One word, and its form with a code set."""
        kind = word["kind"]
        if given.get(name) is not None:
            if kind == "source":
                self.source = given.whole(name)
            elif kind == "period":
                part = given.part(name)
                part.only(("StartDate", "EndDate"))
                self.period = (part.day("StartDate"), part.day("EndDate"))
            else:
                self.conditions += condition(given, name, word)
        if kind == "concepts" and given.get(f"{name}CS") is not None:
            self.conditions += _selection(given.part(f"{name}CS"), word["attribute"])


def condition(given: Json, name: str, word: Mapping[str, str]) -> list[Condition]:
    """What one word of a criterion demands; an empty list of concepts demands nothing."""
    kind, attribute = word["kind"], word["attribute"]
    if kind == "concepts":
        listed = tuple(item.whole("CONCEPT_ID") for item in given.items(name))
        excluded = given.flag(word["exclude"]) if "exclude" in word else False
        return [Concepts(attribute=attribute, concepts=listed, excluded=excluded)] if listed else []
    if kind == "codes":
        return [Concepts(attribute=attribute, code_set=given.whole(name))]
    if kind == "flag":
        return [Flag(attribute=attribute)] if given.flag(name) else []
    part = given.part(name)
    if kind == "text":
        return _text(part, attribute)
    part.only(("Value", "Op", "Extent"))
    how = part.choice("Op", _COMPARISONS)
    if kind == "number":
        extent = part.number("Extent") if part.get("Extent") is not None else None
        return [Number(attribute=attribute, comparison=how, value=part.number("Value"), extent=extent)]
    value = part.day("Value")
    if value is None:
        raise part.wrong("Value", "a day as YYYY-MM-DD")
    return [Day(attribute=attribute, comparison=how, value=value, extent=part.day("Extent"))]


def _text(part: Json, attribute: str) -> list[Condition]:
    part.only(("Text", "Op"))
    if not part.get("Text"):
        return []
    word = part.text("Op")
    how: Any = _TEXTS.get(word.removeprefix("!"))
    if how is None:
        raise part.wrong("Op", ", ".join([*_TEXTS, *(f"!{name}" for name in _TEXTS)]))
    return [Text(attribute=attribute, how=how, text=part.text("Text"), negated=word.startswith("!"))]


def _selection(part: Json, attribute: str) -> list[Condition]:
    part.only(("CodesetId", "IsExclusion"))
    if part.get("CodesetId") is None:
        return []
    return [Concepts(attribute=attribute, code_set=part.whole("CodesetId"), excluded=part.flag("IsExclusion"))]


def _adjustment(given: Json) -> Adjustment:
    given.only(("StartWith", "StartOffset", "EndWith", "EndOffset"))
    sides: Any = _SIDES
    return Adjustment(
        start_from=given.choice("StartWith", sides) if given.get("StartWith") else "start",
        start_days=given.whole("StartOffset", 0),
        end_from=given.choice("EndWith", sides) if given.get("EndWith") else "end",
        end_days=given.whole("EndOffset", 0),
    )
