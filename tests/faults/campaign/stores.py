# SPDX-License-Identifier: Apache-2.0
"""Campaign 6: key stores and hosts that are away, sealed, busy or shut: a plain message, retries, nothing half-written."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.campaign.count import Section
from tests.faults.campaign.worker_house import PASSPHRASE, WorkerHouse, worker_house
from tests.servers import faulty_http, hosts, openbao, seaweedfs, softhsm

MARK = "CANARI8QZ"


@dataclass(frozen=True, slots=True)
class Trial:
    """Commands tried on one house, and what must not change while they fail."""

    section: Section
    house: WorkerHouse

    def fails(self, kind: str, words: Sequence[str], *, codes: Sequence[str], exit_code: int, secret: str = "") -> None:
        """The command fails by one of ``codes``, in one line, and changes no key and no snapshot."""
        before = self._state()
        told = self.house.attempt(*words, secret=secret)
        wrong = ""
        if (told.code, told.error) not in {(exit_code, code) for code in codes}:
            wrong = f"exit {told.code}, {told.error}: {told.told[-300:]}"
        elif "Traceback" in told.told or "defect" in told.told:
            wrong = "a trace was shown"
        elif self._state() != before:
            wrong = "something was half-written"
        self.section.of(kind).add(caught_by=[] if wrong else [told.error], slipped=wrong and f"{words[:2]}: {wrong}")

    def works(self, kind: str, words: Sequence[str], *, secret: str = "") -> None:
        """The command comes to its end, whatever stood in its way for a while."""
        told = self.house.attempt(*words, secret=secret)
        self.section.of(kind).add(
            caught_by=[] if told.code else ["ended well"],
            slipped=f"{words[:2]}: {told.told[-300:]}" if told.code else "",
        )

    def _state(self) -> tuple[bytes, int]:
        """The stored keys, and how many commits the ledger holds."""
        controller = self.house.directory / "controller"
        keys, leaves = controller / "keys" / "table-keys.json", controller / "ledger" / "leaves"
        return keys.read_bytes(), leaves.read_bytes().count(b'"kind":"commit"')


def stores(folder: Path) -> Section:
    """A key file, a token, OpenBao behind a door, and a throttled S3 server."""
    section = Section("6. key stores and hosts that do not answer")
    with _house(folder / "file") as house:
        _file(Trial(section, house))
    for kind, there, trial in (
        ("token", softhsm.module(), _token),
        ("OpenBao", openbao.found(), _openbao),
        ("S3", seaweedfs.found(), _throttled),
    ):
        if there is None:
            section.of(kind).add(slipped="not installed")
        else:
            trial(section, folder / kind)
    return section


@contextlib.contextmanager
def _house(folder: Path) -> Iterator[WorkerHouse]:
    with worker_house(folder, mark=MARK) as house:
        yield house


def _file(trial: Trial) -> None:
    house = trial.house
    house.begin(None, {})
    house.run("ingest", str(house.delivery))
    house.run("keys", "lock")
    for words in (
        ["vault", "hash"],
        ["ingest", str(house.delivery), "--replace"],
        ["keys", "rotate", "--all", "--by", str(house.root / "officer.key")],
    ):
        trial.fails("broker locked", words, codes=["broker-locked"], exit_code=60)
    trial.fails("wrong passphrase", ["keys", "unlock"], codes=["passphrase"], exit_code=10, secret="not the passphrase")
    trial.works("after that", ["keys", "unlock"], secret=PASSPHRASE)
    trial.works("after that", ["vault", "hash"])


def _token(section: Section, folder: Path) -> None:
    tokens = softhsm.Tokens(folder / "tokens")
    token = tokens.token()
    options = [
        "--store",
        "pkcs11",
        "--module",
        token.module,
        "--module-environment",
        token.environment,
        "--token",
        token.token,
    ]
    with _house(folder / "house") as house:
        trial = Trial(section, house)
        house.begin(None, {}, options=options, secret=softhsm.PIN)
        house.run("ingest", str(house.delivery))
        house.run("keys", "lock")
        trial.fails("wrong PIN", ["keys", "unlock"], codes=["key-store-pin"], exit_code=10, secret="another pin")
        hidden = tokens.configuration.rename(tokens.configuration.with_name("away"))
        trial.fails(
            "token taken out",
            ["keys", "unlock"],
            codes=["key-store-token", "key-store-library", "key-store-failed"],
            exit_code=60,
            secret=softhsm.PIN,
        )
        hidden.rename(tokens.configuration)
        trial.works("after that", ["keys", "unlock"], secret=softhsm.PIN)
        trial.works("after that", ["vault", "hash"])


def _openbao(section: Section, folder: Path) -> None:
    folder.mkdir(parents=True)
    with openbao.openbao(folder) as server, openbao.door(server.port) as door, _house(folder / "house") as house:
        trial = Trial(section, house)
        settings, token = server.key(port=door.port)
        options = [
            "--store",
            "openbao",
            "--address",
            settings.address,
            "--mount",
            settings.mount,
            "--root-key",
            settings.key,
        ]
        house.begin(None, {}, options=options, secret=token)
        house.run("ingest", str(house.delivery))
        house.people()
        grant = ["permit", "grant", str(house.root / "permit.toml"), "--key", str(house.root / "claire.key")]
        door.shut(*[503] * 400)
        trial.fails("store busy for ever", grant, codes=["key-store-busy", "key-store-unreachable"], exit_code=60)
        door.shut(*[0] * 400)
        trial.fails("store hangs up", grant, codes=["key-store-unreachable"], exit_code=60)
        server.client.sys.seal()
        door.shut()
        trial.fails("OpenBao sealed", grant, codes=["key-store-sealed"], exit_code=60)
        trial.works("what was open stays readable", ["vault", "hash"])
        house.run("keys", "lock")
        trial.fails("OpenBao sealed", ["keys", "unlock"], codes=["key-store-sealed"], exit_code=60, secret=token)
    (folder / "again").mkdir()
    with openbao.openbao(folder / "again") as server:
        _busy_for_a_while(section, folder / "other", server)


def _busy_for_a_while(section: Section, folder: Path, server: openbao.BaoServer) -> None:
    with openbao.door(server.port) as door, _house(folder) as house:
        trial = Trial(section, house)
        settings, token = server.key(port=door.port)
        options = [
            "--store",
            "openbao",
            "--address",
            settings.address,
            "--mount",
            settings.mount,
            "--root-key",
            settings.key,
        ]
        house.begin(None, {}, options=options, secret=token)
        house.run("keys", "lock")
        trial.fails("wrong token", ["keys", "unlock"], codes=["key-store-access"], exit_code=10, secret="s.another")
        door.shut(429, 503)
        trial.works("store busy for a moment", ["keys", "unlock"], secret=token)
        door.shut(503, 429)
        trial.works("store busy for a moment", ["ingest", str(house.delivery)])


def _throttled(section: Section, folder: Path) -> None:
    with (
        seaweedfs.seaweedfs(folder / "server") as server,
        faulty_http.stumbling(server.port) as proxy,
        _house(folder / "house") as house,
    ):
        trial = Trial(section, house)
        connection = hosts.s3_connection(server, port=proxy.port)
        house.begin(connection, hosts.s3_credentials(server))
        proxy.faults = ["503", "500", "drop", "lost"] * 2
        trial.works("host stumbles for a moment", ["ingest", str(house.delivery)])
        proxy.always = "503"
        trial.fails(
            "host throttles for ever",
            ["ingest", str(house.delivery), "--replace"],
            codes=["host-unreachable"],
            exit_code=60,
        )
        trial.fails("host throttles for ever", ["audit", "verify", "--deep"], codes=["host-unreachable"], exit_code=60)
        proxy.always = ""
        trial.works("after that", ["ingest", str(house.delivery), "--replace"])
        trial.works("after that", ["audit", "verify", "--deep"])
