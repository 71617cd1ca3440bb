# SPDX-License-Identifier: Apache-2.0
"""Which node is given keys. Each attack is refused, leaves a trace that names the rule and the node, and succeeds as soon as the
one check that stands before it is taken out."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from rempart.errors import Missing, NotTrusted, Refused, RempartError
from rempart.keys import broker as keeper
from rempart.keys import node as node_keys
from rempart.keys import node_register
from rempart.keys.intents import Proofs
from rempart.keys.node import NodeKey
from rempart.keys.node_register import DeclaredNode
from rempart.ports.broker import GrantRequest
from rempart.records.descriptor import NODE
from rempart.records.document import SignedDocument
from rempart.wiring.nodes import node_guard
from tests.properties.keys_story import START, AtNode, Story, context

Patch = pytest.MonkeyPatch
PERSON = "warehouse/correspondence/main"
USES = (("warehouse", "correspondence", "main", "write"), ("warehouse", "correspondence", "main", "read"))


@pytest.fixture
def story() -> Story:
    return Story()


def ask(story: Story) -> str:
    """A reference for an ingest."""
    (reference,) = story.ask(story.ingest(), f"{PERSON}/write", f"{PERSON}/read", secrets=["identity"])
    return reference


def told(story: Story) -> list[tuple[str, ...]]:
    """Rule and node of every refusal in the ledger."""
    return [leaf.objects[:2] for leaf in story.events("refusal") if leaf.phase == "intent"]


def revoke(story: Story, *officers: str, name: str = "local") -> str:
    """Log the revocation of a node; its document."""
    events = [node_register.LedgerEvent.from_leaf(leaf) for leaf in story.ledger.held]
    document = story.signed(node_register.revocation_body(events, name, now=story.clock.now()), *officers)
    facts = story.proof_facts(document, node_register.REVOCATION)
    story.log("node", basis="operation:node", objects=[f"name:{name}", f"revocation:{document}", *facts])
    return document


def copied(story: Story, document: str) -> None:
    """Name a copy of a descriptor that bears the same two signatures in another order: another document, the same word."""
    held = SignedDocument.from_bytes(story.documents.get(document), schema=NODE)
    copy = story.documents.put(replace(held, signatures=held.signatures[::-1]).data)
    assert copy != document
    facts = story.proof_facts(copy, NODE)
    story.log("node", basis="operation:node", objects=["name:local", f"descriptor:{copy}", *facts])


def nobody_signed(story: Story) -> None:
    story.declare()


def one_signed(story: Story) -> None:
    story.declare("olga")


def one_signed_twice(story: Story) -> None:
    story.declare("olga", "olga")


def one_officer_and_another_role(story: Story) -> None:
    story.declare("olga", "carl")


def a_revoked_officer_signed(story: Story) -> None:
    story.trust = story.changed("omar", revoked=START - datetime.timedelta(hours=1))
    story.declare("olga", "omar")


def an_officer_too_old_signed(story: Story) -> None:
    story.trust = story.changed("omar", valid_to=START.date() - datetime.timedelta(days=1))
    story.declare("olga", "omar")


def of_yesterday(story: Story) -> None:
    story.declare("olga", "omar", until=(START.date() - datetime.timedelta(days=1)).isoformat())


def of_the_other_side_of_an_ocean(story: Story) -> None:
    story.node_allowed = node_guard()
    story.declare("olga", "omar", country="US")


def revoked(story: Story) -> None:
    story.declare("olga", "omar")
    revoke(story, "olga")


def revoked_then_named_again(story: Story) -> None:
    document = story.declare("olga", "omar")
    revoke(story, "olga")
    story.log("node", basis="operation:node", objects=["name:local", f"descriptor:{document}"])


def put_back(story: Story) -> None:
    """An older descriptor that holds longer is named once more, after one that is over."""
    older = story.declare("olga", "omar", until="2035-12-31")
    of_yesterday(story)
    story.log("node", basis="operation:node", objects=["name:local", f"descriptor:{older}"])


def revoked_then_copied(story: Story) -> None:
    document = story.declare("olga", "omar")
    revoke(story, "olga")
    copied(story, document)


def put_back_as_a_copy(story: Story) -> None:
    older = story.declare("olga", "omar", until="2035-12-31")
    of_yesterday(story)
    copied(story, older)


def revoked_and_the_revocation_taken_away(story: Story) -> None:
    document = story.declare("olga", "omar")
    del story.documents.held[revoke(story, "olga")]
    copied(story, document)


def revoked_and_the_revocation_altered(story: Story) -> None:
    story.declare("olga", "omar")
    document = revoke(story, "olga")
    del story.documents.held[document]

    def altered(name: str, get: Callable[[str], bytes] = story.documents.get) -> bytes:
        if name == document:
            raise NotTrusted("document-altered", document=name)
        return get(name)

    story.documents.get = altered  # type: ignore[method-assign]


def declared_by_a_later_init(story: Story) -> None:
    document = story.declare("olga")
    story.ledger.held.pop()
    story.log("init", basis="operation:init", objects=[f"trust:{story.trust.id}", f"node:{document}"])


def no_officers(patch: Patch) -> None:
    patch.setattr(node_register, "_officers", lambda *_: 2)


def no_days(patch: Patch) -> None:
    patch.setattr(DeclaredNode, "check_valid_on", lambda *_: None)


def no_revocations(patch: Patch) -> None:
    patch.setattr(node_register, "_revoked", lambda *_: frozenset())


def any_order(patch: Patch) -> None:
    """Descriptors in the order in which leaves name them last."""
    patch.setattr(node_register, "_named_before", lambda *_: False)


def any_init(patch: Patch) -> None:
    """An ``init`` anywhere may declare, by one officer."""

    def leaves(events: list[node_register.LedgerEvent], name: str) -> list[tuple[int, str]]:
        return [(0, e.fact("node") or "") for e in events if e.fact("node")]

    patch.setattr(node_register, "_leaves", leaves)


def no_guard(patch: Patch) -> None:
    patch.setattr("rempart.wiring.nodes.check_compute", lambda *_: None)


@dataclass(frozen=True, slots=True)
class Attack:
    """How it is done, what refuses it, and what takes that out. ``fresh``: no sound declaration stands before it."""

    do: Callable[[Story], None]
    code: str
    without: Callable[[Patch], None]
    fresh: bool = True


ATTACKS = [
    Attack(nobody_signed, "node-unsigned", no_officers),
    Attack(one_signed, "node-unsigned", no_officers),
    Attack(one_signed_twice, "node-unsigned", no_officers),
    Attack(one_officer_and_another_role, "node-unsigned", no_officers),
    Attack(a_revoked_officer_signed, "node-unsigned", no_officers),
    Attack(an_officer_too_old_signed, "node-unsigned", no_officers),
    Attack(of_yesterday, "node-expired", no_days),
    Attack(of_the_other_side_of_an_ocean, "compute-outside-eea", no_guard),
    Attack(revoked, "node-revoked", no_revocations),
    Attack(revoked_then_named_again, "node-revoked", no_revocations),
    Attack(put_back, "node-expired", any_order),
    Attack(revoked_then_copied, "node-revoked", no_revocations),
    Attack(put_back_as_a_copy, "node-expired", any_order),
    Attack(revoked_and_the_revocation_taken_away, "node-revoked", no_revocations),
    Attack(revoked_and_the_revocation_altered, "node-revoked", no_revocations),
    Attack(declared_by_a_later_init, "node-unknown", any_init),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.do.__name__)
def test_a_node_that_does_not_qualify_is_given_nothing_and_that_is_logged(
    story: Story, attack: Attack, monkeypatch: Patch
) -> None:
    story.ledger.held[1:] = []  # nothing but init: no node
    attack.do(story)
    with pytest.raises(Refused) as caught:
        ask(story)
    assert caught.value.code == attack.code
    assert told(story) == [(f"error:refused/{attack.code}", "node:local")]
    attack.without(monkeypatch)
    again = Story()
    again.ledger.held[1:] = []
    attack.do(again)
    assert ask(again), "the check that was taken out is not the one that refused"


def test_a_forged_declaration_does_not_take_the_place_of_a_sound_one(story: Story) -> None:
    for attack in (nobody_signed, one_signed, one_signed_twice):
        attack(story)
    story.log("node", basis="operation:node", objects=["name:local", "descriptor:sha256:" + "0" * 64])
    assert ask(story)


def test_an_older_declaration_does_not_count_again_because_the_newest_was_taken_away(story: Story) -> None:
    story.declare("olga", "omar", until="2035-12-31")
    del story.documents.held[story.declare("olga", "omar", until="2026-05-31")]
    with pytest.raises(Missing, match="document-missing"):
        ask(story)


def test_a_revoked_node_stays_so_when_all_its_documents_are_taken_away_but_a_copy(story: Story) -> None:
    story.ledger.held[1:] = []
    document = story.declare("olga", "omar")
    revocation = revoke(story, "olga")
    copied(story, document)
    del story.documents.held[revocation], story.documents.held[document]
    with pytest.raises(Refused, match="node-revoked"):
        ask(story)


def test_a_revocation_that_is_not_there_and_that_its_leaf_does_not_prove_revokes_nothing(story: Story) -> None:
    story.log("node", basis="operation:node", objects=["name:local", "revocation:sha256:" + "0" * 64, "body:x"])
    del story.documents.held[revoke(story, "carl")]
    assert ask(story)


def test_a_revocation_that_nobody_signed_revokes_nothing(story: Story) -> None:
    revoke(story)
    revoke(story, "carl")
    assert ask(story)


def test_a_revocation_needs_as_many_officers_as_the_trust_file_asks_for(story: Story) -> None:
    story.trust = replace(story.trust, quorum=2)
    story.ledger.held.clear()
    story.log("init", basis="operation:init", objects=[f"trust:{story.trust.id}"])
    story.declare("olga", "omar")
    revoke(story, "olga")
    assert ask(story)
    revoke(story, "olga", "omar")
    with pytest.raises(Refused, match="node-revoked"):
        ask(story)


def test_a_node_declared_anew_after_a_revocation_is_given_keys(story: Story) -> None:
    revoked(story)
    story.node = NodeKey.fresh("local", story.randomness)
    story.declare("olga", "omar")
    assert AtNode(story.broker.keeper, story.node, story).grant(GrantRequest(intent=story.ingest(), tables=USES))


def test_one_officer_is_enough_at_init_and_for_ninety_days_only() -> None:
    story = Story()
    document = story.declare("olga")
    story.ledger.held.clear()
    story.log("init", basis="operation:init", objects=[f"trust:{story.trust.id}", f"node:{document}"])
    story.clock.advance(days=90)
    assert ask(story)
    story.clock.advance(days=1)
    with pytest.raises(Refused, match="node-expired"):
        ask(story)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_reference_ends_with_its_node(story: Story, end: str) -> None:
    story.declare("olga", "omar", until=START.date().isoformat())
    reference = ask(story)
    story.broker.secrets(reference, ["identity"])
    if end == "revoked":
        revoke(story, "olga")
    else:
        story.clock.advance(hours=16)
    with pytest.raises(Refused, match=f"node-{end}"):
        story.broker.secrets(reference, ["identity"])


def test_an_answer_to_one_node_is_none_to_another(story: Story) -> None:
    other = NodeKey.fresh("other", story.randomness)
    story.declare("olga", "omar", node=other)
    reference = ask(story)
    sealed = story.broker.keeper.secrets(reference, ["identity"])
    question = node_keys.secrets_question(reference, ["identity"])
    for thief in (other, replace(other, name="local"), replace(story.node, name="other")):
        with pytest.raises(NotTrusted, match="node-answer"):
            thief.open(sealed, question, 1)
    assert len(story.node.open(sealed, question, 1)) == 1


def test_an_answer_to_one_question_is_none_to_another(story: Story) -> None:
    reference = ask(story)
    items = [(context(PERSON, part=part), bytes(32)) for part in ("a", "b")]
    wrapped = [(c, w) for (c, _), w in zip(items, story.broker.wrap(reference, items), strict=True)]
    sealed = story.broker.keeper.unwrap(reference, wrapped)
    for asked in (wrapped[::-1], wrapped[:1], [(wrapped[0][0], wrapped[1][1]), wrapped[1]]):
        with pytest.raises(NotTrusted, match="node-answer"):
            story.node.open(sealed, node_keys.unwrap_question(reference, asked), 2)
    with pytest.raises(NotTrusted, match="node-answer"):
        story.node.open(sealed, node_keys.unwrap_question("0" * 64, wrapped), 2)
    assert story.node.open(sealed, node_keys.unwrap_question(reference, wrapped), 2) == [bytes(32)] * 2


def proven(story: Story, request: GrantRequest, *, node: NodeKey | None = None, uses: int = 1) -> node_keys.NodeProof:
    return (node or story.node).prove(request, uses, clock=story.clock, randomness=story.randomness)


def another_nodes_key(story: Story, request: GrantRequest) -> node_keys.NodeProof:
    return replace(proven(story, request, node=NodeKey.fresh("other", story.randomness)), node="local")


def for_another_request(story: Story, request: GrantRequest) -> node_keys.NodeProof:
    return proven(story, replace(request, tables=USES[:1]))


def for_more_uses(story: Story, request: GrantRequest) -> node_keys.NodeProof:
    return proven(story, request, uses=2)


def made_an_hour_ago(story: Story, request: GrantRequest) -> node_keys.NodeProof:
    made = proven(story, request)
    story.clock.advance(hours=1)
    return made


def without_an_instant(story: Story, request: GrantRequest) -> node_keys.NodeProof:
    return replace(proven(story, request), time="2026-06-01T09:00:00")


def shown_before(story: Story, request: GrantRequest) -> node_keys.NodeProof:
    made = proven(story, request)
    story.broker.keeper.grant(request, uses=1, proof=made)
    return made


PROOFS: list[tuple[Callable[[Story, GrantRequest], node_keys.NodeProof], type[RempartError], str, bool]] = [
    (another_nodes_key, NotTrusted, "signature", True),
    (for_another_request, NotTrusted, "signature", True),
    (for_more_uses, NotTrusted, "signature", True),
    (made_an_hour_ago, Refused, "node-proof-old", False),
    (without_an_instant, Refused, "node-proof-old", False),
    (shown_before, Refused, "node-replayed", False),
]


@pytest.mark.parametrize(
    ("attack", "family", "code", "by_signature"), PROOFS, ids=lambda item: getattr(item, "__name__", None)
)
def test_a_proof_that_proves_nothing_opens_nothing(
    story: Story,
    monkeypatch: Patch,
    attack: Callable[[Story, GrantRequest], node_keys.NodeProof],
    family: type[RempartError],
    code: str,
    by_signature: bool,
) -> None:
    request = GrantRequest(intent=story.ingest(), tables=USES)
    with pytest.raises(family) as caught:
        story.broker.keeper.grant(request, uses=1, proof=attack(story, request))
    assert caught.value.code == code
    if by_signature or code == "node-proof-old":
        monkeypatch.setattr(keeper, "check_proof", lambda *_: None)
    if not by_signature:
        monkeypatch.setattr(node_keys.Nonces, "check", lambda *_: ("", START))
    assert story.broker.keeper.grant(request, uses=1, proof=attack(story, request))


def test_a_false_proof_fills_no_memory(story: Story) -> None:
    request = GrantRequest(intent=story.ingest(), tables=USES)
    for _ in range(3):
        with pytest.raises(NotTrusted, match="signature"):
            story.broker.keeper.grant(request, uses=1, proof=another_nodes_key(story, request))
    assert story.broker.keeper._nonces._used == {}


def own_time(proofs: Proofs, index: int) -> datetime.datetime:
    """What a leaf itself says, whatever it follows."""
    return datetime.datetime.fromisoformat(proofs.events[index].time)


def test_an_officer_whose_key_has_ended_gains_nothing_by_an_old_date(story: Story, monkeypatch: Patch) -> None:
    """The leaf claims a day on which the key was valid; the ledger holds it after leaves of today."""
    story.trust = story.changed("omar", valid_to=START.date() - datetime.timedelta(days=1))
    story.ledger.held[:] = []
    story.log("init", basis="operation:init", objects=[f"trust:{story.trust.id}"])
    story.clock.instant = START - datetime.timedelta(days=3)
    story.declare("olga", "omar")
    story.clock.instant = START
    with pytest.raises(Refused, match="node-unsigned"):
        ask(story)
    monkeypatch.setattr(Proofs, "_not_before", own_time)
    assert ask(story), "the check that was taken out is not the one that refused"


def test_a_date_to_come_in_one_leaf_ends_no_officers_key_before_its_time(story: Story) -> None:
    story.ledger.held[1:] = []
    story.clock.instant = START + datetime.timedelta(days=3650)
    story.log("hash", basis="operation:hash", objects=["space:warehouse"])
    story.clock.instant = START
    story.declare("olga", "omar")
    assert ask(story)


def test_a_revoked_officer_gains_nothing_by_an_old_date(story: Story, monkeypatch: Patch) -> None:
    """The leaf claims to be older than the revocation; the ledger holds it after the trust file that revokes."""
    before, instant = story.trust, story.clock.now()
    newer = replace(story.changed("omar", revoked=instant), version=2, previous=before.id, made=instant)
    story.name_trust(newer, "olga")
    story.past, story.trust = [before], newer
    story.clock.instant = instant - datetime.timedelta(hours=2)
    story.declare("olga", "omar", until="2034-12-31", node=NodeKey.fresh("late", story.randomness))
    story.clock.instant = instant
    proofs = Proofs(
        events=story.broker.keeper._book.read(), documents=story.documents, versions=(before, newer), now=instant
    )
    monkeypatch.setattr(Proofs, "_not_before", own_time)
    with pytest.raises(Refused, match="node-unsigned"):
        node_register.declared_node(proofs, "late")
    early = replace(proofs, events=[e for e in proofs.events if e.kind != "person"])
    assert node_register.declared_node(early, "late").node.declaration.name == "late"
