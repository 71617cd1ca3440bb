# SPDX-License-Identifier: Apache-2.0
"""A manifest, a keyring and a chain prove themselves; each check is shown to matter by taking it out."""

import dataclasses
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.errors import NotTrusted
from rempart.records.sealed import PartEntry, Sealed, SpaceBody, SpaceCommit
from rempart.vault import body as body_module
from rempart.vault import manifest, outer
from rempart.vault.commit import check_chain, check_manifest_of
from rempart.vault.manifest import open_keyring, open_manifest
from rempart.vault.outer import read_outer
from rempart.vault.seal import seal_keyring, seal_manifest
from tests.vectors.material import SPACE, VAULT, VAULT_PUBLIC, WAREHOUSE, drawn, signed_by, snapshot

KEY, NAME, PARENT = b"m" * 32, "m/" + "1" * 32, "a" * 64
BODY = snapshot("manifest").body
HERE = {"warehouse": WAREHOUSE, "space": SPACE, "key": KEY, "name": NAME, "epoch": 3}
WORDS = st.text("abcdefgh_:é/", min_size=1, max_size=10)
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)


def sealed_manifest(body: SpaceBody = BODY, **other: object) -> tuple[str, Sealed]:
    """A second manifest of the space, unless told otherwise."""
    given = {**HERE, "sequence": 2, "parent": PARENT, "randomness": drawn("m"), "sign": signed_by(VAULT)}
    return seal_manifest(body, **{**given, **other})  # type: ignore[arg-type]


def opened(sealed: Sealed, head: str, **other: object) -> SpaceBody:
    """Its body, as the commit's reader asks for it."""
    return open_manifest(sealed, head=head, **{"vault_public": VAULT_PUBLIC, **HERE, **other})  # type: ignore[arg-type]


def refused(sealed: Sealed, head: str, **other: object) -> None:
    """It does not open, and the error says nothing but that."""
    with pytest.raises(NotTrusted) as caught:
        opened(sealed, head, **other)
    assert (caught.value.code, caught.value.facts) == ("manifest", {})


def test_a_manifest_comes_back() -> None:
    head, sealed = sealed_manifest()
    assert opened(sealed, head) == BODY


def test_an_empty_space_has_a_manifest() -> None:
    empty = SpaceBody(tables={}, shards=0, parts=(), lineage=(), facts={})
    head, sealed = sealed_manifest(empty)
    assert opened(sealed, head) == empty


@settings(max_examples=40)
@given(
    tables=st.dictionaries(WORDS, st.dictionaries(WORDS, st.lists(WORDS).map(tuple), max_size=3), max_size=4),
    lineage=st.lists(WORDS).map(tuple),
    facts=st.dictionaries(WORDS, WORDS),
)
def test_any_body_comes_back(
    tables: dict[str, dict[str, tuple[str, ...]]], lineage: tuple[str, ...], facts: dict[str, str]
) -> None:
    body = SpaceBody(tables=tables, shards=4, parts=(), lineage=lineage, facts=facts)
    head, sealed = sealed_manifest(body)
    assert opened(sealed, head) == body


def test_a_mover_reads_the_outer_list_without_a_key_and_learns_no_name() -> None:
    head, sealed = sealed_manifest()
    outer = read_outer(sealed, head=head, vault_public=VAULT_PUBLIC)
    assert outer.objects == tuple(sorted((p.object, p.size, p.sha256) for p in BODY.parts))
    assert (outer.sequence, outer.parent, outer.epoch, outer.warehouse) == (2, PARENT, 3, WAREHOUSE)
    for word in (b"glitazones", b"drug_exposure", b"person", b"delivery"):
        assert word not in sealed.data


@pytest.mark.parametrize(
    "other", [{"warehouse": "b"}, {"space": "warehouse"}, {"key": b"x" * 32}, {"name": "m/" + "2" * 32}, {"epoch": 2}]
)
def test_a_manifest_in_another_place_does_not_open(other: dict[str, object]) -> None:
    head, sealed = sealed_manifest()
    refused(sealed, head, **other)


@pytest.mark.parametrize("other", [{"name": "m/" + "2" * 32}, {"space": "warehouse"}])
def test_without_associated_data_a_moved_manifest_would_open(
    other: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control of the test above: the body itself names its space, so only that rule is left to take out too."""
    monkeypatch.setattr(manifest.Place, "associated_data", lambda _: b"")
    monkeypatch.setattr(manifest, "body_from", lambda value, _: body_module.body_from(value, SPACE))
    head, sealed = sealed_manifest()
    assert opened(sealed, head, **other) == BODY


def test_a_manifest_signed_by_another_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    head, sealed = sealed_manifest(sign=signed_by(Ed25519PrivateKey.from_private_bytes(b"o" * 32)))
    refused(sealed, head)
    with pytest.raises(NotTrusted):
        read_outer(sealed, head=head, vault_public=VAULT_PUBLIC)
    monkeypatch.setattr(outer, "verify", lambda *_, **__: None)
    assert opened(sealed, head) == BODY


def test_a_signature_in_another_name_is_caught() -> None:
    from rempart.records.signature import sign

    head, sealed = sealed_manifest(sign=lambda over: sign(VAULT, actor="alice", over=over).sig)
    refused(sealed, head)


def test_every_byte_of_a_manifest_counts() -> None:
    head, sealed = sealed_manifest()
    for place in range(0, len(sealed.data), 7):
        touched = bytearray(sealed.data)
        touched[place] ^= 1
        refused(Sealed(bytes(touched)), head)


def test_every_byte_counts_even_for_whoever_may_choose_the_head() -> None:
    """A head is the hash of the bytes: were it the attacker's, the signature and the stream still hold the manifest."""
    import hashlib

    _, sealed = sealed_manifest()
    for place in range(0, len(sealed.data), 11):
        touched = bytearray(sealed.data)
        touched[place] ^= 1
        head = hashlib.sha256(touched).hexdigest()
        refused(Sealed(bytes(touched)), head)
        with pytest.raises(NotTrusted, match="manifest"):
            read_outer(Sealed(bytes(touched)), head=head, vault_public=VAULT_PUBLIC)


def test_an_older_manifest_is_caught_by_the_head_alone() -> None:
    older_head, older = sealed_manifest(sequence=1, parent="")
    newest_head, _ = sealed_manifest()
    refused(older, newest_head)
    assert opened(older, older_head) == BODY


def forged(change: dict[str, object], place: int = 0) -> SpaceBody:
    """The body with one part's entry changed."""
    parts = list(BODY.parts)
    parts[place] = dataclasses.replace(parts[place], **change)  # type: ignore[arg-type]
    return dataclasses.replace(BODY, parts=tuple(parts))


@pytest.mark.parametrize(
    "change",
    [
        {"shard": 2},
        {"shard": -1},
        {"table": "death"},
        {"sibling": "cost"},
        {"length": 1},
        {"segment": 4096},
        {"rows": -1},
        {"size": 10},
        {"part": BODY.parts[1].part},
        {"object": BODY.parts[1].object},
        {"object": "../../etc/passwd"},
        {"object": "o/" + "A" * 32},
    ],
)
def test_a_body_that_contradicts_itself_is_caught(change: dict[str, object]) -> None:
    head, sealed = sealed_manifest(forged(change))
    refused(sealed, head)


def test_an_outer_list_that_hides_an_object_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = manifest.outer_facts
    monkeypatch.setattr("rempart.vault.seal.outer_facts", lambda p, **k: facts(p, **{**k, "parts": k["parts"][1:]}))
    head, sealed = sealed_manifest()
    refused(sealed, head)


def test_an_outer_list_of_another_warehouse_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = manifest.outer_facts
    monkeypatch.setattr("rempart.vault.seal.outer_facts", lambda p, **k: {**facts(p, **k), "warehouse": "another"})
    head, sealed = sealed_manifest()
    refused(sealed, head)


def test_a_body_that_names_another_space_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = manifest.body_plaintext(BODY, "warehouse")
    monkeypatch.setattr("rempart.vault.seal.body_plaintext", lambda *_: plain)
    head, sealed = sealed_manifest()
    refused(sealed, head)


def test_a_body_with_something_in_its_padding_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = manifest.body_plaintext(BODY, SPACE)
    assert plain.endswith(b"\0")
    monkeypatch.setattr("rempart.vault.seal.body_plaintext", lambda *_: plain[:-1] + b"\1")
    head, sealed = sealed_manifest()
    refused(sealed, head)


@given(st.dictionaries(HEX.map(lambda h: "o/" + h), st.binary(min_size=33, max_size=80), max_size=20))
def test_a_keyring_comes_back(wrapped: dict[str, bytes]) -> None:
    sha256, sealed = seal_keyring(wrapped, space_label="0" * 32, epoch=1)
    assert open_keyring(sealed, sha256=sha256) == wrapped


def test_every_byte_of_a_keyring_counts_and_an_older_one_is_another() -> None:
    sha256, sealed = seal_keyring({NAME: b"w" * 60}, space_label="0" * 32, epoch=1)
    others = [sealed.data[:place] + b"?" + sealed.data[place + 1 :] for place in range(len(sealed.data))]
    others += [sealed.data[:-1], sealed.data + b" ", b"", seal_keyring({}, space_label="0" * 32, epoch=1)[1].data]
    for data in others:
        with pytest.raises(NotTrusted) as caught:
            open_keyring(Sealed(data), sha256=sha256)
        assert caught.value.code == "keyring"


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"[]",
        b"1",
        b'{"epoch":1,"keys":{},"schema":"rempart.keyring/2","space":""}',
        b'{"epoch":1,"keys":{"x":"AAAA"},"schema":"rempart.keyring/1","space":""}',
        b'{"epoch":1,"keys":{"o/00000000000000000000000000000000":"?"},"schema":"rempart.keyring/1","space":""}',
        b'{"epoch":1,"keys":[],"schema":"rempart.keyring/1","space":""}',
        b'{ "epoch":1,"keys":{},"schema":"rempart.keyring/1","space":""}',
    ],
)
def test_a_keyring_of_another_form_is_caught_even_under_its_own_hash(data: bytes) -> None:
    import hashlib

    with pytest.raises(NotTrusted, match="keyring"):
        open_keyring(Sealed(data), sha256=hashlib.sha256(data).hexdigest())


def test_a_bare_key_never_enters_a_keyring() -> None:
    with pytest.raises(ValueError, match="wrapped"):
        seal_keyring({NAME: b"k" * 32}, space_label="0" * 32, epoch=1)


def commits(count: int) -> list[SpaceCommit]:
    """A true chain."""
    chain: list[SpaceCommit] = []
    for number in range(count):
        chain.append(
            SpaceCommit(
                space=SPACE, host="directory", parent=chain[-1].head if chain else "", head=f"{number:064x}",
                manifest=f"m/{number:032x}", keyring=f"m/{number + 1000:032x}", keyring_sha256="0" * 64, epoch=1,
            )
        )  # fmt: skip
    return chain


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_true_chain_ends_in_its_newest(count: int) -> None:
    assert check_chain(commits(count)) == commits(count)[-1]


def test_a_key_rotation_repeats_the_head_under_a_higher_epoch() -> None:
    chain = commits(2)
    rotated = dataclasses.replace(chain[1], parent=chain[1].head, epoch=2, keyring="m/" + "f" * 32)
    assert check_chain([*chain, rotated]) == rotated
    broken(lambda c: [*c, dataclasses.replace(rotated, epoch=1)])
    broken(lambda c: [*c, dataclasses.replace(rotated, keyring=c[1].keyring)])


def broken(change: object, count: int = 4) -> None:
    """The changed chain is refused."""
    with pytest.raises(NotTrusted) as caught:
        check_chain(change(commits(count)))  # type: ignore[operator]
    assert caught.value.code == "commit-chain"


def test_a_gap_a_fork_a_loop_a_late_start_and_a_mixture_are_caught() -> None:
    broken(lambda c: [c[0], c[2], c[3]])
    broken(lambda c: c[1:])
    broken(lambda c: [c[0], c[1], dataclasses.replace(c[2], parent=c[0].head)])
    broken(lambda c: [c[1], c[0]])
    broken(lambda c: [*c, c[3]])
    broken(lambda c: [*c, dataclasses.replace(c[0], parent=c[3].head)])
    broken(lambda c: [*c, dataclasses.replace(c[3], parent=c[3].head, head="b" * 64, keyring="m/" + "f" * 32)])
    broken(lambda c: [*c, dataclasses.replace(c[3], parent=c[3].head, head="b" * 64, manifest="m/" + "f" * 32)])
    broken(lambda c: [*c, dataclasses.replace(c[1], parent=c[3].head, manifest="m/" + "f" * 32)])
    broken(lambda c: [c[0], dataclasses.replace(c[1], space="warehouse")])
    broken(lambda c: [dataclasses.replace(c[0], epoch=2), c[1]])


def test_no_commit_at_all_is_the_callers_matter() -> None:
    with pytest.raises(ValueError, match="at least one"):
        check_chain([])


def test_a_manifest_and_its_commit_agree_on_parent_and_epoch() -> None:
    first = snapshot("first")
    outer = read_outer(first.objects[first.commit.manifest], head=first.commit.head, vault_public=VAULT_PUBLIC)
    check_manifest_of(first.commit, outer)
    for change in ({"parent": "c" * 64}, {"epoch": 2}):
        with pytest.raises(NotTrusted, match="commit-chain"):
            check_manifest_of(dataclasses.replace(first.commit, **change), outer)  # type: ignore[arg-type]


def test_the_body_lists_every_field_of_an_entry() -> None:
    """A field that PartEntry gains must be written, read back and documented."""
    value = json.loads(json.dumps(body_module.body_value(BODY, SPACE)))
    assert len(value["parts"][0]) == len(dataclasses.fields(PartEntry)) - 1
