# SPDX-License-Identifier: Apache-2.0
"""From a proven log to what must lie on a host: what the mover's process and the controller both compute, each for itself.

Needs no key, and imports nothing that could use one: a manifest's clear list is all that is read of it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rempart.audit.checkpoint import Checkpoint, parse_and_verify
from rempart.audit.tree import Tree, hash_of, leaf_hash
from rempart.errors import Missing, NotTrusted
from rempart.journeys.chain import COMMIT, ERASURE
from rempart.migration.inventory import Entry, Inventory
from rempart.ports.host import Host
from rempart.records.event import LedgerEvent
from rempart.records.keyring import KIND as KEYRING
from rempart.records.keyring import SpaceKeyring
from rempart.records.sealed import Sealed, SpaceCommit
from rempart.vault.commit import check_manifest_of
from rempart.vault.outer import pointer_bytes, read_outer
from rempart.vault.snapshots import Snapshot, snapshots

MOVED = frozenset({COMMIT, KEYRING, ERASURE})
"""Kinds of leaf that say what must lie on a host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvidence:
    """The log as the mover is given it. ``checkpoint``: the newest, signed; ``kept``: one that was kept outside, exported or
    witnessed; ``hashes``: every leaf's hash, 32 bytes each, joined; ``leaves``: those of the kinds of ``MOVED``, by index."""

    checkpoint: str
    kept: str
    hashes: bytes
    leaves: Mapping[int, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What was proven of the log. ``pointers``: name → bytes of each commit's pointer, as the ledger gives them."""

    checkpoint: Checkpoint
    snapshots: Sequence[Snapshot]
    pointers: Mapping[str, bytes]


def log_evidence(leaves: Sequence[bytes], *, checkpoint: str, kept: str) -> LogEvidence:
    """What to hand to the mover: hashes of all leaves, bytes of those that name objects. Persons and permits stay here."""
    named = {index: leaf for index, leaf in enumerate(leaves) if LedgerEvent.from_leaf(leaf).kind in MOVED}
    return LogEvidence(checkpoint=checkpoint, kept=kept, hashes=b"".join(map(hash_of, leaves)), leaves=named)


def prove_log(log: LogEvidence, *, origin: str, public: bytes) -> Whole:
    """The snapshots, once the log is the signed one, continues the kept checkpoint, and its chains hold.

    Raises NotTrusted ``checkpoint-…``, ``ledger-rolled-back``, ``consistency-proof``, ``move-log``, ``commit-chain``.
    """
    checkpoint = parse_and_verify(log.checkpoint, origin, public)
    tree = Tree()
    for start in range(0, len(log.hashes), 32):
        tree.append_hash(log.hashes[start : start + 32])
    if tree.size != checkpoint.size or tree.root() != checkpoint.root:
        raise NotTrusted("move-log")
    _check_kept(parse_and_verify(log.kept, origin, public), tree)
    for index, leaf in log.leaves.items():
        if not 0 <= index < tree.size or leaf_hash(leaf) != tree.hash_at(index):
            raise NotTrusted("move-log")
    events = {index: LedgerEvent.from_leaf(leaf) for index, leaf in sorted(log.leaves.items())}
    gone = erased_spaces(events)
    return Whole(checkpoint=checkpoint, snapshots=kept_snapshots(events, gone), pointers=_pointers(events, gone))


def _check_kept(kept: Checkpoint, tree: Tree) -> None:
    """The log continues what somebody kept outside: a state put back to yesterday is never moved faithfully."""
    if kept.size > tree.size:
        raise NotTrusted("ledger-rolled-back", size=tree.size, seen=kept.size)
    if tree.root(kept.size) != kept.root:
        raise NotTrusted("consistency-proof", first=kept.size, second=tree.size)


def erased_spaces(events: Mapping[int, LedgerEvent]) -> frozenset[str]:
    """Spaces all of whose keys were destroyed: nothing of them opens, so nothing of them is moved."""
    ends = [-1 if e.of is None else e.of for e in events.values() if (e.kind, e.phase) == (ERASURE, "effect")]
    ended = [events[of] for of in ends if of in events]
    return frozenset(event.fact("space") or "" for event in ended if event.fact("reach") == "space")


def kept_snapshots(events: Mapping[int, LedgerEvent], gone: Container[str]) -> list[Snapshot]:
    """Every kept snapshot of every space but those, each with its newest keyring; NotTrusted ``commit-chain``, ``commit-form``."""
    commits: dict[str, list[SpaceCommit]] = defaultdict(list)
    keyrings: dict[str, list[SpaceKeyring]] = defaultdict(list)
    for event in events.values():
        if (event.kind, event.phase) == (COMMIT, "effect"):
            commit = SpaceCommit.from_objects(event.objects)
            commits[commit.space].append(commit)
        elif (event.kind, event.phase) == (KEYRING, "effect"):
            keyring = SpaceKeyring.from_objects(event.objects)
            keyrings[keyring.space].append(keyring)
    if set(keyrings) - set(commits):
        raise NotTrusted("commit-chain")
    return [one for space in sorted(commits) if space not in gone for one in snapshots(commits[space], keyrings[space])]


def _pointers(events: Mapping[int, LedgerEvent], gone: Container[str]) -> dict[str, bytes]:
    """The pointer after each commit: named by the log's size then, as its writer did when nobody appended in between."""
    found, seen = {}, set[str]()
    for index, event in events.items():
        if (event.kind, event.phase) == (COMMIT, "effect") and event.fact("space") not in gone:
            manifest = SpaceCommit.from_objects(event.objects).manifest
            if manifest not in seen:  # a rotation's commit names it again, without a pointer
                found[f"s/{index + 1}"] = pointer_bytes(manifest)
            seen.add(manifest)
    return found


def take_inventory(host: Host, whole: Whole, *, warehouse: str, vault_public: bytes) -> Inventory:
    """Every object that the log and the host's own signed manifests name; each manifest and keyring is read and proven.

    Raises NotTrusted ``manifest``, ``keyring``, ``object-absent``, ``inventory-conflict``; Unavailable.
    """
    return Inventory(_entries(host, whole, warehouse=warehouse, vault_public=vault_public))


def _entries(host: Host, whole: Whole, *, warehouse: str, vault_public: bytes) -> Iterator[Entry]:
    for snapshot in whole.snapshots:
        origin, current = snapshot.origin, snapshot.current
        manifest = _fetch(host, origin.manifest)
        outer = read_outer(manifest, head=origin.head, vault_public=vault_public)
        check_manifest_of(origin, outer)
        if outer.warehouse != warehouse:
            raise NotTrusted("manifest")
        yield Entry(origin.manifest, len(manifest.data), origin.head)
        yield from (Entry(*part) for part in outer.objects)
        keyring = _fetch(host, current.keyring)
        if hashlib.sha256(keyring.data).hexdigest() != current.keyring_sha256:
            raise NotTrusted("keyring")
        yield Entry(current.keyring, len(keyring.data), current.keyring_sha256)


def pointer_entries(whole: Whole) -> Inventory:
    """The pointers, apart from the inventory: hints that a host may lose or never have had, and that prove nothing."""
    return Inventory(Entry(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in whole.pointers.items())


def _fetch(host: Host, name: str) -> Sealed:
    """An object that the ledger names: its absence is a host that lies."""
    try:
        return host.get(name)
    except Missing as error:
        raise NotTrusted("object-absent") from error


def root_of(inventory: Iterable[Entry]) -> str:
    """``sha256:…``: the root of the RFC 6962 tree over the entries in order of name; anybody can compute it again."""
    return "sha256:" + Tree(entry.leaf() for entry in inventory).root().hex()
