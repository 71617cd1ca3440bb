# SPDX-License-Identifier: Apache-2.0
"""What an audit found, and the table of rules (``rules.toml``) that gives each finding its family and its words.

Judges nothing: the rules do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import Fact

ANOMALY = "anomaly"
Bad = tuple[int | None, Mapping[str, Fact]]
"""What a rule yields: the leaf's index (None: the log as a whole) and facts that fill the rule's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One breach. ``family``: ``not trusted`` (no proof), ``refused`` (a rule was broken), ``anomaly`` (to be looked at)."""

    index: int | None
    rule: str
    family: str
    facts: Mapping[str, Fact]

    def say(self, table: Mapping[str, Any], language: str) -> str:
        """One line in ``en`` or ``fr``, from the rule's words in the parsed ``rules.toml``."""
        text: str = table["rules"][self.rule]["found"][language]
        return text.format(**self.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything found, first index first, and how much of each kind of thing was looked at."""

    items: tuple[Finding, ...]
    counts: Mapping[str, int]
    origin: str
    size: int
    root: bytes

    @property
    def ok(self) -> bool:
        """True when nothing but anomalies was found."""
        return self.first is None

    @property
    def first(self) -> Finding | None:
        """The breach with the lowest index; anomalies do not count."""
        return next((item for item in self.items if item.family != ANOMALY), None)

    @property
    def anomalies(self) -> tuple[Finding, ...]:
        """What a person should look at, though no rule is broken."""
        return tuple(item for item in self.items if item.family == ANOMALY)


def finding(rule: str, table: Mapping[str, Any], bad: Bad) -> Finding:
    """A breach of ``rule``; a fact ``family`` overrides the rule's own."""
    index, told = bad
    facts = dict(told)
    family = str(facts.pop("family", table["rules"][rule]["family"]))
    return Finding(index=index, rule=rule, family=family, facts=facts)


def in_order(items: list[Finding]) -> tuple[Finding, ...]:
    """By index; what concerns the log as a whole comes last, since it names no leaf."""
    return tuple(sorted(items, key=lambda item: (item.index is None, item.index or 0)))
