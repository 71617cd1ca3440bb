# SPDX-License-Identifier: Apache-2.0
"""Evidence and results between processes and runs: always sealed, under keys of the project that the broker wraps."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

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


def kept_context(warehouse: str, space: str, run: str, name: str, epoch: int) -> KeyContext:
    """The context of the key of what a run keeps under a name."""
    return result_context(warehouse, space, f"{run}/{name}", epoch)


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
    bound = _result_bound(context)
    return _document("rempart.sealed-result/1", plain, bound, broker, reference, (context, key, salt, prefix))


def open_result(
    document: bytes, *, broker: Broker, reference: str, warehouse: str, space: str, run: str
) -> tuple[ResultRow, ...]:
    """The raw rows of a result; raises NotTrusted ``result-form`` or ``sealed-bytes``."""
    value = _read("rempart.sealed-result/1", document, run)
    context = result_context(warehouse, space, run, int(value["epoch"]))
    plain = _opened(value, context, _result_bound(context), broker, reference)
    try:
        return tuple(ResultRow(**row) for row in json.loads(plain))
    except TypeError as error:
        raise NotTrusted("result-form") from error  # rows of a version whose fields were others


def seal_kept(
    data: bytes, *, broker: Broker, reference: str, context: KeyContext, key: bytes, salt: bytes, prefix: bytes
) -> bytes:
    """What a run keeps in its project beside its tables (``kept_context``): never readable without the project's key."""
    return _document(
        "rempart.sealed-kept/1", data, _kept_bound(context), broker, reference, (context, key, salt, prefix)
    )


def open_kept(
    document: bytes, *, broker: Broker, reference: str, warehouse: str, space: str, run: str, name: str
) -> bytes:
    """What a run kept under a name, in memory; raises NotTrusted ``result-form`` or ``sealed-bytes``."""
    value = _read("rempart.sealed-kept/1", document, f"{run}/{name}")
    context = kept_context(warehouse, space, run, name, int(value["epoch"]))
    return _opened(value, context, _kept_bound(context), broker, reference)


def _document(
    schema: str,
    plain: bytes,
    bound: bytes,
    broker: Broker,
    reference: str,
    sealing: tuple[KeyContext, bytes, bytes, bytes],
) -> bytes:
    """Canonical JSON of the wrapped key and the stream."""
    context, key, salt, prefix = sealing
    stream = encrypt_stream(plain, key=key, associated_data=bound, segment=SEGMENT, salt=salt, prefix=prefix)
    (wrapped,) = broker.wrap(reference, [(context, key)])
    return canonical_bytes(
        {
            "schema": schema,
            "run": context.part,
            "epoch": context.epoch,
            "wrapped": base64.b64encode(wrapped).decode(),
            "stream": base64.b64encode(stream).decode(),
        }
    )


def _read(schema: str, document: bytes, part: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(document)
    if value.get("schema") != schema or value.get("run") != part:
        raise NotTrusted("result-form")
    return value


def _opened(value: Mapping[str, Any], context: KeyContext, bound: bytes, broker: Broker, reference: str) -> bytes:
    (key,) = broker.unwrap(reference, [(context, base64.b64decode(value["wrapped"]))])
    stream = base64.b64decode(value["stream"])
    return bytes(decrypt_stream(stream, key=key, associated_data=bound, segment=SEGMENT))


def _kept_bound(context: KeyContext) -> bytes:
    return length_prefixed("rempart.kept/1", context.associated_data())


def _result_bound(context: KeyContext) -> bytes:
    return length_prefixed("rempart.result/1", context.associated_data())
