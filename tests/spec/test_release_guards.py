# SPDX-License-Identifier: Apache-2.0
"""The way out over a ledger in memory: who may submit, vote, decide and look, beside their roles."""

import datetime
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rempart.errors import Missing, Refused
from rempart.journeys.clearing import look
from rempart.journeys.desk_view import queue
from rempart.journeys.recorded import Recorder
from rempart.journeys.release import ReleaseDesk, check_party, current_state, decide, review, submit, withdraw
from rempart.records.attestation import attestation_body
from rempart.records.canonical import sha256_id
from rempart.records.document import SignedDocument
from rempart.records.policy import form_of
from rempart.release.states import state_table
from tests.disclosure_rows import toml
from tests.properties.clearing_histories import cleared
from tests.properties.keys_story import MemoryLedger, SeededRandomness
from tests.properties.ledger_story import ROLES, Story, true_story
from tests.properties.project_histories import decided, enrolled, paper
from tests.properties.wayout_histories import RELEASE, apart

CHARTER = "sha256:" + "c" * 64


class Desk:
    """A story's ledger and documents, gone on with by journeys."""

    def __init__(self, story: Story) -> None:
        self.story, self.ledger = story, MemoryLedger()
        self.ledger.held = story.leaves
        clock = SimpleNamespace(now=lambda: story.now + datetime.timedelta(minutes=1))
        vault: Any = SimpleNamespace(ledger=self.ledger)
        documents: Any = SimpleNamespace(get=story.fetch, put=story.put)
        self.desk = ReleaseDesk(
            vault=vault,
            recorder=Recorder(ledger=self.ledger, clock=clock, randomness=SeededRandomness()),
            documents=documents,
            trust=story.trusts[-1],
            rules={},
            states=state_table(toml("release/states.toml")),
            policy_form=form_of(toml("records/policy.toml")),
            file_rules={},
        )

    def signed(self, body: dict[str, Any], by: str) -> SignedDocument:
        """A document by that person."""
        return SignedDocument.from_bytes(self.story.fetch(self.story.signed(body, by)), schema=body["schema"])

    def told(self, journey: Callable[..., Any], body: dict[str, Any], by: str) -> str:
        """The code of what the journey refuses, which leaves nothing in the ledger; '' when it lets the act pass."""
        size = self.ledger.size()
        try:
            journey(self.desk, signed=self.signed(body, by), actor="salted:a")
        except Refused as error:
            assert self.ledger.size() == size
            what = error.facts.get("what")
            return f"{error.code} {what}" if what else error.code
        return ""


def vote(over: str, *, release: str = RELEASE, verdict: str = "approve") -> dict[str, Any]:
    files = {"attrition": {"id": "sha256:1", "verdict": verdict}}
    body = {"schema": "rempart.vote/2", "release": release, "submission": over, "files": files}
    return {**body, "public": "why", "private": ""}


def over(schema: str, document: str, **more: str) -> dict[str, Any]:
    return {"schema": schema, "release": RELEASE, "submission": document, "public": "why", "private": "", **more}


def files_of_a_job() -> dict[str, Any]:
    told = {
        "release": RELEASE,
        "permit": "P-2026-0001",
        "run": "S-1",
        "job": "sha256:0",
        "context": "x",
        "controls": "",
    }
    return {
        "schema": "rempart.submission/2",
        "result": sha256_id(b"result"),
        "files": {"fit.csv": "sha256:1"},
        "statement": {},
        **told,
    }


def before_a_vote() -> tuple[Story, dict[str, Any], str]:
    story = true_story()
    return story, vote(story.submission(RELEASE, "alice")), "frank"


def before_a_decision() -> tuple[Story, dict[str, Any], str]:
    story, document = apart()
    return story, over("rempart.consolidation/1", document, verdict="return"), "dora"


def before_a_look() -> tuple[Story, dict[str, Any], str]:
    story, document = cleared()
    return story, over("rempart.second-look/1", document, verdict="sound"), "bob"


def before_a_submission() -> tuple[Story, dict[str, Any], str]:
    story = enrolled()
    story.permit("carl")
    story.study("alice")
    return story, files_of_a_job(), "alice"


ACTS: dict[str, tuple[Callable[..., Any], Callable[[], tuple[Story, dict[str, Any], str]]]] = {
    "submit": (submit, before_a_submission),
    "vote": (review, before_a_vote),
    "decide": (decide, before_a_decision),
    "look": (look, before_a_look),
}


def attested(story: Story, actor: str, what: str, *by: str, days: int = 0, text: str = "") -> None:
    day = story.now.date() - datetime.timedelta(days=days)
    paper(story, "attestation", attestation_body(actor=actor, what=what, on=day, text=text), *by)


def asks(story: Story, **values: Any) -> None:
    """The next policy of the house."""
    decided(story, **values) if not any(e.kind == "policy" for e in story.events) else _again(story, **values)


def _again(story: Story, **values: Any) -> None:
    told = {name.replace("__", "."): item for name, item in values.items()}
    body = {"schema": "rempart.policy/1", "version": 2, "values": told, "reasons": {}}
    paper(story, "policy", body, "olga", "otto")


@pytest.mark.parametrize("name", sorted(ACTS))
def test_each_act_of_the_way_out_passes_where_nothing_is_asked(name: str) -> None:
    journey, before = ACTS[name]
    story, body, by = before()
    assert Desk(story).told(journey, body, by) == ""


@pytest.mark.parametrize("name", sorted(ACTS))
def test_each_act_of_the_way_out_asks_its_signer_for_a_training_that_stands(name: str) -> None:
    journey, before = ACTS[name]
    story, body, by = before()
    asks(story, persons__training_months=12)
    assert Desk(story).told(journey, body, by) == "not-attested training"
    attested(story, by, "training", by)  # one's own word
    attested(story, "erin", "training", "olga")  # somebody else's
    attested(story, by, "training", "olga", days=366)  # over
    assert Desk(story).told(journey, body, by) == "not-attested training"
    attested(story, by, "training", "olga", days=364)
    assert Desk(story).told(journey, body, by) == ""


@pytest.mark.parametrize("name", sorted(ACTS))
def test_each_act_of_the_way_out_asks_its_signer_for_the_charter_of_the_house(name: str) -> None:
    journey, before = ACTS[name]
    story, body, by = before()
    asks(story, persons__charter=CHARTER)
    attested(story, by, "charter", by, text="sha256:" + "d" * 64)  # another one
    attested(story, by, "charter", "olga", text=CHARTER)  # signed for them
    assert Desk(story).told(journey, body, by) == "not-attested charter"
    attested(story, by, "charter", by, text=CHARTER)
    assert Desk(story).told(journey, body, by) == ""


def test_who_is_not_attested_does_not_see_what_waits_and_a_stranger_learns_nothing() -> None:
    story = true_story()
    story.submission(RELEASE, "alice")
    asks(story, persons__training_months=12)
    place = Desk(story).desk
    people = {entry.actor: entry for entry in place.trust.entries}
    for name in ("bob", "alice"):
        with pytest.raises(Refused) as refused:
            check_party(place, people[name], release=RELEASE)
        assert (refused.value.code, refused.value.facts["actor"]) == ("not-attested", name)
    with pytest.raises(Missing):
        check_party(place, people["erin"], release=RELEASE)


def test_roles_stay_asked_of_who_is_trained() -> None:
    assert "checker" not in ROLES["erin"]
    story, body, _ = before_a_vote()
    asks(story, persons__training_months=12)
    attested(story, "erin", "training", "olga")
    assert Desk(story).told(review, body, "erin") == "role-missing"


def test_an_author_takes_back_what_came_back_once_trained() -> None:
    story, document = apart()
    told = over("rempart.consolidation/1", document, verdict="return")
    story.act("decision", "permit:P-2026-0001", [f"release:{RELEASE}", f"document:{story.signed(told, 'dora')}"])
    asks(story, persons__training_months=12)
    body = {"schema": "rempart.withdrawal/1", "release": RELEASE, "submission": document, "reason": ""}
    assert Desk(story).told(withdraw, body, "alice") == "not-attested training"
    attested(story, "alice", "training", "olga")
    there = Desk(story)
    assert there.told(withdraw, body, "alice") == ""
    assert current_state(there.desk, RELEASE).state == "withdrawn"


def test_the_queue_counts_a_checkers_turn_by_the_policy_in_force_and_the_others_by_the_table() -> None:
    def waits(story: Story) -> tuple[str, int]:
        place = Desk(story).desk
        people = {entry.actor: entry for entry in place.trust.entries}
        (line,) = queue(place, people["bob"], now=story.now, holidays=frozenset())
        return line.turn, sum(
            (line.since + datetime.timedelta(days=more)).weekday() < 5
            for more in range(1, 1 + (line.due - line.since.date()).days)
        )

    story, document = apart()
    assert waits(story) == ("checkers", 2)
    asks(story, release__turn_days=4)
    assert waits(story) == ("checkers", 4)
    back = story.signed(over("rempart.consolidation/1", document, verdict="return"), "dora")
    story.act("decision", "permit:P-2026-0001", [f"release:{RELEASE}", f"document:{back}"])
    assert waits(story) == ("author", 10)
