# SPDX-License-Identifier: Apache-2.0
"""Several writers of one space at once, on every kind of host: the ledger takes one, whatever the host answers; the others are told.

The broker is pretended; host, ledger and commit are the real ones.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rempart.adapters.directory_host import DirectoryHost
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.errors import RempartError, Unavailable
from rempart.journeys.recorded import Act, Recorder
from rempart.journeys.space import SpaceWriter, Vault, commits, newest_commit, open_space, read_parts
from rempart.ports.host import Host
from rempart.records.sealed import KeyContext, SpaceCommit
from rempart.records.signature import sign, sign_text
from rempart.vault.commit import check_chain
from tests.faults.faulty_host import Faults, FaultyHost, Patient
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC
from tests.servers import hosts

SPACE, WRITERS = "warehouse", 5
LIES = {
    "says created to all": Faults(created=True, overwrites=True),
    "forks its listing": Faults(created=True, forked=True),
    "stumbles": Faults(seed=3, errors=0.15, lost=0.15, twice=0.5, latency=0.003, lag=3),
}


class PretendedBroker:
    """Keeps data keys by number and signs; grants everything."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.guard = threading.Lock()

    def wrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """The number of each key, 40 bytes long."""
        with self.guard:
            first = len(self.keys)
            self.keys += [key for _, key in items]
        return [number.to_bytes(40) for number in range(first, first + len(items))]

    def unwrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """The keys of those numbers."""
        return [self.keys[int.from_bytes(wrapped)] for _, wrapped in items]

    def sign(self, purpose: str, over: str) -> str:
        """By the ledger's test key."""
        return sign(LEDGER, actor="vault", over=over).sig


@pytest.fixture(
    params=[
        "directory", *LIES,
        pytest.param("s3", marks=pytest.mark.server),
        pytest.param("s3 without conditions", marks=pytest.mark.server),
        pytest.param("azure", marks=pytest.mark.server),
    ]
)  # fmt: skip
def clients(request: pytest.FixtureRequest, tmp_path: Path) -> list[Host]:
    """The same new host as each writer sees it."""
    if request.param.startswith("s3"):
        server = request.getfixturevalue("s3_server")
        conditional = "without" not in request.param
        return [hosts.s3(server, prefix=tmp_path.name, conditional=conditional) for _ in range(WRITERS)]
    if request.param == "azure":
        return [hosts.azure(request.getfixturevalue("azure_server"), prefix=tmp_path.name) for _ in range(WRITERS)]
    made = DirectoryHost.create(tmp_path / "host")
    if request.param == "directory":
        return [made] * WRITERS
    return [Patient(FaultyHost(made, LIES[request.param])) for _ in range(WRITERS)]


def vault_on(host: Host, folder: Path, broker: PretendedBroker) -> Vault:
    ledger = DirectoryLedger(folder / "ledger", origin=ORIGIN, public=PUBLIC, sign=lambda text: sign_text(LEDGER, text))
    return Vault(warehouse="00" * 16, public=PUBLIC, host=host, ledger=ledger, broker=broker)  # type: ignore[arg-type]


def write(
    vault: Vault, number: int, parent: SpaceCommit | None, barrier: threading.Barrier | None = None
) -> SpaceCommit:
    """One snapshot that holds the writer's number; all stand together right before their commit."""
    recorder = Recorder(ledger=vault.ledger, clock=SystemClock(), randomness=SystemRandomness())
    index = recorder.append(recorder.event("ingest", "intent", basis="operation:ingest", objects=[f"space:{SPACE}"]))
    act = Act(index=index, basis="operation:ingest", actor="", kind="ingest")

    def step(name: str) -> None:
        if barrier is not None and name == "keyring-stored":
            barrier.wait(60)

    writer = SpaceWriter(
        vault, recorder, act, space=SPACE, shards=1, parent=parent, reference="", named_step=step
    )  # fmt: skip
    writer.add("person", "main", 0, pa.table({"writer": [number]}))
    return writer.commit(lineage=(), facts={})


def read(vault: Vault) -> int:
    """The number in the newest snapshot."""
    opened = open_space(vault, space=SPACE, reference="")
    (data,) = read_parts(vault, opened, opened.body.parts, reference="")
    return int(pq.read_table(pa.BufferReader(data))["writer"][0].as_py())


def test_of_several_committers_exactly_one_wins_and_the_others_are_told(clients: list[Host], tmp_path: Path) -> None:
    broker, barrier = PretendedBroker(), threading.Barrier(WRITERS)
    vaults = [vault_on(host, tmp_path, broker) for host in clients]
    ended: dict[int, SpaceCommit | RempartError] = {}

    def run(number: int) -> None:
        try:
            ended[number] = write(vaults[number], number, None, barrier)
        except RempartError as error:
            ended[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    won = {number: end for number, end in ended.items() if isinstance(end, SpaceCommit)}
    lost = [end for end in ended.values() if isinstance(end, RempartError)]
    assert len(ended) == WRITERS
    assert len(won) == 1
    assert [(type(end), end.code) for end in lost] == [(Unavailable, "commit-lost")] * (WRITERS - 1)
    (winner,) = won
    for vault in vaults:
        assert commits(vault.ledger, SPACE) == [won[winner]]
        assert read(vault) == winner

    loser = (winner + 1) % WRITERS
    again = write(vaults[loser], loser, newest_commit(vaults[loser].ledger, SPACE))
    assert check_chain(commits(vaults[winner].ledger, SPACE)) == again
    assert {read(vault) for vault in vaults} == {loser}


def test_who_still_commits_to_the_host_before_the_cutover_loses(tmp_path: Path) -> None:
    broker = PretendedBroker()
    old = vault_on(DirectoryHost.create(tmp_path / "old"), tmp_path, broker)
    new = vault_on(DirectoryHost.create(tmp_path / "new", label="new"), tmp_path, broker)
    first = write(old, 1, None)
    recorder = Recorder(ledger=old.ledger, clock=SystemClock(), randomness=SystemRandomness())
    index = recorder.append(recorder.event("cutover", "intent", basis="operation:cutover", objects=["to:new"]))
    recorder.append(recorder.event("cutover", "effect", basis="operation:cutover", objects=["to:new"], of=index))
    with pytest.raises(Unavailable, match="commit-lost"):
        write(old, 2, first)
    assert write(new, 3, first).host == "new"
