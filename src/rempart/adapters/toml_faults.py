# SPDX-License-Identifier: Apache-2.0
"""Why a text is not TOML, as far as the line tells: a day, an accent in a name, a bracket, a word without quotes, a name given twice.

Reads nothing by itself; what it cannot tell stays ``toml-syntax``. Repeats nothing of the line but a plain name before ``=`` or of a
table, or a day that stands alone as a value: credentials are TOML too.
"""

import re
from datetime import date

from rempart.errors import BadInput

_LINE = re.compile(r"line (\d+)")
_STRINGS = re.compile(r'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*')
_DAY = r"(?:\d{4}([/.-])\d{1,2}\1\d{1,2}|\d{1,2}([/.-])\d{1,2}\2(?:\d{4}|\d\d))"
_LEFT = r"\s*[\w.\-]+\s*=\s*"
_DAYS = re.compile(rf"{_LEFT}(?:([^\s\[\],]+)|\[\s*([^\s\[\],]+(?:\s*,\s*[^\s\[\],]+)*)\s*,?\s*\])\s*")
_NAME = re.compile(r"\s*([\w.\-]+)\s*=|\s*\[\[?\s*([\w.\-]+)\s*\]?\]\s*$")
_WORD = re.compile(r"=\s*\[?\s*([^\W\d_][\w.-]*)\s*(?:[,\]}]|$)")
_DECIMAL = re.compile(r"=\s*\[?\s*-?\d+,\d+\s*$")
_SHOWN = 40


def fault(text: str, message: str, file: str) -> BadInput:
    """The error for a text that the parser refused with ``message``: ``toml-syntax``, ``toml-day``, ``toml-key``, ``toml-bracket``,
    ``toml-word``, ``toml-twice``, each with its ``line``."""
    found = _LINE.search(message)
    line = (
        int(found.group(1)) if found else text.count("\n") + 1
    )  # what is missing at the end is missing in the last line
    written = text.split("\n")[line - 1] if line <= text.count("\n") + 1 else ""
    bare = _STRINGS.sub(lambda held: "" if held.group().startswith("#") else '""', written)
    told = _told(message, bare, file, line)
    if told is not None:
        return told
    opened = _opened(text, line)
    if opened or "Unclosed" in message:
        return BadInput("toml-bracket", file=file, line=opened or line)
    return BadInput("toml-syntax", file=file, line=line)


def _told(message: str, bare: str, file: str, line: int) -> BadInput | None:
    """What the line itself tells; a word without quotes is not repeated: it may be what should not be told."""
    word, name = _WORD.search(bare), _name(bare)
    if "Cannot declare" in message or "Cannot overwrite" in message or "Cannot mutate" in message:
        return BadInput("toml-twice", file=file, line=line)
    if day := _wrong_day(bare):
        return BadInput("toml-day", file=file, line=line, given=day)
    if not name.isascii() and "end of document" not in message:  # there the line may belong to a text that never ends
        return BadInput("toml-key", file=file, line=line, name=name[:_SHOWN])
    if word is not None and word.group(1) not in {"true", "false", "inf", "nan"}:
        return BadInput("toml-word", file=file, line=line)
    return BadInput("toml-decimal", file=file, line=line) if _DECIMAL.search(bare) else None


def _name(bare: str) -> str:
    """The plain name that the line gives a value or a table; empty where anything else stands there."""
    found = _NAME.match(bare)
    return (found.group(1) or found.group(2)) if found else ""


def _wrong_day(bare: str) -> str:
    """The first value that is no day as TOML writes it, of a line that is a name and a day, or a name and a list of days; else empty."""
    found = _DAYS.fullmatch(bare)
    given = re.split(r"\s*,\s*", found.group(1) or found.group(2)) if found else []
    if not all(re.fullmatch(_DAY, value, re.ASCII) for value in given):
        return ""
    return next((value for value in given if not _is_day(value)), "")


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _opened(text: str, line: int) -> int:
    """The line of the bracket that is still open where the parser stopped; 0 when none is, or when it stands on a line that is whole."""
    before = "\n".join(text.split("\n")[:line])
    bare = _STRINGS.sub(lambda held: "\n" * held.group().count("\n"), before)
    open_at: list[int] = []
    for number, written in enumerate(bare.split("\n"), 1):
        if number == line and re.match(r"\s*(\[|[\w.\"-]+\s*=)", written) and open_at:
            break  # a table or key begins inside a list: what was open is what is missing
        for mark in written:
            if mark in "[{":
                open_at.append(number)
            elif mark in "]}" and open_at:
                open_at.pop()
    return open_at[-1] if open_at else 0
