# SPDX-License-Identifier: Apache-2.0
"""The trust file: how many officers a version needs, what a revocation ends, and that nothing is ever taken back."""

import base64
import datetime
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rempart.errors import NotTrusted, Refused
from rempart.journeys.persons import Registry, add_person, first_trust, new_entry, revoke_person, set_quorum
from rempart.journeys.recorded import Recorder
from rempart.records import trust_chain
from rempart.records.canonical import content_id
from rempart.records.event import LedgerEvent
from rempart.records.signature import Signature, sign
from rempart.records.trust import FIRST_FORM, TrustEntry, TrustFile
from rempart.records.trust_chain import check_chain
from tests.properties.keys_story import START, MemoryLedger, SeededRandomness, SetClock
from tests.properties.ledger_story import key_of

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def entry(name: str, *roles: str, **fields: Any) -> TrustEntry:
    public = key_of(name).public_key().public_bytes_raw()
    made = new_entry(actor=name, roles=roles or ("officer",), public=public, today=START.date(), salt="5a" * 16)
    return replace(made, **fields)


def by(name: str) -> Callable[[str], Signature]:
    return lambda over: sign(key_of(name), actor=name, over=over)


def signed(trust: TrustFile, *names: str) -> TrustFile:
    return replace(trust, signatures=tuple(by(name)(trust.id) for name in names))


def first(*entries: TrustEntry, quorum: int = 1) -> TrustFile:
    body = TrustFile(version=1, previous="", entries=entries, signatures=(), quorum=quorum, made=START)
    return signed(body, entries[0].actor, *([entries[1].actor] if quorum > 1 else []))


def following(before: TrustFile, *names: str, **fields: Any) -> TrustFile:
    made = (before.made or START) + HOUR
    unsigned = replace(before, version=before.version + 1, previous=before.id, made=made)
    return signed(replace(unsigned, **fields), *names)


OFFICERS = (entry("ann"), entry("ben"), entry("cid"), entry("dan", "checker"))
TWO = first(*OFFICERS, quorum=2)


def test_as_many_officers_as_the_version_before_asks_for() -> None:
    newest = following(TWO, "ann", "cid")
    assert check_chain([TWO, newest], first=TWO.id) is newest


def old_clothes(before: TrustFile) -> TrustFile:
    return signed(replace(before, version=2, previous=before.id, form=FIRST_FORM, quorum=1, made=None), "ann", "ben")


def without(trust: TrustFile, name: str) -> tuple[TrustEntry, ...]:
    return tuple(e for e in trust.entries if e.actor != name)


def changed(trust: TrustFile, name: str, **fields: Any) -> tuple[TrustEntry, ...]:
    return tuple(replace(e, **fields) if e.actor == name else e for e in trust.entries)


CID_REVOKED = replace(TWO, entries=changed(TWO, "cid", revoked=START - HOUR))
REVOKED = signed(CID_REVOKED, "ann", "ben")
OLD = signed(replace(TWO, entries=changed(TWO, "ben", valid_to=START.date())), "ann", "ben")
TWICE = signed(replace(TWO, entries=(*TWO.entries, replace(entry("ann"), actor="amy"))), "ann", "ben")


def as_amy(trust: TrustFile) -> TrustFile:
    """One person's one key under two names."""
    one = following(trust, "ann")
    return replace(one, signatures=(*one.signatures, sign(key_of("ann"), actor="amy", over=one.id)))


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (TWO, following(TWO, "ann"), "trust-quorum"),
        (TWO, following(TWO), "trust-quorum"),
        (TWO, following(TWO, "ann", "ann"), "trust-quorum"),
        (TWO, following(TWO, "ann", "dan"), "trust-quorum"),
        (TWICE, as_amy(TWICE), "trust-quorum"),
        (REVOKED, following(REVOKED, "ann", "cid"), "trust-quorum"),
        (OLD, following(OLD, "ann", "ben", made=START + 2 * DAY), "trust-quorum"),
        (TWO, following(TWO, "ann", "ben", quorum=4), "trust-quorum"),
        (TWO, following(TWO, "ann", "ben", previous="sha256:" + "0" * 64), "trust-chain"),
        (TWO, following(TWO, "ann", "ben", version=3), "trust-chain"),
        (TWO, following(TWO, "ann", "ben", made=START - HOUR), "trust-chain"),
        (TWO, following(TWO, "ann", "ben", made=None), "trust-chain"),
        (TWO, following(TWO, "ann", "ben", entries=without(TWO, "cid")), "trust-chain"),
        (TWO, following(TWO, "ann", "ben", entries=changed(TWO, "dan", roles=("officer",))), "trust-chain"),
        (REVOKED, following(REVOKED, "ann", "ben", entries=changed(REVOKED, "cid", revoked=None)), "trust-chain"),
        (TWO, old_clothes(TWO), "trust-chain"),
    ],
)
def test_a_version_that_does_not_follow_is_not_believed(before: TrustFile, after: TrustFile, code: str) -> None:
    with pytest.raises(NotTrusted) as caught:
        check_chain([before, after], first=before.id)
    assert caught.value.code == code


def test_the_quorum_alone_keeps_one_officer_from_making_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    lonely = following(TWO, "ann")
    monkeypatch.setattr(trust_chain, "quorum_signers", lambda *_, **__: TWO.entries[:2])
    assert check_chain([TWO, lonely], first=TWO.id) is lonely


def test_another_first_version_is_another_trust() -> None:
    with pytest.raises(NotTrusted, match="trust-chain"):
        check_chain([first(entry("eve"))], first=TWO.id)


def test_a_file_of_the_first_form_reads_as_a_quorum_of_one_and_is_followed_by_the_new_form() -> None:
    public = base64.b64encode(key_of("ann").public_key().public_bytes_raw()).decode()
    person = {"actor": "ann", "roles": ["officer"], "alg": "ed25519", "public": public, "salt": "00" * 16}
    body = {
        "schema": "rempart.trust/1",
        "version": 1,
        "previous": "",
        "entries": [{**person, "valid": ["2026-01-01", "2028-12-31"]}],
    }
    signature = by("ann")(content_id(body))
    old = TrustFile.from_dict({"body": body, "signatures": [signature.as_dict()]})
    assert (old.id, old.quorum, old.form, old.entries[0].revoked) == (content_id(body), 1, 1, None)
    newer = TrustFile(version=2, previous=old.id, entries=old.entries, signatures=(), made=START)
    assert check_chain([old, signed(newer, "ann")], first=old.id).form == 2
    told = {"body": {**body, "quorum": 1}, "signatures": [signature.as_dict()]}
    with pytest.raises(NotTrusted, match="trust-form"):
        TrustFile.from_dict(told)


@pytest.mark.parametrize(
    "change",
    [
        {"quorum": 0},
        {"quorum": "1"},
        {"schema": "rempart.trust/3"},
        {"schema": ["rempart.trust/2"]},
        {"made": "yesterday"},
        {"extra": 1},
        {"entries": [{}]},
    ],
)
def test_a_file_of_another_form_is_not_read(change: dict[str, Any]) -> None:
    told = TWO.as_dict()
    with pytest.raises(NotTrusted, match="trust-form"):
        TrustFile.from_dict({**told, "body": {**TWO.body(), **change}})


def test_a_revoked_key_signs_nothing_from_that_instant_and_what_it_signed_before_stays_signed() -> None:
    over = content_id({"a": 1})
    signature = by("ben")(over)
    trust = replace(TWO, entries=changed(TWO, "ben", revoked=START + HOUR))
    assert trust.check(signature, over=over, role="officer", on=START).actor == "ben"
    for late in (START + HOUR, START + 2 * DAY, START.date()):
        with pytest.raises(Refused, match="key-revoked"):
            trust.check(signature, over=over, role="officer", on=late)
        with pytest.raises(Refused, match="key-revoked"):
            trust.actor_of(key_of("ben").public_key().public_bytes_raw(), on=late)


def test_one_enrolled_anew_signs_with_the_new_key_and_the_old_signatures_hold() -> None:
    over = content_id({"a": 1})
    new = replace(entry("ben2"), actor="ben")
    trust = replace(TWO, entries=(*changed(TWO, "ben", revoked=START + HOUR), new))
    fresh = sign(key_of("ben2"), actor="ben", over=over)
    assert trust.check(by("ben")(over), over=over, role="officer", on=START)
    assert trust.check(fresh, over=over, role="officer", on=START + 2 * HOUR)
    with pytest.raises(NotTrusted, match="signature"):
        trust.check(by("ben")(over), over=over, role="officer", on=START + 2 * HOUR)


class House:
    """A trust file that is changed as the commands change it."""

    def __init__(self) -> None:
        self.clock, self.ledger = SetClock(), MemoryLedger()
        self.versions = [first_trust([entry("ann"), entry("ben")], sign=by("ann"), now=START)]

    def registry(self, *names: str) -> Registry:
        self.clock.advance(hours=1)
        recorder = Recorder(ledger=self.ledger, clock=self.clock, randomness=SeededRandomness(len(self.versions)))
        signs = [by(name) for name in names]
        return Registry(recorder=recorder, trust=self.versions[-1], signs=signs, save=self.versions.append)


def test_quorum_enrolment_and_revocation_in_turn() -> None:
    house = House()
    set_quorum(house.registry("ann"), 2)
    with pytest.raises(Refused, match="quorum-missing"):
        add_person(house.registry("ann"), entry("eve"))
    with pytest.raises(Refused, match="quorum-missing"):
        set_quorum(house.registry("ben", "ben"), 1)
    assert len(house.versions) == 2
    assert house.ledger.size() == 2
    add_person(house.registry("ben", "ann"), entry("eve"))
    revoke_person(house.registry("ann", "eve"), "ben")
    with pytest.raises(Refused, match="key-revoked"):
        add_person(house.registry("ann", "ben"), entry("fay"))
    with pytest.raises(Refused, match="quorum-out-of-reach"):
        revoke_person(house.registry("ann", "eve"), "eve")
    with pytest.raises(Refused, match="quorum-out-of-reach"):
        set_quorum(house.registry("ann", "eve"), 3)
    with pytest.raises(Refused, match="person-absent"):
        revoke_person(house.registry("ann", "eve"), "ben")
    assert check_chain(house.versions, first=house.versions[0].id) is house.versions[-1]
    named = [LedgerEvent.from_leaf(leaf) for leaf in house.ledger.held]
    assert [len(leaf.facts("signature")) for leaf in named if leaf.phase == "intent"] == [1, 2, 2]


def test_who_is_no_officer_signs_no_version() -> None:
    house = House()
    add_person(house.registry("ann"), entry("dan", "checker"))
    with pytest.raises(Refused, match="role-missing"):
        set_quorum(house.registry("ann", "dan"), 2)
