# SPDX-License-Identifier: Apache-2.0
"""A ledger folder with a true story and traces in it, at an hour that a test sets: for controls and purges."""

import datetime
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.documents import DirectoryDocuments
from rempart.journeys.recorded import Recorder
from rempart.journeys.trace_control import TraceDesk, control_body, plan_purge, purge, sign_control
from rempart.records.document import SignedDocument
from rempart.records.signature import sign, sign_text
from rempart.wiring.keeping import patterns
from tests.properties.keeping_histories import MONTH, begun
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC, Story, audit, key_of

IN_MAY = datetime.datetime(2026, 5, 4, 9, 0, tzinfo=datetime.UTC)
TRACED = datetime.date(2026, 3, 1)
"""The day of every trace of the story."""


def days_after(days: int) -> datetime.datetime:
    """Noon, so many days after the traces' day."""
    return datetime.datetime.combine(TRACED + datetime.timedelta(days=days), datetime.time(12), datetime.UTC)


class KeptHouse:
    """``now``: what the clock says."""

    def __init__(self, root: Path, story: Story | None = None, forward: Callable[..., None] | None = None) -> None:
        self.root, self.story, self.now = root, story or begun(), IN_MAY
        self.ledger = DirectoryLedger(
            root, origin=ORIGIN, public=PUBLIC, sign=lambda text: sign_text(LEDGER, text), forward=forward
        )
        self.ledger.append(0, self.story.leaves)
        self.documents = DirectoryDocuments(root.parent / "documents")
        for data in self.story.documents.values():
            self.documents.put(data)

    @property
    def desk(self) -> TraceDesk:
        clock = SimpleNamespace(now=lambda: self.now)
        counted = iter(range(10_000))
        randomness = SimpleNamespace(bytes=lambda size: next(counted).to_bytes(size, "big"))
        return TraceDesk(
            recorder=Recorder(ledger=self.ledger, clock=clock, randomness=randomness),
            documents=self.documents,
            trust=self.story.trusts[-1],
            patterns=patterns(),
            purge=self.ledger.purge,
        )

    def signed(self, body: Any, *people: str) -> SignedDocument:
        over = SignedDocument(body=body, signatures=()).over
        return SignedDocument(body=body, signatures=tuple(sign(key_of(one), actor=one, over=over) for one in people))

    def control(self, month: str = MONTH, by: str = "audrey") -> None:
        body = control_body(self.desk, month, size=self.ledger.size(), root=self.ledger.root(self.ledger.size()).hex())
        sign_control(self.desk, signed=self.signed(body, by), actor="salted:" + by)

    def purge(self, *by: str, days: int = 365) -> int:
        signed = self.signed(plan_purge(self.desk, days=days).body(), *(by or ("olga", "otto")))
        return purge(self.desk, signed=signed, days=days, actor="salted:olga")

    def rules(self) -> set[str]:
        """What an audit of the folder as it lies there finds."""
        raw = self.ledger.raw()
        given = {"leaves": raw.leaves, "checkpoint": raw.checkpoint, "hashes": raw.hashes, "history": raw.history}
        return {item.rule for item in audit(self.story, **given, document=self.documents.get, now=self.now).items}

    def holds(self, text: str) -> bool:
        """Whether any file of the folder holds these bytes."""
        return any(text.encode() in path.read_bytes() for path in self.root.rglob("*") if path.is_file())
