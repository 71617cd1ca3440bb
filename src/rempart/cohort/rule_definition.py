# SPDX-License-Identifier: Apache-2.0
"""The rules of a study file as terms of the one cohort model (records/cohort.py). Writes no SQL.

Records count whether or not the person was observed then; what is asked of observation is a rule of its own.
"""

import datetime
from collections.abc import Mapping
from typing import Literal

from rempart.records.cohort import (
    Bound,
    CohortDefinition,
    Comparison,
    Condition,
    Correlated,
    Criterion,
    Day,
    Group,
    GroupKind,
    InclusionRule,
    Limit,
    Listed,
    Number,
    Origin,
    Window,
)
from rempart.records.cohort_rules import Counted, Rule, RuleCohort, RuleEvent, RuleGroup
from rempart.records.protocol import CodeList

Codes = Mapping[str, CodeList]
_SIGNS: Mapping[str, Comparison] = {"<": "lt", "<=": "lte", "=": "eq", ">": "gt", ">=": "gte"}
_LIMITS: Mapping[str, Limit] = {"first": "first", "every": "all", "last": "last"}
COUNTED = {"record": "", "day": "start", "code": "concept", "visit": "visit"}
_KINDS: Mapping[str, GroupKind] = {"all": "all", "any": "any", "at_least": "at_least", "at_most": "at_most"}
_NOBODY = 0


def definition_of(cohort: RuleCohort, *, codes: Codes, period: tuple[datetime.date, datetime.date]) -> CohortDefinition:
    """The cohort with ``entry`` in the one model; ``rules``: include, then exclude, each as what must hold."""
    inside = Day(attribute="start", comparison="bt", value=period[0], extent=period[1])
    same_visit = any(item.same_visit for _, _, rule in cohort.numbered() for _, item in rule.counted())
    entry = {"ended": cohort.exit.of == "end", "of_visit": same_visit}
    return CohortDefinition(
        primary=tuple(criterion(event, codes, more=(inside,), **entry) for event in cohort.entry),
        primary_limit=_LIMITS[cohort.limit],
        nth=cohort.nth,
        prior_days=cohort.prior_observation_days,
        rules=(
            *(InclusionRule(name=rule.name, group=demand(rule, codes)) for rule in cohort.include),
            *(InclusionRule(name=f"without {rule.name}", group=refusal(rule, codes)) for rule in cohort.exclude),
        ),
        censoring=tuple(criterion(event, codes) for event in cohort.exit.events),
        era_pad=cohort.collapse_days,
    )


def criterion(
    event: RuleEvent,
    codes: Codes,
    *,
    more: tuple[Condition, ...] = (),
    ended: bool = False,
    of_visit: bool = False,
    of_code: bool = False,
) -> Criterion:
    """An event as a criterion; ``more``: further conditions."""
    conditions: list[Condition] = []
    for attribute in ("status", "specialty", "setting", "place"):
        if values := getattr(event, attribute):
            conditions.append(Listed(attribute=attribute, values=values))
    for name, compared in event.where.items():
        sign, number = compared.split(" ")
        conditions.append(Number(attribute=name, comparison=_SIGNS[sign], value=int(number)))
    return Criterion(
        domain=event.domain or "cohort",
        cohort=event.cohort,
        codes=codes[event.codes] if event.codes else None,
        conditions=(*conditions, *more),
        ended=ended,
        of_visit=of_visit,
        of_code=of_code,
    )


def demand(rule: Rule, codes: Codes) -> Group:
    """What must hold."""
    return _group(rule.demand, codes)


def refusal(rule: Rule, codes: Codes) -> Group:
    """That it does not hold."""
    return Group(kind="at_most", count=_NOBODY, groups=(_group(rule.demand, codes),))


def washout(cohort: RuleCohort, codes: Codes) -> Group:
    """No entry event on the days before."""
    asked = (_records(event, codes, -cohort.washout_days, -1) for event in cohort.entry)
    return Group(kind="at_most", count=_NOBODY, correlated=tuple(asked))


def lives_in(places: tuple[str, ...], codes: Codes) -> Group:
    """Residence in one of the places on the day of the entry event."""
    event = RuleEvent(domain="residence", place=places)
    return Group(kind="all", correlated=(counted(Counted(event=event, days=(0, 0), overlap=True), codes),))


def _records(event: RuleEvent, codes: Codes, first: int, last: int) -> Correlated:
    return counted(Counted(event=event, days=(first, last)), codes)


def _group(item: Counted | RuleGroup, codes: Codes) -> Group:
    if isinstance(item, Counted):
        return Group(kind="all", correlated=(counted(item, codes),))
    return Group(
        kind=_KINDS[item.kind],
        count=item.number,
        correlated=tuple(counted(one, codes) for one in item.items if isinstance(one, Counted)),
        groups=tuple(_group(one, codes) for one in item.items if isinstance(one, RuleGroup)),
    )


def counted(item: Counted, codes: Codes) -> Correlated:
    """A demand as records counted in a window; around another event, as that event with such records around it."""
    sign, number = item.count.split(" ")
    count, how = _how(sign, int(number))
    start, end = _windows(item)
    asked = criterion(
        item.event,
        codes,
        ended=item.overlap,
        of_visit=item.same_visit or item.distinct == "visit",
        of_code=item.distinct == "code",
    )
    inner = Correlated(
        criterion=asked,
        count=count,
        how=how,
        start=start,
        end=end,
        distinct=COUNTED[item.distinct],
        same_visit=item.same_visit,
        outside_observation=True,
    )
    return inner if item.after is None else _around(item.after, inner, codes)


def _around(after: Counted, inner: Correlated, codes: Codes) -> Correlated:
    """At least one of the other event that has so many records around it."""
    anchor = criterion(after.event, codes, of_visit=inner.same_visit)
    start, end = _windows(after)
    group = Group(kind="all", correlated=(inner,))
    return Correlated(
        criterion=Criterion(
            domain=anchor.domain,
            cohort=anchor.cohort,
            codes=anchor.codes,
            conditions=anchor.conditions,
            of_visit=anchor.of_visit,
            group=group,
        ),
        count=1,
        how="at_least",
        start=start,
        end=end,
        outside_observation=True,
    )


def _how(sign: str, number: int) -> tuple[int, Literal["exactly", "at_most", "at_least"]]:
    if sign == "=":
        return number, "exactly"
    if sign in {"<", "<="}:
        return (number - 1 if sign == "<" else number), "at_most"
    return (number + 1 if sign == ">" else number), "at_least"


def _windows(item: Counted) -> tuple[Window | None, Window | None]:
    """The record's first day within the window; overlapping: it begins before the window's end and ends after its beginning."""
    origin: Origin = "start" if item.origin == "index" else "observation_start"
    first, last = (Bound(days=day, sign=1 if day > 0 else -1) for day in item.days)
    if not item.overlap:
        return Window(first=first, last=last, of_index=origin), None
    before, after = Bound(days=None, sign=-1), Bound(days=None, sign=1)
    return (
        Window(first=before, last=last, of_index=origin),
        Window(first=first, last=after, of_index=origin, of_record="end"),
    )
