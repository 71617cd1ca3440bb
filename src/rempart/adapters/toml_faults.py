# SPDX-License-Identifier: Apache-2.0
"""Why a text is not TOML, as far as the line tells: a day, an accent in a name, a bracket, a word without quotes, a name given twice.

Reads nothing by itself; what it cannot tell stays ``toml-syntax``.
"""

import re

from rempart.errors import BadInput

_LINE = re.compile(r"line (\d+)")
_STRINGS = re.compile(r'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*')
_DAY = re.compile(r"\b\d{1,4}([/.-])\d{1,2}\1\d{1,4}\b")
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
    day, word = _DAY.search(bare), _WORD.search(bare)
    name = bare.split("=")[0].strip().strip("[]").strip()
    if "Cannot declare" in message or "Cannot overwrite" in message or "Cannot mutate" in message:
        return BadInput("toml-twice", file=file, line=line)
    if day is not None:
        return BadInput("toml-day", file=file, line=line, given=day.group())
    if not name.isascii() and '"' not in name:
        return BadInput("toml-key", file=file, line=line, name=name[:_SHOWN])
    if word is not None and word.group(1) not in {"true", "false", "inf", "nan"}:
        return BadInput("toml-word", file=file, line=line)
    return BadInput("toml-decimal", file=file, line=line) if _DECIMAL.search(bare) else None


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
