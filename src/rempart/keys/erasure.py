# SPDX-License-Identifier: Apache-2.0
"""Which keys an erasure destroys, and what the ledger says is erased already: nothing of that is granted or made again.

Pure: destroys nothing itself. A data key that was given out before is not reached by any erasure.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rempart.errors import Refused
from rempart.records.event import LedgerEvent

SCHEMA = "rempart.erasure/1"
KIND = "erasure"
MODE = "erase"
SPACE, EPOCHS = "space", "epochs"  # reach: everything of a space; or what opened its snapshots in some epochs
_LASTING = frozenset(
    {"result", "evidence"}
)  # never on a host: a rotation leaves their keys, and so does the end of an epoch


def whole_space(space: str) -> tuple[str, str, str, str]:
    """The use that an erasure asks for."""
    return (space, "*", "*", MODE)


def doomed_tables(names: Iterable[str], *, space: str, reach: str, epochs: Sequence[int]) -> list[str]:
    """Those of the table keys ``space/table/sibling/epoch`` that the erasure destroys."""
    found = []
    for name in names:
        place, table, _, epoch = name.rsplit("/", 3)
        if place == space and (reach == SPACE or (int(epoch) in epochs and table not in _LASTING)):
            found.append(name)
    return found


def doomed_secrets(names: Iterable[str], *, space: str, reach: str) -> list[str]:
    """Those of the space secrets that it destroys; ``identity`` goes with the warehouse."""
    if reach != SPACE:
        return []
    return [name for name in names if (name.rpartition("/")[0] or "warehouse") == space]


def epochs_of(intent: LedgerEvent) -> list[int]:
    """The epochs that an erasure's intent names; raises Refused ``grant-other-document`` for a number in any other writing, which one
    reader would pass over and another take for an epoch."""
    told = intent.facts("epoch")
    if not all(epoch.isdecimal() and epoch == str(int(epoch)) for epoch in told):
        raise Refused("grant-other-document", kind=intent.kind)
    return [int(epoch) for epoch in told]


def check_warehouse(init: LedgerEvent, body: Mapping[str, Any]) -> None:
    """The document is about the warehouse that this ledger began with; raises Refused ``grant-other-document``. What officers signed
    to end another one, where they are officers too, ends nothing here."""
    if body.get("warehouse") != init.fact("warehouse"):
        raise Refused("grant-other-document", kind=KIND)


def check_intent(intent: LedgerEvent, body: Mapping[str, Any]) -> None:
    """The document says what the intent says; raises Refused ``grant-other-document``."""
    told = {"space": intent.fact("space"), "reach": intent.fact("reach"), "epochs": epochs_of(intent)}
    if any(body.get(name) != value for name, value in told.items()) or told["reach"] not in {SPACE, EPOCHS}:
        raise Refused("grant-other-document", kind=intent.kind)


def erased(events: Sequence[LedgerEvent]) -> tuple[frozenset[str], frozenset[tuple[str, int]]]:
    """Spaces that are gone, and (space, epoch) that are: erasures that took effect."""
    spaces, epochs = set(), set()
    for event in events:
        if event.kind == KIND and event.phase == "effect" and event.of is not None:
            intent = events[event.of]
            space = intent.fact("space") or ""
            if intent.fact("reach") == SPACE:
                spaces.add(space)
            epochs |= {(space, int(epoch)) for epoch in intent.facts("epoch") if epoch.isdecimal()}
    return frozenset(spaces), frozenset(epochs)


def check_kept(events: Sequence[LedgerEvent], uses: Iterable[tuple[str, str, str, str]]) -> None:
    """None of the uses is of an erased space, but to erase it again; raises Refused ``keys-erased``."""
    gone, _ = erased(events)
    for space, _, _, mode in uses:
        if space in gone and mode != MODE:
            raise Refused("keys-erased", space=space)


def check_new(events: Sequence[LedgerEvent], names: Iterable[str]) -> None:
    """No table key of an erased epoch is made again; raises Refused ``keys-erased``."""
    spaces, epochs = erased(events)
    for name in names:
        space, table, _, epoch = name.rsplit("/", 3)
        if space in spaces or ((space, int(epoch)) in epochs and table not in _LASTING):
            raise Refused("keys-erased", space=space)
