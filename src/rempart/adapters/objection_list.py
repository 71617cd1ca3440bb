# SPDX-License-Identifier: Apache-2.0
"""A list of persons who object: a text file with one column, the person as the source names them; its first line is a header."""

from collections.abc import Sequence
from pathlib import Path

from rempart.errors import BadInput

_LONGEST = 64


def read_objections(path: Path) -> list[str]:
    """The names, in order; raises BadInput ``file-missing``, ``file-encoding``, ``objection-list`` with the line, never the name."""
    try:
        lines = path.read_bytes().decode("utf-8").splitlines()
    except OSError as error:
        raise BadInput("file-missing", file=path.name) from error
    except UnicodeDecodeError as error:
        raise BadInput("file-encoding", file=path.name, expected="UTF-8") from error
    return _checked(lines[1:], file=path.name, first=2)


def typed_objections(text: str) -> list[str]:
    """The names of what somebody typed, separated by spaces; raises as ``read_objections``."""
    return _checked(text.split(), file="-", first=1)


def _checked(lines: Sequence[str], *, file: str, first: int) -> list[str]:
    names = [line.strip().strip('"') for line in lines]
    for number, name in enumerate(names, first):
        if not name or len(name) > _LONGEST or not name.isalnum():
            raise BadInput("objection-line", file=file, line=number, expected="one column of letters and digits")
    if not names:
        raise BadInput("objection-list", file=file, expected="a header, then one person a line")
    return names
