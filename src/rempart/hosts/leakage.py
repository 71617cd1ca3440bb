# SPDX-License-Identifier: Apache-2.0
"""What a host can infer from what it holds, counted as the host itself would count it: it needs no key, and neither does this.

What it says is an account of leaks, never of safety; what a host learns from reads (when, which objects, how often) is beside it.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.hosts.clear_forms import KINDS, Clear, kind_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An object as a listing shows it, with what is read off it: ``clear`` and ``sha256`` for the small ones, None for parts."""

    name: str
    size: int
    clear: Clear | None = None
    sha256: str = ""

    @property
    def kind(self) -> str:
        """Its kind; ``foreign`` when name or form is none of ours."""
        letter = kind_of(self.name)
        return "part" if letter == "o" else self.clear.kind if self.clear else "foreign"


def leakage(
    seen: Sequence[Seen], arrivals: Mapping[str, datetime.datetime] | None, *, padded: Callable[[int], bool]
) -> dict[str, Any]:
    """Counts as JSON. ``arrivals``: when the host received each object, None when the host was not asked; ``padded``: whether a
    part of so many bytes lies in a declared bucket."""
    parts = [item for item in seen if item.kind == "part"]
    manifests = {item.sha256: item for item in seen if item.kind == "manifest"}
    sizes = Counter(item.size for item in parts)
    return {
        "objects": {kind: _amount(item for item in seen if item.kind == kind) for kind in KINDS},
        "sizes": [list(pair) for pair in sorted(sizes.items())],
        "outside_buckets": sum(count for size, count in sizes.items() if not padded(size)),
        "warehouses": sorted({str(item.clear.fields["warehouse"]) for item in manifests.values() if item.clear}),
        "chains": _chains(manifests),
        "unlisted_parts": len({item.name for item in parts} - _listed(manifests.values())),
        "keys": _keys([item.clear for item in seen if item.clear and item.clear.kind == "keyring"]),
        "pointers": _pointers([int(item.name[2:]) for item in seen if item.kind == "pointer"]),
        "arrivals": _arrivals(arrivals),
    }


def _amount(items: Iterable[Seen]) -> dict[str, int]:
    sizes = [item.size for item in items]
    return {"count": len(sizes), "bytes": sum(sizes)}


def _listed(manifests: Iterable[Seen]) -> set[str]:
    return {str(entry[0]) for item in manifests if item.clear for entry in item.clear.fields["objects"]}


def _chains(manifests: Mapping[str, Seen]) -> list[dict[str, Any]]:
    """One entry a space: its snapshots in order, joined by the hash of the manifest before; how many parts each added."""
    after: dict[str, list[str]] = {}
    for head, item in manifests.items():
        parent = str(item.clear.fields["parent"]) if item.clear else ""
        after.setdefault(parent if parent in manifests else "", []).append(head)
    found = []
    for start in sorted(after.get("", [])):
        chain, waiting = list[str](), [start]
        while waiting:
            head = waiting.pop()
            chain.append(head)
            waiting += sorted(after.get(head, []))
        found.append(_chain([manifests[head] for head in chain]))
    return sorted(found, key=lambda chain: (-chain["bytes"], chain["snapshots"]))


def _chain(items: Sequence[Seen]) -> dict[str, Any]:
    known: dict[str, int] = {}
    added = []
    for item in items:
        entries = item.clear.fields["objects"] if item.clear else []
        fresh = {str(name): int(size) for name, size, _ in entries if name not in known}
        known |= fresh
        added.append(len(fresh))
    epochs = sorted({int(item.clear.fields["epoch"]) for item in items if item.clear})
    return {
        "snapshots": len(items),
        "parts": len(known),
        "bytes": sum(known.values()),
        "added": added,
        "epochs": epochs,
    }


def _keys(keyrings: Sequence[Clear]) -> dict[str, Any]:
    return {
        "keyrings": len(keyrings),
        "wrapped": sum(len(keyring.fields["keys"]) for keyring in keyrings),
        "epochs": sorted({int(keyring.fields["epoch"]) for keyring in keyrings}),
    }


def _pointers(numbers: Sequence[int]) -> dict[str, int]:
    """A pointer's name is the size of the ledger at a commit: the host counts the acts of the controller by it."""
    return {"count": len(numbers), "least": min(numbers, default=0), "most": max(numbers, default=0)}


def _arrivals(arrivals: Mapping[str, datetime.datetime] | None) -> dict[str, Any] | None:
    if not arrivals:
        return None
    times = sorted(arrivals.values())
    days = Counter(time.date().isoformat() for time in times)
    return {"first": times[0].isoformat(), "last": times[-1].isoformat(), "days": dict(sorted(days.items()))}
