# SPDX-License-Identifier: Apache-2.0
"""Write the frozen files anew: ``python -m tests.vectors.make`` from the root of the tree. See README.md beside it first.

Draws nothing but Tink's own stream, which cannot be repeated: that file is kept when it is there.
"""

import json
from pathlib import Path
from typing import Any

from rempart.records.sealed import PartEntry, Sealed, SpaceBody
from rempart.vault.aead import LARGE_SEGMENT, SMALL_SEGMENT, encrypt_stream
from rempart.vault.parquet import parquet_bytes
from rempart.vault.seal import seal_keyring, seal_manifest, seal_part, seal_pointer
from tests.vectors.material import SPACE, VAULT, VAULT_PUBLIC, WAREHOUSE, drawn, rows, signed_by, wrap

FOLDER = Path(__file__).resolve().parent / "sealed-v1"
STREAMS = {"empty": 0, "one-byte": 1, "short": 100, "two-segments": SMALL_SEGMENT + 1000}
NAMES = {"manifest": "m/" + "1a" * 16, "keyring": "m/" + "2b" * 16}
PARENT = "c" * 64


def stream(name: str) -> tuple[bytes, dict[str, Any]]:
    """One stream and what opens it."""
    random = drawn(f"stream {name}")
    facts = {"key": random(32), "associated_data": random(20), "salt": random(32), "prefix": random(7)}
    data = encrypt_stream(plain_of(STREAMS[name]), segment=SMALL_SEGMENT, **facts)
    return data, {"length": STREAMS[name], "segment": SMALL_SEGMENT, **{key: raw.hex() for key, raw in facts.items()}}


def plain_of(size: int) -> bytes:
    """The plaintext of a frozen stream: byte n is n modulo 251."""
    return bytes(number % 251 for number in range(size))


def parts(parquet: bytes) -> list[tuple[PartEntry, Sealed, bytes]]:
    """Two parts of the same Parquet bytes, one with each segment size."""
    made = []
    for table, segment in (("person", SMALL_SEGMENT), ("drug_exposure", LARGE_SEGMENT)):
        random = drawn(f"part {table}")
        key = random(32)
        entry, sealed = seal_part(
            parquet, warehouse=WAREHOUSE, space=SPACE, table=table, sibling="main", shard=0, rows=40,
            lineage=("delivery:2019",), key=key, randomness=random, segment=segment,
        )  # fmt: skip
        made.append((entry, sealed, key))
    return made


def everything(parquet: bytes) -> tuple[dict[str, bytes], dict[str, Any]]:
    """(files, facts): all that is frozen but Tink's stream and the Parquet bytes themselves."""
    made, columns, manifest_random = parts(parquet), {"main": tuple(rows(0).column_names)}, drawn("manifest")
    entries = tuple(entry for entry, _, _ in made)
    body = SpaceBody(
        tables={entry.table: columns for entry in entries},
        shards=1,
        parts=entries,
        lineage=("delivery:2019",),
        facts={},
    )
    key = manifest_random(32)
    head, manifest = seal_manifest(
        body, warehouse=WAREHOUSE, space=SPACE, sequence=2, parent=PARENT, name=NAMES["manifest"], epoch=3, key=key,
        randomness=manifest_random, sign=signed_by(VAULT),
    )  # fmt: skip
    keys = {entry.object: data_key for entry, _, data_key in made} | {NAMES["manifest"]: key}
    wrapped = {name: wrap(data_key) for name, data_key in keys.items()}
    sha256, keyring = seal_keyring(wrapped, space_label=drawn("label")(16).hex(), epoch=3)
    streams = {name: stream(name) for name in STREAMS}
    files = {f"{name}.stream": data for name, (data, _) in streams.items()}
    files |= {f"{entry.table}.part": sealed.data for entry, sealed, _ in made}
    files |= {"manifest": manifest.data, "keyring": keyring.data, "pointer": seal_pointer(NAMES["manifest"]).data}
    facts = {
        "warehouse": WAREHOUSE, "space": SPACE, "vault_public": VAULT_PUBLIC.hex(), "head": head, "keyring": sha256,
        "manifest": NAMES["manifest"], "parent": PARENT, "sequence": 2, "epoch": 3,
        "keys": {name: data_key.hex() for name, data_key in keys.items()},
        "streams": {name: facts for name, (_, facts) in streams.items()},
    }  # fmt: skip
    return files, facts


def main() -> None:
    """Write what is missing or changed."""
    FOLDER.mkdir(exist_ok=True)
    parquet = FOLDER / "rows.parquet"
    if not parquet.exists():
        parquet.write_bytes(parquet_bytes(rows(0)))
    files, facts = everything(parquet.read_bytes())
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    (FOLDER / "facts.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if not (FOLDER / "tink.stream").exists():
        from tests.properties.test_sealed_tink import written_by_tink

        (FOLDER / "tink.stream").write_bytes(written_by_tink(plain_of(1000), SMALL_SEGMENT, b"frozen by Tink"))


if __name__ == "__main__":
    main()
