# SPDX-License-Identifier: Apache-2.0
"""Key stores that are down, sealed, throttled or refuse: a plain error, asked again with back-off, nothing half-written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import pkcs11_store
from rempart.adapters.key_retry import Patience
from rempart.adapters.key_store_settings import KeyStoreSettings, settings_from_dict
from rempart.adapters.openbao_store import OpenBaoStore
from rempart.adapters.pkcs11_store import Pkcs11Store
from rempart.adapters.surroundings import SystemRandomness
from rempart.adapters.table_key_file import open_table_keys
from rempart.errors import BadInput, Missing, NotTrusted, Refused, Unavailable
from rempart.keys.store_secret import StoreSecret, passphrase_secret, secret_from_bytes
from tests.servers.key_stores import bao, tokens
from tests.servers.openbao import BaoServer, Door, door, openbao
from tests.servers.process import LOOPBACK, free_ports
from tests.servers.softhsm import PIN, Tokens

__all__ = ["bao", "tokens"]
pytestmark = pytest.mark.server
KEY, RANDOM = b"k" * 32, SystemRandomness()
Sleeper = tuple[Patience, list[float]]


@pytest.fixture
def patience() -> Sleeper:
    """A patience that waits no time, and the waits it would have taken."""
    waits: list[float] = []
    return Patience(sleep=waits.append), waits


@pytest.fixture
def behind(bao: BaoServer, patience: Sleeper) -> Iterator[tuple[Door, OpenBaoStore, list[float]]]:
    """A store behind a door, with its root key made, and its waits."""
    with door(bao.port) as made:
        settings, token = bao.key(port=made.port)
        store = OpenBaoStore.create(settings, token, patience=patience[0])
        patience[1].clear()
        made.seen.clear()
        yield made, store, patience[1]


def test_waits_grow_are_bounded_and_end() -> None:
    waits: list[float] = []
    asked: list[int] = []

    def never() -> None:
        asked.append(1)
        raise Unavailable("key-store-busy", store="x")

    with pytest.raises(Unavailable, match="key-store-busy"):
        Patience(tries=8, first=0.5, longest=4, sleep=waits.append).ask(never)
    assert waits == [0.5, 1, 2, 4, 4, 4, 4]
    assert len(asked) == 8
    for error in (Refused("key-store-pin", token="t"), NotTrusted("wrapped-key"), Missing("key-store-key")):
        refusals: list[int] = []

        def refuse(error: Exception = error, refusals: list[int] = refusals) -> None:
            refusals.append(1)
            raise error

        with pytest.raises(type(error)):
            Patience(sleep=waits.append).ask(refuse)
        assert refusals == [1]


@pytest.mark.parametrize("answer", [429, 503, 500, 502, 0])
def test_a_store_that_answers_again_after_a_while_was_only_slow(
    behind: tuple[Door, OpenBaoStore, list[float]], answer: int
) -> None:
    made, store, waits = behind
    made.shut(answer, answer, answer)
    (wrapped,) = store.wrap([(b"c", KEY)])
    assert waits == [0.2, 0.4, 0.8]
    assert len(made.seen) == 4
    assert store.unwrap([(b"c", wrapped)]) == [KEY]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(429, "key-store-busy"), (503, "key-store-busy"), (500, "key-store-failed"), (0, "key-store-unreachable")],
)
def test_a_store_that_stays_away_is_told_and_nothing_is_half_written(
    behind: tuple[Door, OpenBaoStore, list[float]], tmp_path: Path, answer: int, code: str
) -> None:
    made, store, waits = behind
    path = tmp_path / "table-keys.json"
    keys = open_table_keys(path, store=store, randomness=RANDOM)
    (first,) = keys.ensure("table", "space/first/main/1")
    before = path.read_bytes()
    names = [f"space/t{n}/main/1" for n in range(450)]
    made.shut(Door.PASS, *[answer] * 100)  # the first batch goes through
    with pytest.raises(Unavailable) as caught:
        keys.ensure("table", *names)
    assert caught.value.code == code
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert path.read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["table-keys.json"]
    made.shut()
    assert len(set(keys.ensure("table", *names))) == 450
    again = open_table_keys(path, store=store, randomness=RANDOM)
    assert again.need("table", "space/first/main/1") == first


def test_a_store_that_fails_in_its_last_batch_gives_none(behind: tuple[Door, OpenBaoStore, list[float]]) -> None:
    made, store, _ = behind
    items = [(f"c{n}".encode(), KEY) for n in range(450)]
    whole = store.wrap(items)
    made.seen.clear()
    made.shut(Door.PASS, Door.PASS, *[503] * 50)
    with pytest.raises(Unavailable, match="key-store-busy"):
        store.rewrap([(context, blob) for (context, _), blob in zip(items, whole, strict=True)])
    made.shut()
    assert store.unwrap([(items[449][0], whole[449])]) == [KEY]


def test_a_sealed_server_is_told_as_sealed(tmp_path: Path, patience: Sleeper) -> None:
    tmp_path.joinpath("own").mkdir()
    with openbao(tmp_path / "own") as server:
        settings, token = server.key()
        store = OpenBaoStore.create(settings, token, patience=patience[0])
        assert OpenBaoStore.fault(settings) is None
        server.client.sys.seal()
        for act in (
            lambda: store.wrap([(b"c", KEY)]),
            lambda: store.unwrap([(b"c", b"vault:v1:AAAA")]),
            lambda: OpenBaoStore.open(settings, token, patience=patience[0]),
        ):
            with pytest.raises(Unavailable, match="key-store-sealed"):
                act()
        assert len(patience[1]) == 15
        fault = OpenBaoStore.fault(settings)
        assert fault is not None and fault.code == "key-store-sealed"


def test_a_server_that_is_not_there_is_told(patience: Sleeper) -> None:
    (port,) = free_ports(1)
    settings = KeyStoreSettings(store="openbao", address=f"http://{LOOPBACK}:{port}", mount="transit", key="rempart")
    with pytest.raises(Unavailable, match="key-store-unreachable"):
        OpenBaoStore.open(settings, "token", patience=patience[0])
    assert len(patience[1]) == 5
    fault = OpenBaoStore.fault(settings)
    assert fault is not None and fault.code == "key-store-unreachable"


def test_a_wrong_token_is_refused_at_once(bao: BaoServer, patience: Sleeper) -> None:
    settings, _ = bao.key()
    for token in ("s.wrong", bao.key()[1]):  # no token, and a token for another key
        with pytest.raises(Refused, match="key-store-access"):
            OpenBaoStore.open(settings, token, patience=patience[0])
    assert patience[1] == []


def test_a_wrong_mount_and_an_exportable_root_are_told(bao: BaoServer, patience: Sleeper) -> None:
    settings = KeyStoreSettings(store="openbao", address=bao.address, mount="nowhere", key="rempart")
    with pytest.raises(Missing, match="key-store-key"):
        OpenBaoStore.open(settings, bao.root, patience=patience[0])
    for name, options in (("loose", {"exportable": True}), ("backed", {"allow_plaintext_backup": True})):
        bao.client.secrets.transit.create_key(name, **options)
        open_one = KeyStoreSettings(store="openbao", address=bao.address, mount="transit", key=name)
        with pytest.raises(Refused, match="key-store-exportable"):
            OpenBaoStore.open(open_one, bao.root, patience=patience[0])


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ({}, "key-store-failed"),
        ({"data": {}}, "key-store-failed"),
        ({"data": {"batch_results": []}}, "key-store-failed"),
        ({"data": {"batch_results": [{}]}}, "key-store-failed"),
        ({"data": {"batch_results": [{"error": "out of sorts"}]}}, "key-store-failed"),
        ({"data": {"batch_results": [{"error": "out of sorts", "plaintext": "a2tr"}]}}, "key-store-failed"),
        ({"data": {"batch_results": [{"error": "cipher: message authentication failed"}]}}, "wrapped-key"),
        ("<html>", "key-store-failed"),
    ],
)
def test_every_reply_of_a_batch_is_looked_at(
    bao: BaoServer, patience: Sleeper, monkeypatch: pytest.MonkeyPatch, reply: Any, code: str
) -> None:
    settings, token = bao.key()
    store = OpenBaoStore.create(settings, token, patience=patience[0])
    monkeypatch.setattr(type(store._transit), "decrypt_data", lambda *_, **__: reply)
    with pytest.raises((Unavailable, NotTrusted)) as caught:
        store.unwrap([(b"c", b"vault:v1:AAAA")])
    assert caught.value.code == code


def test_a_wrong_pin_is_refused_and_asked_once(tokens: Tokens, patience: Sleeper) -> None:
    settings = tokens.token()
    Pkcs11Store.create(settings, PIN, randomness=RANDOM).close()
    for wrong in ("another pin", "1", "x" * 300):
        with pytest.raises(Refused, match="key-store-pin") as caught:
            Pkcs11Store.open(settings, wrong, randomness=RANDOM, patience=patience[0])
        assert wrong not in str(caught.value.facts)
    assert patience[1] == []
    Pkcs11Store.open(settings, PIN, randomness=RANDOM).close()


def test_a_locked_pin_is_told(tokens: Tokens, patience: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """SoftHSM locks none, so the token is made to say what a locking one says."""
    import pkcs11

    settings = tokens.token()

    class Locked:
        flags = pkcs11.TokenFlag(0)

        def open(self, **_: object) -> None:
            raise pkcs11.exceptions.PinLocked

    class Flagged(Locked):
        flags = pkcs11.TokenFlag.USER_PIN_LOCKED

    for token in (Locked(), Flagged()):
        monkeypatch.setattr(Pkcs11Store, "_token", lambda _, token=token: token)
        with pytest.raises(Refused, match="key-store-pin-locked"):
            Pkcs11Store.open(settings, PIN, randomness=RANDOM, patience=patience[0])
    assert patience[1] == []


def test_a_token_that_fails_is_asked_again_after_a_new_login(tokens: Tokens, patience: Sleeper) -> None:
    store = Pkcs11Store.create(tokens.token(), PIN, randomness=RANDOM, patience=patience[0])
    (wrapped,) = store.wrap([(b"c", KEY)])
    store._session.close()  # as a network appliance does when it restarts
    assert store.unwrap([(b"c", wrapped)]) == [KEY]
    assert patience[1] == [0.2]
    store.close()


def test_a_token_that_stays_away_is_told(tokens: Tokens, patience: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    import pkcs11

    store = Pkcs11Store.create(tokens.token(), PIN, randomness=RANDOM, patience=patience[0])
    (wrapped,) = store.wrap([(b"c", KEY)])

    def broken(*_: object) -> bytes:
        raise pkcs11.exceptions.GeneralError

    monkeypatch.setattr(Pkcs11Store, "_use", broken)
    for act in (store.wrap, store.unwrap):
        with pytest.raises(Unavailable, match="key-store-failed"):
            act([(b"c", wrapped)])  # never told as a key that is not trusted
    assert len(patience[1]) == 10
    monkeypatch.undo()
    assert store.unwrap([(b"c", wrapped)]) == [KEY]
    store.close()


def test_a_token_or_a_library_that_is_not_there_is_told(tokens: Tokens, patience: Sleeper) -> None:
    there = tokens.token()
    absent = tokens.settings("no such token")
    with pytest.raises(Missing, match="key-store-token"):
        Pkcs11Store.open(absent, PIN, randomness=RANDOM, patience=patience[0])
    nowhere = KeyStoreSettings(store="pkcs11", module="/nonexistent.so", token="t", key="k")
    with pytest.raises(Unavailable, match="key-store-library"):
        Pkcs11Store.open(nowhere, PIN, randomness=RANDOM, patience=patience[0])
    for settings, code in ((absent, "key-store-token"), (nowhere, "key-store-library")):
        fault = Pkcs11Store.fault(settings)
        assert fault is not None and fault.code == code
    assert Pkcs11Store.fault(there) is None


def test_the_root_key_never_leaves_the_token(tokens: Tokens) -> None:
    import pkcs11

    store = Pkcs11Store.create(tokens.token(), PIN, randomness=RANDOM)
    about, root = pkcs11.Attribute, store._roots[1]
    for attribute in (about.SENSITIVE, about.ALWAYS_SENSITIVE, about.NEVER_EXTRACTABLE, about.LOCAL, about.TOKEN):
        assert root[attribute] is True
    for attribute in (about.EXTRACTABLE, about.MODIFIABLE, about.WRAP, about.UNWRAP):
        assert root[attribute] is False
    assert root.key_length == pkcs11_store.KEY_BITS
    with pytest.raises(pkcs11.exceptions.AttributeSensitive):
        root[about.VALUE]
    with pytest.raises(pkcs11.exceptions.PKCS11Error):
        root[about.EXTRACTABLE] = True
    other = store._session.generate_key(pkcs11.KeyType.AES, 256, store=False)
    with pytest.raises(pkcs11.exceptions.PKCS11Error):  # nor wrapped under another key
        other.wrap_key(root, mechanism=pkcs11.Mechanism.AES_KEY_WRAP)
    store.close()


def test_a_root_key_that_somebody_made_extractable_is_refused(tokens: Tokens) -> None:
    import pkcs11

    settings = tokens.token()
    library = pkcs11.lib(settings.module)
    with library.get_token(token_label=settings.token).open(rw=True, user_pin=PIN) as session:
        loose = {pkcs11.Attribute.EXTRACTABLE: True, pkcs11.Attribute.SENSITIVE: False}
        session.generate_key(pkcs11.KeyType.AES, 256, label="rempart/v1", store=True, template=loose)
    for act in (Pkcs11Store.open, Pkcs11Store.create):
        with pytest.raises(Refused, match="key-store-exportable"):
            act(settings, PIN, randomness=RANDOM)


@pytest.mark.parametrize(
    "table",
    [
        {"store": "vault"},
        {"store": 1},
        {"store": "pkcs11", "module": "m.so", "key": "k"},
        {"store": "pkcs11", "module": "m.so", "token": "t", "key": "k", "environment": "no name"},
        {"store": "openbao", "address": "http://keys.example.org", "mount": "transit", "key": "k"},
        {"store": "openbao", "address": "ftp://127.0.0.1", "mount": "transit", "key": "k"},
        {"store": "openbao", "address": "https://[", "mount": "transit", "key": "k"},
        {"store": "openbao", "address": "https://keys.example.org", "mount": "../sys", "key": "k"},
        {"store": "openbao", "address": "https://keys.example.org", "mount": "transit", "key": "a/b"},
    ],
)
def test_settings_that_lead_nowhere_or_through_the_open_are_bad_input(table: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="config-field"):
        settings_from_dict(table)


def test_a_secret_goes_over_the_descriptor_and_shows_nowhere_else() -> None:
    made = StoreSecret(kind="shares", shares=((b"file", "pass of anna"), (b"other", "pass of ben")))
    assert secret_from_bytes(made.to_bytes()) == made
    assert "pass of" not in repr(made)
    assert "a secret" not in repr(passphrase_secret("a secret"))
    whole = json.loads(made.to_bytes())
    for bad in (
        b"",
        b"[]",
        b"{}",
        json.dumps(whole | {"kind": "all"}).encode(),
        json.dumps(whole | {"shares": []}).encode(),
    ):
        with pytest.raises(BadInput, match="key-secret"):
            secret_from_bytes(bad)


@pytest.mark.parametrize(("count", "requests"), [(200, 1), (201, 2), (450, 3), (1100, 6)])
def test_a_request_holds_no_more_than_the_server_takes(
    behind: tuple[Door, OpenBaoStore, list[float]], count: int, requests: int
) -> None:
    made, store, _ = behind
    store.wrap([(b"c", KEY)] * count)
    assert len(made.seen) == requests
