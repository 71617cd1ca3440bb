# SPDX-License-Identifier: Apache-2.0
"""Sign as whoever holds a key file: the name comes from the trust file through the key; no option says who one is."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.adapters.person_key import load_person_key, public_bytes
from rempart.errors import Refused
from rempart.records.document import SignedDocument
from rempart.records.event import salted_actor
from rempart.records.signature import Signature, sign
from rempart.records.trust import TrustEntry, TrustFile

Ask = Callable[[Path], str]


def today() -> datetime.date:
    """The current day, UTC."""
    return datetime.datetime.now(datetime.UTC).date()


@dataclass(frozen=True, slots=True)
class Signer:
    """A person at work: the entry that the trust file has for the key, and the key."""

    entry: TrustEntry
    private: Ed25519PrivateKey

    @property
    def salted(self) -> str:
        """How the ledger names the person."""
        return salted_actor(self.entry.actor, self.entry.salt)

    def sign(self, over: str) -> Signature:
        """A signature over a ``sha256:…`` id."""
        return sign(self.private, actor=self.entry.actor, over=over)

    def document(self, body: Mapping[str, Any]) -> SignedDocument:
        """A document with this one signature."""
        unsigned = SignedDocument(body=body, signatures=())
        return SignedDocument(body=body, signatures=(self.sign(unsigned.over),))


def signer(trust: TrustFile, key_file: Path, ask: Ask) -> Signer:
    """Who holds the key file; the passphrase is asked for only when the file is encrypted. Raises NotTrusted ``key-unknown``."""
    private = open_key(key_file, ask)
    return Signer(trust.actor_of(public_bytes(private), on=today()), private)


def open_key(key_file: Path, ask: Ask) -> Ed25519PrivateKey:
    """The private key of a file; raises Missing, Refused, BadInput."""
    try:
        return load_person_key(key_file)
    except Refused as error:
        if error.code != "person-key-passphrase":
            raise
        return load_person_key(key_file, passphrase=ask(key_file))
