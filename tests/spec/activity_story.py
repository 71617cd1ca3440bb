# SPDX-License-Identifier: Apache-2.0
"""A made-up house of four projects and its ledger for activity reports. ``python -m tests.spec.activity_story`` writes the golden pages."""

import datetime
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.audit.activity import SCHEMA, ProjectTold, Stretch, activity, page
from rempart.records.event import LedgerEvent
from rempart.records.permit import Permit

GOLDEN = Path(__file__).with_name("activity")
TABLE = package_data.toml("audit/activity.toml")
LEAST = int(TABLE["round_persons"])
YEARS = Stretch(since=datetime.date(2024, 1, 1), until=datetime.date(2026, 12, 31))
HEAD = {
    "since": "2024-01-01",
    "until": "2026-12-31",
    "made": "2027-01-04",
    "version": "0.1.0",
    "origin": "rempart/example",
    "size": 1234,
}


def day(text: str) -> datetime.date:
    """A day."""
    return datetime.date.fromisoformat(text)


def permit(number: int, valid: tuple[str, str], lookback: str, end: str) -> Permit:
    """A permit of the story."""
    return Permit(
        id=f"P-2024-000{number}",
        project=f"project-{number}",
        purpose=f"purpose {number} | of the story",
        basis="decision",
        persons=("alice",),
        valid=(day(valid[0]), day(valid[1])),
        lookback=day(lookback),
        period=(day("2012-01-01"), day(end)),
        rows={},
        tables={"person": ("person_id",)},
    )


def told(
    number: int, *, applied: str = "", states: dict[str, str], given: Permit | None, persons: int = 0, **more: Any
) -> ProjectTold:
    """A project of the story."""
    return ProjectTold(
        id=f"P-2024-000{number}",
        project=f"project-{number}",
        passages=tuple((state, day(at)) for state, at in states.items()),
        applied=day(applied) if applied else None,
        codes=more.get("codes", ()),
        body=more.get("body", ""),
        permit=given,
        persons=persons,
    )


def projects() -> list[ProjectTold]:
    """One of each sort: through the whole circuit, through the short one, refused, and over before the report begins."""
    first = permit(1, ("2024-03-01", "2027-02-28"), "2010-01-01", "2019-12-31")
    second = permit(2, ("2025-01-01", "2025-12-31"), "2008-01-01", "2021-12-31")
    fourth = permit(4, ("2019-01-01", "2023-12-31"), "2005-01-01", "2018-12-31")
    way = {"submitted": "2023-11-01", "agreed": "2024-02-20", "active": "2024-03-01"}
    no = {"submitted": "2024-05-05", "refused": "2024-08-01"}
    return [
        told(
            1,
            applied="2023-11-01",
            states=way,
            given=first,
            persons=1_234_567,
            codes=("research", "statistics"),
            body="public",
        ),
        told(2, states={"active": "2025-01-01"}, given=second, persons=480),
        told(3, applied="2024-05-05", states=no, given=None, codes=("research",), body="industry"),
        told(4, states={"active": "2019-01-01", "closing": "2023-12-31"}, given=fourth, persons=9_000_000),
    ]


def log() -> list[LedgerEvent]:
    """Effects of several kinds, in the time of the report and outside it."""
    told: list[tuple[str, str, str]] = [
        ("study", "permit:P-2024-0001", "2023-12-31"),
        ("permit", "permit:P-2024-0001", "2024-03-01"),
        ("study", "permit:P-2024-0001", "2024-03-02"),
        ("study", "permit:P-2024-0001", "2026-12-31"),
        ("release", "permit:P-2024-0001", "2025-06-01"),
        ("study", "permit:P-2024-0002", "2025-02-01"),
        ("permit", "permit:P-2024-0002", "2025-01-01"),
        ("incident", "operation:incident", "2024-09-09"),
        ("trace-control", "operation:trace-control", "2024-10-01"),
        ("objection", "operation:objection", "2024-10-02"),
        ("objection", "operation:objection", "2027-01-01"),
        ("evidence-pack", "operation:evidence-pack", "2026-11-23"),
    ]
    return [_effect(kind, basis, at) for kind, basis, at in told] + [
        _effect("study", "permit:P-2024-0001", "2025-01-01", "failed")
    ]


def _effect(kind: str, basis: str, at: str, phase: Any = "effect") -> LedgerEvent:
    return LedgerEvent(
        kind=kind,
        event_class="act",
        phase=phase,
        of=0,
        actor="salted:a",
        basis=basis,
        objects=(),
        time=f"{at}T12:00:00+00:00",
        salt="0" * 32,
    )


def report(regulator: str) -> dict[str, Any]:
    """What the report of the story tells."""
    return {"schema": SCHEMA, "regulator": regulator, "head": HEAD, **activity(log(), projects(), YEARS, least=LEAST)}


def pages() -> dict[str, str]:
    """Golden file → page."""
    return {
        f"{name}.{lang}.md": page(report(name), TABLE, name, lang)
        for name in TABLE["regulators"]
        for lang in ("en", "fr")
    }


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, text in pages().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
