# SPDX-License-Identifier: Apache-2.0
"""The cleaning rules as data: an ordered list, one bit each, and the SQL that marks a line with every rule it meets.

The first rule met, in this order, is the one a line is counted under; all of them are kept, for the overlaps. A bit is written down in
sealed rows: it is never changed and never used for another rule.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LINE, COMPACTION, OBSERVATION = "line", "compaction", "observation"
_HIGHEST_BIT = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """``drop``: table word → SQL condition; a table in ``at`` without one is judged by the mapping's own SQL. ``bit``: 0 to 62.

    ``years``: those it holds in, as words; ``enabled``: on unless switched; ``fixed``: nobody switches it; ``phase``: line, compaction
    or observation. Raises ValueError.
    """

    id: str
    bit: int
    at: tuple[str, ...]
    drop: Mapping[str, str]
    words: Mapping[str, str]
    source: str
    years: str
    phase: str
    enabled: bool
    fixed: bool

    def __post_init__(self) -> None:
        if not 0 <= self.bit <= _HIGHEST_BIT:
            raise ValueError(f"rule {self.id}: bit {self.bit}")
        if self.phase not in {LINE, COMPACTION, OBSERVATION}:
            raise ValueError(f"rule {self.id}: phase {self.phase}")
        if self.fixed and not self.enabled:
            raise ValueError(f"rule {self.id} cannot be switched off")
        if strange := set(self.drop) - set(self.at):
            raise ValueError(f"rule {self.id}: a condition for {', '.join(sorted(strange))}, which it does not judge")

    @property
    def mask(self) -> int:
        """The rule's bit as a number."""
        return 1 << self.bit


def rules(parsed: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> tuple[Rule, ...]:
    """Rules in their order, from parsed ``cleaning.toml``; ``parameters`` (its own when None) choose between forms of a rule.

    Raises ValueError for a rule that is off but fixed, for an id or a bit used twice.
    """
    given = parsed.get("parameters", {}) if parameters is None else parameters
    found = tuple(_rule(raw, given) for raw in parsed["rules"])
    for kind in ("id", "bit"):
        values = [getattr(rule, kind) for rule in found]
        if twice := {str(value) for value in values if values.count(value) > 1}:
            raise ValueError(f"{kind} of two rules: {', '.join(sorted(twice))}")
    return found


def _rule(raw: Mapping[str, Any], parameters: Mapping[str, Any]) -> Rule:
    return Rule(
        id=raw["id"],
        bit=raw["bit"],
        at=tuple(raw["at"]),
        drop=_drop(raw, parameters),
        words={"en": raw["en"], "fr": raw["fr"]},
        source=raw["source"],
        years=raw.get("years", "all"),
        phase=raw["phase"],
        enabled=bool(raw.get("default", True)),
        fixed=bool(raw.get("fixed", False)),
    )


def _drop(raw: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    given = raw.get("drop", {})
    if "form" in raw:
        given = given[parameters[raw["form"]]]
    if isinstance(given, str):
        return dict.fromkeys(raw["at"], given)
    return dict(given)


def marks_sql(ordered: Iterable[Rule], word: str) -> str:
    """A BIGINT expression: the bits of all rules, on or off, that a line of the table ``word`` meets and that need its unit alone.

    A NULL condition is not met.
    """
    chosen = [rule for rule in ordered if rule.phase == LINE and word in rule.drop]
    terms = [f"CASE WHEN {rule.drop[word]} THEN {rule.mask} ELSE 0 END" for rule in chosen]
    return f"({' | '.join(terms)})" if terms else "CAST(0 AS BIGINT)"


def met(ordered: Iterable[Rule], hits: int) -> tuple[str, ...]:
    """Ids of the rules in a mask, in order; the first is the one that counts."""
    return tuple(rule.id for rule in ordered if hits & rule.mask)


def mask(ordered: Iterable[Rule], word: str, inherited: Mapping[str, Iterable[str]]) -> int:
    """The bits that count at a table: of the rules at it, and at what its lines belong to."""
    places = {word, *inherited.get(word, ())}
    bits = 0
    for rule in ordered:
        if places & set(rule.at):
            bits |= rule.mask
    return bits


def enabled(ordered: Iterable[Rule], switches: Mapping[str, bool]) -> int:
    """The bits of the rules that are on: by default, unless ``switches`` (id → on) says otherwise."""
    bits = 0
    for rule in ordered:
        if rule.fixed or switches.get(rule.id, rule.enabled):
            bits |= rule.mask
    return bits
