# SPDX-License-Identifier: Apache-2.0
"""The key broker and the life of a project: no key of a grant before the agreement, by its own reading of the signed acts."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from rempart.errors import Refused
from rempart.keys.project_guard import require_open
from rempart.records.canonical import canonical_bytes
from rempart.records.freeze import freeze_body
from rempart.records.project_act import act_body
from rempart.records.sealed import KeyContext
from tests.properties.keys_story import PROJECT, PROJECTS, Story

ID = "P-2026-0001"
USES = ("warehouse/drug_exposure/main/read", f"{PROJECT}/person/release_index/write")
STEPS: list[tuple[str, tuple[str, ...], dict[str, str]]] = [
    ("apply", ("alice",), {}),
    ("complete", ("olga",), {}),
    ("favourable", ("carl",), {}),
    ("authorise", ("olga",), {"reference": "D-1"}),
    ("agree", ("omar", "alice"), {}),
]


TOLD = {
    "data": {"sources": ["x"], "format": "tables", "pseudonymised": {"needed": False}},
    "objections": {"exception": False},
    "tools": {"text": "none"},
}


def act(
    story: Story,
    name: str,
    *by: str,
    previous: str,
    end: str = "effect",
    application: Mapping[str, Any] = TOLD,
    **facts: str,
) -> str:
    """One act in the ledger; the id of its document."""
    if name == "apply":
        persons = [{"actor": "alice", "principal": True}]
        told = {
            "schema": "rempart.application/1",
            "id": ID,
            "project": "glitazones",
            "regime": "snds",
            "persons": persons,
            **application,
        }
        facts["application"] = story.documents.put(canonical_bytes(told))
    document = story.signed(act_body(permit=ID, act=name, previous=previous, facts=facts), *by)
    index = story.log("project", basis=f"permit:{ID}", objects=[f"act:{name}", f"document:{document}"])
    if end:
        story.log("project", basis=f"permit:{ID}", phase=end, of=index)  # type: ignore[arg-type]
    return document


def way(story: Story, count: int, *, application: Mapping[str, Any] = TOLD) -> str:
    """The first acts of the way; the last document."""
    document = ""
    for name, by, facts in STEPS[:count]:
        document = act(story, name, *by, previous=document, application=application, **facts)
    return document


def refusal(story: Story) -> str:
    """What the broker says of a grant; '' when it gives keys."""
    try:
        story.ask(story.permit(), *USES)
    except Refused as error:
        return f"{error.code}: {error.facts['state']}" if "state" in error.facts else error.code
    return ""


def test_without_an_application_a_grant_has_its_keys() -> None:
    assert refusal(Story()) == ""


@pytest.mark.parametrize(("count", "state"), enumerate(["submitted", "complete", "opined", "authorised"], 1))
def test_no_key_before_the_agreement(count: int, state: str) -> None:
    story = Story()
    way(story, count)
    assert refusal(story) == f"grant-not-agreed: {state}"


def test_keys_after_the_agreement() -> None:
    story = Story()
    way(story, len(STEPS))
    assert refusal(story) == ""


def test_no_key_after_the_agreement_was_withdrawn() -> None:
    story = Story()
    act(story, "withdraw", "alice", previous=way(story, len(STEPS)))
    assert refusal(story) == "grant-not-agreed: withdrawn"


@pytest.mark.parametrize("end", ["", "failed"])
def test_an_agreement_without_effect_opens_nothing(end: str) -> None:
    story = Story()
    act(story, "agree", "omar", "alice", previous=way(story, len(STEPS) - 1), end=end)
    assert refusal(story) == "grant-not-agreed: authorised"


def test_an_agreement_that_others_signed_or_over_another_act_opens_nothing() -> None:
    for by, previous in ((("omar", "rita"), None), (("omar",), None), (("omar", "alice"), "sha256:0")):
        story = Story()
        last = way(story, len(STEPS) - 1)
        act(story, "agree", *by, previous=last if previous is None else previous)
        assert refusal(story) == "grant-not-agreed: authorised"


def test_an_agreement_whose_document_is_gone_or_was_forged_opens_nothing() -> None:
    story = Story()
    document = way(story, len(STEPS))
    kept = story.documents.held.pop(document)
    assert refusal(story) == "grant-not-agreed: authorised"
    story.documents.held[document] = kept.replace(b'"facts":{}', b'"facts":{"reference":"x"}')
    assert refusal(story) == "grant-not-agreed: authorised"


def test_a_state_that_a_leaf_names_is_not_believed() -> None:
    story = Story()
    way(story, 1)
    index = story.log("project", basis=f"permit:{ID}", objects=["act:agree"])
    story.log("project", basis=f"permit:{ID}", phase="effect", of=index, objects=["state:agreed"])
    assert refusal(story) == "grant-not-agreed: submitted"


def test_the_application_of_another_permit_holds_nothing_up() -> None:
    story = Story()
    document = story.signed(
        act_body(permit="P-2026-0002", act="apply", previous="", facts={"application": ""}), "alice"
    )
    index = story.log("project", basis="permit:P-2026-0002", objects=[f"document:{document}"])
    story.log("project", basis="permit:P-2026-0002", phase="effect", of=index)
    assert refusal(story) == ""


def test_an_application_that_is_gone_does_not_make_the_way_short() -> None:
    story = Story()
    document = way(story, 1)
    kept = dict(story.documents.held)
    del story.documents.held[document]
    assert refusal(story) == "grant-not-agreed: absent"
    story.documents.held.update(kept)
    filed = next(name for name, data in kept.items() if b"rempart.application/1" in data)
    del story.documents.held[filed]
    assert refusal(story) == "grant-not-agreed: absent"


READ = f"{PROJECT}/person/main/read"


def work(story: Story) -> str:
    """What the broker says of a study on the granted permit; '' when it gives keys."""
    try:
        story.ask(story.study(), READ)
    except Refused as error:
        return f"{error.code}: {error.facts['state']}" if "state" in error.facts else error.code
    return ""


def granted(story: Story) -> Story:
    story.permit(end="effect")
    return story


def test_a_suspended_project_has_no_keys_until_two_officers_open_it_again() -> None:
    story = granted(Story())
    assert work(story) == ""
    last = act(story, "suspend", "bob", previous="", reason="x")
    assert work(story) == "grant-project-shut: suspended"
    last = act(story, "resume", "olga", previous=last, reason="y")  # one officer is not enough: void
    assert work(story) == "grant-project-shut: suspended"


def test_a_reference_that_was_given_before_gives_no_key_after_a_suspension_or_a_freeze() -> None:
    for stop in ("suspend", "freeze"):
        story = granted(Story())
        reference = story.ask(story.study(), READ, f"{PROJECT}/result/main/write")[0]
        context = KeyContext(warehouse="w", space=PROJECT, table="result", sibling="main", part="p", epoch=1)
        story.broker.wrap(reference, [(context, b"0" * 32)])
        act(story, "suspend", "carl", previous="", reason="x") if stop == "suspend" else freeze(story, "carl")
        with pytest.raises(Refused) as caught:
            story.broker.wrap(reference, [(context, b"0" * 32)])
        assert caught.value.code == ("grant-project-shut" if stop == "suspend" else "grant-frozen")


def freeze(story: Story, *by: str, lifts: bool = False, previous: str = "") -> str:
    """A freeze, or its lifting, in the ledger; its document."""
    document = story.signed(freeze_body(lifts=lifts, reason="x", previous=previous), *by)
    index = story.log("freeze", basis="operation:freeze", objects=[f"document:{document}"])
    story.log("freeze", basis="operation:freeze", phase="effect", of=index)
    return document


def test_a_freeze_stops_every_permit_and_new_grants_until_two_officers_lift_it() -> None:
    story = granted(Story())
    first = freeze(story, "bob")
    assert work(story) == "grant-frozen"
    assert refusal(story) == "grant-frozen"
    freeze(story, "olga", lifts=True, previous=first)
    freeze(story, "olga", "olga", lifts=True, previous=first)
    freeze(story, "olga", "omar", lifts=True, previous="")
    assert work(story) == "grant-frozen"
    freeze(story, "olga", "omar", lifts=True, previous=first)
    assert work(story) == ""


def test_who_may_not_freeze_stops_nothing() -> None:
    story = granted(Story())
    freeze(story, "alice")
    assert work(story) == ""


def test_a_freeze_or_a_suspension_is_not_lifted_by_removing_its_document() -> None:
    story = granted(Story())
    del story.documents.held[freeze(story, "olga")]
    assert work(story) == "grant-act-lost"
    story = granted(Story())
    del story.documents.held[act(story, "suspend", "olga", previous="", reason="x")]
    assert work(story) == "grant-act-lost"


def test_a_closing_project_lets_results_out_and_runs_nothing_new() -> None:
    story = granted(Story())
    story.study(end="effect")
    last = act(story, "close", "alice", previous="")
    assert work(story) == "grant-project-shut: closing"
    check = story.log("check", basis=f"permit:{ID}", objects=["result:sha256:r"])
    story.ask(check, f"{PROJECT}/result/main/read")
    act(story, "end", "omar", previous=last)
    assert work(story) == "grant-project-shut: closed"


def test_the_fold_of_a_long_ledger_costs_a_grant_little() -> None:
    story = granted(Story())
    act(story, "suspend", "carl", previous="", reason="x")
    for _ in range(5000):
        index = story.log("hash", basis="operation:hash", objects=["space:warehouse"])
        story.log("hash", basis="operation:hash", phase="effect", of=index)
    story.broker.keeper._book.read()
    study = story.study()
    begun = time.perf_counter()
    with pytest.raises(Refused):
        require_open(story.broker.keeper._book.proofs(), study, PROJECTS)
    assert time.perf_counter() - begun < 0.5
