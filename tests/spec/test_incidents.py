# SPDX-License-Identifier: Apache-2.0
"""Incidents by hand: what a file must say, and what 24 and 72 hours come to."""

import datetime
from typing import Any

import pytest

from rempart.errors import BadInput
from rempart.journeys.incidents import _status
from rempart.records.incident import Incident, incident_body

FILE: dict[str, Any] = {"schema": "rempart.incident/1", "id": "I-2026-0001", "what": "a lost key", "breach": True}
FOUND = datetime.datetime(2026, 3, 28, 23, 30, tzinfo=datetime.UTC)


def incident(**changes: Any) -> Incident:
    """An incident found half an hour before midnight, on the eve of summer time."""
    told = {"version": 1, "steps": "", "found": FOUND, "told_first": None, "told_authority": None, "closed": None}
    return Incident(**{**told, "id": "I-2026-0001", "what": "a lost key", "breach": True, **changes})


def test_hours_are_counted_from_the_finding_whatever_the_season() -> None:
    (first, due, met), (second, later, _), _ = incident().clocks(first=24, authority=72, final=1)
    assert (first, due, met) == ("first", datetime.datetime(2026, 3, 29, 23, 30, tzinfo=datetime.UTC), None)
    assert (second, later) == ("authority", datetime.datetime(2026, 3, 31, 23, 30, tzinfo=datetime.UTC))


def test_an_incident_that_concerns_nobodys_data_has_no_clock_of_the_authority() -> None:
    assert [name for name, _, _ in incident(breach=False).clocks(first=24, authority=72, final=1)] == ["first"]


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ((2026, 3, 29), (2026, 4, 29)),
        ((2026, 1, 31), (2026, 2, 28)),
        ((2026, 12, 31), (2027, 1, 31)),
        (None, (2026, 4, 30)),
    ],
)
def test_the_final_report_is_due_a_month_after_the_authority_was_told_or_was_to_be(
    told: tuple[int, int, int] | None, due: tuple[int, int, int]
) -> None:
    at = datetime.datetime(*told, 9, tzinfo=datetime.UTC) if told else None
    name, last, met = incident(told_authority=at).clocks(first=24, authority=72, final=1)[-1]
    assert (name, (last.year, last.month, last.day), met) == ("final", due, None)


def test_a_document_says_nothing_of_a_final_report_until_there_is_one() -> None:
    body = incident_body({**FILE, "found": FOUND}, file="incident.toml")
    assert "told_final" not in body
    assert incident_body({**FILE, "found": FOUND, "told_final": FOUND}, file="t") == {
        **body,
        "told_final": FOUND.isoformat(),
    }


@pytest.mark.parametrize(
    ("met", "now", "status"), [(None, 0, "runs"), (None, 1, "overdue"), (0, 9, "met"), (1, 9, "late")]
)
def test_a_clock_is_met_to_the_second_or_late(met: int | None, now: int, status: str) -> None:
    second = datetime.timedelta(seconds=1)
    assert _status(FOUND, None if met is None else FOUND + met * second, FOUND + now * second) == status


@pytest.mark.parametrize(
    "change",
    [{"id": "I-26-1"}, {"what": " "}, {"found": "yesterday"}, {"found": "2026-03-01T09:00:00"}, {"found": ""},
     {"breach": "yes"}, {"version": 0}, {"severity": "high"}, {"schema": "rempart.incident/2"}],
)  # fmt: skip
def test_a_file_that_says_it_wrong_is_refused(change: dict[str, Any]) -> None:
    good = {**FILE, "found": FOUND}
    assert incident_body(good, file="incident.toml")["found"] == FOUND.isoformat()
    with pytest.raises(BadInput):
        incident_body({**good, **change}, file="incident.toml")
