# SPDX-License-Identifier: Apache-2.0
"""The trust file: public keys by role, algorithm and validity; each version signed by an officer of the one before.

It says who may act, never whether an act is allowed; that is the permit's and the release rules' work.
"""

import base64
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rempart.errors import BadInput, NotTrusted, Refused
from rempart.records.canonical import content_id
from rempart.records.signature import Signature, verify

ROLES = ("officer", "committee", "researcher", "checker")
_KEY_BYTES = 32
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustEntry:
    """One key of one actor. ``public``: base64 of 32 bytes; ``salt``: hex that hides the actor's name in the ledger."""

    actor: str
    roles: tuple[str, ...]
    alg: str
    public: str
    valid_from: datetime.date
    valid_to: datetime.date
    salt: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.actor):
            raise BadInput("actor-name", actor=self.actor)
        for role in self.roles:
            if role not in ROLES:
                raise BadInput("role-unknown", role=role, expected=", ".join(ROLES))
        _check_bytes(self.public, self.salt)

    @property
    def public_bytes(self) -> bytes:
        """The 32 raw bytes of the public key."""
        return base64.b64decode(self.public)

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "actor": self.actor,
            "roles": list(self.roles),
            "alg": self.alg,
            "public": self.public,
            "valid": [self.valid_from.isoformat(), self.valid_to.isoformat()],
            "salt": self.salt,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> "TrustEntry":
        """From JSON; raises NotTrusted ``trust-form``."""
        try:
            days: list[str] = value["valid"]  # type: ignore[assignment]
            return cls(
                actor=str(value["actor"]),
                roles=tuple(value["roles"]),  # type: ignore[arg-type]
                alg=str(value["alg"]),
                public=str(value["public"]),
                valid_from=datetime.date.fromisoformat(days[0]),
                valid_to=datetime.date.fromisoformat(days[1]),
                salt=str(value["salt"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise NotTrusted("trust-form") from error


def _check_bytes(public: str, salt: str) -> None:
    """The key is base64 of 32 bytes and the salt hex, or whoever compares keys later would meet a defect."""
    try:
        if len(base64.b64decode(public, validate=True)) == _KEY_BYTES:
            bytes.fromhex(salt)
            return
    except ValueError as error:
        raise NotTrusted("trust-form") from error
    raise NotTrusted("trust-form")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFile:
    """One version: ``body`` is what is signed; ``signatures`` are by officers of the version before (self for 1)."""

    version: int
    previous: str
    entries: tuple[TrustEntry, ...]
    signatures: tuple[Signature, ...]

    def body(self) -> dict[str, object]:
        """What the signatures are over."""
        return {
            "schema": "rempart.trust/1",
            "version": self.version,
            "previous": self.previous,
            "entries": [entry.as_dict() for entry in self.entries],
        }

    @property
    def id(self) -> str:
        """``sha256:…`` of the body."""
        return content_id(self.body())

    def as_dict(self) -> dict[str, object]:
        """The JSON form: the body and its signatures."""
        return {"body": self.body(), "signatures": [signature.as_dict() for signature in self.signatures]}

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> "TrustFile":
        """From JSON; raises NotTrusted ``trust-form``."""
        try:
            body, signatures = value["body"], value["signatures"]
            if body["schema"] != "rempart.trust/1":  # type: ignore[index]
                raise NotTrusted("trust-form")
            return cls(
                version=int(body["version"]),  # type: ignore[index]
                previous=str(body["previous"]),  # type: ignore[index]
                entries=tuple(TrustEntry.from_dict(entry) for entry in body["entries"]),  # type: ignore[index]
                signatures=tuple(Signature.from_dict(item) for item in signatures),  # type: ignore[attr-defined]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise NotTrusted("trust-form") from error

    def entry(self, actor: str, *, on: datetime.date) -> TrustEntry:
        """The key of ``actor`` valid on that day; raises NotTrusted ``actor-unknown``."""
        for entry in reversed(self.entries):
            if entry.actor == actor and entry.valid_from <= on <= entry.valid_to:
                return entry
        raise NotTrusted("actor-unknown", actor=actor)

    def actor_of(self, public: bytes, *, on: datetime.date) -> TrustEntry:
        """Who holds ``public`` on that day; raises NotTrusted ``key-unknown``: no option says who one is, the key does."""
        for entry in reversed(self.entries):
            if entry.public_bytes == public and entry.valid_from <= on <= entry.valid_to:
                return entry
        raise NotTrusted("key-unknown")

    def check(self, signature: Signature, *, over: str, role: str, on: datetime.date) -> TrustEntry:
        """The signer, once proven and holding ``role`` that day.

        Raises NotTrusted ``signature`` or ``actor-unknown``; Refused ``role-missing``.
        """
        entry = self.entry(signature.actor, on=on)
        verify(signature, public=entry.public_bytes, alg=entry.alg, over=over)
        if role not in entry.roles:
            raise Refused("role-missing", actor=entry.actor, role=role)
        return entry


def check_chain(versions: Sequence[TrustFile], *, first: str) -> TrustFile:
    """The newest version, once every link from the pinned ``first`` id holds; raises NotTrusted ``trust-chain``."""
    if not versions or versions[0].id != first or versions[0].version != 1:
        raise NotTrusted("trust-chain", version=1)
    before = versions[0]
    for number, trust in enumerate(versions, 1):
        if trust.version != number or (number > 1 and trust.previous != before.id):
            raise NotTrusted("trust-chain", version=number)
        _check_officer(trust, before)
        before = trust
    return before


def _check_officer(trust: TrustFile, before: TrustFile) -> None:
    """One officer of the version before signed this one (version 1 signs itself)."""
    for signature in trust.signatures:
        for entry in before.entries:
            if entry.actor == signature.actor and "officer" in entry.roles:
                verify(signature, public=entry.public_bytes, alg=entry.alg, over=trust.id)
                return
    raise NotTrusted("trust-chain", version=trust.version)
