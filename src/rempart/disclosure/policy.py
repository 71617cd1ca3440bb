# SPDX-License-Identifier: Apache-2.0
"""The rule file as typed values. Holds no threshold of its own: every number comes from ``rules.toml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from rempart.errors import BadInput, Refused

SCHEMA = "rempart.disclosure-rules/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRule:
    """What one output type may contain. ``margins``: names of the sums that tie its cells (``margins.py``); ``needs``: what every group
    must tell (``type_rules.py``)."""

    counts: frozenset[str]
    measures: frozenset[str]
    margins: tuple[str, ...]
    rules: tuple[str, ...]
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``persons``, ``establishments``, ``width``: thresholds in distinct units; ``rounding``: statistic → how;
    ``limits``: fewest degrees of freedom and inhabitants; ``hierarchies``: system of codes → the form of its codes."""

    id: str
    persons: int
    establishments: int
    width: int
    zeros: bool
    differences: bool
    top_two_share: float
    second_guess: float
    rounding: Mapping[str, Mapping[str, int]]
    rounding_of: Mapping[str, Mapping[str, Mapping[str, int]]]
    types: Mapping[str, TypeRule]
    limits: Mapping[str, int]
    hierarchies: Mapping[str, str]

    def __post_init__(self) -> None:
        if min(self.persons, self.establishments, self.width) < 2:
            raise BadInput("disclosure-rules", field="threshold", expected="2 or more")

    def small(self, persons: int | None) -> bool:
        """Whether a number of distinct persons is too small to show."""
        return persons is not None and (1 <= persons < self.persons or (persons == 0 and self.zeros))

    def type_rule(self, output: str, output_type: str) -> TypeRule:
        """The rule of a type; raises Refused ``disclosure-output-type``: what is not known is not released."""
        try:
            return self.types[output_type]
        except KeyError:
            raise Refused("disclosure-output-type", output=output, type=output_type) from None

    def rounded(self, output_type: str, statistic: str, value: float) -> float:
        """``value`` with no more digits than the rule for its statistic allows (half to even)."""
        how = self.rounding_of.get(output_type, {}).get(statistic) or self.rounding.get(statistic)
        if how is None:
            return value
        exact = Decimal(repr(value))
        digits = how["decimals"] if "decimals" in how else how["significant"] - 1 - exact.adjusted()
        return float(exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)) if exact else 0.0


def policy_from(rules: Mapping[str, Any]) -> Policy:
    """The policy in a parsed ``rules.toml``; raises BadInput ``disclosure-rules`` when something is absent or of another form."""
    try:
        if rules["schema"] != SCHEMA:
            raise BadInput("disclosure-rules", field="schema", expected=SCHEMA)
        threshold, dominance = rules["threshold"], rules["dominance"]
        return Policy(
            id=str(rules["id"]),
            persons=int(threshold["persons"]),
            establishments=int(threshold["establishments"]),
            width=int(threshold["width"]),
            zeros=bool(threshold["zeros_are_disclosive"]),
            differences=bool(threshold["total_differences"]),
            top_two_share=float(dominance["top_two_share"]),
            second_guess=float(dominance["second_guess"]),
            rounding=dict(rules["rounding"]),
            rounding_of=dict(rules["rounding_of"]),
            types={name: _type_rule(entry) for name, entry in rules["types"].items()},
            limits={name: int(value) for name, value in rules.get("limits", {}).items()},
            hierarchies={name: str(entry["form"]) for name, entry in rules.get("hierarchies", {}).items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("disclosure-rules", field=str(error), expected="as in the rules file of this version") from error


def _type_rule(entry: Mapping[str, Any]) -> TypeRule:
    return TypeRule(
        counts=frozenset(entry["counts"]),
        measures=frozenset(entry["measures"]),
        margins=tuple(entry["margins"]),
        rules=tuple(entry["rules"]),
        needs=frozenset(entry.get("needs", ())),
    )
