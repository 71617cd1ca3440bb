# SPDX-License-Identifier: Apache-2.0
"""The auditor's rules on cut-overs: a true history passes, and each thing that is changed in it is named."""

import base64
import datetime
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.audit.book import Book, open_book
from rempart.audit.leaf_columns import read_columns
from rempart.audit.rules_moves import commit_active, cutover_officers
from rempart.journeys.chain import active_host
from rempart.records.canonical import sha256_id
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.signature import sign
from rempart.records.trust import TrustEntry, TrustFile
from rempart.wiring.audit import project_states
from rempart.wiring.policy import policy_form

OFFICERS = {
    name: Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()) for name in ("a", "b", "c")
}
BODY = {
    "schema": "rempart.cutover/1",
    "move": "M-1",
    "from": "old",
    "to": "new",
    "inventory": "sha256:1",
    "objects": 2,
    "bytes": 3,
}


def trust() -> TrustFile:
    """Two officers, a and b; c is a checker."""
    entries = tuple(
        TrustEntry(
            actor=name, roles=("checker",) if name == "c" else ("officer",), alg="ed25519", salt="00" * 16,
            public=base64.b64encode(key.public_key().public_bytes_raw()).decode(),
            valid_from=datetime.date(2026, 1, 1), valid_to=datetime.date(2029, 1, 1),
        )
        for name, key in OFFICERS.items()
    )  # fmt: skip
    return TrustFile(version=1, previous="", entries=entries, signatures=())


def leaf(kind: str, phase: Any, of: int | None, *objects: str) -> bytes:
    """A leaf of 2026."""
    return LedgerEvent(
        kind=kind, event_class="act", phase=phase, of=of, actor="salted:x", basis=f"operation:{kind}", objects=objects,
        time="2026-11-21T10:00:00+00:00", salt="00" * 16,
    ).leaf()  # fmt: skip


def cut(
    body: dict[str, Any], documents: dict[str, bytes], *, signers: str = "ab", facts: dict[str, str] | None = None
) -> list[str]:
    """Facts of a cut-over, its document put among the others."""
    over = SignedDocument(body=body, signatures=()).over
    signed = SignedDocument(body=body, signatures=tuple(sign(OFFICERS[n], actor=n, over=over) for n in signers))
    documents[sha256_id(signed.data)] = signed.data
    told = {name: str(value) for name, value in body.items() if name != "schema"} | {"document": sha256_id(signed.data)}
    return [f"{name}:{value}" for name, value in (told | (facts or {})).items()]


def history(
    *,
    signers: str = "ab",
    facts: dict[str, str] | None = None,
    first: str = "old",
    last: str = "new",
    back: bool = False,
) -> Book:
    """A commit on ``first``, a cut-over from old to new, a commit on ``last``. ``back``: then home again, and the first cut-over named
    once more, with what was signed for it."""
    documents: dict[str, bytes] = {}
    objects = cut(BODY, documents, signers=signers, facts=facts or {})
    home = cut(BODY | {"move": "M-2", "from": "new", "to": "old"}, documents)
    leaves = [
        leaf("commit", "effect", 0, f"host:{first}", "space:warehouse"),
        leaf("cutover", "intent", None, *objects),
        leaf("cutover", "effect", 1, *objects),
        leaf("commit", "effect", 0, f"host:{last}", "space:warehouse"),
    ]
    for again in (home, objects) if back else ():
        leaves += [leaf("cutover", "intent", None, *again), leaf("cutover", "effect", len(leaves), *again)]
    return open_book(
        read_columns(leaves), now=None, trusts=[trust()], trust_first=trust().id, layouts={},
        contents={}, fetch=lambda name: documents[name],
        check_manifest=None, settings={}, projects=project_states(), policy_form=policy_form(),
    )  # fmt: skip


def test_a_true_cut_over_passes() -> None:
    book = history()
    assert list(cutover_officers(book)) == []
    assert list(commit_active(book)) == []
    assert book.counts["cutovers"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda: history(signers="a"),
        lambda: history(signers="aa"),
        lambda: history(signers="ac"),
        lambda: history(signers=""),
        lambda: history(facts={"to": "elsewhere"}),
        lambda: history(facts={"from": "elsewhere"}),
        lambda: history(facts={"inventory": "sha256:2"}),
        lambda: history(facts={"objects": "1"}),
        lambda: history(facts={"move": "M-2"}),
    ],
)
def test_a_cut_over_that_two_officers_did_not_sign_as_it_is_told_is_named(change: Callable[[], Book]) -> None:
    assert [index for index, _ in cutover_officers(change())] == [2]


def test_a_commit_on_the_host_left_behind_is_named() -> None:
    assert [index for index, _ in commit_active(history(last="old"))] == [3]
    assert list(commit_active(history(first="new"))) == [], "before the first cut-over any name may stand"


def test_a_cut_over_that_is_named_again_after_the_way_home_moves_nothing_and_is_named() -> None:
    book = history(back=True)
    assert [index for index, _ in cutover_officers(book)] == [7]
    leaves = [book.events[index].leaf() for index in sorted(book.events)]
    assert [active_host(leaves[:end]) for end in (3, 6, 8)] == ["new", "old", "old"]
