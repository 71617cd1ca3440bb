# SPDX-License-Identifier: Apache-2.0
"""How versions of the trust file follow one another, from the first one, which every verifier pins.

Version n+1 is signed by as many officers of version n as version n asks for (its quorum): distinct persons, distinct keys,
none of them revoked, all within their days. Says nothing of what the persons may do.
"""

import datetime
from collections.abc import Iterable, Sequence

from rempart.errors import NotTrusted
from rempart.records.signature import Signature, verify
from rempart.records.trust import FIRST_FORM, TrustEntry, TrustFile


def check_chain(versions: Sequence[TrustFile], *, first: str) -> TrustFile:
    """The newest version, once every link from the pinned ``first`` id holds; raises NotTrusted ``trust-chain``, ``trust-quorum``."""
    if not versions or versions[0].id != first or versions[0].version != 1:
        raise NotTrusted("trust-chain", version=1)
    before = versions[0]
    for number, trust in enumerate(versions, 1):
        if trust.version != number or (number > 1 and trust.previous != before.id):
            raise NotTrusted("trust-chain", version=number)
        check_link(trust, before)
        before = trust
    return before


def check_link(trust: TrustFile, before: TrustFile) -> None:
    """``trust`` may follow ``before`` (version 1 follows itself).

    Raises NotTrusted ``trust-chain`` for a step backwards in form or time or an entry that was taken out or changed, ``trust-quorum``
    for too few signatures, ``signature`` for a false one.
    """
    if trust.form < before.form or not _in_time(trust, before) or not _only_grew(trust, before):
        raise NotTrusted("trust-chain", version=trust.version)
    signers = quorum_signers(trust.signatures, over=trust.id, trust=before, on=trust.made)
    if len(signers) < before.quorum:
        raise NotTrusted("trust-quorum", version=trust.version, needed=before.quorum, signed=len(signers))
    if trust.form != FIRST_FORM and _most(trust) < trust.quorum:
        raise NotTrusted("trust-quorum", version=trust.version, needed=trust.quorum, signed=_most(trust))


def quorum_signers(
    signatures: Iterable[Signature], *, over: str, trust: TrustFile, on: datetime.date | None
) -> tuple[TrustEntry, ...]:
    """Officers of ``trust`` who signed ``over``: one entry a person and a key. ``on``: the instant at which they had to be valid; None
    in form 1, which knows none. A signature by who is no officer then counts for nothing; raises NotTrusted ``signature`` for a
    false one."""
    officers = trust.officers(on=on) if on is not None else tuple(e for e in trust.entries if "officer" in e.roles)
    found: dict[str, TrustEntry] = {}
    for signature in signatures:
        held = [entry for entry in officers if entry.actor == signature.actor]
        if held:
            verify(signature, public=held[-1].public_bytes, alg=held[-1].alg, over=over)
            found[held[-1].public] = held[-1]
    return tuple({entry.actor: entry for entry in found.values()}.values())


def _in_time(trust: TrustFile, before: TrustFile) -> bool:
    if trust.form == FIRST_FORM:
        return True
    return trust.made is not None and (before.made is None or before.made <= trust.made)


def _only_grew(trust: TrustFile, before: TrustFile) -> bool:
    """Nothing was taken out or changed but by a revocation: what a person signed once can be checked for ever."""
    if trust.form == FIRST_FORM:
        return True
    if len(trust.entries) < len(before.entries):
        return False
    pairs = zip(before.entries, trust.entries, strict=False)
    return all(_same(old, new) for old, new in pairs)


def _same(old: TrustEntry, new: TrustEntry) -> bool:
    was, now = old.as_dict(), new.as_dict()
    return was == now or (old.revoked is None and {**was, "revoked": now["revoked"]} == now)


def _most(trust: TrustFile) -> int:
    """How many officers can sign the next version, as of the day this one was made."""
    return len({entry.public for entry in trust.officers(on=trust.made)}) if trust.made else 0
