# SPDX-License-Identifier: Apache-2.0
"""Was each policy of the house decided by two officers, each version after the one before, within the bounds of the form?"""

from collections.abc import Callable, Iterator, Mapping

from rempart.audit.book import Book, instant
from rempart.audit.findings import ANOMALY, Bad
from rempart.errors import NotTrusted, RempartError
from rempart.records.event import LedgerEvent
from rempart.records.policy import KIND, SCHEMA, Policy, in_force, read_policy, undecided


def policy_at(book: Book, index: int) -> Policy:
    """The policy in force before a leaf."""
    leaves = book.once((KIND,), lambda: list(book.leaves.named((KIND,))))
    before = [(at, event) for at, event in leaves if at < index]
    read = lambda at, event: _read(book, at, event)  # noqa: E731
    return book.once((KIND, len(before)), lambda: in_force(before, read, start=undecided(book.policy_form)))


def policy_officers(book: Book) -> Iterator[Bad]:
    """A policy that took effect is a document that two officers signed, and the version after the one in force. One that lost a race to
    another decides nothing and is an anomaly."""
    version = 0
    for _, index, event in sorted((end, index, event) for index, event, end, _ in book.done(KIND)):
        try:
            policy = _read(book, index, event)
        except RempartError as error:
            yield index, {"version": event.fact("version") or "?", "code": error.code}
            continue
        if policy.version != version + 1:
            yield index, {"version": str(policy.version), "code": "policy-version", "family": ANOMALY}
        else:
            version = policy.version


def _read(book: Book, index: int, event: LedgerEvent) -> Policy:
    trust = book.trust_at(index)
    book.counts["documents"] += 1
    data = book.fetch(event.fact("document") or "")
    policy = read_policy(data, trust=trust, on=trust.moment(instant(event)), form=book.policy_form)
    if event.fact("version") != str(policy.version):
        raise NotTrusted("document-form", expected=SCHEMA)
    return policy


RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = {"policy-officers": policy_officers}
