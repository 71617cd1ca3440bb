# SPDX-License-Identifier: Apache-2.0
"""JSON text that others wrote, parsed strictly: finite numbers, whole characters, no key twice in one object. Knows no meaning."""

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # half of a character beyond the first 65,536, as JSON escapes it


class KeyTwice(ValueError):
    """A key that stands twice in one object: ``name``. Which one is meant nobody knows."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def parsed_json(text: str) -> Any:
    """What the text says. Raises KeyTwice, JSONDecodeError (with line and column), another ValueError for a number that is none or has
    thousands of digits, RecursionError."""
    value = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
    found = _HALF.search(text)
    if found is not None:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise json.JSONDecodeError("half a character", text, found.start()) from error
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise KeyTwice(next(name for name in names if names.count(name) > 1))
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError
