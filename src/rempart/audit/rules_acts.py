# SPDX-License-Identifier: Apache-2.0
"""Time, intents and their ends, persons and trust, commits: what holds for every act whatever its permit."""

import datetime
from collections.abc import Iterator

from rempart.audit.book import Book, instant
from rempart.audit.findings import ANOMALY, Bad
from rempart.audit.rules_keys import erased_spaces
from rempart.errors import Missing, NotTrusted, RempartError
from rempart.records.event import LedgerEvent
from rempart.records.native import SCHEMA as NATIVE
from rempart.records.native import native_permit
from rempart.records.sealed import SpaceCommit
from rempart.records.trust_chain import check_chain

WITHIN = {
    "commit": ("ingest", "objection", "objection-application", "permit", "rotation"),
    "keyring": ("rotation",),
    "backup-erased": ("erasure",),
    "key-grant": (),
}
"""Leaves that stand within another act's intent: kind → kinds of that intent (empty: any)."""


def time_order(book: Book) -> Iterator[Bad]:
    """No leaf is older than one before it, but for the seconds that a lost race of two writers may cost."""
    slack = datetime.timedelta(seconds=book.settings["race_seconds"])
    known = [time for time in book.leaves.times if time]
    if known == sorted(known):  # one form, UTC: text is in order
        return
    latest, of = "", datetime.datetime.fromisoformat
    for index, time in enumerate(book.leaves.times):
        if time >= latest:
            latest = time
        elif time and of(time) < of(latest) - slack:
            yield index, {"time": time}


def intent_open(book: Book) -> Iterator[Bad]:
    """Every intent has an end. An open one that is recent is an anomaly: a run that goes on, or was killed."""
    limit = datetime.timedelta(hours=book.settings["open_hours"])
    intents = (group for sort, group in book.leaves.groups.items() if sort.phase == "intent")
    for index in sorted(set().union(*intents).difference(book.ends)):
        event = book.events[index]
        recent = book.now - instant(event) <= limit
        yield index, {"kind": event.kind, **({"family": ANOMALY} if recent else {})}


def end_of_intent(book: Book) -> Iterator[Bad]:
    """An effect or failure closes one earlier intent of its own kind and basis, once; commits and key grants lie within one."""
    purged = frozenset(book.purged)
    for index in book.leaves.strays:
        event = book.events[index]
        if event.of is None or (event.event_class == "trace" and event.of in purged):
            continue
        intent = book.events.get(event.of)
        meets = intent is not None and event.of < index and intent.phase == "intent" and intent.basis == event.basis
        if intent is None or not meets or not _within(book, index, event, intent):
            yield index, {"kind": event.kind, "of": event.of}


def _within(book: Book, index: int, event: LedgerEvent, intent: LedgerEvent) -> bool:
    """Whether a commit or key grant came while its intent was open."""
    kinds = WITHIN.get(event.kind)
    allowed = kinds is not None and (not kinds or intent.kind in kinds)
    end = book.ends.get(-1 if event.of is None else event.of)
    return allowed and event.phase == "effect" and (end is None or index < end)


def trust_chain(book: Book) -> Iterator[Bad]:
    """Each trust file is signed by an officer of the one before, from the pinned first on."""
    try:
        check_chain(book.trusts, first=book.trust_first)
    except RempartError as error:
        version = error.facts.get("version", 0)
        named = [trust.id for trust in book.trusts if trust.version == version]
        leaves = [i for i, e in book.of_kind("person", "intent") if e.fact("trust") in named]
        yield min(leaves, default=None), {"version": version}


def person_trust(book: Book) -> Iterator[Bad]:
    """Each person act names a trust file that exists, and each trust file after the first was named by a person act."""
    known = {trust.id: trust.version for trust in book.trusts}
    named: set[str] = set()
    for index, event, _, effect in book.done("person"):
        book.counts["persons"] += 1
        trust = effect.fact("trust") or event.fact("trust") or ""
        version = effect.fact("version") or event.fact("version")
        named.add(trust)
        if trust not in known or (version is not None and version != str(known[trust])):
            yield index, {"version": version or "?"}
    named |= {event.fact("trust") or "" for _, event in book.of_kind("person", "intent")}
    for trust, number in known.items():
        if trust not in named and trust != book.trust_first:
            yield None, {"version": number}


def native_document(book: Book) -> Iterator[Bad]:
    """Each permit for native tables that took effect was signed by an officer that day."""
    for index, event, _, _ in book.done("native"):
        try:
            signed = book.document(event, "document", NATIVE)
            book.signers(index, signed, "officer")
            native_permit(signed.body, file=NATIVE)
        except RempartError as error:
            yield index, {"code": error.code}


def commit_chain(book: Book) -> Iterator[Bad]:
    """The commits of each space are one chain: the first has no parent, each later one names the head before it."""
    heads: dict[str, str] = {}
    for index, event in book.of_kind("commit", "effect"):
        book.counts["commits"] += 1
        try:
            commit = SpaceCommit.from_objects(event.objects)
        except NotTrusted:
            yield index, {"space": "?"}
            continue
        if commit.parent != heads.get(commit.space, ""):
            yield index, {"space": commit.space}
        heads[commit.space] = commit.head


def commit_space(book: Book) -> Iterator[Bad]:
    """A commit is the effect of an act that makes snapshots, and of the space which that act's intent names."""
    for index, event in book.of_kind("commit", "effect"):
        intent = book.events.get(-1 if event.of is None else event.of)
        if intent is None or intent.kind not in WITHIN["commit"] or intent.fact("space") != event.fact("space"):
            yield index, {"space": event.fact("space") or "?"}


def commit_manifest(book: Book) -> Iterator[Bad]:
    """The host holds every snapshot as it was committed. What a newer keyring replaced, or is an erased space's, may be gone."""
    newest: dict[str | None, int] = {}
    for index, event in [*book.of_kind("commit", "effect"), *book.of_kind("keyring", "effect")]:
        newest[event.fact("head")] = max(index, newest.get(event.fact("head"), 0))
    for index, event in book.of_kind("commit", "effect"):
        if book.check_manifest is None:
            return
        try:
            book.check_manifest(SpaceCommit.from_objects(event.objects))
            book.counts["manifests"] += 1
        except NotTrusted as error:
            yield index, {"space": event.fact("space") or "?", "code": error.code}
        except Missing as error:
            if newest[event.fact("head")] == index and event.fact("space") not in erased_spaces(book):
                yield index, {"space": event.fact("space") or "?", "code": error.code}
