# SPDX-License-Identifier: Apache-2.0
"""``rempart audit witness``: a witness with a key of their own looks at a checkpoint and cosigns it, here or far from the ledger.

What was seen lies in a file of the witness, written before the cosignature leaves. docs/ledger.md, "Witnesses".
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.adapters.configuration import NAME, Configuration, read_configuration
from rempart.adapters.cosigner import Cosigner
from rempart.adapters.ledger_files import locked
from rempart.adapters.mldsa_key import MldsaKey, create_mldsa_key, load_mldsa_key
from rempart.adapters.person_key import public_bytes
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.adapters.text_input import read_text
from rempart.adapters.witness_memory import Seen, recall, remember, write_told
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.cosignature import witness_name
from rempart.audit.witness import Request, judge, parse_request, request_text
from rempart.errors import BadInput, NotTrusted, Refused
from rempart.wiring.ledger import plain_ledger
from rempart.wiring.releases import ledger_identity
from rempart.wiring.signing import Ask, open_key, today
from rempart.wiring.warehouse import Warehouse

ROLE = "witness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """One witnessing: leaves of the checkpoint, Unix time, the witness's key name, the note as it now stands.

    ``keys``: the witness's public keys, a line each as a policy takes them; ``made``: whether the ML-DSA-44 key is new.
    """

    size: int
    time: int
    name: str
    note: str
    keys: tuple[str, ...]
    made: bool = False


@dataclass(slots=True)
class _Passphrase:
    """One passphrase opens both key files of a witness: it is asked for once."""

    ask: Ask
    told: str | None = None

    def __call__(self, file: Path) -> str:
        if self.told is None:
            self.told = self.ask(file)
        return self.told


def cosign_file(
    directory: Path,
    file: Path,
    *,
    key_file: Path,
    ask: Ask,
    seen_file: Path,
    to: Path,
    log: str | None,
    name: str | None,
    mldsa: Path | None = None,
    keys: Path | None = None,
) -> Witnessed:
    """Prove the checkpoint in ``file`` against the log and against what this witness saw, remember it, cosign it into ``to``.

    ``log``: ``ORIGIN KEY``, None = as remembered, else the warehouse's; ``name``: who the witness is where no trust file is at
    hand; ``mldsa``: a second key file, made where there is none; ``keys``: where to write the public keys.
    Raises as ``audit.witness.judge``; Refused ``role-missing``; NotTrusted ``key-unknown``, ``witness-log``, ``witness-seen``.
    """
    passphrase = _Passphrase(ask)
    private = open_key(key_file, passphrase)
    second, made = _second(mldsa, passphrase)
    with locked(seen_file.with_name(seen_file.name + ".lock")):
        seen = recall(seen_file)
        origin, public = _log(directory, log, seen)
        request = _with_proof(directory, parse_request(read_text(file)), seen)
        checkpoint = judge(request, seen.checkpoint if seen else None, origin=origin, public=public)
        signer = witness_name(origin, _actor(directory, private, name))
        note = request.note
        remember(seen_file, Seen(origin=origin, public=public, checkpoint=note))
        time = int(SystemClock().now().timestamp())
        cosigner = Cosigner(name=signer, private=private, second=second)
        signed, lines = cosigner.cosign(note, time=time), cosigner.keys
        if keys is not None:
            write_told(keys, "".join(f"{line}\n" for line in lines))
        write_told(to, signed)
    return Witnessed(size=checkpoint.size, time=time, name=signer, note=signed, keys=lines, made=made)


def _second(file: Path | None, ask: _Passphrase) -> tuple[MldsaKey | None, bool]:
    """(the ML-DSA-44 key of ``file``, whether it was made now)."""
    if file is None:
        return None, False
    if not file.exists():
        return create_mldsa_key(file, randomness=SystemRandomness(), passphrase=ask.told), True
    try:
        return load_mldsa_key(file), False
    except Refused as error:
        if error.code != "person-key-passphrase":
            raise
        return load_mldsa_key(file, passphrase=ask(file)), False


def export_request(directory: Path, settings: Configuration, file: Path, *, old: int) -> str:
    """Write the newest checkpoint to ``file`` with the proof that it continues the log's first ``old`` leaves, for a witness.

    Raises BadInput ``ledger-range``, ``file-unwritable``.
    """
    ledger = plain_ledger(directory, settings, sign=None)
    note = ledger.checkpoint()
    size = parse_and_verify(note, settings.ledger_origin, settings.ledger_public).size
    text = request_text(note, old=old, proof=ledger.consistency(old, size))
    write_told(file, text)
    return text


def _with_proof(directory: Path, request: Request, seen: Seen | None) -> Request:
    """The request as it came, or with the proof taken from the ledger's own folder where that is at hand."""
    if request.old is not None or seen is None or not (directory / NAME).is_file():
        return request
    settings = read_configuration(directory)
    if settings.ledger_origin != seen.origin:
        return request
    new = parse_and_verify(request.note, seen.origin, seen.public)
    old = parse_and_verify(seen.checkpoint, seen.origin, seen.public)
    ledger = plain_ledger(directory, settings, sign=None)
    if not old.size < new.size <= ledger.size():
        return request
    return Request(note=request.note, old=old.size, proof=tuple(ledger.consistency(old.size, new.size)))


def _log(directory: Path, told: str | None, seen: Seen | None) -> tuple[str, bytes]:
    """Whose log it is; never another one than this witness's first."""
    if seen is None:
        return ledger_identity(directory, told)
    if told is not None and ledger_identity(directory, told) != (seen.origin, seen.public):
        raise NotTrusted("witness-log", origin=seen.origin)
    return seen.origin, seen.public


def _actor(directory: Path, private: Ed25519PrivateKey, told: str | None) -> str:
    """Who holds the key: by the trust file where there is one; far from it, the name that the verifier's trust file must prove."""
    if not (directory / NAME).is_file():
        if told is None:
            raise BadInput("witness-name")
        return told
    entry = Warehouse(directory).trust.actor_of(public_bytes(private), on=today())
    if ROLE not in entry.roles:
        raise Refused("role-missing", actor=entry.actor, role=ROLE)
    return entry.actor
