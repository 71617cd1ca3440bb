# SPDX-License-Identifier: Apache-2.0
"""The key agent of a node: one job's keys, for an attempt, from an open study alone. Its process really runs; Spark is not needed."""

import contextlib
import dataclasses
import datetime
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

import rempart
from rempart.adapters import broker_wire as wire
from rempart.adapters.agent_client import AgentBroker
from rempart.adapters.agent_socket import SOCKET
from rempart.errors import BadInput, Refused, Unavailable
from rempart.journeys.node_agent import LIFETIME, MOST_ATTEMPTS, AgentSurroundings, JobKeys
from rempart.journeys.space import OpenSpace, open_space
from rempart.records.sealed import KeyContext
from rempart.records.shard_job import ShardJob, by_intent
from rempart.wiring import acts
from rempart.wiring.agent import agent_beside
from tests.faults.warehouse.place import SHARDS, Place, Silence, built, copied

pytestmark = pytest.mark.server
Look = Callable[[ShardJob], None]


@dataclasses.dataclass(frozen=True)
class Probe:
    """An engine that looks at its jobs while their study is open, and computes nothing."""

    look: Look
    name: str = "probe"
    own_grants: bool = True
    workers: int = 1

    def run(self, jobs: Sequence[ShardJob], *, stop: Callable[[], bool]) -> Generator[tuple[int, bytes]]:
        self.look(jobs[0])
        raise Unavailable("probe-done")
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with copied(built(tmp_path_factory), tmp_path_factory.mktemp("agent") / "copy") as place:
        yield place


@pytest.fixture(scope="module")
def folder(place: Place) -> Iterator[Path]:
    """Where the agent listens."""
    with agent_beside(place.directory) as folder:
        yield folder


def during(place: Place, look: Look) -> ShardJob:
    """Look at a job of a study that is open; the job, once the study has failed."""
    seen: list[ShardJob] = []

    def kept(job: ShardJob) -> None:
        seen.append(job)
        look(job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acts, "engine_called", lambda *_, **__: contextlib.nullcontext(Probe(kept)))
        with pytest.raises(Unavailable, match="probe-done"):
            acts.run_study_file(
                place.warehouse(),
                file=place.root / "study.toml",
                key_file=Path(place.key("alice")),
                ask=lambda _: "",
                progress=Silence(),
                fresh=True,
            )
    return seen[0]


def opened(place: Place, broker: AgentBroker, job: ShardJob) -> OpenSpace:
    """The job's space, opened as a worker opens it."""
    vault = dataclasses.replace(place.warehouse().vault, broker=broker)
    return open_space(vault, space=job.space, reference=job.grant, head=job.head)


def test_each_attempt_has_a_grant_of_its_own_so_that_a_used_one_is_in_nobodys_way(place: Place, folder: Path) -> None:
    def look(job: ShardJob) -> None:
        assert job.grant == by_intent(job.intent or 0)
        before = grants(place)
        broker = AgentBroker(folder)
        with broker.job(job):
            assert opened(place, broker, job).body.shards == SHARDS
            with pytest.raises(Refused, match="grant-spent"):
                opened(place, broker, job)
        with broker.job(job):  # the executor was lost: the same job again
            assert opened(place, broker, job).body.shards == SHARDS
        assert grants(place) == before + 2

    during(place, look)


def grants(place: Place) -> int:
    """Grants that the ledger tells of."""
    return sum(event.kind == "key-grant" for event in place.events())


def test_a_grant_of_a_job_reads_and_is_no_wider_than_the_permit(place: Place, folder: Path) -> None:
    def look(job: ShardJob) -> None:
        with AgentBroker(folder).job(job):
            told = place.events()[-1]
        assert told.kind == "key-grant"
        uses = {use.removeprefix("use:") for use in told.objects if use.startswith("use:")}
        assert uses
        assert all(use.startswith(f"{job.space}/") and use.endswith("/read") for use in uses)
        assert not [use for use in uses if "/result/" in use or "release_index" in use]
        assert not [secret for secret in told.objects if secret.startswith("secret:")]

    during(place, look)


@pytest.mark.parametrize(
    "altered",
    [
        {"run": "S-0000000000000000"},
        {"space": "P-other"},
        {"head": "sha256:" + "0" * 64},
        {"study": "sha256:" + "0" * 64},
        {"permit": "P-2026-0009"},
        {"grant": by_intent(0)},
        {"grant": by_intent(10**9)},
        {"grant": "0" * 64},
        {"grant": "intent:-1"},
    ],
)
def test_a_job_that_is_not_what_the_ledger_says_is_refused(place: Place, folder: Path, altered: dict[str, str]) -> None:
    def look(job: ShardJob) -> None:
        with pytest.raises(Refused, match="agent-job"), AgentBroker(folder).job(dataclasses.replace(job, **altered)):
            pass

    during(place, look)


def test_the_keys_of_another_space_or_of_another_run_are_not_given(place: Place, folder: Path) -> None:
    def look(job: ShardJob) -> None:
        warehouse = place.warehouse().configuration.warehouse
        for space, table, part in [("warehouse", "person", "p"), (job.space, "evidence", "S-another")]:
            context = KeyContext(warehouse=warehouse, space=space, table=table, sibling="main", part=part, epoch=1)
            broker = AgentBroker(folder)
            with broker.job(job), pytest.raises(Refused, match="agent-job"):
                broker.unwrap(job.grant, [(context, bytes(60))])

    during(place, look)


def test_a_job_that_is_tried_too_often_is_refused(place: Place, folder: Path) -> None:
    def look(job: ShardJob) -> None:
        for _ in range(MOST_ATTEMPTS):
            with AgentBroker(folder).job(job):
                pass
        with pytest.raises(Refused, match="agent-attempts"), AgentBroker(folder).job(job):
            pass

    during(place, look)


def test_a_study_that_has_ended_opens_nothing(place: Place, folder: Path) -> None:
    job = during(place, lambda _: None)
    with pytest.raises(Refused, match="grant-closed"), AgentBroker(folder).job(job):
        pass


def test_nothing_is_given_before_a_job_and_nothing_but_reading_after(place: Place, folder: Path) -> None:
    def look(job: ShardJob) -> None:
        broker = AgentBroker(folder)
        with pytest.raises(Refused, match="agent-reads-only"):
            broker.unwrap(job.grant, [])
        with broker.job(job):
            for act in (
                lambda: broker.wrap(job.grant, []),
                lambda: broker.secrets(job.grant, ["identity"]),
                lambda: broker.sign("ledger", "x"),
                lambda: broker.erase(job.grant),
                broker.lock,
            ):
                with pytest.raises(Refused, match="agent-reads-only"):
                    act()

    during(place, look)


def said(folder: Path, *requests: object) -> list[Any]:
    """What the agent answers to messages that no client of ours sends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(folder / SOCKET))
        found = []
        for request in requests:
            wire.send(connection, request)
            found.append(wire.receive(connection))
        return found


def test_what_is_no_request_is_told_and_served_no_key(folder: Path) -> None:
    job = {"call": "admit", "arguments": {"job": {"schema": "rempart.shard-job/1"}}}
    unknown = {"call": "grant", "arguments": {}}
    early = {"call": "unwrap", "arguments": {"items": []}}
    codes = [answer["code"] for answer in said(folder, [], unknown, early, job, {"call": "admit", "arguments": {}})]
    assert codes == ["broker-request", "broker-request", "broker-request", "shard-job-form", "broker-request"]


def test_the_socket_is_its_accounts_alone_and_goes_with_its_parent(place: Place) -> None:
    with agent_beside(place.directory) as folder:
        assert (folder / SOCKET).stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_uid == os.geteuid()
    assert not folder.exists()
    with pytest.raises(Unavailable, match="agent-unreachable"), AgentBroker(folder).job(job_of_none()):
        pass


def job_of_none() -> ShardJob:
    return ShardJob(run="S-1", space="s", head="h", study="d", permit="p", shards=(0,), grant=by_intent(1))


@contextlib.contextmanager
def agent_for(place: Place, folder: Path, account: int) -> Iterator[None]:
    """An agent as an administrator starts it, which serves another account than its own."""
    folder.mkdir(mode=0o755)
    command = [sys.executable, "-m", "rempart.agent", "--dir", str(place.directory), "--folder", str(folder)]
    command += ["--account", str(account), "--minutes", "5"]
    source = str(Path(rempart.__file__).resolve().parent.parent)
    told = {"PYTHONPATH": source, "REMPART_UNENCRYPTED_SWAP": "allowed"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=told) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["ok"]
            yield
        finally:
            process.terminate()
    assert process.returncode == 0
    assert not (folder / SOCKET).exists()


def asked_as(account: int, folder: Path) -> str:
    """What a process of that account is told: a code, or '' when the connection ends without an answer."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(account, account, account)
            told = said(folder, {"call": "unwrap", "arguments": {"items": []}})[0]["code"]
            os.write(into, told.encode())
        finally:
            os._exit(0)
    os.close(into)
    os.waitpid(child, 0)
    with os.fdopen(out, "rb") as stream:
        return stream.read().decode()


def test_an_agent_serves_the_accounts_that_it_is_told_and_no_other(place: Place) -> None:
    """With root's rights there are two more accounts; without, only its own, which is served."""
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)  # pytest's own folders are closed to others
        folder, other = Path(root) / "run", 54321
        with agent_for(place, folder, other):
            assert asked_as(os.geteuid(), folder) == "broker-request"
            if os.geteuid() == 0:
                assert asked_as(other, folder) == "broker-request"
                assert asked_as(other + 1, folder) == ""


def test_two_agents_of_one_machine_are_in_nobodys_way(place: Place, folder: Path) -> None:
    with agent_beside(place.directory) as other:
        assert other != folder
    assert said(folder, {"call": "unwrap", "arguments": {"items": []}})[0]["code"] == "broker-request"


def test_an_agent_without_this_nodes_key_does_not_begin(place: Place, tmp_path: Path) -> None:
    moved = place.directory / "controller" / "node" / "node.key"
    kept = moved.rename(tmp_path / "node.key")
    try:
        with pytest.raises(Refused, match="node-unknown"), agent_beside(place.directory):
            pass
    finally:
        kept.rename(moved)


class Late:
    """A clock that is told the time."""

    def __init__(self, now: datetime.datetime) -> None:
        self.time = now

    def now(self) -> datetime.datetime:
        return self.time


class Giver:
    """A broker that gives zeros."""

    def unwrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        assert reference == "secret"
        return [bytes(32) for _ in items]


def test_a_grant_is_of_use_for_ten_minutes() -> None:
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    clock = Late(start)
    around = AgentSurroundings(
        broker=cast(Any, Giver()),
        ledger=cast(Any, None),
        documents=cast(Any, None),
        trust=cast(Any, None),
        clock=clock,
        layouts={},
        turn=contextlib.nullcontext(),
    )
    keys = JobKeys(job=job_of_none(), reference="secret", until=start + LIFETIME, around=around)
    context = KeyContext(warehouse="w", space="s", table="manifest", sibling="main", part="m", epoch=1)
    assert keys.unwrap([(context, b"")]) == [bytes(32)]
    clock.time = start + LIFETIME + datetime.timedelta(seconds=1)
    with pytest.raises(Refused, match="agent-expired"):
        keys.unwrap([(context, b"")])


def test_a_reference_is_no_intent_and_an_intent_no_reference() -> None:
    assert job_of_none().intent == 1
    for text in ("", "0" * 64, "intent:", "intent:x", "intent:-1", "intent:١", "intent: 1"):
        assert dataclasses.replace(job_of_none(), grant=text).intent is None
    with pytest.raises(BadInput):
        ShardJob.from_dict(json.loads('{"schema": "rempart.shard-job/1"}'))
