# SPDX-License-Identifier: Apache-2.0
"""A run that owns itself while it lives: what dead runs left is swept and told in the ledger when the next one starts.

Undoes nothing: a commit stands, objects on the host without a commit are no part of anything, and a study's evidence is kept.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rempart.errors import Unavailable
from rempart.journeys.recorded import Recorder
from rempart.ports.scratch import Scratch
from rempart.records.event import LedgerEvent, Phase

STUDY = "S-"  # how the id of a run begins that can resume
JOB = "J-"  # of one of a researcher's own code
_TRIES = 200
_KINDS = frozenset(
    {"backup", "code-job", "fingerprint", "ingest", "permit", "study", "rotation", "root-rotation", "erasure"}
)


@contextmanager
def living(scratch: Scratch, recorder: Recorder, run: str) -> Iterator[None]:
    """Own ``run`` for the block; its intent is written inside. A run that cannot resume leaves no piece behind.

    Raises Unavailable ``run-held`` while another process has the same run.
    """
    with scratch.hold(run):
        scratch.sweep(but=STUDY)
        close_dead(scratch, recorder, own=run)
        try:
            yield
        finally:
            if not run.startswith(STUDY):
                scratch.clear(run)


def close_dead(scratch: Scratch, recorder: Recorder, *, own: str = "") -> None:
    """Close every intent whose process has died: with its effect where its commit stands, as failed where none does.

    ``own``: the run that the caller holds and has written no intent for yet. Each leaf goes to exactly the ledger that was
    read, so that two runs that begin at once close an intent once. Raises Unavailable ``ledger-moved`` after many lost races.
    """
    for _ in range(_TRIES):
        log = [LedgerEvent.from_leaf(leaf) for leaf in recorder.ledger.leaves()]
        ends = [_end(recorder, log, index) for index in _dead(log, scratch, own)]
        if not ends:
            return
        try:
            recorder.append_at(len(log), ends)
        except Unavailable as error:
            if error.code != "ledger-moved":
                raise
        else:
            return
    raise Unavailable("ledger-moved")


def _dead(log: Sequence[LedgerEvent], scratch: Scratch, own: str) -> list[int]:
    """Indices of open intents of runs that nobody owns."""
    ended = {(event.kind, event.of) for event in log}
    opened = [(n, event.fact("run")) for n, event in enumerate(log) if event.phase == "intent" and event.kind in _KINDS]
    return [n for n, run in opened if run and (log[n].kind, n) not in ended and (run == own or not scratch.held(run))]


def _end(recorder: Recorder, log: Sequence[LedgerEvent], index: int) -> LedgerEvent:
    """The leaf that its process did not live to write."""
    intent = log[index]
    if intent.kind == "backup":  # its file may lie there: it counts as taken, of a hash that nobody knows
        told = [f"backup:{intent.fact('backup')}", "error:unavailable/run-died"]
        return recorder.event(intent.kind, "effect", basis=intent.basis, objects=told, actor=intent.actor, of=index)
    heads = [event.fact("head") for event in log if event.kind == "commit" and event.of == index]
    phase: Phase = "effect" if heads else "failed"
    told = [f"run:{intent.fact('run')}", f"head:{heads[-1]}"] if heads else ["error:unavailable/run-died"]
    return recorder.event(intent.kind, phase, basis=intent.basis, objects=told, actor=intent.actor, of=index)
