# SPDX-License-Identifier: Apache-2.0
"""Each rule of the auditor: a history that breaks it alone is found, and found by that rule and no other."""

import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rempart.audit.findings import Findings
from rempart.audit.tree import leaf_hash
from rempart.audit.verify import ACT_RULES, LOG_RULES
from rempart.errors import Missing, NotTrusted
from rempart.records.sealed import SpaceCommit
from tests.properties.across_histories import ACROSS_MUTANTS
from tests.properties.host_histories import HOST_MUTANTS
from tests.properties.jobs_histories import JOBS_MUTANTS
from tests.properties.keeping_histories import KEEPING_MUTANTS
from tests.properties.key_histories import KEY_MUTANTS
from tests.properties.ledger_story import PERMIT, ROLES, RULES, SPACE, Story, audit, note, true_story, trust_version
from tests.properties.move_histories import MOVE_MUTANTS
from tests.properties.pack_histories import PACK_MUTANTS
from tests.properties.policy_histories import POLICY_MUTANTS
from tests.properties.project_histories import PROJECT_MUTANTS
from tests.properties.protocol_histories import PROTOCOL_MUTANTS
from tests.properties.wayout_histories import WAYOUT_MUTANTS
from tests.properties.witness_histories import WITNESS_MUTANTS

Mutant = Callable[[], tuple[Story, dict[str, Any]]]
MUTANTS: dict[str, Mutant] = (
    KEY_MUTANTS
    | HOST_MUTANTS
    | MOVE_MUTANTS
    | PROTOCOL_MUTANTS
    | PROJECT_MUTANTS
    | WAYOUT_MUTANTS
    | KEEPING_MUTANTS
    | POLICY_MUTANTS
    | PACK_MUTANTS
    | WITNESS_MUTANTS
    | JOBS_MUTANTS
    | ACROSS_MUTANTS
)


def breaks(rule: str) -> Callable[[Mutant], Mutant]:
    def keep(mutant: Mutant) -> Mutant:
        MUTANTS[rule] = mutant
        return mutant

    return keep


@breaks("log-size")
def _cut() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    return story, {"leaves": story.leaves[:-2], "checkpoint": note(story.leaves)}


@breaks("log-root")
def _altered() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    signed = note(story.leaves)
    story.edit(5, salt="f" * 32)
    return story, {"checkpoint": signed}


@breaks("log-since")
def _rewritten() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    kept = note(story.leaves[:9])
    story.edit(5, salt="f" * 32)
    return story, {"since": kept}


@breaks("log-form")
def _not_canonical() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    return story, {"leaves": [*story.leaves, b'{ "schema": "rempart.event/1" }']}


@breaks("log-tiles")
def _other_tile() -> tuple[Story, dict[str, Any]]:
    return true_story(), {"hashes": [b"\0" * 32]}


@breaks("log-surplus")
def _more_than_signed() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    signed = note(story.leaves)
    return story, {"leaves": [*story.leaves, b"torn"], "checkpoint": signed}


@breaks("time-order")
def _backdated() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    earlier = datetime.datetime.fromisoformat(story.events[-1].time) - datetime.timedelta(minutes=30)
    story.edit(len(story.events) - 1, time=earlier.isoformat())
    return story, {}


@breaks("intent-open")
def _left_open() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    story.leaf("hash", "intent", "operation:hash", [f"space:{SPACE}"])
    return story, {"now": story.now + datetime.timedelta(hours=25)}


@breaks("end-of-intent")
def _ended_twice() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    story.leaf("init", "effect", "operation:init", [], of=0)
    return story, {}


@breaks("trust-chain")
def _enrolled_by_nobody() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    forged = trust_version(2, story.trusts[0], ("carl",), by="carl")
    story.trusts[1] = replace(story.trusts[1], signatures=forged.signatures)
    return story, {}


@breaks("person-trust")
def _enrolled_beside_the_ledger() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    story.trusts.append(trust_version(3, story.trusts[1], (*ROLES, "gina")))
    return story, {}


@breaks("commit-chain")
def _fork() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    story.ingest(parent="")
    return story, {}


@breaks("commit-space")
def _into_another_space() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    story.ingest(space=SPACE)
    return story, {}


@breaks("commit-manifest")
def _host_lies() -> tuple[Story, dict[str, Any]]:
    def check(commit: SpaceCommit) -> None:
        if commit.space == SPACE:
            raise NotTrusted("manifest-hash")

    return true_story(), {"check_manifest": check}


@breaks("permit-document")
def _permit_without_committee() -> tuple[Story, dict[str, Any]]:
    return true_story(permit="alice"), {}


@breaks("permit-before")
def _permit_that_was_never_granted() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    story.act("download", "permit:P-2026-0099", [])
    return story, {}


@breaks("permit-valid")
def _permit_expired() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    story.now = datetime.datetime(2027, 1, 1, 0, 1, tzinfo=datetime.UTC)
    story.act("download", PERMIT, [])
    return story, {}


@breaks("study-document")
def _study_by_someone_else() -> tuple[Story, dict[str, Any]]:
    return true_story(study="erin"), {}


@breaks("study-head")
def _study_of_another_head() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    index = story.index("study")
    kept = tuple(o for o in story.events[index].objects if not o.startswith("head:"))
    story.edit(index, objects=(*kept, "head:sha256:0"))
    return story, {}


@breaks("key-scope")
def _key_of_the_warehouse() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    index = [i for i, e in enumerate(story.events) if e.kind == "key-grant"][-1]
    story.edit(index, objects=("grant:x", "use:warehouse/person/main/read"))
    return story, {}


@breaks("submission-document")
def _submitted_by_someone_else() -> tuple[Story, dict[str, Any]]:
    return true_story(author="erin"), {}


@breaks("vote-document")
def _vote_by_no_checker() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    submission = story.events[story.index("submission")].fact("document") or ""
    story.vote("R-2026-0001", submission, "erin")
    return story, {}


@breaks("vote-author")
def _vote_by_the_author() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    story.vote("R-2026-0001", story.events[story.index("submission")].fact("document") or "", "alice")
    return story, {}


@breaks("release-approvals")
def _one_approval() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    submission = story.submission("R-2026-0002", "alice")
    story.vote("R-2026-0002", submission, "bob")
    story.publish("R-2026-0002")
    return story, {}


def without(rule: str) -> dict[str, Any]:
    """The table of rules with one taken out."""
    return {**RULES, "rules": {name: row for name, row in RULES["rules"].items() if name != rule}}


def test_a_true_history_has_nothing_to_find_and_everything_is_counted() -> None:
    found = audit(true_story())
    assert found.ok and found.items == ()
    wanted = {"leaves": 23, "persons": 1, "commits": 2, "permits": 1, "studies": 1, "key-grants": 3}
    wanted |= {"submissions": 1, "votes": 2, "releases": 1, "checkpoint": 1}
    assert {name: found.counts[name] for name in wanted} == wanted
    assert found.counts["signatures"] == 5


def test_every_rule_has_its_function_its_words_and_its_mutant() -> None:
    assert set(RULES["rules"]) == set(LOG_RULES) | set(ACT_RULES) == set(MUTANTS)
    for row in RULES["rules"].values():
        assert row["cites"] and set(row["proves"]) == set(row["found"]) == {"en", "fr"}
        assert row["family"] in {"not trusted", "refused", "anomaly"}


@pytest.mark.parametrize("rule", sorted(MUTANTS))
def test_a_history_that_breaks_one_rule_is_found_by_that_rule_alone(rule: str) -> None:
    story, changes = MUTANTS[rule]()
    found = audit(story, **changes)
    assert {item.rule for item in found.items} == {rule}
    assert found.ok == (RULES["rules"][rule]["family"] == "anomaly")
    for item in found.items:
        assert item.say(RULES, "en") and item.say(RULES, "fr")


@pytest.mark.parametrize("rule", sorted(MUTANTS))
def test_without_the_rule_the_same_history_passes(rule: str) -> None:
    story, changes = MUTANTS[rule]()
    assert audit(story, rules=without(rule), **changes).items == ()


def first(rule: str) -> int | None:
    story, changes = MUTANTS[rule]()
    found: Findings = audit(story, **changes)
    return found.items[0].index


def test_the_first_bad_index_is_named() -> None:
    ends = len(true_story().events)
    assert first("log-size") == ends - 2
    assert first("log-form") == first("log-surplus") == first("permit-before") == first("vote-author") == ends
    assert first("time-order") == ends - 1
    assert first("permit-document") == true_story().index("permit")
    assert first("study-document") == first("study-head") == true_story().index("study")
    assert first("person-trust") is None


def test_an_alteration_is_placed_by_the_tiles_where_no_checkpoint_says_otherwise() -> None:
    story = true_story()
    signed, hashes = note(story.leaves), audit_hashes(story)
    story.edit(5, salt="f" * 32)
    assert audit(story, checkpoint=signed, hashes=hashes).items[0].index == 5


def test_an_alteration_is_placed_by_earlier_checkpoints_where_the_tiles_were_altered_too() -> None:
    story = true_story()
    history = [note(story.leaves, size) for size in (0, 4, 5, 6, 9)]
    signed = note(story.leaves)
    story.edit(5, salt="f" * 32)
    assert audit(story, checkpoint=signed, history=history).items[0].index == 5
    assert audit(story, checkpoint=signed, history=history[:2]).items[0].index == 4
    assert audit(story, checkpoint=signed).items[0].index is None


def test_tiles_that_lie_are_not_believed_against_a_signed_checkpoint() -> None:
    story = true_story()
    history = [note(story.leaves, size) for size in (5, 6)]
    signed, hashes = note(story.leaves), audit_hashes(story)
    story.edit(5, salt="f" * 32)
    hashes[2] = b"\0" * 32
    assert audit(story, checkpoint=signed, hashes=hashes, history=history).first.index == 5  # type: ignore[union-attr]


def audit_hashes(story: Story) -> list[bytes]:
    return [leaf_hash(leaf) for leaf in story.leaves]


def test_a_log_older_than_the_auditors_checkpoint_was_rolled_back() -> None:
    story = true_story()
    kept = note(story.leaves)
    story.events = story.events[:-2]
    with pytest.raises(NotTrusted) as caught:
        audit(story, since=kept)
    assert caught.value.code == "ledger-rolled-back"
    assert audit(story, since=note(story.leaves[:7])).ok


def test_a_checkpoint_that_nobody_signed_stops_the_audit() -> None:
    story = true_story()
    with pytest.raises(NotTrusted) as caught:
        audit(story, checkpoint=note(story.leaves).replace("\n23\n", "\n22\n"))
    assert caught.value.code == "checkpoint-signature"


def test_a_recent_open_intent_is_an_anomaly_and_no_breach() -> None:
    story, _ = MUTANTS["intent-open"]()
    found = audit(story, now=story.now)
    assert found.ok and [item.rule for item in found.anomalies] == ["intent-open"]


def test_no_kept_snapshot_may_be_gone_from_the_host_however_old() -> None:
    story = true_story()
    story.ingest()
    heads = [e.fact("head") for e in story.events if e.kind == "commit"]

    def gone(missing: str | None) -> Callable[[SpaceCommit], None]:
        def check(commit: SpaceCommit) -> None:
            if commit.head == missing:
                raise Missing("object-missing")

        return check

    assert audit(story, check_manifest=gone(None)).ok
    for head in heads:
        assert not audit(story, check_manifest=gone(head)).ok


def approvals(*voters: str, over: str | None = None, late: bool = False, verdict: str = "approve") -> Findings:
    story = true_story()
    submission = story.submission("R-2026-0002", "alice")
    if late:
        story.publish("R-2026-0002")
    for voter in voters:
        story.vote("R-2026-0002", over or submission, voter, verdict)
    if not late:
        story.publish("R-2026-0002")
    return audit(story)


def test_it_takes_two_different_checkers_before_and_over_the_same_submission() -> None:
    assert approvals("bob", "dora").ok
    for found in (
        approvals("bob", "bob"),
        approvals("bob", "dora", "frank"),
        approvals("bob", "bob", "dora"),
        approvals("bob", "alice"),
        approvals("bob", "dora", late=True),
        approvals("bob", "dora", verdict="reject"),
        approvals(),
    ):
        assert "release-approvals" in {item.rule for item in found.items}


def test_votes_over_an_earlier_submission_do_not_carry_over() -> None:
    story = true_story()
    earlier = story.submission("R-2026-0002", "alice")
    story.vote("R-2026-0002", earlier, "bob")
    story.vote("R-2026-0002", earlier, "dora")
    body = {"note": "other"}
    later = story.signed({**_body(story, earlier), **body}, "alice")
    story.act("submission", PERMIT, ["release:R-2026-0002", f"document:{later}"])
    story.publish("R-2026-0002")
    assert {item.rule for item in audit(story).items} == {"release-approvals"}


def _body(story: Story, document: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(story.documents[document])["body"]
    return body


def test_an_act_before_its_permit_was_granted_is_found() -> None:
    story = Story()
    story.act("init", "operation:init", [f"trust:{story.trusts[0].id}"])
    story.act("person", "operation:person", [f"trust:{story.trusts[1].id}", "version:2"])
    story.ingest()
    early = story.act("download", PERMIT, [])
    story.permit("carl")
    found = audit(story)
    assert {(item.rule, item.index) for item in found.items} == {("permit-before", early), ("permit-before", early + 1)}


def test_a_key_granted_after_its_intent_had_ended_is_found() -> None:
    story = true_story()
    story.grant(story.index("study"), f"{SPACE}/person/main/read")
    assert {item.rule for item in audit(story).items} == {"end-of-intent"}


def test_an_altered_or_lost_document_is_found() -> None:
    story = true_story()
    document = story.events[story.index("vote")].fact("document") or ""
    del story.documents[document]
    assert {item.rule for item in audit(story).items} == {"vote-document", "release-approvals"}


def test_a_person_enrolled_after_the_vote_could_not_have_voted() -> None:
    story = true_story()
    moved = story.events[2:4]
    story.events = [*story.events[:2], *story.events[4:], *moved]
    events = []
    for event in story.events:
        shift = 2 if event.of is not None and event.of >= 4 else 0
        events.append(replace(event, of=None if event.of is None else event.of - shift))
    events[-1] = replace(events[-1], of=len(events) - 2)
    story.events = [
        replace(e, time=(story.now + datetime.timedelta(seconds=i)).isoformat()) for i, e in enumerate(events)
    ]
    assert {"permit-document", "study-document", "vote-document"} <= {item.rule for item in audit(story).items}


def test_an_enrolment_killed_after_its_file_was_saved_counts_and_a_failed_one_does_not() -> None:
    story = true_story()
    story.events[3] = replace(story.events[3], phase="failed", objects=())
    assert "vote-document" in {item.rule for item in audit(story).items}
    story = true_story()
    story.edit(
        3, kind="init", basis="operation:init", of=0
    )  # the enrolment's end is gone: another leaf stands in its place
    found = {(item.rule, item.family) for item in audit(story).items}
    assert found == {("intent-open", "anomaly"), ("end-of-intent", "not trusted")}


def test_a_study_that_failed_needs_no_valid_permit_but_a_key_granted_for_it_does() -> None:
    story = true_story()
    story.now = datetime.datetime(2027, 1, 1, 0, 1, tzinfo=datetime.UTC)
    intent = story.leaf("study", "intent", PERMIT, [f"space:{SPACE}", f"head:{story.heads[SPACE]}"])
    story.leaf("study", "failed", PERMIT, ["error:refused/permit-expired"], of=intent)
    assert audit(story).ok
    intent = story.leaf("study", "intent", PERMIT, [f"space:{SPACE}", f"head:{story.heads[SPACE]}"])
    story.grant(intent, f"{SPACE}/person/main/read")
    story.leaf("study", "failed", PERMIT, ["error:refused/permit-expired"], of=intent)
    assert {item.rule for item in audit(story).items} == {"permit-valid"}


@pytest.mark.parametrize(
    "use",
    [
        "warehouse/drug_exposure/main/read",
        "project:other/drug_exposure/main/read",
        f"{SPACE}/condition_occurrence/main/read",
        f"{SPACE}/person/release_index/read",
        f"{SPACE}/drug_exposure/cost/read",
        "nonsense",
    ],
)
def test_a_study_key_outside_its_permit_is_found(use: str) -> None:
    story = true_story()
    index = [i for i, e in enumerate(story.events) if e.kind == "key-grant"][-1]
    story.edit(index, objects=("grant:x", f"use:{use}"))
    assert {item.rule for item in audit(story).items} == {"key-scope"}


@pytest.mark.parametrize(
    "told",
    [
        "use:warehouse/correspondence/main/read",
        "use:warehouse/condition_occurrence/main/read",
        "use:warehouse/drug_exposure/cost/read",
        "use:warehouse/drug_exposure/main/write",
        "use:project:other/drug_exposure/main/write",
        "secret:identity",
        "secret:warehouse/shard",
    ],
)
def test_a_key_granted_to_a_permit_outside_what_it_permits_is_found(told: str) -> None:
    story = true_story()
    index = next(i for i, e in enumerate(story.events) if e.kind == "key-grant" and e.basis == PERMIT)
    assert audit(story).ok
    story.edit(index, objects=("grant:x", told))
    assert {item.rule for item in audit(story).items} == {"key-scope"}


def test_a_study_uses_no_secret_of_a_space_and_a_grant_those_of_its_own() -> None:
    story = true_story()
    grants = [i for i, e in enumerate(story.events) if e.kind == "key-grant" and e.basis == PERMIT]
    story.edit(grants[0], objects=("grant:x", f"secret:{SPACE}/shard"))
    assert audit(story).ok
    story.edit(grants[1], objects=("grant:x", f"secret:{SPACE}/shard"))
    assert {item.rule for item in audit(story).items} == {"key-scope"}
