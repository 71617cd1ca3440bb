# SPDX-License-Identifier: Apache-2.0
"""The sealed body of a manifest as plain JSON values, and back with its own rules (``rempart.space/1``). Seals nothing."""

from typing import Any

from rempart.errors import NotTrusted
from rempart.records.sealed import PartEntry, SpaceBody, check_object_name
from rempart.vault import aead
from rempart.vault.padding import padme

SPACE = "rempart.space/1"
_KEYS = {"schema", "space", "tables", "shards", "parts", "lineage", "facts"}


def body_value(body: SpaceBody, space: str) -> dict[str, Any]:
    """JSON values of ``body``; parts stand in the writer's order."""
    return {
        "schema": SPACE,
        "space": space,
        "tables": {table: dict(siblings) for table, siblings in body.tables.items()},
        "shards": body.shards,
        "parts": [_part_value(part) for part in body.parts],
        "lineage": body.lineage,
        "facts": body.facts,
    }


def body_from(value: Any, space: str) -> SpaceBody:
    """The body; raises NotTrusted ``manifest`` when a rule fails, KeyError, TypeError or ValueError for another form."""
    if set(value) != _KEYS or value["schema"] != SPACE or value["space"] != space:
        raise NotTrusted("manifest")
    body = SpaceBody(
        tables={t: {s: tuple(columns) for s, columns in siblings.items()} for t, siblings in value["tables"].items()},
        shards=value["shards"],
        parts=tuple(_part(item, space) for item in value["parts"]),
        lineage=tuple(value["lineage"]),
        facts=dict(value["facts"]),
    )
    if not all(_fits(part, body) for part in body.parts) or len({p.part for p in body.parts}) != len(body.parts):
        raise NotTrusted("manifest")
    return body


def places_from(value: Any, space: str) -> list[tuple[str, str, str, str]]:
    """(object, table, sibling, part) of every part of a proven body; raises NotTrusted ``manifest``, KeyError, TypeError, ValueError."""
    if value["schema"] != SPACE or value["space"] != space:
        raise NotTrusted("manifest")
    return [(name, table, sibling, part) for table, sibling, _, part, name, *_ in value["parts"]]


def _part_value(part: PartEntry) -> list[Any]:
    return [
        part.table, part.sibling, part.shard, part.part, part.object, part.size, part.sha256, part.length, part.rows,
        part.segment, part.lineage,
    ]  # fmt: skip


def _part(item: Any, space: str) -> PartEntry:
    table, sibling, shard, part, name, size, sha256, length, rows, segment, lineage = item
    return PartEntry(
        space=space,
        table=table,
        sibling=sibling,
        shard=shard,
        part=part,
        object=check_object_name(name),
        size=size,
        sha256=sha256,
        length=length,
        rows=rows,
        segment=segment,
        lineage=tuple(lineage),
    )


def _fits(part: PartEntry, body: SpaceBody) -> bool:
    """The part's shard, table, sibling and sizes agree with the rest of the body and with the format."""
    return (
        0 <= part.shard < body.shards
        and part.sibling in body.tables.get(part.table, {})
        and part.segment in aead.SEGMENTS
        and part.rows >= 0
        and part.size == aead.sealed_size(padme(part.length), part.segment)
    )
