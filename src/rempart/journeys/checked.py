# SPDX-License-Identifier: Apache-2.0
"""The tables of a run after the disclosure rules, beside what the permit's other submissions show. The raw rows never leave this file.

A submission is checked against those of its permit that stand when it is made, in the order of the ledger: the same again at review and
publication, whatever is submitted or rejected afterwards. Other permits are not looked at.
"""

from rempart.disclosure.check import Examination, examine
from rempart.journeys.evidence import open_result
from rempart.journeys.permits import events
from rempart.journeys.recorded import recorded
from rempart.journeys.release import FinishedRun, ReleaseDesk, release_acts, valid_permit
from rempart.ports.broker import GrantRequest
from rempart.records.document import SignedDocument
from rempart.records.result import CheckedTable, ResultRow
from rempart.release.states import state

_SUBMISSION = "rempart.submission/1"
_ENDED = "rejected"


def checked_tables(
    desk: ReleaseDesk, finished: FinishedRun, *, actor: str, release: str = ""
) -> tuple[CheckedTable, ...]:
    """The run's tables after the disclosure rules. ``release``: as which they were submitted, '' before that."""
    permit = valid_permit(desk, finished.permit)
    before = standing(desk, permit=permit.id, release=release, but=finished.run)
    objects = [f"run:{finished.run}", f"result:{finished.result}", *(f"beside:{name}" for name in before)]
    with recorded(
        desk.recorder, "check", basis=f"permit:{permit.id}", objects=objects, actor=actor, event_class="trace"
    ) as act:
        use = (permit.space, "result", "main", "read")
        (reference,) = desk.vault.broker.grant(GrantRequest(intent=act.index, tables=(use,)))
        found: list[Examination] = []
        for one in (*before.values(), finished):
            rows = _opened(desk, one, reference, permit.space)
            found.append(examine(rows, desk.rules, earlier=[item.counts for item in found]))
        return found[-1].tables


def _opened(desk: ReleaseDesk, finished: FinishedRun, reference: str, space: str) -> tuple[ResultRow, ...]:
    return open_result(
        desk.documents.get(finished.result),
        broker=desk.vault.broker,
        reference=reference,
        warehouse=desk.vault.warehouse,
        space=space,
        run=finished.run,
    )


def standing(desk: ReleaseDesk, *, permit: str, release: str = "", but: str = "") -> dict[str, FinishedRun]:
    """The permit's other releases that stood, submitted and not rejected, when ``release`` was submitted ('': that stand now), each with
    its run, in the order of their submissions; each run once, and never the run ``but``, whose tables tell nothing of themselves."""
    log, acts = events(desk.vault.ledger), release_acts(desk)
    mine = [log[index].of or 0 for index, act in acts if (act.act, act.release) == ("submit", release)]
    known = [(index, act) for index, act in acts if not mine or index < mine[-1]]
    submitted = {act.release: index for index, act in known if act.act == "submit" and act.release != release}
    found: dict[str, FinishedRun] = {}
    for name in sorted(submitted, key=lambda name: submitted[name]):
        now = state(name, [act for _, act in known], desk.states)
        if not now.submission or now.state == _ENDED:
            continue
        body = SignedDocument.from_bytes(desk.documents.get(now.submission), schema=_SUBMISSION).body
        if body["permit"] == permit and str(body["run"]) not in {but, *(one.run for one in found.values())}:
            told = {key: str(body[key]) for key in ("run", "permit", "study", "result")}
            found[name] = FinishedRun(**told)
    return found
