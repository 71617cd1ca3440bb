# SPDX-License-Identifier: Apache-2.0
"""A cohort definition as data: who enters when, who is kept, when each leaves. One model for the study file and for ATLAS definitions.

Names follow the OHDSI cohort expression (circe-be): primary events, correlated criteria, inclusion rules, exit, eras. Says nothing of SQL.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rempart.records.protocol import CodeList

Limit = Literal["all", "first", "last"]
Origin = Literal["start", "end", "observation_start"]
GroupKind = Literal["all", "any", "at_least", "at_most"]
Comparison = Literal["lt", "lte", "eq", "gt", "gte", "bt", "!bt"]
Side = Literal["start", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSet:
    """Concepts listed, their descendants, what maps to them; minus the excluded ones. Each entry: (concept, descendants, mapped)."""

    include: tuple[tuple[int, bool, bool], ...]
    exclude: tuple[tuple[int, bool, bool], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Concepts:
    """The attribute is one of these concepts or of that code set (without either: any at all); ``excluded``: it is none of them."""

    attribute: str
    concepts: tuple[int, ...] = ()
    code_set: int | None = None
    excluded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """The attribute compared with a number; ``extent``: the upper bound of ``bt`` and ``!bt``, both included."""

    attribute: str
    comparison: Comparison
    value: float
    extent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The attribute compared with a day, as ``Number``."""

    attribute: str
    comparison: Comparison
    value: datetime.date
    extent: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The attribute contains, starts or ends with a text (``%`` any marks, ``_`` any one mark); ``negated``: it does not."""

    attribute: str
    how: Literal["contains", "starts", "ends", "eq"]
    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A condition of the domain by its name alone: an abnormal measurement."""

    attribute: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The attribute is one of these texts."""

    attribute: str
    values: tuple[str, ...]


Condition = Concepts | Number | Day | Text | Flag | Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Other days than the record's own: offsets in days from its start or end."""

    start_from: Side = "start"
    start_days: int = 0
    end_from: Side = "end"
    end_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """Records of a domain. ``first``: the person's first of the code set, before the conditions are asked. ``period``: days in place of
    a period's own. ``group``: what must hold around the record.

    Of claims (``cohort/claims_sql.py``): ``codes`` in place of code sets, matched on source codes; ``cohort``: the periods of a cohort that
    was made before; ``ended``, ``of_visit``, ``of_code``: whether the record's end, visit and code are asked for at all."""

    domain: str
    code_set: int | None = None
    source_set: int | None = None
    first: bool = False
    conditions: tuple[Condition, ...] = ()
    adjustment: Adjustment | None = None
    period: tuple[datetime.date | None, datetime.date | None] = (None, None)
    group: "Group | None" = None
    codes: CodeList | None = None
    cohort: str = ""
    ended: bool = False
    of_visit: bool = False
    of_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Days before (negative) or after the index; None: without bound on the side that ``sign`` tells."""

    days: int | None
    sign: Literal[-1, 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where a record's day must lie: between two bounds counted from the index event's start or end."""

    first: Bound
    last: Bound
    of_index: Origin = "start"
    of_record: Side = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlated:
    """So many records of a criterion around an index event. ``distinct``: of what different values are counted (concept, start, end,
    visit, duration, or one of ``counted`` in domains.toml)."""

    criterion: Criterion
    count: int
    how: Literal["exactly", "at_most", "at_least"]
    start: Window | None = None
    end: Window | None = None
    distinct: str = ""
    same_visit: bool = False
    outside_observation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Several demands of one index event: all, any, at least or at most ``count`` of them."""

    kind: GroupKind
    count: int = 0
    correlated: tuple[Correlated, ...] = ()
    demographic: tuple[tuple[Condition, ...], ...] = ()
    groups: tuple["Group", ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing is demanded."""
        return not (self.correlated or self.demographic or self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionRule:
    """A named demand of each qualified event."""

    name: str
    group: Group


@dataclass(frozen=True, slots=True, kw_only=True)
class DateOffset:
    """Leave so many days after the event's start or end, no later than the end of observation."""

    days: int
    of: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugEraExit:
    """Leave with the end of continuous exposure: gaps up to ``gap_days``, then ``offset`` days; ``supply``: days in its
    place."""

    code_set: int
    gap_days: int
    offset: int
    supply: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortDefinition:
    """All of it. ``window``: first and last day that a period of the cohort may have; ``nth``: which of a person's entry days, from 1."""

    code_sets: Mapping[int, CodeSet] = field(default_factory=dict)
    primary: tuple[Criterion, ...]
    prior_days: int = 0
    post_days: int = 0
    primary_limit: Limit = "all"
    additional: Group | None = None
    qualified_limit: Limit = "all"
    rules: tuple[InclusionRule, ...] = ()
    expression_limit: Limit = "all"
    exit: DateOffset | DrugEraExit | None = None
    censoring: tuple[Criterion, ...] = ()
    era_pad: int = 0
    nth: int | None = None
    window: tuple[datetime.date | None, datetime.date | None] = (None, None)
