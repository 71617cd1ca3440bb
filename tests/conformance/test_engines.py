# SPDX-License-Identifier: Apache-2.0
"""What ports.engine.Engine promises, of the pool of processes and of Spark: one suite for both."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.errors import BadInput, Cancelled, Missing, NotTrusted, Refused, RempartError, Unavailable
from rempart.ports.engine import Engine
from tests.conformance.engine_house import MEMORY, EngineHouse, java, local_engine, spark_engine
from tests.conformance.stand_in_worker import FACTS, evidence
from tests.faults.warehouse.place import workers_find_the_package

pytestmark = [pytest.mark.server, pytest.mark.slow]
FAMILIES = [Refused, NotTrusted, Missing, BadInput, Unavailable]


@pytest.fixture(scope="module", params=["local", "spark"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Engine]]:
    folder = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as patch:
        workers_find_the_package(patch)
        if request.param == "local":
            yield folder, local_engine(folder, patch)
            return
        java()
        with spark_engine(folder) as spark:
            yield folder, spark


@pytest.fixture
def house(engine: tuple[Path, Engine]) -> EngineHouse:
    return EngineHouse(*engine)


def whole(house: EngineHouse, shards: int) -> dict[int, bytes]:
    """What every shard must answer."""
    return {shard: evidence(house.run, shard) for shard in range(shards)}


def test_every_shard_is_answered_once_whatever_the_order_and_the_groups(house: EngineHouse) -> None:
    shards = list(range(9))
    random.Random(1).shuffle(shards)
    assert house.answers([[shard] for shard in shards]) == whole(house, 9)
    assert house.answers([shards[:4], shards[4:7], shards[7:]]) == whole(house, 9)


def test_no_job_is_no_answer(house: EngineHouse) -> None:
    assert house.answers([]) == {}


def test_an_engine_says_its_name_and_how_many_shards_it_computes_at_once(house: EngineHouse) -> None:
    assert house.engine.name in {"local", "spark"}
    assert house.engine.workers == 2
    assert house.engine.own_grants == (house.engine.name == "spark")


@pytest.mark.parametrize("family", FAMILIES)
def test_an_error_arrives_by_family_code_and_facts_and_the_engine_goes_on(
    house: EngineHouse, family: type[RempartError]
) -> None:
    house.plan({2: family.family})
    with pytest.raises(family) as caught:
        house.answers([[0, 1], [2, 3], [4]])
    assert (type(caught.value), caught.value.code, caught.value.facts) == (family, "as-told", FACTS)
    house.plan({})
    assert house.answers([[0, 1], [2]]) == whole(house, 3)


@pytest.mark.parametrize(
    ("what", "code", "facts"),
    [
        ("die", "worker-died", {"shard": 3}),
        ("kill", "worker-killed", {"shard": 3, "limit": round(MEMORY / 10**6)}),
        ("memory", "shard-memory", {"shard": 3, "limit": round(MEMORY / 10**6)}),
    ],
)
def test_a_worker_that_ends_is_told_with_the_shard_it_was_at(
    house: EngineHouse, what: str, code: str, facts: dict[str, int]
) -> None:
    house.plan({3: what})
    with pytest.raises(Unavailable) as caught:
        house.answers([[0, 1], [2, 3]])
    assert (caught.value.code, caught.value.facts) == (code, facts)


def test_a_shard_whose_worker_crashed_once_is_answered_at_the_next_try(house: EngineHouse) -> None:
    """Spark tries again by itself; the pool leaves it to the run, which asks with a fresh grant."""
    house.plan({1: "die-once"})
    found: dict[int, bytes] = {}
    for _ in range(2):
        missing = [[shard] for shard in range(4) if shard not in found]
        try:
            for shard, sealed in house.engine.run(house.jobs(missing), stop=lambda: False):
                found[shard] = sealed
            break
        except Unavailable as error:
            assert (error.code, house.engine.name) == ("worker-died", "local")
    assert found == whole(house, 4)


def test_a_run_is_cancelled_within_seconds_and_nothing_of_it_computes_on(house: EngineHouse) -> None:
    house.plan({1: "wait"})
    stopped, told = threading.Event(), []

    def run() -> None:
        try:
            house.answers([[0], [1], [2]], stop=stopped.is_set)
        except RempartError as error:
            told.append(error)

    runner = threading.Thread(target=run)
    runner.start()
    worker = house.waits(1)
    stopped.set()
    runner.join(30)
    assert not runner.is_alive()
    assert [(type(error), error.code, error.facts) for error in told] == [
        (Cancelled, "run-cancelled", {"run": house.run})
    ]
    assert house.gone(worker)
    house.plan({})
    assert house.answers([[0]]) == whole(house, 1)


def test_nothing_computes_on_after_the_answers_are_closed(house: EngineHouse) -> None:
    house.plan({1: "wait"})
    answers = house.engine.run(house.jobs([[0], [1]]), stop=lambda: False)
    assert next(answers) == (0, evidence(house.run, 0))
    worker = house.waits(1)
    answers.close()
    assert house.gone(worker)


def test_an_error_ends_what_other_workers_are_at(house: EngineHouse) -> None:
    house.plan({0: "wait", 1: "refused"})
    with pytest.raises(Refused, match="as-told"):
        house.answers([[0], [1]])
    assert not (house.directory / "pid-0").exists() or house.gone(house.waits(0))
