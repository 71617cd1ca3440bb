# SPDX-License-Identifier: Apache-2.0
"""Histories of traces, controls and purges that the auditor must find, each broken in one place."""

import datetime
from typing import Any

from rempart.audit.retention import listed
from rempart.audit.trace_control import days_of, month_of, ranges
from rempart.audit.tree import Tree, hash_of
from rempart.records.event import LedgerEvent, purged_leaf
from tests.properties.ledger_story import Story, true_story

Mutant = tuple[Story, dict[str, Any]]
MONTH = "2026-03"
IN_TIME = datetime.datetime(2026, 4, 20, tzinfo=datetime.UTC)
"""A look at which no month waits for its control."""
YEAR_AFTER = datetime.datetime(2027, 3, 3, 9, 0, tzinfo=datetime.UTC)


def trace(story: Story, kind: str = "quality", *, phase: str = "effect", objects: tuple[str, ...] = ()) -> int:
    """One act of class trace; the index of its intent."""
    intent = story.leaf(kind, "intent", f"operation:{kind}", list(objects))
    end = story.leaf(kind, phase, f"operation:{kind}", [], of=intent)  # type: ignore[arg-type]
    for index in (intent, end):
        story.edit(index, event_class="trace")
    return intent


def begun() -> Story:
    """A true story with traces of March."""
    story = true_story()
    trace(story)
    trace(story, "objection-list")
    return story


def control(story: Story, *by: str, **changes: Any) -> str:
    """March, controlled in April and signed; the document."""
    story.now = max(story.now, datetime.datetime(2026, 4, 2, 8, 0, tzinfo=datetime.UTC))
    month = month_of(MONTH, story.events)
    told = [index for index, event in month.leaves() if event.event_class == "trace"]
    body = {
        "schema": "rempart.trace-control/1",
        "month": MONTH,
        "first": month.first,
        "to": month.to,
        "size": len(story.events),
        "root": Tree(story.leaves).root().hex(),
        "days": days_of(month),
        "traces": ranges(told),
        "counts": {},
        "patterns": "sha256:0",
        "anomalies": [],
    }
    document = story.signed({**body, **changes}, *by)
    story.act("trace-control", "operation:trace-control", [f"month:{MONTH}", f"document:{document}"])
    return document


def retention(
    story: Story, documents: list[str], *by: str, now: datetime.datetime = YEAR_AFTER, also: tuple[int, ...] = ()
) -> None:
    """The act by which the traces of March go, a year later, by the day of its second; ``also``: further leaves that go with them."""
    story.now = now
    end = month_of(MONTH, story.events).to
    gone = sorted({*also, *(index for index, e in enumerate(story.events[:end]) if e.event_class == "trace")})
    body = {
        "schema": "rempart.retention/1",
        "before": "2026-03-02",
        "days": 365,
        "first": 0,
        "to": end,
        "leaves": listed(gone),
        "count": len(gone),
        "controls": documents,
    }
    document = story.signed(body, *by)
    objects = [f"document:{document}", "first:0", f"to:{end}", f"leaves:{listed(gone)}"]
    story.act("retention", "operation:retention", objects)
    for index in gone:
        purge(story, index)


def purge(story: Story, index: int) -> None:
    """Let the content of one leaf go."""
    story.events[index] = LedgerEvent.from_leaf(purged_leaf(hash_of(story.events[index].leaf())))


def purged() -> Story:
    """All as it should be: controlled, then let go by two officers."""
    story = begun()
    retention(story, [control(story, "audrey")], "olga", "otto")
    return story


def _control_by_no_auditor() -> Mutant:
    story = begun()
    control(story, "bob")
    return story, {}


def _month_without_control() -> Mutant:
    story = begun()
    return story, {"now": datetime.datetime(2026, 5, 3, tzinfo=datetime.UTC)}


def _purged_by_one_officer() -> Mutant:
    story = begun()
    retention(story, [control(story, "audrey")], "olga")
    return story, {"now": IN_TIME}


def _purged_too_early() -> Mutant:
    story = begun()
    retention(story, [control(story, "audrey")], "olga", "otto", now=YEAR_AFTER - datetime.timedelta(days=4))
    return story, {"now": IN_TIME}


def _let_go_and_here_again() -> Mutant:
    story = begun()
    kept = list(story.events)
    retention(story, [control(story, "audrey")], "olga", "otto")
    for index, event in enumerate(kept):
        story.events[index] = event
    return story, {"now": IN_TIME}


def _traces_that_nobody_let_go() -> Mutant:
    story = begun()
    control(story, "audrey")
    return story, {"now": datetime.datetime(2027, 4, 2, tzinfo=datetime.UTC)}


KEEPING_MUTANTS = {
    "control-document": _control_by_no_auditor,
    "control-monthly": _month_without_control,
    "purged-covered": _purged_by_one_officer,
    "purged-back": _let_go_and_here_again,
    "retention-days": _purged_too_early,
    "traces-late": _traces_that_nobody_let_go,
}
