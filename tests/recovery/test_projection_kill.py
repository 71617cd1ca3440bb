# SPDX-License-Identifier: Apache-2.0
"""A process that dies while it projects leaves the state before, with the leaf before; the next look replays and equals a rebuild."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from rempart.adapters.state_database import StateDatabase
from rempart.adapters.state_tables import PROJECTED
from rempart.wiring.projection import build, catch_up, state_url
from rempart.wiring.warehouse import Warehouse
from tests.properties.projected_story import StoryHouse, whole_life
from tests.servers.postgres import PostgresServer

FIRST, THEN = 36, 46
"""Leaves before, and leaves that the process that dies is to project: a release ends between them."""


def content(state: StateDatabase) -> dict[str, list[dict[str, str | int]]]:
    return {name: state.rows(name) for name in PROJECTED}


def dies(house: StoryHouse, leaves: int, statement: int) -> bool:
    """Whether the process was killed before it came to its end."""
    url = state_url(cast(Warehouse, house))
    words = [sys.executable, "-m", "tests.recovery.projector", str(house.controller), url, str(leaves), str(statement)]
    told = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, timeout=120)
    assert told.returncode in {0, -signal.SIGKILL}, told.stderr.decode()
    return told.returncode != 0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> StoryHouse:
    """A story whose projection is empty."""
    if request.param == "sqlite":
        return StoryHouse(whole_life(), tmp_path)
    running: PostgresServer = request.getfixturevalue("postgres_server")
    return StoryHouse(whole_life(), tmp_path, running.database())


@pytest.mark.slow
@pytest.mark.parametrize("statement", [0, 8, 14, 20])
def test_a_killed_projection_replays_and_equals_a_rebuild(house: StoryHouse, statement: int) -> None:
    place = cast(Warehouse, house)
    house.to(FIRST)
    with closing(StateDatabase(state_url(place))) as state:
        catch_up(place, state)
        before, position = content(state), state.position()
        assert position is not None and position.size == FIRST
    assert dies(house, THEN, statement)
    with closing(StateDatabase(state_url(place))) as state:
        assert (content(state), state.position()) == (before, position)
        house.to(THEN)
        catch_up(place, state)
        followed, reached = content(state), state.position()
        assert followed != before and reached is not None and reached.size == THEN
        build(place, state)
        assert (content(state), state.position()) == (followed, reached)


@pytest.mark.slow
def test_a_first_projection_that_is_killed_leaves_nothing_behind(house: StoryHouse) -> None:
    place = cast(Warehouse, house)
    assert dies(house, THEN, 0)
    with closing(StateDatabase(state_url(place))) as state:
        assert state.position() is None
        catch_up(place, state)
        assert len(state.rows("events")) == len(house.story.events)
