# SPDX-License-Identifier: Apache-2.0
"""The tables of a run after the disclosure rules, beside what the permit's other submissions show. The raw rows never leave this file.

A submission is checked against all that its permit submitted before it, in the order of the ledger: the same again at review and
publication, whatever is submitted or rejected afterwards. A rejected one was seen, and counts. What an earlier one shows and hides is what
its author signed: where today's rules give other tables, or none, all of it counts as hidden. What other permits show is known by the
sets of persons that the register tells (``fingerprint.py``): which of a submission's sets were too close is written there once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rempart.disclosure.check import Examination, examine
from rempart.disclosure.commitments import key_of
from rempart.disclosure.earlier import Earlier, all_hidden
from rempart.errors import BadInput, Missing, NotTrusted, Refused, RempartError, Unavailable
from rempart.journeys.evidence import open_result
from rempart.journeys.living import JOB
from rempart.journeys.permits import events
from rempart.journeys.recorded import Act, recorded
from rempart.journeys.register_sets import PRINT, SPACE, TABLE, Register
from rempart.journeys.release import FinishedRun, ReleaseDesk, current_state, release_acts, submission_of, valid_permit
from rempart.ports.broker import GrantRequest
from rempart.records.derogation import check_definitions, permitted
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.moved import NONE, option_of
from rempart.records.permit import Permit
from rempart.records.result import CheckedTable, ResultRow
from rempart.release.documents import derogations_of
from rempart.release.tables import table_ids

_SUBMISSION = "rempart.submission/1"
_VOTED = frozenset({"approved", "released"})
_FOR_EVER = (BadInput, Missing, NotTrusted, Refused)  # what waiting does not mend


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """``unread``: earlier releases that cannot be opened any more: every output that one of them names is hidden. ``shown``: names of the
    sets of persons that the tables show; ``close``: of those hidden for lying too close to a set that a release of any project shows;
    ``too_close``: outputs where one of those stands."""

    tables: tuple[CheckedTable, ...]
    unread: tuple[str, ...]
    shown: frozenset[str] = frozenset()
    close: frozenset[str] = frozenset()
    too_close: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """An earlier submission. ``asked``: index of its intent; ``tables``: output → id of the bytes that its author signed; ``entry``: of the
    register, '' for one of before there was any; ``option``: how its counts are altered."""

    release: str
    asked: int
    finished: FinishedRun
    tables: Mapping[str, str]
    derogations: tuple[str, ...] = ()
    entry: str = ""
    option: str = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What an entry of the register says: sets hidden for being close, and marks of those shown."""

    close: frozenset[str] = frozenset()
    marks: Mapping[str, bytes] = field(default_factory=dict)


def checked_tables(
    desk: ReleaseDesk, finished: FinishedRun, *, actor: str, release: str = "", voting: bool = False
) -> tuple[CheckedTable, ...]:
    """As ``checked``, the tables alone, with the derogations that ``release`` asks for once both checkers have voted for them; ``voting``:
    before that too, for the eyes of a checker. Nobody else sees a derogated number before the votes, the author neither."""
    asked: tuple[str, ...] = ()
    if release:
        now = current_state(desk, release)
        asked = now.derogations if voting or now.state in _VOTED else ()
    return checked(desk, finished, actor=actor, release=release, derogations=asked).tables


def checked(
    desk: ReleaseDesk,
    finished: FinishedRun,
    *,
    actor: str,
    release: str = "",
    derogations: Sequence[str] = (),
    near: frozenset[str] = frozenset(),
    threes: Sequence[frozenset[str]] = (),
    close: frozenset[str] = frozenset(),
    option: str = NONE,
    marks: Mapping[str, bytes] | None = None,
) -> Checked:
    """The run's tables after the disclosure rules. ``release``: as which they were submitted, '' before that; ``derogations``: outcomes
    of the permit's derogations; of one that is not submitted yet, ``near``: sets that may
    not be shown beside what the register tells, ``threes``: that may not all be shown, and ``close``: those hidden for that already;
    ``option``: how counts are altered and ``marks`` of its sets for it. One that was submitted has all this from what was signed.
    Raises Refused ``derogation-not-permitted``, ``derogation-other-outcome``.

    Raises Unavailable ``release-earlier-unread`` when an earlier submission cannot be opened now, though it may be later.
    """
    permit = valid_permit(desk, finished.permit)
    before, own = standing(desk, permit=permit.id, release=release), entry_of(desk, release)
    option = option_of(submission_of(desk, release).body) if release else option
    beside = dict.fromkeys(f"beside:{one.release}" for one in before)
    objects = [f"run:{finished.run}", f"result:{finished.result}", *beside]
    with recorded(
        desk.recorder, "check", basis=f"permit:{permit.id}", objects=objects, actor=actor, event_class="trace"
    ) as act:
        results = _Results(desk, _reference(desk, act, permit, any(one.entry for one in before) or bool(own)), permit)
        found: list[tuple[Before, Earlier]] = []
        for one in before:
            found.append((one, _as_submitted(results, one, [earlier for _, earlier in found])))
        let = derogated(desk, permit, finished, derogations)
        known = [earlier for _, earlier in found]
        rows, entered = results.rows(finished), results.told(own)
        look = partial(examine, rows, desk.rules, derogations=let, earlier=known, key=key_of(rows))
        look = partial(look, option=option, marks={**entered.marks, **(marks or {})})
        made, close = _apart(look, (near, threes, entered.close | close))
    unread = tuple(one.release for one, earlier in found if earlier.outputs)
    too_close = tuple(dict.fromkeys(row.output for row in rows if row.persons_ref in close))
    return Checked(tables=made.tables, unread=unread, shown=made.counts.sets, close=close, too_close=too_close)


def _reference(desk: ReleaseDesk, act: Act, permit: Permit, registered: bool) -> str:
    """A grant of the permit's results, and of the register where an entry of it is to be read."""
    uses = [(permit.space, "result", "main", "read"), *([(SPACE, TABLE, "main", "read")] if registered else [])]
    return desk.vault.broker.grant(GrantRequest(intent=act.index, tables=tuple(uses)))[0]


def _apart(
    look: Callable[..., Examination],
    apart: tuple[frozenset[str], Sequence[frozenset[str]], frozenset[str]],
) -> tuple[Examination, frozenset[str]]:
    """The examination, no set of ``near`` shown and none of ``threes`` whole, and which sets had to be hidden for that: others go by the
    other rules. Of three the last by name goes, whatever it counts."""
    near, threes, close = apart
    while True:
        made = look(close=close)
        shown = made.counts.sets
        further = (near & shown) - close
        further |= {max(three) for three in threes if three <= shown and not further & three}
        if not further:
            return made, close
        close |= further


def derogated(
    desk: ReleaseDesk, permit: Permit, finished: FinishedRun, asked: Sequence[str]
) -> tuple[Mapping[str, Any], ...]:
    """What the check is told of derogations: outcome, least number, analyses of the study with that outcome."""
    if not asked:
        return ()
    study = SignedDocument.from_bytes(desk.documents.get(finished.study), schema="rempart.study/1").body
    analyses: dict[str, list[str]] = {}
    for item in study["analyses"]:
        analyses.setdefault(str(item["inputs"].get("outcome", "")), []).append(str(item["id"]))
    held = permitted(asked, permit.derogations, permit=permit.id)
    check_definitions(held, study, permit=permit.id)
    return tuple(
        {"outcome": one.outcome, "least": one.least, "analyses": tuple(analyses.get(one.outcome, ()))} for one in held
    )


class _Results:
    """Results of one permit, each opened once: a reference gives a key once, and a run may have been submitted twice."""

    def __init__(self, desk: ReleaseDesk, reference: str, permit: Permit) -> None:
        self.desk, self._reference, self.permit = desk, reference, permit
        self._opened: dict[str, tuple[ResultRow, ...] | RempartError] = {}
        self._told: dict[str, _Told] = {"": _Told()}

    def told(self, entry: str) -> _Told:
        """What an entry of the register says; nothing where there is none."""
        if entry not in self._told:
            desk = self.desk
            register = Register(
                broker=desk.vault.broker,
                documents=desk.documents,
                randomness=desk.recorder.randomness,
                warehouse=desk.vault.warehouse,
                reference=self._reference,
            )
            found = register.entry(entry)
            marks = {PRINT + name: mark for name, mark in found.shown.marks().items()}
            self._told[entry] = _Told(close=found.close, marks=marks)
        return self._told[entry]

    def rows(self, finished: FinishedRun) -> tuple[ResultRow, ...]:
        """The raw rows; raises as the documents and ``open_result`` do, and the same again when asked again."""
        if finished.result not in self._opened:
            try:
                self._opened[finished.result] = self._open(finished)
            except _FOR_EVER as error:
                self._opened[finished.result] = error
        found = self._opened[finished.result]
        if isinstance(found, RempartError):
            raise found
        return found

    def _open(self, finished: FinishedRun) -> tuple[ResultRow, ...]:
        return open_result(
            self.desk.documents.get(finished.result),
            broker=self.desk.vault.broker,
            reference=self._reference,
            warehouse=self.desk.vault.warehouse,
            space=self.permit.space,
            run=finished.run,
        )


def _as_submitted(results: _Results, one: Before, known: Sequence[Earlier]) -> Earlier:
    """What its tables show and hide, which were checked beside those ``known`` then."""
    try:
        rows = results.rows(one.finished)
    except (Unavailable, *_FOR_EVER) as error:
        if isinstance(error, Unavailable) or error.code.startswith("grant-") or not one.tables:
            raise Unavailable("release-earlier-unread", release=one.release, reason=error.code) from error
        return Earlier(outputs=frozenset(one.tables))
    try:
        let = derogated(results.desk, results.permit, one.finished, one.derogations)
        told = results.told(one.entry)
        look = partial(examine, rows, results.desk.rules, derogations=let, earlier=known, key=key_of(rows))
        made = look(close=told.close, option=one.option, marks=told.marks)
    except _FOR_EVER:
        return all_hidden(rows)
    return made.counts if table_ids(made.tables) == one.tables else all_hidden(rows)


def standing(desk: ReleaseDesk, *, permit: str, release: str = "") -> tuple[Before, ...]:
    """All that the permit submitted before ``release`` was submitted ('': until now), in the order of the intents; also what was rejected
    since, and the same run under another release: its tables may have been others. Of two at once the first intent is the earlier one.
    Files of a researcher's own are no tables that could be held against others, and are not among them.
    One whose document proves nothing any more has no ``tables``: what its intent tells is enough to hide all that its result holds.
    """
    log = events(desk.vault.ledger)
    proven = {log[index].of or 0 for index, act in release_acts(desk) if act.act == "submit"}
    asked = sorted(event.of or 0 for event in log if (event.kind, event.phase) == ("submission", "effect"))
    mine = [index for index in asked if release and log[index].fact("release") == release]
    stands = current_state(desk, release).submission if len(mine) > 1 else ""
    own = next((index for index in mine if log[index].fact("document") == stands), mine[-1] if mine else len(log))
    return tuple(
        _before(desk, log[index], index, proven=index in proven)
        for index in asked
        if index < own and log[index].basis == f"permit:{permit}" and not of_code(log[index])
    )


def of_code(submission: LedgerEvent) -> bool:
    """Whether what was submitted came of a researcher's own code."""
    return (submission.fact("run") or "").startswith(JOB)


def _before(desk: ReleaseDesk, intent: LedgerEvent, index: int, *, proven: bool) -> Before:
    told = {name: intent.fact(name) or "" for name in ("release", "run", "result")}
    permit, tables, study = intent.basis.partition(":")[2], {}, ""
    asked: tuple[str, ...] = ()
    option = NONE
    if proven:
        document = SignedDocument.from_bytes(desk.documents.get(intent.fact("document") or ""), schema=_SUBMISSION)
        tables, asked, study = (
            dict(document.body["tables"]),
            derogations_of(document),
            str(document.body.get("study", "")),
        )
        option = option_of(document.body)
    finished = FinishedRun(run=told["run"], permit=permit, study=study, result=told["result"])
    entry = intent.fact("register") or ""
    return Before(
        release=told["release"],
        asked=index,
        finished=finished,
        tables=tables,
        derogations=asked,
        entry=entry,
        option=option,
    )


def entry_of(desk: ReleaseDesk, release: str) -> str:
    """The entry of the register that the standing submission of a release names; '' for none."""
    document = current_state(desk, release).submission if release else ""
    for event in reversed(events(desk.vault.ledger)) if document else ():
        if (event.kind, event.phase, event.fact("document")) == ("submission", "intent", document):
            return event.fact("register") or ""
    return ""
