# SPDX-License-Identifier: Apache-2.0
"""What the ledger tells of a study for its report: versions of the protocol, the run, its release, the leaves that prove them.

Opens no result: tables come from ``checked.py``, and only of a run that two checkers let out.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rempart.errors import Missing, NotTrusted
from rempart.journeys.checked import checked_tables
from rempart.journeys.permits import events
from rempart.journeys.protocol import Frozen, chain, frozen_protocols, frozen_study
from rempart.journeys.release import FinishedRun, ReleaseDesk, current_state, submission_of
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.result import CheckedTable
from rempart.release.report_protocol import Version
from rempart.release.tables import table_ids

SCHEMA = "rempart.report-proof/1"
_PUBLISHED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """``study``: in canonical form; ``versions``: of its protocol, oldest first; ``others``: protocols of the same permit beside them;
    ``facts``: of the run; ``release``: under which it was let out, '' where it was not; ``leaves``: indexes that prove all this."""

    study: Mapping[str, Any]
    study_id: str
    versions: tuple[Version, ...] = ()
    others: tuple[Version, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    finished: FinishedRun | None = None
    release: str = ""
    leaves: tuple[int, ...] = ()


def reported_study(ledger: Ledger, documents: Documents, *, study: Mapping[str, Any], study_id: str) -> Reported:
    """A study of which no run is asked: its frozen versions and what else was frozen under its permit."""
    log = events(ledger)
    versions, others, leaves = _versions(log, documents, study_id, str(study["permit"]))
    return Reported(study=study, study_id=study_id, versions=versions, others=others, leaves=leaves)


def reported_run(desk: ReleaseDesk, run: str) -> Reported:
    """A finished run with its study and its release, if it was published; raises Missing ``run-missing``."""
    log = events(desk.vault.ledger)
    ended = [index for index, e in enumerate(log) if (e.kind, e.phase) == ("study", "effect") and e.fact("run") == run]
    if not ended:
        raise Missing("run-missing", run=run)
    effect = log[ended[-1]]
    begun = effect.of or 0
    signed = SignedDocument.from_bytes(desk.documents.get(log[begun].fact("study") or ""), schema="rempart.study/1")
    permit = effect.basis.partition(":")[2]
    versions, others, frozen = _versions(log, desk.documents, signed.over, permit)
    release, state = _release(desk, log, run)
    acts = [i for i, e in enumerate(log) if e.fact("release") == release and release] if state == _PUBLISHED else []
    finished = FinishedRun(
        run=run, permit=permit, study=log[begun].fact("study") or "", result=effect.fact("result") or ""
    )
    return Reported(
        study=signed.body,
        study_id=signed.over,
        versions=versions,
        others=others,
        facts=dict(_facts(log[begun], effect, release, state)),
        finished=finished,
        release=release if state == _PUBLISHED else "",
        leaves=tuple(sorted({*_granted(log, permit), *frozen, begun, ended[-1], *acts})),
    )


def released_tables(desk: ReleaseDesk, told: Reported, *, actor: str) -> tuple[CheckedTable, ...]:
    """The tables that were let out, checked again; none where nothing was. Raises NotTrusted ``release-tables`` when they are not those
    that the author signed."""
    if not told.release or told.finished is None:
        return ()
    tables = checked_tables(desk, told.finished, actor=actor, release=told.release)
    if table_ids(tables) != dict(submission_of(desk, told.release).body["tables"]):
        raise NotTrusted("release-tables", release=told.release)
    return tables


def leaf_proofs(ledger: Ledger, indexes: Sequence[int]) -> dict[str, Any]:
    """Each leaf with its inclusion under the newest checkpoint, as JSON: ``rempart.report-proof/1`` (docs/report.md)."""
    size = ledger.size()
    leaves = [
        {
            "index": index,
            "leaf": base64.b64encode(ledger.leaves(index, index + 1)[0]).decode(),
            "inclusion": [base64.b64encode(item).decode() for item in ledger.inclusion(index, size)],
        }
        for index in indexes
    ]
    return {"schema": SCHEMA, "size": size, "checkpoint": ledger.checkpoint(), "leaves": leaves}


def leaf_lines(ledger: Ledger, indexes: Sequence[int]) -> tuple[tuple[int, str, str, str], ...]:
    """Index, kind and phase, time and RFC 6962 hash of each leaf."""
    found = []
    for index in indexes:
        leaf = ledger.leaves(index, index + 1)[0]
        event = LedgerEvent.from_leaf(leaf)
        found.append((index, event.kind, _when(event.time), hashlib.sha256(b"\x00" + leaf).hexdigest()))
    return tuple(found)


def _when(instant: str) -> str:
    return instant[:16].replace("T", " ") + " UTC"


def _versions(
    log: Sequence[LedgerEvent], documents: Documents, study: str, permit: str
) -> tuple[tuple[Version, ...], tuple[Version, ...], tuple[int, ...]]:
    known = frozen_protocols(log, permit=permit)
    mine = chain(known, study)
    others = [one for one in known if one not in mine]
    versions = tuple(_version(documents, one) for one in mine)
    return versions, tuple(_version(documents, one) for one in others), tuple(one.leaf for one in mine)


def _version(documents: Documents, one: Frozen) -> Version:
    protocol = frozen_study(documents, one)["protocol"]
    amendments = protocol.get("amendments", ())
    amendment = amendments[-1] if amendments else None
    return Version(study=one.study, time=one.time, leaf=one.leaf, title=protocol["title"], amendment=amendment)


def _granted(log: Sequence[LedgerEvent], permit: str) -> list[int]:
    """The leaf by which the permit took effect."""
    done = [i for i, e in enumerate(log) if (e.kind, e.phase) == ("permit", "effect") and e.basis == f"permit:{permit}"]
    return done[:1]


def _release(desk: ReleaseDesk, log: Sequence[LedgerEvent], run: str) -> tuple[str, str]:
    """The release that the run was published as, else the last that it was submitted as, with its state."""
    names = [
        e.fact("release") or "" for e in log if (e.kind, e.phase) == ("submission", "intent") and e.fact("run") == run
    ]
    states = {name: desk.states.told[current_state(desk, name).state] for name in names}
    out = [name for name, state in states.items() if state == _PUBLISHED]
    return (out[-1], _PUBLISHED) if out else (names[-1], states[names[-1]]) if names else ("", "")


def _facts(intent: LedgerEvent, effect: LedgerEvent, release: str, state: str) -> Iterator[tuple[str, str]]:
    for name, leaf in (("run", effect), ("head", intent), ("space", intent), ("engine", effect), ("workers", effect)):
        yield name, leaf.fact(name) or ""
    yield "shards", effect.fact("shards") or ""
    yield "made_by", effect.fact("made-by") or ""
    yield "begun", _when(intent.time)
    yield "ended", _when(effect.time)
    yield "release_state", state
    if state == _PUBLISHED:
        yield "release", release
