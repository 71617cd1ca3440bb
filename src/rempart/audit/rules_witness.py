# SPDX-License-Identifier: Apache-2.0
"""Did what cannot be taken back wait for the witnesses that the house's policy asked for, and did recoveries take back the same log?"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from rempart.audit.book import Book
from rempart.audit.checkpoint import unproven
from rempart.audit.findings import Bad
from rempart.audit.rules_policy import policy_at
from rempart.audit.witness_policy import parse_policy, satisfied
from rempart.errors import NotTrusted, RempartError
from rempart.records.event import LedgerEvent
from rempart.records.policy import KIND, Policy
from rempart.records.recovery import KIND as RECOVERY
from rempart.records.recovery import OFFICERS, SCHEMA, recovery_from_body

FACT = "witnessed"
_ACTS = ("release", "cutover", "erasure")
_LETS_GO = frozenset({"submission", "vote", "decision", "clearance"})


def acts_witnessed(book: Book) -> Iterator[Bad]:
    """An act that the policy in force names carries a checkpoint of this very log, cosigned by its quorum, over what let the act go on."""
    if next(book.of_kind(KIND, "effect"), None) is None:
        return
    for what in _ACTS:
        for index, intent, _, effect in book.done(what):
            policy = policy_at(book, index)
            if what not in policy.names("ledger.before"):
                continue
            book.counts["witnessed"] += 1
            try:
                _prove(book, policy, effect, covering=_covering(book, index, intent))
            except RempartError as error:
                yield index, {"what": what, "code": error.code}


def _covering(book: Book, index: int, intent: LedgerEvent) -> int:
    """The leaf that the checkpoint must hold: the intent; of a release, which asks before it, the last act by which it may leave."""
    if intent.kind != "release":
        return index
    release = intent.fact("release")
    acts = [
        end
        for kind in _LETS_GO
        for begun, event, end, _ in book.done(kind)
        if begun < index and event.fact("release") == release
    ]
    return max(acts, default=index)


def _prove(book: Book, policy: Policy, effect: LedgerEvent, *, covering: int) -> None:
    document = effect.fact(FACT)
    if document is None:
        raise NotTrusted("checkpoint-unwitnessed", origin="-")
    try:
        note = book.fetch(document).decode()
    except UnicodeDecodeError as error:
        raise NotTrusted("checkpoint-form") from error
    seen = unproven(note)
    if not satisfied(parse_policy(policy.text("ledger.witnesses")), note):
        raise NotTrusted("witness-quorum", quorum="-", seen="-")
    if not covering < seen.size <= len(book.events) + len(book.purged) or book.root_at(seen.size) != seen.root:
        raise NotTrusted("consistency-proof", first=seen.size, second=len(book.events))


def recovery_extends(book: Book) -> Iterator[Bad]:
    """A recovery is a document of two officers over a checkpoint of this very log that reaches beyond what there was."""
    for index, event, _, _ in book.done(RECOVERY):
        book.counts["recoveries"] += 1
        try:
            signed = book.document(event, "document", SCHEMA)
            people = {entry.actor for entry in book.signers(index, signed, "officer")}
            told = recovery_from_body(dict(signed.body))
            seen = unproven(told.witnessed)
            if len(people) < OFFICERS or not told.had < seen.size <= told.got <= index:
                raise NotTrusted("document-form", expected=SCHEMA)
            if book.root_at(seen.size) != seen.root:
                raise NotTrusted("consistency-proof", first=seen.size, second=index)
        except RempartError as error:
            yield index, {"code": error.code}


RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = MappingProxyType(
    {"acts-witnessed": acts_witnessed, "recovery-extends": recovery_extends}
)
