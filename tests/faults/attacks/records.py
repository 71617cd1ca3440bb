# SPDX-License-Identifier: Apache-2.0
"""Attacks on what the house remembers: rows written straight into the database of lists, and the files of ledger and documents altered.

Stopped means: no list tells what the ledger does not, no state is another; what was altered is refused at opening or named by the audit.
"""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

from sqlalchemy import create_engine, text

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.ledger_files import record, records
from rempart.adapters.state_database import StateDatabase
from rempart.adapters.state_tables import PROJECTED
from rempart.audit.retention import check_purged
from rempart.audit.tree import hash_of
from rempart.errors import RempartError
from rempart.journeys.release import current_state
from rempart.records.event import LedgerEvent, purged_leaf
from rempart.wiring.projection import catch_up, desks_over, rows, state_url
from rempart.wiring.warehouse import Warehouse
from tests.faults.attacks.attack import Attack, Outcome
from tests.faults.kept_house import KeptHouse, days_after
from tests.properties.ledger_story import ORIGIN, PUBLIC, audit
from tests.properties.projected_story import FIRST, StoryHouse, whole_life
from tests.properties.wayout_histories import RELEASE

Draw = random.Random
LOOKED_AT = frozenset({"control-monthly"})
"""What the audit says of the untouched house: its second month was not controlled yet."""


def written(count: int, seed: int) -> Iterator[Attack]:
    """Rows that nobody projected, at a place of the history that is drawn."""
    draw = random.Random(seed)
    for number in range(count):
        size = draw.randrange(40, 56)
        for kind, words in _SQL.items():
            statement = words(draw)
            name = f"{kind} {number} after {size} leaves: {statement}"
            yield Attack(kind=kind, name=name, run=lambda statement=statement, size=size: _ignored(statement, size))


def _one(*words: str) -> Callable[[Draw], str]:
    return lambda draw: draw.choice(words)


_SQL: dict[str, Callable[[Draw], str]] = {
    "a vote written": _one(
        f"INSERT INTO votes VALUES ('sha256:0', '{RELEASE}', 'bob', 'approve')",
        "UPDATE votes SET verdict = 'approve', checker = 'frank'",
    ),
    "a permit written": _one(
        "INSERT INTO permits VALUES ('P-2026-0404', 'mine', '2026-01-01', '2036-01-01', '2026-01-01')",
        "UPDATE permits SET valid_to = '2099-12-31'",
        "UPDATE clocks SET due = '2099-12-31', started = '2099-01-01'",
    ),
    "a job written": _one(
        "INSERT INTO code_jobs VALUES (9001, 'P-2026-0001', 'J-9', 'done', '2026-01-01')",
        "UPDATE code_jobs SET state = 'done' WHERE run = 'J-1'",
    ),
    "a state written": _one(
        f"UPDATE releases SET state = 'approved' WHERE release = '{FIRST}' OR release = '{RELEASE}'",
        "UPDATE projects SET state = 'active'",
    ),
    "a row taken away": _one("DELETE FROM permits", "DELETE FROM projects"),
    "an event changed": _one("UPDATE events SET kind = 'hash'", "DELETE FROM events WHERE position > 3"),
    "the projection's own place": _one(
        "UPDATE projection SET position = 0", "UPDATE projection SET leaf = ''", "DELETE FROM projection"
    ),
}


def _ignored(statement: str, size: int) -> Outcome:
    """Whether lists and states are those of the ledger, right after and once it has grown."""
    folder = Path(tempfile.mkdtemp(prefix="rempart-sql-"))
    try:
        house = StoryHouse(whole_life(), folder)
        place = cast(Warehouse, house)
        house.to(size)
        with closing(StateDatabase(state_url(place))) as state:
            catch_up(place, state)
        before, engine = _states(place), create_engine(state_url(place))
        try:
            with engine.begin() as connection:
                connection.execute(text(statement))
        except Exception as error:  # noqa: BLE001  the database itself refused
            return Outcome(stopped=True, by=type(error).__name__)
        finally:
            engine.dispose()
        wrong = [name for name in PROJECTED if rows(place, name) != _true(house, name)]
        good = not wrong and _states(place) == before
        return Outcome(stopped=good, by="the ledger's rows" if good else ", ".join(wrong) or "a state")
    finally:
        shutil.rmtree(folder)


def _true(house: StoryHouse, name: str) -> list[dict[str, str | int]]:
    with tempfile.TemporaryDirectory() as folder:
        other = StoryHouse(house.story, Path(folder))
        other.to(house.ledger.size())
        return rows(cast(Warehouse, other), name)


def _states(place: Warehouse) -> list[object]:
    """What the desk itself says, which reads no database."""
    desk = desks_over(place, place.ledger.leaves()).releases
    return [current_state(desk, name) for name in (FIRST, RELEASE)]


def altered(count: int, seed: int) -> Iterator[Attack]:
    """Files of a ledger that was purged once, altered by who can write the folder."""
    draw = random.Random(seed)
    for number in range(count):
        for kind, alter in _ALTER.items():
            mine = random.Random(draw.random())
            yield Attack(
                kind=kind,
                name=f"{kind} {number}",
                run=lambda kind=kind, alter=alter, mine=mine: _caught(alter, mine, opening=kind == HIDDEN),
            )


HIDDEN = "an act hidden, seen at opening"


def _caught(alter: Callable[[Path, Draw], None], draw: Draw, *, opening: bool) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix="rempart-ledger-"))
    try:
        house = KeptHouse(folder / "ledger")
        house.control()
        house.now = days_after(366)
        house.purge()
        alter(folder, draw)
        try:
            check_purged(DirectoryLedger(folder / "ledger", origin=ORIGIN, public=PUBLIC, sign=None).leaves())
        except RempartError as error:
            return Outcome(stopped=True, by=error.code)
        return Outcome(stopped=False, by="opened") if opening else _named(house, folder)
    finally:
        shutil.rmtree(folder)


def _named(house: KeptHouse, folder: Path) -> Outcome:
    raw = DirectoryLedger(folder / "ledger", origin=ORIGIN, public=PUBLIC, sign=None).raw()
    found = audit(
        house.story,
        leaves=raw.leaves,
        checkpoint=raw.checkpoint,
        hashes=raw.hashes,
        history=raw.history,
        document=house.documents.get,
        now=house.now,
    )
    rules = sorted({item.rule for item in found.items} - LOOKED_AT)
    return Outcome(stopped=bool(rules), by=rules[0] if rules else "nothing was found")


def _leaves(folder: Path) -> list[bytes]:
    return records((folder / "ledger" / "leaves").read_bytes())[0]


def _store(folder: Path, leaves: list[bytes]) -> None:
    (folder / "ledger" / "leaves").write_bytes(b"".join(map(record, leaves)))


def _edit(change: Callable[[list[bytes], Draw], None]) -> Callable[[Path, Draw], None]:
    """An attack on the list of leaves."""

    def alter(folder: Path, draw: Draw) -> None:
        leaves = _leaves(folder)
        change(leaves, draw)
        _store(folder, leaves)

    return alter


def _swap(leaves: list[bytes], draw: Draw) -> None:
    one, other = draw.sample(range(len(leaves)), 2)
    leaves[one], leaves[other] = leaves[other], leaves[one]


def _content(leaves: list[bytes], draw: Draw) -> None:
    index = draw.choice([i for i, leaf in enumerate(leaves) if b"purged" not in leaf])
    leaves[index] = leaves[index].replace(b'"class":"act"', b'"class":"trace"').replace(b"effect", b"failed")


def _hide(leaves: list[bytes], draw: Draw) -> None:
    """An act, or one more trace, keeps its hash alone: no root changes."""
    index = draw.choice([i for i, leaf in enumerate(leaves) if LedgerEvent.from_leaf(leaf).event_class == "act"])
    leaves[index] = purged_leaf(hash_of(leaves[index]))


def _bit(name: str) -> Callable[[Path, Draw], None]:
    def alter(folder: Path, draw: Draw) -> None:
        path = draw.choice(sorted(path for path in folder.glob(name) if path.is_file()))
        data = bytearray(path.read_bytes())
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)

    return alter


def _cut(folder: Path, draw: Draw) -> None:
    path = folder / "ledger" / "leaves"
    data = path.read_bytes()
    path.write_bytes(data[: draw.randrange(len(data))])


def _without_document(folder: Path, draw: Draw) -> None:
    named = {event.fact("document") for event in map(LedgerEvent.from_leaf, _leaves(folder)) if event.fact("document")}
    draw.choice(
        [folder / "documents" / str(one).removeprefix("sha256:") for one in sorted(filter(None, named))]
    ).unlink()


_ALTER: dict[str, Callable[[Path, Draw], None]] = {
    HIDDEN: _edit(_hide),
    "a leaf's content": _edit(_content),
    "leaves in another order": _edit(_swap),
    "a leaf twice": _edit(lambda leaves, draw: leaves.insert(0, draw.choice(leaves))),
    "a leaf taken out": _edit(lambda leaves, draw: leaves.__delitem__(draw.randrange(len(leaves)))),
    "a purged leaf put back as another": _edit(
        lambda leaves, draw: leaves.__setitem__(leaves.index(next(x for x in leaves if b'purged":' in x)), leaves[0])
    ),
    "the file cut": _cut,
    "a bit of the leaves": _bit("ledger/leaves"),
    "a bit of the checkpoint": _bit("ledger/checkpoint"),
    "a bit of a tile": _bit("ledger/tiles/**/*"),
    "a document that a leaf names is gone": _without_document,
}
