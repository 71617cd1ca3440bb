# SPDX-License-Identifier: Apache-2.0
"""What a key store is opened with, as it goes from a door to the broker's process over one descriptor. Opens nothing itself."""

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Literal, get_args

from rempart.errors import BadInput
from rempart.records.canonical import canonical_bytes

SCHEMA = "rempart.key-secret/1"
Kind = Literal["passphrase", "shares", "pin", "token"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSecret:
    """``text``: the passphrase, the token's PIN or the OpenBao token; ``shares``: (share file, its custodian's passphrase).

    Raises BadInput ``key-secret`` for a kind without what it needs.
    """

    kind: Kind
    text: str = field(default="", repr=False)
    shares: tuple[tuple[bytes, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        told = self.shares if self.kind == "shares" else self.text
        if self.kind not in get_args(Kind) or not told:
            raise BadInput("key-secret")

    def to_bytes(self) -> bytes:
        """For the broker's descriptor and nowhere else."""
        shares = [{"file": base64.b64encode(file).decode(), "passphrase": word} for file, word in self.shares]
        return canonical_bytes({"schema": SCHEMA, "kind": self.kind, "text": self.text, "shares": shares})


def passphrase_secret(passphrase: str) -> StoreSecret:
    """For the key file of a single passphrase."""
    return StoreSecret(kind="passphrase", text=passphrase)


def secret_from_bytes(data: bytes) -> StoreSecret:
    """What ``to_bytes`` wrote; raises BadInput ``key-secret``."""
    try:
        value = json.loads(data)
        if value["schema"] != SCHEMA or not isinstance(value["text"], str):
            raise BadInput("key-secret")
        shares = tuple(
            (base64.b64decode(row["file"], validate=True), str(row["passphrase"])) for row in value["shares"]
        )
        return StoreSecret(kind=value["kind"], text=value["text"], shares=shares)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise BadInput("key-secret") from error
