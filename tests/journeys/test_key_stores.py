# SPDX-License-Identifier: Apache-2.0
"""A whole warehouse whose root key lies in a token, in OpenBao, or in the custody of three persons of whom two suffice."""

import base64
import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.wiring import custody as ceremonies
from tests.journeys.house import PASSPHRASE, Answer, House, call
from tests.servers.key_stores import bao, tokens
from tests.servers.openbao import BaoServer
from tests.servers.softhsm import PIN, Tokens

__all__ = ["bao", "tokens"]
pytestmark = pytest.mark.server
NAMES = ("anna", "ben", "carl")


def word(name: str) -> str:
    return f"the passphrase of {name}"


@contextlib.contextmanager
def pipes(**secrets: str) -> Iterator[list[str]]:
    """An option for each secret, each on a pipe of its own."""
    given, ends = [], []
    for name, text in secrets.items():
        reading, writing = os.pipe()
        os.write(writing, text.encode() + b"\n")
        os.close(writing)
        ends.append(reading)
        given += [f"--{name.replace('_', '-')}", str(reading)]
    try:
        yield given
    finally:
        for end in ends:
            os.close(end)


def hashes(house: House) -> object:
    return house.told("vault", "hash")


def hold(house: House, to: Path, *more: str | Path, passphrase: str = PASSPHRASE, by: str = "officer") -> Answer:
    """A ceremony of two of three."""
    custodians = [part for name in NAMES for part in ("--custodian", name)]
    words = ("keys", "ceremony", "--threshold", "2", *custodians, "--to", to, "--by", house.key(by), *more)
    with pipes(passphrase_fd=passphrase, share_passphrase_fd="\n".join(map(word, NAMES))) as given:
        return house.call(*words, *given, "--json")


def unlock(house: House, folder: Path, *names: str, words: str | None = None) -> Answer:
    shares = [part for name in names for part in ("--share", folder / f"{name}.share")]
    with pipes(passphrase_fd=words or "\n".join(map(word, names))) as given:
        return house.call("keys", "unlock", *shares, *given, "--json")


@pytest.mark.parametrize("kind", ["pkcs11", "openbao"])
def test_a_warehouse_lives_in_a_key_store_that_is_no_file(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, small_delivery: Path, small: House
) -> None:
    options, secret, wrong = store_of(kind, request)
    house = House(tmp_path / kind)
    house.folder.mkdir()
    key = ("--officer-key", house.key("officer"), "--shards", "4")
    made = call("init", house.warehouse, "--controller", "C", *key, *options, "--json", secret=secret)
    assert made.code == 0, made
    try:
        assert not (house.warehouse / "controller" / "keys" / "root.key").exists()
        house.told("ingest", small_delivery)
        house.lock()
        refused = house.call("keys", "unlock", "--json", secret=wrong)
        assert refused.error["code"] == ("key-store-pin" if kind == "pkcs11" else "key-store-access")
        assert house.call("keys", "unlock", "--json", secret=secret).code == 0
        status = house.told("keys", "status")
        assert (status["store"], status["answers"], status["custody"]) == (kind, "yes", None)
        first = hashes(house)
        assert first == hashes(small)  # the same delivery under other keys
        shown = (house.warehouse / "rempart.toml").read_text(encoding="utf-8")
        assert secret not in shown
        held = hold(house, tmp_path / "shares", passphrase=secret)  # the root stays: custody is for backups alone
        assert held.code == 0, held
        assert house.told("keys", "status")["custody"]["threshold"] == 2
        house.lock()
        assert unlock(house, tmp_path / "shares", "anna", "ben").error["code"] == "key-secret-kind"
        assert house.call("keys", "unlock", "--json", secret=secret).code == 0
        assert versions(house) == {1}
        house.told("keys", "rotate", "--root", "--by", house.key("officer"))
        assert versions(house) == {2}
        house.lock()
        assert house.call("keys", "unlock", "--json", secret=secret).code == 0
        assert hashes(house) == first
    finally:
        house.lock()


def versions(house: House) -> set[int]:
    """The versions of the root key that the stored table keys are wrapped under."""
    stored = json.loads((house.warehouse / "controller" / "keys" / "table-keys.json").read_bytes())
    blobs = [base64.b64decode(blob) for kind in ("table", "secret", "signing") for blob in stored[kind].values()]
    return {int(b.split(b":")[1][1:]) if b.startswith(b"vault:v") else int.from_bytes(b[:4], "big") for b in blobs}


def store_of(kind: str, request: pytest.FixtureRequest) -> tuple[list[str], str, str]:
    """Options of init, what opens the store, and what does not."""
    if kind == "pkcs11":
        held: Tokens = request.getfixturevalue("tokens")
        token = held.token()
        where = ["--module", token.module, "--module-environment", token.environment, "--token", token.token]
        return ["--store", "pkcs11", *where], PIN, "another pin"
    server: BaoServer = request.getfixturevalue("bao")
    settings, secret = server.key()
    where = ["--address", settings.address, "--mount", settings.mount, "--root-key", settings.key]
    return ["--store", "openbao", *where], secret, "s.another"


def test_two_of_three_custodians_open_the_root_key_and_one_does_not(small: House, tmp_path: Path) -> None:
    root = small.warehouse / "controller" / "keys" / "root.key"
    old, before, shares = root.read_bytes(), hashes(small), tmp_path / "shares"
    plan = hold(small, shares, "--plan").data
    assert plan["plan"] is True
    assert not shares.exists()
    assert root.read_bytes() == old
    held = hold(small, shares)
    assert held.code == 0, held
    assert sorted(path.name for path in shares.iterdir()) == [f"{name}.share" for name in NAMES]
    assert hashes(small) == before  # the broker serves again, opened by shares
    assert small.told("keys", "status")["custody"]["custodians"] == list(NAMES)
    small.lock()
    for pair in (("anna", "ben"), ("carl", "anna")):
        assert unlock(small, shares, *pair).code == 0
        small.lock()
    for names, said, code in (
        (("anna",), None, "custody-few"),
        (("anna", "anna"), None, "custody-few"),
        (("anna", "ben"), word("anna") + "\n" + word("anna"), "share-passphrase"),
    ):
        answer = unlock(small, shares, *names, words=said)
        assert (answer.code, answer.error["code"]) == (10, code)
    assert small.call("keys", "unlock", "--json", secret=PASSPHRASE).error["code"] == "key-secret-kind"
    root.write_bytes(
        old
    )  # an old copy of the key file: its passphrase opens it, and it opens no key that is stored now
    answer = small.call("keys", "unlock", "--json", secret=PASSPHRASE)
    assert (answer.code, answer.error["code"]) == (20, "wrapped-key")


def test_status_says_what_is_known_of_a_store_without_any_secret(small: House, bao: BaoServer) -> None:
    settings = small.warehouse / "rempart.toml"
    text = settings.read_text(encoding="utf-8").replace('store = "file"\n', "")
    silent = 'store = "openbao"\naddress = "http://127.0.0.1:1"\nmount = "transit"\nkey = "rempart"\n'
    told = text.replace("[keys]\n", "[keys]\n" + silent)
    settings.write_text(told, encoding="utf-8")
    small.lock()
    answer = small.call("keys", "status")
    assert answer.code == 60
    assert "an OpenBao server: http://127.0.0.1:1" in answer.out
    assert "it would not answer now: the key store http://127.0.0.1:1 does not answer" in answer.out
    facts = small.call("keys", "status", "--json").error["facts"]
    assert (facts["store"], facts["answers"]) == ("openbao", "key-store-unreachable")
    settings.write_text(told.replace("127.0.0.1:1", f"127.0.0.1:{bao.port}"), encoding="utf-8")
    assert small.call("keys", "status", "--json").error["facts"]["answers"] == "yes"


def test_a_second_ceremony_is_held_by_the_custodians_of_the_first(small: House, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert hold(small, first).code == 0
    shares = [part for name in ("ben", "carl") for part in ("--share", first / f"{name}.share")]
    held = hold(small, second, *shares, passphrase="\n".join(map(word, ("ben", "carl"))))
    assert held.code == 0, held
    small.lock()
    answer = unlock(small, first, "anna", "ben")
    assert (answer.code, answer.error["code"]) == (10, "share-ceremony")
    assert unlock(small, second, "anna", "ben").code == 0
    leaves = [json.loads(line) for line in _leaves(small)]
    acts = [(leaf["phase"], leaf["objects"]) for leaf in leaves if leaf["kind"] == "ceremony"]
    assert [phase for phase, _ in acts] == ["intent", "effect"] * 2
    custody = small.told("keys", "status")["custody"]["id"]
    assert f"custody:{custody}" in acts[2][1]


def _leaves(house: House) -> list[bytes]:
    from rempart.wiring.warehouse import Warehouse

    ledger = Warehouse(house.warehouse).ledger
    return ledger.leaves(0, ledger.size())


def test_a_ceremony_needs_an_officer_and_never_writes_over_a_share(small: House, tmp_path: Path) -> None:
    folder = tmp_path / "shares"
    folder.mkdir()
    (folder / "ben.share").write_bytes(b"another's")
    assert hold(small, folder).error["code"] == "file-exists"
    assert hold(small, tmp_path / "x", by="alice").error["code"] == "role-missing"
    assert hold(small, tmp_path / "x", passphrase="not the passphrase").error["code"] == "passphrase"
    assert not (tmp_path / "x").exists()
    assert small.told("keys", "status")["custody"] is None


@pytest.mark.parametrize("step", ["root.key", "custody.json"])
def test_a_ceremony_cut_off_is_ended_when_its_custodians_unlock(
    step: str, small: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, before, shares = small.warehouse / "controller" / "keys", hashes(small), tmp_path / "shares"
    kept = {name: (keys / name).read_bytes() for name in ("table-keys.json",)}
    finish: Callable[..., None] = ceremonies.finish
    after_root: dict[str, bytes] = {}

    def cut(*given: object) -> None:
        after_root["root.key"] = (keys / "root.key").read_bytes()
        if step != "root.key":
            finish(*given)
        raise OSError("the machine stopped")

    monkeypatch.setattr(ceremonies, "finish", cut)
    assert hold(small, shares).code != 0
    monkeypatch.undo()
    if step == "custody.json":  # the record was kept, no table key was wrapped anew
        (keys / "table-keys.json").write_bytes(kept["table-keys.json"])
    (keys / "root.key").write_bytes(after_root["root.key"])
    assert unlock(small, shares, "anna", "carl").code == 0
    assert hashes(small) == before
    assert len(json.loads((keys / "root.key").read_bytes())["roots"]) == 1
    assert small.told("keys", "status")["custody"]["threshold"] == 2
    shutil.rmtree(shares)
