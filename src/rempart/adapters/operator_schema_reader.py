# SPDX-License-Identifier: Apache-2.0
"""Reads an operator's folder of schema files (``*.toml`` of our form, ``*.json`` as published) and lays them over ours."""

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rempart.errors import BadInput
from rempart.ingest.operator_schema import with_json, with_toml
from rempart.ingest.schema import TableSchema

Tables = Mapping[str, TableSchema]
_WRONG = (ValueError, KeyError, TypeError, AttributeError)


def operator_tables(folder: Path, schema: Tables) -> dict[str, TableSchema]:
    """Our tables under the operator's. Raises BadInput ``schema-missing`` for no folder or no schema file in it or below,
    ``schema-unreadable`` for a file that is none."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in {".toml", ".json"} and path.is_file())
    if not paths:
        raise BadInput("schema-missing", file=folder.name)
    tables = dict(schema)
    for path in paths:
        parse, lay = (tomllib.loads, with_toml) if path.suffix == ".toml" else (json.loads, with_json)
        tables = _laid(path, tables, parse, lay)
    return tables


def _laid(
    path: Path, tables: Tables, parse: Callable[[str], Any], lay: Callable[[Tables, list[Any]], dict[str, TableSchema]]
) -> dict[str, TableSchema]:
    try:
        return lay(tables, [parse(path.read_text(encoding="utf-8"))])
    except _WRONG as error:
        raise BadInput("schema-unreadable", file=path.name) from error
