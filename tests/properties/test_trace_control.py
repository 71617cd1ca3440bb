# SPDX-License-Identifier: Apache-2.0
"""The monthly control finds each pattern that was planted, and nothing in an honest month."""

import datetime
from collections.abc import Callable

import pytest

from rempart.audit.trace_control import anomalies, bounds, month_of, ranges
from rempart.wiring.keeping import patterns
from tests.properties.keeping_histories import MONTH, trace
from tests.properties.ledger_story import PERMIT, Story, true_story

TABLE = patterns()
APRIL = "2026-04"


def story() -> Story:
    """March of a true story, then the beginning of April."""
    made = true_story()
    made.now = datetime.datetime(2026, 4, 2, 9, 0, tzinfo=datetime.UTC)
    return made


def found(made: Story, month: str = APRIL) -> set[str]:
    """Patterns that the control of a month finds."""
    return {one.pattern for one in anomalies(month_of(month, made.events), TABLE)}


def planted_refusals(made: Story) -> None:
    for _ in range(5):  # each is an intent and an end: five in ten minutes are few
        trace(made, "refusal", objects=("error:refused/permit-missing",))
        made.now += datetime.timedelta(minutes=30)
    assert found(made) == set()
    for _ in range(10):
        made.now -= datetime.timedelta(minutes=1)
        trace(made, "refusal", objects=("error:refused/permit-missing",))
        made.now -= datetime.timedelta(minutes=1)


def planted_key(made: Story) -> None:
    trace(made, "refusal", objects=("error:not trusted/key-unknown",))


def planted_alarm(made: Story) -> None:
    made.act("alarm", "operation:alarm", ["error:not trusted/ledger-root"])


def planted_open(made: Story) -> None:
    made.leaf("hash", "intent", "operation:hash", [])


def planted_failed_jobs(made: Story) -> None:
    for _ in range(10):
        intent = made.leaf("study", "intent", PERMIT, ["run:S-9"])
        made.leaf("study", "failed", PERMIT, ["error:defect/ValueError"], of=intent)


def planted_too_close(made: Story) -> None:
    for _ in range(5):
        intent = made.leaf("check", "intent", PERMIT, [])
        made.leaf("check", "effect", PERMIT, ["close:2"], of=intent)


def planted_keys_in_vain(made: Story) -> None:
    for _ in range(10):
        intent = made.leaf("ingest", "intent", "operation:ingest", [])
        made.grant(intent, "warehouse/person/main/write")
        made.leaf("ingest", "failed", "operation:ingest", ["error:unavailable/commit-lost"], of=intent)


def planted_night(made: Story) -> None:
    made.now = datetime.datetime(2026, 4, 3, 2, 0, tzinfo=datetime.UTC)
    intent = made.leaf("hash", "intent", "operation:hash", [], actor="mallory")
    made.leaf("hash", "effect", "operation:hash", [], of=intent, actor="mallory")


def planted_node(made: Story) -> None:
    intent = made.leaf("ingest", "intent", "operation:ingest", [])
    made.leaf("key-grant", "effect", "operation:ingest", ["grant:x", "node:elsewhere"], of=intent)
    made.leaf("ingest", "effect", "operation:ingest", [], of=intent)


def planted_lists(made: Story) -> None:
    for _ in range(10):
        trace(made, "objection-list")


PLANTED: dict[str, Callable[[Story], None]] = {
    "refusals": planted_refusals,
    "keys-refused": planted_key,
    "alarms": planted_alarm,
    "open": planted_open,
    "failed-jobs": planted_failed_jobs,
    "too-close": planted_too_close,
    "keys-in-vain": planted_keys_in_vain,
    "first-at-night": planted_night,
    "new-node": planted_node,
    "lists-read": planted_lists,
}


def test_an_honest_month_shows_nothing() -> None:
    made = story()
    for _ in range(4):
        trace(made)
        trace(made, "refusal", objects=("error:refused/permit-missing",))
        made.now += datetime.timedelta(hours=1)
    made.ingest(parent=None)
    assert found(made) == found(made, MONTH) == set()


@pytest.mark.parametrize("pattern", sorted(PLANTED))
def test_what_was_planted_is_found_and_nothing_else(pattern: str) -> None:
    made = story()
    made.act("hash", "operation:hash", [])
    PLANTED[pattern](made)
    assert found(made) == {pattern}


def test_a_month_of_unusual_size_is_found_beside_the_months_before() -> None:
    made, day = true_story(), datetime.datetime(2026, 1, 5, 9, 0, tzinfo=datetime.UTC)
    made.events.clear()
    for month in range(4):
        made.now = day.replace(month=month + 1)
        for _ in range(10 if month < 3 else 31):
            made.act("hash", "operation:hash", [])
    assert [found(made, f"2026-0{month}") for month in (1, 2, 3, 4)] == [set(), set(), set(), {"volume"}]
    assert "volume" not in found(made, "2026-03")


def test_every_pattern_of_the_table_was_planted_and_speaks_both_languages() -> None:
    assert {*PLANTED, "volume"} == set(TABLE["patterns"])
    for name, plant in PLANTED.items():
        made = story()
        plant(made)
        for one in anomalies(month_of(APRIL, made.events), TABLE):
            assert one.pattern == name or name == "refusals"
            assert all(one.say(TABLE, language) for language in ("en", "fr"))


def test_a_leaf_belongs_to_the_month_of_its_instant() -> None:
    made = true_story()
    edge = bounds(APRIL)[0]
    made.now = edge - 2 * datetime.timedelta(minutes=1)
    made.act("hash", "operation:hash", [])  # the last minute of March, and the first instant of April
    march, april = month_of(MONTH, made.events), month_of(APRIL, made.events)
    assert (march.first, march.to, april.first, april.to) == (0, len(made.events) - 1, march.to, len(made.events))


@pytest.mark.parametrize(("indexes", "told"), [([], []), ([3], [[3, 4]]), ([1, 2, 5, 6, 9], [[1, 3], [5, 7], [9, 10]])])
def test_ranges_say_the_same_indexes(indexes: list[int], told: list[list[int]]) -> None:
    assert ranges(indexes) == told
