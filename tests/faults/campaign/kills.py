# SPDX-License-Identifier: Apache-2.0
"""Campaign 3: kill -9 at every named step and at random points; the act is done again, and the end is as if nobody had been killed."""

import contextlib
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rempart.journeys.archive import read_header, unseal
from rempart.journeys.backup import registered
from rempart.journeys.chain import kept, spaces
from rempart.journeys.parts import sealed_parts
from rempart.journeys.space import open_space
from rempart.keys.custody import custody_from_bytes, open_recovery
from rempart.keys.share_file import open_custody
from rempart.records.canonical import canonical_bytes
from tests.faults.backup_house import THRESHOLD, share_files
from tests.faults.campaign.count import Section
from tests.faults.warehouse.place import Place

ROOT = Path(__file__).parents[3]
_PATIENCE = 600  # seconds: a busy machine redoes in three minutes what takes ten seconds alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """One life of a victim. ``steps``: told in order; ``ended``: it came to its end; ``seconds``: from ``begun`` on."""

    steps: tuple[str, ...]
    ended: bool
    seconds: float
    code: int


class Victims:
    """Makes victims, one after another, out of a process that has loaded everything and done nothing yet."""

    def __init__(self) -> None:
        paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.campaign.victim"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "Victims":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def live(self, place: Place, act: str, *, step: str = "", nth: int = 1, seconds: float = _PATIENCE) -> Lived:
        """A victim's life: to its end, to its step, or for ``seconds`` from when it has begun. Its whole session dies with it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{place.root}\t{act}\t{step}\t{nth}\n".encode())
        self._process.stdin.flush()
        told, begun, ended, victim = [], 0.0, 0.0, 0
        while not (told and told[-1].startswith("over ")):
            try:
                left = begun + seconds - time.monotonic() if begun and victim else _PATIENCE
                told.append(self._lines.get(timeout=max(left, 0)))
            except queue.Empty:
                with contextlib.suppress(ProcessLookupError):  # it ended just now
                    os.killpg(victim, signal.SIGKILL)
                seconds = _PATIENCE
                continue
            victim = int(told[-1].removeprefix("pid ")) if told[-1].startswith("pid ") else victim
            begun = time.monotonic() if told[-1] == "begun" else begun
            ended = time.monotonic() if told[-1] == "ended" else ended
        steps = tuple(line.removeprefix("step ") for line in told if line.startswith("step "))
        code = int(told[-1].removeprefix("over "))
        return Lived(steps=steps, ended="ended" in told, seconds=(ended or time.monotonic()) - begun, code=code)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.decode().rstrip("\n"))


def after_ingest(place: Place) -> str:
    """What is wrong with the warehouse after the ingest that was done again, '' for nothing."""
    effects = [event for event in place.events() if event.kind == "ingest" and event.phase == "effect"]
    told = [dict(fact.split("=") for fact in event.facts("content")) for event in effects]
    content = place.content()
    known = any(content and content.items() <= one.items() for one in told)
    return _unsound(place) or ("" if known else "the content is not that of a delivery")


def after_rotation(place: Place) -> str:
    """Every kept snapshot of every space opens, under one epoch, to the rows that it had."""
    vault = place.vault()
    for space in spaces(vault.ledger):
        snapshots = kept(vault.ledger, space)
        if len({snapshot.current.epoch for snapshot in snapshots}) != 1:
            return f"{space} lies under several epochs"
        for snapshot in snapshots:
            opened = open_space(vault, space=space, reference="", head=snapshot.origin.head)
            for part in sealed_parts(vault, opened, opened.body.parts, reference=""):
                part.read(0, part.length)
    return _unsound(place)


def after_backup(place: Place) -> str:
    """Every file that is there opens whole; every one is registered; nothing else was left."""
    files = sorted(place.root.glob("kept-*.backup"))
    known = {backup.id for backup in registered(place.events())}
    shares = share_files(place.root)[:THRESHOLD]
    for file in files:
        data = file.read_bytes()
        header = read_header(data)
        custody = custody_from_bytes(canonical_bytes(header.custody))
        unseal(data, private=open_recovery(custody, open_custody(custody, shares, quick_allowed=True)))
        if header.id not in known:
            return f"{file.name} is not registered"
    return _unsound(place)


def _unsound(place: Place) -> str:
    told = place.run("audit", "verify", "--deep")
    found = told.answer["data"]["findings"] if told.answer.get("ok") else told.told
    scratch = [path.name for path in (place.directory / "controller" / "scratch").iterdir() if path.is_dir()]
    return f"the audit finds {found}" if found else f"scratch was left: {scratch}" if scratch else ""


AFTER: Mapping[str, Callable[[Place], str]] = {
    "ingest": after_ingest,
    "rotation": after_rotation,
    "backup": after_backup,
}


def kills(victims: Victims, place: Place, act: str, *, points: int, named: bool, seed: int) -> Section:
    """Kill ``act`` at each named step (the first and the last time it is told) and at ``points`` random instants of its life."""
    section, chance = Section(f"3. kill -9 of {act}, seed {seed}"), random.Random(seed)
    # An ingest's deliveries take turns: a step told more often for one of them is killed as often as both tell it.
    lives = [_undisturbed(victims, place, act) for _ in range(2)]
    told = Counter(lives[0].steps) & Counter(lives[1].steps)
    wanted = [(step, nth) for step, most in told.items() for nth in sorted({1, most})] if named else []
    for step, nth in wanted:
        dead = victims.live(place, act, step=step, nth=nth)
        wrong = _again(victims, place, act) if dead.code == -signal.SIGKILL else f"it did not die: {dead}"
        section.of(f"{act} at {step}").add(caught_by=["ended as undisturbed"] if not wrong else [], slipped=wrong)
    for _ in range(points):
        moment = chance.uniform(0, max(life.seconds for life in lives))
        dead = victims.live(place, act, seconds=moment)
        wrong = _again(victims, place, act)
        where = f"after {moment:.2f} s, {dead.steps[-1] if dead.steps else 'before any step'}"
        section.of(f"{act} at a random instant").add(
            caught_by=["too late" if dead.ended else "ended as undisturbed"] if not wrong else [],
            slipped=wrong and f"{where}: {wrong}",
        )
    return section


def _undisturbed(victims: Victims, place: Place, act: str) -> Lived:
    life = victims.live(place, act)
    if not life.ended or AFTER[act](place):
        raise RuntimeError(f"{act} does not end undisturbed: {life} {AFTER[act](place)}")
    return life


def _again(victims: Victims, place: Place, act: str) -> str:
    """Do the act once more, undisturbed: what is wrong then, '' for nothing."""
    lived = victims.live(place, act)
    return AFTER[act](place) if lived.ended else f"it could not be done again: {lived}"
