# SPDX-License-Identifier: Apache-2.0
"""The cleaning rules as data: an ordered list, one bit each, and the SQL that marks a line with every rule it meets.

The first rule met, in this order, is the one a line is counted under; all of them are kept, for the overlaps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """``drop``: table word → SQL condition; a table in ``at`` without one is judged by the mapping's own SQL. ``bit``: 0, 1, …"""

    id: str
    bit: int
    at: tuple[str, ...]
    drop: Mapping[str, str]
    words: Mapping[str, str]
    source: str
    enabled: bool

    @property
    def mask(self) -> int:
        """The rule's bit as a number."""
        return 1 << self.bit


def rules(parsed: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Rules in their order, from parsed ``cleaning.toml``; raises ValueError for a rule that is switched off but fixed."""
    return tuple(_rule(bit, raw) for bit, raw in enumerate(parsed["rules"]))


def _rule(bit: int, raw: Mapping[str, Any]) -> Rule:
    enabled = bool(raw.get("enabled", True))
    if raw.get("fixed") and not enabled:
        raise ValueError(f"rule {raw['id']} cannot be switched off")
    return Rule(
        id=raw["id"],
        bit=bit,
        at=tuple(raw["at"]),
        drop=_drop(raw),
        words={"en": raw["en"], "fr": raw["fr"]},
        source=raw["source"],
        enabled=enabled,
    )


def _drop(raw: Mapping[str, Any]) -> dict[str, str]:
    given = raw.get("drop", {})
    if "use" in raw:
        given = given[raw["use"]]
    if isinstance(given, str):
        return dict.fromkeys(raw["at"], given)
    return dict(given)


def hits_sql(ordered: Iterable[Rule], word: str) -> str:
    """A BIGINT expression: the bits of all rules that a line of the table ``word`` meets. A NULL condition is not met."""
    terms = [
        f"CASE WHEN {rule.drop[word]} THEN {rule.mask} ELSE 0 END"
        for rule in ordered
        if rule.enabled and word in rule.drop
    ]
    return f"({' | '.join(terms)})" if terms else "0"


def met(ordered: Iterable[Rule], hits: int) -> tuple[str, ...]:
    """Ids of the rules in a mask, in order; the first is the one that counts."""
    return tuple(rule.id for rule in ordered if hits & rule.mask)
