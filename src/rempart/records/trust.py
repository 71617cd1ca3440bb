# SPDX-License-Identifier: Apache-2.0
"""The trust file: public keys by role, algorithm, validity and revocation; each version signed by officers of the one before.

It says who may act, never whether an act is allowed; that is the permit's and the release rules' work. How versions follow one
another is ``records.trust_chain``.
"""

import base64
import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, NotTrusted, Refused
from rempart.records.canonical import content_id
from rempart.records.signature import Signature, verify

ROLES = ("officer", "committee", "researcher", "checker", "witness", "auditor")
FIRST_FORM, FORM = 1, 2
"""Forms of the file that are read; ``FORM`` is the one written. Form 1 knows neither quorum nor revocation."""
_KEY_BYTES = 32
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustEntry:
    """One key of one actor. ``public``: base64 of 32 bytes; ``salt``: hex that hides the actor's name in the ledger; ``revoked``:
    the UTC instant from which the key signs nothing any more, None while it does (what it signed before stays signed)."""

    actor: str
    roles: tuple[str, ...]
    alg: str
    public: str
    valid_from: datetime.date
    valid_to: datetime.date
    salt: str
    revoked: datetime.datetime | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.actor):
            raise BadInput("actor-name", actor=self.actor)
        for role in self.roles:
            if role not in ROLES:
                raise BadInput("role-unknown", role=role, expected=", ".join(ROLES))
        _check_bytes(self.public, self.salt)
        if self.revoked is not None and self.revoked.utcoffset() != datetime.timedelta(0):
            raise NotTrusted("trust-form")

    @property
    def public_bytes(self) -> bytes:
        """The 32 raw bytes of the public key."""
        return base64.b64decode(self.public)

    def valid_on(self, day: datetime.date) -> bool:
        """Whether the key is within its days; says nothing of a revocation."""
        return self.valid_from <= day <= self.valid_to

    def revoked_at(self, on: datetime.date | datetime.datetime) -> bool:
        """Whether the key is revoked at that instant; a bare day means its last instant, so that a doubt refuses."""
        if self.revoked is None:
            return False
        return self.revoked <= on if isinstance(on, datetime.datetime) else self.revoked.date() <= on

    def alive(self, on: datetime.date) -> bool:
        """Whether the key signs at that day or instant."""
        return self.valid_on(_day(on)) and not self.revoked_at(on)

    def as_dict(self, form: int = FORM) -> dict[str, object]:
        """The JSON form."""
        told: dict[str, object] = {
            "actor": self.actor,
            "roles": list(self.roles),
            "alg": self.alg,
            "public": self.public,
            "valid": [self.valid_from.isoformat(), self.valid_to.isoformat()],
            "salt": self.salt,
        }
        revoked = self.revoked.isoformat() if self.revoked else None
        return told if form == FIRST_FORM else {**told, "revoked": revoked}

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> "TrustEntry":
        """From JSON of either form; raises NotTrusted ``trust-form``."""
        try:
            revoked = value.get("revoked")
            days: list[str] = value["valid"]  # type: ignore[assignment]
            return cls(
                actor=str(value["actor"]),
                roles=tuple(value["roles"]),  # type: ignore[arg-type]
                alg=str(value["alg"]),
                public=str(value["public"]),
                valid_from=datetime.date.fromisoformat(days[0]),
                valid_to=datetime.date.fromisoformat(days[1]),
                salt=str(value["salt"]),
                revoked=None if revoked is None else datetime.datetime.fromisoformat(str(revoked)),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
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
    """One version: ``body`` is what is signed; ``signatures`` are by officers of the version before (its own for version 1).

    ``quorum``: how many officers of this version the next one needs; ``made``: when it was made, UTC, None in form 1.
    """

    version: int
    previous: str
    entries: tuple[TrustEntry, ...]
    signatures: tuple[Signature, ...]
    quorum: int = 1
    made: datetime.datetime | None = None
    form: int = FORM

    def __post_init__(self) -> None:
        if self.form == FIRST_FORM:
            plain = self.quorum == 1 and self.made is None and not any(entry.revoked for entry in self.entries)
            if not plain:
                raise NotTrusted("trust-form")
        if self.form not in {FIRST_FORM, FORM} or self.quorum < 1:
            raise NotTrusted("trust-form")

    def body(self) -> dict[str, object]:
        """What the signatures are over."""
        told: dict[str, object] = {
            "schema": f"rempart.trust/{self.form}",
            "version": self.version,
            "previous": self.previous,
            "entries": [entry.as_dict(self.form) for entry in self.entries],
        }
        made = self.made.isoformat() if self.made else None
        return told if self.form == FIRST_FORM else {**told, "quorum": self.quorum, "made": made}

    @property
    def id(self) -> str:
        """``sha256:…`` of the body."""
        return content_id(self.body())

    def as_dict(self) -> dict[str, object]:
        """The JSON form: the body and its signatures."""
        return {"body": self.body(), "signatures": [signature.as_dict() for signature in self.signatures]}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "TrustFile":
        """From JSON of either form, strictly; raises NotTrusted ``trust-form``."""
        try:
            body, signatures = value["body"], value["signatures"]
            made = body.get("made")
            read = cls(
                version=int(body["version"]),
                previous=str(body["previous"]),
                entries=tuple(TrustEntry.from_dict(entry) for entry in body["entries"]),
                signatures=tuple(Signature.from_dict(item) for item in signatures),
                quorum=int(body.get("quorum", 1)),
                made=None if made is None else datetime.datetime.fromisoformat(str(made)),
                form=_FORMS[body["schema"]],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotTrusted("trust-form") from error
        if read.body() != body:
            raise NotTrusted("trust-form")
        return read

    def entry(self, actor: str, *, on: datetime.date) -> TrustEntry:
        """The key of ``actor`` valid at that day or instant; raises NotTrusted ``actor-unknown``, Refused ``key-revoked``."""
        return self._live(
            (entry for entry in self.entries if entry.actor == actor), on, NotTrusted("actor-unknown", actor=actor)
        )

    def actor_of(self, public: bytes, *, on: datetime.date) -> TrustEntry:
        """Who holds ``public`` at that day or instant: no option says who one is, the key does.

        Raises NotTrusted ``key-unknown``, Refused ``key-revoked``.
        """
        return self._live(
            (entry for entry in self.entries if entry.public_bytes == public), on, NotTrusted("key-unknown")
        )

    def check(self, signature: Signature, *, over: str, role: str, on: datetime.date) -> TrustEntry:
        """The signer, once proven and holding ``role`` at that day or instant (an instant, wherever one is known: a key that is
        revoked in the afternoon has signed in the morning).

        Raises NotTrusted ``signature`` or ``actor-unknown``; Refused ``role-missing`` or ``key-revoked``.
        """
        entry = self.entry(signature.actor, on=on)
        for older in self.entries:  # one who was enrolled anew has signed with the key before, too
            if older.actor == entry.actor and older.alive(on) and _signed(signature, older, over):
                entry = older
        verify(signature, public=entry.public_bytes, alg=entry.alg, over=over)
        if role not in entry.roles:
            raise Refused("role-missing", actor=entry.actor, role=role)
        return entry

    def moment(self, instant: datetime.datetime) -> datetime.datetime:
        """The instant at which to judge an act that the ledger holds after this version: never before it was made, whatever the
        act's own leaf says."""
        return instant if self.made is None else max(instant, self.made)

    def officers(self, *, on: datetime.date) -> tuple[TrustEntry, ...]:
        """Who may sign as an officer at that day or instant."""
        return tuple(entry for entry in self.entries if "officer" in entry.roles and entry.alive(on))

    @staticmethod
    def _live(found: Iterable[TrustEntry], on: datetime.date, absent: NotTrusted) -> TrustEntry:
        """The newest of the entries that lives; one that was revoked is told as such."""
        valid = [entry for entry in found if entry.valid_on(_day(on))]
        living = [entry for entry in valid if entry.alive(on)]
        if living:
            return living[-1]
        if valid and valid[-1].revoked is not None:
            raise Refused("key-revoked", actor=valid[-1].actor, date=valid[-1].revoked.date().isoformat())
        raise absent


_FORMS = {f"rempart.trust/{form}": form for form in (FIRST_FORM, FORM)}


def _signed(signature: Signature, entry: TrustEntry, over: str) -> bool:
    try:
        verify(signature, public=entry.public_bytes, alg=entry.alg, over=over)
    except NotTrusted:
        return False
    return True


def _day(on: datetime.date) -> datetime.date:
    return on.date() if isinstance(on, datetime.datetime) else on
