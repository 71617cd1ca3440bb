# SPDX-License-Identifier: Apache-2.0
"""What a person has done before working with the data: a training that an officer attests, a charter that the person signs."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, NotTrusted, Refused
from rempart.records.document import SignedDocument
from rempart.records.project_act import signatories
from rempart.records.trust import TrustFile

KIND = "attestation"
SCHEMA = "rempart.attestation/1"
TRAINING, CHARTER = "training", "charter"
WHATS = (TRAINING, CHARTER)
_KEYS = frozenset({"schema", "actor", "what", "on", "text"})
_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """``text``: of a training which one, of a charter the hash of what was signed; ``on``: the day."""

    actor: str
    what: str
    on: datetime.date
    text: str

    def stands(self, day: datetime.date, *, months: int) -> bool:
        """Whether it counts on a day; ``months``: for how long, 0 for ever."""
        if self.on > day:
            return False
        whole = (day.year - self.on.year) * _MONTHS + day.month - self.on.month
        return not months or whole - (day.day < self.on.day) < months


def attestation_body(*, actor: str, what: str, on: datetime.date, text: str) -> dict[str, Any]:
    """What is signed: a charter by the person, a training by an officer. Raises BadInput ``attestation-what``."""
    if what not in WHATS:
        raise BadInput("attestation-what", what=what, expected=", ".join(WHATS))
    return {"schema": SCHEMA, "actor": actor, "what": what, "on": on.isoformat(), "text": text}


def read_attestation(data: bytes, *, trust: TrustFile, on: datetime.datetime) -> Attestation:
    """A signed attestation; raises NotTrusted, Refused ``attestation-signer`` unless an officer attests the training of somebody else, or
    the person signs the charter."""
    signed = SignedDocument.from_bytes(data, schema=SCHEMA)
    told = _read(signed.body)
    people = signatories(signed, trust, on=on)
    officers = {one.actor for one in people if "officer" in one.roles} - {told.actor}
    if not (officers if told.what == TRAINING else {one.actor for one in people} == {told.actor}):
        raise Refused("attestation-signer", actor=told.actor, what=told.what)
    return told


def _read(body: Mapping[str, Any]) -> Attestation:
    try:
        if set(body) != _KEYS or body["what"] not in WHATS or not all(isinstance(item, str) for item in body.values()):
            raise NotTrusted("document-form", expected=SCHEMA)
        day = datetime.date.fromisoformat(body["on"])
    except ValueError as error:
        raise NotTrusted("document-form", expected=SCHEMA) from error
    return Attestation(actor=body["actor"], what=body["what"], on=day, text=body["text"])


def lacking(
    attestations: Iterable[Attestation], actor: str, day: datetime.date, *, charter: str, months: int
) -> tuple[str, ...]:
    """What a person has not done on a day; ``charter``: hash of the one that is asked for, '' for none, ``months``: how long a training
    stands, 0 for none asked."""
    own = [one for one in attestations if one.actor == actor]
    signed = any(one.what == CHARTER and one.text == charter and one.stands(day, months=0) for one in own)
    trained = any(one.what == TRAINING and one.stands(day, months=months) for one in own)
    lacks = [CHARTER] if charter and not signed else []
    return (*lacks, *([TRAINING] if months and not trained else []))
