# SPDX-License-Identifier: Apache-2.0
"""Did a policy of the house let leave what left without votes, and did a checker look afterwards at what was drawn of it?"""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from rempart.audit.book import Book, instant
from rempart.audit.findings import Bad
from rempart.audit.rules_policy import policy_at
from rempart.audit.rules_releases import SUBMISSION, Submission, proven, same, submissions_of, votes_of
from rempart.errors import NotTrusted, Refused, RempartError
from rempart.records.clearing import LOOKS, SECOND_LOOK, sampled, why_not
from rempart.records.event import LedgerEvent

KIND, LOOK = "clearance", "second-look"


def clearance_policy(book: Book) -> Iterator[Bad]:
    """The policy then in force names each type of the submission, which had no vote; nothing was called unsound under that policy."""
    submissions, votes = submissions_of(book), votes_of(book)
    for index, event, _, _ in book.done(KIND):
        book.counts["clearances"] += 1
        release = event.fact("release") or "?"
        over = _over(submissions, event, index)
        try:
            if over is None or any(v.submission == over.document and v.effect < index for v in votes):
                raise NotTrusted("document-form", expected=SUBMISSION)
            _check(book, index, event, over)
        except RempartError as error:
            yield index, {"release": release, "code": str(error.facts.get("reasons", error.code))}


def _over(submissions: Sequence[Submission], event: LedgerEvent, index: int) -> Submission | None:
    """The submission that a clearance names: the last of that release before it."""
    last = next((s for s in reversed(submissions) if s.release == event.fact("release") and s.effect < index), None)
    return last if last is not None and last.document == event.fact("document") else None


def _check(book: Book, index: int, event: LedgerEvent, over: Submission) -> None:
    policy = policy_at(book, index)
    submission = book.document(event, "document", SUBMISSION)
    reasons = list(why_not(submission.body, policy))
    if event.fact("version") != str(policy.version):
        reasons.append("policy-version")
    since = [end for _, made, end, _ in book.done("policy") if made.fact("version") == str(policy.version)]
    if any(max(since, default=-1) < end < index for end, verdict in _looks(book) if verdict == "unsound"):
        reasons.append("clear-unsound")
    if reasons:
        raise Refused("release-not-cleared", release=over.release, reasons=", ".join(reasons))


def _looks(book: Book) -> list[tuple[int, str]]:
    """(effect, verdict) of each second look that proves itself."""
    found = []
    for index, event, end, _ in book.done(LOOK):
        signed, _people = proven(book, index, event, SECOND_LOOK, "checker")
        if signed is not None:
            found.append((end, str(signed.body.get("verdict"))))
    return found


def second_look_document(book: Book) -> Iterator[Bad]:
    """A second look is signed by a checker who never submitted that release, over a submission that left without votes before."""
    submissions = submissions_of(book)
    cleared = {(event.fact("release"), event.fact("document")): end for _, event, end, _ in book.done(KIND)}
    for index, event, _, _ in book.done(LOOK):
        book.counts["looks"] += 1
        try:
            signed = book.document(event, "document", SECOND_LOOK)
            people = {entry.actor for entry in book.signers(index, signed, "checker")}
            same(signed, event, ("release",), SECOND_LOOK)
            place = (event.fact("release"), signed.body.get("submission"))
            authors = frozenset[str]().union(*(s.authors for s in submissions if s.release == event.fact("release")))
            if cleared.get(place, index) >= index or people & authors or signed.body.get("verdict") not in LOOKS:
                raise NotTrusted("document-form", expected=SECOND_LOOK)
        except RempartError as error:
            yield index, {"release": event.fact("release") or "?", "code": error.code}


def sample_looked(book: Book) -> Iterator[Bad]:
    """What the leaf of its clearance drew has had its second look within the days of the settings."""
    looked = {event.fact("release") for _, event, _, _ in book.done(LOOK)}
    days = book.settings["second_look_days"]
    for index, event, end, effect in book.done(KIND):
        release = event.fact("release") or "?"
        drawn = sampled(effect.leaf(), policy_at(book, index).share("release.sample"))
        if drawn and release not in looked and book.now - instant(effect) > datetime.timedelta(days=days):
            yield end, {"release": release, "days": str(days)}


RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = MappingProxyType(
    {
        "clearance-policy": clearance_policy,
        "second-look-document": second_look_document,
        "sample-looked": sample_looked,
    }
)
