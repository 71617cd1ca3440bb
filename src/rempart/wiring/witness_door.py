# SPDX-License-Identifier: Apache-2.0
"""A witness over HTTP put together from its key files and the logs that it serves; no warehouse."""

from collections.abc import Sequence
from pathlib import Path

from rempart.adapters.cosigner import Cosigner
from rempart.adapters.mldsa_key import load_mldsa_key
from rempart.adapters.surroundings import SystemClock
from rempart.adapters.witness_http import WitnessDoor
from rempart.errors import BadInput
from rempart.records.vkey import ED25519_LOG, parse_vkey
from rempart.wiring.signing import open_key


def open_witness(
    state: Path, *, name: str, key_file: Path, mldsa: Path | None, logs: Sequence[str], passphrase: str
) -> tuple[WitnessDoor, tuple[str, ...]]:
    """(the door, its public key lines). ``logs``: public key lines of logs.

    Raises as ``open_key`` and ``load_mldsa_key``; BadInput ``verifier-key``, ``file-unwritable``.
    """
    known: dict[str, list[bytes]] = {}
    for line in logs:
        key = parse_vkey(line)
        if key.kind != ED25519_LOG:
            raise BadInput("verifier-key")
        known.setdefault(key.name, []).append(key.public)
    second = load_mldsa_key(mldsa, passphrase=passphrase or None) if mldsa else None
    cosigner = Cosigner(name=name, private=open_key(key_file, lambda _: passphrase), second=second)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("file-unwritable", file=state.name) from error
    return WitnessDoor(state, cosigner, known, now=lambda: int(SystemClock().now().timestamp())), cosigner.keys
