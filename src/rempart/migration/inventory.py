# SPDX-License-Identifier: Apache-2.0
"""What must lie on a host: every object's name, size and SHA-256, in one order that anyone can hash again.

Packed, because a nation's claims are a million objects and the mover's memory is bounded. Reads no host.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rempart.errors import NotTrusted
from rempart.records.canonical import canonical_bytes
from rempart.records.sealed import check_object_name

_NAME, _SIZE, _HASH = 17, 8, 32
_RECORD = _NAME + _SIZE + _HASH
_COPY_ORDER = "oms"  # parts before the manifests that list them: a target never promises what it has not


class Entry(NamedTuple):
    """One object. ``size`` in bytes; ``sha256``: 64 hex digits, of the ciphertext."""

    name: str
    size: int
    sha256: str

    def leaf(self) -> bytes:
        """Canonical JSON ``[name, size, sha256]``: one leaf of the inventory's tree."""
        return canonical_bytes([self.name, self.size, self.sha256])


@dataclass(frozen=True, slots=True)
class Differences:
    """Names only one inventory has, and names that both have with other bytes; each sorted."""

    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    altered: tuple[str, ...]

    @property
    def none(self) -> bool:
        """Whether both inventories are the same."""
        return not (self.missing or self.surplus or self.altered)


class Inventory:
    """Entries sorted by name, each name once; 57 bytes an object."""

    __slots__ = ("_records", "bytes")

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Entries in any order, repeated at will; raises NotTrusted ``inventory-conflict`` for one name with two contents,
        ``object-name``."""
        self._records = sorted_records({_pack(entry) for entry in entries})
        self.bytes = sum(entry.size for entry in self)

    def __len__(self) -> int:
        return len(self._records) // _RECORD

    def __iter__(self) -> Iterator[Entry]:
        return (self._at(index) for index in range(len(self)))

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str) -> Entry | None:
        """The entry of that name, by bisection."""
        wanted, low, high = _pack_name(name), 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._records[middle * _RECORD : middle * _RECORD + _NAME] < wanted:
                low = middle + 1
            else:
                high = middle
        found = self._at(low) if low < len(self) else None
        return found if found is not None and found.name == name else None

    def copy_order(self) -> Iterator[Entry]:
        """Parts, then manifests and keyrings, then pointers."""
        for kind in _COPY_ORDER:
            yield from (entry for entry in self if entry.name[0] == kind)

    def compare(self, other: "Inventory") -> Differences:
        """What ``other`` lacks, has beside, or has otherwise."""
        missing = tuple(entry.name for entry in self if entry.name not in other)
        surplus = tuple(entry.name for entry in other if entry.name not in self)
        altered = tuple(entry.name for entry in self if other.get(entry.name) not in {None, entry})
        return Differences(missing=missing, surplus=surplus, altered=altered)

    def _at(self, index: int) -> Entry:
        return _unpack(self._records[index * _RECORD : (index + 1) * _RECORD])


def sorted_records(records: set[bytes]) -> bytes:
    """The records in order, joined; raises NotTrusted ``inventory-conflict``."""
    last = b""
    ordered = sorted(records)
    for record in ordered:
        if record[:_NAME] == last:
            raise NotTrusted("inventory-conflict", object=_unpack(record).name)
        last = record[:_NAME]
    return b"".join(ordered)


def _pack(entry: Entry) -> bytes:
    return _pack_name(entry.name) + entry.size.to_bytes(_SIZE, "big") + bytes.fromhex(entry.sha256)


def _pack_name(name: str) -> bytes:
    """The kind's letter and sixteen bytes: those of the hex digits, or a pointer's number."""
    kind, _, rest = check_object_name(name).partition("/")
    number = int(rest) if kind == "s" else int(rest, 16)
    if kind == "s" and rest != str(number):
        raise NotTrusted("object-name")
    return kind.encode() + number.to_bytes(_NAME - 1, "big")


def _unpack(record: bytes) -> Entry:
    kind, number = record[:1].decode(), int.from_bytes(record[1:_NAME], "big")
    name = f"{kind}/{number}" if kind == "s" else f"{kind}/{number:032x}"
    return Entry(name, int.from_bytes(record[_NAME : _NAME + _SIZE], "big"), record[_NAME + _SIZE :].hex())
