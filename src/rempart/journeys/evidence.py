# SPDX-License-Identifier: Apache-2.0
"""Evidence and results between processes and runs: always sealed, under keys of the project that the broker wraps."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from rempart.errors import NotTrusted
from rempart.ports.broker import Broker
from rempart.records.canonical import canonical_bytes, length_prefixed
from rempart.records.result import ResultRow
from rempart.records.sealed import KeyContext
from rempart.vault.aead import decrypt_stream, encrypt_stream

SEGMENT = 1 << 18
KEY_PIECE = "evidence.key"


def evidence_context(warehouse: str, space: str, run: str, epoch: int) -> KeyContext:
    """The context of a run's evidence key."""
    return KeyContext(warehouse=warehouse, space=space, table="evidence", sibling="main", part=run, epoch=epoch)


def result_context(warehouse: str, space: str, run: str, epoch: int) -> KeyContext:
    """The context of a result's key."""
    return KeyContext(warehouse=warehouse, space=space, table="result", sibling="main", part=run, epoch=epoch)


def held_parts(parts: Sequence[str]) -> str:
    """What says of a piece which parts of the study it holds; '' for the whole study."""
    return hashlib.sha256(length_prefixed("rempart.parts/1", *sorted(parts))).hexdigest() if parts else ""


def seal_evidence(
    data: bytes, *, key: bytes, context: KeyContext, shard: int, salt: bytes, prefix: bytes, held: str = ""
) -> bytes:
    """One shard's evidence as ciphertext bound to the run, the shard, and what it holds."""
    bound = _evidence_bound(context, shard, held)
    return encrypt_stream(data, key=key, associated_data=bound, segment=SEGMENT, salt=salt, prefix=prefix)


def open_evidence(sealed: bytes, *, key: bytes, context: KeyContext, shard: int, held: str = "") -> bytes:
    """The evidence; raises NotTrusted when it is of another run or shard, holds something else, or was altered."""
    bound = _evidence_bound(context, shard, held)
    return bytes(decrypt_stream(sealed, key=key, associated_data=bound, segment=SEGMENT))


def _evidence_bound(context: KeyContext, shard: int, held: str) -> bytes:
    return length_prefixed("rempart.evidence/1", context.associated_data(), shard, *([held] if held else []))


def seal_result(
    rows: Sequence[ResultRow],
    *,
    broker: Broker,
    reference: str,
    context: KeyContext,
    key: bytes,
    salt: bytes,
    prefix: bytes,
) -> bytes:
    """A sealed result document: canonical JSON of its wrapped key and its stream; no cell readable without the project's key."""
    plain = canonical_bytes([asdict(row) for row in rows])
    stream = encrypt_stream(
        plain, key=key, associated_data=_result_bound(context), segment=SEGMENT, salt=salt, prefix=prefix
    )
    (wrapped,) = broker.wrap(reference, [(context, key)])
    return canonical_bytes(
        {
            "schema": "rempart.sealed-result/1",
            "run": context.part,
            "epoch": context.epoch,
            "wrapped": base64.b64encode(wrapped).decode(),
            "stream": base64.b64encode(stream).decode(),
        }
    )


def open_result(
    document: bytes, *, broker: Broker, reference: str, warehouse: str, space: str, run: str
) -> tuple[ResultRow, ...]:
    """The raw rows of a result; raises NotTrusted ``result-form`` or ``sealed-bytes``."""
    value = json.loads(document)
    if value.get("schema") != "rempart.sealed-result/1" or value.get("run") != run:
        raise NotTrusted("result-form")
    context = result_context(warehouse, space, run, int(value["epoch"]))
    (key,) = broker.unwrap(reference, [(context, base64.b64decode(value["wrapped"]))])
    plain = decrypt_stream(
        base64.b64decode(value["stream"]), key=key, associated_data=_result_bound(context), segment=SEGMENT
    )
    try:
        return tuple(ResultRow(**row) for row in json.loads(bytes(plain)))
    except TypeError as error:
        raise NotTrusted("result-form") from error  # rows of a version whose fields were others


def _result_bound(context: KeyContext) -> bytes:
    return length_prefixed("rempart.result/1", context.associated_data())
