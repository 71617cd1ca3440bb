# SPDX-License-Identifier: Apache-2.0
"""Open a backup with the custodians' shares and prove it before anything of it is put anywhere. Writes nothing itself.

The shares prove the custody record, the recovery key proves the content, the signed checkpoint proves the ledger, and a head
from outside proves that it is not an old one: only that one says whether history was taken back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.tree import Tree
from rempart.errors import NotTrusted, Refused
from rempart.journeys.archive import Header, read_header, unseal
from rempart.journeys.backup import CUSTODY, KIND, check_custody
from rempart.journeys.recorded import Recorder, recorded
from rempart.keys.custody import custody_from_bytes, open_recovery
from rempart.keys.share_file import open_custody
from rempart.records.canonical import canonical_bytes
from rempart.records.event import LedgerEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the configuration in a backup says: which warehouse, and whose ledger. ``public``: 32 raw bytes."""

    warehouse: str
    origin: str
    public: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the files of a backup are read. ``identity``: of its configuration; ``ledger``: (checkpoint, leaves) of its files."""

    identity: Callable[[Mapping[str, bytes]], Identity]
    ledger: Callable[[Mapping[str, bytes]], tuple[str, list[bytes]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A backup that proved itself; ``leaves``: of its ledger."""

    header: Header
    identity: Identity
    files: Mapping[str, bytes]
    leaves: tuple[bytes, ...]


def open_backup(
    data: bytes, reading: Reading, *, shares: Sequence[tuple[bytes, str]], quick_allowed: bool = False
) -> Opened:
    """The content of a backup; ``shares``: (share file, its custodian's passphrase), as many as the custody asks for.

    Raises Refused ``custody-few``, ``custody-shares``, ``share-…``; NotTrusted ``backup-form``, ``backup-sealed``, ``ledger-root``,
    ``checkpoint-…``, ``custody-form``.
    """
    header = read_header(data)
    custody = custody_from_bytes(canonical_bytes(header.custody))
    secret = open_custody(custody, shares, quick_allowed=quick_allowed)
    files = unseal(data, private=open_recovery(custody, secret))
    identity = reading.identity(files)
    if identity.warehouse != header.warehouse or files.get(CUSTODY) != custody.to_bytes():
        raise NotTrusted("backup-form")
    note, leaves = reading.ledger(files)
    checkpoint = parse_and_verify(note, identity.origin, identity.public)
    root = Tree(leaves).root()
    if (len(leaves), root) != (checkpoint.size, checkpoint.root):
        raise NotTrusted("ledger-root", size=checkpoint.size)
    if (header.size, header.root) != (checkpoint.size, checkpoint.root.hex()):
        raise NotTrusted("backup-form")
    check_custody([LedgerEvent.from_leaf(leaf) for leaf in leaves], custody)
    return Opened(header=header, identity=identity, files=files, leaves=tuple(leaves))


def check_head(opened: Opened, head: str) -> int:
    """Leaves of a checkpoint that was kept elsewhere, once the backup's ledger holds all of them.

    Raises Refused ``backup-older``; NotTrusted ``consistency-proof`` for another history, ``checkpoint-…``.
    """
    seen = parse_and_verify(head, opened.identity.origin, opened.identity.public)
    if seen.size > len(opened.leaves):
        raise Refused("backup-older", taken=opened.header.taken[:16], size=len(opened.leaves), seen=seen.size)
    if Tree(opened.leaves[: seen.size]).root() != seen.root:
        raise NotTrusted("consistency-proof", first=seen.size, second=len(opened.leaves))
    return seen.size


def record_restored(recorder: Recorder, *, backup: str, sha256: str, size: int, taken: str) -> None:
    """Tell the ledger of a restore, and close the intent of the backup that was restored, which is open in every one."""
    facts = [f"{KIND}:{backup}", f"sha256:{sha256}", f"size:{size}", f"taken:{taken}"]
    events = [LedgerEvent.from_leaf(leaf) for leaf in recorder.ledger.leaves()]
    if any(
        event.kind == "restore" and event.fact(KIND) == backup and event.fact("size") == str(size) for event in events
    ):
        return
    with recorded(recorder, "restore", basis="operation:restore", objects=facts):
        ended = {event.of for event in events if event.kind == KIND}
        for index, event in enumerate(events):
            if event.kind == KIND and event.fact(KIND) == backup and event.phase == "intent" and index not in ended:
                recorder.append(recorder.event(KIND, "effect", basis=event.basis, objects=facts, of=index))
