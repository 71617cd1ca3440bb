# SPDX-License-Identifier: Apache-2.0
"""One criterion of an ATLAS definition: its domain, its code sets, its conditions. The words are those of ``circe.toml``.

Reads no group: ``circe_group.py`` does, and passes its reader in.
"""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from rempart.cohort.circe_fields import Json
from rempart.records.cohort import (
    Adjustment,
    Comparison,
    Concepts,
    Condition,
    Criterion,
    Day,
    Flag,
    Group,
    Number,
    Text,
)

Word = Mapping[str, str]
Words = Mapping[str, Mapping[str, Word]]
NO_DOMAIN = frozenset({"Demographic", "counted"})  # tables of circe.toml that are none
_LISTED = frozenset({"concepts", "chosen"})
_COMPARISONS: Mapping[str, Comparison] = {
    "lt": "lt", "lte": "lte", "eq": "eq", "gt": "gt", "gte": "gte", "bt": "bt", "!bt": "!bt", "!eq": "!bt",
}  # fmt: skip
_SIDES: Mapping[str, Any] = {"START_DATE": "start", "END_DATE": "end"}
_TEXTS: Mapping[str, Any] = {"contains": "contains", "startsWith": "starts", "endsWith": "ends", "eq": "eq"}


def domain_of(wrapped: Json, words: Words) -> str:
    """The one word of ``{"ConditionOccurrence": {…}}``; raises BadInput ``cohort-word`` for a domain that is not known."""
    names = wrapped.names()
    if len(names) != 1 or names[0] not in words or names[0] in NO_DOMAIN:
        raise wrapped.unknown(wrapped.path, ", ".join(names) or "{}")
    return names[0]


def criterion(wrapped: Json, words: Words, around: Callable[[Json], Group]) -> Criterion:
    """``{"ConditionOccurrence": {…}}``; ``around`` reads its ``CorrelatedCriteria``. Raises as ``definition_from_circe``."""
    domain = domain_of(wrapped, words)
    given, known = wrapped.part(domain), words[domain]
    given.only(["CorrelatedCriteria", *spoken(known)])
    group = around(given.part("CorrelatedCriteria")) if given.has("CorrelatedCriteria") else None
    found = _Found()
    for name, word in known.items():
        found.read(given, name, word)
    return Criterion(
        domain=domain,
        code_set=found.code_sets.get("code-set"),
        source_set=found.code_sets.get("source"),
        first=found.first,
        conditions=tuple(found.conditions),
        adjustment=found.adjustment,
        period=found.period,
        group=group if group is not None and not group.empty else None,
    )


def spoken(known: Mapping[str, Word]) -> list[str]:
    """Every word that a domain's table allows: its names, their forms with a code set, and what turns a list around."""
    chosen = [f"{name}CS" for name, word in known.items() if word["kind"] in _LISTED]
    plain = [name for name, word in known.items() if word["kind"] != "chosen"]
    return [*plain, *chosen, *(word["exclude"] for word in known.values() if "exclude" in word)]


class _Found:
    """What a criterion's words say."""

    def __init__(self) -> None:
        self.conditions: list[Condition] = []
        self.code_sets: dict[str, int] = {}
        self.first = False
        self.adjustment: Adjustment | None = None
        self.period: tuple[datetime.date | None, datetime.date | None] = (None, None)

    def read(self, given: Json, name: str, word: Word) -> None:
        """One word, and its form with a code set."""
        kind = word["kind"]
        if kind in _LISTED:
            self.conditions += conditions(given, name, word)
        elif given.has(name):
            self._own(given, name, word)

    def _own(self, given: Json, name: str, word: Word) -> None:
        kind = word["kind"]
        if kind in {"code-set", "source"}:
            self.code_sets[kind] = given.whole(name)
        elif kind == "first":
            self.first = given.flag(name)
        elif kind == "adjustment":
            self.adjustment = _adjustment(given.part(name), own=word.get("attribute") == "own")
        elif kind == "period":
            part = given.part(name)
            part.only(("StartDate", "EndDate"))
            self.period = (part.day("StartDate"), part.day("EndDate"))
        else:
            self.conditions += conditions(given, name, word)


def conditions(given: Json, name: str, word: Word) -> list[Condition]:
    """What one word demands; none where it is absent, or lists no concept."""
    if word["kind"] in _LISTED:
        return [*_list(given, name, word), *_selection(given, f"{name}CS", word["attribute"])]
    if not given.has(name):
        return []
    return _compared(given, name, word)


def _compared(given: Json, name: str, word: Word) -> list[Condition]:
    kind, attribute = word["kind"], word["attribute"]
    if kind == "codes":
        return [Concepts(attribute=attribute, code_set=given.whole(name))]
    if kind == "flag":
        return [Flag(attribute=attribute)] if given.flag(name) else []
    part = given.part(name)
    if kind == "text":
        return [_text(part, attribute)]
    part.only(("Value", "Op", "Extent"))
    return [_day(part, attribute) if kind == "day" else _number(part, attribute, whole=kind == "whole")]


def _list(given: Json, name: str, word: Word) -> list[Condition]:
    """A list of concepts; an empty one demands nothing."""
    if word["kind"] != "concepts":
        return []
    listed = tuple(item.concept("CONCEPT_ID") for item in given.items(name))
    excluded = given.flag(word["exclude"]) if "exclude" in word else False
    return [Concepts(attribute=word["attribute"], concepts=listed, excluded=excluded)] if listed else []


def _selection(given: Json, name: str, attribute: str) -> list[Condition]:
    """A code set chosen for an attribute; without its number: that the attribute says something, or nothing."""
    if not given.has(name):
        return []
    part = given.part(name)
    part.only(("CodesetId", "IsExclusion"))
    number = part.whole("CodesetId") if part.has("CodesetId") else None
    return [Concepts(attribute=attribute, code_set=number, excluded=part.flag("IsExclusion"))]


def _number(part: Json, attribute: str, *, whole: bool) -> Number:
    def asked(name: str) -> float:
        return part.whole(name) if whole else part.number(name)

    how, value = part.choice("Op", _COMPARISONS), asked("Value")
    extent = asked("Extent") if _ranged(part) else value
    return Number(attribute=attribute, comparison=how, value=value, extent=extent)


def _day(part: Json, attribute: str) -> Day:
    how, value = part.choice("Op", _COMPARISONS), part.day_needed("Value")
    return Day(
        attribute=attribute, comparison=how, value=value, extent=part.day_needed("Extent") if _ranged(part) else value
    )


def _ranged(part: Json) -> bool:
    """Whether the comparison has an upper bound: other ones may carry one that says nothing."""
    return part.text("Op").lower().endswith("bt")


def _text(part: Json, attribute: str) -> Text:
    part.only(("Text", "Op"))
    word = part.text("Op")
    how = _TEXTS.get(word.removeprefix("!"))
    if how is None:
        raise part.wrong("Op", ", ".join([*_TEXTS, *(f"!{name}" for name in _TEXTS)]))
    return Text(attribute=attribute, how=how, text=part.text("Text"), negated=word.startswith("!"))


def _adjustment(given: Json, *, own: bool) -> Adjustment:
    """``own``: the offsets count from the record's own start and own end, whichever side is named."""
    given.only(("StartWith", "StartOffset", "EndWith", "EndOffset"))
    start, end = given.choice("StartWith", _SIDES, "start"), given.choice("EndWith", _SIDES, "end")
    return Adjustment(
        start_from="start" if own else start,
        start_days=given.days("StartOffset", 0),
        end_from="end" if own else end,
        end_days=given.days("EndOffset", 0),
    )
