# SPDX-License-Identifier: Apache-2.0
"""What a host or a compute node is declared to be: who runs it, who owns it, where it stores, which laws reach it.

A descriptor is a declaration that two officers sign; it is not an attestation, and nothing here measures the machine.
What follows from it is judged by ``hosts.guard``. Reading a file or a body is ``records.descriptor_form``.
"""

import base64
import binascii
import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from rempart.errors import BadInput
from rempart.records.canonical import content_id, plain

HOST = "rempart.host/1"
NODE = "rempart.node/1"
UNION = "EU"
"""Stands for the law of the Union itself in ``laws``."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LAW = re.compile(r"[A-Z]{2}(: .+)?")
_ACTIVITIES = range(1, 7)
_SIGNING_BYTES = 32

Period = tuple[datetime.date, datetime.date]


def wrong(field: str, expected: str) -> BadInput:
    """The error for a field of a declaration, to be raised; ``descriptor_form`` adds the file."""
    return BadInput("descriptor-field", file="", field=field, expected=expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A holder of capital or votes. ``share``: per cent, the larger of the two; ``veto``: may block or appoint alone."""

    holder: str
    country: str
    share: Decimal
    veto: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.share <= 100:
            raise wrong("ownership.share", "per cent, above 0, at most 100")
        _countries("ownership.country", [self.country])

    def as_dict(self) -> dict[str, object]:
        """The JSON form; the share as text."""
        share = format(self.share.normalize(), "f")
        return {"holder": self.holder, "country": self.country, "share": share, "veto": self.veto}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hds:
    """A certificate for hosting health data: the activities (1 to 6) it covers, and its last day."""

    activities: tuple[int, ...]
    until: datetime.date

    def __post_init__(self) -> None:
        rising = tuple(sorted(set(self.activities)))
        if not rising or rising != self.activities or not set(rising) <= set(_ACTIVITIES):
            raise wrong("hds.activities", "rising numbers from 1 to 6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subprocessor:
    """Somebody whom the operator lets work on the service, and the country whose law he answers to."""

    name: str
    country: str

    def __post_init__(self) -> None:
        _countries("subprocessors.country", [self.country])


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """An authorisation of the system that ends: a regulator's, a homologation. ``until``: its last day."""

    name: str
    until: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is said of a host or a node. Countries are ISO 3166 codes of two letters.

    ``own``: run by the controller itself, for itself; ``seat``: registered seat, central administration; ``access_countries``:
    from where the operator's staff can reach the service; ``laws``: ``CC`` or ``CC: name``, ``EU`` for the Union's own;
    ``safeguards``: third countries for which an instrument of GDPR art. 46 is signed; ``measures``, ``residual_risks``: what
    the contract says, for the public table; ``valid``: first and last day of the declaration itself, both included.
    """

    name: str
    operator: str
    own: bool
    seat: str
    ownership: tuple[Owner, ...]
    storage_countries: tuple[str, ...]
    access_countries: tuple[str, ...]
    laws: tuple[str, ...]
    valid: Period
    hds: Hds | None = None
    secnumcloud: datetime.date | None = None
    subprocessors: tuple[Subprocessor, ...] = ()
    safeguards: tuple[str, ...] = ()
    authorisations: tuple[Authorisation, ...] = ()
    measures: tuple[str, ...] = ()
    residual_risks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise wrong("name", "lower-case letters, digits, hyphens, at most 40")
        if not self.operator.strip():
            raise wrong("operator", "text")
        _countries("seat", [self.seat])
        for field in ("storage_countries", "access_countries"):
            _countries(field, getattr(self, field), needed=True)
        _countries("safeguards", self.safeguards)
        if not self.laws or not all(_LAW.fullmatch(law) for law in self.laws):
            raise wrong("laws", '["EU: name of the law", "FR", …], the country first')
        if sum((owner.share for owner in self.ownership), Decimal(0)) > 100:
            raise wrong("ownership", "shares that add up to 100 at most")
        if self.valid[0] > self.valid[1]:
            raise wrong("valid", "[first day, last day]")

    def as_dict(self) -> dict[str, object]:
        """The canonical form without its schema: dates as ISO text, absent facts as null."""
        body: dict[str, object] = {
            "name": self.name,
            "operator": self.operator,
            "own": self.own,
            "seat": self.seat,
            "ownership": [owner.as_dict() for owner in self.ownership],
            "storage_countries": self.storage_countries,
            "access_countries": self.access_countries,
            "hds": {"activities": self.hds.activities, "until": self.hds.until} if self.hds else None,
            "secnumcloud": {"until": self.secnumcloud} if self.secnumcloud else None,
            "subprocessors": [{"name": item.name, "country": item.country} for item in self.subprocessors],
            "laws": self.laws,
            "safeguards": self.safeguards,
            "authorisations": [{"name": item.name, "until": item.until} for item in self.authorisations],
            "measures": self.measures,
            "residual_risks": self.residual_risks,
            "valid": self.valid,
        }
        return dict(plain(body))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDescriptor:
    """A host's declaration as it is signed."""

    declaration: Declaration

    @property
    def body(self) -> Mapping[str, object]:
        """What two officers sign."""
        return {"schema": HOST, **self.declaration.as_dict()}

    @property
    def content_id(self) -> str:
        """``sha256:…`` of the body."""
        return content_id(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDescriptor:
    """A compute node's declaration and its public keys. ``hpke``: base64 of the key to which data keys are sealed, of the scheme
    ``kem``; ``signing``: base64 of the 32 bytes of the Ed25519 key with which the node asks."""

    declaration: Declaration
    kem: str
    hpke: str
    signing: str

    def __post_init__(self) -> None:
        if not self.kem.strip():
            raise wrong("keys.kem", "the name of the scheme")
        if not _decoded("keys.hpke", self.hpke) or len(_decoded("keys.signing", self.signing)) != _SIGNING_BYTES:
            raise wrong("keys.signing", "base64 of 32 bytes")

    @property
    def hpke_bytes(self) -> bytes:
        """The raw public key to which data keys are sealed."""
        return base64.b64decode(self.hpke)

    @property
    def signing_bytes(self) -> bytes:
        """The 32 raw bytes of the Ed25519 public key."""
        return base64.b64decode(self.signing)

    @property
    def body(self) -> Mapping[str, object]:
        """What two officers sign."""
        keys = {"kem": self.kem, "hpke": self.hpke, "signing": self.signing}
        return {"schema": NODE, **self.declaration.as_dict(), "keys": keys}

    @property
    def content_id(self) -> str:
        """``sha256:…`` of the body."""
        return content_id(self.body)


def own_declaration(*, name: str, operator: str, country: str, valid: Period) -> Declaration:
    """A machine that the controller runs itself, in ``country``, under its law and the Union's: what ``init`` declares."""
    laws = ("EU: GDPR", country)
    return Declaration(
        name=name,
        operator=operator,
        own=True,
        seat=country,
        ownership=(),
        storage_countries=(country,),
        access_countries=(country,),
        laws=laws,
        valid=valid,
    )


def _countries(field: str, given: Iterable[str], *, needed: bool = False) -> None:
    codes = list(given)
    if len(set(codes)) != len(codes) or not all(_COUNTRY.fullmatch(code) for code in codes) or (needed and not codes):
        raise wrong(field, "two capital letters for each country (ISO 3166), each once")


def _decoded(field: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise wrong(field, "base64") from error
