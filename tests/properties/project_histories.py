# SPDX-License-Identifier: Apache-2.0
"""Histories of projects that the auditor must find, each broken in one place."""

from typing import Any

from rempart.records.attestation import attestation_body
from rempart.records.canonical import canonical_bytes, content_id
from rempart.records.freeze import freeze_body
from rempart.records.incident import incident_body
from rempart.records.project_act import act_body
from rempart.records.register import entry_body
from tests.properties.ledger_story import PERMIT, PERMIT_BODY, Story, true_story

ID = PERMIT.partition(":")[2]
OTHER = "P-2026-0002"


def application(permit: str = OTHER, *, principal: str = "alice", others: tuple[str, ...] = (), **more: Any) -> bytes:
    """An application as far as the auditor reads it."""
    persons = [{"actor": principal, "principal": True}, *({"actor": one} for one in others)]
    told = {"schema": "rempart.application/1", "id": permit, "project": "glitazones", "regime": "snds"}
    return canonical_bytes({**told, "persons": persons, **more})


def act(story: Story, name: str, *by: str, previous: str = "", permit: str = OTHER, **facts: str) -> str:
    """One act that its signers signed; the id of its document."""
    if name == "apply":
        facts.setdefault("application", story.put(application(permit)))
    document = story.signed(act_body(permit=permit, act=name, previous=previous, facts=facts), *by)
    told = [f"act:{name}", f"document:{document}", *([f"previous:{previous}"] if previous else [])]
    story.act("project", f"permit:{permit}", told)
    return document


def way(story: Story, permit: str, *, until: str = "agree", asked: bytes = b"") -> str:
    """The whole way to an agreement, or as far as that act; the last document."""
    acts: list[tuple[str, tuple[str, ...], dict[str, str]]] = [
        ("apply", ("alice",), {"application": story.put(asked)} if asked else {}),
        ("complete", ("olga",), {}),
        ("favourable", ("carl",), {}),
        ("authorise", ("olga",), {"reference": "D-1"}),
        ("agree", ("otto", "alice"), {}),
    ]
    document = ""
    for name, by, facts in acts:
        document = act(story, name, *by, previous=document, permit=permit, **facts)
        if name == until:
            break
    return document


def enrolled() -> Story:
    """Everybody enrolled and one ingest, before any permit."""
    story = Story()
    story.act("init", "operation:init", ["warehouse:w", f"trust:{story.trusts[0].id}"])
    story.act("person", "operation:person", [f"trust:{story.trusts[1].id}", "version:2"])
    story.ingest()
    return story


def _act_that_says_another() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    way(story, OTHER, until="complete")
    last = len(story.events) - 2
    told = tuple("act:incomplete" if one == "act:complete" else one for one in story.events[last].objects)
    story.edit(last, objects=told)
    return story, {}


def _dataset_before_the_agreement() -> tuple[Story, dict[str, Any]]:
    story = enrolled()
    way(story, ID, until="authorise")
    story.permit("carl")
    return story, {}


def freeze(story: Story, *by: str, lifts: bool = False, previous: str = "") -> str:
    """A freeze, or its lifting; its document."""
    document = story.signed(freeze_body(lifts=lifts, reason="x", previous=previous), *by)
    story.act("freeze", "operation:freeze", [f"document:{document}", *([f"previous:{previous}"] if previous else [])])
    return document


def _freeze_lifted_by_one() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    freeze(story, "olga", lifts=True, previous=freeze(story, "carl"))
    return story, {}


def _submission_while_suspended() -> tuple[Story, dict[str, Any]]:
    story = enrolled()
    story.permit("carl")
    act(story, "suspend", "olga", permit=ID, reason="x")
    story.study("alice")
    return story, {}


def paper(story: Story, kind: str, body: dict[str, Any], *by: str, basis: str = "") -> int:
    """A signed paper that took effect."""
    told = [f"document:{story.signed(body, *by)}", *([f"version:{body['version']}"] if "version" in body else [])]
    return story.act(kind, basis or f"operation:{kind}", told)


def decided(story: Story, **values: Any) -> Story:
    """A first policy of the house."""
    values = {name.replace("__", "."): item for name, item in values.items()}
    paper(
        story,
        "policy",
        {"schema": "rempart.policy/1", "version": 1, "values": values, "reasons": {}},
        "olga",
        "otto",
    )
    return story


def _training_by_oneself() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    day = story.now.date()
    body = attestation_body(actor="alice", what="training", on=day, text="")
    paper(story, "attestation", body, "alice")
    return story, {}


def _version_that_gives_more() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    before = PERMIT_BODY
    document = story.signed({**before, "version": 2, "amends": content_id(before), "purpose": "another"}, "carl")
    story.act("amendment", PERMIT, [f"permit:{document}"])
    return story, {}


def _study_without_a_training() -> tuple[Story, dict[str, Any]]:
    story = decided(enrolled(), persons__training_months=12)
    story.permit("carl")
    story.study("alice")
    return story, {}


def _grant_without_a_decision() -> tuple[Story, dict[str, Any]]:
    story = decided(enrolled(), permits__approvals=["cnil"])
    story.permit("carl")
    return story, {}


def _study_before_the_entry() -> tuple[Story, dict[str, Any]]:
    story = decided(enrolled(), register__before_opening=True)
    story.permit("carl")
    story.study("alice")
    paper(story, "register", entry_body({"permit": ID}), "olga", basis=PERMIT)
    return story, {}


def _incident_by_a_researcher() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    told = {
        "schema": "rempart.incident/1",
        "id": "I-2026-0001",
        "what": "a lost key",
        "found": "2026-06-01T09:00:00+00:00",
    }
    document = story.signed(incident_body(told, file="t"), "alice")
    story.act("incident", "operation:incident", ["incident:I-2026-0001", "version:1", f"document:{document}"])
    return story, {}


def _incident_of_which_nobody_told() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    told = {
        "schema": "rempart.incident/1",
        "id": "I-2026-0001",
        "what": "a lost key",
        "found": "2026-01-01T09:00:00+00:00",
    }
    document = story.signed(incident_body(told, file="t"), "olga")
    story.act("incident", "operation:incident", ["incident:I-2026-0001", "version:1", f"document:{document}"])
    return story, {}


def _grant_of_a_permit_that_does_not_tell_all() -> tuple[Story, dict[str, Any]]:
    story = decided(enrolled(), circuit="full")
    way(story, ID)
    story.permit("carl")
    return story, {}


PROJECT_MUTANTS = {
    "permit-contents": _grant_of_a_permit_that_does_not_tell_all,
    "incident-clock": _incident_of_which_nobody_told,
    "incident-chain": _incident_by_a_researcher,
    "standing-document": _training_by_oneself,
    "amendment-chain": _version_that_gives_more,
    "attested": _study_without_a_training,
    "approval-standing": _grant_without_a_decision,
    "register-before": _study_before_the_entry,
    "freeze-signed": _freeze_lifted_by_one,
    "acts-in-state": _submission_while_suspended,
    "project-document": _act_that_says_another,
    "project-step": _dataset_before_the_agreement,
}
