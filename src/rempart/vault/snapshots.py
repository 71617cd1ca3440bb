# SPDX-License-Identifier: Apache-2.0
"""The kept snapshots of one space, each with the keyring that opens it now (docs/format.md, "The commit and the chain").

Reads no ledger: commits and keyrings are arguments, in the ledger's order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rempart.errors import NotTrusted
from rempart.records.keyring import SpaceKeyring
from rempart.records.sealed import SpaceCommit
from rempart.vault.commit import check_chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """``origin``: the commit that made it, to whose epoch its manifest is bound; ``current``: the same with the keyring, the
    keyring's hash and the epoch of its newest rotation."""

    origin: SpaceCommit
    current: SpaceCommit


def snapshots(commits: Sequence[SpaceCommit], keyrings: Sequence[SpaceKeyring] = ()) -> list[Snapshot]:
    """Every snapshot of a space, oldest first; empty for no commit.

    Raises NotTrusted ``commit-chain`` when the chain does not hold, when a keyring is of a snapshot that is not there, or when
    an epoch does not rise or lies above the chain's.
    """
    if not commits:
        return []
    newest = check_chain(commits)
    found: dict[str, Snapshot] = {}
    for commit in commits:
        before = found.get(commit.head)
        found[commit.head] = (
            Snapshot(origin=commit, current=commit) if before is None else _rotated(before, _keyring_of(commit))
        )
    for keyring in keyrings:
        before = found.get(keyring.head)
        if before is None or keyring.epoch > newest.epoch:
            raise NotTrusted("commit-chain")
        found[keyring.head] = _rotated(before, keyring)
    return list(found.values())


def _rotated(before: Snapshot, keyring: SpaceKeyring) -> Snapshot:
    origin, current = before.origin, before.current
    same = (keyring.space, keyring.manifest) == (origin.space, origin.manifest)
    if not same or keyring.epoch <= current.epoch or keyring.keyring == current.keyring:
        raise NotTrusted("commit-chain")
    new = replace(current, keyring=keyring.keyring, keyring_sha256=keyring.keyring_sha256, epoch=keyring.epoch)
    return Snapshot(origin=origin, current=new)


def _keyring_of(commit: SpaceCommit) -> SpaceKeyring:
    """A rotation's commit as the keyring that it brings."""
    return SpaceKeyring(
        space=commit.space,
        head=commit.head,
        manifest=commit.manifest,
        keyring=commit.keyring,
        keyring_sha256=commit.keyring_sha256,
        epoch=commit.epoch,
    )
