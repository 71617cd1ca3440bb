# SPDX-License-Identifier: Apache-2.0
"""Person's key files, private files and the configuration: what is written can be read, by its owner alone."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.adapters.configuration import Configuration, read_configuration, write_configuration
from rempart.adapters.person_key import create_person_key, load_person_key, public_bytes
from rempart.adapters.private_file import create_private, read_private, replace_private
from rempart.adapters.surroundings import SystemRandomness
from rempart.errors import BadInput, Missing, Refused
from tests.properties.keys_story import SeededRandomness


@pytest.mark.parametrize("passphrase", [None, "a phrase é"])
def test_a_persons_key_is_read_back_by_its_owner(tmp_path: Path, passphrase: str | None) -> None:
    path = tmp_path / "alice.pem"
    public = create_person_key(path, randomness=SystemRandomness(), passphrase=passphrase)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public_bytes(load_person_key(path, passphrase=passphrase)) == public
    assert (b"ENCRYPTED" in path.read_bytes()) == (passphrase is not None)


@pytest.mark.parametrize(("made_with", "opened_with"), [("right", "wrong"), ("right", None), (None, "some")])
def test_another_passphrase_does_not_open_it(tmp_path: Path, made_with: str | None, opened_with: str | None) -> None:
    create_person_key(tmp_path / "a.pem", randomness=SystemRandomness(), passphrase=made_with)
    with pytest.raises(Refused, match="person-key-passphrase"):
        load_person_key(tmp_path / "a.pem", passphrase=opened_with)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_persons_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    create_person_key(tmp_path / "a.pem", randomness=SystemRandomness())
    (tmp_path / "a.pem").chmod(mode)
    with pytest.raises(Refused, match="file-open-to-others"):
        load_person_key(tmp_path / "a.pem")


def test_a_persons_key_is_never_written_over(tmp_path: Path) -> None:
    create_person_key(tmp_path / "a.pem", randomness=SystemRandomness())
    before = (tmp_path / "a.pem").read_bytes()
    with pytest.raises(Refused, match="file-exists"):
        create_person_key(tmp_path / "a.pem", randomness=SystemRandomness())
    assert (tmp_path / "a.pem").read_bytes() == before


def test_a_key_of_another_algorithm_or_no_key_is_told_as_such(tmp_path: Path) -> None:
    other = Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for number, data in enumerate((other, b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")):
        create_private(tmp_path / f"{number}.pem", data)
        with pytest.raises(BadInput, match="person-key-form"):
            load_person_key(tmp_path / f"{number}.pem")
    with pytest.raises(Missing, match="file-absent"):
        load_person_key(tmp_path / "nobody.pem")


def test_a_private_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_private(tmp_path / "a" / "one", b"1")
        replace_private(tmp_path / "a" / "two", b"2")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a").iterdir()} == {0o600}


def test_a_replacement_that_fails_leaves_the_old_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    replace_private(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        replace_private(tmp_path / "a", b"new")
    monkeypatch.undo()
    assert read_private(tmp_path / "a") == b"old"
    replace_private(tmp_path / "a", b"newer")  # what the failure left does not stand in the way
    assert read_private(tmp_path / "a") == b"newer"


def configuration(controller: str = "C", *, shards: int = 8) -> Configuration:
    """A configuration that differs by the controller's name."""
    drawn = SeededRandomness()
    return Configuration(
        warehouse="w",
        controller=controller,
        trust_first="sha256:0",
        ledger_origin="rempart/w",
        ledger_public=drawn.bytes(32),
        vault_public=drawn.bytes(32),
        shards=shards,
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_controllers_name_is_read_back(tmp_path: Path, name: str) -> None:
    (tmp_path / "rempart.toml").unlink(missing_ok=True)
    write_configuration(tmp_path, configuration(name))
    assert read_configuration(tmp_path) == configuration(name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('schema = "rempart.config/1"', 'schema = "rempart.config/9"'),
        ("shards = 8", "shards = 6"),
        ("shards = 8", "shards = true"),
        ("shards = 8", 'shards = "8"'),
        ('origin = "rempart/w"', "origin = 7"),
        ("[ledger]", "[ledgers]"),
        ("vault_public", "vault_publics"),
    ],
)
def test_a_wrong_field_is_bad_input(tmp_path: Path, old: str, new: str) -> None:
    write_configuration(tmp_path, configuration())
    path = tmp_path / "rempart.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BadInput, match="config-field"):
        read_configuration(tmp_path)


def test_a_folder_without_configuration_is_no_warehouse(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="warehouse-missing"):
        read_configuration(tmp_path)
