# SPDX-License-Identifier: Apache-2.0
"""The table of rules on hosts and the lists of countries (``rules.toml``, ``countries.toml``), read into shape.

Judges nothing: ``hosts.guard`` does.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, cast

Profile = Literal["everything", "ciphertext", "nothing"]
PROFILES: tuple[Profile, ...] = ("everything", "ciphertext", "nothing")
"""From the most to the least that may lie there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the table. ``demands``, ``found``, ``sure`` (how the cited text was read): words by language."""

    id: str
    ask: str
    effect: Profile
    group: str
    cites: str
    sure: Mapping[str, str]
    demands: Mapping[str, str]
    found: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that a judgement rests on. ``premises``: name → the third countries that it makes adequate; per cent as Decimal."""

    rules: tuple[Rule, ...]
    union: frozenset[str]
    eea: frozenset[str]
    adequate: frozenset[str]
    premises: Mapping[str, frozenset[str]]
    hds: Mapping[str, frozenset[int]]
    individual: Decimal
    collective: Decimal
    warn_days: int
    source: str
    date: str

    def rule(self, name: str) -> Rule:
        """The rule of that id."""
        return next(rule for rule in self.rules if rule.id == name)

    def adequacy(self, without: Set[str]) -> frozenset[str]:
        """Third countries held adequate when the premises ``without`` fall."""
        standing = (countries for name, countries in self.premises.items() if name not in without)
        return self.adequate.union(*standing)


def host_rules(table: Mapping[str, Any], countries: Mapping[str, Any]) -> Rules:
    """From the parsed ``hosts/rules.toml`` and ``hosts/countries.toml``."""
    settings, union = table["settings"], frozenset(countries["union"]["countries"])
    return Rules(
        rules=tuple(_rule(item) for item in table["rules"]),
        union=union,
        eea=union | frozenset(countries["eea"]["countries"]),
        adequate=frozenset(countries["adequacy"]["countries"]),
        premises={name: frozenset(item["countries"]) for name, item in countries["premises"].items()},
        hds={use: frozenset(table["hds"][use]) for use in ("storage", "compute")},
        individual=Decimal(settings["individual_per_cent"]),
        collective=Decimal(settings["collective_per_cent"]),
        warn_days=int(settings["warn_days"]),
        source=str(table["source"]),
        date=str(table["date"]),
    )


def _rule(item: Mapping[str, Any]) -> Rule:
    if item["effect"] not in PROFILES:
        raise ValueError(f"rule {item['id']}: no such effect")
    return Rule(
        id=item["id"],
        ask=item["ask"],
        effect=cast(Profile, item["effect"]),
        group=item["group"],
        cites=item["cites"],
        sure=item["sure"],
        demands=item["demands"],
        found=item["found"],
    )
