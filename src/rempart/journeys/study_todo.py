# SPDX-License-Identifier: Apache-2.0
"""What a run has to compute and what it need not: parts whose evidence is kept, and shards that an earlier try left. Computes nothing.

Which parts the pieces of an earlier try hold is noted beside them, and bound to each piece: a note that was altered opens none. Which
version of the program made them is noted too, for an upgrade between two tries: sums of two versions are never added.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rempart.journeys.kept_evidence import KeptEvidence
from rempart.journeys.stopping import CANCEL
from rempart.ports.scratch import Scratch
from rempart.study.evidence import Evidence

_NOTE = "parts"
_MADE_BY = "made-by"
_PIECE = "shard-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """``parts``: digests to compute, in every shard; ``found``: evidence of the other parts, by digest, summed over the shards."""

    parts: tuple[str, ...]
    found: Mapping[str, Evidence]

    @property
    def nothing(self) -> bool:
        """Whether no shard need be opened."""
        return not self.parts


def of_this_version(scratch: Scratch, run: str, made_by: str) -> None:
    """Remove what another version of the program left of ``run``, its key and its matched pairs too; a word to stop stays heard."""
    if scratch.get(run, _MADE_BY) == made_by.encode():
        return
    scratch.drop(run, _MADE_BY)  # first: a removal that is cut short begins anew
    for name in scratch.names(run):
        if name != CANCEL:
            scratch.drop(run, name)
    scratch.put(run, _MADE_BY, made_by.encode())


def left_to_do(scratch: Scratch, run: str, parts: Sequence[str], *, kept: KeptEvidence | None, reference: str) -> Todo:
    """``parts``: digests of the whole study's; ``kept``: None where nothing may be reused.

    What an earlier try has left of this run is taken up if, with what is kept, it makes the whole; else it is removed.
    """
    pieces = [name for name in scratch.names(run) if name.startswith(_PIECE)]
    earlier = _read(scratch.get(run, _NOTE), parts)
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
