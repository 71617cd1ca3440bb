# SPDX-License-Identifier: Apache-2.0
"""The published folder as bytes: tables, figures, study, summary, and release.json that binds them by their SHA-256.

Takes checked tables only and writes nothing: an adapter puts the files down. The proof of the ledger is added by its room.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w

from rempart.errors import NotTrusted, Refused
from rempart.records.canonical import content_id, plain, sha256_id
from rempart.records.clearing import TYPES
from rempart.records.document import SignedDocument
from rempart.records.moved import OPTION
from rempart.records.result import SUPPRESSED, CheckedTable
from rempart.release.documents import approves
from rempart.release.summary import summary
from rempart.release.tables import table_csv, table_ids

SCHEMA = "rempart.release/1"
LANGUAGES = ("en", "fr")
_FIGURE = re.compile(r"[a-z][a-z0-9_]{0,63}-(en|fr)\.(svg|png)")


def pack(
    *,
    release_id: str,
    submission: SignedDocument,
    votes: Sequence[SignedDocument],
    tables: Sequence[CheckedTable],
    study: Mapping[str, Any],
    permit_public_facts: Mapping[str, str],
    figures: Mapping[str, bytes],
    words: Mapping[str, Any],
    cleared: str = "",
) -> dict[str, bytes]:
    """Relative path → bytes. ``words``: the parsed ``release/words.toml``; ``figures``: file name → bytes; ``cleared``: the version of
    the house's policy by which it leaves without votes.

    Raises NotTrusted ``release-tables`` when the tables are not those the author signed, ``release-votes`` when a vote is
    over another submission; Refused ``release-needs-two-checkers``, ``release-unchecked``, ``release-figure``.
    """
    _check(release_id, submission, votes, tables, cleared=cleared)
    files = {f"tables/{table.output}.csv": table_csv(table) for table in tables}
    files |= {f"figures/{_figure_name(name)}": data for name, data in figures.items()}
    files["study.toml"] = tomli_w.dumps(plain(study)).encode()
    spoken: dict[str, Any] = {
        "facts": _facts(submission, permit_public_facts),
        "study": study,
        "tables": tables,
        "words": words,
    }
    for it in LANGUAGES:
        files[f"summary.{it}.md"] = summary(it, release=release_id, figures=list(figures), **spoken).encode()
    files["release.json"] = _json(
        {
            "schema": SCHEMA,
            "release": release_id,
            "permit": dict(permit_public_facts),
            "study": content_id(study),
            "anonymity": _anonymity(words, tables),
            "marker": SUPPRESSED,
            "disclosure": {table.output: {"rules": table.rules, "record": list(table.record)} for table in tables},
            "files": {path: {"sha256": sha256_id(data), "bytes": len(data)} for path, data in files.items()},
            **_signed_facts(submission, votes),
            **({"cleared_by": {"policy": int(cleared)}} if cleared else {}),
        }
    )
    return dict(sorted(files.items()))


def _facts(submission: SignedDocument, permit: Mapping[str, str]) -> dict[str, str]:
    """What the summary says as its authors wrote it."""
    said = {name: str(submission.body[name]) for name in ("context", "controls")}
    return {**said, "permit": " · ".join(permit.values())}


def _anonymity(words: Mapping[str, Any], tables: Sequence[CheckedTable]) -> dict[str, Any]:
    """The statement on the three criteria, each with the rules that were applied to these tables for its sake."""
    applied = {str(entry["rule"]) for table in tables for entry in table.record}
    return {
        name: {**entry, "rules": [rule for rule in entry["rules"] if rule in applied]}
        if isinstance(entry, Mapping)
        else entry
        for name, entry in words["anonymity"].items()
    }


def _signed_facts(submission: SignedDocument, votes: Sequence[SignedDocument]) -> dict[str, Any]:
    return {
        **{name: submission.body[name] for name in ("run", "result", "context", "controls")},
        **({OPTION: submission.body[OPTION]} if OPTION in submission.body else {}),
        "submission": sha256_id(submission.data),
        "votes": sorted(sha256_id(vote.data) for vote in votes),
    }


def _check(
    release_id: str,
    submission: SignedDocument,
    votes: Sequence[SignedDocument],
    tables: Sequence[CheckedTable],
    *,
    cleared: str,
) -> None:
    """The tables are the signed ones, and two others than the author approved them or the policy lets their types leave."""
    if submission.body["release"] != release_id or table_ids(tables) != dict(submission.body["tables"]):
        raise NotTrusted("release-tables", release=release_id)
    if cleared:
        _check_cleared(release_id, submission, votes, tables)
        return
    over, author = sha256_id(submission.data), _signer(submission)
    checkers: set[str] = set()
    for vote in votes:
        if vote.body["submission"] != over or vote.body["release"] != release_id:
            raise NotTrusted("release-votes", release=release_id)
        if approves(vote):
            checkers.add(_signer(vote))
    if len(checkers - {author}) < 2:
        raise Refused("release-needs-two-checkers", release=release_id)


def _check_cleared(
    release_id: str, submission: SignedDocument, votes: Sequence[SignedDocument], tables: Sequence[CheckedTable]
) -> None:
    """Nobody voted, and the types that the author signed are those of the tables."""
    if votes or submission.body.get(TYPES) != {table.output: table.output_type for table in tables}:
        raise NotTrusted("release-tables", release=release_id)


def _signer(document: SignedDocument) -> str:
    return document.signatures[0].actor if len(document.signatures) == 1 else ""


def _figure_name(name: str) -> str:
    if not _FIGURE.fullmatch(name):
        raise Refused("release-figure")
    return name


def _json(value: object) -> bytes:
    """Readable and the same for the same value."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=dict) + "\n").encode()
