# SPDX-License-Identifier: Apache-2.0
"""What the ledger says of a space: its commits, its kept snapshots with the keyrings that open them now, and which host is active.

Believes the ledger's leaves as the ledger port has checked them; asks no host and no broker.
"""

from collections.abc import Collection, Iterator, Sequence

from rempart.errors import Missing, NotTrusted
from rempart.ports.ledger import Ledger
from rempart.records.event import LedgerEvent
from rempart.records.keyring import KIND as KEYRING
from rempart.records.keyring import SpaceKeyring
from rempart.records.sealed import SpaceCommit
from rempart.vault.snapshots import Snapshot, snapshots

COMMIT, CUTOVER, ERASURE = "commit", "cutover", "erasure"


def leaves_of(leaves: Sequence[bytes], kinds: Collection[str]) -> Iterator[tuple[int, LedgerEvent]]:
    """(index, event) of every leaf of those kinds. In canonical JSON a quote inside a text is escaped, so what is searched for can
    only be the leaf's own key: the other leaves need not be parsed."""
    marks = [f'"kind":"{kind}"'.encode() for kind in kinds]
    found = {index for mark in marks for index, leaf in enumerate(leaves) if mark in leaf}
    return ((index, LedgerEvent.from_leaf(leaves[index])) for index in sorted(found))


def commits_in(leaves: Sequence[bytes], space: str) -> list[SpaceCommit]:
    """Every commit of ``space``, rotations too, in order."""
    events = (event for _, event in leaves_of(leaves, {COMMIT}))
    return [SpaceCommit.from_objects(event.objects) for event in events if event.fact("space") == space]


def snapshots_in(leaves: Sequence[bytes], space: str) -> list[Snapshot]:
    """Every kept snapshot of ``space`` as these leaves have it, oldest first; raises NotTrusted ``commit-chain``."""
    events = (event for _, event in leaves_of(leaves, {KEYRING}))
    keyrings = [SpaceKeyring.from_objects(event.objects) for event in events if event.fact("space") == space]
    return snapshots(commits_in(leaves, space), keyrings)


def kept(ledger: Ledger, space: str) -> list[Snapshot]:
    """``snapshots_in`` of the whole ledger."""
    return snapshots_in(ledger.leaves(), space)


def snapshot_of(ledger: Ledger, space: str, head: str | None) -> Snapshot:
    """The newest (or the pinned) snapshot; raises Missing ``space-missing`` or ``space-erased``, NotTrusted ``head-unknown``."""
    leaves = ledger.leaves()
    found = snapshots_in(leaves, space)
    if not found:
        raise Missing("space-missing", space=space)
    if space in erased_spaces(leaves):
        raise Missing("space-erased", space=space)
    chosen = found[-1] if head is None else next((s for s in found if s.origin.head == head), None)
    if chosen is None:
        raise NotTrusted("head-unknown", space=space)
    return chosen


def spaces(ledger: Ledger) -> list[str]:
    """Every space that was ever written and is not erased, in the order of their first commits."""
    leaves = ledger.leaves()
    gone = erased_spaces(leaves)
    return [space for space in written(leaves) if space not in gone]


def written(leaves: Sequence[bytes]) -> list[str]:
    """Every space that was ever written, in the order of their first commits."""
    return list(dict.fromkeys(event.fact("space") or "" for _, event in leaves_of(leaves, {COMMIT})))


def erased_spaces(leaves: Sequence[bytes]) -> frozenset[str]:
    """Spaces whose keys were all destroyed: an erasure of the whole space took effect."""
    events = dict(leaves_of(leaves, {ERASURE}))
    done = [events[event.of] for event in events.values() if event.phase == "effect" and event.of in events]
    return frozenset(event.fact("space") or "" for event in done if event.fact("reach") == "space")


def active_host(leaves: Sequence[bytes]) -> str | None:
    """The host that the last cut-over named; None when there was none: the host of ``rempart.toml`` is active. A move is cut over
    once: what two officers signed for it does not bring its target back when it is named again."""
    events = dict(leaves_of(leaves, {CUTOVER}))
    active: str | None = None
    moved = set[str]()
    for event in events.values():
        intent = events.get(-1 if event.of is None else event.of)
        move = event.fact("move") or (intent.fact("move") if intent else None)
        if event.phase == "effect" and move not in moved:
            active = event.fact("to") or (intent.fact("to") if intent else None)
            moved |= {move} if move else set()
    return active
