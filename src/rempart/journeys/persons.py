# SPDX-License-Identifier: Apache-2.0
"""Enrol persons, revoke their keys, set the quorum: each version of the trust file is signed by officers of the one before,
and named by a ledger leaf that carries their signatures, so that a version that was taken away is missed by whoever has the
leaf alone, and one that never was cannot be made up.
"""

import base64
import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rempart.errors import Refused
from rempart.journeys.recorded import Recorder, recorded
from rempart.records.event import salted_actor
from rempart.records.signature import Signature
from rempart.records.trust import TrustEntry, TrustFile
from rempart.records.trust_chain import check_link, quorum_signers

_YEARS = 3
Sign = Callable[[str], Signature]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What a change of the trust file needs. ``signs``: one function an officer who signs; ``save`` writes a version."""

    recorder: Recorder
    trust: TrustFile
    signs: Sequence[Sign]
    save: Callable[[TrustFile], None]


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


def first_trust(entries: Sequence[TrustEntry], *, sign: Sign, now: datetime.datetime) -> TrustFile:
    """Version 1, signed by its own officer; everyone pins its id."""
    unsigned = TrustFile(version=1, previous="", entries=tuple(entries), signatures=(), made=now)
    return replace(unsigned, signatures=(sign(unsigned.id),))


def add_person(registry: Registry, entry: TrustEntry) -> TrustFile:
    """The next version of the trust file with ``entry``; raises Refused ``person-exists``, and as ``check_quorum``."""
    trust, today = registry.trust, registry.recorder.clock.now().date()
    if any(known.actor == entry.actor and known.valid_to >= today and not known.revoked for known in trust.entries):
        raise Refused("person-exists", actor=entry.actor)
    return _adopt(registry, entries=(*trust.entries, entry), objects=[_person(entry)])


def revoke_person(registry: Registry, actor: str) -> TrustFile:
    """The next version, in which every key of ``actor`` is revoked from this instant on.

    Raises Refused ``person-absent`` when none lives, ``quorum-out-of-reach`` when too few officers would be left, and as
    ``check_quorum``.
    """
    now, trust = registry.recorder.clock.now(), registry.trust
    hit = [entry for entry in trust.entries if entry.actor == actor and entry.revoked is None]
    if not hit:
        raise Refused("person-absent", actor=actor)
    entries = tuple(replace(entry, revoked=now) if entry in hit else entry for entry in trust.entries)
    return _adopt(registry, entries=entries, objects=[_person(hit[-1]), "revoked:key"], now=now)


def set_quorum(registry: Registry, quorum: int) -> TrustFile:
    """The next version, after which ``quorum`` officers sign each one.

    Raises Refused ``quorum-out-of-reach`` for more than there are officers or less than one, and as ``check_quorum``.
    """
    return _adopt(registry, entries=registry.trust.entries, objects=[f"quorum:{quorum}"], quorum=quorum)


def check_quorum(
    trust: TrustFile, signatures: Sequence[Signature], *, over: str, now: datetime.datetime
) -> list[TrustEntry]:
    """The officers who signed ``over``, at least as many as ``trust`` asks for.

    Raises Refused ``role-missing`` when a signer is no officer, ``quorum-missing`` when they are too few, NotTrusted ``signature``.
    """
    for signature in signatures:
        trust.check(signature, over=over, role="officer", on=now)
    signers = list(quorum_signers(signatures, over=over, trust=trust, on=now))
    if len(signers) < trust.quorum:
        raise Refused("quorum-missing", needed=trust.quorum, signed=len(signers))
    return signers


def _adopt(
    registry: Registry,
    *,
    entries: Sequence[TrustEntry],
    objects: Sequence[str],
    quorum: int | None = None,
    now: datetime.datetime | None = None,
) -> TrustFile:
    """Sign, check as every reader will, log, save."""
    trust, now = registry.trust, now or registry.recorder.clock.now()
    wanted = trust.quorum if quorum is None else quorum
    if (
        not 1
        <= wanted
        <= len({e.public for e in entries if "officer" in e.roles and e.valid_on(now.date()) and not e.revoked})
    ):
        raise Refused("quorum-out-of-reach", quorum=wanted)
    unsigned = TrustFile(
        version=trust.version + 1,
        previous=trust.id,
        entries=tuple(entries),
        signatures=(),
        quorum=wanted,
        made=now if trust.made is None else max(now, trust.made),
    )
    made = replace(unsigned, signatures=tuple(sign(unsigned.id) for sign in registry.signs))
    signers = check_quorum(trust, made.signatures, over=made.id, now=now)
    check_link(made, trust)
    told = [
        f"trust:{made.id}",
        f"version:{made.version}",
        *objects,
        *(f"signature:{one.sig}" for one in made.signatures),
    ]
    actor = salted_actor(signers[0].actor, signers[0].salt)
    with recorded(registry.recorder, "person", basis="operation:person", objects=told, actor=actor):
        registry.save(made)
    return made


def _person(entry: TrustEntry) -> str:
    return f"person:{salted_actor(entry.actor, entry.salt)}"
