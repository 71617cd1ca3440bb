# SPDX-License-Identifier: Apache-2.0
"""Submissions, votes, decisions, withdrawals as documents that persons sign, and their reading back. Signs nothing: the person's key does.

Each has the body of its schema; unknown or absent keys prove nothing. Votes of 0.1.0 (``rempart.vote/1``, over a submission as a whole)
are read for ever and written no more.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from rempart.errors import BadInput, NotTrusted
from rempart.records.canonical import sha256_id
from rempart.records.clearing import LOOKS, SECOND_LOOK, TYPES, check_types
from rempart.records.document import SignedDocument
from rempart.records.moved import NONE, OPTION, option_of
from rempart.records.trust import TrustFile
from rempart.release.states import Act, ReleaseEvent

SUBMISSION = "rempart.submission/1"
FILES_SUBMISSION = "rempart.submission/2"
VOTE = "rempart.vote/2"
WHOLE_VOTE = "rempart.vote/1"
DECISION = "rempart.consolidation/1"
WITHDRAWAL = "rempart.withdrawal/1"
RELEASE_ID = re.compile(r"R-\d{4}-\d{4}", re.ASCII)
_SUBMISSION_KEYS = frozenset({"schema", "release", "permit", "run", "study", "result", "tables", "context", "controls"})
_FILES_KEYS = frozenset(
    {"schema", "release", "permit", "run", "job", "result", "files", "context", "controls", "statement"}
)
_OPTIONAL = frozenset({"derogations", "after", OPTION, TYPES})
_WHOLE_VOTE_KEYS = frozenset({"schema", "release", "submission", "verdict", "comment"})
_OVER_KEYS = frozenset({"schema", "release", "submission", "public", "private"})
_VOTE_KEYS = _OVER_KEYS | {"files"}
_DECISION_KEYS = _OVER_KEYS | {"verdict"}
_WITHDRAWAL_KEYS = frozenset({"schema", "release", "submission", "reason"})
_DECISIONS: Mapping[str, Act] = {"approve": "decide-approve", "return": "decide-return", "reject": "decide-reject"}


def submission_body(
    *,
    release: str,
    permit: str,
    run: str,
    study: str,
    result: str,
    tables: Mapping[str, str],
    context: str,
    controls: str,
    derogations: Sequence[str] = (),
    after: str = "",
    types: Mapping[str, str] | None = None,
    option: str = NONE,
) -> dict[str, Any]:
    """What the author signs. ``tables``: output → id of its bytes (``tables.table_ids``); ``context``: what the figures are
    for; ``controls``: what was done against disclosure; ``derogations``: outcomes whose few cases are told; ``after``: the submission
    of the same release that came back; ``types``: output → type, where the house clears types by itself; ``option``: see there.

    Raises BadInput ``release-id``, and ``release-field`` when one is empty."""
    _check_id(release)
    texts = {"permit": permit, "run": run, "study": study, "result": result, "context": context, "controls": controls}
    for name, text in texts.items():
        if not text.strip():
            raise BadInput("release-field", field=name)
    if not tables:
        raise BadInput("release-field", field="tables")
    asked = {"derogations": sorted(derogations)} if derogations else {}
    return {
        "schema": SUBMISSION,
        "release": release,
        "tables": dict(tables),
        **texts,
        **asked,
        **({"after": after} if after else {}),
        **({TYPES: dict(types)} if types else {}),
        **({OPTION: option} if option != NONE else {}),
    }


def vote_body(
    *,
    release: str,
    submission: str,
    files: Mapping[str, tuple[str, Literal["approve", "changes"]]],
    public: str = "",
    private: str = "",
    derogations: Sequence[str] = (),
) -> dict[str, Any]:
    """What a checker signs. ``files``: name → its id and the verdict on it; ``public``: for the author, needed where a file is to change;
    ``private``: for checkers alone; ``derogations``: those that the checker votes for, by name.

    Raises BadInput ``release-id``, ``release-field``."""
    _check_id(release)
    if any(verdict not in {"approve", "changes"} for _, verdict in files.values()):
        raise BadInput("release-field", field="verdict")
    if any(verdict == "changes" for _, verdict in files.values()) and not public.strip():
        raise BadInput("release-field", field="public")
    told = {name: {"id": item, "verdict": verdict} for name, (item, verdict) in files.items()}
    body = {"schema": VOTE, "release": release, "submission": submission, "files": told}
    return {**body, "public": public, "private": private, **_asked(derogations)}


def decision_body(
    *,
    release: str,
    submission: str,
    verdict: Literal["approve", "return", "reject"],
    public: str = "",
    private: str = "",
    derogations: Sequence[str] = (),
) -> dict[str, Any]:
    """What one of two checkers signs whose votes differ, once both see them. Raises BadInput ``release-id``, ``release-field``."""
    _check_id(release)
    if verdict not in _DECISIONS:
        raise BadInput("release-field", field="verdict")
    if verdict != "approve" and not public.strip():
        raise BadInput("release-field", field="public")
    body = {"schema": DECISION, "release": release, "submission": submission, "verdict": verdict}
    return {**body, "public": public, "private": private, **_asked(derogations)}


def withdrawal_body(*, release: str, submission: str, reason: str = "") -> dict[str, Any]:
    """What an author signs who gives a returned release up. Raises BadInput ``release-id``."""
    _check_id(release)
    return {"schema": WITHDRAWAL, "release": release, "submission": submission, "reason": reason}


def look_body(
    *, release: str, submission: str, verdict: Literal["sound", "unsound"], public: str = "", private: str = ""
) -> dict[str, Any]:
    """What a checker signs who looked afterwards at what left by itself. Raises BadInput ``release-id``, ``release-field``."""
    _check_id(release)
    if verdict not in LOOKS:
        raise BadInput("release-field", field="verdict")
    if verdict == "unsound" and not public.strip():
        raise BadInput("release-field", field="public")
    body = {"schema": SECOND_LOOK, "release": release, "submission": submission, "verdict": verdict}
    return {**body, "public": public, "private": private}


def _asked(derogations: Sequence[str]) -> dict[str, list[str]]:
    return {"derogations": sorted(derogations)} if derogations else {}


def read_submission(data: bytes, *, trust: TrustFile, on: datetime.date) -> tuple[SignedDocument, ReleaseEvent]:
    """A submission and its act, once its one signature is proven to be a researcher's.

    Raises NotTrusted ``document-form``, ``signature``, ``actor-unknown``; Refused ``role-missing``.
    """
    document = read_either(data, SUBMISSION, FILES_SUBMISSION)
    keys = _FILES_KEYS if document.body["schema"] == FILES_SUBMISSION else _SUBMISSION_KEYS
    actor = _signer(document, keys=keys, role="researcher", trust=trust, on=on)
    release = str(document.body["release"])
    asked = derogations_of(document)
    option_of(document.body)
    _check_types(document)
    return document, ReleaseEvent(
        act="submit",
        release=release,
        actor=actor,
        document=sha256_id(data),
        derogations=asked,
        files=_tables(document),
    )


def read_vote(data: bytes, *, trust: TrustFile, on: datetime.date) -> tuple[SignedDocument, ReleaseEvent]:
    """A vote and its act, once its one signature is proven to be a checker's. Raises as ``read_submission``."""
    document = read_either(data, VOTE, WHOLE_VOTE)
    whole = document.body["schema"] == WHOLE_VOTE
    keys = _WHOLE_VOTE_KEYS if whole else _VOTE_KEYS
    actor = _signer(document, keys=keys, role="checker", trust=trust, on=on)
    if whole:
        return document, _over(document, data, actor=actor, act=_whole_verdict(document))
    approved, sent_back = _files(document, "approve"), _files(document, "changes")
    event = _over(document, data, actor=actor, act="changes" if sent_back else "approve")
    return document, replace(event, files=approved, sent_back=sent_back)


def read_decision(data: bytes, *, trust: TrustFile, on: datetime.date) -> tuple[SignedDocument, ReleaseEvent]:
    """A decision after two votes that differ, and its act, its signature proven to be a checker's. Raises as ``read_submission``."""
    document = SignedDocument.from_bytes(data, schema=DECISION)
    actor = _signer(document, keys=_DECISION_KEYS, role="checker", trust=trust, on=on)
    act = _DECISIONS.get(str(document.body["verdict"]))
    if act is None:
        raise NotTrusted("document-form", expected=DECISION)
    return document, _over(document, data, actor=actor, act=act)


def read_withdrawal(data: bytes, *, trust: TrustFile, on: datetime.date) -> tuple[SignedDocument, ReleaseEvent]:
    """A withdrawal and its act, its signature proven to be a researcher's. Raises as ``read_submission``."""
    document = SignedDocument.from_bytes(data, schema=WITHDRAWAL)
    actor = _signer(document, keys=_WITHDRAWAL_KEYS, role="researcher", trust=trust, on=on)
    return document, _over(document, data, actor=actor, act="withdraw")


def read_look(data: bytes, *, trust: TrustFile, on: datetime.datetime) -> tuple[SignedDocument, str]:
    """A second look and who signed it, proven to be a checker. Raises as ``read_submission``."""
    document = SignedDocument.from_bytes(data, schema=SECOND_LOOK)
    actor = _signer(document, keys=_DECISION_KEYS, role="checker", trust=trust, on=on)
    if document.body["verdict"] not in LOOKS:
        raise NotTrusted("document-form", expected=SECOND_LOOK)
    return document, actor


def read_either(data: bytes, *schemas: str) -> SignedDocument:
    """The document of whichever of the schemas its body names, the first where it names none; raises NotTrusted ``document-form``."""
    for schema in schemas[1:]:
        try:
            return SignedDocument.from_bytes(data, schema=schema)
        except NotTrusted:
            continue
    return SignedDocument.from_bytes(data, schema=schemas[0])


def approves(document: SignedDocument) -> bool:
    """Whether a vote, or a decision after votes that differ, is for all that it tells of."""
    if document.body["schema"] == VOTE:
        return all(one["verdict"] == "approve" for one in document.body["files"].values())
    return bool(document.body["verdict"] == "approve")


def comments_of(document: SignedDocument) -> tuple[str, str]:
    """What a vote or decision says to everybody of the release, and what it says to checkers alone."""
    body = document.body
    return str(body.get("public", body.get("comment", ""))), str(body.get("private", ""))


def _over(document: SignedDocument, data: bytes, *, actor: str, act: Act) -> ReleaseEvent:
    """An act over the submission that the document names."""
    return ReleaseEvent(
        act=act,
        release=str(document.body["release"]),
        actor=actor,
        document=sha256_id(data),
        submission=str(document.body["submission"]),
        derogations=derogations_of(document),
    )


def _tables(document: SignedDocument) -> tuple[tuple[str, str], ...]:
    tables = document.body["files" if document.body["schema"] == FILES_SUBMISSION else "tables"]
    if not isinstance(tables, Mapping):
        raise NotTrusted("document-form", expected=SUBMISSION)
    return tuple(sorted((str(name), str(item)) for name, item in tables.items()))


def _check_types(document: SignedDocument) -> None:
    try:
        if document.body["schema"] == SUBMISSION:
            check_types(document.body)
    except BadInput as error:
        raise NotTrusted("document-form", expected=SUBMISSION) from error


def _whole_verdict(document: SignedDocument) -> Literal["approve", "reject"]:
    verdict = document.body["verdict"]
    if verdict not in {"approve", "reject"}:
        raise NotTrusted("document-form", expected=WHOLE_VOTE)
    return "approve" if verdict == "approve" else "reject"


def _files(document: SignedDocument, verdict: str) -> tuple[tuple[str, str], ...]:
    """The files on which a vote says that, (name, id). Raises NotTrusted ``document-form``."""
    files = document.body["files"]
    if not isinstance(files, Mapping):
        raise NotTrusted("document-form", expected=VOTE)
    for one in files.values():
        told = isinstance(one, Mapping) and set(one) == {"id", "verdict"}
        if not told or one["verdict"] not in {"approve", "changes"} or not isinstance(one["id"], str):
            raise NotTrusted("document-form", expected=VOTE)
    return tuple(sorted((str(name), one["id"]) for name, one in files.items() if one["verdict"] == verdict))


def derogations_of(document: SignedDocument) -> tuple[str, ...]:
    """The derogations that a submission asks for, or a vote is for. Raises NotTrusted ``document-form``."""
    told = document.body.get("derogations", [])
    if not isinstance(told, list) or not all(isinstance(name, str) for name in told) or told != sorted(set(told)):
        raise NotTrusted("document-form", expected=str(document.body["schema"]))
    return tuple(told)


def _signer(document: SignedDocument, *, keys: frozenset[str], role: str, trust: TrustFile, on: datetime.date) -> str:
    if set(document.body) - _OPTIONAL != keys or len(document.signatures) != 1:
        raise NotTrusted("document-form", expected=str(document.body["schema"]))
    return trust.check(document.signatures[0], over=document.over, role=role, on=on).actor


def _check_id(release: str) -> None:
    if not RELEASE_ID.fullmatch(release):
        raise BadInput("release-id", release=release)
