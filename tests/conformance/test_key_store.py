# SPDX-License-Identifier: Apache-2.0
"""What ports.key_store.KeyStore promises, on every key store: key file, key file of custodians, PKCS#11 token, OpenBao."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rempart.adapters.key_file import KeyFile
from rempart.adapters.openbao_store import BATCH, OpenBaoStore
from rempart.adapters.pkcs11_store import Pkcs11Store
from rempart.adapters.surroundings import SystemRandomness
from rempart.adapters.table_key_file import open_table_keys
from rempart.errors import Missing, NotTrusted, Refused
from rempart.keys.root_key import QUICK
from rempart.ports.key_store import KeyStore
from tests.servers.openbao import BaoServer
from tests.servers.softhsm import PIN, Tokens

pytestmark = pytest.mark.server
KINDS = ("file", "pkcs11", "openbao")
PASSPHRASE = "correct horse battery"
KEY = b"k" * 32
Again = Callable[[], KeyStore]


@pytest.fixture(scope="module", params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyStore, Again]:
    """A store with a fresh root key, and a way to open it again."""
    if request.param == "file":
        path = tmp_path_factory.mktemp("keys") / "root.key"
        randomness = SystemRandomness()
        store = KeyFile.create(path, PASSPHRASE, randomness=randomness, cost=QUICK)
        return store, lambda: KeyFile.open(path, PASSPHRASE, randomness=randomness, quick_allowed=True)
    if request.param == "pkcs11":
        tokens: Tokens = request.getfixturevalue("tokens")
        settings = tokens.token()
        made = Pkcs11Store.create(settings, PIN, randomness=SystemRandomness())
        return made, lambda: Pkcs11Store.open(settings, PIN, randomness=SystemRandomness())
    bao: BaoServer = request.getfixturevalue("bao")
    where, token = bao.key()
    return OpenBaoStore.create(where, token), lambda: OpenBaoStore.open(where, token)


@pytest.fixture
def store(opened: tuple[KeyStore, Again]) -> KeyStore:
    return opened[0]


def with_contexts(items: list[tuple[bytes, bytes]], wrapped: list[bytes]) -> list[tuple[bytes, bytes]]:
    return [(context, blob) for (context, _), blob in zip(items, wrapped, strict=True)]


def test_it_says_what_it_is(store: KeyStore) -> None:
    assert store.kind in KINDS


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, 450])
def test_a_batch_of_any_size_comes_back_in_its_order(store: KeyStore, count: int) -> None:
    items = [(f"context {n}".encode(), n.to_bytes(32, "big")) for n in range(count)]
    wrapped = store.wrap(items)
    assert len(set(wrapped)) == count
    assert store.unwrap(with_contexts(items, wrapped)) == [key for _, key in items]
    again = store.rewrap(with_contexts(items, wrapped))
    assert store.unwrap(with_contexts(items, again)) == [key for _, key in items]


def test_one_key_wrapped_twice_gives_different_bytes_that_hold_no_key(store: KeyStore) -> None:
    first, second = store.wrap([(b"c", KEY)] * 2)
    assert first != second
    assert KEY not in first


def test_another_context_does_not_open_nor_wrap_anew(store: KeyStore) -> None:
    (wrapped,) = store.wrap([(b"one", KEY)])
    for act in (store.unwrap, store.rewrap):
        for context in (b"two", b"", b"one\x00"):
            with pytest.raises(NotTrusted, match="wrapped-key"):
                act([(context, wrapped)])
    assert store.unwrap([(b"one", wrapped)]) == [KEY]


def test_a_context_may_be_any_bytes(store: KeyStore) -> None:
    for context in (b"\x00", bytes(range(256)), b"x" * 2000):
        (wrapped,) = store.wrap([(context, KEY)])
        assert store.unwrap([(context, wrapped)]) == [KEY]


@pytest.mark.parametrize("at", [0, 3, 10, 17, 30, -17, -1])
def test_a_changed_byte_is_not_trusted(store: KeyStore, at: int) -> None:
    (wrapped,) = store.wrap([(b"c", KEY)])
    changed = bytearray(wrapped)
    changed[at] ^= 1
    for act in (store.unwrap, store.rewrap):
        with pytest.raises(NotTrusted, match="wrapped-key"):
            act([(b"c", bytes(changed))])


@pytest.mark.parametrize("wrapped", [b"", b"x", b"\xff" * 60, bytes(64), b"vault:v1:AAAA", b"vault:v9:" + b"A" * 80])
def test_what_no_store_wrapped_is_not_trusted(store: KeyStore, wrapped: bytes) -> None:
    with pytest.raises(NotTrusted, match="wrapped-key"):
        store.unwrap([(b"c", wrapped)])


def test_one_bad_item_spoils_the_batch(store: KeyStore) -> None:
    (wrapped,) = store.wrap([(b"c", KEY)])
    for act in (store.unwrap, store.rewrap):
        with pytest.raises(NotTrusted, match="wrapped-key"):
            act([(b"c", wrapped)] * 3 + [(b"c", wrapped[:-2])])


def test_the_root_key_does_not_show(store: KeyStore) -> None:
    shown = {name for name in dir(store) if not name.startswith("_")}
    acts = {"create", "open", "open_shared", "is_shared", "hand_over", "catch_up", "new_version", "close", "fault"}
    assert shown <= {"kind", "wrap", "unwrap", "rewrap", "custody", "behind", "calls", *acts}


def test_a_store_opened_again_is_the_same_store(opened: tuple[KeyStore, Again]) -> None:
    store, again = opened
    (wrapped,) = store.wrap([(b"c", KEY)])
    other = again()
    assert other.unwrap([(b"c", wrapped)]) == [KEY]
    (back,) = other.wrap([(b"c", KEY)])
    assert store.unwrap([(b"c", back)]) == [KEY]


def test_calls_grow_with_table_keys_and_not_with_parts(opened: tuple[KeyStore, Again], tmp_path: Path) -> None:
    """A run reads thousands of parts under a handful of table keys: the store is asked for each of these once."""
    counted = Counted(opened[1]())
    keys = open_table_keys(tmp_path / "table-keys.json", store=counted, randomness=SystemRandomness())
    names = [f"space/table-{n}/main/1" for n in range(5)]
    made = keys.ensure("table", *names)
    keys.forget()
    before = counted.calls
    for _ in range(1000):
        assert [keys.need("table", name) for name in names] == made
    assert counted.calls - before <= len(names)


class Counted:
    """A store that counts how often it is asked."""

    def __init__(self, store: KeyStore) -> None:
        self._store, self.calls = store, 0
        self.kind = store.kind

    def wrap(self, items: list[tuple[bytes, bytes]]) -> list[bytes]:
        self.calls += 1
        return self._store.wrap(items)

    def unwrap(self, items: list[tuple[bytes, bytes]]) -> list[bytes]:
        self.calls += 1
        return self._store.unwrap(items)

    def rewrap(self, items: list[tuple[bytes, bytes]]) -> list[bytes]:
        self.calls += 1
        return self._store.rewrap(items)


@pytest.mark.parametrize("kind", ["pkcs11", "openbao"])
def test_wrapping_anew_moves_to_the_newest_version_and_keeps_the_key(kind: str, request: pytest.FixtureRequest) -> None:
    store = fresh(kind, request)
    old = store.wrap([(b"c", KEY)])
    assert version(old[0]) == 1
    store.new_version()
    assert store.unwrap([(b"c", old[0])]) == [KEY]
    new = store.rewrap([(b"c", old[0])])
    assert version(new[0]) == version(store.wrap([(b"d", KEY)])[0]) == 2
    assert store.unwrap([(b"c", new[0])]) == [KEY]


@pytest.mark.parametrize("kind", ["pkcs11", "openbao"])
def test_a_root_key_is_made_once_and_missed_where_there_is_none(kind: str, request: pytest.FixtureRequest) -> None:
    make, find = makers(kind, request)
    with pytest.raises(Missing, match="key-store-key"):
        find()
    store = make()
    (wrapped,) = store.wrap([(b"c", KEY)])
    with pytest.raises(Refused, match="key-store-exists"):
        make()
    assert find().unwrap([(b"c", wrapped)]) == [KEY]


@pytest.mark.parametrize("kind", ["pkcs11", "openbao"])
def test_two_stores_have_two_root_keys(kind: str, request: pytest.FixtureRequest) -> None:
    first, second = fresh(kind, request), fresh(kind, request)
    (wrapped,) = first.wrap([(b"c", KEY)])
    with pytest.raises(NotTrusted):
        second.unwrap([(b"c", wrapped)])


def makers(
    kind: str, request: pytest.FixtureRequest
) -> tuple[Callable[[], Pkcs11Store | OpenBaoStore], Callable[[], Pkcs11Store | OpenBaoStore]]:
    """(make, open) of one place where no root key is yet."""
    if kind == "pkcs11":
        settings = request.getfixturevalue("tokens").token()
        randomness = SystemRandomness()
        return (
            lambda: Pkcs11Store.create(settings, PIN, randomness=randomness),
            lambda: Pkcs11Store.open(settings, PIN, randomness=randomness),
        )
    where, token = request.getfixturevalue("bao").key()
    return lambda: OpenBaoStore.create(where, token), lambda: OpenBaoStore.open(where, token)


def fresh(kind: str, request: pytest.FixtureRequest) -> Pkcs11Store | OpenBaoStore:
    return makers(kind, request)[0]()


def version(wrapped: bytes) -> int:
    """The root key's version that a wrapped key names."""
    if wrapped.startswith(b"vault:v"):
        return int(wrapped.split(b":")[1][1:])
    return int.from_bytes(wrapped[:4], "big")
