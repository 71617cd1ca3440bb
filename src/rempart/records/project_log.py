# SPDX-License-Identifier: Apache-2.0
"""What the leaves of a ledger do to projects: signed acts, and what other kinds do. One reading for those who act, the key broker and
the audit; each proves documents in its own way.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rempart.errors import RempartError
from rempart.records.event import LedgerEvent
from rempart.records.permit import Permit
from rempart.records.project import Parties, ProjectAct, ProjectTable
from rempart.records.project_act import KIND

PERMIT, ERASURE = "permit", "erasure"
Done = tuple[int, LedgerEvent, int, LedgerEvent]
"""Index and event of an intent, index and event of the effect that closes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReader:
    """``told``: the signed act of a leaf, its document proven; ``granted``: the permit of a grant's leaf, proven. Both raise what is wrong.
    ``lost``: what to do with a leaf whose document proves nothing; by default it has no effect."""

    told: Callable[[int, LedgerEvent], ProjectAct]
    granted: Callable[[int, LedgerEvent], Permit]
    lost: Callable[[int, LedgerEvent, RempartError], None] = lambda index, event, error: None


def done(log: Sequence[LedgerEvent]) -> Iterator[Done]:
    """What took effect, in the order of the effects."""
    for end, event in enumerate(log):
        if event.phase == "effect" and event.of is not None and 0 <= event.of < end:
            begun = log[event.of]
            if (begun.kind, begun.phase) == (event.kind, "intent"):
                yield event.of, begun, end, event


def project_acts(log: Iterable[Done], table: ProjectTable, reader: LogReader) -> Iterator[tuple[int, ProjectAct]]:
    """(index of the intent, act) of every project, in the order given."""
    kinds, spaces = table.by_kind, dict[str, str]()
    for index, intent, _, effect in log:
        try:
            if intent.kind == KIND:
                yield index, reader.told(index, intent)
            elif intent.kind in kinds:
                yield from _done(index, intent, effect, reader, kinds[intent.kind], spaces)
        except RempartError as error:
            reader.lost(index, intent, error)


def _done(
    index: int, intent: LedgerEvent, effect: LedgerEvent, reader: LogReader, act: str, spaces: dict[str, str]
) -> Iterator[tuple[int, ProjectAct]]:
    """What another kind does to a project: a grant provides its dataset, an erasure of the whole space ends it, an
    amendment is an act on the project of its permit whose proof is asked for where the permit is read."""
    space, parties = intent.fact("space") or "", None
    if intent.kind == PERMIT:
        permit = reader.granted(index, intent)
        parties = Parties(application="", project=permit.project, regime="", persons=permit.persons, principal="")
        spaces[space] = permit.id
    elif intent.kind == ERASURE and (intent.fact("reach") != "space" or space not in spaces):
        return
    name = spaces[space] if intent.kind in {PERMIT, ERASURE} else intent.basis.partition(":")[2]
    time = datetime.fromisoformat(effect.time)
    yield index, ProjectAct(act=act, permit=name, time=time, facts={}, parties=parties)
