# SPDX-License-Identifier: Apache-2.0
"""Packs from a file beside the study file: what an operator or author knows of days, strengths and daily doses. Judges no value's sense."""

from pathlib import Path
from typing import Any

from rempart.adapters.code_list_files import rows_of
from rempart.errors import BadInput

_TEXT, _WHOLE = ("code", "kind"), ("units", "days", "strength", "daily_dose")


def read_packs(path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV file with the columns code, units, days, kind, strength, daily_dose (``code`` at least, any order).

    Raises BadInput ``file-missing``, ``codes-file``, ``supply-file`` with the line that is wrong.
    """
    head, *rows = rows_of(path) or [[]]
    names = [name.lower() for name in head]
    if "code" not in names or len(set(names)) != len(names) or not set(names) <= {*_TEXT, *_WHOLE}:
        raise BadInput("supply-file", file=path.name, row=1, expected="columns " + ", ".join((*_TEXT, *_WHOLE)))
    return [_pack(dict(zip(names, row, strict=False)), path, number) for number, row in enumerate(rows, 2)]


def _pack(row: dict[str, str], path: Path, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {name: value for name, value in row.items() if name in _TEXT and value}
    for name in _WHOLE:
        value = row.get(name, "")
        if value and not (value.isascii() and value.isdigit()):
            raise BadInput("supply-file", file=path.name, row=number, expected=f"{name} as a whole number")
        found |= {name: int(value)} if value else {}
    return found
