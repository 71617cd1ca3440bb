# SPDX-License-Identifier: Apache-2.0
"""Publish a release that two checkers approved: the same checked tables again, figures drawn from them, and a proof that binds all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rempart.audit import tlog_proof
from rempart.audit.checkpoint import unproven
from rempart.audit.release_proof import build, pack_id
from rempart.errors import NotTrusted, Refused
from rempart.journeys.checked import checked_tables
from rempart.journeys.cosigning import FACT
from rempart.journeys.job_outputs import packed_files
from rempart.journeys.permits import events
from rempart.journeys.recorded import recorded
from rempart.journeys.release import (
    ReleaseDesk,
    current_state,
    finished_run,
    release_acts,
    submission_of,
    valid_permit,
    votes_of,
)
from rempart.records.canonical import canonical_bytes, sha256_id
from rempart.records.document import SignedDocument
from rempart.records.permit import Permit
from rempart.records.result import CheckedTable
from rempart.release.documents import FILES_SUBMISSION
from rempart.release.pack import pack
from rempart.release.states import ReleaseEvent, ReleaseState, step

PROOF, TLOG_PROOF = "proof", "release.tlog-proof"
BESIDE = "beside"
"""The fact of a release's leaf that names the proof which stands beside its files: a folder without it is not that release."""
Draw = Callable[
    [Sequence[CheckedTable], Mapping[str, Any]], Mapping[str, bytes]
]  # tables, and the study that named their labels


Witnessed = Callable[[int], str]
"""The checkpoint that holds the leaf of an index, with the cosignatures that the policy of the house asks for."""


def publish(
    desk: ReleaseDesk,
    *,
    release: str,
    actor: str,
    draw: Draw,
    words: Mapping[str, Any],
    witnessed: Witnessed | None = None,
) -> dict[str, bytes]:
    """The published folder, relative path → bytes, once its leaf is in the ledger. ``witnessed``: asked before the leaf, for what let
    it leave, and after it, for the leaf itself; raises as ``cosigning.cosigned``, and then nothing is published: the next call
    takes up where this one ended. None: nobody is asked.

    A release whose leaf is there already gives the same folder again: the process may have died before it was written.
    Raises Refused ``release-needs-two-checkers``, ``release-state``; NotTrusted ``release-tables`` when the tables that the
    rules give today are not those that were signed and approved.
    """
    now = current_state(desk, release)
    if not now.pack:
        step(now, ReleaseEvent(act="publish", release=release, actor=actor, document=""), desk.states)
    submission = submission_of(desk, release)
    permit = valid_permit(desk, str(submission.body["permit"]))
    files = _packed(desk, now, submission, permit, actor=actor, draw=draw, words=words)
    names = {path: sha256_id(data) for path, data in files.items()}
    if not now.pack:
        before = witnessed(_let_go(desk, release)) if witnessed is not None else ""
        objects = [f"release:{release}", f"run:{submission.body['run']}"]
        with recorded(desk.recorder, "release", basis=f"permit:{permit.id}", objects=objects, actor=actor) as act:
            act.say("release", release)
            act.say("pack", names["release.json"])
            act.say("files", pack_id(names))
            act.say(BESIDE, TLOG_PROOF)
            if before:
                act.say(FACT, desk.documents.put(before.encode()))
    elif now.pack != names["release.json"]:
        raise NotTrusted("release-tables", release=release)
    return {**files, **_proofs(desk, release, names, witnessed)}


def _let_go(desk: ReleaseDesk, release: str) -> int:
    """The leaf of the last act by which it may leave."""
    return max(index for index, act in release_acts(desk) if act.release == release)


def _packed(
    desk: ReleaseDesk,
    now: ReleaseState,
    submission: SignedDocument,
    permit: Permit,
    *,
    actor: str,
    draw: Draw,
    words: Mapping[str, Any],
) -> dict[str, bytes]:
    """Tables checked again, figures drawn from them, everything bound by release.json; or files written anew from those that a job kept."""
    finished = finished_run(events(desk.vault.ledger), str(submission.body["run"]))
    if submission.body["schema"] == FILES_SUBMISSION:
        return packed_files(desk, now, finished, actor=actor, facts=public_facts(permit))
    tables = checked_tables(desk, finished, actor=actor, release=now.release)
    study = SignedDocument.from_bytes(desk.documents.get(finished.study), schema="rempart.study/1")
    return pack(
        release_id=now.release,
        submission=submission,
        votes=votes_of(desk, now),
        tables=tables,
        study=study.body,
        permit_public_facts=public_facts(permit),
        figures=draw(tables, study.body),
        words=words,
        cleared=now.cleared,
    )


def public_facts(permit: Permit) -> dict[str, str]:
    """What the public register may say of a permit: no person's name."""
    return {
        "id": permit.id,
        "project": permit.project,
        "purpose": permit.purpose,
        "basis": permit.basis,
        "period": f"{permit.period[0]} – {permit.period[1]}",
    }


def _proofs(desk: ReleaseDesk, release: str, names: Mapping[str, str], witnessed: Witnessed | None) -> dict[str, bytes]:
    """The effect's leaf and its inclusion in a checkpoint, twice: with the hash of every file, and as C2SP tlog-proof."""
    ledger = desk.vault.ledger
    said = [
        n
        for n, e in enumerate(events(ledger))
        if (e.kind, e.phase, e.fact("release")) == ("release", "effect", release)
    ]
    if not said:
        raise Refused("release-state", release=release, state="unlogged", act="publish")
    index = said[0]
    note = ledger.checkpoint() if witnessed is None else witnessed(index)
    size = unproven(note).size
    leaf, inclusion = ledger.leaves(index, index + 1)[0], ledger.inclusion(index, size)
    proof = build(leaf=leaf, index=index, size=size, inclusion=inclusion, checkpoint=note, files=names)
    text = tlog_proof.build(leaf=leaf, index=index, inclusion=inclusion, checkpoint=note)
    return {PROOF: canonical_bytes(proof), TLOG_PROOF: text.encode()}
