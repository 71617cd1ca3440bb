# SPDX-License-Identifier: Apache-2.0
"""An operator's rules file: switches of rules and values of their parameters, checked against the rules that there are.

A switch is a mask when research tables are made; a parameter changes what lines are marked with, so that units made with unlike
parameters cannot be put together. Reads no file.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rempart.errors import BadInput, Refused
from rempart.ingest.rules import LINE, Rule, enabled, mask, rules
from rempart.records.canonical import canonical_bytes

_TABLES = frozenset({"switch", "parameters", "observation", "source", "date"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesChoice:
    """The rules as one ingest applies them. ``switches``: rule id → on, those the operator gave; ``inherited``: word → words;
    ``observation``: options of observation, which ``context`` judges."""

    rules: tuple[Rule, ...]
    switches: Mapping[str, bool]
    parameters: Mapping[str, Any]
    inherited: Mapping[str, tuple[str, ...]]
    observation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def enabled(self) -> int:
        """The bits of the rules that are on."""
        return enabled(self.rules, self.switches)

    def mask(self, word: str) -> int:
        """The bits of rules that are on and count at a table of that word."""
        return mask(self.rules, word, self.inherited) & self.enabled

    @property
    def marks_hash(self) -> str:
        """SHA-256, hexadecimal, of what lines are marked with: rules of the line, on or off, and parameters. Units must share it."""
        marked = {rule.id: [rule.bit, dict(rule.drop)] for rule in self.rules if rule.phase == LINE}
        return _hash({"rules": marked, "parameters": dict(self.parameters)})

    @property
    def effective_hash(self) -> str:
        """SHA-256, hexadecimal, of all that decides which lines go: rules, parameters, and which rules are on."""
        every = [
            [rule.id, rule.bit, rule.phase, dict(rule.drop), bool(self.enabled & rule.mask)] for rule in self.rules
        ]
        return _hash({"rules": every, "parameters": dict(self.parameters)})

    def facts(self) -> dict[str, Any]:
        """What a snapshot records: the two hashes, the rules that are off, and the parameters that an operator can set."""
        off = [rule.id for rule in self.rules if not self.enabled & rule.mask]
        plain = {name: value for name, value in self.parameters.items() if not isinstance(value, list)}
        return {"rules": self.effective_hash, "marks": self.marks_hash, "off": off, "parameters": plain}


def rules_choice(cleaning: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> RulesChoice:
    """The rules of parsed ``cleaning.toml`` with an operator's parsed file (``[switch]`` id = true or false, ``[parameters]``).

    Raises BadInput ``rules-unknown`` for a rule, parameter or table that there is not, ``rules-value`` for a value of the wrong
    kind, Refused ``rule-fixed`` for a rule that nobody switches.
    """
    chosen = given or {}
    for name in sorted(set(chosen) - _TABLES):
        raise BadInput("rules-unknown", name=name)
    parameters = {**cleaning["parameters"], **_parameters(cleaning, chosen.get("parameters", {}))}
    try:
        ordered = rules(cleaning, parameters)
    except KeyError as error:
        raise BadInput("rules-value", name=str(error.args[0])) from error
    return RulesChoice(
        rules=ordered,
        switches=_switches(ordered, chosen.get("switch", {})),
        parameters=parameters,
        inherited={word: tuple(words) for word, words in cleaning["inherit"].items()},
        observation=dict(chosen.get("observation", {})),
    )


def _parameters(cleaning: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in given.items():
        if name not in cleaning["parameters"]:
            raise BadInput("rules-unknown", name=name)
        own = cleaning["parameters"][name]
        if type(value) is not type(own) or not _safe(value):
            raise BadInput("rules-value", name=name)
    return dict(given)


def _safe(value: object) -> bool:
    """Values become SQL: a number, or letters, figures, dots and bars alone."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, str) and _safe(item) for item in value)
    return isinstance(value, int) or (isinstance(value, str) and value.isascii() and value.replace("_", "").isalnum())


def _switches(ordered: tuple[Rule, ...], given: Mapping[str, Any]) -> dict[str, bool]:
    known = {rule.id: rule for rule in ordered}
    for name, value in given.items():
        if name not in known:
            raise BadInput("rules-unknown", name=name)
        if not isinstance(value, bool):
            raise BadInput("rules-value", name=name)
        if known[name].fixed and not value:
            raise Refused("rule-fixed", rule=name)
    return dict(given)


def _hash(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_bytes(value)).hexdigest()
