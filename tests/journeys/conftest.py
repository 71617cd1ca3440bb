# SPDX-License-Identifier: Apache-2.0
"""Warehouses built once a run and copied for each test that changes one. Every broker started here is ended here."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys.house import SOURCE, House, call, copy_house

SMALL_SHARDS = 4
MEDIUM_SHARDS = 4
MEDIUM_PERSONS = 7000


@pytest.fixture(scope="session", autouse=True)
def _workers_find_the_source() -> Iterator[None]:
    """Worker processes of in-process commands import the same tree; no bars, no swap question of this machine."""
    kept = dict(os.environ)
    os.environ["PYTHONPATH"] = str(SOURCE)
    os.environ.pop("REMPART_DIR", None)
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run see."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "journeys"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def once(shared_folder: Path) -> Callable[[str, Callable[[Path], None]], Path]:
    """``once(name, build)``: the folder that ``build`` made, by whichever worker came first."""

    def made(name: str, build: Callable[[Path], None]) -> Path:
        with (shared_folder / f"{name}.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder, done = shared_folder / name, shared_folder / f"{name}.done"
            if not done.exists():
                folder.mkdir()
                build(folder)
                done.touch()
        return folder

    return made


Once = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def small_delivery(once: Once) -> Path:
    """300 persons, 2012 to 2017; ``truth.json`` beside the folder ``delivery``."""
    return once("small-delivery", lambda folder: _synth(folder, persons=300)) / "delivery"


@pytest.fixture(scope="session")
def small_template(once: Once, small_delivery: Path) -> Path:
    """A locked warehouse of the small delivery with a granted permit for alice and frank."""
    return once("small", lambda folder: _granted(House(folder), small_delivery, shards=SMALL_SHARDS))


@pytest.fixture(scope="session")
def medium_delivery(once: Once) -> Path:
    """Enough persons for a hazard ratio that may be released; planted effect 2."""
    return once("medium-delivery", lambda folder: _synth(folder, persons=MEDIUM_PERSONS)) / "delivery"


@pytest.fixture(scope="session")
def medium_template(once: Once, medium_delivery: Path) -> Path:
    """A locked warehouse of the medium delivery with a finished study run."""

    def build(folder: Path) -> None:
        house = House(folder)
        _granted(house, medium_delivery, shards=MEDIUM_SHARDS, locked=False)
        house.run_study()
        house.lock()

    return once("medium", build)


@pytest.fixture
def house_of(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """``house_of(template)``: an unlocked copy, locked again at the end."""
    made: list[House] = []

    def copy(template: Path, name: str = "house", *, unlocked: bool = True) -> House:
        house = copy_house(template, tmp_path / name)
        made.append(house)
        if unlocked:
            house.unlock()
        return house

    yield copy
    for house in made:
        house.lock()


@pytest.fixture
def small(house_of: Callable[..., House], small_template: Path) -> House:
    """A copy of the small warehouse of one's own."""
    return house_of(small_template)


@pytest.fixture
def new_house(tmp_path: Path) -> Iterator[House]:
    """An empty warehouse, unlocked, everybody enrolled."""
    house = House(tmp_path / "new")
    house.init(shards=SMALL_SHARDS)
    yield house
    house.lock()


def _synth(folder: Path, *, persons: int, effect: float = 2.0) -> None:
    words = ("--persons", str(persons), "--years", "2012:2017", "--seed", "7", "--effect", str(effect))
    assert call("synth", folder, *words).code == 0


def _granted(house: House, delivery: Path, *, shards: int, locked: bool = True) -> None:
    house.init(shards=shards)
    house.told("ingest", delivery)
    permit = house.example("permit", ('persons = ["alice"]', 'persons = ["alice", "frank"]'))
    house.told("permit", "grant", permit, "--key", house.key("claire"))
    house.example("study")
    if locked:
        house.lock()
