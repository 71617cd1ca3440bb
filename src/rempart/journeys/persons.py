# SPDX-License-Identifier: Apache-2.0
"""Enrol persons: each version of the trust file is signed by an officer of the one before, and named by a ledger leaf."""

import base64
import datetime
from collections.abc import Callable, Sequence

from rempart.errors import Refused
from rempart.journeys.recorded import Recorder, recorded
from rempart.records.event import salted_actor
from rempart.records.signature import Signature
from rempart.records.trust import TrustEntry, TrustFile

_YEARS = 3


def new_entry(*, actor: str, roles: Sequence[str], public: bytes, today: datetime.date, salt: str) -> TrustEntry:
    """A key valid for three years from today; raises BadInput ``actor-name`` or ``role-unknown``."""
    return TrustEntry(
        actor=actor,
        roles=tuple(roles),
        alg="ed25519",
        public=base64.b64encode(public).decode(),
        valid_from=today,
        valid_to=today.replace(year=today.year + _YEARS, day=min(today.day, 28)),
        salt=salt,
    )


def first_trust(entries: Sequence[TrustEntry], *, sign: Callable[[str], Signature]) -> TrustFile:
    """Version 1, signed by its own officer; everyone pins its id."""
    unsigned = TrustFile(version=1, previous="", entries=tuple(entries), signatures=())
    return TrustFile(version=1, previous="", entries=unsigned.entries, signatures=(sign(unsigned.id),))


def add_person(
    *,
    recorder: Recorder,
    trust: TrustFile,
    entry: TrustEntry,
    officer: str,
    sign: Callable[[str], Signature],
    save: Callable[[TrustFile], None],
) -> TrustFile:
    """The next version of the trust file with ``entry``, signed by ``officer``.

    Raises Refused ``role-missing`` when the signer is no officer, ``person-exists`` when the name is taken.
    """
    today = recorder.clock.now().date()
    if any(known.actor == entry.actor and known.valid_to >= today for known in trust.entries):
        raise Refused("person-exists", actor=entry.actor)
    unsigned = TrustFile(version=trust.version + 1, previous=trust.id, entries=(*trust.entries, entry), signatures=())
    signature = sign(unsigned.id)
    signer = trust.check(signature, over=unsigned.id, role="officer", on=today)
    made = TrustFile(version=unsigned.version, previous=trust.id, entries=unsigned.entries, signatures=(signature,))
    salted = salted_actor(officer, signer.salt)
    named = salted_actor(entry.actor, entry.salt)
    objects = [f"trust:{made.id}", f"version:{made.version}", f"person:{named}"]
    with recorded(recorder, "person", basis="operation:person", objects=objects, actor=salted):
        save(made)
    return made
