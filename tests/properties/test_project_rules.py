# SPDX-License-Identifier: Apache-2.0
"""The auditor on the life of projects: a true way has nothing to find, each false step is named, before a grant and after."""

import datetime

import pytest

from rempart.audit.findings import Findings
from rempart.records.attestation import attestation_body
from tests.properties.clearing_histories import look
from tests.properties.ledger_story import RULES, Story, audit, true_story
from tests.properties.project_histories import ID, OTHER, act, application, decided, enrolled, paper, way
from tests.properties.wayout_histories import RELEASE, by_file, decision, withdrawal


def found(story: Story) -> set[tuple[str, str]]:
    """(rule, code) of everything that is wrong."""
    told: Findings = audit(story)
    for item in told.items:
        assert item.say(RULES, "en") and item.say(RULES, "fr")
    return {(item.rule, str(item.facts.get("code"))) for item in told.items}


def test_a_project_that_goes_its_way_to_a_dataset_has_nothing_to_find() -> None:
    story = enrolled()
    way(story, ID)
    story.permit("carl")
    told = audit(story)
    assert told.ok and told.items == ()
    assert told.counts["project-acts"] == 5


def test_a_permit_without_an_application_goes_the_short_way() -> None:
    assert audit(true_story()).items == ()


@pytest.mark.parametrize("until", ["apply", "complete", "favourable", "authorise"])
def test_a_dataset_before_the_agreement_is_found(until: str) -> None:
    story = enrolled()
    way(story, ID, until=until)
    story.permit("carl")
    assert found(story) == {("project-step", "project-state")}


@pytest.mark.parametrize("left", ["", "fees", "conditions", "sources"])
def test_under_the_full_circuit_what_a_permit_and_its_application_do_not_tell_is_found(left: str) -> None:
    agreements = {name: ["none"] for name in ("fees", "conditions") if name != left}
    data = {"sources": [] if left == "sources" else ["x"], "format": "tables", "pseudonymised": {"needed": False}}
    more = {"data": data, "objections": {"exception": False}, "tools": {"text": "R"}, "agreements": agreements}
    story = decided(enrolled(), circuit="full")
    way(story, ID, asked=application(ID, **more))
    story.permit("carl")
    told = [(item.rule, str(item.facts["contents"])[2:]) for item in audit(story).items]
    assert told == ([("permit-contents", left)] if left else [])


@pytest.mark.parametrize(
    ("untrained", "kinds"),
    [
        ("nobody", []),
        ("alice", ["study", "submission", "withdrawal"]),
        ("bob", ["vote"]),
        ("dora", ["decision", "vote"]),
        ("frank", ["second-look"]),
    ],
)
def test_who_works_submits_votes_decides_and_looks_is_asked_for_a_training(untrained: str, kinds: list[str]) -> None:
    story = decided(enrolled(), persons__training_months=12)
    for one in {"alice", "bob", "dora", "frank"} - {untrained}:
        body = attestation_body(actor=one, what="training", on=story.now.date(), text="")
        paper(story, "attestation", body, "olga")
    story.permit("carl")
    story.study("alice")
    over = story.submission(RELEASE, "alice")
    by_file(story, over, "bob", "approve")
    by_file(story, over, "dora", "changes")
    decision(story, over, "dora", "return")
    withdrawal(story, over, "alice")
    look(story, over, "frank")
    told = [item for item in audit(story).items if item.rule == "attested"]
    assert sorted(str(item.facts["kind"]) for item in told) == kinds
    assert {item.facts["actor"] for item in told} <= {untrained}


def test_an_application_for_a_permit_that_was_granted_is_found() -> None:
    story = true_story()
    act(story, "apply", "alice", permit=ID)
    assert found(story) == {("project-step", "project-state")}


def test_acts_before_a_grant_and_after_the_last_day_of_a_permit_are_no_breach_of_the_permit() -> None:
    story = true_story()
    story.now = datetime.datetime(2027, 1, 1, 0, 1, tzinfo=datetime.UTC)
    way(story, OTHER)
    assert audit(story).items == ()


@pytest.mark.parametrize(
    ("name", "by", "facts", "code"),
    [
        ("complete", ("carl",), {}, "project-signers"),
        ("complete", ("olga", "otto"), {}, "project-signers"),
        ("incomplete", ("olga",), {}, "project-facts"),
        ("favourable", ("carl",), {}, "project-state"),
        ("approve", ("olga",), {}, "project-act"),
    ],
)
def test_a_step_that_the_table_does_not_allow_is_found(
    name: str, by: tuple[str, ...], facts: dict[str, str], code: str
) -> None:
    story = true_story()
    before = act(story, "apply", "alice")
    act(story, name, *by, previous=before, **facts)
    assert found(story) == {("project-step", code)}


def test_who_is_named_signs_no_decision_whatever_their_roles() -> None:
    story = true_story()
    named = story.put(application(OTHER, others=("olga",)))
    before = act(story, "apply", "alice", application=named)
    act(story, "complete", "olga", previous=before)
    assert found(story) == {("project-step", "project-conflict")}


def test_an_application_by_somebody_whom_it_does_not_name_is_found() -> None:
    story = true_story()
    act(story, "apply", "erin")
    assert found(story) == {("project-step", "project-signers")}


def test_an_act_that_lost_a_race_is_an_anomaly_and_has_no_effect() -> None:
    story = true_story()
    before = act(story, "apply", "alice")
    act(story, "incomplete", "olga", previous=before, reason="no ethics")
    act(story, "withdraw", "alice", previous=before)
    told = audit(story)
    assert told.ok and [(item.rule, item.family) for item in told.items] == [("project-step", "anomaly")]


def test_a_lost_application_and_a_false_signature_are_found() -> None:
    story = true_story()
    document = act(story, "apply", "alice")
    kept = story.put(application())
    del story.documents[kept]
    assert found(story) == {("project-document", "document-missing")}
    story.put(application())
    assert found(story) == set()
    story.documents[document] = story.documents[document].replace(b'"act":"apply"', b'"act":"withdraw"')
    assert found(story) == {("project-document", "signature")}
