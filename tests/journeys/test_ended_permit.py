# SPDX-License-Identifier: Apache-2.0
"""After its last day a permit opens nothing; in a house of its own, for a leaf of a later day holds its ledger to that day."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.adapters import surroundings
from tests.journeys.house import House
from tests.journeys.test_refusals import RELEASE, refused, state_of, study, with_release


@pytest.fixture
def ended(small_template: Path, tmp_path: Path) -> Iterator[House]:
    """A house in which frank has submitted a release."""
    made = with_release(small_template, tmp_path / "ended")
    yield made
    made.lock()


def test_after_its_last_day_a_permit_opens_nothing(ended: House, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_of(ended)
    now = datetime.datetime(2029, 1, 1, 8, tzinfo=datetime.UTC)
    monkeypatch.setattr(surroundings.SystemClock, "now", lambda self: now)
    for words in (
        study(ended, ("Pioglitazone and bladder", "Pioglitazone and the bladder")),
        ("release", "review", RELEASE, "--key", ended.key("bob")),
        ("release", "review", RELEASE, "--key", ended.key("bob"), "--verdict", "approve"),
    ):
        refused(ended, 10, "permit-expired", words)
    assert state_of(ended) == before, "what was refused is at most a failed intent in the ledger"
