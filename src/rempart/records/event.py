# SPDX-License-Identifier: Apache-2.0
"""A ledger leaf: what was done, on which basis, when; the actor only as a salted id.

``objects`` is a list of ``name:value`` facts (``head:sha256:…``), read back with ``fact``; never a patient's data.
Of a leaf that was purged only the hash is left: it reads as an event of kind ``purged`` that says nothing.
"""

import datetime
import hashlib
import re
from dataclasses import dataclass, fields
from typing import Literal

from rempart.errors import NotTrusted
from rempart.records.canonical import canonical_bytes, parse_canonical
from rempart.records.quick_leaf import quick_fields

SCHEMA = "rempart.event/1"
PURGED = "purged"
PURGED_START = b'{"purged":'
_PURGED_LEAF = re.compile(rb'\{"purged":"([0-9a-f]{64})"\}')
_NO_TIME = "1970-01-01T00:00:00+00:00"
Phase = Literal["intent", "effect", "failed"]
_ORDER = ("actor", "basis", "event_class", "kind", "objects", "of", "phase", "salt", "time")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", re.ASCII)


class _Open:
    """The fields of an event whose form is proven, while they are put in: nine writes at once, where a frozen class takes nine calls."""

    __slots__ = _ORDER
    actor: str
    basis: str
    event_class: Literal["act", "trace"]
    kind: str
    objects: tuple[str, ...]
    of: int | None
    phase: Phase
    salt: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEvent(_Open):
    """One leaf. ``of``: index of the intent that an effect or failure closes (None for an intent); ``time``: UTC ISO;
    ``salt``: 16 random bytes as hex, so that a leaf hash cannot be guessed."""

    kind: str
    event_class: Literal["act", "trace"]
    phase: Phase
    of: int | None
    actor: str
    basis: str
    objects: tuple[str, ...]
    time: str
    salt: str

    def __post_init__(self) -> None:
        if not self._well_formed():
            raise NotTrusted("event-form", kind=str(self.kind)[:40])

    def _well_formed(self) -> bool:
        """Types first: a leaf comes from a file, and a wrong type must be an alarm, never a defect."""
        texts = (self.kind, self.event_class, self.phase, self.actor, self.basis, self.time, self.salt, *self.objects)
        if not all(isinstance(text, str) for text in texts) or not (self.of is None or type(self.of) is int):
            return False
        return (
            bool(_TIME.fullmatch(self.time))
            and _is_instant(self.time)
            and (self.of is None) == (self.phase == "intent")
        )

    def leaf(self) -> bytes:
        """Canonical bytes, as appended and hashed; of a purged leaf what stands for it."""
        if self.kind == PURGED:
            return purged_leaf(bytes.fromhex(self.fact("leaf") or ""))
        return canonical_bytes(
            {
                "schema": SCHEMA,
                "kind": self.kind,
                "class": self.event_class,
                "phase": self.phase,
                "of": self.of,
                "actor": self.actor,
                "basis": self.basis,
                "objects": list(self.objects),
                "time": self.time,
                "salt": self.salt,
            }
        )

    @classmethod
    def from_leaf(cls, leaf: bytes) -> "LedgerEvent":
        """Parse strictly: canonical bytes, this schema, no unknown key; raises NotTrusted."""
        quick = quick_event(leaf)
        if quick is not None:
            return quick
        gone = purged_hash(leaf)
        if gone is not None:
            return _purged(gone)
        value = parse_canonical(leaf, what="ledger leaf")
        names = {"event_class" if f.name == "event_class" else f.name for f in fields(cls)}
        if not isinstance(value, dict) or value.pop("schema", None) != SCHEMA:
            raise NotTrusted("event-form", kind="?")
        value["event_class"] = value.pop("class", None)
        if set(value) != names:
            raise NotTrusted("event-form", kind=str(value.get("kind"))[:40])
        if not isinstance(value["objects"], list) or value["kind"] == PURGED:
            raise NotTrusted("event-form", kind=str(value["kind"])[:40])
        value["objects"] = tuple(value["objects"])
        return cls(**value)

    def fact(self, name: str) -> str | None:
        """The value of the first object ``name:value``, or None."""
        for item in self.objects:
            key, _, value = item.partition(":")
            if key == name:
                return value
        return None

    def facts(self, name: str) -> tuple[str, ...]:
        """All values of objects ``name:value``, in order."""
        return tuple(item.partition(":")[2] for item in self.objects if item.partition(":")[0] == name)


def quick_event(leaf: bytes) -> LedgerEvent | None:
    """The event of a well-formed leaf, None where only ``from_leaf`` can tell."""
    told = quick_fields(leaf)
    if told is None or told[3] == PURGED:
        return None
    new = _Open()
    new.actor, new.basis, new.event_class, new.kind, new.objects, new.of, new.phase, new.salt, new.time = told  # type: ignore[assignment]
    new.__class__ = LedgerEvent
    return new  # type: ignore[return-value]


def purged_leaf(digest: bytes) -> bytes:
    """What stands for a leaf of which only the hash (RFC 6962, 32 bytes) is kept."""
    return canonical_bytes({"purged": digest.hex()})


def purged_hash(leaf: bytes) -> bytes | None:
    """The hash that a purged leaf keeps; None for a leaf that is there."""
    found = _PURGED_LEAF.fullmatch(leaf) if leaf.startswith(PURGED_START) else None
    return bytes.fromhex(found[1].decode()) if found else None


def _purged(digest: bytes) -> LedgerEvent:
    told = (f"leaf:{digest.hex()}",)
    return LedgerEvent(
        kind=PURGED,
        event_class="trace",
        phase="intent",
        of=None,
        actor="",
        basis="",
        objects=told,
        time=_NO_TIME,
        salt="",
    )


def _is_instant(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:  # the form fits, the day or the hour does not exist
        return False
    return True


def salted_actor(actor: str, salt: str) -> str:
    """The actor as the ledger shows it: SHA-256 of salt and name; erasing the salt makes the name unguessable."""
    return "salted:" + hashlib.sha256(bytes.fromhex(salt) + actor.encode()).hexdigest()[:32]
