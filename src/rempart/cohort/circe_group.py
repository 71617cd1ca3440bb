# SPDX-License-Identifier: Apache-2.0
"""Groups of an ATLAS definition: demands joined by all, any, at least, at most; records counted in windows around an event.

Decides nothing about events; ``groups_sql.py`` does.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from rempart.cohort.circe_criterion import Words, conditions, criterion, domain_of, spoken
from rempart.cohort.circe_fields import Json
from rempart.records.cohort import Bound, Condition, Correlated, Criterion, Group, Window

_KINDS: Any = {"ALL": "all", "ANY": "any", "AT_LEAST": "at_least", "AT_MOST": "at_most"}
_COUNTED: Mapping[int, Literal["exactly", "at_most", "at_least"]] = {0: "exactly", 1: "at_most", 2: "at_least"}


def criteria(holder: Json, name: str, words: Words) -> tuple[Criterion, ...]:
    """A list of criteria; raises BadInput as ``circe.definition_from_circe``."""
    return tuple(_criterion(item, words) for item in holder.items(name))


def _criterion(wrapped: Json, words: Words) -> Criterion:
    return criterion(wrapped, words, partial(group, words=words))


def group(given: Json, words: Words) -> Group:
    """A group and all that stands in it; an empty one demands nothing. Raises BadInput as ``circe.definition_from_circe``."""
    given.only(("Type", "Count", "CriteriaList", "DemographicCriteriaList", "Groups"))
    correlated = tuple(_correlated(item, words) for item in given.items("CriteriaList"))
    demographic = tuple(_demographic(item, words) for item in given.items("DemographicCriteriaList"))
    groups = tuple(group(item, words) for item in given.items("Groups"))
    kind = given.choice("Type", _KINDS, None if correlated or demographic or groups else "all")
    return Group(
        kind=kind,
        count=given.whole("Count", least=0) if kind in {"at_least", "at_most"} else 0,
        correlated=correlated,
        demographic=demographic,
        groups=groups,
    )


def _correlated(given: Json, words: Words) -> Correlated:
    given.only(("Criteria", "StartWindow", "EndWindow", "Occurrence", "RestrictVisit", "IgnoreObservationPeriod"))
    counted, asked = given.needed("Occurrence"), given.needed("Criteria")
    counted.only(("Type", "Count", "IsDistinct", "CountColumn"))
    how = _COUNTED.get(counted.whole("Type"))
    if how is None:
        raise counted.wrong("Type", "0, 1, 2")
    return Correlated(
        criterion=_criterion(asked, words),
        count=counted.whole("Count", 0, least=0),
        how=how,
        distinct=_distinct(counted, domain_of(asked, words), words) if counted.flag("IsDistinct") else "",
        start=_window(given.part("StartWindow"), of_end=False) if given.has("StartWindow") else None,
        end=_window(given.part("EndWindow"), of_end=True) if given.has("EndWindow") else None,
        same_visit=given.flag("RestrictVisit"),
        outside_observation=given.flag("IgnoreObservationPeriod"),
    )


def _distinct(counted: Json, domain: str, words: Words) -> str:
    """Of what different values are counted: of concepts, where it is not said."""
    known = {
        word: given["name"] for word, given in words["counted"].items() if {"*", domain} & set(given["domains"].split())
    }
    return counted.choice("CountColumn", known, "concept")


def _window(given: Json, *, of_end: bool) -> Window:
    """An end window means the record's end unless it says otherwise."""
    given.only(("Start", "End", "UseIndexEnd", "UseEventEnd"))
    of_record = given.flag("UseEventEnd") if given.has("UseEventEnd") else of_end
    return Window(
        first=_bound(given.needed("Start")),
        last=_bound(given.needed("End")),
        of_index="end" if given.flag("UseIndexEnd") else "start",
        of_record="end" if of_record else "start",
    )


def _bound(given: Json) -> Bound:
    given.only(("Days", "Coeff"))
    coefficient = given.whole("Coeff")
    if coefficient not in (-1, 1):
        raise given.wrong("Coeff", "-1, 1")
    sign: Literal[-1, 1] = -1 if coefficient < 0 else 1
    return Bound(days=sign * given.days("Days") if given.has("Days") else None, sign=sign)


def _demographic(given: Json, words: Words) -> tuple[Condition, ...]:
    known = words["Demographic"]
    given.only(spoken(known))
    return tuple(found for name, word in known.items() for found in conditions(given, name, word))
