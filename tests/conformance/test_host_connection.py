# SPDX-License-Identifier: Apache-2.0
"""Connections and credentials: what is taken, what is refused, and that nothing secret is ever told."""

from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.configuration import Configuration, read_configuration, write_configuration
from rempart.adapters.host_connection import (
    CREDENTIALS,
    Connection,
    connection_file,
    connection_from_dict,
    credentials_file,
    host_folder,
    host_names,
    reach,
    read_connection,
    read_credentials,
    write_connection,
    write_credentials,
)
from rempart.errors import BadInput, Missing, Refused, RempartError
from rempart.wiring.hosts import folder_of, open_host

S3 = Connection(kind="s3", path="bucket/a/b", endpoint="https://s3.example.org", region="gra", conditional=False)
AZURE = Connection(kind="azure", path="container", account="hospital", ca_file="ca.pem")
GIVEN = {"access_key_id": "visible", "secret_access_key": "very-secret-indeed"}


def test_a_connection_survives_its_file(tmp_path: Path) -> None:
    write_connection(tmp_path, "far", S3, GIVEN)
    write_connection(tmp_path, "near", Connection(kind="directory", path="/srv/x"), {})
    assert (read_connection(tmp_path, "far"), read_credentials(tmp_path, "far", "s3")) == (S3, GIVEN)
    assert (S3.bucket, S3.prefix, AZURE.prefix) == ("bucket", "a/b", "")
    assert host_names(tmp_path) == ["far", "near"]
    for connection in (S3, AZURE):
        assert connection_from_dict(connection.as_dict()) == connection
    for file in (tmp_path / "hosts" / "far").iterdir():
        assert file.stat().st_mode & 0o077 == 0
    assert "secret" not in (tmp_path / "hosts" / "far" / "connection.toml").read_text(encoding="utf-8")
    with pytest.raises(Refused, match="file-exists"):
        write_connection(tmp_path, "far", S3, GIVEN)
    write_credentials(tmp_path, "far", "s3", GIVEN | {"secret_access_key": "renewed"})
    assert read_credentials(tmp_path, "far", "s3")["secret_access_key"] == "renewed"


@pytest.mark.parametrize("host", [None, S3, AZURE, Connection(kind="directory", path="elsewhere")])
def test_the_first_host_stands_in_the_configuration(tmp_path: Path, host: Connection | None) -> None:
    first = {} if host is None else {"host": host}
    written = Configuration(
        warehouse="00" * 16,
        controller="Essai",
        trust_first="sha256:" + "0" * 64,
        ledger_origin="rempart/test",
        ledger_public=bytes(32),
        vault_public=bytes(32),
        shards=4,
        **first,  # type: ignore[arg-type]
    )
    write_configuration(tmp_path, written)
    read = read_configuration(tmp_path)
    assert read == written
    if read.host.kind == "directory":
        assert folder_of(tmp_path, read, "directory") == tmp_path / read.host.path
        assert open_host(tmp_path, read, "directory", cached=True).label == "directory"
    else:
        with pytest.raises(Refused, match="host-no-folder"):
            folder_of(tmp_path, read, read.host.kind)
    with pytest.raises(Missing, match="host-unknown"):
        open_host(tmp_path, read, "other", cached=False)


WRONG: list[dict[str, Any]] = [
    {"kind": "ftp", "path": "x"},
    {"kind": "s3", "path": "bucket"},
    {"kind": "s3", "path": "b/", "region": "x"},
    {"kind": "s3", "path": "bucket/../other", "region": "x"},
    {"kind": "s3", "path": "bucket//x", "region": "x"},
    {"kind": "s3", "path": "Bucket", "region": "x"},
    {"kind": "s3", "path": "bucket", "region": "x\ny"},
    {"kind": "azure", "path": "container"},
    {"kind": "azure", "path": "container", "account": "me@there"},
    {"kind": "directory", "path": ""},
    {"kind": "directory"},
    {"path": "x"},
    {"kind": "directory", "path": "x", "password": "p"},
    {"kind": "directory", "path": 3},
    {"kind": "s3", "path": "bucket", "region": "x", "conditional": "no"},
    {"kind": "s3", "path": "bucket", "endpoint": "s3.example.org"},
    {"kind": "s3", "path": "bucket", "endpoint": "ftp://s3.example.org"},
    {"kind": "s3", "path": "bucket", "endpoint": "https://me:word@s3.example.org"},
    {"kind": "s3", "path": "bucket", "endpoint": "https://s3.example.org/?sig=x"},
    {"kind": "s3", "path": "bucket", "endpoint": "https://s3.example.org:x"},
    {"kind": "s3", "path": "bucket", "endpoint": "https://"},
]


@pytest.mark.parametrize("value", WRONG)
def test_a_connection_of_another_form_is_bad_input(value: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        connection_from_dict(value)
    assert caught.value.code == "config-field"
    assert "me:word" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["http://s3.example.org", "http://10.0.0.3:9000", "http://localhost.example.org"])
def test_without_tls_only_this_machine_is_reached(endpoint: str) -> None:
    with pytest.raises(Refused, match="host-insecure"):
        Connection(kind="s3", path="bucket", endpoint=endpoint)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9000"])
def test_this_machine_is_reached_without_tls(endpoint: str) -> None:
    assert Connection(kind="s3", path="bucket", endpoint=endpoint).endpoint == endpoint


def test_credentials_open_to_others_are_refused(tmp_path: Path) -> None:
    file = tmp_path / CREDENTIALS
    file.write_text('access_key_id = "a"\nsecret_access_key = "b"\n', encoding="utf-8")
    file.chmod(0o640)
    with pytest.raises(Refused, match="file-open-to-others"):
        credentials_file(file, "s3")
    file.chmod(0o600)
    assert credentials_file(file, "s3") == {"access_key_id": "a", "secret_access_key": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "", 'access_key_id = "very-secret"', 'access_key_id = "very-secret"\nsecret_access_key = 3', "very-secret = = 1",
        'access_key_id = "very-secret"\nsecret_access_key = "b"\nmore = "c"', 'account_key = "very-secret"', "\udcff",
    ],
)  # fmt: skip
def test_credentials_of_another_form_are_bad_input_and_not_repeated(tmp_path: Path, text: str) -> None:
    folder = host_folder(tmp_path, "far")
    folder.mkdir(parents=True)
    (folder / CREDENTIALS).write_bytes(text.encode(errors="surrogateescape"))
    (folder / CREDENTIALS).chmod(0o600)
    with pytest.raises(BadInput) as caught:
        read_credentials(tmp_path, "far", "s3")
    assert caught.value.code == "credentials-form"
    told: RempartError | BaseException | None = caught.value
    while told is not None:
        assert "very-secret" not in f"{told} {getattr(told, 'facts', '')}"
        told = told.__cause__


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "x" * 41, "-a", "a_b", "a\n"])
def test_a_name_of_another_form_is_no_host(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="host-name"):
        read_connection(tmp_path, name)


def test_a_connection_as_a_person_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "ovh.toml"
    file.write_text(
        'kind = "s3"\npath = "bucket"\nendpoint = "https://s3.gra.example"\nregion = "gra"\n', encoding="utf-8"
    )
    assert connection_file(file) == Connection(
        kind="s3", path="bucket", endpoint="https://s3.gra.example", region="gra"
    )


def test_an_authority_whose_certificate_is_gone_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="file-absent"):
        reach(AZURE, {"account_key": "a2V5"}, label="azure", base=tmp_path)
    (tmp_path / "ca.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", encoding="utf-8"
    )
    with pytest.raises(BadInput, match="config-field"):
        reach(AZURE, {"account_key": "a2V5"}, label="azure", base=tmp_path)


@pytest.mark.parametrize(
    ("connection", "given"),
    [
        (AZURE, {"account_key": "very-secret!"}),
        (S3, GIVEN | {"access_key_id": "very-secret\nindeed"}),
        (S3, GIVEN | {"secret_access_key": "very-secret é"}),
    ],
)
def test_a_credential_that_no_header_takes_is_bad_input(connection: Connection, given: dict[str, str]) -> None:
    with pytest.raises(BadInput) as caught:
        reach(connection, given, label="far", base=Path())
    assert caught.value.code == "credentials-form"
    assert "very-secret" not in f"{caught.value} {caught.value.facts} {caught.value.__cause__}"
