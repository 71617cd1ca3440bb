# SPDX-License-Identifier: Apache-2.0
"""The frozen files open, and come out byte for byte the same when they are made again."""

import json
from typing import Any

import pytest

from rempart.records.sealed import Sealed
from rempart.vault.aead import SMALL_SEGMENT, decrypt_stream
from rempart.vault.manifest import open_keyring, open_manifest
from rempart.vault.outer import read_outer
from rempart.vault.read import open_part
from tests.vectors.make import FOLDER, STREAMS, everything, plain_of
from tests.vectors.material import unwrap

FACTS: dict[str, Any] = json.loads((FOLDER / "facts.json").read_text(encoding="utf-8"))
PARQUET = (FOLDER / "rows.parquet").read_bytes()
FILES, MADE = everything(PARQUET)


def frozen(name: str) -> Sealed:
    """A file as a host would give it."""
    return Sealed((FOLDER / name).read_bytes())


@pytest.mark.parametrize("name", sorted(FILES))
def test_making_a_file_again_gives_the_same_bytes(name: str) -> None:
    assert FILES[name] == frozen(name).data


def test_the_facts_are_the_same_too() -> None:
    assert json.loads(json.dumps(MADE)) == FACTS


def test_no_file_is_without_its_test() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*FILES, "facts.json", "rows.parquet", "tink.stream"}


@pytest.mark.parametrize("name", STREAMS)
def test_a_frozen_stream_opens(name: str) -> None:
    facts = FACTS["streams"][name]
    plain = decrypt_stream(
        frozen(f"{name}.stream").data,
        key=bytes.fromhex(facts["key"]),
        associated_data=bytes.fromhex(facts["associated_data"]),
        segment=facts["segment"],
    )
    assert bytes(plain) == plain_of(facts["length"])


def test_the_stream_that_tink_wrote_opens() -> None:
    data = frozen("tink.stream").data
    plain = decrypt_stream(data, key=b"k" * 32, associated_data=b"frozen by Tink", segment=SMALL_SEGMENT)
    assert bytes(plain) == plain_of(1000)


def test_the_frozen_snapshot_opens_from_its_commit_on() -> None:
    public, name = bytes.fromhex(FACTS["vault_public"]), FACTS["manifest"]
    wrapped = open_keyring(frozen("keyring"), sha256=FACTS["keyring"])
    assert {name: unwrap(key).hex() for name, key in wrapped.items()} == FACTS["keys"]
    outer = read_outer(frozen("manifest"), head=FACTS["head"], vault_public=public)
    assert (outer.parent, outer.sequence, outer.epoch) == (FACTS["parent"], FACTS["sequence"], FACTS["epoch"])
    body = open_manifest(
        frozen("manifest"), head=FACTS["head"], vault_public=public, warehouse=FACTS["warehouse"], space=FACTS["space"],
        key=unwrap(wrapped[name]), name=name, epoch=FACTS["epoch"],
    )  # fmt: skip
    assert [entry.table for entry in body.parts] == ["person", "drug_exposure"]
    for entry in body.parts:
        key = unwrap(wrapped[entry.object])
        assert bytes(open_part(frozen(f"{entry.table}.part"), entry, warehouse=FACTS["warehouse"], key=key)) == PARQUET
