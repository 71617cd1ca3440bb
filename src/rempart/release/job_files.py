# SPDX-License-Identifier: Apache-2.0
"""The way out of files of a researcher's own code: what the author signs, the page that checkers read, and the published folder.

Takes the bytes that were written anew (``disclosure/files.py``) and writes nothing.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rempart.errors import BadInput, NotTrusted, Refused
from rempart.records.canonical import sha256_id
from rempart.records.document import SignedDocument
from rempart.release.documents import FILES_SUBMISSION, RELEASE_ID, approves

SCHEMA = "rempart.release/1"
CRITERIA = ("singling-out", "linkability", "inference")
"""Of Opinion 05/2014 (WP216): what the author says of each, since no rule can say it of a file without evidence."""
_CHECKERS = 2


def file_key(salt: bytes, name: str) -> bytes:
    """The key of one file of a run: ``salt`` is drawn for the run and sealed with its files. It tells nothing of another file's."""
    return hmac.new(salt, b"rempart.job-file-key/1\n" + name.encode(), hashlib.sha256).digest()


def file_id(key: bytes, data: bytes) -> str:
    """The id of a file before anybody read it: a table of small counts could be found from a bare hash, by trying them all."""
    return "hmac-sha256:" + hmac.new(key, b"rempart.job-file/1\n" + data, hashlib.sha256).hexdigest()


def files_body(
    *,
    release: str,
    permit: str,
    run: str,
    job: str,
    result: str,
    files: Mapping[str, str],
    context: str,
    controls: str,
    statement: Mapping[str, str],
    after: str = "",
) -> dict[str, Any]:
    """What the author signs. ``files``: name → id of the bytes that would leave, by ``file_id``; ``statement``: criterion → why it is met.

    Raises BadInput ``release-id``, and ``release-field`` when one is empty.
    """
    if not RELEASE_ID.fullmatch(release):
        raise BadInput("release-id", release=release)
    said = {name: statement.get(name, "") for name in CRITERIA}
    texts = {"permit": permit, "run": run, "job": job, "result": result, "context": context, "controls": controls}
    for name, text in {**texts, **said}.items():
        if not text.strip():
            raise BadInput("release-field", field=name)
    if not files:
        raise BadInput("release-field", field="files")
    told = {"schema": FILES_SUBMISSION, "release": release, **texts, "files": dict(files), "statement": said}
    return {**told, **({"after": after} if after else {})}


def pack_files(
    *,
    release_id: str,
    submission: SignedDocument,
    votes: Sequence[SignedDocument],
    files: Mapping[str, bytes],
    keys: Mapping[str, bytes],
    findings: Mapping[str, Sequence[str]],
    permit_public_facts: Mapping[str, str],
    rules: str,
) -> dict[str, bytes]:
    """Relative path → bytes. ``keys``: of the signed ids, told now for the files that leave; ``findings``: file → rules that told the
    checkers something; ``rules``: id of the rule file.

    Raises NotTrusted ``release-tables`` when the files are not those the author signed, ``release-votes`` when a vote is over another
    submission; Refused ``release-needs-two-checkers``.
    """
    ids = {name: file_id(keys[name], data) for name, data in files.items()}
    _check(release_id, submission, votes, ids)
    out = {f"files/{name}": data for name, data in files.items()}
    record = {
        "schema": SCHEMA,
        "release": release_id,
        "permit": dict(permit_public_facts),
        "anonymity": submission.body["statement"],
        "disclosure": {name: {"rules": rules, "told": list(found)} for name, found in findings.items()},
        "files": {path: {"sha256": sha256_id(data), "bytes": len(data)} for path, data in out.items()},
        "keys": {f"files/{name}": keys[name].hex() for name in files},
        **{name: submission.body[name] for name in ("run", "job", "result", "context", "controls")},
        "submission": sha256_id(submission.data),
        "votes": sorted(sha256_id(vote.data) for vote in votes),
    }
    text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True, default=dict) + "\n"
    return dict(sorted({**out, "release.json": text.encode()}.items()))


def _check(
    release_id: str, submission: SignedDocument, votes: Sequence[SignedDocument], ids: Mapping[str, str]
) -> None:
    if submission.body["release"] != release_id or ids != dict(submission.body["files"]):
        raise NotTrusted("release-tables", release=release_id)
    over, checkers = sha256_id(submission.data), set[str]()
    for vote in votes:
        if vote.body["submission"] != over or vote.body["release"] != release_id:
            raise NotTrusted("release-votes", release=release_id)
        checkers |= {vote.signatures[0].actor} if approves(vote) and len(vote.signatures) == 1 else set()
    if len(checkers - {one.actor for one in submission.signatures}) < _CHECKERS:
        raise Refused("release-needs-two-checkers", release=release_id)
