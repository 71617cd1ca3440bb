# SPDX-License-Identifier: Apache-2.0
"""Custody: m of n shares bring the secret back; fewer, damaged or another ceremony's do not, and say so."""

import datetime
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.surroundings import SystemRandomness
from rempart.errors import BadInput, NotTrusted, Refused
from rempart.keys.custody import Custody, combine, custody_from_bytes, make_custody, open_recovery, split
from rempart.keys.hybrid import make_pair, open_sealed, seal_to
from rempart.keys.root_key import QUICK, STANDARD
from rempart.keys.share_file import Share, custodian_of, make_share_file, open_custody, open_share_file

NAMES = ("anna", "ben", "carl")
DAY = datetime.date(2026, 1, 2)
RANDOM = SystemRandomness()


def word(name: str) -> str:
    return f"the passphrase of {name}"


def files_of(custody: Custody, secret: bytes) -> dict[str, bytes]:
    """A share file for each custodian."""
    words = split(secret, custody.threshold, custody.custodians, RANDOM)
    return {
        name: make_share_file(
            Share(ceremony=custody.ceremony, custodian=name, words=words[name]),
            word(name),
            randomness=RANDOM,
            cost=QUICK,
        )
        for name in custody.custodians
    }


@pytest.fixture(scope="module")
def ceremony() -> tuple[Custody, bytes, dict[str, bytes]]:
    custody, secret = make_custody(2, NAMES, made=DAY, randomness=RANDOM)
    return custody, secret, files_of(custody, secret)


@settings(max_examples=25)
@given(st.data())
def test_any_threshold_of_shares_and_no_fewer_bring_the_secret_back(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 8))
    threshold = data.draw(st.integers(2, count))
    secret = RANDOM.bytes(32)
    words = split(secret, threshold, [f"c{n}" for n in range(count)], RANDOM)
    chosen = data.draw(st.permutations(sorted(words.values())))
    assert combine(chosen[:threshold], threshold=threshold) == secret
    assert combine(chosen, threshold=threshold) == secret
    with pytest.raises(Refused, match="custody-few"):
        combine(chosen[: threshold - 1], threshold=threshold)
    with pytest.raises(Refused, match="custody-few"):
        combine([chosen[0]] * threshold, threshold=threshold)
    with pytest.raises(Refused, match="custody-shares"):  # somebody who claims that fewer suffice
        combine(chosen[: threshold - 1] or ["academic"], threshold=threshold - 1)


def test_two_splits_of_one_secret_share_no_words_and_do_not_mix() -> None:
    secret = RANDOM.bytes(32)
    first, second = split(secret, 2, NAMES, RANDOM), split(secret, 2, NAMES, RANDOM)
    with pytest.raises(Refused, match="custody-shares"):
        combine([first["anna"], second["ben"]], threshold=2)


def test_a_word_changed_in_a_share_is_told() -> None:
    shares = list(split(RANDOM.bytes(32), 2, NAMES, RANDOM).values())
    words = shares[0].split()
    words[10] = "zero" if words[10] != "zero" else "academic"
    for bad in (" ".join(words), "", "not words at all"):
        with pytest.raises(Refused, match="custody-"):
            combine([bad, shares[1]], threshold=2)


@pytest.mark.parametrize(
    ("threshold", "names"), [(1, NAMES), (4, NAMES), (2, ("anna",)), (2, ("anna", "anna")), (2, ())]
)
def test_a_plan_that_is_no_custody_is_bad_input(threshold: int, names: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="custody-plan"):
        make_custody(threshold, names, made=DAY, randomness=RANDOM)


@pytest.mark.parametrize("name", ["../anna", "", "Anna", "a/b", "x" * 65])
def test_a_custodian_is_named_so_that_it_can_name_a_file(name: str) -> None:
    with pytest.raises(BadInput, match="custodian-name"):
        make_custody(2, ("ben", name), made=DAY, randomness=RANDOM)


def test_every_two_of_three_custodians_open_and_one_does_not(
    ceremony: tuple[Custody, bytes, dict[str, bytes]],
) -> None:
    custody, secret, files = ceremony
    for pair in itertools.permutations(NAMES, 2):
        given_shares = [(files[name], word(name)) for name in pair]
        assert open_custody(custody, given_shares, quick_allowed=True) == secret
    for few in ([], [(files["anna"], word("anna"))], [(files["anna"], word("anna"))] * 2):
        with pytest.raises(Refused, match="custody-few"):
            open_custody(custody, few, quick_allowed=True)


def test_a_wrong_passphrase_names_the_custodian(ceremony: tuple[Custody, bytes, dict[str, bytes]]) -> None:
    custody, _, files = ceremony
    with pytest.raises(Refused) as caught:
        open_custody(custody, [(files["anna"], word("anna")), (files["ben"], word("anna"))], quick_allowed=True)
    assert (caught.value.code, caught.value.facts) == ("share-passphrase", {"custodian": "ben"})


def test_shares_of_another_ceremony_are_refused(ceremony: tuple[Custody, bytes, dict[str, bytes]]) -> None:
    custody, _, files = ceremony
    other, secret = make_custody(2, NAMES, made=DAY, randomness=RANDOM)
    theirs = files_of(other, secret)
    with pytest.raises(Refused, match="share-ceremony"):
        open_custody(custody, [(files["anna"], word("anna")), (theirs["ben"], word("ben"))], quick_allowed=True)


def test_a_share_that_says_it_is_of_another_ceremony_does_not_open(
    ceremony: tuple[Custody, bytes, dict[str, bytes]],
) -> None:
    custody, _, files = ceremony
    other, secret = make_custody(2, NAMES, made=DAY, randomness=RANDOM)
    forged = files_of(other, secret)["ben"].replace(other.ceremony.encode(), custody.ceremony.encode())
    with pytest.raises(Refused, match="share-passphrase"):
        open_custody(custody, [(files["anna"], word("anna")), (forged, word("ben"))], quick_allowed=True)


def test_a_damaged_share_file_is_told(ceremony: tuple[Custody, bytes, dict[str, bytes]]) -> None:
    _, _, files = ceremony
    whole = files["anna"]
    assert custodian_of(whole) == "anna"
    for bad in (
        b"",
        b"{}",
        b"[]",
        whole[:-3],
        whole.replace(b"argon2id", b"argon2xx"),
        whole.replace(b"anna", b"\\n\\n"),
    ):
        with pytest.raises(NotTrusted, match="share-form"):
            open_share_file(bad, word("anna"), quick_allowed=True)
    value = json.loads(whole)
    value["custodian"] = "ben"
    with pytest.raises(Refused, match="share-passphrase"):
        open_share_file(json.dumps(value).encode(), word("anna"), quick_allowed=True)


def test_a_share_file_is_costly_to_guess_unless_a_test_says_otherwise() -> None:
    share = Share(ceremony="0" * 32, custodian="anna", words="some words")
    with pytest.raises(Refused, match="key-file-weak"):
        open_share_file(make_share_file(share, word("anna"), randomness=RANDOM, cost=QUICK), word("anna"))
    assert (
        open_share_file(make_share_file(share, word("anna"), randomness=RANDOM, cost=STANDARD), word("anna")) == share
    )
    with pytest.raises(BadInput, match="passphrase-short"):
        make_share_file(share, "short", randomness=RANDOM)


def test_the_custody_file_comes_back_and_holds_no_secret(
    ceremony: tuple[Custody, bytes, dict[str, bytes]],
) -> None:
    custody, secret, _ = ceremony
    data = custody.to_bytes()
    assert custody_from_bytes(data) == custody
    assert secret not in data
    for bad in (
        b"",
        b"{}",
        data + b" ",
        data.replace(b'"threshold":2', b'"threshold":1'),
        data.replace(b"anna", b"ben"),
    ):
        with pytest.raises(NotTrusted, match="custody-form"):
            custody_from_bytes(bad)


def test_what_is_sealed_to_the_recovery_key_opens_with_the_custody_alone(
    ceremony: tuple[Custody, bytes, dict[str, bytes]],
) -> None:
    custody, secret, _ = ceremony
    sealed = seal_to(custody.recovery_public, b"a backup's key", info=b"backup B-1")
    private = open_recovery(custody, secret)
    assert open_sealed(private, sealed, info=b"backup B-1") == b"a backup's key"
    with pytest.raises(Refused, match="custody-shares"):
        open_recovery(custody, RANDOM.bytes(32))
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for key, data, info in (
        (private, changed, b"backup B-1"),
        (private, sealed, b"backup B-2"),
        (make_pair(RANDOM)[0], sealed, b"backup B-1"),
        (private, b"", b"backup B-1"),
    ):
        with pytest.raises(NotTrusted, match="hybrid-sealed"):
            open_sealed(key, data, info=info)
    for key in (b"", bytes(1216), custody.recovery_public[:-1]):
        with pytest.raises(NotTrusted, match="hybrid-key"):
            seal_to(key, b"x", info=b"")
