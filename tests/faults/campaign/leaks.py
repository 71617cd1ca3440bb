# SPDX-License-Identifier: Apache-2.0
"""Campaign 4: canaries and key bytes, looked for wherever a process could have let them fall; and found on the unsealed control."""

import contextlib
import gzip
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import zstandard

from rempart.adapters.key_file import KeyFile
from rempart.adapters.surroundings import SystemRandomness
from rempart.adapters.table_key_file import open_table_keys
from rempart.audit.canary import search
from rempart.journeys.chain import kept, spaces
from rempart.journeys.twin import unsealed
from rempart.records.sealed import KeyContext
from rempart.vault.manifest import open_keyring
from rempart.vault.read import fetch
from rempart.wiring.key_store import keys_folder
from rempart.wiring.warehouse import Warehouse
from tests.faults.campaign.count import Section
from tests.faults.campaign.worker_house import PASSPHRASE, Watch, WorkerHouse, worker_house
from tests.opener import Opener
from tests.servers import azurite, hosts, recording_proxy, seaweedfs
from tests.servers.process import LOOPBACK

MARK = "CANARI7QZ"
_MOST_DATA_KEYS = 40
Needles = Mapping[bytes, str]


def needles_of(house: WorkerHouse) -> dict[bytes, str]:
    """What must be found nowhere: canaries, and the bytes of every kind of key."""
    found = {text.encode(): "canary" for text in house.canaries} | {PASSPHRASE.encode(): "passphrase"}
    folder, randomness = keys_folder(house.directory), SystemRandomness()
    store = KeyFile.open(folder / "root.key", PASSPHRASE, randomness=randomness)
    found |= dict.fromkeys(store._roots, "root key")
    keys = open_table_keys(folder / "table-keys.json", store=store, randomness=randomness)
    for kind, names in keys._wrapped.items():
        found |= {keys.need(kind, name): f"{kind} key" for name in names}
    return found | dict.fromkeys(_data_keys(house), "data key")


def _data_keys(house: WorkerHouse) -> list[bytes]:
    """Data keys of the newest snapshots, as whoever has the passphrase unwraps them."""
    opener, warehouse, found = Opener(house.directory, PASSPHRASE), Warehouse(house.directory), []
    for space in spaces(warehouse.ledger):
        commit = kept(warehouse.ledger, space)[-1].current
        wrapped = open_keyring(fetch(warehouse.host, commit.keyring), sha256=commit.keyring_sha256)
        context = KeyContext(
            warehouse=warehouse.configuration.warehouse, space=space, table="manifest", sibling="main",
            part=commit.manifest, epoch=commit.epoch,
        )  # fmt: skip
        found += opener.unwrap("", [(context, wrapped[commit.manifest])])
    return found[:_MOST_DATA_KEYS]


def scan(section: Section, where: str, pieces: Iterator[tuple[str, bytes]], needles: Needles) -> None:
    """Look for every needle in every piece; one that is found has slipped."""
    count, hits = section.of(where), set()
    for name, data in pieces:
        hits |= {(needle, name) for needle in search(data, list(needles)) | search(name.encode(), list(needles))}
        count.by["pieces searched"] += 1
        count.by["bytes"] += len(data)
    for needle, kind in needles.items():
        at = sorted(name for found, name in hits if found == needle)
        count.add(slipped=f"{kind} found in {at[:3]}" if at else "")


def files(folder: Path, *, but: Sequence[str] = ()) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every regular file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.name not in but:
            yield str(path.relative_to(folder)), path.read_bytes()


def leaks(folder: Path) -> Section:
    """The whole way on a directory; a delivery on S3 and on Azure, through a proxy that keeps every byte."""
    section = Section("4. canaries and key bytes, inside gzip, zstd, zip and Parquet too")
    with worker_house(folder / "near", mark=MARK) as house, Watch(house.root) as watch:
        house.begin(None, {})
        house.work(whole=True)
        needles = needles_of(house)
        _scan_machine(section, "directory", house, watch, needles)
        scan(section, "directory: host's files", files(house.directory / "host"), needles)
        _control(section, house, needles)
        _scan_cores(section, house, watch, needles)
    for kind, far in {"S3": _s3, "Azure": _azure}.items():
        far(section, kind, folder / kind)
    return section


def _scan_machine(section: Section, kind: str, house: WorkerHouse, watch: Watch, needles: Needles) -> None:
    """Everything that the processes could have written or shown, but the host."""
    scan(section, f"{kind}: environments, command lines", iter(list(watch.seen.items())), needles)
    scan(section, f"{kind}: temporary folders", files(house.root / "tmp"), needles)
    scan(section, f"{kind}: the controller's files", files(house.directory / "controller"), needles)
    scan(section, f"{kind}: what commands said", iter([("told", (house.root / "told").read_bytes())]), needles)
    if not watch.seen:
        section.of(f"{kind}: environments, command lines").add(slipped="no process was seen")


def _control(section: Section, house: WorkerHouse, needles: Needles) -> None:
    """The same search on what the host would hold if nothing were sealed, and on keys that somebody packed."""
    warehouse = Warehouse(house.directory)
    clear = [data for _, data in unsealed(warehouse.vault, warehouse.recorder)]
    planted = [text.encode() for text in house.canaries]
    found = set().union(*(search(data, planted) for data in clear))
    count = section.of("control: canaries on the unsealed twin")
    for needle in planted:
        count.add(
            caught_by=["found"] if needle in found else [], slipped="" if needle in found else f"{needle!r} not found"
        )
    packed = gzip.compress(zstandard.compress(b"".join(key for key, kind in needles.items() if kind != "canary")))
    there = search(packed, list(needles))
    for needle, kind in needles.items():
        if kind != "canary":
            missed = "" if needle in there else f"a {kind} was not found"
            section.of("control: keys in zstd in gzip").add(caught_by=[] if missed else ["found"], slipped=missed)


def _scan_cores(section: Section, house: WorkerHouse, watch: Watch, needles: Needles) -> None:
    """The broker is made to crash where cores are allowed: whatever it leaves is searched."""
    pids = {int(name.split()[0]) for name, words in watch.seen.items() if b"rempart.broker" in words}
    alive = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    for pid in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGABRT)
    left = [path for place in (house.root / "cwd", house.root / "tmp") for path in place.rglob("*") if path.is_file()]
    count = section.of("directory: core files")
    scan(section, "directory: core files", ((path.name, path.read_bytes()) for path in left), needles)
    count.by["processes crashed"] += len(alive)
    if not alive:
        count.add(slipped="no broker was there to crash")


def _s3(section: Section, kind: str, folder: Path) -> None:
    if seaweedfs.found() is None:
        section.of(kind).add(slipped="weed is not installed")
        return
    with seaweedfs.seaweedfs(folder / "server") as server, recording_proxy.recording(LOOPBACK, server.port) as proxy:
        connection = hosts.s3_connection(server, port=proxy.port)
        _far(section, kind, folder, connection, hosts.s3_credentials(server), proxy)


def _azure(section: Section, kind: str, folder: Path) -> None:
    if azurite.found() is None:
        section.of(kind).add(slipped="azurite is not installed")
        return
    with azurite.azurite(folder / "server") as server, recording_proxy.recording(LOOPBACK, server.port) as proxy:
        connection = hosts.azure_connection(server, port=proxy.port)
        _far(section, kind, folder, connection, hosts.azure_credentials(server), proxy)


def _far(
    section: Section,
    kind: str,
    folder: Path,
    connection: hosts.Connection,
    credentials: Mapping[str, str],
    proxy: recording_proxy.RecordingProxy,
) -> None:
    with worker_house(folder / "house", mark=MARK) as house, Watch(house.root) as watch:
        house.begin(connection, credentials)
        house.work(whole=False)
        needles = needles_of(house)
        traffic = proxy.captured()
        if len(traffic) < 100_000:
            section.of(f"{kind}: captured traffic").add(slipped=f"only {len(traffic)} bytes were captured")
        scan(section, f"{kind}: captured traffic", iter([("traffic", traffic)]), needles)
        scan(section, f"{kind}: the server's files", files(folder / "server"), needles)
        _scan_machine(section, kind, house, watch, needles)
