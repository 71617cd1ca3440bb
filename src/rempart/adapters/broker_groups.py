# SPDX-License-Identifier: Apache-2.0
r"""Many wrapped keys in one message: those of one table's sibling share their names, and their bytes are one base64 text.

    {"place": [warehouse, space, table, sibling], "epoch": 1, "parts": "…\n…", "wrapped": "base64 of all, 60 bytes a key"}

For wrapped keys only: nothing here is sealed to a node. A message of one JSON object a key costs ten times as much to write.
"""

import base64
from collections.abc import Sequence
from typing import Any

from rempart.adapters.broker_wire import strictly, text, whole
from rempart.records.sealed import KeyContext

REWRAP_BATCH = 10_000
WRAPPED_BYTES = 60  # nonce, key, tag: keys/envelope.py
Items = Sequence[tuple[KeyContext, bytes]]


def groups_to_json(items: Items) -> tuple[list[dict[str, object]], list[int]]:
    """Groups in the order of their first item, and for each item of the groups its place in ``items``."""
    groups: dict[tuple[str, str, str, str, int], list[int]] = {}
    for at, (context, _) in enumerate(items):
        key = (context.warehouse, context.space, context.table, context.sibling, context.epoch)
        groups.setdefault(key, []).append(at)
    told: list[dict[str, object]] = [
        {
            "place": list(key[:4]),
            "epoch": key[4],
            "parts": "\n".join(items[at][0].part for at in places),
            "wrapped": _joined([items[at][1] for at in places]),
        }
        for key, places in groups.items()
    ]
    return told, [at for places in groups.values() for at in places]


def groups_from_json(value: Any) -> list[tuple[KeyContext, bytes]]:
    """(context, wrapped key) pairs; raises BadInput ``broker-request``."""
    with strictly():
        found: list[tuple[KeyContext, bytes]] = []
        for group in value:
            warehouse, space, table, sibling = (text(name) for name in group["place"])
            epoch, parts = whole(group["epoch"]), text(group["parts"]).split("\n")
            blobs = _split(text(group["wrapped"]))
            for part, blob in zip(parts, blobs, strict=True):
                context = KeyContext(
                    warehouse=warehouse, space=space, table=table, sibling=sibling, part=part, epoch=epoch
                )
                found.append((context, blob))
        return found


def blobs_to_json(blobs: Sequence[bytes]) -> str:
    """Wrapped keys, joined."""
    return _joined(blobs)


def blobs_from_json(value: Any) -> list[bytes]:
    """Wrapped keys, cut apart; raises BadInput ``broker-request``."""
    with strictly():
        return _split(text(value))


def in_order(blobs: Sequence[bytes], order: Sequence[int]) -> list[bytes]:
    """Answers put back into the order of the question; raises BadInput ``broker-request`` when some are missing."""
    with strictly():
        fresh: list[bytes] = [b""] * len(order)
        for at, blob in zip(order, blobs, strict=True):
            fresh[at] = blob
        return fresh


def _joined(blobs: Sequence[bytes]) -> str:
    if any(len(blob) != WRAPPED_BYTES for blob in blobs):
        blobs = [
            blob if len(blob) == WRAPPED_BYTES else bytes(WRAPPED_BYTES) for blob in blobs
        ]  # what is no key opens nowhere
    return base64.b64encode(b"".join(blobs)).decode()


def _split(joined: str) -> list[bytes]:
    data = base64.b64decode(joined, validate=True)
    if len(data) % WRAPPED_BYTES:
        raise ValueError
    return [data[at : at + WRAPPED_BYTES] for at in range(0, len(data), WRAPPED_BYTES)]
