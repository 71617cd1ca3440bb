# SPDX-License-Identifier: Apache-2.0
"""A list of persons who object: a text file whose header says how the source names them. Knows nobody; no name is ever in an error."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters import package_data
from rempart.errors import BadInput
from rempart.identity.names import CARD, PERSON, card_name

_LONGEST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Names in order, all of one kind of ``identity.names``."""

    kind: str
    names: Sequence[str]


def headers() -> dict[str, str]:
    """First line of a list → the kind of name below it (``identity/objection_regimes.toml``)."""
    return dict(package_data.toml("identity/objection_regimes.toml")["headers"])


def read_objections(path: Path) -> Named:
    """The names; raises BadInput ``file-missing``, ``file-encoding``, ``objection-header``, ``objection-list``, ``objection-line``
    with the line, never the name."""
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except OSError as error:
        raise BadInput("file-missing", file=path.name) from error
    except UnicodeDecodeError as error:
        raise BadInput("file-encoding", file=path.name, expected="UTF-8") from error
    kind = headers().get(";".join(_cells(lines[0]))) if lines else None
    if kind is None:
        raise BadInput("objection-header", file=path.name)
    return _checked(lines[1:], kind, file=path.name, first=2)


def typed_objections(text: str) -> Named:
    """The person keys of what somebody typed, separated by spaces; after a header, what it says. Raises as ``read_objections``."""
    words = text.split()
    kind = headers().get(";".join(_cells(words[0]))) if words else None
    return _checked(words if kind is None else words[1:], kind or PERSON, file="-", first=1)


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(";")]


def _checked(lines: Sequence[str], kind: str, *, file: str, first: int) -> Named:
    names = []
    for number, line in enumerate(lines, first):
        cells = _cells(line)
        if len(cells) != (2 if kind == CARD else 1) or not all(
            0 < len(cell) <= _LONGEST and cell.isalnum() for cell in cells
        ):
            expected = next(header for header, named in headers().items() if named == kind)
            raise BadInput("objection-line", file=file, line=number, expected=expected)
        names.append(card_name(*cells) if kind == CARD else cells[0])
    if not names:
        raise BadInput("objection-list", file=file)
    return Named(kind=kind, names=names)
