# SPDX-License-Identifier: Apache-2.0
"""Cohort definitions as files: one JSON file each, or a folder of them. Reads the text; what it means is the room's."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rempart.adapters.text_input import read_text
from rempart.errors import BadInput
from rempart.records.json_text import KeyTwice, parsed_json

_SUFFIX = ".json"


def definition_files(given: Sequence[Path]) -> list[Path]:
    """The files meant, of a folder all that end in .json, sorted by name; raises BadInput ``cohort-none``, ``cohort-twice``,
    ``file-missing``, ``file-name`` (bytes that are no UTF-8: a cohort could not bear it)."""
    found: dict[str, Path] = {}
    for place in given:
        for file in _of_folder(place) if place.is_dir() else [place]:
            if not file.stem.isprintable() and any("\udc80" <= mark <= "\udcff" for mark in file.stem):
                raise BadInput("file-name", file=ascii(file.name)[1:-1])
            if file.stem in found:
                raise BadInput("cohort-twice", file=file.name, other=str(found[file.stem]))
            found[file.stem] = file
    if not found:
        raise BadInput("cohort-none")
    return list(found.values())


def _of_folder(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() == _SUFFIX and path.is_file())
    if not found:
        raise BadInput("cohort-none")
    return found


def read_definition(file: Path) -> Any:
    """The parsed JSON; raises BadInput ``file-missing``, ``file-encoding``, ``json-syntax`` (line and column), ``json-twice``,
    ``cohort-depth``."""
    text = read_text(file).removeprefix("\ufeff")
    try:
        return parsed_json(text)
    except KeyTwice as error:
        raise BadInput("json-twice", file=file.name, word=error.name[:60]) from error
    except json.JSONDecodeError as error:
        raise BadInput("json-syntax", file=file.name, line=error.lineno, column=error.colno) from error
    except RecursionError as error:
        raise BadInput("cohort-depth", file=file.name, levels=120) from error
    except ValueError as error:  # a number of thousands of digits, or none
        raise BadInput("json-syntax", file=file.name, line=1, column=1) from error
