# SPDX-License-Identifier: Apache-2.0
"""Did two checkers, neither of them the author, approve exactly what was published, before it was?

Says nothing of the tables themselves: their checks are ``disclosure``'s work.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rempart.audit.book import Book, instant, permit_id
from rempart.audit.findings import Bad
from rempart.errors import NotTrusted, RempartError
from rempart.records.derogation import check_definitions, permitted
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent

SUBMISSION = "rempart.submission/1"
FILES_SUBMISSION = "rempart.submission/2"
_RUNS = {"study": "result", "code-job": "files"}
VOTE = "rempart.vote/2"
WHOLE_VOTE = "rempart.vote/1"
DECISION = "rempart.consolidation/1"
APPROVALS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submission that took effect. ``document``: its id, which votes name; ``authors``: who signed it; ``files``: (name, id)."""

    intent: int
    effect: int
    release: str
    document: str
    authors: frozenset[str]
    derogations: tuple[str, ...]
    files: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A vote, or a decision after votes that differ, that took effect, its signers proven to be checkers. ``files``: (name, id) → verdict;
    None: on the submission as a whole."""

    intent: int
    effect: int
    release: str
    submission: str
    verdict: str
    checkers: frozenset[str]
    derogations: tuple[str, ...]
    files: Mapping[tuple[str, str], str] | None


def submission_document(book: Book) -> Iterator[Bad]:
    """A submission is a document signed by a researcher whom the permit names, of a run that the ledger holds."""
    grants = book.grants()
    for index, event, _, _ in book.done("submission"):
        book.counts["submissions"] += 1
        try:
            signed = book.document(event, "document", form_of(book, event, SUBMISSION, FILES_SUBMISSION))
            for signer in book.signers(index, signed, "researcher"):
                if permit_id(event) in grants:
                    permit = grants[permit_id(event) or ""].at(index)
                    permit.check_names(signer.actor)
                    asked = permitted(_asked(signed), permit.derogations, permit=permit.id)
                    check_definitions(asked, _study(book, signed).body if asked else {}, permit=permit.id)
            same(signed, event, ("release", "run", "result"), SUBMISSION)
            _check_run(book, index, event, signed)
        except RempartError as error:
            yield index, {"release": event.fact("release") or "?", "code": error.code}


def same(signed: SignedDocument, event: LedgerEvent, names: tuple[str, ...], schema: str) -> None:
    """The leaf says what the signed body says, wherever it says it."""
    for name in names:
        told = event.fact(name)
        if (told is None and name == "release") or (told is not None and signed.body.get(name) != told):
            raise NotTrusted("document-form", expected=schema)
    if signed.body.get("permit", permit_id(event)) != permit_id(event):
        raise NotTrusted("document-form", expected=schema)


def _check_run(book: Book, index: int, event: LedgerEvent, signed: SignedDocument) -> None:
    """The run and its result are those of a study that took effect before, under the same permit."""
    wanted = (signed.body.get("run"), signed.body.get("result"))
    runs = {
        (intent.fact("run") or effect.fact("run"), effect.fact(made))
        for kind, made in _RUNS.items()
        for _, intent, end, effect in book.done(kind)
        if end < index and intent.basis == event.basis
    }
    if wanted not in runs:
        raise NotTrusted("document-form", expected=SUBMISSION)


def _study(book: Book, signed: SignedDocument) -> SignedDocument:
    """The study of a submission, by its id."""
    return SignedDocument.from_bytes(book.fetch(str(signed.body.get("study", ""))), schema="rempart.study/1")


def _asked(signed: SignedDocument) -> tuple[str, ...]:
    """The derogations that a submission asks for, or a vote is for."""
    return tuple(str(name) for name in signed.body.get("derogations", ()))


def vote_document(book: Book) -> Iterator[Bad]:
    """A vote is a document signed by a checker, over a submission of that release that the ledger held before."""
    submissions = submissions_of(book)
    for index, event, _, _ in book.done("vote"):
        book.counts["votes"] += 1
        try:
            signed = book.document(event, "document", form_of(book, event, VOTE, WHOLE_VOTE))
            book.signers(index, signed, "checker")
            same(signed, event, ("release",), VOTE)
            over = [s for s in submissions if s.document == signed.body.get("submission") and s.effect < index]
            if not any(s.release == event.fact("release") for s in over):
                raise NotTrusted("document-form", expected=VOTE)
        except RempartError as error:
            yield index, {"release": event.fact("release") or "?", "code": error.code}


def vote_author(book: Book) -> Iterator[Bad]:
    """No author votes on what they submitted."""
    authors = {s.document: s.authors for s in submissions_of(book)}
    for vote in votes_of(book):
        if vote.checkers & authors.get(vote.submission, frozenset()):
            yield vote.intent, {"release": vote.release}


def release_approvals(book: Book) -> Iterator[Bad]:
    """What was published had, before, the approval of exactly two different checkers, not the author, over its last submission; or it
    left without votes (``clearance-policy`` asks whether it might)."""
    cleared = {(e.fact("release"), e.fact("document")): end for _, e, end, _ in book.done("clearance")}
    submissions, votes = submissions_of(book), [*votes_of(book), *votes_of(book, "decision")]
    for index, event, end, _ in book.done("release"):
        book.counts["releases"] += 1
        name = event.fact("release") or "?"
        last = next((s for s in reversed(submissions) if s.release == name and s.effect < index), None)
        approvals = [v for v in votes if last and last.effect < v.effect < index and _approves(v, last, votes)]
        people = frozenset[str]().union(*(v.checkers for v in approvals))
        if last is not None and last.effect < cleared.get((name, last.document), index) < index:
            continue
        if last is None or len(approvals) != APPROVALS or len(people - last.authors) != APPROVALS:
            yield end, {"release": name, "count": len(people - (last.authors if last else frozenset()))}


def _approves(vote: Vote, submission: Submission, votes: Sequence[Vote]) -> bool:
    """For the whole of it, or for each of its files as it is: in this vote or in an earlier one of theirs on the release."""
    if (vote.verdict, vote.submission, vote.release) != ("approve", submission.document, submission.release):
        return False
    if vote.derogations != submission.derogations:
        return False
    said: dict[tuple[str, str], str] = {}
    for one in sorted(votes, key=lambda one: one.effect):
        if one.checkers == vote.checkers and one.release == vote.release and one.effect <= vote.effect:
            whole = submission.files if one.files is None and one.submission == submission.document else ()
            said |= dict.fromkeys(whole, one.verdict) | dict(one.files or {})
    return all(said.get(file) == "approve" for file in submission.files)


def submissions_of(book: Book) -> Sequence[Submission]:
    """Submissions that prove themselves; the others are named by ``submission_document``."""
    return book.once((SUBMISSION,), lambda: _submissions(book))


def _submissions(book: Book) -> list[Submission]:
    found = []
    for index, event, end, _ in book.done("submission"):
        schema = form_of(book, event, SUBMISSION, FILES_SUBMISSION)
        signed, people = proven(book, index, event, schema, "researcher")
        if signed is not None:
            tables = signed.body.get("files" if schema == FILES_SUBMISSION else "tables")
            files = tables.items() if isinstance(tables, Mapping) else ()
            found.append(
                Submission(
                    intent=index,
                    effect=end,
                    release=str(signed.body.get("release")),
                    document=event.fact("document") or "",
                    authors=people,
                    derogations=_asked(signed),
                    files=frozenset((str(name), str(item)) for name, item in files),
                )
            )
    return found


def votes_of(book: Book, kind: str = "vote") -> Sequence[Vote]:
    """Votes (or with ``decision``, decisions) that prove themselves; the others are named by ``vote_document``, ``decision_document``."""
    return book.once((VOTE, kind), lambda: _votes(book, kind))


def _votes(book: Book, kind: str) -> list[Vote]:
    found = []
    for index, event, end, _ in book.done(kind):
        schema = DECISION if kind == "decision" else form_of(book, event, VOTE, WHOLE_VOTE)
        signed, people = proven(book, index, event, schema, "checker")
        if signed is None:
            continue
        files = _files(signed) if schema == VOTE else None
        verdict = str(signed.body.get("verdict"))
        if files is not None:
            verdict = "approve" if set(files.values()) <= {"approve"} else "changes"
        told = {name: str(signed.body.get(name)) for name in ("release", "submission")}
        asked = _asked(signed)
        found.append(
            Vote(intent=index, effect=end, checkers=people, derogations=asked, verdict=verdict, files=files, **told)
        )
    return found


def form_of(book: Book, event: LedgerEvent, usual: str, other: str) -> str:
    """Which of two forms the document of an event has; the usual one where nothing tells."""
    name = event.fact("document") or ""
    try:
        book.once((other, name), lambda: SignedDocument.from_bytes(book.fetch(name), schema=other))
    except RempartError:
        return usual
    return other


def _files(signed: SignedDocument) -> dict[tuple[str, str], str]:
    """(name, id) → verdict of a vote by file; what cannot be read approves nothing."""
    files = signed.body.get("files")
    if not isinstance(files, Mapping):
        return {("", ""): "unread"}
    read = {name: one if isinstance(one, Mapping) else {} for name, one in files.items()}
    return {(str(name), str(one.get("id"))): str(one.get("verdict")) for name, one in read.items()}


def proven(
    book: Book, index: int, event: LedgerEvent, schema: str, role: str
) -> tuple[SignedDocument | None, frozenset[str]]:
    """The document that the event names, and who signed it in that role at that moment; None when it cannot be proven."""
    try:
        signed = book.document(event, "document", schema)
        trust = book.trust_at(index)
        on = trust.moment(instant(event))
        people = {trust.check(one, over=signed.over, role=role, on=on).actor for one in signed.signatures}
    except RempartError:
        return None, frozenset()
    return signed, frozenset(people)
