# SPDX-License-Identifier: Apache-2.0
"""Notes of drift, brought together: one row for a note on a column over all its periods, what matters first. Words are the locale's."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PERIOD = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])?")
_IN_NAME = re.compile(r"_((?:19|20)\d{2}(?:(?:0[1-9]|1[0-2]))?)(?=[_.])")
_SHORT = re.compile(r"T_[A-Z]+(\d\d)[A-Z0-9]*\.")
_FIRST = (
    "file-refused", "file-empty", "column-missing", "quarantine", "code-form", "named-person", "lines-joined", "encoding-latin-1",
    "column-unknown", "columns-left-out",
    "table-left-out", "column-outside-its-years", "no-lines", "column-renamed", "population-unlike", "keys-made-anew",
    "archive-stays",
)  # fmt: skip
OPTIONAL = ("column-not-yet", "column-absent", "table-not-delivered")
"""Codes of what may be absent, and is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """One note on one thing. ``what``: a column or '' for the table; ``periods``: how many, of which ``first`` and ``last`` ('' = none)."""

    code: str
    table: str
    what: str
    periods: int
    first: str
    last: str

    @property
    def optional(self) -> bool:
        """Whether it tells of something that need not be there."""
        return self.code in OPTIONAL


def grouped(notes: Iterable[tuple[str, str, str]]) -> list[Grouped]:
    """(code, table, detail) → one row for (code, table, column), with its periods; sorted by weight, table and column."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for code, table, detail in notes:
        what, period = _split(code, detail)
        found.setdefault((code, table, what), set()).update({period} - {""})
    rows = [
        Grouped(code=code, table=table, what=what, periods=len(at), first=min(at, default=""), last=max(at, default=""))
        for (code, table, what), at in found.items()
    ]
    return sorted(rows, key=lambda row: (_weight(row.code), row.table, row.what))


def _split(code: str, detail: str) -> tuple[str, str]:
    """(what, period): a detail ends in its period, or is a file's name that holds it."""
    if code in {"quarantine", "code-form", "named-person", "lines-joined", "file-refused", "file-empty"}:
        return detail, ""
    before, _, last = detail.rpartition(" ")
    if _PERIOD.fullmatch(last):
        return before, last
    named, short = _IN_NAME.search(detail), _SHORT.match(detail)
    if short:
        return "", f"20{short[1]}"
    return ("", named[1]) if named else (detail, "")


def _weight(code: str) -> int:
    if code in OPTIONAL:
        return len(_FIRST) + 1 + OPTIONAL.index(code)
    return _FIRST.index(code) if code in _FIRST else len(_FIRST)
