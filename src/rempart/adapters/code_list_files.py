# SPDX-License-Identifier: Apache-2.0
"""Reads code lists from files that others made: CSV (any separator), OpenCodelists CSV, ATLAS concept sets and cohort definitions (JSON).

Gives what the file says, row by row; ``records/code_import.py`` judges it. Reads no data of persons.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rempart.errors import BadInput
from rempart.records.code_import import Item

_MOST = 64 << 20  # bytes of a file of codes
_SEPARATORS = ";\t|,"


def rows_of(path: Path) -> list[list[str]]:
    """The rows of a CSV file, blank ones left out; UTF-8 or else Windows-1252, whatever its separator.

    Raises BadInput ``file-missing``, ``codes-file`` (too large, no text, or a quote that is not closed).
    """
    text = _text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    try:
        rows = list(csv.reader(text.splitlines(), delimiter=separator, strict=True))
    except csv.Error as error:
        raise BadInput("codes-file", file=path.name, expected="CSV or ATLAS JSON") from error
    return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


def is_json(path: Path) -> bool:
    """Whether the file holds JSON, by its first mark."""
    return _text(path).lstrip()[:1] in ("{", "[")


def sets_of(path: Path) -> dict[str, list[Item]]:
    """Concept sets of an ATLAS file by name: a concept set, a cohort definition with several, or a list of them.

    Raises BadInput ``codes-file``.
    """
    try:
        parsed = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise BadInput("codes-file", file=path.name, expected="CSV or ATLAS JSON") from error
    found = dict(_sets(parsed, path))
    if not found:
        raise BadInput("codes-file", file=path.name, expected="an ATLAS concept set: items with concept.CONCEPT_ID")
    return found


def _sets(parsed: Any, path: Path) -> list[tuple[str, list[Item]]]:
    if isinstance(parsed, list):
        return [found for item in parsed for found in _sets(item, path)]
    if not isinstance(parsed, Mapping):
        return []
    if "ConceptSets" in parsed:
        return _sets(parsed["ConceptSets"], path)
    if isinstance(parsed.get("expression"), str):  # WebAPI stores a definition as text within JSON
        return _sets(json.loads(parsed["expression"]), path)
    inner = parsed.get("expression", parsed)
    if isinstance(inner, Mapping) and "ConceptSets" in inner:
        return _sets(inner["ConceptSets"], path)
    items = inner.get("items") if isinstance(inner, Mapping) else None
    if not isinstance(items, Sequence):
        return []
    return [(str(parsed.get("name") or path.stem), [_item(item) for item in items if isinstance(item, Mapping)])]


def _item(given: Mapping[str, Any]) -> Item:
    concept = given.get("concept") if isinstance(given.get("concept"), Mapping) else given
    told = {str(name).upper(): value for name, value in dict(concept or {}).items()}
    return Item(
        concept=str(told.get("CONCEPT_ID", "")),
        code=str(told.get("CONCEPT_CODE", "")),
        vocabulary=str(told.get("VOCABULARY_ID", "")),
        label=str(told.get("CONCEPT_NAME", "")),
        excluded=bool(given.get("isExcluded")),
        descendants=bool(given.get("includeDescendants")),
        mapped=bool(given.get("includeMapped")),
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST:
            raise BadInput("codes-file", file=path.name, expected=f"at most {_MOST >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise BadInput("file-missing", file=path.name) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
