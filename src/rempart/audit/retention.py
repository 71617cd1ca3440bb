# SPDX-License-Identifier: Apache-2.0
"""Which leaves may be gone: those that a ``retention`` intent of the same log names, and no other.

The intent names a range of leaves and the hash of the list of traces in it, so that nothing can be added to what two officers signed.
Judges no signature: that is the auditor's rule.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rempart.errors import NotTrusted
from rempart.records.canonical import content_id
from rempart.records.event import LedgerEvent, purged_hash

KIND = "retention"
_MARK = b'"kind":"retention"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """``index``: leaf of the intent; it covers traces of the leaves [first, to); ``leaves``: the hash of their list."""

    index: int
    first: int
    to: int
    leaves: str


def listed(indexes: Iterable[int]) -> str:
    """The hash of a list of leaves."""
    return content_id({"leaves": list(indexes)})


def cover_of(index: int, event: LedgerEvent) -> Cover | None:
    """What an intent covers; None where it names no range before itself."""
    first, to, leaves = (event.fact(name) or "" for name in ("first", "to", "leaves"))
    if event.kind != KIND or event.phase != "intent" or not (first.isdecimal() and to.isdecimal()):
        return None
    good = int(first) <= int(to) <= index
    return Cover(index=index, first=int(first), to=int(to), leaves=leaves) if good else None


def purges(leaf: bytes) -> bool:
    """Whether a leaf may be a cover: a look at its bytes, no proof."""
    return _MARK in leaf


def covers(leaves: Sequence[bytes]) -> Iterator[Cover]:
    """Every cover of a log, in order."""
    for index, leaf in enumerate(leaves):
        if purges(leaf):
            found = cover_of(index, LedgerEvent.from_leaf(leaf))
            if found is not None:
                yield found


def uncovered(purged: Sequence[int], told: Iterable[Cover]) -> list[int]:
    """The purged leaves that no cover names: of each range all of its list is gone, or nothing."""
    left = set(purged)
    for cover in told:
        within = [index for index in purged if cover.first <= index < cover.to]
        if listed(within) == cover.leaves:
            left -= set(within)
    return sorted(left)


def check_purged(leaves: Sequence[bytes]) -> None:
    """Raises NotTrusted ``ledger-purged`` for the first leaf of which the hash alone is there without a cover."""
    purged = [index for index, leaf in enumerate(leaves) if purged_hash(leaf) is not None]
    left = uncovered(purged, covers(leaves)) if purged else []
    if left:
        raise NotTrusted("ledger-purged", index=left[0])


def traces(leaves: Sequence[bytes], first: int, to: int) -> list[int]:
    """The traces among the leaves [first, to), those included that are purged already."""
    return [
        first + at for at, leaf in enumerate(leaves[first:to]) if LedgerEvent.from_leaf(leaf).event_class == "trace"
    ]


def to_purge(leaves: Sequence[bytes]) -> list[int]:
    """The traces that the log's own intents let go and that are still there. An intent whose list is not that of its range's traces
    lets nothing go: an act never goes, whatever was appended."""
    found: list[int] = []
    for cover in covers(leaves):
        named = traces(leaves, cover.first, cover.to)
        if listed(named) == cover.leaves:
            found += [index for index in named if purged_hash(leaves[index]) is None]
    return found
