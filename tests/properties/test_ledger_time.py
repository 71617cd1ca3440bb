# SPDX-License-Identifier: Apache-2.0
"""Whatever the clocks of the writers say, no leaf of the ledger is older than the one before it."""

import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.surroundings import SystemRandomness
from rempart.errors import Unavailable
from rempart.journeys.recorded import Recorder, recorded
from rempart.records.event import LedgerEvent
from rempart.records.ledger_time import SLACK
from tests.conformance.test_ledger import ledger_at

START = datetime.datetime(2026, 3, 1, 8, 0, tzinfo=datetime.UTC)


class Clock:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime.datetime:
        return START + datetime.timedelta(seconds=self.seconds)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-200, 200), min_size=1, max_size=12))
def test_no_leaf_is_older_than_the_one_before(steps: list[int]) -> None:
    with TemporaryDirectory() as folder:
        clock = Clock()
        recorder = Recorder(ledger=ledger_at(Path(folder)), clock=clock, randomness=SystemRandomness())
        latest = None
        for step in steps:
            clock.seconds += step
            now = clock.now()
            event = recorder.event("hash", "intent", basis="operation:hash", objects=[])
            if latest is not None and latest - now > SLACK:
                with pytest.raises(Unavailable, match="clock-behind"):
                    recorder.append(event)
            else:
                recorder.append(event)
                latest = now if latest is None else max(latest, now)
        told = [datetime.datetime.fromisoformat(LedgerEvent.from_leaf(leaf).time) for leaf in recorder.ledger.leaves()]
        assert told == sorted(told)


def test_an_act_whose_clock_falls_back_while_it_runs_ends_at_its_own_beginning(tmp_path: Path) -> None:
    clock = Clock()
    recorder = Recorder(ledger=ledger_at(tmp_path), clock=clock, randomness=SystemRandomness())
    with recorded(recorder, "hash", basis="operation:hash", objects=[]):
        clock.seconds = -30
    first, last = (LedgerEvent.from_leaf(leaf) for leaf in recorder.ledger.leaves())
    assert (last.phase, last.time) == ("effect", first.time)
