# SPDX-License-Identifier: Apache-2.0
"""The key broker's process: its keys made at init, started at unlock, reached by clients. Decides nothing about keys."""

import datetime
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO

import rempart
from rempart.adapters.broker_accounts import BrokerSettings, broker_settings
from rempart.adapters.broker_socket import BrokerServer
from rempart.adapters.broker_wire import failure, value_or_raise
from rempart.adapters.configuration import Configuration, read_configuration
from rempart.adapters.documents import DirectoryDocuments
from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.adapters.package_data import joined, toml
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.adapters.table_key_file import open_table_keys
from rempart.adapters.trust_files import load_chain
from rempart.errors import BadInput, RempartError, Unavailable
from rempart.keys.broker import KeyBroker, Surroundings
from rempart.keys.freshness import require_fresh
from rempart.keys.grant_rules import Rules, grant_rules
from rempart.keys.root_key import STANDARD, Cost
from rempart.keys.store_secret import StoreSecret
from rempart.keys.system_signer import SystemSigner, make_signing_keys
from rempart.keys.table_keys import TableKeys
from rempart.ports.broker import Broker
from rempart.ports.key_store import KeyStore
from rempart.ports.surroundings import Randomness
from rempart.records.omop import layouts, whole_layouts
from rempart.records.policy import form_of
from rempart.records.project import project_table
from rempart.wiring.cosigned import witnessed_since
from rempart.wiring.key_store import create_store, finish, keys_folder, open_store
from rempart.wiring.ledger import open_ledger, published_size
from rempart.wiring.nodes import client, node_guard
from rempart.wiring.remembered import check_remembered

LONGEST_MINUTES = 7 * 24 * 60
_START_SECONDS = 60.0


def keys_init(
    directory: Path,
    secret: StoreSecret,
    randomness: Randomness | None = None,
    *,
    settings: KeyStoreSettings | None = None,
    cost: Cost = STANDARD,
) -> dict[str, bytes]:
    """Make the root key, the ledger's and the vault's signing keys; ``{"ledger_public", "vault_public"}``, 32 raw bytes each.

    Raises as ``create_store``.
    """
    randomness = randomness or SystemRandomness()
    store = create_store(directory, settings or KeyStoreSettings(), secret, randomness=randomness, cost=cost)
    public = make_signing_keys(_table_keys(keys_folder(directory), store, randomness))
    return {"ledger_public": public["ledger"], "vault_public": public["vault"]}


def start_broker(
    directory: Path, *, secret: StoreSecret, minutes: int, swap_allowed: bool | None = None, quick_allowed: bool = False
) -> dict[str, str | int]:
    """Start the broker as a process of its own; its status once it answers.

    ``swap_allowed``: whether unencrypted swap is accepted; None asks REMPART_UNENCRYPTED_SWAP=allowed. Raises what the broker
    raised: as ``open_store``, Refused ``broker-running``, ``swap-unencrypted``…; Unavailable ``broker-start``.
    """
    if swap_allowed is None:
        swap_allowed = os.environ.get("REMPART_UNENCRYPTED_SWAP") == "allowed"
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise BadInput("broker-minutes", minutes=minutes, most=LONGEST_MINUTES)
    secret_out, secret_in = os.pipe()
    ready_out, ready_in = os.pipe()
    command = [
        sys.executable,
        "-P",
        "-m",
        "rempart.broker",
        "--dir",
        str(directory.resolve()),
        "--minutes",
        str(minutes),
    ]
    command += ["--secret-fd", str(secret_out), "--ready-fd", str(ready_in)]
    command += ["--allow-unencrypted-swap"] * swap_allowed + ["--allow-quick-key-file"] * quick_allowed
    with os.fdopen(secret_in, "wb", buffering=0) as given, os.fdopen(ready_out, "rb") as ready:
        try:
            process = _spawn(command, (secret_out, ready_in))
        finally:
            os.close(secret_out)
            os.close(ready_in)
        _give(given, secret)
        given.close()
        return _started(process, ready)


def connect(directory: Path) -> Broker:
    """The running broker of ``DIR``; raises Unavailable ``broker-locked`` when none answers."""
    reached = client(directory)
    reached.status()
    return reached


def open_server(directory: Path, *, secret: StoreSecret, minutes: float, quick_allowed: bool = False) -> BrokerServer:
    """The server with its keys open, not yet listening; raises as ``open_store``."""
    told = broker_settings(directory)  # first: it says whether what follows can be believed
    configuration = read_configuration(directory)
    clock, randomness = SystemClock(), SystemRandomness()
    folder = keys_folder(directory)
    store = open_store(directory, configuration.keys, secret, randomness=randomness, quick_allowed=quick_allowed)
    keys = _table_keys(folder, store, randomness)
    finish(directory, store, keys)
    signer = SystemSigner(
        keys, origin=configuration.ledger_origin, published=lambda: published_size(directory, configuration)
    )
    surroundings = _surroundings(directory, configuration, told, signer, clock=clock, randomness=randomness)
    expires = clock.now() + datetime.timedelta(minutes=minutes)
    keeper = KeyBroker(keys, signer, surroundings)
    return BrokerServer(keeper, expires=expires.isoformat(), minutes=minutes, accounts=told.accounts)


def report_status(descriptor: int, status: Mapping[str, str | int]) -> None:
    """Tell whoever started this process that it serves; closes the descriptor."""
    _report(descriptor, {"ok": True, "value": dict(status)})


def report_failure(descriptor: int, error: RempartError) -> None:
    """Tell why this process does not serve; after ``report_status`` nobody listens any more and nothing is told."""
    _report(descriptor, failure(error))


def _report(descriptor: int, told: Mapping[str, object]) -> None:
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(json.dumps(told).encode())
    except OSError:
        return


def _surroundings(
    directory: Path,
    configuration: Configuration,
    told: BrokerSettings,
    signer: SystemSigner,
    *,
    clock: SystemClock,
    randomness: SystemRandomness,
) -> Surroundings:
    controller = directory / "controller"
    ledger = open_ledger(directory, configuration, sign=lambda body: signer.sign("ledger", body))
    check_remembered(directory, configuration, ledger)
    return Surroundings(
        ledger=ledger,
        documents=DirectoryDocuments(controller / "documents"),
        trust=lambda: load_chain(keys_folder(directory), configuration.trust_first),
        clock=clock,
        randomness=randomness,
        rules=_rules(strict=told.strict),
        layouts={**layouts(toml("records/omop54.toml")), **whole_layouts(toml("records/omop54.toml"))},
        warehouse=configuration.warehouse,
        node_allowed=node_guard(),
        fresh=partial(
            require_fresh,
            form=form_of(toml("records/policy.toml")),
            cosigned=partial(witnessed_since, directory, configuration, ledger),
        ),
    )


def _rules(*, strict: bool) -> Rules:
    projects = project_table(toml("permits/states.toml"), toml("permits/conflicts.toml"))
    form = form_of(toml("records/policy.toml"))
    contents = toml("permits/permit_contents.toml")
    return grant_rules(
        joined("keys/grants.toml"), projects=projects, policy_form=form, contents=contents, strict=strict
    )


def _table_keys(folder: Path, store: KeyStore, randomness: Randomness) -> TableKeys:
    return open_table_keys(folder / "table-keys.json", store=store, randomness=randomness)


def _spawn(command: list[str], descriptors: tuple[int, ...]) -> "subprocess.Popen[bytes]":
    """A process in a session of its own, from / and with a bare environment: it outlives its starter and carries no secret."""
    source = str(Path(rempart.__file__).resolve().parent.parent)
    kept = {name: os.environ[name] for name in ("LANG", "TZ", "HOME", "PATH") if name in os.environ}
    return subprocess.Popen(
        command,
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={**kept, "PYTHONPATH": source},
    )


def _give(given: io.FileIO, secret: StoreSecret) -> None:
    """Hand the secret over; a process that has already ended says why on the other pipe."""
    try:
        given.write(secret.to_bytes())
    except BrokenPipeError:
        return


def _started(process: "subprocess.Popen[bytes]", ready: IO[bytes]) -> dict[str, str | int]:
    """What the new process says; one that says nothing in time is ended."""
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.start()
    try:
        told = ready.read()
    finally:
        timer.cancel()
    if not told:
        process.wait()
        raise Unavailable("broker-start")
    answer = json.loads(told)
    if not answer["ok"]:
        process.wait()
    status: dict[str, str | int] = value_or_raise(answer)
    threading.Thread(target=process.wait, daemon=True).start()
    return status
