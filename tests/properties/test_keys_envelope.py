# SPDX-License-Identifier: Apache-2.0
"""Wrapped keys, the passphrase's file and the table keys: what opens, and that nothing else does."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.key_file import KeyFile
from rempart.errors import BadInput, Missing, NotTrusted, Refused
from rempart.keys.envelope import WRAPPED_BYTES, unwrap, wrap
from rempart.keys.root_key import QUICK, STANDARD, make_key_file, open_key_file
from rempart.keys.table_keys import TableKeys
from tests.properties.keys_story import SeededRandomness

KEY = st.binary(min_size=32, max_size=32)
NONCE = st.binary(min_size=12, max_size=12)
PASSPHRASE = "correct horse battery"


@given(kek=KEY, key=KEY, nonce=NONCE, context=st.binary(max_size=80))
def test_a_wrapped_key_opens_under_its_own_key_and_context(
    kek: bytes, key: bytes, nonce: bytes, context: bytes
) -> None:
    blob = wrap(kek, key, context=context, nonce=nonce)
    assert len(blob) == WRAPPED_BYTES
    assert key not in blob
    assert unwrap(kek, blob, context=context) == key


@given(bit=st.integers(0, 8 * WRAPPED_BYTES - 1))
def test_one_flipped_bit_opens_nothing(bit: int) -> None:
    blob = bytearray(wrap(b"k" * 32, b"d" * 32, context=b"c", nonce=b"n" * 12))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(NotTrusted, match="wrapped-key"):
        unwrap(b"k" * 32, bytes(blob), context=b"c")


@pytest.mark.parametrize(
    ("kek", "cut", "context"),
    [(b"l" * 32, 60, b"c"), (b"k" * 32, 60, b"d"), (b"k" * 32, 59, b"c"), (b"k" * 31, 60, b"c")],
)
def test_another_key_context_or_length_opens_nothing_and_is_not_told_apart(
    kek: bytes, cut: int, context: bytes
) -> None:
    blob = wrap(b"k" * 32, b"d" * 32, context=b"c", nonce=b"n" * 12)
    with pytest.raises(NotTrusted) as caught:
        unwrap(kek, blob[:cut], context=context)
    assert (caught.value.code, caught.value.facts) == ("wrapped-key", {})


def test_a_key_of_another_length_is_not_wrapped() -> None:
    with pytest.raises(NotTrusted):
        wrap(b"k" * 32, b"short", context=b"", nonce=b"n" * 12)


def test_the_standard_cost_is_the_second_option_of_rfc_9106() -> None:
    assert (STANDARD.memory, STANDARD.passes, STANDARD.lanes) == (64 * 1024, 3, 4)


def test_the_passphrase_opens_its_file_and_another_does_not() -> None:
    data = make_key_file(PASSPHRASE, randomness=SeededRandomness().bytes)
    assert len(open_key_file(data, PASSPHRASE)) == 32
    with pytest.raises(Refused, match="passphrase"):
        open_key_file(data, PASSPHRASE + " ")


def test_a_short_passphrase_is_not_taken() -> None:
    with pytest.raises(BadInput, match="passphrase-short"):
        make_key_file("elevenchars", randomness=SeededRandomness().bytes, cost=QUICK)


def test_a_file_with_a_cheap_derivation_opens_only_where_it_is_asked_for() -> None:
    data = make_key_file(PASSPHRASE, randomness=SeededRandomness().bytes, cost=QUICK)
    assert len(open_key_file(data, PASSPHRASE, quick_allowed=True)) == 32
    with pytest.raises(Refused, match="key-file-weak"):
        open_key_file(data, PASSPHRASE)


@pytest.mark.parametrize("field", ["memory", "passes", "lanes"])
def test_the_cost_in_the_file_is_bound_to_the_key(field: str) -> None:
    value = json.loads(make_key_file(PASSPHRASE, randomness=SeededRandomness().bytes, cost=QUICK))
    value["kdf"][field] += 1 if field != "lanes" else 0
    value["kdf"]["salt"] = value["kdf"]["salt"] if field != "lanes" else "A" * 22 + "=="
    with pytest.raises(Refused, match="passphrase"):
        open_key_file(json.dumps(value).encode(), PASSPHRASE, quick_allowed=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"schema":"rempart.key-file/2"}',
        "[" * 100_000,
        '{"kdf":{"memory":"x"}}',
        '{"kdf":null,"root":1}',
    ],
)
def test_a_file_of_another_form_is_told_as_such(text: str) -> None:
    with pytest.raises(NotTrusted, match="key-file-form"):
        open_key_file(text.encode(), PASSPHRASE)


def test_a_file_that_asks_for_all_memory_is_not_obeyed() -> None:
    value = json.loads(make_key_file(PASSPHRASE, randomness=SeededRandomness().bytes, cost=QUICK))
    value["kdf"]["memory"] = 1 << 40
    with pytest.raises(NotTrusted, match="key-file-form"):
        open_key_file(json.dumps(value).encode(), PASSPHRASE)


def table_keys(saved: list[bytes], *, root: bytes = b"r" * 32) -> TableKeys:
    """Table keys over the last saved bytes."""
    randomness = SeededRandomness(len(saved))
    data = saved[-1] if saved else None
    return TableKeys(data, store=KeyFile(root, randomness), randomness=randomness, save=saved.append)


def test_a_new_table_key_is_saved_before_it_is_given_and_found_again() -> None:
    saved: list[bytes] = []
    (key,) = table_keys(saved).ensure("table", "warehouse/person/main/1")
    assert len(saved) == 1
    assert key not in saved[0]
    assert table_keys(saved).get("table", "warehouse/person/main/1") == key


def test_a_table_key_that_cannot_be_saved_is_not_given() -> None:
    def full_disk(_: bytes) -> None:
        raise OSError("no space left")

    keys = TableKeys(None, store=KeyFile(b"r" * 32, SeededRandomness()), randomness=SeededRandomness(), save=full_disk)
    with pytest.raises(OSError, match="no space left"):
        keys.ensure("table", "a")
    assert keys.get("table", "a") is None


@settings(max_examples=20)
@given(names=st.lists(st.sampled_from("abcdef"), min_size=1))
def test_each_name_has_one_key_however_often_it_is_asked_for(names: list[str]) -> None:
    saved: list[bytes] = []
    keys = table_keys(saved)
    given_keys = keys.ensure("table", *names)
    assert len(saved) == 1
    assert len(set(given_keys)) == len(set(names))
    assert dict(zip(names, given_keys, strict=True)) == {name: keys.get("table", name) for name in names}


def test_keys_are_never_derived_from_their_names() -> None:
    first, second = (
        TableKeys(None, store=KeyFile(b"r" * 32, drawn), randomness=drawn, save=[].append).ensure("table", "a")
        for drawn in (SeededRandomness(1), SeededRandomness(2))
    )
    assert first != second


def test_two_swapped_table_keys_are_caught() -> None:
    saved: list[bytes] = []
    table_keys(saved).ensure("table", "a", "b")
    value = json.loads(saved[-1])
    value["table"]["a"], value["table"]["b"] = value["table"]["b"], value["table"]["a"]
    with pytest.raises(NotTrusted, match="wrapped-key"):
        table_keys([json.dumps(value).encode()]).get("table", "a")


def test_a_secret_moved_among_the_table_keys_is_caught() -> None:
    saved: list[bytes] = []
    table_keys(saved).ensure("secret", "identity")
    value = json.loads(saved[-1])
    value["table"] = value["secret"]
    with pytest.raises(NotTrusted, match="wrapped-key"):
        table_keys([json.dumps(value).encode()]).get("table", "identity")


def test_table_keys_of_another_root_key_do_not_open() -> None:
    saved: list[bytes] = []
    table_keys(saved).ensure("table", "a")
    with pytest.raises(NotTrusted, match="wrapped-key"):
        table_keys(saved, root=b"s" * 32).get("table", "a")


def test_a_destroyed_key_is_missing_and_not_made_again_by_a_reader() -> None:
    keys = table_keys([])
    assert keys.get("table", "a") is None
    with pytest.raises(Missing, match="key-missing"):
        keys.need("table", "a")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema":"rempart.table-keys/1","table":{}}', "7"])
def test_a_file_of_table_keys_of_another_form_is_told_as_such(text: str) -> None:
    with pytest.raises(NotTrusted, match="table-keys-form"):
        table_keys([text.encode()])
