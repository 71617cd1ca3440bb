# SPDX-License-Identifier: Apache-2.0
"""Submissions and votes as documents that persons sign, and their reading back. Signs nothing: the person's key does.

Submission and vote have the bodies of the contract; unknown or absent keys prove nothing.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rempart.errors import BadInput, NotTrusted
from rempart.records.canonical import sha256_id
from rempart.records.document import SignedDocument
from rempart.records.trust import TrustFile
from rempart.release.states import ReleaseEvent

SUBMISSION = "rempart.submission/1"
VOTE = "rempart.vote/1"
RELEASE_ID = re.compile(r"R-\d{4}-\d{4}", re.ASCII)
_SUBMISSION_KEYS = frozenset({"schema", "release", "permit", "run", "study", "result", "tables", "context", "controls"})
_OPTIONAL = frozenset({"derogations"})
_VOTE_KEYS = frozenset({"schema", "release", "submission", "verdict", "comment"})


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
) -> dict[str, Any]:
    """What the author signs. ``tables``: output → id of its bytes (``tables.table_ids``); ``context``: what the figures are
    for; ``controls``: what was done against disclosure; ``derogations``: outcomes whose few cases are told. Raises BadInput
    ``release-field`` when one is empty."""
    _check_id(release)
    texts = {"permit": permit, "run": run, "study": study, "result": result, "context": context, "controls": controls}
    for name, text in texts.items():
        if not text.strip():
            raise BadInput("release-field", field=name)
    if not tables:
        raise BadInput("release-field", field="tables")
    asked = {"derogations": sorted(derogations)} if derogations else {}
    return {"schema": SUBMISSION, "release": release, "tables": dict(tables), **texts, **asked}


def vote_body(
    *,
    release: str,
    submission: str,
    verdict: Literal["approve", "reject"],
    comment: str = "",
    derogations: Sequence[str] = (),
) -> dict[str, Any]:
    """What a checker signs; a rejection says why; ``derogations``: those that the checker votes for, by name.

    Raises BadInput ``release-field``."""
    _check_id(release)
    if verdict not in {"approve", "reject"}:
        raise BadInput("release-field", field="verdict")
    if verdict == "reject" and not comment.strip():
        raise BadInput("release-field", field="comment")
    told = {"schema": VOTE, "release": release, "submission": submission, "verdict": verdict, "comment": comment}
    return {**told, **({"derogations": sorted(derogations)} if derogations else {})}


def read_submission(data: bytes, *, trust: TrustFile, on: datetime.date) -> tuple[SignedDocument, ReleaseEvent]:
    """A submission and its act, once its one signature is proven to be a researcher's.

    Raises NotTrusted ``document-form``, ``signature``, ``actor-unknown``; Refused ``role-missing``.
    """
    document = SignedDocument.from_bytes(data, schema=SUBMISSION)
    actor = _signer(document, keys=_SUBMISSION_KEYS, role="researcher", trust=trust, on=on)
    release = str(document.body["release"])
    asked = derogations_of(document)
    return document, ReleaseEvent(
        act="submit", release=release, actor=actor, document=sha256_id(data), derogations=asked
    )


def read_vote(data: bytes, *, trust: TrustFile, on: datetime.date) -> tuple[SignedDocument, ReleaseEvent]:
    """A vote and its act, once its one signature is proven to be a checker's. Raises as ``read_submission``."""
    document = SignedDocument.from_bytes(data, schema=VOTE)
    actor = _signer(document, keys=_VOTE_KEYS, role="checker", trust=trust, on=on)
    verdict = document.body["verdict"]
    if verdict not in {"approve", "reject"}:
        raise NotTrusted("document-form", expected=VOTE)
    event = ReleaseEvent(
        act=verdict,
        release=str(document.body["release"]),
        actor=actor,
        document=sha256_id(data),
        submission=str(document.body["submission"]),
        derogations=derogations_of(document),
    )
    return document, event


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
