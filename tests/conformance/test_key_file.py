# SPDX-License-Identifier: Apache-2.0
"""The key file itself: its passphrase, its cost, its mode, and that it is never written over."""

import os
import stat
from pathlib import Path

import pytest

from rempart.adapters.key_file import KeyFile
from rempart.adapters.surroundings import SystemRandomness
from rempart.errors import Missing, NotTrusted, Refused
from rempart.keys.root_key import QUICK, STANDARD
from rempart.ports.key_store import KeyStore

PASSPHRASE = "correct horse battery"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "root.key"


@pytest.fixture
def store(path: Path) -> KeyStore:
    return KeyFile.create(path, PASSPHRASE, randomness=SystemRandomness(), cost=QUICK)


def test_a_key_file_opened_again_is_the_same_store(store: KeyStore, path: Path) -> None:
    (wrapped,) = store.wrap([(b"c", b"k" * 32)])
    again = KeyFile.open(path, PASSPHRASE, randomness=SystemRandomness(), quick_allowed=True)
    assert again.unwrap([(b"c", wrapped)]) == [b"k" * 32]


def test_two_key_files_have_two_root_keys(store: KeyStore, tmp_path: Path) -> None:
    other = KeyFile.create(tmp_path / "other.key", PASSPHRASE, randomness=SystemRandomness(), cost=QUICK)
    (wrapped,) = store.wrap([(b"c", b"k" * 32)])
    with pytest.raises(NotTrusted):
        other.unwrap([(b"c", wrapped)])


def test_a_key_file_of_full_cost_opens_without_leave(path: Path) -> None:
    made = KeyFile.create(path, PASSPHRASE, randomness=SystemRandomness(), cost=STANDARD)
    opened = KeyFile.open(path, PASSPHRASE, randomness=SystemRandomness())
    (wrapped,) = made.wrap([(b"c", b"k" * 32)])
    assert opened.unwrap([(b"c", wrapped)]) == [b"k" * 32]


def test_a_wrong_passphrase_is_refused(store: KeyStore, path: Path) -> None:
    with pytest.raises(Refused, match="passphrase"):
        KeyFile.open(path, PASSPHRASE.upper(), randomness=SystemRandomness(), quick_allowed=True)


def test_a_key_file_is_private_and_never_written_over(store: KeyStore, path: Path) -> None:
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with pytest.raises(Refused, match="file-exists"):
        KeyFile.create(path, PASSPHRASE, randomness=SystemRandomness(), cost=QUICK)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["root.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_key_file_that_others_may_touch_is_refused(store: KeyStore, path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(Refused, match="file-open-to-others"):
        KeyFile.open(path, PASSPHRASE, randomness=SystemRandomness(), quick_allowed=True)
    path.chmod(0o400)
    KeyFile.open(path, PASSPHRASE, randomness=SystemRandomness(), quick_allowed=True)


def test_a_key_file_is_a_file(path: Path) -> None:
    with pytest.raises(Missing, match="file-absent"):
        KeyFile.open(path, PASSPHRASE, randomness=SystemRandomness())
    path.parent.mkdir(parents=True)
    os.mkfifo(path, 0o600)
    with pytest.raises(Refused, match="file-open-to-others"):
        KeyFile.open(path, PASSPHRASE, randomness=SystemRandomness())
