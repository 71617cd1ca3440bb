# SPDX-License-Identifier: Apache-2.0
"""The projection promises the same of SQLite and of PostgreSQL: it follows the ledger, and nothing written beside it counts."""

import datetime
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from rempart.adapters.state_database import StateDatabase
from rempart.adapters.state_tables import PROJECTED, form_of_rows
from rempart.errors import BadInput, Unavailable
from rempart.journeys.project_clocks import due
from rempart.journeys.projects import clocks_of
from rempart.wiring.projection import catch_up, desks_over, rows, state_url
from rempart.wiring.warehouse import Warehouse
from tests.properties.ledger_story import PERMIT, Story
from tests.properties.projected_story import FIRST, LATE, StoryHouse, whole_life
from tests.properties.wayout_histories import RELEASE
from tests.servers.postgres import PostgresServer

ID = PERMIT.partition(":")[2]
Made = Callable[[Story], StoryHouse]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """A warehouse of a story whose projection lies in one of the two."""
    if request.param == "sqlite":
        return lambda story: StoryHouse(story, tmp_path)
    running: PostgresServer = request.getfixturevalue("postgres_server")
    return lambda story: StoryHouse(story, tmp_path, running.database())


def place(house: StoryHouse) -> Warehouse:
    """The stand-in, where a warehouse is asked for."""
    return cast(Warehouse, house)


def content(house: StoryHouse) -> dict[str, list[dict[str, str | int]]]:
    """Every table as it lies there."""
    with closing(StateDatabase(state_url(place(house)))) as state:
        return {name: state.rows(name) for name in PROJECTED}


def follow(house: StoryHouse, size: int) -> None:
    """Bring the projection up to the first leaves."""
    house.to(size)
    with closing(StateDatabase(state_url(place(house)))) as state:
        catch_up(place(house), state)


def sql(house: StoryHouse, words: str) -> None:
    """What somebody with the database's own rights does."""
    engine = create_engine(state_url(place(house)))
    try:
        with engine.begin() as connection:
            connection.execute(text(words))
    finally:
        engine.dispose()


def anew(house: StoryHouse, folder: Path) -> dict[str, list[dict[str, str | int]]]:
    """All of it, projected at once into an empty file."""
    folder.mkdir(exist_ok=True)
    other = StoryHouse(house.story, folder)
    (folder / "state.db").unlink(missing_ok=True)
    follow(other, house.ledger.size())
    return content(other)


def test_a_projection_that_followed_leaf_by_leaf_equals_one_made_at_once(made: Made, tmp_path: Path) -> None:
    house = made(whole_life())
    for size in range(1, len(house.story.events) + 1):
        follow(house, size)
        if size % 4 == 0 or size == len(house.story.events):
            assert content(house) == anew(house, tmp_path / "other"), size
    found = content(house)
    assert [row["permit"] for row in found["permits"]] == [ID]
    assert {(row["release"], row["state"]) for row in found["releases"]} == {
        (FIRST, "released"),
        (RELEASE, "withdrawn"),
        (LATE, "approved"),
    }
    assert {row["checker"] for row in found["votes"]} == {"bob", "dora", "alice", "gina"}
    assert {(row["run"], row["state"]) for row in found["code_jobs"]} == {("J-1", "open"), ("J-2", "done")}
    assert {(row["permit"], row["state"]) for row in found["projects"]} >= {("P-2026-0002", "agreed"), (ID, "erased")}
    assert len(found["events"]) == len(house.story.events)


def test_clocks_on_any_day_are_those_that_the_ledger_gives(made: Made) -> None:
    house = made(whole_life())
    seen: set[tuple[str, str]] = set()
    for size in range(1, len(house.story.events) + 1, 3):
        follow(house, size)
        running, projects = rows(place(house), "clocks"), rows(place(house), "projects")
        desk = desks_over(place(house), house.story.leaves[:size]).projects
        for later in (0, 8, 100, 400, 900):
            moment = house.story.now + datetime.timedelta(days=later)
            told = [(one.permit, one.running) for one in due(desk, running, projects, moment)]
            true = [
                (str(row["permit"]), one) for row in projects for one in clocks_of(desk, str(row["permit"]), moment)
            ]
            assert sorted(told, key=repr) == sorted(true, key=repr), (size, later)
            seen |= {(one.clock.name, one.status) for _, one in told}
    assert seen >= {("completeness", "overdue"), ("access-review", "runs"), ("erasure", "runs"), ("results", "overdue")}


def test_votes_of_a_release_in_review_have_no_row(made: Made) -> None:
    house = made(whole_life())
    first = house.story.index("vote")
    for size in range(first, first + 3):
        follow(house, size)
        assert content(house)["votes"] == []


def test_a_look_at_the_same_leaves_writes_nothing(made: Made) -> None:
    house = made(whole_life())
    follow(house, 20)
    sql(house, "UPDATE projection SET content = 'left alone' WHERE name = 'votes'")
    follow(house, 20)
    engine = create_engine(state_url(place(house)))
    with closing(engine.connect()) as connection:
        assert "left alone" in set(connection.scalars(text("SELECT content FROM projection")))
    engine.dispose()


def test_what_projects_another_history_is_dropped(made: Made) -> None:
    house, other = made(whole_life()), whole_life()
    follow(house, 20)
    other.edit(19, kind="hash")
    house.story = other
    follow(house, 20)
    assert content(house)["events"][19]["kind"] == "hash"
    follow(house, 12)
    assert len(content(house)["events"]) == 12


WRITTEN = {
    "permits": "INSERT INTO permits VALUES ('P-2026-0404', 'mine', '2026-01-01', '2036-01-01', '2026-01-01')",
    "releases": f"UPDATE releases SET state = 'approved' WHERE release = '{RELEASE}'",
    "votes": f"INSERT INTO votes VALUES ('sha256:00', '{RELEASE}', 'bob', 'approve')",
    "code_jobs": "UPDATE code_jobs SET state = 'done'",
    "projects": "DELETE FROM projects",
    "clocks": "UPDATE clocks SET due = '2099-12-31'",
}


@pytest.mark.parametrize("table", sorted(WRITTEN))
def test_a_row_that_the_ledger_did_not_give_is_never_listed(made: Made, table: str) -> None:
    house = made(whole_life())
    follow(house, 40)
    before = content(house)
    sql(house, WRITTEN[table])
    assert rows(place(house), table) == before[table]
    assert content(house) == before


@pytest.mark.parametrize(
    "words",
    [
        "INSERT INTO events VALUES (20, 'hash', 'intent', 'operation:hash', '')",
        "INSERT INTO votes SELECT document || '0', release, checker, verdict FROM votes",
        "UPDATE projection SET content = 'no number'",
        "UPDATE projection SET position = 3",
        "DELETE FROM projection",
    ],
)
def test_what_was_written_in_the_way_of_new_leaves_is_gone_with_them(made: Made, words: str) -> None:
    house = made(whole_life())
    follow(house, 20)
    sql(house, words)
    house.to(50)
    assert len(rows(place(house), "events")) == 50
    assert len(rows(place(house), "permits")) == 1


@pytest.mark.parametrize("words", ["UPDATE events SET kind = 'hash'", "DELETE FROM events"])
def test_events_are_never_changed_by_sql(made: Made, words: str) -> None:
    house = made(whole_life())
    follow(house, 20)
    with pytest.raises(DatabaseError, match="never changed"):
        sql(house, words)


@pytest.mark.server
def test_events_are_not_emptied_at_once_either(postgres_server: PostgresServer, tmp_path: Path) -> None:
    house = StoryHouse(whole_life(), tmp_path, postgres_server.database())
    follow(house, 20)
    with pytest.raises(DatabaseError, match="never changed"):
        sql(house, "TRUNCATE events")


def test_rows_are_read_in_pages_and_by_column(made: Made) -> None:
    house = made(whole_life())
    everything = rows(place(house), "events")
    page = rows(place(house), "events", after=(9,), limit=5)
    assert page == everything[10:15]
    found = rows(place(house), "events", where={"kind": "vote", "phase": "effect"}, limit=2)
    assert found == [row for row in everything if (row["kind"], row["phase"]) == ("vote", "effect")][:2]


def test_of_two_that_project_at_once_the_slower_reads_again(made: Made) -> None:
    house = made(whole_life())
    follow(house, 10)
    with closing(StateDatabase(state_url(place(house)))) as slow:
        before = slow.position()
        assert before is not None
        follow(house, 20)
        with pytest.raises(Unavailable, match="state-moved"):
            slow.apply({}, before=before, after=before, replaced={})
    assert len(content(house)["events"]) == 20


def test_a_table_of_an_earlier_program_is_built_anew(made: Made) -> None:
    house = made(whole_life())
    sql(house, "CREATE TABLE events (position INTEGER PRIMARY KEY, kind TEXT)")
    follow(house, 20)
    assert len(content(house)["events"]) == 20
    sql(house, "UPDATE projection SET form = '0'")
    follow(house, 20)
    assert len(content(house)["events"]) == 20


def test_a_program_with_other_clocks_drops_what_was_made_by_these(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    house = made(whole_life())
    follow(house, 20)
    sql(house, "UPDATE projection SET content = 'of before'")  # would be left alone, were the clocks the same
    monkeypatch.setattr("rempart.adapters.state_tables._DATA", ("permits/clocks.toml",))
    form_of_rows.cache_clear()
    try:
        follow(house, 20)
        assert len(content(house)["clocks"]) > 0
    finally:
        form_of_rows.cache_clear()


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    house = StoryHouse(whole_life(), tmp_path, f"postgresql+psycopg://somebody@/none?host={tmp_path}")
    with pytest.raises(Unavailable, match="state-unreachable"):
        follow(house, 5)


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://somebody:open@/none", "mysql://somebody@host/none", "no url", "sqlite://", "sqlite:///"],
)
def test_an_address_with_a_secret_or_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="state-url"):
        StateDatabase(url)


def test_nothing_but_lists_reads_the_database() -> None:
    source = Path(__file__).resolve().parents[2] / "src" / "rempart"
    named = {
        (path.relative_to(source).as_posix(), name)
        for path in source.rglob("*.py")
        for name in ("state_database", "state_tables", "wiring.projection")
        if f"{name} import" in path.read_text(encoding="utf-8")
    }
    assert named == {
        ("adapters/state_database.py", "state_tables"),
        ("wiring/projection.py", "state_database"),
        ("wiring/keeping.py", "wiring.projection"),  # after a purge: it writes, and reads nothing back
        ("cli/data_commands.py", "wiring.projection"),
        ("cli/project_commands.py", "wiring.projection"),
        ("cli/result_commands.py", "wiring.projection"),
    }
