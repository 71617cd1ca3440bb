# SPDX-License-Identifier: Apache-2.0
"""What the ledger costs: an append against hashing the same events, proofs in a log of ten million leaves, an audit against bare hashes."""

import atexit
import hashlib
import random
import tempfile
from pathlib import Path
from typing import Any

import rfc8785

from bench.registry import Work, bench
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.audit.tree import Tree, leaf_hash, node_hash, verify_consistency, verify_inclusion
from rempart.audit.verify import verify_log
from rempart.records.event import LedgerEvent
from rempart.records.signature import sign_text
from rempart.wiring.audit import project_states
from rempart.wiring.policy import policy_form
from tests.properties.ledger_story import (
    CONTENTS,
    LAYOUTS,
    LEDGER,
    ORIGIN,
    PERMIT,
    PUBLIC,
    RULES,
    Story,
    note,
    true_story,
)

BATCH, SMALL, LARGE, AUDITED, ASKED = 1_000, 10_000, 10_000_000, 20_000, 300


def story_of(leaves: int) -> Story:
    """A true history with so many leaves."""
    story = true_story()
    while len(story.events) < leaves:
        story.act("hash", "operation:hash", ["space:warehouse"])
        story.act("study-plan", PERMIT, ["space:project:glitazones"])
        story.act("refusal", "operation:refusal", ["error:refused/permit-expired"])
    return story


def as_json(event: LedgerEvent) -> dict[str, object]:
    """What a leaf says."""
    told = {
        "actor": event.actor,
        "basis": event.basis,
        "kind": event.kind,
        "objects": list(event.objects),
        "of": event.of,
    }
    return {
        **told,
        "class": event.event_class,
        "phase": event.phase,
        "salt": event.salt,
        "schema": "rempart.event/1",
        "time": event.time,
    }


@bench(
    "way-ledger-append",
    peer="rfc8785 and hashlib",
    bound=5.0,
    note="1,000 events appended at once to the ledger's folder (canonical JSON, tree, tiles, one signature, the disk waited for), "
    "against RFC 8785 JSON and SHA-256 of the same events, kept nowhere",
)
def ledger_append() -> tuple[Work, Work]:
    """Each run of ours appends to the log of the run before."""
    events = story_of(BATCH).events[:BATCH]
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    sign = lambda text: sign_text(LEDGER, text)  # noqa: E731
    ledger = DirectoryLedger(Path(folder.name) / "ledger", origin=ORIGIN, public=PUBLIC, sign=sign)

    def ours() -> None:
        ledger.append(ledger.size(), [event.leaf() for event in events])

    def peer() -> None:
        for event in events:
            hashlib.sha256(rfc8785.dumps(as_json(event))).digest()

    return ours, peer


@bench(
    "way-ledger-proofs",
    peer="the same in a log of 10,000 leaves",
    bound=2.0,
    note="600 proofs made and verified in a log of 10,000,000 leaves, against a log of 10,000: a logarithm makes 1.75, a scan 1,000",
)
def ledger_proofs() -> tuple[Work, Work]:
    """300 inclusions and 300 consistencies at places drawn once."""
    return proofs_in(LARGE), proofs_in(SMALL)


def proofs_in(leaves: int) -> Work:
    """Make and verify proofs in a tree of so many leaves; raises ValueError where one is longer than the logarithm."""
    tree = Tree()
    for number in range(leaves):
        tree.append_hash(number.to_bytes(32, "big"))
    root, drawn = tree.root(), random.Random(7)
    places = [drawn.randrange(1, leaves) for _ in range(ASKED)]

    def work() -> None:
        for place in places:
            path = tree.inclusion(place, leaves)
            verify_inclusion(leaf=tree.hash_at(place), index=place, size=leaves, proof=path, root=root)
            grown = tree.consistency(place, leaves)
            verify_consistency(first=place, second=leaves, proof=grown, old=tree.root(place), new=root)
            if max(len(path), len(grown)) > leaves.bit_length() + 1:
                raise ValueError("a proof is longer than the logarithm")

    return work


@bench(
    "way-ledger-verify",
    peer="hashlib over the same tree",
    bound=3.0,
    runs=5,
    note="the whole audit of 20,000 leaves (form of each, root, every rule), against the hashes of leaves and nodes alone in a plain loop",
)
def ledger_verify() -> tuple[Work, Work]:
    """The same leaves; the peer's root is the one that ours proves."""
    story = story_of(AUDITED)
    leaves = story.leaves
    given: dict[str, Any] = {
        "leaves": leaves,
        "checkpoint": note(leaves),
        "origin": ORIGIN,
        "ledger_public": PUBLIC,
        "since": None,
        "trust_versions": story.trusts,
        "trust_first": story.trusts[0].id,
        "document": story.fetch,
        "rules": RULES,
        "tables": {
            "layouts": LAYOUTS,
            "projects": project_states(),
            "policy_form": policy_form(),
            "contents": CONTENTS,
        },
        "hashes": [leaf_hash(leaf) for leaf in leaves],
        "now": story.now,
    }

    def ours() -> None:
        if not verify_log(**given).ok:
            raise ValueError("the story is not sound")

    def peer() -> None:
        level = [leaf_hash(leaf) for leaf in leaves]
        while len(level) > 1:
            odd = level[-1:] if len(level) % 2 else []
            level = [node_hash(*pair) for pair in zip(level[::2], level[1::2], strict=False)] + odd

    return ours, peer
