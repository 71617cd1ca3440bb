# SPDX-License-Identifier: Apache-2.0
"""What a house may decide about itself: the form is whole, files are read strictly, versions follow one another, two officers sign."""

import datetime
from dataclasses import dataclass, field
from typing import Any

import pytest

from rempart.adapters.package_data import toml
from rempart.errors import BadInput, RempartError
from rempart.records.event import LedgerEvent
from rempart.records.policy import Policy, form_of, in_force, policy_body, policy_from_body, undecided
from tests.spec.policy_page import PAGE, written

FORM = form_of(toml("records/policy.toml"))
BOUNDS = ("floor", "least", "most", "ceiling")


def file(**more: Any) -> dict[str, Any]:
    return {"schema": "rempart.policy/1", "version": 1, **more}


def read(**more: Any) -> Policy:
    return policy_from_body(policy_body(file(**more), FORM, file="f"), FORM, file="f")


@pytest.mark.parametrize("name", FORM)
def test_each_field_says_what_it_means_whence_it_comes_and_has_a_default_that_needs_no_reason(name: str) -> None:
    rule = FORM[name]
    assert rule["about"]["en"] and rule["about"]["fr"] and rule["source"] and rule["sure"]
    if rule["kind"] in {"number", "share"}:
        floor, least, most, ceiling = (rule[bound] for bound in BOUNDS)
        assert floor <= least <= rule["default"] <= most <= ceiling


def test_the_page_shows_the_form_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == page


def test_without_a_decision_nothing_is_asked_that_was_not_asked_before() -> None:
    now = undecided(FORM)
    assert (now.version, now.text("circuit"), now.number("ledger.retain_days")) == (0, "short", 365)
    for name in ("permits.approvals", "release.automatic", "ledger.before"):
        assert now.names(name) == ()
    assert not now.flag("register.before_opening") and not now.text("ledger.witnesses")


def test_sections_are_joined_and_defaults_left_out_of_what_is_signed() -> None:
    body = policy_body(file(circuit="full", ledger={"retain_days": 365, "before": ["release"]}), FORM, file="f")
    assert body["values"] == {"circuit": "full", "ledger.before": ["release"]}
    assert policy_from_body(body, FORM, file="f").number("ledger.retain_days") == 365


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"ledger": {"colour": 1}}, "ledger.colour"),
        ({"circuit": "long"}, "circuit"),
        ({"ledger": {"retain_days": "365"}}, "ledger.retain_days"),
        ({"ledger": {"retain_days": True}}, "ledger.retain_days"),
        ({"ledger": {"retain_days": 182}}, "ledger.retain_days"),
        ({"ledger": {"retain_days": 1096}}, "ledger.retain_days"),
        ({"disclosure": {"persons": 2}}, "disclosure.persons"),
        ({"release": {"sample": 0}}, "release.sample"),
        ({"permits": {"approvals": ["pope"]}}, "permits.approvals"),
        ({"register": {"before_opening": 1}}, "register.before_opening"),
        ({"version": 0}, "version"),
        ({"schema": "rempart.policy/2"}, "schema"),
        ({"reasons": {"colour": "why"}}, "colour"),
    ],
)
def test_what_is_no_policy_is_refused_by_its_field(more: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        policy_body({**file(), **more}, FORM, file="f")
    assert (caught.value.code, caught.value.facts["field"]) == ("policy-field", field)


@pytest.mark.parametrize(
    ("name", "value"), [("ledger.retain_days", 1095), ("disclosure.persons", 5), ("release.sample", 0.01)]
)
def test_beyond_what_is_usual_a_reason_is_asked_for(name: str, value: float) -> None:
    section, _, key = name.partition(".")
    for reasons in ({}, {name: " "}):
        with pytest.raises(BadInput) as caught:
            read(**{section: {key: value}}, reasons=reasons)
        assert caught.value.code == "policy-reason"
    assert read(**{section: {key: value}}, reasons={name: "because"}).values[name] == value


@dataclass
class Log:
    """Leaves of policies and of other kinds; what each document says, or why it proves nothing."""

    leaves: list[LedgerEvent] = field(default_factory=list)
    told: dict[int, Policy | RempartError] = field(default_factory=dict)

    def act(self, kind: str, said: Policy | RempartError | None = None, *, end: str = "effect") -> None:
        begun = len(self.leaves)
        if said is not None:
            self.told[begun] = said
        for phase, of in (("intent", None), (end, begun)):
            now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).isoformat()
            event = LedgerEvent(
                kind=kind, event_class="act", phase=phase, of=of, actor="salted:x", basis=f"operation:{kind}",
                objects=(), time=now, salt="",
            )  # type: ignore[arg-type] # fmt: skip
            self.leaves.append(event)

    def now(self) -> int:
        def read(index: int, event: LedgerEvent) -> Policy:
            said = self.told[index]
            if isinstance(said, RempartError):
                raise said
            return said

        return in_force(enumerate(self.leaves), read, start=Policy()).version


def test_versions_follow_one_another_and_what_failed_or_proves_nothing_decides_nothing() -> None:
    log = Log()
    assert log.now() == 0
    log.act("ingest")
    log.act("policy", Policy(version=2))
    assert log.now() == 0
    log.act("policy", Policy(version=1))
    assert log.now() == 1
    log.act("policy", Policy(version=2), end="failed")
    log.act("policy", BadInput("policy-field"))
    log.act("policy", Policy(version=1))
    assert log.now() == 1
    log.act("policy", Policy(version=2))
    assert log.now() == 2
