# SPDX-License-Identifier: Apache-2.0
"""What goes wrong while a warehouse moves: altered sources, targets that lie or forget, old states, hosts that are away."""

import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.adapters.directory_host import DirectoryHost
from rempart.errors import NotTrusted, Unavailable
from rempart.migration import copy
from rempart.migration.inventory import Entry, Inventory
from rempart.records.sealed import SealedStream
from rempart.wiring import mover as wiring
from rempart.wiring import moving
from tests.move_house import MoveHouse, contents


@pytest.fixture
def house(tmp_path: Path) -> MoveHouse:
    """Two snapshots, ordered to move."""
    made = MoveHouse(tmp_path)
    for seed in ("move one", "move two"):
        made.commit(seed)
    made.order()
    return made


def a_part(house: MoveHouse, folder: Path) -> tuple[str, Path]:
    """One part of the newest snapshot."""
    name = house.made[-1].body.parts[0].object
    return name, folder / name


def test_everything_that_the_log_names_arrives_and_nothing_else(house: MoveHouse) -> None:
    (house.source / "o" / ("e" * 32)).write_bytes(b"an upload that was never committed")
    ended = house.run()
    assert (ended.code, ended.report["copied"], ended.failed) == (0, len(house.names()), {})
    assert ended.report["root"] == ended.report["proven"]
    there = contents(house.target)
    assert set(there) == house.names() | {"s/1", "s/2"}
    assert all(there[name] == data for name, data in contents(house.source).items() if name in there)
    again = house.run()
    assert (again.code, again.report["already"], again.report["copied"]) == (0, len(house.names()), 0)
    assert house.run(verify=True).report["root"] == ended.report["root"]


ALTERATIONS: dict[str, Callable[[Path], object]] = {
    "a bit": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
    "its last bit": lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 128])),
    "shorter": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("how", ALTERATIONS)
def test_an_altered_part_of_the_source_is_reported_and_gets_no_name_on_the_target(house: MoveHouse, how: str) -> None:
    name, path = a_part(house, house.source)
    ALTERATIONS[how](path)
    ended = house.run()
    assert ended.code == NotTrusted.exit_code
    assert ended.failed == {name: "move-source-absent" if how == "gone" else "move-source-altered"}
    assert set(contents(house.target)) == (house.names() | {"s/1", "s/2"}) - {name}
    assert ended.report["root"] != ended.report["proven"]


@pytest.mark.parametrize("how", ALTERATIONS)
@pytest.mark.parametrize("which", ["manifest", "keyring"])
def test_an_altered_manifest_or_keyring_stops_the_move_before_any_object(
    house: MoveHouse, how: str, which: str
) -> None:
    ALTERATIONS[how](house.source / getattr(house.made[0].commit, which))
    ended = house.run()
    assert (ended.code, ended.error) == (NotTrusted.exit_code, "object-absent" if how == "gone" else which)
    assert contents(house.target) == {}


def test_a_source_put_back_to_yesterday_is_not_moved_faithfully(tmp_path: Path) -> None:
    house = MoveHouse(tmp_path)
    house.commit("yesterday")
    shutil.copytree(house.source, tmp_path / "a-yesterday")
    shutil.copytree(tmp_path / "ledger", tmp_path / "ledger-yesterday")
    house.commit("today")
    kept = house.ledger.checkpoint()
    for name in ("a", "ledger"):
        shutil.rmtree(tmp_path / name)
        shutil.copytree(tmp_path / f"{name}-yesterday", tmp_path / name)
    house.order(kept=kept)
    ended = house.run()
    assert (ended.code, ended.error) == (NotTrusted.exit_code, "ledger-rolled-back")
    house.order()
    assert house.run().code == 0, "without the checkpoint from outside nobody could have known"


def test_another_history_than_the_kept_one_is_refused(tmp_path: Path) -> None:
    one, other = MoveHouse(tmp_path / "one"), MoveHouse(tmp_path / "other")
    for house, seed in ((one, "history"), (other, "another history")):
        house.root.mkdir()
        house.commit(seed)
        house.commit(seed + " again")
    one.order(kept=other.ledger.checkpoint())
    ended = one.run()
    assert (ended.code, ended.error) == (NotTrusted.exit_code, "consistency-proof")


def test_a_leaf_put_into_the_evidence_is_refused(house: MoveHouse) -> None:
    file = house.folder / "log.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"0"', '"9"', 1), encoding="utf-8")
    ended = house.run()
    assert (ended.code, ended.error) == (NotTrusted.exit_code, "move-log")


class Wrapped(DirectoryHost):
    """A host whose answers a test bends."""

    bend: Callable[[str, bytes], bytes] = staticmethod(lambda name, data: data)
    forget: frozenset[str] = frozenset()
    away = 0

    def put_stream(self, name: str, stream: SealedStream) -> bool:
        """Stores something else than what it was given, and says it is done."""
        data = b"".join(stream.chunks)
        if self.away:
            type(self).away -= 1
            raise Unavailable("host-unreachable", host=self.label)
        if name in self.forget:
            return True
        return super().put_stream(name, SealedStream(size=len(new := type(self).bend(name, data)), chunks=iter([new])))


@pytest.fixture
def bent(house: MoveHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Wrapped]]:
    """The target is a ``Wrapped``; waits are short."""

    class Bent(Wrapped):
        pass

    true = wiring.reach

    def reach(place: wiring.Place, credentials: dict[str, str]) -> DirectoryHost:
        return Bent(house.target) if place.name == "b" else true(place, credentials)  # type: ignore[return-value]

    monkeypatch.setattr(wiring, "reach", reach)
    monkeypatch.setattr(moving, "_FIRST_WAIT", 0.001)
    yield Bent


def test_a_target_that_stores_other_bytes_is_found_by_the_second_reading(house: MoveHouse, bent: type[Wrapped]) -> None:
    name, _ = a_part(house, house.target)
    bent.bend = staticmethod(lambda given, data: data[::-1] if given == name else data)
    ended = house.run_here()
    assert (ended.code, ended.failed) == (NotTrusted.exit_code, {name: "move-target-altered"})
    assert name not in contents(house.target), "what the target made of it was left there under its name"


def test_a_target_that_says_done_and_stores_nothing_is_found(house: MoveHouse, bent: type[Wrapped]) -> None:
    name, _ = a_part(house, house.target)
    bent.forget = frozenset({name})
    ended = house.run_here()
    assert (ended.code, ended.failed) == (NotTrusted.exit_code, {name: "move-target-altered"})


def test_a_target_that_is_away_for_a_while_is_asked_again(house: MoveHouse, bent: type[Wrapped]) -> None:
    bent.away = 3
    ended = house.run_here(threads=1)
    assert (ended.code, ended.failed) == (0, {})
    assert set(contents(house.target)) == house.names() | {"s/1", "s/2"}


def test_a_target_that_stays_away_is_told_and_the_next_run_goes_on(house: MoveHouse, bent: type[Wrapped]) -> None:
    bent.away = moving.TRIES
    ended = house.run_here(threads=1)
    assert (ended.code, len(ended.failed)) == (Unavailable.exit_code, 1)
    after = house.run()
    assert (after.code, after.report["copied"]) == (0, 1)


@pytest.mark.parametrize("how", ALTERATIONS)
def test_what_the_target_loses_afterwards_is_found_by_verify_and_mended_by_a_run(house: MoveHouse, how: str) -> None:
    assert house.run().code == 0
    name, path = a_part(house, house.target)
    ALTERATIONS[how](path)
    ended = house.run(verify=True)
    assert (ended.code, ended.failed) == (NotTrusted.exit_code, {name: "move-target-altered"})
    mended = house.run()
    expected = "copied" if how == "gone" else "replaced"
    assert (mended.code, mended.report[expected], mended.failed) == (0, 1, {})
    assert house.run(verify=True).code == 0


def test_half_an_object_left_by_a_dead_mover_is_replaced(house: MoveHouse) -> None:
    name, path = a_part(house, house.target)
    path.write_bytes((house.source / name).read_bytes()[:100])
    ended = house.run()
    assert (ended.code, ended.report["replaced"]) == (0, 1)


def test_a_progress_file_that_lies_is_not_believed(house: MoveHouse) -> None:
    (house.folder / "progress").write_text("".join(f"{name} copied\n" for name in house.names()), encoding="ascii")
    ended = house.run()
    assert ended.report["copied"] == len(house.names())


def test_without_the_second_reading_a_lying_target_would_pass(
    house: MoveHouse, bent: type[Wrapped], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _ = a_part(house, house.target)
    bent.bend = staticmethod(lambda given, data: data[::-1] if given == name else data)
    monkeypatch.setattr(copy, "holds", lambda *_, **__: True)
    assert house.run_here().code == 0


def test_two_movers_do_not_work_on_one_move(house: MoveHouse) -> None:
    with wiring.MoveFolder(house.folder).held("mover"):
        ended = house.run()
    assert (ended.code, ended.error) == (Unavailable.exit_code, "move-running")


def test_a_move_of_another_warehouse_is_refused(house: MoveHouse) -> None:
    file = house.folder / "plan.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"warehouse": "5f', '"warehouse": "6f'), encoding="utf-8")
    assert house.run().error == "manifest"


def test_memory_is_bounded_whatever_the_size_of_an_object(tmp_path: Path) -> None:
    house = MoveHouse(tmp_path)
    house.commit_heavy(DirectoryHost.create(house.source), parts=2, size=200 << 20)
    house.order()
    ended = house.run(threads=4)
    assert (ended.code, ended.failed) == (0, {})
    assert ended.report["bytes"] > 400 << 20
    assert 0 < ended.report["memory"] < 200_000_000
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()


def test_memory_is_bounded_whatever_the_number_of_objects() -> None:
    def entries(seed: int) -> Iterator[Entry]:
        return (Entry(f"o/{n * 7919 + seed:032x}", n, f"{n:064x}") for n in range(20_000))

    tracemalloc.start()
    inventory = Inventory(entries(1))
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(inventory) == 20_000
    assert kept < 60 * len(inventory), "57 bytes an object"
    assert peak < 400 * len(inventory), "a million objects below 400 MB while they are sorted"
