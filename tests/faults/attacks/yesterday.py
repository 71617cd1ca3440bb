# SPDX-License-Identifier: Apache-2.0
"""Ledger and host put back to yesterday together, as they were or grown another way since: everything in them agrees.

Somebody else remembers more: a second machine, a witness over HTTP, a checkpoint on a disk elsewhere. Stopped means refused with the
code of that memory, when the key broker would start or when it would sign. Without any memory nobody can tell, which is said (``alone``).
"""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import patch

from rempart.adapters.configuration import Configuration
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.second_ledger import Second, SecondLedger
from rempart.adapters.small_client import request
from rempart.audit import kept
from rempart.audit.add_checkpoint import COSIGN
from rempart.audit.witness import request_text
from rempart.journeys.space import newest_commit
from rempart.records.event import LedgerEvent
from rempart.records.signature import sign_text
from rempart.wiring import remembered
from tests.conformance.test_witness_http import serving_log
from tests.faults.attacks.attack import Attack, Outcome
from tests.faults.test_second_machine import keeping
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC, true_story

Draw = random.Random
SECOND, WITNESS, KEPT, COSIGNED = (
    "a second machine",
    "a witness",
    "a checkpoint elsewhere",
    "a witness asked to cosign",
)
AS_IT_WAS, ANOTHER = "as it was", "grown another way"


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """``count`` attempts of each kind: who remembers × what was put back."""
    for memory in (SECOND, WITNESS, KEPT, COSIGNED):
        for turn in (AS_IT_WAS, ANOTHER):
            for number in range(count):
                kind, draw = f"{memory}, {turn}", Draw(f"{memory}/{turn}/{seed}/{number}")
                yield Attack(kind=kind, name=f"{kind} {number} of seed {seed}", run=_run(memory, turn, draw))


def _run(memory: str, turn: str, draw: Draw) -> Callable[[], Outcome]:
    return lambda: put_back(memory, turn, draw)


def put_back(memory: str, turn: str, draw: Draw) -> Outcome:
    """Yesterday in the place of today, and what whoever remembers says of it."""
    folder = Path(tempfile.mkdtemp(prefix="rempart-yesterday-"))
    try:
        with ExitStack() as stack:
            house = House(folder, stack, memory)
            house.grow(house.leaves[: draw.randrange(8, 30)], draw)
            shutil.copytree(folder / "house", folder / "yesterday")
            house.grow(house.leaves[house.ledger.size() : draw.randrange(33, len(house.leaves) - 2)], draw)
            house.remember()
            today = house.ledger.leaves()
            shutil.rmtree(folder / "house")
            shutil.copytree(folder / "yesterday", folder / "house")
            if turn == ANOTHER:
                house.grow_otherwise(len(today) + draw.choice([-2, -1, 0, 0, 1, 2]))
            return house.opened(today)
    finally:
        shutil.rmtree(folder)


def alone(draw: Draw) -> Outcome:
    """With nobody who remembers: yesterday is today, and nothing stops it."""
    return put_back("", AS_IT_WAS, draw)


@cache
def _story() -> tuple[bytes, ...]:
    story = true_story()
    for _ in range(6):
        story.ingest()
    return tuple(story.leaves)


class House:
    """A ledger's folder and a host that holds the newest head, and ``memory`` of them elsewhere."""

    def __init__(self, folder: Path, stack: ExitStack, memory: str) -> None:
        self.leaves, self.memory, self._folder, self._note = _story(), memory, folder, ""
        self._host, self._second, self._url = folder / "house" / "host", "", ""
        self._host.mkdir(parents=True)
        if memory == SECOND:
            self._second = stack.enter_context(keeping(folder / "two"))
        if memory in {WITNESS, COSIGNED}:
            port = stack.enter_context(serving_log(folder / "seen", "one", ORIGIN, PUBLIC))
            self._url = f"http://127.0.0.1:{port}"

    @property
    def ledger(self) -> DirectoryLedger:
        """As it lies there, read afresh."""
        root = self._folder / "house" / "ledger"
        if not self._second:
            return DirectoryLedger(root, origin=ORIGIN, public=PUBLIC, sign=_sign)
        second = Second(self._second, origin=ORIGIN, public=PUBLIC)
        return SecondLedger(root, origin=ORIGIN, public=PUBLIC, sign=_sign, second=second)

    def grow(self, leaves: Sequence[bytes], draw: Draw) -> None:
        """Append some leaves in a few steps; the host has the head that they name."""
        while leaves:
            step = draw.randrange(1, 5)
            self.ledger.append(self.ledger.size(), leaves[:step])
            leaves = leaves[step:]
        self._on_host()

    def grow_otherwise(self, size: int) -> None:
        """What did not happen, signed with the log's own key by who put yesterday back."""
        ledger = DirectoryLedger(self._folder / "house" / "ledger", origin=ORIGIN, public=PUBLIC, sign=_sign)
        for index in range(ledger.size(), size):
            told = LedgerEvent.from_leaf(self.leaves[index])
            ledger.append(index, [replace(told, salt="f" * 32).leaf()])
        self._on_host()

    def _on_host(self) -> None:
        """The host's head, by which a ledger alone put back would be found out."""
        commit = newest_commit(self.ledger, "warehouse")
        (self._host / "head").write_text(commit.head if commit else "", "utf-8")

    def remember(self) -> None:
        """What is kept elsewhere of today."""
        self._note = self.ledger.checkpoint()
        if self._url:
            assert self._asked(0) == COSIGN

    def _asked(self, old: int) -> int:
        """The status of a witness that is asked to go on from ``old``."""
        ledger = self.ledger
        size = ledger.size()
        proof = ledger.consistency(old, size) if 0 < old <= size else ()
        told = request(self._url, "/add-checkpoint", request_text(ledger.checkpoint(), old=old, proof=proof).encode())
        return told.status

    def opened(self, today: Sequence[bytes]) -> Outcome:
        """What comes of it; the ledger's own error is left to be raised."""
        commit = newest_commit(self.ledger, "warehouse")
        assert (self._host / "head").read_text("utf-8") == (commit.head if commit else ""), "ledger and host agree"
        if self.memory == COSIGNED:
            return self._cosigned(len(today))
        if self.memory == KEPT:
            kept.check_kept(self._note, self.ledger, origin=ORIGIN, public=PUBLIC)
        else:
            settings = SimpleNamespace(ledger_origin=ORIGIN, ledger_public=PUBLIC, ledger_exported="")
            with patch.object(remembered, "_addresses", lambda *_: [self._url] if self._url else []):
                remembered.check_remembered(self._folder, cast(Configuration, settings), self.ledger)
        back = self.ledger.leaves() == list(today)
        return Outcome(stopped=back, by="given back" if back else f"opened with {self.ledger.size()} leaves")

    def _cosigned(self, seen: int) -> Outcome:
        """Whatever size is told as the one that the witness saw."""
        told = [self._asked(old) for old in (0, seen, self.ledger.size())]
        good = COSIGN not in told
        return Outcome(stopped=good, by="no cosignature" if good else "cosigned")


def _sign(text: str) -> str:
    return sign_text(LEDGER, text)
