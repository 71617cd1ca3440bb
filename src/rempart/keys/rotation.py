# SPDX-License-Identifier: Apache-2.0
"""Rotate a key epoch: data keys unwrapped under one table key and wrapped under the next, inside the broker; none is given out.

Pure but for the nonces it is given; which epochs a rotation may go between is said by the officer's document and its intent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rempart.errors import Refused
from rempart.keys.envelope import NONCE_BYTES, unwrap, wrap
from rempart.records.event import LedgerEvent
from rempart.records.sealed import KeyContext

SCHEMA = "rempart.rotation/1"
ROOT_SCHEMA = "rempart.root-rotation/1"
ANY = "*"
MODE = "rewrap"


def whole_space(space: str) -> tuple[str, str, str, str]:
    """The use that a rotation asks for."""
    return (space, ANY, ANY, MODE)


def epochs_of(intent: LedgerEvent) -> tuple[int, int]:
    """(from, to) of a rotation's intent; raises Refused ``rotation-epochs`` for anything but a step of one."""
    try:
        before, after = int(intent.fact("from-epoch") or ""), int(intent.fact("to-epoch") or "")
    except ValueError as error:
        raise Refused("rotation-epochs", space=intent.fact("space") or "?") from error
    if before < 1 or after != before + 1:
        raise Refused("rotation-epochs", space=intent.fact("space") or "?")
    return before, after


def check_intent(intent: LedgerEvent, body: Mapping[str, Any]) -> None:
    """The document names the intent's space and epochs; raises Refused ``grant-other-document``."""
    before, after = epochs_of(intent)
    wanted = {"space": intent.fact("space"), "from": before, "to": after}
    if wanted not in list(body.get("spaces", ())):
        raise Refused("grant-other-document", kind=intent.kind)


def check_items(contexts: Sequence[KeyContext], *, space: str, warehouse: str, before: int) -> None:
    """Every key is of this warehouse, the rotated space and the epoch that is left; raises Refused ``grant-scope``."""
    for context in contexts:
        if context.space != space or context.warehouse != warehouse or context.epoch != before:
            raise Refused("grant-scope", use=f"{context.space}/{context.table}/{context.sibling}/{MODE}")


def rewrapped(
    items: Sequence[tuple[KeyContext, bytes]],
    *,
    epoch: int,
    key_of: Callable[[KeyContext], bytes],
    nonce: Callable[[int], bytes],
) -> list[bytes]:
    """Each wrapped key anew, bound to the same context under ``epoch``; all are of one space and epoch (``check_items``), and ``key_of``
    gives the table keys. Raises NotTrusted ``wrapped-key``."""
    keys: dict[tuple[str, str], tuple[bytes, bytes]] = {}
    fresh = []
    for context, blob in items:
        place = (context.table, context.sibling)
        if place not in keys:
            keys[place] = (key_of(context), key_of(replace(context, epoch=epoch)))
        old, new = keys[place]
        key = unwrap(old, blob, context=context.associated_data())
        fresh.append(wrap(new, key, context=context.associated_data_in(epoch), nonce=nonce(NONCE_BYTES)))
    return fresh
