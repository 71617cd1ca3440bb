# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the kills: one warehouse built a run, copies with a broker of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.warehouse.place import Place, built, copied, workers_find_the_package
from tests.servers.fixtures import postgres_server

__all__ = ["postgres_server"]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The undamaged warehouse; never to be changed."""
    return built(tmp_path_factory)


@pytest.fixture(autouse=True)
def _workers(monkeypatch: pytest.MonkeyPatch) -> None:
    workers_find_the_package(monkeypatch)


@pytest.fixture(scope="module")
def shared(whole: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A copy for the tests of one file that put back what they damage."""
    with copied(whole, tmp_path_factory.mktemp("shared") / "copy") as place:
        yield place


@pytest.fixture
def place(whole: Place, tmp_path: Path) -> Iterator[Place]:
    """A copy for one test."""
    with copied(whole, tmp_path / "copy") as made:
        yield made
