# SPDX-License-Identifier: Apache-2.0
"""Groups of an ATLAS definition: demands joined by all, any, at least, at most; records counted in windows around an event."""

from collections.abc import Mapping
from typing import Any, Literal

from rempart.cohort.circe_criterion import Words, condition, criterion
from rempart.cohort.circe_fields import Json
from rempart.records.cohort import Bound, Concepts, Condition, Correlated, Group, Window

_KINDS: Any = {"ALL": "all", "ANY": "any", "AT_LEAST": "at_least", "AT_MOST": "at_most"}
_COUNTED: Mapping[int, Literal["exactly", "at_most", "at_least"]] = {0: "exactly", 1: "at_most", 2: "at_least"}
_DISTINCT = {"": "concept", "DOMAIN_CONCEPT": "concept", "START_DATE": "start", "VISIT_ID": "visit"}
_DEMOGRAPHIC: Words = {
    "demographic": {
        "Age": {"kind": "number", "attribute": "age"},
        "Gender": {"kind": "concepts", "attribute": "gender"},
        "Race": {"kind": "concepts", "attribute": "race"},
        "Ethnicity": {"kind": "concepts", "attribute": "ethnicity"},
        "OccurrenceStartDate": {"kind": "day", "attribute": "start"},
        "OccurrenceEndDate": {"kind": "day", "attribute": "end"},
    }
}


def group(given: Json, words: Words) -> Group:
    """A group and all that stands in it; raises BadInput as ``circe.definition_from_circe``."""
    given.only(("Type", "Count", "CriteriaList", "DemographicCriteriaList", "Groups"))
    if not given.names():
        return Group(kind="all")
    return Group(
        kind=given.choice("Type", _KINDS),
        count=given.whole("Count", 0),
        correlated=tuple(_correlated(item, words) for item in given.items("CriteriaList")),
        demographic=tuple(_demographic(item) for item in given.items("DemographicCriteriaList")),
        groups=tuple(found for item in given.items("Groups") if not (found := group(item, words)).empty),
    )


def _correlated(given: Json, words: Words) -> Correlated:
    given.only(("Criteria", "StartWindow", "EndWindow", "Occurrence", "RestrictVisit", "IgnoreObservationPeriod"))
    counted = given.part("Occurrence")
    counted.only(("Type", "Count", "IsDistinct", "CountColumn"))
    how = _COUNTED.get(counted.whole("Type"))
    if how is None:
        raise counted.wrong("Type", "0, 1 or 2")
    column = counted.text("CountColumn", "")
    if column not in _DISTINCT:
        raise counted.wrong("CountColumn", ", ".join(name for name in _DISTINCT if name))
    return Correlated(
        criterion=criterion(given.part("Criteria"), words),
        count=counted.whole("Count", 0),
        how=how,
        distinct=_DISTINCT[column] if counted.flag("IsDistinct") else "",
        start=_window(given.part("StartWindow"), of_end=False) if given.get("StartWindow") else None,
        end=_window(given.part("EndWindow"), of_end=True) if given.get("EndWindow") else None,
        same_visit=given.flag("RestrictVisit"),
        outside_observation=given.flag("IgnoreObservationPeriod"),
    )


def _window(given: Json, *, of_end: bool) -> Window:
    """An end window means the record's end unless it says otherwise."""
    given.only(("Start", "End", "UseIndexEnd", "UseEventEnd"))
    of_record = given.flag("UseEventEnd") if given.get("UseEventEnd") is not None else of_end
    return Window(
        first=_bound(given.part("Start")),
        last=_bound(given.part("End")),
        of_index="end" if given.flag("UseIndexEnd") else "start",
        of_record="end" if of_record else "start",
    )


def _bound(given: Json) -> Bound:
    given.only(("Days", "Coeff"))
    sign: Literal[-1, 1] = -1 if given.whole("Coeff") < 0 else 1
    days = given.get("Days")
    return Bound(days=None if days is None else sign * given.whole("Days"), sign=sign)


def _demographic(given: Json) -> tuple[Condition, ...]:
    known = _DEMOGRAPHIC["demographic"]
    given.only([*known, "GenderCS", "RaceCS", "EthnicityCS"])
    found: list[Condition] = []
    for name, word in known.items():
        if given.get(name) is not None:
            found += condition(given, name, word)
        chosen = given.part(f"{name}CS")
        if chosen.get("CodesetId") is not None:
            found.append(
                Concepts(attribute=word["attribute"], code_set=chosen.whole("CodesetId"), excluded=chosen.flag("IsExclusion"))
            )
    return tuple(found)
