# SPDX-License-Identifier: Apache-2.0
"""Is the log itself whole? Size, root, agreement with what the auditor exported, and the form of each leaf.

Where the root fails, names the first leaf that is not the one that was signed. Says nothing of what leaves mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rempart.audit.checkpoint import Checkpoint, parse_and_verify
from rempart.audit.findings import Bad
from rempart.audit.leaf_columns import Columns
from rempart.audit.tree import Tree, hash_of
from rempart.errors import NotTrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Leaves as they lie there and what was signed over them. ``hashes``: leaf hashes by the tiles, unproven;
    ``history``: older signed checkpoints, unproven; ``since``: the auditor's own, already proven; ``read``: what
    the signed leaves are, or what is wrong with them."""

    leaves: Sequence[bytes]
    checkpoint: Checkpoint
    public: bytes
    hashes: Sequence[bytes]
    history: Sequence[str]
    since: Checkpoint | None
    tree: Tree
    read: Columns


def size(log: Log) -> Iterator[Bad]:
    """No fewer leaves than were signed."""
    if len(log.leaves) < log.checkpoint.size:
        altered = first_altered(log)
        yield len(log.leaves) if altered is None else altered, {"size": log.checkpoint.size, "found": len(log.leaves)}


def root(log: Log) -> Iterator[Bad]:
    """The leaves give the root that was signed."""
    if len(log.leaves) >= log.checkpoint.size and log.tree.root(log.checkpoint.size) != log.checkpoint.root:
        yield first_altered(log), {"size": log.checkpoint.size}


def since(log: Log) -> Iterator[Bad]:
    """The auditor's own checkpoint is the beginning of this log."""
    kept = log.since
    if kept is not None and kept.size <= log.tree.size and log.tree.root(kept.size) != kept.root:
        yield _between_signed(log)[0], {"size": kept.size}


def form(log: Log) -> Iterator[Bad]:
    """Every leaf is a canonical event of a known schema."""
    for index, error in sorted(log.read.bad.items()):
        yield index, {"code": error.code}


def tiles(log: Log) -> Iterator[Bad]:
    """The hash tiles are those of the leaves (they can be written anew; the leaves cannot)."""
    count = min(log.tree.size, log.checkpoint.size)
    if b"".join(log.hashes[:count]) == log.tree.nodes(0, 0, count):
        return
    for index, digest in enumerate(log.hashes[:count]):
        if digest != log.tree.hash_at(index):
            yield index, {}
            return
    if len(log.hashes) < count:
        yield len(log.hashes), {}


def surplus(log: Log) -> Iterator[Bad]:
    """Leaves beyond the checkpoint are the rest of an append that a crash cut off: they belong to no log."""
    if len(log.leaves) > log.checkpoint.size:
        yield log.checkpoint.size, {"count": len(log.leaves) - log.checkpoint.size}


def first_altered(log: Log) -> int | None:
    """The first leaf that is not the signed one; None when nothing is left that could tell.

    Signed checkpoints bound it; within those bounds the hash tiles, which nobody signed leaf by leaf, place it exactly.
    """
    low, high = _between_signed(log)
    pairs = zip(map(hash_of, log.leaves), log.hashes, strict=False)
    by_tiles = next((index for index, (found, told) in enumerate(pairs) if found != told), None)
    return by_tiles if by_tiles is not None and (low or 0) <= by_tiles < high else low


def _between_signed(log: Log) -> tuple[int | None, int]:
    """The largest signed size below the first bad one whose root still holds (None: no such is known), and the smallest
    signed size whose root does not."""
    known = [kept for text in log.history if (kept := _proven(text, log)) is not None]
    known += [log.checkpoint, *([log.since] if log.since else [])]
    good = {kept.size for kept in known if kept.size <= log.tree.size and log.tree.root(kept.size) == kept.root}
    high = min((kept.size for kept in known if kept.size not in good), default=log.checkpoint.size)
    return max((size for size in good if size < high), default=None), high


def _proven(text: str, log: Log) -> Checkpoint | None:
    try:
        return parse_and_verify(text, log.checkpoint.origin, log.public)
    except NotTrusted:
        return None
