# SPDX-License-Identifier: Apache-2.0
"""What the broker and its clients say to one another: 4-byte big-endian length, then canonical JSON; bytes as base64.

    request  {"call": "unwrap", "arguments": {…}}
    answer   {"ok": true, "value": …}  or  {"ok": false, "family": "refused", "code": "grant-spent", "facts": {…}}

Opens no socket and decides nothing.
"""

import base64
import binascii
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rempart.errors import BadInput, Missing, NotTrusted, Refused, RempartError, Unavailable
from rempart.keys.node import NodeProof
from rempart.ports.broker import GrantRequest
from rempart.records.canonical import canonical_bytes
from rempart.records.sealed import KeyContext

LARGEST = 32 << 20
SOCKET = "broker.sock"
_PREFIX = 4
_FAMILIES: Mapping[str, type[RempartError]] = {
    family.family: family for family in (Refused, NotTrusted, Missing, BadInput, Unavailable)
}
_CONTEXT = ("warehouse", "space", "table", "sibling", "part")


@contextmanager
def socket_address(folder: Path, name: str = SOCKET) -> Iterator[str]:
    """A short address of a socket in ``folder``: the kernel takes about 108 bytes, and a folder's name may be longer. Whoever may pass
    through the folder may use it; nothing is listed."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def send(connection: socket.socket, value: object) -> None:
    """Send one message; raises BadInput ``broker-request`` when it is too large."""
    data = canonical_bytes(value)
    if len(data) > LARGEST:
        raise BadInput("broker-request")
    connection.sendall(len(data).to_bytes(_PREFIX, "big") + data)


def receive(connection: socket.socket) -> Any:
    """One message; raises EOFError at the end of the stream, BadInput ``broker-request`` for what is no message."""
    length = int.from_bytes(_exactly(connection, _PREFIX), "big")
    if length > LARGEST:
        raise BadInput("broker-request")
    try:
        return json.loads(_exactly(connection, length))
    except (ValueError, RecursionError) as error:
        raise BadInput("broker-request") from error


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = connection.recv(min(count - len(data), 1 << 20))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def failure(error: RempartError) -> dict[str, object]:
    """An error as an answer."""
    return {"ok": False, "family": error.family, "code": error.code, "facts": dict(error.facts)}


def value_or_raise(answer: Any) -> Any:
    """The value of an answer; the error it carries is raised as it was raised in the broker."""
    if isinstance(answer, dict) and answer.get("ok") is True:
        return answer.get("value")
    if isinstance(answer, dict) and answer.get("family") in _FAMILIES and isinstance(answer.get("facts"), dict):
        raise _FAMILIES[answer["family"]](str(answer["code"]), **answer["facts"])
    raise Unavailable("broker-locked")


def proof_to_json(proof: NodeProof) -> dict[str, object]:
    """A node's proof as JSON."""
    return {"node": proof.node, "time": proof.time, "nonce": proof.nonce, "sig": proof.sig}


def proof_from_json(value: Any) -> NodeProof:
    """A node's proof from JSON; raises BadInput ``broker-request``."""
    with strictly():
        return NodeProof(**{name: text(item) for name, item in dict(value).items()})


def request_to_json(request: GrantRequest) -> dict[str, object]:
    """A grant request as JSON."""
    return {"intent": request.intent, "tables": [list(use) for use in request.tables], "secrets": list(request.secrets)}


@contextmanager
def strictly() -> Iterator[None]:
    """Turn every failure to read a message into BadInput ``broker-request``, without saying more."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, binascii.Error) as error:
        raise BadInput("broker-request") from error


def request_from_json(value: Mapping[str, Any]) -> GrantRequest:
    """A grant request from JSON; raises BadInput ``broker-request``."""
    with strictly():
        uses = []
        for use in value["tables"]:
            space, table, sibling, mode = (text(item) for item in use)
            uses.append((space, table, sibling, mode))
        secrets = tuple(text(name) for name in value["secrets"])
        return GrantRequest(intent=whole(value["intent"]), tables=tuple(uses), secrets=secrets)


def items_to_json(items: Sequence[tuple[KeyContext, bytes]]) -> list[dict[str, object]]:
    """(context, key or wrapped key) pairs as JSON."""
    return [
        {**{name: getattr(context, name) for name in _CONTEXT}, "epoch": context.epoch, "bytes": to_text(data)}
        for context, data in items
    ]


def items_from_json(value: Any) -> list[tuple[KeyContext, bytes]]:
    """(context, key or wrapped key) pairs from JSON; raises BadInput ``broker-request``."""
    with strictly():
        return [
            (
                KeyContext(epoch=whole(item["epoch"]), **{name: text(item[name]) for name in _CONTEXT}),
                base64.b64decode(text(item["bytes"]), validate=True),
            )
            for item in value
        ]


def texts_from_json(value: Any) -> list[str]:
    """A list of text; raises BadInput ``broker-request``."""
    with strictly():
        return [text(item) for item in _listed(value)]


def sealed_from_json(value: Any) -> bytes:
    """Sealed bytes; raises BadInput ``broker-request``."""
    with strictly():
        return base64.b64decode(text(value), validate=True)


def keys_from_json(value: Any) -> list[bytes]:
    """A list of keys; raises BadInput ``broker-request``."""
    with strictly():
        return [base64.b64decode(text(item), validate=True) for item in _listed(value)]


def to_text(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


def whole(value: Any) -> int:
    """A whole number that is no truth value and not negative; raises ValueError."""
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def text(value: Any) -> str:
    """Text; raises TypeError."""
    if not isinstance(value, str):
        raise TypeError
    return value
