# SPDX-License-Identifier: Apache-2.0
"""An operator's own schema files laid over ours: years and columns that came after ours were written. Pure.

Two forms: our TOML (``schemas/format.toml`` tells it), which may also add tables, and the published JSON of one table. Neither takes a
column away, nor the kind of one that is read: what was checked stays checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rempart.ingest.schema import Column, Format, TableSchema, column, table_schema

_KINDS = {"integer": "number", "number": "number", "date": "day", "datetime": "day"}
_OPEN = 0


def with_toml(schema: Mapping[str, TableSchema], files: Iterable[Mapping[str, Any]]) -> dict[str, TableSchema]:
    """Our tables with those of parsed TOML files; raises ValueError, KeyError or TypeError for a file that is none."""
    merged = dict(schema)
    form = next(iter(schema.values())).format
    for file in files:
        for word, raw in file["tables"].items():
            id_ = f"{file['form']}.{word}" if file.get("form") else word
            own = merged.get(id_)
            merged[id_] = _extended(own, raw) if own else _added(word, file, raw, form)
    return merged


def with_json(schema: Mapping[str, TableSchema], files: Iterable[Mapping[str, Any]]) -> dict[str, TableSchema]:
    """Our tables with the columns of published table schemas; a table that we do not read is left out.

    The years of what must be there are ours: the published files rarely give them, and an open year would refuse older deliveries.
    """
    merged = dict(schema)
    given = {str(file["name"]).lower(): [_published(item) for item in file["fields"]] for file in files}
    for id_, table in schema.items():
        if columns := given.get(table.name.lower()):
            free = [column for column in columns if column.name not in table.needed]
            merged[id_] = replace(table, columns=_merged(table.columns, free), known_to=_OPEN)
    return merged


def _added(word: str, file: Mapping[str, Any], raw: Mapping[str, Any], form: Format) -> TableSchema:
    return table_schema(word, {"product": file.get("product", ""), "form": file.get("form", ""), **raw}, form)


def _extended(own: TableSchema, raw: Mapping[str, Any]) -> TableSchema:
    columns = [column(name, text) for name, text in raw.get("columns", {}).items()]
    return replace(
        own,
        columns=_merged(own.columns, columns),
        needed=tuple(dict.fromkeys((*own.needed, *raw.get("needed", ())))),
        wanted=tuple(dict.fromkeys((*own.wanted, *raw.get("wanted", ())))),
        absent={**own.absent, **raw.get("absent", {})},
        renamed={**own.renamed, **raw.get("renamed", {})},
        known_to=_OPEN,
    )


def _merged(own: Mapping[str, Column], given: Sequence[Column]) -> dict[str, Column]:
    merged = dict(own)
    for new in given:
        known = merged.get(new.name)
        merged[new.name] = replace(known, first=_first(known, new), last=_last(known, new)) if known else new
    return merged


def _first(known: Column, new: Column) -> int:
    return min(known.first, new.first) if known.first and new.first else _OPEN


def _last(known: Column, new: Column) -> int:
    return max(known.last, new.last) if known.last and new.last else _OPEN


def _published(item: Mapping[str, Any]) -> Column:
    """One field of a published schema. A column is known by its name and years; what its declared type says is not trusted."""
    name, length = str(item["name"]).upper(), str(item.get("length") or "")
    kind = _KINDS.get(str(item.get("type")), "text")
    widths = (int(length),) if kind == "text" and length.isdigit() else ()
    gone = _year(item.get("dateDeleted"))
    # The published year of deletion is the first without the column.
    return Column(
        name=name, kind=kind, widths=widths, first=_year(item.get("dateCreated")), last=gone - 1 if gone else _OPEN
    )


def _year(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isdigit() else _OPEN
