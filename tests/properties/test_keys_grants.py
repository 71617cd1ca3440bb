# SPDX-License-Identifier: Apache-2.0
"""Which intent opens which keys. ``test_a_sound_request_is_granted`` is the control of all: each other test changes one thing of it."""

import datetime
import functools
from collections.abc import Callable
from dataclasses import replace

import pytest

from rempart.adapters import package_data
from rempart.errors import Missing, NotTrusted, Refused, RempartError, Unavailable
from rempart.keys.orders import order_body
from rempart.records.canonical import content_id
from rempart.records.document import SignedDocument
from rempart.records.omop import layouts
from tests.properties.keys_story import PERMIT, PROJECT, ROLES, STUDY, Story

BASIS = "permit:P-2026-0001"
WRITE_PERSON = "warehouse/person/main/write"
READ_DRUGS = f"{PROJECT}/drug_exposure/main/read"


@pytest.fixture
def story() -> Story:
    return Story()


def refused(code: str, ask: Callable[[], object], family: type[RempartError] = Refused) -> None:
    """``ask`` raises exactly that code."""
    with pytest.raises(family) as caught:
        ask()
    assert caught.value.code == code


def test_a_sound_request_is_granted(story: Story) -> None:
    assert story.ask(story.ingest(), WRITE_PERSON, secrets=["identity", "warehouse/shard"])
    permit = story.permit()
    assert story.ask(
        permit,
        "warehouse/drug_exposure/main/read",
        "warehouse/death/identifying/read",
        "warehouse/objection/main/read",
        "warehouse/person/release_index/read",
        f"{PROJECT}/person/release_index/write",
        secrets=[f"{PROJECT}/shard", f"{PROJECT}/pseudonym"],
    )
    study = story.study()
    assert story.ask(study, READ_DRUGS, f"{PROJECT}/evidence/main/write", f"{PROJECT}/result/main/write", times=3)
    story.study(end="effect")
    for kind in ("submission", "vote", "release"):
        assert story.ask(story.log(kind, basis="permit:P-2026-0001"), f"{PROJECT}/result/main/read")
    hashing = story.log("hash", basis="operation:hash", objects=["space:warehouse"])
    assert story.ask(hashing, "warehouse/correspondence/main/read", "warehouse/person/main/read")


def test_no_key_for_a_study_whose_protocol_was_not_frozen_before_it(story: Story) -> None:
    story.permit(end="effect")
    begun = story.log("study", basis=BASIS, objects=[f"study:{story.signed(STUDY, 'alice')}", f"space:{PROJECT}"])
    refused("grant-not-frozen", lambda: story.ask(begun, READ_DRUGS))
    story.freeze(STUDY)  # too late
    refused("grant-not-frozen", lambda: story.ask(begun, READ_DRUGS))
    story.freeze({**STUDY, "schema": "rempart.study/1", "more": "another"})
    again = story.log("study", basis=BASIS, objects=[f"study:{story.signed(STUDY, 'alice')}", f"space:{PROJECT}"])
    assert story.ask(again, READ_DRUGS)


def test_no_key_for_a_study_whose_protocol_was_frozen_under_another_permit_or_not_in_effect(story: Story) -> None:
    story.permit(end="effect")
    told = [f"protocol:{content_id(STUDY)}"]
    other = story.log("protocol", basis="permit:P-2026-0002", objects=told)
    story.log("protocol", basis="permit:P-2026-0002", phase="effect", of=other)
    failed = story.log("protocol", basis=BASIS, objects=told)
    story.log("protocol", basis=BASIS, phase="failed", of=failed)
    begun = story.log("study", basis=BASIS, objects=[f"study:{story.signed(STUDY, 'alice')}", f"space:{PROJECT}"])
    refused("grant-not-frozen", lambda: story.ask(begun, READ_DRUGS))


def test_no_key_without_a_leaf_in_the_ledger(story: Story) -> None:
    refused("grant-no-intent", lambda: story.ask(len(story.ledger.held), WRITE_PERSON))
    refused("grant-no-intent", lambda: story.ask(-1, WRITE_PERSON))


def test_a_permit_or_a_vote_written_only_into_a_database_has_no_effect(story: Story) -> None:
    story.signed(PERMIT, "carl")  # the document exists, its leaf does not
    refused("grant-no-permit", lambda: story.ask(story.study(), READ_DRUGS))
    refused("grant-no-intent", lambda: story.ask(99, f"{PROJECT}/result/main/read"))


def test_an_effect_is_no_intent(story: Story) -> None:
    intent = story.ingest()
    effect = story.log("commit", basis="operation:ingest", phase="effect", of=intent)
    refused("grant-no-intent", lambda: story.ask(effect, WRITE_PERSON))


@pytest.mark.parametrize("end", ["effect", "failed"])
def test_an_act_that_has_ended_opens_nothing(story: Story, end: str) -> None:
    intent = story.ingest()
    story.log("commit", basis="operation:ingest", phase="effect", of=intent)  # another kind does not end it
    assert story.ask(intent, WRITE_PERSON)
    story.log("ingest", basis="operation:ingest", phase=end, of=intent)  # type: ignore[arg-type]
    refused("grant-closed", lambda: story.ask(intent, WRITE_PERSON))


def test_an_old_act_opens_nothing(story: Story) -> None:
    intent = story.ingest()
    story.clock.advance(hours=24)
    assert story.ask(intent, WRITE_PERSON)
    story.clock.advance(seconds=1)
    refused("grant-old", lambda: story.ask(intent, WRITE_PERSON))


def test_an_act_of_tomorrow_opens_nothing(story: Story) -> None:
    """Not even the refusal can be written down, since ledger time never goes back."""
    story.clock.advance(hours=1)
    intent = story.ingest()
    story.clock.advance(hours=-1)
    with pytest.raises(Unavailable) as caught:
        story.ask(intent, WRITE_PERSON)
    assert caught.value.code == "clock-behind"


@pytest.mark.parametrize("kind", ["init", "person", "verify", "audit", "alarm", "commit"])
def test_a_kind_that_no_rule_names_opens_nothing(story: Story, kind: str) -> None:
    refused("grant-kind", lambda: story.ask(story.log(kind, basis=f"operation:{kind}"), WRITE_PERSON))


def test_an_operation_does_not_rest_on_another_and_a_study_on_none(story: Story) -> None:
    refused("grant-basis", lambda: story.ask(story.ingest(basis="permit:P-2026-0001"), WRITE_PERSON))
    refused("grant-basis", lambda: story.ask(story.ingest(basis="operation:hash"), WRITE_PERSON))
    study = story.log("study", basis="operation:study", objects=[f"space:{PROJECT}"])
    refused("grant-basis", lambda: story.ask(study, READ_DRUGS))


@pytest.mark.parametrize(
    "use",
    [
        "warehouse/person/main/read",
        "warehouse/drug_exposure/main/read",
        "warehouse/correspondence/other/read",
        f"{PROJECT}/person/main/write",
        f"{PROJECT}/manifest/main/read",
    ],
)
def test_an_ingest_reads_no_rows_and_touches_no_project(story: Story, use: str) -> None:
    intent = story.ingest()
    assert story.ask(intent, "warehouse/correspondence/main/read", "warehouse/manifest/main/read")
    refused("grant-scope", lambda: story.ask(intent, use))


@pytest.mark.parametrize(
    "use",
    [
        "warehouse/correspondence/main/read",
        "warehouse/condition_occurrence/main/read",
        "warehouse/person/identifying/read",
        "warehouse/drug_exposure/cost/read",
        "warehouse/person/main/write",
        "project:other/person/main/write",
        f"{PROJECT}/person/main/read",
        "warehouse/manifest/main/update",
    ],
)
def test_a_permit_opens_only_the_siblings_of_its_columns(story: Story, use: str) -> None:
    intent = story.permit()
    assert story.ask(intent, "warehouse/death/identifying/read")
    refused("grant-scope", lambda: story.ask(intent, use))


@pytest.mark.parametrize(
    "use",
    [
        "warehouse/drug_exposure/main/read",
        "warehouse/person/release_index/read",
        f"{PROJECT}/person/release_index/read",
        f"{PROJECT}/person/identifying/read",
        f"{PROJECT}/drug_exposure/cost/read",
        f"{PROJECT}/condition_occurrence/main/read",
        f"{PROJECT}/drug_exposure/main/write",
        f"{PROJECT}/manifest/main/write",
        f"{PROJECT}/person/draw/write",
        "warehouse/person/draw/read",
        "project:other/person/draw/read",
        "project:other/drug_exposure/main/read",
    ],
)
def test_a_study_reads_its_project_within_the_permit_and_never_the_release_index(story: Story, use: str) -> None:
    story.permit(end="effect")
    intent = story.study()
    assert story.ask(intent, READ_DRUGS)
    refused("grant-scope", lambda: story.ask(intent, READ_DRUGS, use))


def test_a_study_reads_its_project_s_draw_numbers_and_a_release_step_does_not(story: Story) -> None:
    story.permit(end="effect")
    assert story.ask(story.study(), f"{PROJECT}/person/draw/read")
    story.study(end="effect")
    vote = story.log("vote", basis="permit:P-2026-0001")
    refused("grant-scope", lambda: story.ask(vote, f"{PROJECT}/person/draw/read"))


def test_a_permit_cannot_name_a_reserved_table_into_reach(story: Story) -> None:
    tables = [
        {"name": "correspondence", "columns": ["pseudonym"]},
        {"name": "person", "columns": ["release_index", "year_of_birth"]},
    ]
    story.permit(change={"tables": tables}, end="effect")
    intent = story.study()
    assert story.ask(intent, f"{PROJECT}/person/main/read")
    refused("grant-scope", lambda: story.ask(intent, f"{PROJECT}/correspondence/main/read"))
    refused("grant-scope", lambda: story.ask(intent, f"{PROJECT}/person/release_index/read"))


@pytest.mark.parametrize("kind", ["submission", "vote", "release"])
def test_a_release_step_reads_results_only(story: Story, kind: str) -> None:
    story.permit(end="effect")
    story.study(end="effect")
    intent = story.log(kind, basis="permit:P-2026-0001")
    assert story.ask(intent, f"{PROJECT}/result/main/read")
    for use in (READ_DRUGS, f"{PROJECT}/evidence/main/read", f"{PROJECT}/result/main/write"):
        refused("grant-scope", lambda use=use: story.ask(intent, use))


def test_a_release_step_needs_a_study_that_ended_with_that_result(story: Story) -> None:
    story.permit(end="effect")
    story.study(end="failed")
    story.log("study", basis="permit:P-2026-0002", phase="effect", of=1, objects=["result:sha256:r"])
    early = story.log("submission", basis="permit:P-2026-0001", objects=["result:sha256:r"])
    refused("grant-no-result", lambda: story.ask(early, f"{PROJECT}/result/main/read"))
    story.study(end="effect")
    assert story.ask(early, f"{PROJECT}/result/main/read")
    other = story.log("submission", basis="permit:P-2026-0001", objects=["result:sha256:other"])
    refused("grant-no-result", lambda: story.ask(other, f"{PROJECT}/result/main/read"))


def test_secrets_are_the_acts_own(story: Story) -> None:
    refused("grant-secret", lambda: story.ask(story.ingest(), WRITE_PERSON, secrets=[f"{PROJECT}/shard"]))
    refused("grant-secret", lambda: story.ask(story.permit(end=None), secrets=["identity"]))
    refused("grant-secret", lambda: story.ask(story.permit(), secrets=["warehouse/shard"]))
    refused("grant-secret", lambda: story.ask(story.study(), secrets=[f"{PROJECT}/pseudonym"]))


def test_the_intent_names_its_space(story: Story) -> None:
    refused("grant-space", lambda: story.ask(story.ingest(space="project:glitazones"), WRITE_PERSON))
    unnamed = story.log("ingest", basis="operation:ingest")
    refused("grant-space", lambda: story.ask(unnamed, WRITE_PERSON))
    refused("grant-space", lambda: story.ask(story.permit(objects=["space:project:other"]), secrets=[]))
    story.permit()
    refused("grant-space", lambda: story.ask(story.study(objects=["space:warehouse"]), READ_DRUGS))
    story.study(end="effect")
    vote = story.log("vote", basis="permit:P-2026-0001", objects=["space:project:other"])
    refused("grant-space", lambda: story.ask(vote, f"{PROJECT}/result/main/read"))
    hashing = story.log("hash", basis="operation:hash")
    refused("grant-space", lambda: story.ask(hashing, "warehouse/person/main/read"))


def test_quality_reads_the_research_tables_and_nothing_that_says_who_is_who(story: Story) -> None:
    checking = story.log("quality", basis="operation:quality", objects=["space:warehouse"])
    known = layouts(package_data.toml("records/omop54.toml"))
    for table, layout in known.items():
        for sibling in layout.siblings:
            assert story.ask(checking, f"warehouse/{table}/{sibling}/read")
    for table in ("concept", "manifest", "gross_claim", "gross_stay", "gross_death", "usable_interval"):
        assert story.ask(checking, f"warehouse/{table}/main/read")
        refused("grant-scope", functools.partial(story.ask, checking, f"warehouse/{table}/main/write"))
        refused("grant-scope", functools.partial(story.ask, checking, f"{PROJECT}/{table}/main/read"))
    shut = (
        "correspondence",
        "name",
        "remap",
        "objection",
        "former_person",
        "person_decision",
        "gross_card",
        "snds_claims",
    )
    for name in [f"warehouse/{table}/main/read" for table in shut]:
        refused("grant-scope", functools.partial(story.ask, checking, name))
    refused("grant-scope", lambda: story.ask(checking, "warehouse/person/release_index/read"))


def test_a_hash_reads_the_warehouse_and_no_project(story: Story) -> None:
    hashing = story.log("hash", basis="operation:hash", objects=["space:warehouse"])
    assert story.ask(hashing, "warehouse/person/identifying/read", "warehouse/drug_exposure/cost/read")
    refused("grant-scope", lambda: story.ask(hashing, READ_DRUGS))
    refused("grant-scope", lambda: story.ask(hashing, "warehouse/person/release_index/read"))
    refused("grant-scope", lambda: story.ask(hashing, "warehouse/person/main/write"))
    project = story.log("hash", basis="operation:hash", objects=[f"space:{PROJECT}"])
    refused("grant-space", lambda: story.ask(project, READ_DRUGS))


def test_a_permit_is_signed_by_the_committee(story: Story) -> None:
    assert story.ask(story.permit("carl"), "warehouse/person/main/read")
    refused("grant-unsigned", lambda: story.ask(story.permit("alice"), "warehouse/person/main/read"))
    intent = story.permit("alice", claiming="carl")
    refused("signature", lambda: story.ask(intent, "warehouse/person/main/read"), NotTrusted)


def test_a_permit_without_any_signature_opens_nothing(story: Story) -> None:
    document = story.documents.put(SignedDocument(body=PERMIT, signatures=()).data)
    intent = story.log("permit", basis="permit:P-2026-0001", objects=[f"permit:{document}", f"space:{PROJECT}"])
    refused("grant-unsigned", lambda: story.ask(intent, "warehouse/person/main/read"))


def test_the_permit_of_the_leaf_is_the_one_it_rests_on(story: Story) -> None:
    refused(
        "grant-no-permit", lambda: story.ask(story.permit(change={"id": "P-2026-0002"}), "warehouse/person/main/read")
    )


def test_a_permit_that_nobody_stored_is_missing(story: Story) -> None:
    unstored = ["permit:sha256:" + "0" * 64, f"space:{PROJECT}"]
    intent = story.log("permit", basis="permit:P-2026-0001", objects=unstored)
    refused("document-missing", lambda: story.ask(intent, "warehouse/person/main/read"), Missing)
    unnamed = story.log("permit", basis="permit:P-2026-0001", objects=[f"space:{PROJECT}"])
    refused("grant-no-document", lambda: story.ask(unnamed, "warehouse/person/main/read"))


@pytest.mark.parametrize(
    ("day", "code"), [("2026-12-31", ""), ("2027-01-01", "permit-expired"), ("2025-12-31", "permit-not-yet")]
)
def test_a_permit_is_valid_from_its_first_to_its_last_day(story: Story, day: str, code: str) -> None:
    story.trust = story.trusting(ROLES)
    story.clock.instant = datetime.datetime.fromisoformat(f"{day}T12:00:00+00:00")
    if day.startswith("2025"):
        story.permit(change={"valid": ["2026-01-01", "2026-12-31"]})
        story.ledger.held.pop()
        story.clock.instant = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
        story.permit(change={"valid": ["2026-07-01", "2026-12-31"]}, end="effect")
    else:
        story.permit(end="effect")
    intent = story.study()
    if code:
        refused(code, lambda: story.ask(intent, READ_DRUGS))
    else:
        assert story.ask(intent, READ_DRUGS)


def test_a_key_that_was_not_valid_on_the_day_of_the_leaf_signs_nothing(story: Story) -> None:
    story.trust = story.changed("carl", valid_to=datetime.date(2026, 5, 31))
    intent = story.permit()
    refused("actor-unknown", lambda: story.ask(intent, "warehouse/person/main/read"), NotTrusted)


def test_a_failed_grant_of_a_permit_is_none(story: Story) -> None:
    story.permit(end="failed")
    refused("grant-no-permit", lambda: story.ask(story.study(), READ_DRUGS))


def test_the_newest_form_of_a_permit_rules(story: Story) -> None:
    story.permit(end="effect")
    story.permit(change={"tables": [{"name": "person", "columns": ["year_of_birth"]}]}, end="effect")
    intent = story.study()
    refused("grant-scope", lambda: story.ask(intent, READ_DRUGS))
    assert story.ask(intent, f"{PROJECT}/person/main/read")


def test_a_permit_granted_after_the_study_does_not_cover_it(story: Story) -> None:
    intent = story.study()
    story.permit(end="effect")
    refused("grant-no-permit", lambda: story.ask(intent, READ_DRUGS))


def test_a_study_is_signed_by_a_researcher_of_the_permit(story: Story) -> None:
    story.permit(end="effect")
    assert story.ask(story.study("alice"), READ_DRUGS)
    refused("permit-person", lambda: story.ask(story.study("rita"), READ_DRUGS))
    refused("grant-unsigned", lambda: story.ask(story.study("bob"), READ_DRUGS))
    refused("signature", lambda: story.ask(story.study("rita", claiming="alice"), READ_DRUGS), NotTrusted)


def test_a_study_names_its_permit_and_has_its_form(story: Story) -> None:
    story.permit(end="effect")
    refused("grant-other-permit", lambda: story.ask(story.study(change={"permit": "P-2026-0002"}), READ_DRUGS))
    intent = story.study(change={"schema": "rempart.vote/1"})
    refused("document-form", lambda: story.ask(intent, READ_DRUGS), NotTrusted)


def test_a_trust_file_older_than_the_ledgers_last_enrolment_is_not_believed(story: Story) -> None:
    older, newer = story.trust, story.next_trust("olga")
    enrolment = story.name_trust(newer, "olga")
    intent = story.ingest()
    assert story.ask(intent, WRITE_PERSON)  # the enrolment is under way: either version may lie there
    story.log("person", basis="operation:person", phase="effect", of=enrolment)
    refused("trust-rolled-back", lambda: story.ask(intent, WRITE_PERSON), NotTrusted)
    story.past, story.trust = [older], newer
    assert story.ask(intent, WRITE_PERSON)


def test_a_version_that_the_broker_has_seen_is_missed_even_without_a_leaf(story: Story) -> None:
    older, newer = story.trust, story.next_trust("olga")
    story.name_trust(newer)
    intent = story.ingest()
    story.past, story.trust = [older], newer
    assert story.ask(intent, WRITE_PERSON)
    story.past, story.trust = [], older
    refused("trust-rolled-back", lambda: story.ask(intent, WRITE_PERSON), NotTrusted)


@pytest.mark.parametrize("signers", [(), ("carl",), ("olga",)])
def test_a_leaf_that_names_a_version_nobody_signed_blocks_nobody_and_is_told_once(
    story: Story, signers: tuple[str, ...]
) -> None:
    story.trust = replace(story.trust, quorum=2)  # olga alone is too few, carl is no officer
    forged = story.name_trust(story.next_trust(*signers), *signers)
    story.log("person", basis="operation:person", phase="effect", of=forged)
    intent = story.ingest()
    assert story.ask(intent, WRITE_PERSON) != story.ask(intent, WRITE_PERSON)
    assert [alarm.objects for alarm in story.events("alarm") if alarm.phase == "intent"] == [
        ("error:not trusted/trust-forged", f"leaf:{forged}")
    ]


def strict(story: Story) -> None:
    story.broker = story.new_broker(strict=True)


def ordered(story: Story, kind: str = "ingest", *officers: str, hours: int = 2, named: str = "") -> None:
    """Log an order; ``named``: the kind that the leaf tells of."""
    document = story.signed(order_body(kind, now=story.clock.now(), hours=hours), *officers)
    story.log("order", basis="operation:order", objects=[f"kind:{named or kind}", f"document:{document}"])


def test_a_strict_broker_opens_for_what_an_officer_ordered_and_no_longer(story: Story) -> None:
    strict(story)
    refused("grant-no-order", lambda: story.ask(story.ingest(), WRITE_PERSON))
    ordered(story, "ingest", "olga")
    assert story.ask(story.ingest(), WRITE_PERSON)
    hashing = story.log("hash", basis="operation:hash", objects=["space:warehouse"])
    refused("grant-no-order", lambda: story.ask(hashing, "warehouse/person/main/read"))
    story.clock.advance(hours=3)
    refused("grant-no-order", lambda: story.ask(story.ingest(), WRITE_PERSON))


@pytest.mark.parametrize(
    "order",
    [
        lambda story: ordered(story, "ingest"),
        lambda story: ordered(story, "ingest", "carl"),
        lambda story: ordered(story, "hash", "olga"),
        lambda story: ordered(story, "hash", "olga", named="ingest"),
        lambda story: story.log("order", basis="operation:order", objects=["kind:ingest", "document:none"]),
        lambda story: story.log("order", basis="operation:order", objects=["kind:ingest"]),
    ],
)
def test_what_no_officer_ordered_for_this_kind_opens_nothing(story: Story, order: Callable[[Story], object]) -> None:
    strict(story)
    order(story)
    refused("grant-no-order", lambda: story.ask(story.ingest(), WRITE_PERSON))


def test_no_order_stands_longer_than_a_week(story: Story) -> None:
    strict(story)
    ordered(story, "ingest", "olga", hours=1000)
    story.clock.advance(days=8)
    refused("grant-no-order", lambda: story.ask(story.ingest(), WRITE_PERSON))


def test_whose_key_is_revoked_opens_nothing_new_and_what_was_granted_before_stands(story: Story) -> None:
    story.permit(end="effect")
    story.clock.advance(hours=1)
    story.revoke("carl")
    assert story.ask(story.study(), READ_DRUGS)  # the permit was signed an hour before
    refused("key-revoked", lambda: story.ask(story.permit(), "warehouse/person/main/read"))
    story.revoke("alice")
    refused("key-revoked", lambda: story.ask(story.study(), READ_DRUGS))
