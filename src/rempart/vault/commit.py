# SPDX-License-Identifier: Apache-2.0
"""The commits of one space form one chain. Reads no ledger: the commits are an argument, in the ledger's order."""

from collections.abc import Sequence
from itertools import pairwise

from rempart.errors import NotTrusted
from rempart.records.sealed import SpaceCommit
from rempart.vault.outer import ManifestOuter


def check_chain(commits: Sequence[SpaceCommit]) -> SpaceCommit:
    """The newest commit, once every parent link holds from '' on (docs/format.md, "The commit and the chain").

    Raises NotTrusted ``commit-chain`` on a fork, a gap or a mixture of spaces; ValueError for no commit at all.
    """
    if not commits:
        raise ValueError("a chain has at least one commit")
    if commits[0].parent:
        raise NotTrusted("commit-chain")
    heads, manifests = {commits[0].head}, {commits[0].manifest}
    for before, commit in pairwise(commits):
        if commit.space != before.space or commit.parent != before.head or commit.epoch < before.epoch:
            raise NotTrusted("commit-chain")
        if not _is_rotation(before, commit) and (
            commit.head in heads or commit.manifest in manifests or commit.keyring == before.keyring
        ):
            raise NotTrusted("commit-chain")
        heads.add(commit.head)
        manifests.add(commit.manifest)
    return commits[-1]


def check_manifest_of(commit: SpaceCommit, outer: ManifestOuter) -> None:
    """The manifest's own parent and epoch agree with its commit; a rotation's commit (its parent is its own head) comes after the
    manifest's epoch. Raises NotTrusted ``commit-chain``."""
    if commit.parent == commit.head:
        if outer.epoch >= commit.epoch:
            raise NotTrusted("commit-chain")
        return
    if outer.parent != commit.parent or outer.epoch != commit.epoch or (outer.sequence == 1) != (not commit.parent):
        raise NotTrusted("commit-chain")


def _is_rotation(before: SpaceCommit, commit: SpaceCommit) -> bool:
    """The same manifest under a higher key epoch and another keyring."""
    same = (commit.head, commit.manifest) == (before.head, before.manifest)
    return same and commit.epoch > before.epoch and commit.keyring != before.keyring
