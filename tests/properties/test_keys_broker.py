# SPDX-License-Identifier: Apache-2.0
"""References, scopes, the trace before the key, lost races, the signing keys: the broker in memory, under a clock that is set."""

import base64

import pytest

from rempart.audit.checkpoint import body
from rempart.errors import Missing, NotTrusted, Refused, Unavailable
from rempart.keys.system_signer import make_signing_keys
from rempart.records.canonical import content_id, sha256_id
from rempart.records.signature import Signature, verify, verify_text
from tests.properties.keys_story import ORIGIN, PROJECT, Story, context

PERSON = "warehouse/person/main"
CORRESPONDENCE = "warehouse/correspondence/main"
KEY = b"d" * 32


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def sealed(story: Story) -> tuple[int, bytes]:
    """An open ingest and a wrapped key of the correspondence."""
    intent = story.ingest()
    (reference,) = story.ask(intent, f"{CORRESPONDENCE}/write")
    (blob,) = story.broker.wrap(reference, [(context(CORRESPONDENCE), KEY)])
    return intent, blob


def test_a_key_wrapped_under_a_grant_opens_under_another(story: Story, sealed: tuple[int, bytes]) -> None:
    intent, blob = sealed
    (reference,) = story.ask(intent, f"{CORRESPONDENCE}/read")
    assert story.broker.unwrap(reference, [(context(CORRESPONDENCE), blob)]) == [KEY]


def test_the_grant_is_in_the_ledger_with_its_uses_before_the_reference_is_given(story: Story) -> None:
    seen: list[int] = []
    story.ledger.before_append = lambda: seen.append(len(story.events("key-grant")))
    intent = story.ingest()
    references = story.ask(intent, f"{PERSON}/write", secrets=["identity"], times=2)
    (leaf,) = story.events("key-grant")
    assert seen == [0]
    assert leaf.facts("grant") == tuple(sha256_id(reference.encode()) for reference in references)
    assert (leaf.facts("use"), leaf.facts("secret")) == ((f"{PERSON}/write",), ("identity",))
    assert (leaf.event_class, leaf.phase, leaf.of, leaf.basis) == ("trace", "effect", intent, "operation:ingest")
    assert all(reference.encode() not in b"".join(story.ledger.held) for reference in references)


def test_a_ledger_that_takes_no_leaf_gets_no_reference(story: Story) -> None:
    def gone() -> None:
        raise Unavailable("host-unreachable")

    intent = story.ingest()
    story.ledger.before_append = gone
    with pytest.raises(Unavailable, match="host-unreachable"):
        story.ask(intent, f"{PERSON}/write")
    assert story.events("key-grant") == []


def test_a_refused_request_leaves_no_trace_of_a_grant(story: Story) -> None:
    with pytest.raises(Refused):
        story.ask(story.ingest(), f"{PERSON}/read")
    assert story.events("key-grant") == []


def test_a_lost_race_decides_again_on_the_new_ledger(story: Story) -> None:
    intent = story.ingest()

    def rival() -> None:
        story.ledger.before_append = lambda: None
        story.log("verify", basis="operation:verify")

    story.ledger.before_append = rival
    assert story.ask(intent, f"{PERSON}/write")
    assert [event.kind for event in story.events("key-grant") + story.events("verify")] == ["key-grant", "verify"]


def test_an_act_that_ends_during_the_race_gets_nothing(story: Story) -> None:
    intent = story.ingest()

    def end() -> None:
        story.ledger.before_append = lambda: None
        story.log("ingest", basis="operation:ingest", phase="failed", of=intent)

    story.ledger.before_append = end
    with pytest.raises(Refused, match="grant-closed"):
        story.ask(intent, f"{PERSON}/write")
    assert story.events("key-grant") == []


def test_a_race_that_is_never_won_ends(story: Story) -> None:
    intent = story.ingest()
    story.ledger.before_append = lambda: story.ledger.held.append(story.ledger.held[0])
    with pytest.raises(Unavailable, match="ledger-moved"):
        story.ask(intent, f"{PERSON}/write")


def test_a_reference_gives_each_key_once(story: Story, sealed: tuple[int, bytes]) -> None:
    intent, blob = sealed
    first, second = story.ask(intent, f"{CORRESPONDENCE}/read", f"{CORRESPONDENCE}/write", times=2)
    (other,) = story.broker.wrap(first, [(context(CORRESPONDENCE, part="p2"), b"e" * 32)])
    assert story.broker.unwrap(first, [(context(CORRESPONDENCE), blob)]) == [KEY]
    with pytest.raises(Refused, match="grant-spent"):
        story.broker.unwrap(first, [(context(CORRESPONDENCE), blob)])
    with pytest.raises(Refused, match="grant-spent"):  # not even beside a key that it has not given
        story.broker.unwrap(first, [(context(CORRESPONDENCE, part="p2"), other), (context(CORRESPONDENCE), blob)])
    with pytest.raises(Refused, match="grant-spent"):
        story.broker.unwrap(second, [(context(CORRESPONDENCE), blob)] * 2)
    assert story.broker.unwrap(first, [(context(CORRESPONDENCE, part="p2"), other)]) == [b"e" * 32]
    assert story.broker.unwrap(second, [(context(CORRESPONDENCE), blob)]) == [KEY]


def test_an_invented_reference_opens_nothing(story: Story, sealed: tuple[int, bytes]) -> None:
    _, blob = sealed
    for reference in ("", "00" * 32, "é"):
        with pytest.raises(Refused, match="grant-spent"):
            story.broker.unwrap(reference, [(context(CORRESPONDENCE), blob)])


def test_the_hash_in_the_ledger_is_no_reference(story: Story, sealed: tuple[int, bytes]) -> None:
    intent, blob = sealed
    story.ask(intent, f"{CORRESPONDENCE}/read")
    for event in story.events("key-grant"):
        with pytest.raises(Refused, match="grant-spent"):
            story.broker.unwrap(str(event.fact("grant")), [(context(CORRESPONDENCE), blob)])


def test_a_reference_dies_with_the_broker(story: Story, sealed: tuple[int, bytes]) -> None:
    intent, blob = sealed
    (reference,) = story.ask(intent, f"{CORRESPONDENCE}/read")
    with pytest.raises(Refused, match="grant-spent"):
        story.new_broker().unwrap(reference, [(context(CORRESPONDENCE), blob)])


@pytest.mark.parametrize(
    "other",
    [
        context("warehouse/person/main"),
        context("warehouse/correspondence/cost"),
        context("project:glitazones/correspondence/main"),
        context(CORRESPONDENCE, warehouse="another"),
    ],
)
def test_a_read_outside_the_scope_is_refused(story: Story, sealed: tuple[int, bytes], other: object) -> None:
    intent, blob = sealed
    (reference,) = story.ask(intent, f"{CORRESPONDENCE}/read")
    with pytest.raises(Refused, match="grant-scope"):
        story.broker.unwrap(reference, [(other, blob)])  # type: ignore[list-item]
    assert story.broker.unwrap(reference, [(context(CORRESPONDENCE), blob)]) == [KEY]


def test_reading_is_not_writing_and_writing_is_not_reading(story: Story, sealed: tuple[int, bytes]) -> None:
    intent, blob = sealed
    (reads,), (writes,) = story.ask(intent, f"{CORRESPONDENCE}/read"), story.ask(intent, f"{CORRESPONDENCE}/write")
    with pytest.raises(Refused, match="grant-scope"):
        story.broker.wrap(reads, [(context(CORRESPONDENCE), KEY)])
    with pytest.raises(Refused, match="grant-scope"):
        story.broker.unwrap(writes, [(context(CORRESPONDENCE), blob)])


@pytest.mark.parametrize("other", [context(CORRESPONDENCE, part="p2"), context(CORRESPONDENCE, epoch=2)])
def test_a_wrapped_key_under_another_part_or_epoch_does_not_prove_itself(
    story: Story, sealed: tuple[int, bytes], other: object
) -> None:
    intent, blob = sealed
    (reference,) = story.ask(intent, f"{CORRESPONDENCE}/read")
    with pytest.raises(NotTrusted, match="wrapped-key"):
        story.broker.unwrap(reference, [(other, blob)])  # type: ignore[list-item]


def test_two_wrapped_keys_that_changed_places_do_not_prove_themselves(story: Story) -> None:
    (reference,) = story.ask(story.ingest(), f"{CORRESPONDENCE}/write", f"{CORRESPONDENCE}/read")
    one, two = (context(CORRESPONDENCE, part=part) for part in ("p1", "p2"))
    first, second = story.broker.wrap(reference, [(one, KEY), (two, b"e" * 32)])
    with pytest.raises(NotTrusted, match="wrapped-key"):
        story.broker.unwrap(reference, [(one, second), (two, first)])


def test_a_reference_ends_with_its_act_its_day_and_its_permit(story: Story) -> None:
    intent = story.ingest()
    (reference,) = story.ask(intent, f"{PERSON}/write")
    story.clock.advance(hours=24)
    assert story.broker.wrap(reference, [(context(PERSON), KEY)])
    story.clock.advance(seconds=1)
    with pytest.raises(Refused, match="grant-old"):
        story.broker.wrap(reference, [(context(PERSON), KEY)])
    intent = story.ingest()
    (reference,) = story.ask(intent, f"{PERSON}/write", secrets=["identity"])
    story.log("ingest", basis="operation:ingest", phase="effect", of=intent)
    with pytest.raises(Refused, match="grant-closed"):
        story.broker.wrap(reference, [(context(PERSON), KEY)])
    with pytest.raises(Refused, match="grant-closed"):
        story.broker.secrets(reference, ["identity"])


def test_a_reference_does_not_outlive_the_permits_last_day(story: Story) -> None:
    story.clock.instant = story.clock.instant.replace(month=12, day=31, hour=23)
    (reference,) = story.ask(story.permit(), f"{PROJECT}/person/main/write")
    assert story.broker.wrap(reference, [(context(f"{PROJECT}/person/main"), KEY)])
    story.clock.advance(hours=2)
    with pytest.raises(Refused, match="permit-expired"):
        story.broker.wrap(reference, [(context(f"{PROJECT}/person/main"), KEY)])


def test_secrets_are_made_by_a_writer_kept_and_given_within_the_grant(story: Story) -> None:
    intent = story.ingest()
    (reader,) = story.ask(intent, "warehouse/manifest/main/read", secrets=["identity"])
    with pytest.raises(Missing, match="key-missing"):
        story.broker.secrets(reader, ["identity"])
    (writer,) = story.ask(intent, f"{PERSON}/write", secrets=["identity", "warehouse/shard"])
    identity, shard = story.broker.secrets(writer, ["identity", "warehouse/shard"])
    assert identity != shard
    assert story.broker.secrets(reader, ["identity"]) == [identity]
    with pytest.raises(Refused, match="grant-secret"):
        story.broker.secrets(reader, ["identity", "warehouse/shard"])


def test_a_table_key_is_made_once_and_saved(story: Story) -> None:
    (reference,) = story.ask(story.ingest(), f"{PERSON}/write")
    before = len(story.saved)
    story.broker.wrap(reference, [(context(PERSON, part=part), KEY) for part in "abc"])
    story.broker.wrap(reference, [(context(PERSON, part="d"), KEY)])
    assert len(story.saved) == before + 1


def test_a_ledger_that_lost_leaves_is_not_believed(story: Story, sealed: tuple[int, bytes]) -> None:
    intent, blob = sealed
    (reference,) = story.ask(intent, f"{CORRESPONDENCE}/read")
    del story.ledger.held[-1]
    with pytest.raises(NotTrusted, match="ledger-shrunk"):
        story.broker.unwrap(reference, [(context(CORRESPONDENCE), blob)])


def test_a_broker_that_forgot_gives_nothing(story: Story, sealed: tuple[int, bytes]) -> None:
    intent, blob = sealed
    (reference,) = story.ask(intent, f"{CORRESPONDENCE}/read")
    story.broker.forget()
    with pytest.raises(Refused, match="grant-spent"):
        story.broker.unwrap(reference, [(context(CORRESPONDENCE), blob)])


def test_the_vault_key_signs_hashes_and_nothing_else(story: Story) -> None:
    public = make_signing_keys(story.keys)["vault"]
    over = content_id({"a": 1})
    sig = story.broker.sign("vault", over)
    verify(Signature(alg="ed25519", actor="vault", over=over, sig=sig), public=public, alg="ed25519", over=over)
    for text in ("", "sha256:", over.upper(), over + "\n", body(ORIGIN, 1, bytes(32))):
        with pytest.raises(Refused, match="sign-form"):
            story.broker.sign("vault", text)
    with pytest.raises(Refused, match="sign-purpose"):
        story.broker.sign("alice", over)


def test_the_ledger_key_signs_checkpoints_of_its_own_log_that_only_grow(story: Story) -> None:
    public = make_signing_keys(story.keys)["ledger"]
    for size in (0, 3, 3, 8):
        text = body(ORIGIN, size, bytes(32))
        verify_text(text, story.broker.sign("ledger", text), public=public, actor=ORIGIN)
    assert story.broker.sign("ledger", body(ORIGIN, 7, bytes(32))), "who died before the eighth leaf was published"
    story.published = 8
    assert story.broker.sign("ledger", body(ORIGIN, 9, bytes(32)))
    story.published = 5  # put back: what was seen stays seen
    with pytest.raises(Refused, match="sign-smaller"):
        story.broker.sign("ledger", body(ORIGIN, 7, bytes(32)))
    root = base64.b64encode(bytes(32)).decode()
    for text in (
        body("another", 9, bytes(32)),
        "",
        f"{ORIGIN}\n09\n{root}\n",
        f"{ORIGIN}\n9\n{root}\nx\n",
        f"{ORIGIN}\n9\n{root}",
    ):
        with pytest.raises(Refused, match="sign-form"):
            story.broker.sign("ledger", text)
