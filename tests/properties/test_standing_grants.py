# SPDX-License-Identifier: Apache-2.0
"""The key broker and what the house's policy asks for: each thing that is missing refuses with its own code, and without a policy
nothing is asked."""

import copy
from typing import Any

import pytest

from rempart.errors import Refused
from rempart.records.attestation import attestation_body
from rempart.records.canonical import canonical_bytes, content_id
from rempart.records.register import entry_body
from tests.properties.keys_story import PERMIT, PROJECT, START, Story
from tests.properties.test_project_grants import ID, READ, TOLD, USES, granted, refusal, way, work

CHARTER = "sha256:" + "c" * 64
TODAY = START.date()
SAID = {"fees": "none", "conditions": ["none"]}


def papers(story: Story, kind: str, body: dict[str, Any], *by: str, basis: str = "", end: str = "effect") -> str:
    """A signed paper in the ledger; its document."""
    document = story.signed(body, *by)
    basis = basis or f"operation:{kind}"
    index = story.log(kind, basis=basis, objects=[f"document:{document}"])
    if end:
        story.log(kind, basis=basis, phase=end, of=index)  # type: ignore[arg-type]
    return document


def policy(story: Story, *by: str, **values: Any) -> None:
    """A first policy."""
    values = {name.replace("__", "."): item for name, item in values.items()}
    body = {"schema": "rempart.policy/1", "version": 1, "values": values, "reasons": {}}
    papers(story, "policy", body, *(by or ("olga", "omar")))


def attested(story: Story, what: str, *by: str, actor: str = "alice", on: str = "2026-05-01", text: str = "") -> None:
    body = attestation_body(actor=actor, what=what, on=TODAY.fromisoformat(on), text=text)
    papers(story, "attestation", body, *by)


def approval(story: Story, *by: str, what: str = "cnil", days: tuple[str, str] = ("2026-01-01", "2026-12-31")) -> None:
    body = {"schema": "rempart.system-approval/1", "what": what, "reference": "D-1", "from": days[0], "until": days[1]}
    papers(story, "system-approval", body, *by)


def entry(story: Story, *by: str, permit: str = ID) -> None:
    papers(story, "register", entry_body({"permit": permit}), *by, basis=f"permit:{permit}")


def test_who_was_not_trained_has_no_key_until_an_officer_attests_it() -> None:
    story = granted(Story())
    policy(story, persons__training_months=12)
    assert work(story) == "grant-attested"
    attested(story, "training", "alice")  # one's own word
    attested(story, "training", "carl")  # not an officer
    attested(story, "training", "olga", actor="rita")  # somebody else's
    attested(story, "training", "olga", on="2025-06-01")  # a year ago to the day: over
    assert work(story) == "grant-attested"
    attested(story, "training", "olga", on="2025-06-02")
    assert work(story) == ""
    story.clock.advance(days=1)
    assert work(story) == "grant-attested"


def test_who_has_not_signed_the_charter_that_the_policy_names_has_no_key() -> None:
    story = granted(Story())
    policy(story, persons__charter=CHARTER)
    attested(story, "charter", "alice", text="sha256:" + "d" * 64)
    attested(story, "charter", "olga", text=CHARTER)
    assert work(story) == "grant-attested"
    attested(story, "charter", "alice", text=CHARTER)
    assert work(story) == ""


def test_no_dataset_is_granted_while_a_decision_on_the_warehouse_does_not_stand() -> None:
    story = Story()
    policy(story, permits__approvals=["cnil", "dpia"])
    assert refusal(story) == "grant-approval"
    approval(story, "olga", "omar", what="dpia")
    approval(story, "olga")  # one officer
    approval(story, "olga", "omar", days=("2025-01-01", "2026-05-31"))  # over
    approval(story, "olga", "omar", days=("2026-06-02", "2026-12-31"))  # to come
    assert refusal(story) == "grant-approval"
    approval(story, "olga", "omar", days=("2026-06-01", "2026-06-01"))
    assert refusal(story) == ""
    story.permit(end="effect")
    story.clock.advance(days=30)
    assert work(story) == ""  # a dataset of before goes on


def test_no_work_before_the_public_entry_where_the_policy_asks_for_one() -> None:
    story = granted(Story())
    policy(story, register__before_opening=True)
    assert work(story) == "grant-no-entry"
    entry(story, "olga", permit="P-2026-0002")
    entry(story, "alice")
    assert work(story) == "grant-no-entry"
    entry(story, "olga")
    assert work(story) == ""


def test_the_full_circuit_grants_nothing_that_nobody_applied_for() -> None:
    story = Story()
    policy(story, circuit="full")
    assert refusal(story) == "grant-not-agreed: absent"
    story = Story()
    policy(story, circuit="full")
    way(story, 5)
    assert refusal(story) == "permit-identifiers-unsaid"
    story.ask(story.permit(change={"identifiers": {}, **SAID}), *USES)


@pytest.mark.parametrize("left", ["fees", "conditions"])
def test_the_full_circuit_gives_no_key_to_a_permit_that_does_not_tell_all_that_it_holds(left: str) -> None:
    story = Story()
    policy(story, circuit="full")
    way(story, 5)
    change = {"identifiers": {}, **{name: item for name, item in SAID.items() if name != left}}
    with pytest.raises(Refused) as caught:
        story.ask(story.permit(change=change), *USES)
    assert (caught.value.code, caught.value.facts["contents"][2:]) == ("permit-incomplete", left)


def test_the_application_that_was_agreed_tells_what_the_permit_does_not_and_no_other_one() -> None:
    story = Story()
    policy(story, circuit="full")
    way(story, 5, application={"data": {"sources": ["x"]}})
    other = story.documents.put(canonical_bytes({**TOLD, "agreements": {"fees": "none", "conditions": ["none"]}}))
    with pytest.raises(Refused) as caught:
        story.ask(story.permit(change={"identifiers": {}, "application": other, **SAID}), *USES)
    assert caught.value.facts["contents"] == "a format, a pseudonymised, c objections, f tools"


def test_under_the_short_circuit_a_permit_says_what_it_says() -> None:
    story = Story()
    way(story, 5)
    story.ask(story.permit(), *USES)


def test_a_policy_of_one_officer_asks_nothing() -> None:
    story = granted(Story())
    policy(story, "olga", register__before_opening=True)
    assert work(story) == ""


def version(story: Story, *by: str, before: dict[str, Any] = PERMIT, **change: Any) -> dict[str, Any]:
    """The next version of a permit, in the ledger; its body."""
    body = copy.deepcopy(before) | {"version": before.get("version", 1) + 1, "amends": content_id(before)} | change
    document = story.signed(body, *by)
    index = story.log("amendment", basis=f"permit:{ID}", objects=[f"permit:{document}"])
    story.log("amendment", basis=f"permit:{ID}", phase="effect", of=index)
    return body


def test_an_amendment_by_the_committee_takes_a_person_out_and_puts_one_in() -> None:
    story = granted(Story())
    reference = story.ask(story.study(), READ)[0]
    version(story, "olga", persons=["rita"])  # not the committee's
    assert work(story) == ""
    second = version(story, "carl", persons=["rita"])
    assert work(story) == "permit-person"
    with pytest.raises(Refused) as caught:
        story.broker.unwrap(reference, [])
    assert caught.value.code == "permit-person"
    version(story, "carl", persons=["alice"], amends=content_id(PERMIT))  # over another one: void
    assert work(story) == "permit-person"
    version(story, "carl", before=second, persons=["alice", "rita"])
    assert work(story) == ""


def test_an_amendment_that_gives_more_has_no_effect_and_one_that_gives_less_holds() -> None:
    story = granted(Story())
    more = [*PERMIT["tables"], {"name": "measurement", "columns": ["value_as_number"]}]
    version(story, "carl", tables=more)
    with pytest.raises(Refused):
        story.ask(story.study(), f"{PROJECT}/measurement/main/read")
    version(story, "carl", tables=PERMIT["tables"][:1])
    with pytest.raises(Refused) as caught:
        story.ask(story.study(), f"{PROJECT}/drug_exposure/main/read")
    assert caught.value.code == "grant-scope"


def test_a_renewal_moves_the_last_day_and_an_earlier_end_holds_for_references_of_before() -> None:
    story = granted(Story())
    second = version(story, "carl", valid=["2026-01-01", "2026-06-01"])
    reference = story.ask(story.study(), READ)[0]
    story.clock.advance(hours=15)
    with pytest.raises(Refused) as caught:
        story.broker.unwrap(reference, [])
    assert caught.value.code == "permit-expired"
    version(story, "carl", before=second, valid=["2026-01-01", "2026-06-30"])
    assert work(story) == ""


def test_an_earlier_end_holds_for_a_reference_that_was_judged_before_that_day() -> None:
    story = granted(Story())
    reference = story.ask(story.study(), READ)[0]
    version(story, "carl", valid=["2026-01-01", "2026-06-01"])
    story.broker.unwrap(reference, [])
    story.clock.advance(hours=15)
    with pytest.raises(Refused) as caught:
        story.broker.unwrap(reference, [])
    assert caught.value.code == "permit-expired"


def test_what_an_amendment_narrowed_is_not_given_back_by_removing_its_document() -> None:
    story = granted(Story())
    body = version(story, "carl", persons=["rita"])
    del story.documents.held[story.signed(body, "carl")]
    assert work(story) == "grant-act-lost"


def test_a_grant_asks_for_its_first_version_and_uses() -> None:
    assert USES and refusal(Story()) == ""
