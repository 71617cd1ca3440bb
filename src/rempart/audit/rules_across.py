# SPDX-License-Identifier: Apache-2.0
"""Does the register of released sets follow from entry to entry, and was every submission held against it, and altered where data moved?"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from rempart.audit.book import Book
from rempart.audit.findings import Bad
from rempart.audit.rules_policy import policy_at
from rempart.audit.rules_releases import FILES_SUBMISSION, SUBMISSION, form_of
from rempart.errors import RempartError
from rempart.records.event import LedgerEvent
from rempart.records.moved import NONE, let_by, option_of

KIND = "fingerprint"


def register_chain(book: Book) -> Iterator[Bad]:
    """Every entry names the one before it, in ledger order; its document and its sets are there. What they hold is sealed."""
    last = ""
    for index, event in book.of_kind(KIND, "effect"):
        entry = event.fact("register")
        if entry is None:
            continue
        book.counts["register-entries"] += 1
        there = all(_there(book, name) for name in (entry, event.fact("sets") or ""))
        if (event.fact("before") or "") != last or not there:
            yield index, {}
        last = entry


def _there(book: Book, document: str) -> bool:
    try:
        return bool(book.fetch(document))
    except RempartError:
        return False


def submission_compared(book: Book) -> Iterator[Bad]:
    """A submission after the first entry names one that was made before it, of the same run's result under the same permit. Files of a
    researcher's own code have none."""
    entries = {
        effect.fact("register"): (end, intent.basis, intent.fact("result"))
        for _, intent, end, effect in book.done(KIND)
        if effect.fact("register") is not None
    }
    first = min((end for end, _, _ in entries.values()), default=None)
    for index, event, _, _ in book.done("submission"):
        if first is None or index < first or form_of(book, event, SUBMISSION, FILES_SUBMISSION) == FILES_SUBMISSION:
            continue
        end, basis, result = entries.get(event.fact("register"), (index, "", None))
        if end >= index or (basis, result) != (event.basis, event.fact("result")):
            yield index, {"release": event.fact("release") or "?"}


def submission_moved(book: Book) -> Iterator[Bad]:
    """A submission of other data than its permit showed before takes on what the policy then in force asks for."""
    heads = {effect.fact("result"): intent.fact("head") or "" for _, intent, _, effect in book.done("study")}
    shown = [
        (end, told.basis, told.fact("head")) for _, told, end, effect in book.done(KIND) if effect.fact("register")
    ]
    for index, event, _, _ in book.done("submission"):
        head = heads.get(event.fact("result"), "")
        if not any(end < index and basis == event.basis and (old or head) != head for end, basis, old in shown):
            continue
        if form_of(book, event, SUBMISSION, FILES_SUBMISSION) == FILES_SUBMISSION:
            continue
        book.counts["submissions-moved"] += 1
        option = _option(book, event)
        if not let_by(option, policy_at(book, index).text("disclosure.snapshot_moved")):
            yield index, {"release": event.fact("release") or "?", "option": option}


def _option(book: Book, event: LedgerEvent) -> str:
    """How the counts of a submission are altered; 'none' where its document proves nothing."""
    try:
        return option_of(book.document(event, "document", SUBMISSION).body)
    except RempartError:
        return NONE


RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = MappingProxyType(
    {
        "register-chain": register_chain,
        "submission-compared": submission_compared,
        "submission-moved": submission_moved,
    }
)
