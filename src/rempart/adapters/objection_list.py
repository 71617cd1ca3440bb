# SPDX-License-Identifier: Apache-2.0
"""A list of persons who object: a text file with one column, the person as the source names them; its first line is a header."""

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
    names = [line.strip().strip('"') for line in lines[1:]]
    for number, name in enumerate(names, 2):
        if not name or len(name) > _LONGEST or not name.isalnum():
            raise BadInput("objection-line", file=path.name, line=number, expected="one column of letters and digits")
    if not names:
        raise BadInput("objection-list", file=path.name, expected="a header, then one person a line")
    return names
