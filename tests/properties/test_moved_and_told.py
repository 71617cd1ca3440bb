# SPDX-License-Identifier: Apache-2.0
"""How often a project may be told that it is too close, and what it may show once its data changed."""

import datetime
from dataclasses import replace

import pytest

from rempart.adapters import package_data
from rempart.errors import Refused
from rempart.journeys.quota import check_quota, check_snapshot
from rempart.records.event import LedgerEvent
from rempart.records.moved import why_moved
from rempart.records.policy import Policy, form_of, undecided

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
FORM = form_of(package_data.toml("records/policy.toml"))


def policy(**values: object) -> Policy:
    """The defaults, less those given."""
    given = {f"disclosure.{name}": value for name, value in values.items()}
    return Policy(values={**undecided(FORM).values, **given})


def looked(permit: str, *, days: int, close: bool = True, head: str = "h1", kept: bool = True) -> list[LedgerEvent]:
    """One look at the register so many days ago; ``of`` counts from its own intent."""
    told = (["verdict:too-close"] if close else []) + (["register:sha256:1"] if kept else [])
    time = (NOW - days * DAY).isoformat()
    same = {"event_class": "act", "actor": "salted:x", "basis": f"permit:{permit}", "time": time, "salt": "s"}
    return [
        LedgerEvent(kind="fingerprint", phase="intent", of=None, objects=(f"head:{head}",), **same),  # type: ignore[arg-type]
        LedgerEvent(kind="fingerprint", phase="effect", of=0, objects=tuple(told), **same),  # type: ignore[arg-type]
    ]


def log(*looks: list[LedgerEvent]) -> list[LedgerEvent]:
    """Looks one after the other."""
    found: list[LedgerEvent] = []
    for intent, effect in looks:
        at = len(found)
        found += [intent, replace(effect, of=at)]
    return found


def test_a_project_is_told_so_often_and_no_oftener_within_the_days() -> None:
    limits = policy(too_close=2, too_close_days=30)
    once = log(looked("P", days=29), looked("P", days=31), looked("Q", days=1), looked("P", days=1, close=False))
    check_quota(once, "P", policy=limits, now=NOW)
    twice = log(looked("P", days=29), looked("P", days=3))
    with pytest.raises(Refused, match="release-quota") as refused:
        check_quota(twice, "P", policy=limits, now=NOW)
    assert refused.value.facts["again"] == (NOW + DAY).date().isoformat()
    check_quota(twice, "P", policy=limits, now=NOW + 2 * DAY)
    check_quota(twice, "Q", policy=limits, now=NOW)


def test_data_that_changed_since_something_was_shown_are_not_shown_as_they_are() -> None:
    before = log(looked("P", days=3, head="h1"))
    check_snapshot(before, "P", "h1", policy=policy())
    check_snapshot(before, "Q", "h2", policy=policy())
    check_snapshot(log(looked("P", days=3, head="h1", kept=False)), "P", "h2", policy=policy())
    for chosen, option in (("none", ""), ("none", "base-5"), ("base-5", ""), ("base-5", "cell-key")):
        with pytest.raises(Refused, match="release-snapshot-moved"):
            check_snapshot(before, "P", "h2", policy=policy(snapshot_moved=chosen), option=option)
    check_snapshot(before, "P", "h2", policy=policy(snapshot_moved="base-5"), option="base-5")


def test_nothing_of_changed_data_leaves_without_votes_unless_it_takes_on_the_option() -> None:
    before = log(looked("P", days=3, head="h1"))
    for option, chosen, waits in (
        ("none", "none", True),
        ("none", "base-5", True),
        ("base-5", "none", True),
        ("base-5", "base-5", False),
    ):
        body = {"permit": "P", "result": "r", "tables": {}, **({} if option == "none" else {"option": option})}
        ran = [*before, *ran_on("h2", result="r", at=len(before))]
        assert why_moved(body, ran, policy(snapshot_moved=chosen)) == (("clear-moved",) if waits else ())
        still = [*before, *ran_on("h1", result="r", at=len(before))]
        assert why_moved(body, still, policy(snapshot_moved=chosen)) == ()


def ran_on(head: str, *, result: str, at: int) -> list[LedgerEvent]:
    """A study that read a snapshot."""
    intent, effect = looked("P", days=2, head=head)
    return [
        replace(intent, kind="study"),
        replace(effect, kind="study", of=at, objects=(f"result:{result}",)),
    ]
