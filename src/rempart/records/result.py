# SPDX-License-Identifier: Apache-2.0
"""A result: one long table of typed cells with the evidence that the disclosure rules need (contract §8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["raw", "kept", "suppressed", "rounded", "altered"]
SUPPRESSED = "suppressed"  # the one marker of every suppressed cell; never 0, never a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One cell. ``row_key``/``column_key``: dimensions to values; ``n_persons``: distinct persons behind the value;
    ``persons_ref``: name of the person set (cells with one ref describe the same persons); None where not applicable."""

    run: str
    output: str
    output_type: str
    row_key: Mapping[str, str]
    column_key: Mapping[str, str]
    statistic: str
    value: float | None
    unit: str
    n_persons: int | None
    n_establishments: int | None = None
    top1: float | None = None
    top2: float | None = None
    total_abs: float | None = None
    persons_ref: str = ""
    status: Status = "raw"
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTable:
    """An output that passed the disclosure rules. Made by ``disclosure`` alone; ``release`` accepts nothing else (law 4).

    ``rows`` have status kept, suppressed (value None), rounded, altered (a count); ``rules``: rule file id; ``record``: machine-readable
    record of every rule applied, without any suppressed value."""

    output: str
    output_type: str
    rows: tuple[ResultRow, ...]
    rules: str
    record: tuple[Mapping[str, object], ...] = field(default=())
