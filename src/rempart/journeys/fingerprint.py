# SPDX-License-Identifier: Apache-2.0
"""Which sets of persons a run would release, and which of them lie too close to one that any project released before.

One at a time: what is held against the register is entered in it before the next may look. The author learns that an output is too close,
never to what (docs/adr/0045).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from rempart.cohort.parts import study_parts
from rempart.disclosure.families import left_over, sums_of_three
from rempart.disclosure.near import candidates, chosen, once, together
from rempart.journeys.chain import snapshot_of
from rempart.journeys.evidence import open_result
from rempart.journeys.living import living
from rempart.journeys.permits import events
from rempart.journeys.quota import TOO_CLOSE
from rempart.journeys.recorded import Act, recorded
from rempart.journeys.register_sets import KIND, PRINT, SKETCH, SPACE, TABLE, Entry, Register, register_chain, sets_of
from rempart.journeys.release import FinishedRun, ReleaseDesk, valid_permit
from rempart.journeys.sets_step import members_of
from rempart.journeys.sets_work import SetsWork
from rempart.journeys.study_work import Runner
from rempart.ports.broker import GrantRequest
from rempart.records.document import SignedDocument
from rempart.records.matching import matched_names
from rempart.records.moved import head_of
from rempart.records.permit import Permit
from rempart.records.person_sets import PersonSets, difference, packed
from rempart.records.study import study_from_dict
from rempart.study.set_unions import Prints, unions

_DESK = "F-register"  # who looks at the register; one at a time


@dataclass(slots=True, kw_only=True)
class Comparison:
    """A run beside the register. ``near``: names of sets (``persons_ref``) that lie within 1 to 10 persons of one that was shown, and are
    none that was; ``threes``: of sets of which one may not be shown, for with what was shown they sum up to few;
    ``marks``: of its sets, the same for the same persons in the whole house; ``entry``: the document of what it shows, once ``keep`` was
    called."""

    near: frozenset[str]
    threes: tuple[frozenset[str], ...]
    marks: Mapping[str, bytes]
    entry: str
    _keep: Callable[[frozenset[str], frozenset[str]], str]
    _say: Callable[[str, str], None]

    def keep(self, *, shown: frozenset[str], close: frozenset[str]) -> None:
        """Enter what the run shows, and what was hidden for being close."""
        self.entry = self._keep(shown, close)

    def too_close(self) -> None:
        """Say in the ledger that something was hidden for lying too close to an earlier release: it counts against the project's quota."""
        self._say("verdict", TOO_CLOSE)


@contextmanager
def compared(by: Runner, desk: ReleaseDesk, finished: FinishedRun, *, run: str, actor: str) -> Iterator[Comparison]:
    """Hold a finished run against the register, which nobody else changes meanwhile; ``run``: a fresh id of this look.

    Raises NotTrusted ``fingerprint-differs`` where the sets of today are not those of the result, ``register-chain``; Missing
    ``fingerprint-index-missing``; Unavailable ``run-held`` while another is held against it; as a study's run.
    """
    permit = valid_permit(desk, finished.permit)
    head = head_of(events(desk.vault.ledger), finished.result)
    objects = [f"run:{run}", f"study-run:{finished.run}", f"result:{finished.result}", f"study:{finished.study}"]
    with (
        living(by.scratch, by.recorder, _DESK),
        living(by.scratch, by.recorder, run),
        recorded(
            desk.recorder,
            KIND,
            basis=f"permit:{permit.id}",
            objects=[*objects, f"space:{permit.space}", f"head:{head}"],
            actor=actor,
        ) as act,
    ):
        yield _Look(by, desk, finished, permit, run=run, act=act).comparison()


class _Look:
    """One look at the register."""

    def __init__(
        self, by: Runner, desk: ReleaseDesk, finished: FinishedRun, permit: Permit, *, run: str, act: Act
    ) -> None:
        self._by, self._desk, self._finished, self._permit = by, desk, finished, permit
        self._run, self._act = run, act
        tables = [(SPACE, TABLE, "main", mode) for mode in ("read", "write")]
        tables.append((permit.space, "result", "main", "read"))
        request = GrantRequest(intent=act.index, tables=tuple(tables), secrets=(SKETCH,))
        (self._reference,) = desk.vault.broker.grant(request)
        self._register = Register(
            broker=desk.vault.broker,
            documents=desk.documents,
            randomness=desk.recorder.randomness,
            warehouse=desk.vault.warehouse,
            reference=self._reference,
        )
        (self._secret,) = desk.vault.broker.secrets(self._reference, (SKETCH,))
        self._chain: list[str] = []
        self._document = ""
        self._sets = PersonSets(index=np.zeros(0, dtype=np.int64), sets={})
        self._opened: dict[str, PersonSets] = {}

    def comparison(self) -> Comparison:
        """The run's sets, told now or before, beside every entry."""
        log = events(self._desk.vault.ledger)
        self._chain = register_chain(log)
        others = [entry for entry in self._register.entries(log) if entry.result != self._finished.result]
        known = sets_of(log, self._finished.result)
        self._sets = self._behind([known])[known] if known else self._told()
        self._document = known or self._register.put_sets(self._sets, run=self._run)
        self._opened[self._document] = self._sets
        self._act.say("sets", self._document)
        near, threes = self._near(others), self._threes(others)
        told = self._sets.sketches(sorted(self._sets.sets), self._secret).marks()
        marks = {PRINT + name: mark for name, mark in told.items()}
        return Comparison(near=near, threes=threes, marks=marks, entry="", _keep=self._kept, _say=self._act.say)

    def _near(self, others: Sequence[Entry]) -> frozenset[str]:
        """Names of the run's sets that differ by too few persons from a shown one, proven person by person."""
        names, least = sorted(self._sets.sets), self._least
        old = together([entry.shown for entry in others])
        owners = [entry.sets for entry in others for _ in entry.shown.names]
        found = candidates(self._sets.sketches(names, self._secret), old, persons=least)
        behind = self._behind([owners[at] for places in found.values() for at in places])
        return frozenset(
            PRINT + names[place]
            for place, places in found.items()
            if any(
                difference(self._sets.persons(names[place]), behind[owners[at]].persons(old.names[at])) < least
                for at in places
            )
        )

    def _threes(self, others: Sequence[Entry]) -> tuple[frozenset[str], ...]:
        """Names of the run's sets in each sum of three with those that any project showed, proven person by person."""
        names, least = sorted(self._sets.sets), self._least
        mine = self._sets.sketches(names, self._secret)
        family, kept = once([*(entry.shown for entry in others), mine])
        owners = [entry.sets for entry in others for _ in entry.shown.names]
        fresh = [place for place, at in enumerate(kept) if at >= len(owners)]
        order = [*fresh, *(place for place, at in enumerate(kept) if at < len(owners))]
        found = sums_of_three(chosen(family, order), new=len(fresh), persons=least)
        told = []
        for three in found:
            places = [order[at] for at in three]
            documents = [owners[kept[at]] if kept[at] < len(owners) else self._document for at in places]
            behind = self._behind(documents)
            whole, *parts = (behind[name].persons(family.names[at]) for name, at in zip(documents, places, strict=True))
            if left_over(whole, parts) < least:
                told.append(frozenset(PRINT + family.names[at] for at in places if kept[at] >= len(owners)))
        return tuple(told)

    def _behind(self, documents: Sequence[str]) -> dict[str, PersonSets]:
        """The sets of earlier entries, each document opened once."""
        needed = [name for name in dict.fromkeys(documents) if name and name not in self._opened]
        self._opened |= dict(zip(needed, self._register.sets(needed), strict=True))
        return self._opened

    @property
    def _least(self) -> int:
        return int(self._desk.rules["threshold"]["persons"])

    def _kept(self, shown: frozenset[str], close: frozenset[str]) -> str:
        visible = [name for name in sorted(self._sets.sets) if PRINT + name in shown]
        entry = Entry(
            permit=self._permit.id,
            result=self._finished.result,
            sets=self._document,
            shown=self._sets.sketches(visible, self._secret),
            close=close,
        )
        told = self._register.put_entry(entry, run=self._run)
        self._act.say("register", told)
        if self._chain:
            self._act.say("before", self._chain[-1])
        return told

    def _told(self) -> PersonSets:
        """The sets that the result names, over all shards; no shard is opened for a result that names none."""
        names = self._named()
        if not names:
            return PersonSets(index=np.zeros(0, dtype=np.int64), sets={})
        shards = self._work().sets(self._act)
        cells: dict[tuple[str, str, str], Prints] = {}
        for shard in shards:
            for cell, (prints, _) in shard.cells.items():
                before = cells.get(cell, (0, 0))
                cells[cell] = (before[0] + prints[0], before[1] + prints[1])
        persons = {
            name: np.setdiff1d(members_of(shards, chosen), members_of(shards, less), assume_unique=True)
            for name, (chosen, less) in unions(cells, names).items()
        }
        index = np.unique(np.concatenate(list(persons.values())))
        return PersonSets(
            index=index, sets={name: packed(np.searchsorted(index, who)) for name, who in persons.items()}
        )

    def _named(self) -> list[str]:
        """Names of the sets that the result's cells count, by their persons."""
        rows = open_result(
            self._desk.documents.get(self._finished.result),
            broker=self._desk.vault.broker,
            reference=self._reference,
            warehouse=self._desk.vault.warehouse,
            space=self._permit.space,
            run=self._finished.run,
        )
        return sorted({row.persons_ref.removeprefix(PRINT) for row in rows if row.persons_ref.startswith(PRINT)})

    def _work(self) -> SetsWork:
        signed = SignedDocument.from_bytes(self._desk.documents.get(self._finished.study), schema="rempart.study/1")
        study = study_from_dict(signed.body)
        head = head_of(events(self._desk.vault.ledger), self._finished.result)
        return SetsWork(
            by=self._by,
            permit=self._permit,
            commit=snapshot_of(self._by.vault.ledger, self._permit.space, head).origin,
            document=self._finished.study,
            run=self._run,
            parts=study_parts(study, cut=self._permit.period[1]),
            matched=frozenset(f"cohort_{name}" for name in matched_names(study.matchings)),
            stop=_never,
        )


def _never() -> bool:
    return False
