# SPDX-License-Identifier: Apache-2.0
"""What a key rotation costs, whole: `rempart keys rotate` on a snapshot of 100,000 parts whose root key lies in OpenBao, against
OpenBao's own batch rewrap of as many keys. No part is on the host: a rotation asks for none."""

import atexit
import base64
import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from bench.registry import Work, bench
from rempart.errors import Unavailable
from rempart.journeys.recorded import recorded
from rempart.journeys.space import SpaceWriter
from rempart.keys.store_secret import StoreSecret
from rempart.ports.broker import GrantRequest
from rempart.records.sealed import PartEntry
from rempart.vault.aead import LARGE_SEGMENT, sealed_size
from rempart.vault.padding import padme
from rempart.wiring.acts import init_warehouse
from rempart.wiring.rotation import rotate_keys
from rempart.wiring.warehouse import Warehouse
from tests.servers.openbao import BaoServer, openbao

KEYS = 100_000
BATCH = 200
TABLES = ("person", "drug_exposure", "condition_occurrence", "visit_occurrence")


class Silence:
    """A bar that nobody sees."""

    def step(self, name: str, done: int, total: int) -> None:
        """Say nothing."""


@bench(
    "storage-rotate-keys",
    peer="OpenBao Transit rewrap, batches of 200",
    bound=2.0,
    runs=3,
    note="100,000 wrapped data keys of one snapshot to the next epoch, the whole act; root key in OpenBao",
)
def rotate() -> tuple[Work, Work]:
    """Ours: the whole act. The peer's: the server's own call on as many ciphertexts, nothing else."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    folder = Path(tempfile.mkdtemp(prefix="rempart-bench-"))  # taken away last, when the broker in it has ended
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    server = stack.enter_context(openbao(folder))
    warehouse = made(folder, server)
    stack.callback(lock, warehouse)
    fill(warehouse)
    held = ciphertexts(server)

    def ours() -> None:
        rotate_keys(warehouse, spaces=[], by=folder / "officer.key", ask=lambda _: "", progress=Silence())

    def peer() -> None:
        for at in range(0, KEYS, BATCH):
            rewrapped(server, held[at : at + BATCH])

    return ours, peer


def made(folder: Path, server: BaoServer) -> Warehouse:
    """A warehouse whose root key lies in the server."""
    os.environ.setdefault("REMPART_UNENCRYPTED_SWAP", "allowed")
    settings, token = server.key()
    init_warehouse(
        folder / "w",
        controller="bench",
        officer="officer",
        officer_key=folder / "officer.key",
        secret=StoreSecret(kind="token", text=token),
        key_passphrase="",
        shards=16,
        minutes=60,
        keys=settings,
    )
    return Warehouse(folder / "w")


def lock(warehouse: Warehouse) -> None:
    """End the broker, if it still answers."""
    with contextlib.suppress(Unavailable):
        warehouse.broker.lock()


def fill(warehouse: Warehouse) -> None:
    """One snapshot of KEYS parts that nobody will read: names, sizes and hashes only."""
    with recorded(warehouse.recorder, "ingest", basis="operation:ingest", objects=["space:warehouse"]) as act:
        uses = tuple(("warehouse", table, "main", "write") for table in (*TABLES, "manifest"))
        (reference,) = warehouse.broker.grant(GrantRequest(intent=act.index, tables=uses))
        writer = SpaceWriter(
            warehouse.vault,
            warehouse.recorder,
            act,
            space="warehouse",
            shards=16,
            parent=None,
            reference=reference,
            named_step=lambda _: None,
        )
        for number in range(KEYS):
            entry = part(number)
            writer._tables.setdefault(entry.table, {})["main"] = ("x",)
            writer._parts.append(entry)
            writer._keys.append((entry.key_context(warehouse.configuration.warehouse, 1), secrets.token_bytes(32)))
        writer.commit(lineage=(), facts={})


def part(number: int) -> PartEntry:
    """An entry as a manifest has it."""
    return PartEntry(
        space="warehouse",
        table=TABLES[number % len(TABLES)],
        sibling="main",
        shard=number % 16,
        part=secrets.token_hex(16),
        object=f"o/{secrets.token_hex(16)}",
        size=sealed_size(padme(1000), LARGE_SEGMENT),
        sha256=secrets.token_hex(32),
        length=1000,
        rows=10,
        segment=LARGE_SEGMENT,
        lineage=(),
    )


def ciphertexts(server: BaoServer) -> list[str]:
    """KEYS keys wrapped by the server itself, under a key of the peer's own."""
    transit = server.client.secrets.transit
    transit.create_key(name="raw", key_type="aes256-gcm96")
    found: list[str] = []
    for _ in range(0, KEYS, BATCH):
        asked = [{"plaintext": base64.b64encode(secrets.token_bytes(32)).decode()} for _ in range(BATCH)]
        answer = transit.encrypt_data(name="raw", plaintext="", batch_input=asked)
        found += [told["ciphertext"] for told in answer["data"]["batch_results"]]
    return found


def rewrapped(server: BaoServer, batch: list[str]) -> None:
    """One raw call; an error would come back fast and look like speed."""
    asked = [{"ciphertext": text} for text in batch]
    answer = server.client.secrets.transit.rewrap_data(name="raw", ciphertext="", batch_input=asked)
    if len([told for told in answer["data"]["batch_results"] if told.get("ciphertext")]) != len(batch):
        raise RuntimeError("the server refused a batch")
