# SPDX-License-Identifier: Apache-2.0
"""One thing that speaks against a file. Names rule and place, never a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFinding:
    """``rule``: of ``files.toml``; ``verdict``: ``refused`` or ``review``; ``where``: line or column by its number, '' for the whole."""

    rule: str
    verdict: str
    where: str = ""

    def say(self, rules: Mapping[str, Any], language: str) -> str:
        """In words, with the place."""
        words = str(rules["rules"][self.rule][language])
        return f"{words} ({self.where})" if self.where else words


def found(rule: str, rules: Mapping[str, Any], where: str = "") -> FileFinding:
    """A finding with the verdict of its rule."""
    return FileFinding(rule=rule, verdict=str(rules["rules"][rule]["verdict"]), where=where)
