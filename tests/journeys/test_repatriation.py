# SPDX-License-Identifier: Apache-2.0
"""From a real Azure Blob server to a real S3 server through the command line; and the recorded run's certificate still proves itself."""

import json
from pathlib import Path

import pytest

from rempart.cli import app
from tests.faults.warehouse.place import built, copied, workers_find_the_package
from tests.journeys.repatriation import EVIDENCE, on_azure, repatriate
from tests.servers.azurite import AzureServer
from tests.servers.fixtures import azure_server, s3_server
from tests.servers.hosts import azure
from tests.servers.seaweedfs import S3Server

__all__ = ["azure_server", "s3_server"]


@pytest.mark.server
@pytest.mark.slow
def test_a_warehouse_comes_home_from_azure_to_s3(
    azure_server: AzureServer,
    s3_server: S3Server,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers_find_the_package(monkeypatch)
    with copied(built(tmp_path_factory), tmp_path / "copy") as place:
        content = place.content()
        on_azure(place, azure_server, s3_server)
        assert place.content() == content
        typed = repatriate(place)
        assert place.content() == content
        assert any("both inventories are the same" in line for line in typed.lines)
        assert place.warehouse().active_host == "hospital"
        connection = place.warehouse().configuration
        assert connection.host.kind == "directory", "the first host's settings stay as they were"
        prefix = (place.directory / "controller/hosts/azure-blob/connection.toml").read_text(encoding="utf-8")
        left = azure(azure_server, prefix=prefix.partition(f"{azure_server.container}/")[2].partition('"')[0])
        assert list(left.names()) == []


def test_the_recorded_certificate_proves_itself_offline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = (EVIDENCE / "ledger-key.txt").read_text(encoding="utf-8").strip()
    words = ["--json", "migrate", "certificate", "--verify", str(EVIDENCE / "certificate.json"), "--ledger-key", key]
    assert app.main(["--dir", str(tmp_path), *words]) == 0
    told = json.loads(capsys.readouterr().out)
    run = (EVIDENCE / "run.txt").read_text(encoding="utf-8")
    assert told["data"]["body"]["move"] in run
    assert told["data"]["body"]["source"]["root"] in run
