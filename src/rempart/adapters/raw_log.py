# SPDX-License-Identifier: Apache-2.0
"""A ledger folder as it lies there, nothing proven: for the auditor, who must name what is wrong with it."""

from dataclasses import dataclass
from pathlib import Path

from rempart.adapters import ledger_files as files


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLog:
    """``leaves``: every whole record; ``checkpoint``: '' when absent; ``hashes``: leaf hashes by the tiles;
    ``history``: every checkpoint that was signed, oldest first; ``torn``: bytes after the last whole record."""

    leaves: tuple[bytes, ...]
    checkpoint: str
    hashes: tuple[bytes, ...]
    history: tuple[str, ...]
    torn: int


def read_raw(root: Path) -> RawLog:
    """Whatever is there; never raises for what an attacker wrote."""
    data = files.read_from(root / "leaves", 0)
    leaves, used = files.records(data)
    return RawLog(
        leaves=tuple(leaves),
        checkpoint=files.read_from(root / "checkpoint", 0).decode(errors="replace"),
        hashes=tuple(files.leaf_hashes(root / "tiles")),
        history=tuple(files.lines(root / "checkpoints")),
        torn=len(data) - used,
    )
