# SPDX-License-Identifier: Apache-2.0
"""A project on a ledger in memory under a clock that the test sets: what is due each day, and which acts the days allow."""

import datetime
from collections.abc import Mapping
from typing import Any

import pytest

from rempart.errors import BadInput, Missing, NotTrusted, RempartError
from rempart.journeys.project_clocks import Due, clock_rows, due
from rempart.journeys.projects import ProjectDesk, act, clocks_of, known, require_agreed, state_of, states
from rempart.journeys.recorded import Recorder, recorded
from rempart.permits.clocks import clocks
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent, salted_actor
from rempart.records.permit import permit_from_dict
from rempart.records.policy import form_of
from rempart.records.project import project_table
from rempart.records.project_act import act_body
from rempart.records.signature import sign
from tests.disclosure_rows import toml
from tests.properties.keys_story import MemoryDocuments, MemoryLedger, SeededRandomness, SetClock
from tests.properties.ledger_story import key_of, trust_version
from tests.spec.applications import FORM, PURPOSES, application

PERMIT = "P-2026-0001"
GRANTED = toml("examples/glitazones/permit.toml")


class Office:
    """A desk, its clock, and whoever signs."""

    def __init__(self, **places: Any) -> None:
        self.clock = SetClock()
        self.documents = MemoryDocuments()
        ledger = MemoryLedger()
        first = trust_version(1, None, ("olga",))
        self.desk = ProjectDesk(
            contents={"contents": {}},
            ledger=ledger,
            recorder=Recorder(ledger=ledger, clock=self.clock, randomness=SeededRandomness()),
            documents=self.documents,
            trust=trust_version(2, first, ("olga", "otto", "carl", "alice", "erin")),
            table=project_table(toml("permits/states.toml"), toml("permits/conflicts.toml")),
            form=FORM,
            purposes=PURPOSES,
            clocks=clocks(toml("permits/clocks.toml")),
            holidays=frozenset(toml("permits/holidays.toml")["days"]),
            policy_form=form_of(toml("records/policy.toml")),
        )
        self.places = places

    def on(self, day: str) -> "Office":
        """Set the day, at ten."""
        self.clock.instant = datetime.datetime.fromisoformat(f"{day}T10:00:00+00:00")
        return self

    def apply(self, by: str = "alice", **places: Any) -> str:
        """File the example, changed."""
        document = self.documents.put(application(**{**self.places, **places}).data)
        return self.step("apply", by, application=document)

    def signed(self, name: str, *by: str, previous: str | None = None, **facts: str) -> SignedDocument:
        """The act as a document."""
        before = state_of(self.desk, PERMIT).document if previous is None else previous
        body = act_body(permit=PERMIT, act=name, previous=before, facts=facts)
        over = SignedDocument(body=body, signatures=()).over
        return SignedDocument(body=body, signatures=tuple(sign(key_of(one), actor=one, over=over) for one in by))

    def step(self, name: str, *by: str, previous: str | None = None, **facts: str) -> str:
        """Sign and log an act; the state after it."""
        signed = self.signed(name, *by, previous=previous, **facts)
        return act(self.desk, signed=signed, actor=salted_actor(by[0], "5a" * 16)).state

    def refused(self, name: str, *by: str, **facts: str) -> RempartError:
        """The error of an act that must not pass, and that leaves nothing in the ledger but what was there."""
        size = self.desk.ledger.size()
        with pytest.raises(RempartError) as caught:
            self.step(name, *by, **facts)
        assert self.desk.ledger.size() == size
        return caught.value

    def left(self) -> Mapping[str, int]:
        """Clock → days left."""
        return {one.clock.name: one.left for one in clocks_of(self.desk, PERMIT, self.clock.now())}

    def grant(self) -> None:
        """What a grant writes, without its dataset."""
        permit = permit_from_dict(GRANTED)
        body = permit.as_dict()
        over = SignedDocument(body=body, signatures=()).over
        signed = SignedDocument(body=body, signatures=(sign(key_of("carl"), actor="carl", over=over),))
        told = [f"permit:{self.documents.put(signed.data)}", f"space:{permit.space}"]
        with recorded(self.desk.recorder, "permit", basis=f"permit:{PERMIT}", objects=told):
            pass

    def other(self, kind: str, basis: str, *objects: str) -> None:
        """Another act of the ledger."""
        with recorded(self.desk.recorder, kind, basis=basis, objects=objects):
            pass


def test_a_project_of_the_french_circuit_day_by_day() -> None:
    office = Office().on("2026-03-02")
    assert office.apply() == "submitted"
    assert office.on("2026-03-05").left() == {"completeness": 4}
    assert office.step("complete", "olga") == "complete"
    assert office.left() == {"committee": 31}
    office.on("2026-03-20")
    assert office.step("ask", "carl", reason="which exclusions") == "committee-asks"
    assert office.on("2026-03-30").left() == {"committee": 16}
    assert office.step("answer", "alice", reason="those of the protocol") == "complete"
    assert office.on("2026-04-16").left() == {"committee": -1}
    assert office.step("favourable", "carl", conditions="no linkage") == "opined"
    assert office.left() == {"regulator": 61}
    office.on("2026-06-10")
    assert office.step("extend", "olga", reason="complex") == "opined"
    assert office.left() == {"regulator": 67}
    assert office.step("authorise", "olga", reference="D-1") == "authorised"
    assert office.left() == {}
    assert office.step("agree", "olga", "alice") == "agreed"
    office.on("2026-06-20").grant()
    assert office.on("2026-06-21").left() == {"access-review": 364}
    assert state_of(office.desk, PERMIT).state == "provisioned"
    assert office.step("activate", "olga") == "active"


def test_what_is_due_after_the_last_day_of_a_permit_until_it_is_done() -> None:
    office = Office().on("2026-06-20")
    office.grant()
    assert office.on("2028-12-31").left() == {"access-review": 171}
    office.on("2029-01-01")
    assert office.left() == {"erasure": 180, "results": 545}  # 30 June 2029, 30 June 2030
    office.other("release", f"permit:{PERMIT}", "release:R-2029-0001")
    assert office.left() == {"erasure": 180}
    office.other("erasure", "operation:erasure", "space:project:glitazones", "reach:epochs")
    assert office.left() == {"erasure": 180}
    office.other("erasure", "operation:erasure", "space:project:glitazones", "reach:space")
    assert office.left() == {}
    assert state_of(office.desk, PERMIT).state == "erased"


def test_an_incomplete_application_is_filed_anew_with_what_it_lacked() -> None:
    office = Office().on("2026-03-02")
    office.apply(ethics__assessment=None)
    error = office.refused("complete", "olga")
    assert (error.code, error.facts["fields"]) == ("application-incomplete", "ethics.assessment")
    assert office.step("incomplete", "olga", reason="ethics") == "incomplete"
    assert office.on("2026-03-30").apply() == "submitted"
    assert office.left() == {"completeness": 7}
    assert office.step("complete", "olga") == "complete"


def test_an_application_lapses_only_when_its_days_are_over() -> None:
    office = Office(regime="ehds").on("2026-03-02")
    office.apply()
    office.step("incomplete", "olga", reason="x")
    office.on("2026-03-30")
    assert office.left() == {"supplement": 0}
    error = office.refused("lapse", "olga")
    assert (error.code, error.facts["due"]) == ("project-lapse", "2026-03-30")
    assert office.on("2026-03-31").step("lapse", "olga") == "lapsed"
    assert office.refused("withdraw", "alice").code == "project-state"


def test_a_regime_without_that_clock_lets_no_application_lapse() -> None:
    office = Office().on("2026-03-02")
    office.apply()
    office.step("incomplete", "olga", reason="x")
    assert office.on("2027-03-02").refused("lapse", "olga").facts["due"] == "-"


def test_a_clock_is_made_longer_once_while_it_runs() -> None:
    office = Office(regime="ehds").on("2026-03-02")
    office.apply()
    office.step("complete", "olga")
    assert office.left() == {"decision": 92}
    assert office.on("2026-06-02").step("extend", "olga", reason="complex") == "complete"
    assert office.left() == {"decision": 92}  # 2 September
    assert office.refused("extend", "olga", reason="again").code == "project-extension"
    late = Office(regime="ehds").on("2026-03-02")
    late.apply()
    late.step("complete", "olga")
    assert late.on("2026-06-03").refused("extend", "olga", reason="late").code == "project-extension"


def test_a_clock_without_an_extension_or_one_that_stands_still_is_not_made_longer() -> None:
    office = Office().on("2026-03-02")
    office.apply()
    office.step("complete", "olga")
    assert office.refused("extend", "olga", reason="x").code == "project-extension"


def test_a_forbidden_purpose_is_refused_before_anything_is_written() -> None:
    office = Office().on("2026-03-02")
    with pytest.raises(RempartError) as caught:
        office.apply(purpose__codes=["research", "marketing"])
    assert caught.value.code == "purpose-forbidden"
    assert office.desk.ledger.size() == 0


def test_an_act_is_signed_by_keys_that_the_trust_file_knows() -> None:
    office = Office().on("2026-03-02")
    office.apply()
    strange = office.signed("complete", "olga")
    forged = SignedDocument(body={**strange.body, "act": "withdraw"}, signatures=strange.signatures)
    for signed, code in ((forged, "signature"), (office.signed("complete", "zoe"), "actor-unknown")):
        with pytest.raises(NotTrusted) as caught:
            act(office.desk, signed=signed, actor="salted:x")
        assert caught.value.code == code
    with pytest.raises(NotTrusted):
        act(office.desk, signed=SignedDocument(body=strange.body, signatures=()), actor="salted:x")


def test_the_quicker_of_two_acts_counts_and_the_other_is_told() -> None:
    office = Office().on("2026-03-02")
    office.apply()
    before = state_of(office.desk, PERMIT).document
    office.step("incomplete", "olga", reason="x")
    assert office.refused("withdraw", "alice", previous=before).code == "project-previous"
    assert state_of(office.desk, PERMIT).state == "incomplete"


def test_an_act_that_comes_between_check_and_leaf_makes_the_later_one_void() -> None:
    office = Office().on("2026-03-02")
    office.apply()
    slow = office.signed("withdraw", "alice")
    quick = office.signed("incomplete", "olga", reason="x")
    ledger = office.desk.ledger
    append, waiting = ledger.append, [quick]

    def between(expected: int, leaves: list[bytes]) -> int:
        index = append(expected, leaves)
        if waiting and b'"phase":"intent"' in leaves[0]:
            act(office.desk, signed=waiting.pop(), actor="salted:olga")
        return index

    ledger.append = between  # type: ignore[method-assign,assignment]
    with pytest.raises(RempartError) as caught:
        act(office.desk, signed=slow, actor="salted:alice")
    assert caught.value.code in {"project-previous", "project-state"}
    assert state_of(office.desk, PERMIT).state == "incomplete"
    last = LedgerEvent.from_leaf(ledger.leaves()[-1])
    assert (last.kind, last.phase) == ("project", "failed")


def test_a_leaf_without_a_document_that_proves_it_changes_nothing() -> None:
    office = Office().on("2026-03-02")
    office.apply()
    lone = office.documents.put(office.signed("withdraw", "erin").data)
    office.other("project", f"permit:{PERMIT}", "act:withdraw", f"document:{lone}")
    office.other("project", f"permit:{PERMIT}", "act:withdraw", "document:sha256:" + "0" * 64)
    moved = office.documents.put(office.signed("withdraw", "alice").data)
    office.other("project", "permit:P-2026-0009", "act:withdraw", f"document:{moved}")
    now = state_of(office.desk, PERMIT)
    assert (now.state, [code for _, code in now.void]) == ("submitted", ["project-signers"])
    assert [one.permit for one in states(office.desk)] == [PERMIT]


def test_no_grant_before_the_agreement_and_none_beyond_the_application() -> None:
    office = Office().on("2026-03-02")
    permit = permit_from_dict(GRANTED)
    require_agreed(office.desk, permit)  # no application: the committee's grant stands for every step
    steps: list[tuple[str, tuple[str, ...], dict[str, str]]] = [
        ("complete", ("olga",), {}),
        ("favourable", ("carl",), {}),
        ("authorise", ("olga",), {"reference": "D-1"}),
        ("agree", ("otto", "alice"), {}),
    ]
    office.apply()
    for name, by, facts in steps:
        with pytest.raises(RempartError) as caught:
            require_agreed(office.desk, permit)
        assert (caught.value.code, caught.value.facts["act"]) == ("project-state", "provision")
        office.step(name, *by, **facts)
    require_agreed(office.desk, permit)
    parties = known(office.desk, PERMIT).parties
    assert parties is not None
    require_agreed(office.desk, permit_from_dict({**GRANTED, "application": parties.application}))
    for places, code in (
        ({"application": "sha256:" + "0" * 64}, "permit-application"),
        ({"persons": ["alice", "erin"]}, "permit-beyond"),
    ):
        with pytest.raises(RempartError) as caught:
            require_agreed(office.desk, permit_from_dict({**GRANTED, **places}))
        assert caught.value.code == code


def test_a_withdrawn_project_is_granted_nothing() -> None:
    office = Office().on("2026-03-02")
    office.apply()
    office.step("withdraw", "alice")
    with pytest.raises(RempartError) as caught:
        require_agreed(office.desk, permit_from_dict(GRANTED))
    assert caught.value.code == "project-state"


def test_an_application_that_is_gone_does_not_make_the_way_short() -> None:
    office = Office().on("2026-03-02")
    office.apply()
    office.documents.held.clear()
    with pytest.raises(RempartError) as caught:
        require_agreed(office.desk, permit_from_dict(GRANTED))
    assert (caught.value.code, caught.value.facts["state"]) == ("project-state", "absent")


def due_now(office: Office) -> list[Due]:
    """As the list of clocks tells it, from rows made of the ledger as it is."""
    projects = states(office.desk)
    stand = [{"permit": one.permit, "state": one.state, "turn": office.desk.table.turn[one.state]} for one in projects]
    return due(office.desk, clock_rows(office.desk, projects), stand, office.clock.now())


def test_what_is_due_is_told_of_every_project_the_first_day_first() -> None:
    office = Office().on("2026-03-02")
    office.apply()
    for permit in ("P-2026-0007", PERMIT):
        office.other(
            "permit", f"permit:{permit}", "space:project:x"
        )  # a permit that nobody signed: no project, no clock
    found = due_now(office)
    assert [(one.permit, one.turn, one.running.clock.name, one.running.left) for one in found] == [
        (PERMIT, "secretariat", "completeness", 7)
    ]


def test_a_project_that_nobody_knows_is_missing() -> None:
    office = Office().on("2026-03-02")
    with pytest.raises(Missing) as caught:
        known(office.desk, PERMIT)
    assert caught.value.code == "project-missing"
    with pytest.raises(BadInput):
        act_body(permit="R-2026-0001", act="apply", previous="", facts={})
