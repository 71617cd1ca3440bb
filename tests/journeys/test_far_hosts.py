# SPDX-License-Identifier: Apache-2.0
"""The same delivery on a directory, on S3 and on Azure Blob: the same content, read from where the ledger says it lies."""

import contextlib
import functools
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import private_file
from rempart.adapters.host_connection import Connection
from rempart.cli import app
from rempart.keys.root_key import QUICK
from rempart.ports.host import Host
from rempart.wiring import acts
from rempart.wiring.broker import keys_init
from rempart.wiring.synthetic import write_synthetic
from rempart.wiring.warehouse import Warehouse
from tests.faults.warehouse.place import PASSPHRASE, Silence, served
from tests.moving_place import HOST
from tests.servers import hosts
from tests.servers.azurite import AzureServer
from tests.servers.fixtures import azure_server, s3_server
from tests.servers.seaweedfs import S3Server

__all__ = ["azure_server", "s3_server"]
pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety persons."""
    folder = tmp_path_factory.mktemp("delivery")
    write_synthetic(
        folder, persons=90, first_year=2012, last_year=2013, seed=5, effect=2.0, mark=None, progress=Silence()
    )
    return folder / "delivery"


def run(directory: Path, *words: str) -> dict[str, Any]:
    """One command through its door: its answer, with its exit code as ``code``."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = app.main(["--json", "--lang", "en", "--dir", str(directory), *words])
    lines = [line for line in out.getvalue().splitlines() if line.startswith("{")]
    return {**json.loads(lines[-1]), "code": code}


def begin(folder: Path, host: Connection | None, credentials: Mapping[str, str], **changed: str) -> dict[str, Any]:
    """``rempart init`` on that first host; ``changed``: other words in its declaration."""
    (folder / "pass").write_text(PASSPHRASE, encoding="utf-8")
    words = ["init", str(folder / "w"), "--controller", "tests", "--officer-key", str(folder / "officer.key")]
    if host is not None:
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in host.as_dict().items())
        text = HOST.format(name=changed.pop("name", host.kind), connection=lines)
        for old, new in changed.items():
            text = text.replace(f'{old} = ["FR"]', f'{old} = ["{new}"]')
        (folder / "host.toml").write_text(text, encoding="utf-8")
        given = "\n".join(f"{name} = {json.dumps(value)}" for name, value in credentials.items())
        private_file.replace_private(folder / "given.toml", given.encode())
        words += ["--host", str(folder / "host.toml"), "--host-credentials", str(folder / "given.toml")]
    with (folder / "pass").open(encoding="utf-8") as file:
        return run(folder / "w", *words, "--shards", "2", "--passphrase-fd", str(file.fileno()))


@contextlib.contextmanager
def begun(folder: Path, host: Connection | None, credentials: Mapping[str, str]) -> Iterator[Path]:
    """A new warehouse whose first host is that one, with its broker in a thread."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(acts, "keys_init", functools.partial(keys_init, cost=QUICK))
        patch.setattr(acts, "start_broker", lambda place, **_: stack.enter_context(served(place)).status())
        answer = begin(folder, host, credentials)
        assert answer["code"] == 0, answer
        yield folder / "w"


def content_of(directory: Path, delivery: Path) -> dict[str, str]:
    """Ingest, then the content hash by table."""
    assert run(directory, "ingest", str(delivery))["code"] == 0
    answer = run(directory, "vault", "hash")
    assert answer["code"] == 0, answer
    found: dict[str, str] = answer["data"]["content"]
    return found


@pytest.fixture(scope="module")
def near(delivery: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The content on a directory."""
    with begun(tmp_path_factory.mktemp("near"), None, {}) as directory:
        return content_of(directory, delivery)


def held(host: Host) -> set[str]:
    """SHA-256 of everything that the host holds."""
    return {hashlib.sha256(host.get(name).data).hexdigest() for name in host.names()}


def far_is_as_near(
    folder: Path, host: Host, connection: Connection, credentials: Mapping[str, str], **case: Any
) -> None:
    """The whole way on a far host, and what lies where afterwards."""
    with begun(folder, connection, credentials) as directory:
        assert content_of(directory, case["delivery"]) == case["near"]
        assert run(directory, "audit", "verify", "--deep")["code"] == 0
        assert not (directory / "host").exists()
        secret = next(value for name, value in credentials.items() if name != "access_key_id")
        open_files = [path for path in directory.rglob("*") if path.is_file() and path.name != "credentials.toml"]
        assert not [path for path in open_files if secret.encode() in path.read_bytes()]
        copies = list((directory / "controller" / "cache").rglob("*-*"))
        assert copies
        assert {hashlib.sha256(path.read_bytes()[32:]).hexdigest() for path in copies} <= held(host)

        host.delete(next(name for name in host.names() if name.startswith("m/")))
        assert run(directory, "audit", "verify")["code"] == 20, "the audit asks the host, not the cache"
        assert Warehouse(directory).host.label == connection.kind


def test_a_warehouse_on_s3_holds_what_one_on_a_directory_holds(
    tmp_path: Path, s3_server: S3Server, delivery: Path, near: dict[str, str]
) -> None:
    connection = hosts.s3_connection(s3_server)
    host = hosts.s3(s3_server, prefix=connection.prefix)
    far_is_as_near(tmp_path, host, connection, hosts.s3_credentials(s3_server), delivery=delivery, near=near)


def test_a_warehouse_on_azure_holds_what_one_on_a_directory_holds(
    tmp_path: Path, azure_server: AzureServer, delivery: Path, near: dict[str, str]
) -> None:
    connection = hosts.azure_connection(azure_server)
    host = hosts.azure(azure_server, prefix=connection.prefix)
    far_is_as_near(tmp_path, host, connection, hosts.azure_credentials(azure_server), delivery=delivery, near=near)


def nothing_begun(folder: Path) -> bool:
    """Neither a warehouse nor an officer's key."""
    return not (folder / "w" / "rempart.toml").exists() and not (folder / "officer.key").exists()


def test_a_host_that_refuses_leaves_no_warehouse_begun(tmp_path: Path, s3_server: S3Server) -> None:
    wrong = hosts.s3_credentials(s3_server) | {"secret_access_key": "k" * 40}
    told = begin(tmp_path, hosts.s3_connection(s3_server), wrong)
    assert (told["code"], told["error"]["code"]) == (60, "host-denied")
    assert nothing_begun(tmp_path)


@pytest.mark.parametrize(
    ("changed", "code", "word"),
    [
        ({"storage_countries": "US"}, 10, "store-outside-eea"),
        ({"name": "elsewhere"}, 40, "descriptor-field"),
    ],
)
def test_a_first_host_that_may_hold_nothing_is_refused(
    tmp_path: Path, s3_server: S3Server, changed: dict[str, str], code: int, word: str
) -> None:
    told = begin(tmp_path, hosts.s3_connection(s3_server), hosts.s3_credentials(s3_server), **changed)
    assert (told["code"], told["error"]["code"]) == (code, word)
    assert nothing_begun(tmp_path)


def test_a_far_first_host_without_credentials_is_bad_input(tmp_path: Path, s3_server: S3Server) -> None:
    told = begin(tmp_path, hosts.s3_connection(s3_server), {})
    assert (told["code"], told["error"]["code"]) == (40, "credentials-form")
    assert nothing_begun(tmp_path)
