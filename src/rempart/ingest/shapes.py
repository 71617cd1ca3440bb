# SPDX-License-Identifier: Apache-2.0
"""The forms of code systems, as SQL: whether what stands in a code's column can be a code at all. Knows no code; runs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """``pattern``: of a whole value, in capitals, without dots; ``least`` and ``most``: whole numbers between which every one has the
    form, asked first because that costs less (0 and 0 = nothing asked)."""

    pattern: str
    least: int = 0
    most: int = 0

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Shape":
        """From its part of ``schemas/format.toml``; raises KeyError, TypeError, ValueError for what is none."""
        return cls(pattern=str(raw["pattern"]), least=int(raw.get("least", 0)), most=int(raw.get("most", 0)))

    def odd_sql(self, value: str, wrong: str) -> str:
        """True of a filled value that has not the form; never NULL. ``wrong``: true of one that is refused whatever its form."""
        quick = (
            f"WHEN TRY_CAST({value} AS BIGINT) BETWEEN {self.least} AND {self.most} THEN FALSE " if self.most else ""
        )
        bare = f"upper(replace(trim({value}), '.', ''))"
        return (
            f"CASE {quick}WHEN regexp_full_match({value}, '{self.pattern}') THEN FALSE WHEN {value} IS NULL THEN FALSE "
            f"ELSE NOT regexp_full_match({bare}, '(?:{self.pattern})?') AND NOT coalesce({wrong}, FALSE) END"
        )
