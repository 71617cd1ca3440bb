# SPDX-License-Identifier: Apache-2.0
"""What a run has to compute and what it need not: parts whose evidence is kept, and shards that an earlier try left. Computes nothing.

Which parts the pieces of an earlier try hold is noted beside them, and bound to each piece: a note that was altered opens none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rempart.journeys.kept_evidence import KeptEvidence
from rempart.ports.scratch import Scratch
from rempart.study.evidence import Evidence

_NOTE = "parts"
_PIECE = "shard-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """``parts``: digests to compute, in every shard; None for the whole study, of a run that began before parts were told apart.
    ``found``: evidence of the other parts, by digest, summed over the shards."""

    parts: tuple[str, ...] | None
    found: Mapping[str, Evidence]

    @property
    def nothing(self) -> bool:
        """Whether no shard need be opened."""
        return self.parts == ()


def left_to_do(scratch: Scratch, run: str, parts: Sequence[str], *, kept: KeptEvidence | None, reference: str) -> Todo:
    """``parts``: digests of the whole study's; ``kept``: None where nothing may be reused.

    What an earlier try has left of this run is taken up if, with what is kept, it makes the whole; else it is removed.
    """
    pieces = [name for name in scratch.names(run) if name.startswith(_PIECE)]
    note = scratch.get(run, _NOTE)
    if pieces and note is None:
        return Todo(parts=None, found={})
    earlier = _read(note, parts)
    asked = [part for part in parts if part not in earlier]
    found = kept.take(asked, reference=reference) if kept and asked else {}
    if not earlier or set(found) != set(asked):
        for piece in pieces:
            scratch.drop(run, piece)
        more = kept.take(list(earlier), reference=reference) if kept and earlier else {}
        found = {**found, **more}
        earlier = tuple(part for part in parts if part not in found)
    scratch.put(run, _NOTE, json.dumps(list(earlier)).encode())
    return Todo(parts=earlier, found=found)


def _read(note: bytes | None, parts: Sequence[str]) -> tuple[str, ...]:
    """The parts that pieces hold; () where the note is none that this study could have, compiled as it is now."""
    try:
        said = json.loads(note or b"[]")
    except ValueError:
        return ()
    if not isinstance(said, list) or not all(part in parts for part in said):
        return ()
    return tuple(part for part in parts if part in said)
