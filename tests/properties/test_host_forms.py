# SPDX-License-Identifier: Apache-2.0
"""What is read off a host's objects without a key: exactly the forms of docs/format.md, whatever bytes the host serves."""

import base64
import copy
import hashlib
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.errors import NotTrusted
from rempart.hosts.clear_forms import HEADER, MAGIC, SEGMENTS, TAG, even, histogram, kind_of, read_clear, sealed_form
from rempart.hosts.leakage import Seen, leakage
from rempart.hosts.order_report import Ledgered, Read, report_body, summary, verify_report
from rempart.records.canonical import canonical_bytes
from rempart.vault.aead import sealed_size
from rempart.vault.padding import padme
from tests.properties.ledger_story import PUBLIC, START

DRAW = random.Random(7)
NAME = "0123456789abcdef" * 2
NOISE = bytes([HEADER]) + DRAW.randbytes(4000)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 1 << 40) | st.text(max_size=8) | st.just("o/" + NAME),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def outer(**changes: Any) -> dict[str, Any]:
    """A manifest's clear list."""
    told = {
        "schema": "rempart.manifest/1",
        "warehouse": "ab" * 16,
        "space": "cd" * 16,
        "sequence": 1,
        "parent": "",
        "epoch": 1,
        "objects": [["o/" + NAME, 1080, "00" * 32]],
        "body": [len(NOISE), hashlib.sha256(NOISE).hexdigest()],
    }
    return {**told, **changes}


def manifest(facts: dict[str, Any], body: bytes = NOISE) -> bytes:
    """A manifest as bytes, signed by nobody."""
    head = canonical_bytes({"outer": facts, "signature": "AAAA"})
    return MAGIC + len(head).to_bytes(4, "big") + head + body


def keyring(**changes: Any) -> dict[str, Any]:
    """A keyring's fields."""
    wrapped = base64.b64encode(DRAW.randbytes(60)).decode()
    return {"schema": "rempart.keyring/1", "space": "ef" * 16, "epoch": 1, "keys": {"o/" + NAME: wrapped}} | changes


GOOD = {"m/" + NAME: manifest(outer()), "m/" + NAME[::-1]: canonical_bytes(keyring())}
GOOD["s/12"] = canonical_bytes({"schema": "rempart.pointer/1", "manifest": "m/" + NAME})


def test_the_three_small_kinds_are_read_as_what_they_are() -> None:
    kinds = [clear.kind if (clear := read_clear(name, data)) else None for name, data in GOOD.items()]
    assert kinds == ["manifest", "keyring", "pointer"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m/" + NAME, manifest(outer(note="a field more"))),
        ("m/" + NAME, manifest(outer(epoch="1"))),
        ("m/" + NAME, manifest(outer(space="warehouse"))),
        ("m/" + NAME, manifest(outer(), body=b"{" + NOISE[1:])),
        ("m/" + NAME, manifest(outer(body=[4001, hashlib.sha256(b"(" + b"a" * 4000).hexdigest()]), b"(" + b"a" * 4000)),
        ("m/" + NAME, canonical_bytes(keyring(note=1))),
        ("m/" + NAME, canonical_bytes(keyring(keys={"o/" + NAME: base64.b64encode(bytes(32)).decode()}))),
        ("m/" + NAME, canonical_bytes(keyring(space="glitazones"))),
        ("m/" + NAME, json.dumps(keyring()).encode()),
        ("s/12", canonical_bytes({"schema": "rempart.pointer/1", "manifest": "m/" + NAME, "why": "a note"})),
        ("s/12", canonical_bytes({"schema": "rempart.pointer/1", "manifest": "a note"})),
        ("s/twelve", GOOD["s/12"]),
        ("o/" + NAME, GOOD["s/12"]),
    ],
)
def test_one_field_more_or_other_is_none_of_ours(name: str, data: bytes) -> None:
    assert read_clear(name, data) is None


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(outer())), ODD, st.sampled_from(sorted(keyring())), ODD)
def test_odd_values_in_clear_fields_never_break_the_account(field: str, odd: Any, other: str, more: Any) -> None:
    objects = {
        "m/" + NAME: manifest(outer(**{field: odd})),
        "m/" + NAME[::-1]: canonical_bytes(keyring(**{other: more})),
    }
    objects["s/12"] = canonical_bytes({"schema": "rempart.pointer/1", "manifest": odd})
    seen = [
        Seen(name=n, size=len(d), clear=read_clear(n, d), sha256=hashlib.sha256(d).hexdigest())
        for n, d in objects.items()
    ]
    told = leakage(seen, None, padded=lambda _: True)
    assert sum(item["count"] for item in told["objects"].values()) == 3
    json.dumps(told)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 3 << 20))
def test_a_sealed_size_is_known_from_outside_and_hardly_any_other(length: int) -> None:
    for segment in SEGMENTS:
        assert sealed_form(sealed_size(padme(length), segment), HEADER, padme)
    assert not sealed_form(sealed_size(padme(length), SEGMENTS[0]), HEADER + 1, padme)
    assert not sealed_form(HEADER + TAG, HEADER, padme)
    if length > 4096 and padme(length) - length > 4 * TAG:  # the next bucket is further than any difference of segments
        assert not sealed_form(sealed_size(length, SEGMENTS[0]), HEADER, padme)


def test_text_and_numbers_are_not_even_and_random_bytes_are() -> None:
    assert all(even(histogram(DRAW.randbytes(size))) for size in (2_000, 20_000, 200_000) for _ in range(20))
    assert not even(histogram(b"the quick brown fox " * 200))
    assert not even(histogram(b"".join(number.to_bytes(8, "little") for number in range(2_000))))


def test_names_are_ours_to_the_letter() -> None:
    assert [kind_of(n) for n in ("o/" + NAME, "m/" + NAME, "s/1", "x/1", "", "o/" + NAME + "0", "o/" + NAME.upper(), "s/")] == [
        "o", "m", "s", "", "", "", "", "",
    ]  # fmt: skip


def body(*objects: Read) -> dict[str, Any]:
    """A report's body on these objects."""
    ledgered = Ledgered(heads=frozenset(), keyrings=frozenset(), origin="o", size=1, root="")
    return report_body(
        objects, ledgered, warehouse="w", host="h", made=START, vault_public=PUBLIC, trust_first="sha256:0", padme=padme
    )


def read(name: str, data: bytes) -> Read:
    """An object read whole."""
    sha256 = hashlib.sha256(data).hexdigest()
    return Read(
        name=name,
        size=len(data),
        sha256=sha256,
        first=data[0],
        even=even(histogram(data)),
        clear=read_clear(name, data),
    )


def test_a_manifest_that_the_vault_did_not_sign_is_foreign_and_so_is_clear_text_under_our_names() -> None:
    clear = bytes([HEADER]) + b"a" * (sealed_size(padme(3000), SEGMENTS[0]) - 1)
    told = summary(body(read("m/" + NAME, GOOD["m/" + NAME]), read("o/" + NAME, clear), read("s/12", GOOD["s/12"])))
    assert told["foreign"] == ["m/" + NAME, "o/" + NAME] and not told["ciphertext"]
    assert told["proofs"] == {"foreign-none": 2, "pointer-form": 1}


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["document", "trust", "body", "objects", "manifests", "made", "vault_public", "signatures"]), ODD
)
def test_a_report_of_odd_values_is_not_trusted_and_never_a_defect(field: str, odd: Any) -> None:
    pack: dict[str, Any] = {"document": {"body": body(), "signatures": []}, "trust": []}
    pack = copy.deepcopy(pack)
    place = pack if field in pack else pack["document"] if field in pack["document"] else pack["document"]["body"]
    place[field] = odd
    with pytest.raises(NotTrusted):
        verify_report(pack, trust_first=None, vault_public=None)
