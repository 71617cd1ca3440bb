# SPDX-License-Identifier: Apache-2.0
"""A tiny warehouse that tests damage: built once a run, copied for each test, its broker a thread that always ends.

Commands are called as a person calls them, through the door, in this process. Asserts nothing.
"""

import contextlib
import dataclasses
import functools
import io
import json
import os
import shutil
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

import rempart
from rempart.adapters.broker_socket import BrokerServer
from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.adapters.toml_input import read_toml
from rempart.cli import app
from rempart.journeys.space import OpenSpace, Vault, open_space
from rempart.keys.root_key import QUICK
from rempart.keys.store_secret import passphrase_secret
from rempart.ports.broker import Broker
from rempart.records.event import LedgerEvent
from rempart.wiring import acts, people
from rempart.wiring.broker import keys_init, open_server
from rempart.wiring.ingest import ingest_delivery
from rempart.wiring.key_store import keys_folder
from rempart.wiring.synthetic import write_synthetic
from rempart.wiring.warehouse import Warehouse
from tests.opener import Opener

PASSPHRASE = "a passphrase for tests only"
SHARDS = 2
PERSONS = 90
PEOPLE = {"alice": "researcher", "bob": "checker", "carol": "checker", "claire": "committee"}


class Silence:
    """A progress bar that nobody sees."""

    def step(self, what: str, done: int, total: int) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command said: exit code, the JSON object of its answer, and everything it wrote."""

    code: int
    answer: dict[str, Any]
    told: str

    @property
    def error(self) -> str:
        """The error's code; '' when all is well."""
        return str((self.answer.get("error") or {}).get("code", ""))


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a warehouse in ``w``, its people's keys, two deliveries, permits and a study."""

    root: Path

    @property
    def directory(self) -> Path:
        """``DIR``."""
        return self.root / "w"

    @property
    def host(self) -> Path:
        """The host's folder."""
        return self.directory / "host"

    def delivery(self, name: str = "second") -> Path:
        """One of the two deliveries: ``first`` or ``second``."""
        return self.root / name / "delivery"

    def key(self, name: str) -> str:
        """A person's key file."""
        return str(self.root / f"{name}.key")

    def warehouse(self) -> Warehouse:
        """A fresh view of the folder, as a new process has it."""
        return Warehouse(self.directory)

    def run(self, *words: str) -> Outcome:
        """One command of ``rempart`` through its door."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = app.main(["--json", "--lang", "en", "--dir", str(self.directory), *words])
        told = out.getvalue() + err.getvalue()
        answers = [line for line in told.splitlines() if line.startswith("{")]
        return Outcome(code=code, answer=json.loads(answers[-1]) if answers else {}, told=told)

    def events(self) -> list[LedgerEvent]:
        """The ledger's leaves, proven."""
        return [LedgerEvent.from_leaf(leaf) for leaf in self.warehouse().ledger.leaves()]

    def vault(self) -> Vault:
        """The vault as opened by who has the passphrase itself; it can only be read."""
        opener = cast(Broker, Opener(self.directory, PASSPHRASE, quick_allowed=True))
        return dataclasses.replace(self.warehouse().vault, broker=opener)

    def body(self, space: str) -> OpenSpace:
        """A space's newest snapshot."""
        return open_space(self.vault(), space=space, reference="")

    def content(self) -> dict[str, str]:
        """Content hash by table, by the command."""
        found: dict[str, str] = self.run("vault", "hash").answer["data"]["content"]
        return found

    def grant(self, permit: str = "second") -> Outcome:
        """Grant the permit file of that name."""
        return self.run("permit", "grant", str(self.root / f"{permit}.toml"), "--key", self.key("claire"))

    def study(self, *more: str) -> Outcome:
        """Run the study."""
        return self.run("study", "run", str(self.root / "study.toml"), "--key", self.key("alice"), *more)

    def ingest(self, name: str = "second", *more: str) -> Outcome:
        """Ingest a delivery."""
        return self.run("ingest", str(self.delivery(name)), *more)


@contextlib.contextmanager
def served(directory: Path) -> Iterator[BrokerServer]:
    """The key broker of ``directory`` on its socket, in a thread of this process, ended with the block."""
    server = open_server(directory, secret=passphrase_secret(PASSPHRASE), minutes=240, quick_allowed=True)
    ready = threading.Event()
    thread = threading.Thread(target=server.serve, args=(keys_folder(directory),), kwargs={"ready": ready.set})
    thread.start()
    try:
        if not ready.wait(30):
            raise RuntimeError("the broker does not serve")
        yield server
    finally:
        server.stop()
        thread.join(30)


def build(root: Path) -> Place:
    """Two ingests, one project, and beside them ``host-yesterday`` and ``ledger-yesterday``: the state between the ingests."""
    place = Place(root)
    for name, seed in (("first", 5), ("second", 6)):
        write_synthetic(
            root / name,
            persons=PERSONS,
            first_year=2012,
            last_year=2013,
            seed=seed,
            effect=2.0,
            mark=None,
            progress=Silence(),
        )
    acts.example("glitazones", root)
    _permits(root)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(acts, "keys_init", functools.partial(keys_init, cost=QUICK))
        patch.setattr(acts, "start_broker", lambda directory, **_: stack.enter_context(served(directory)).status())
        _init(place)
        _people(place)
        _spaces(place)
    return place


def _permits(root: Path) -> None:
    """Three permits alike, for projects of different names."""
    text = (root / "permit.toml").read_text(encoding="utf-8")
    for number, name in enumerate(("first", "second", "third"), 1):
        made = text.replace("P-2026-0001", f"P-2026-000{number}").replace(
            'project = "glitazones"', f'project = "{name}"'
        )
        (root / f"{name}.toml").write_text(made, encoding="utf-8")
        read_toml(root / f"{name}.toml")


def _init(place: Place) -> None:
    acts.init_warehouse(
        place.directory,
        controller="tests",
        officer="officer",
        officer_key=place.root / "officer.key",
        secret=passphrase_secret(PASSPHRASE),
        key_passphrase="",
        shards=SHARDS,
        minutes=10,
        keys=KeyStoreSettings(),
    )


def _people(place: Place) -> None:
    for name, role in PEOPLE.items():
        people.enrol(
            place.warehouse(),
            name=name,
            roles=[role],
            key_file=place.root / f"{name}.key",
            officer_keys=[place.root / "officer.key"],
            ask=lambda _: "",
            key_passphrase="",
        )


def _spaces(place: Place) -> None:
    ingest_delivery(place.warehouse(), place.delivery("first"), form="snds", replace=False, progress=Silence())
    shutil.copytree(place.host, place.root / "host-yesterday")
    shutil.copytree(place.directory / "controller" / "ledger", place.root / "ledger-yesterday")
    ingest_delivery(place.warehouse(), place.delivery("second"), form="snds", replace=True, progress=Silence())
    acts.grant_permit(
        place.warehouse(),
        file=place.root / "first.toml",
        key_file=place.root / "claire.key",
        ask=lambda _: "",
        progress=Silence(),
    )


_BUILT: dict[str, Place] = {}


def built(folders: pytest.TempPathFactory) -> Place:
    """The one warehouse of this run of tests; never changed after it was built."""
    if "place" not in _BUILT:
        _BUILT["place"] = build(folders.mktemp("warehouse"))
    return _BUILT["place"]


@contextlib.contextmanager
def copied(whole: Place, root: Path) -> Iterator[Place]:
    """A copy to damage, with its broker."""
    shutil.copytree(whole.root, root, copy_function=shutil.copy2)
    with served(root / "w"):
        yield Place(root)


def workers_find_the_package(patch: pytest.MonkeyPatch) -> None:
    """Worker and driver processes import the same source as this one."""
    roots = [str(Path(rempart.__file__).resolve().parent.parent), str(Path(__file__).resolve().parents[3])]
    patch.setenv("PYTHONPATH", os.pathsep.join(roots))
