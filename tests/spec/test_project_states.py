# SPDX-License-Identifier: Apache-2.0
"""The states of a project: the table is whole, each guard holds by itself, and docs/permit.md shows the table that runs."""

import copy
import datetime
from typing import Any

import pytest

from rempart.errors import BadInput, Refused, RempartError
from rempart.records.project import Parties, ProjectAct, ProjectState, Signatory, fold, project_table, step
from rempart.records.trust import ROLES
from tests.disclosure_rows import toml
from tests.spec.project_page import PAGE, PARTS, with_generated

STATES, CONFLICTS = toml("permits/states.toml"), toml("permits/conflicts.toml")
TABLE = project_table(STATES, CONFLICTS)
PERMIT = "P-2026-0001"
PARTIES = Parties(
    application="sha256:a", project="glitazones", regime="snds", persons=("alice", "dora"), principal="alice"
)
PEOPLE = {
    "alice": ("researcher",),
    "dora": ("researcher",),
    "erin": ("researcher",),
    "olga": ("officer",),
    "otto": ("officer", "committee"),
    "carl": ("committee",),
}
BEGIN = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)


def act(name: str, *by: str, previous: str, document: str = "", **facts: str) -> ProjectAct:
    """An act whose document has a name of its own."""
    return ProjectAct(
        act=name,
        permit=PERMIT,
        time=BEGIN,
        document=document or f"sha256:{name}-{previous[7:]}",
        previous=previous,
        signers=tuple(Signatory(actor=one, roles=PEOPLE[one]) for one in by),
        facts=facts,
        parties=PARTIES if name == "apply" else None,
    )


def way(*acts: tuple[str, tuple[str, ...], dict[str, str]]) -> ProjectState:
    """The state after acts, each over the one before; none may be void."""
    now = ProjectState(permit=PERMIT)
    for name, by, facts in acts:
        told = act(name, *by, previous=now.document, **facts) if by else done(name)
        now = step(now, told, TABLE)
    return now


def done(name: str) -> ProjectAct:
    """What another kind of the ledger does; a grant names the persons of its permit."""
    named = Parties(application="", project="glitazones", regime="", persons=("alice",), principal="")
    return ProjectAct(act=name, permit=PERMIT, time=BEGIN, facts={}, parties=named if name == "provision" else None)


APPLY: tuple[str, tuple[str, ...], dict[str, str]] = ("apply", ("alice",), {"application": "sha256:a"})
COMPLETE: tuple[str, tuple[str, ...], dict[str, str]] = ("complete", ("olga",), {})
OPINED: tuple[str, tuple[str, ...], dict[str, str]] = ("favourable", ("carl",), {})
AUTHORISE: tuple[str, tuple[str, ...], dict[str, str]] = ("authorise", ("olga",), {"reference": "D-1"})
AGREE: tuple[str, tuple[str, ...], dict[str, str]] = ("agree", ("olga", "alice"), {})
PROVISION: tuple[str, tuple[str, ...], dict[str, str]] = ("provision", (), {})


def test_the_whole_way_leads_to_a_dataset_and_to_its_erasure() -> None:
    now = way(APPLY, COMPLETE, OPINED, AUTHORISE, AGREE, PROVISION, ("activate", ("olga",), {}), ("erase", (), {}))
    states = [state for _, state, _ in now.passages]
    assert states == ["submitted", "complete", "opined", "authorised", "agreed", "provisioned", "active", "erased"]
    assert (now.parties, now.void) == (PARTIES, ())


def test_without_an_application_a_grant_makes_the_project_active_at_once() -> None:
    assert way(PROVISION).state == "active"


def test_every_state_answers_every_act() -> None:
    """A walk to each state, then each act there: the table's state, or the refusal that names what it takes."""
    walks = {
        "absent": [],
        "submitted": [APPLY],
        "incomplete": [APPLY, ("incomplete", ("olga",), {"reason": "x"})],
        "lapsed": [APPLY, ("incomplete", ("olga",), {"reason": "x"}), ("lapse", ("olga",), {})],
        "withdrawn": [APPLY, ("withdraw", ("dora",), {})],
        "complete": [APPLY, COMPLETE],
        "committee-asks": [APPLY, COMPLETE, ("ask", ("carl",), {"reason": "why"})],
        "refused": [APPLY, COMPLETE, ("unfavourable", ("carl",), {"reason": "x"})],
        "opined": [APPLY, COMPLETE, OPINED],
        "regulator-asks": [APPLY, COMPLETE, OPINED, ("relay", ("olga",), {"reason": "why"})],
        "authorised": [APPLY, COMPLETE, OPINED, AUTHORISE],
        "agreed": [APPLY, COMPLETE, OPINED, AUTHORISE, AGREE],
        "provisioned": [APPLY, COMPLETE, OPINED, AUTHORISE, AGREE, PROVISION],
        "active": [PROVISION],
        "suspended": [PROVISION, ("suspend", ("carl",), {"reason": "x"})],
        "closing": [PROVISION, ("close", ("olga",), {})],
        "closed": [PROVISION, ("close", ("olga",), {}), ("end", ("olga",), {})],
        "erased": [PROVISION, ("erase", (), {})],
    }
    assert set(walks) == set(TABLE.moves) == set(TABLE.turn)
    for state, acts in walks.items():
        now = way(*acts)
        assert now.state == state
        for name in TABLE.acts:
            told = act(name, "erin", previous=now.document, **dict.fromkeys(TABLE.acts[name].facts, "x"))
            try:
                answer = step(now, told, TABLE).state
            except Refused as error:
                answer = error.code
            allowed = name in TABLE.moves[state]
            assert (answer != "project-state") == allowed, (state, name)


@pytest.mark.parametrize("name", sorted(name for name, rule in TABLE.acts.items() if rule.signers))
def test_every_act_is_asked_of_a_part_that_somebody_can_hold(name: str) -> None:
    parts = {one for part in TABLE.acts[name].signers for one in part.split("|")}
    assert parts <= {*ROLES, "applicant", "principal"}
    assert any(name in moves for moves in TABLE.moves.values())


WRONG_SIGNERS = [
    ([], "apply", ("erin",)),  # not named
    ([], "apply", ("olga",)),
    ([], "apply", ("alice", "dora")),
    ([APPLY], "complete", ("carl",)),
    ([APPLY], "complete", ("olga", "otto")),
    ([APPLY], "withdraw", ("erin",)),
    ([APPLY, COMPLETE], "favourable", ("olga",)),
    ([APPLY, COMPLETE, OPINED, AUTHORISE], "agree", ("olga",)),
    ([APPLY, COMPLETE, OPINED, AUTHORISE], "agree", ("alice",)),
    ([APPLY, COMPLETE, OPINED, AUTHORISE], "agree", ("olga", "dora")),  # named, but does not lead
    ([APPLY, COMPLETE, OPINED, AUTHORISE], "agree", ("olga", "otto")),
    ([APPLY, COMPLETE, OPINED, AUTHORISE], "agree", ("olga", "olga")),
]


@pytest.mark.parametrize(("acts", "name", "by"), WRONG_SIGNERS)
def test_an_act_by_others_than_it_asks_for_is_refused(acts: list[Any], name: str, by: tuple[str, ...]) -> None:
    now = way(*acts)
    with pytest.raises(Refused) as caught:
        step(now, act(name, *by, previous=now.document, **dict.fromkeys(TABLE.acts[name].facts, "x")), TABLE)
    assert caught.value.code == "project-signers"


def test_the_order_of_signatures_does_not_matter() -> None:
    for by in (("olga", "alice"), ("alice", "olga")):
        assert way(APPLY, COMPLETE, OPINED, AUTHORISE, ("agree", by, {})).state == "agreed"


def test_who_found_the_file_complete_gives_no_opinion_and_who_gave_one_enters_no_decision() -> None:
    everything = {"otto": ("officer", "committee")}
    assert PEOPLE["otto"] == everything["otto"]
    now = way(APPLY, ("complete", ("otto",), {}))
    for name, facts in (("favourable", {}), ("unfavourable", {"reason": "x"})):
        with pytest.raises(Refused) as caught:
            step(now, act(name, "otto", previous=now.document, **facts), TABLE)
        assert (caught.value.code, caught.value.facts["other"]) == ("project-conflict", "complete")
    now = way(APPLY, COMPLETE, ("favourable", ("otto",), {}))
    with pytest.raises(Refused) as caught:
        step(now, act("authorise", "otto", previous=now.document, reference="D-1"), TABLE)
    assert caught.value.facts["other"] == "favourable"


def test_whom_the_application_names_signs_no_decision() -> None:
    PEOPLE["dora"] = ("researcher", "committee", "officer")
    try:
        for acts, name in (([APPLY], "complete"), ([APPLY, COMPLETE], "favourable"), ([APPLY, COMPLETE], "extend")):
            now = way(*acts)
            facts = dict.fromkeys(TABLE.acts[name].facts, "x")
            with pytest.raises(Refused) as caught:
                step(now, act(name, "dora", previous=now.document, **facts), TABLE)
            assert caught.value.code == "project-conflict"
    finally:
        PEOPLE["dora"] = ("researcher",)


def test_one_of_three_parts_suspends_and_two_officers_open_again() -> None:
    for who in ("carl", "olga"):
        now = way(PROVISION, ("suspend", (who,), {"reason": "x"}))
        assert now.state == "suspended"
        assert way(PROVISION, ("suspend", (who,), {"reason": "x"}), ("resume", ("olga", "otto"), {"reason": "y"}))
    for name, by in (("suspend", "alice"), ("close", "carl"), ("close", "dora")):
        now = way(PROVISION)
        with pytest.raises(Refused) as caught:
            step(now, act(name, by, previous="", **dict.fromkeys(TABLE.acts[name].facts, "x")), TABLE)
        assert caught.value.code == "project-signers"
    assert way(PROVISION, ("close", ("alice",), {})).state == "closing"


def test_only_an_active_project_opens_all_work_and_an_objection_is_always_carried_out() -> None:
    opened = {state: TABLE.allows(state, "study") for state in TABLE.moves}
    assert {state for state, yes in opened.items() if yes} == {"active"}
    assert {state for state in TABLE.moves if TABLE.allows(state, "release")} == {"active", "closing"}
    assert all(TABLE.allows(state, "objection-application") for state in TABLE.moves)


def test_an_act_must_say_what_is_asked_and_nothing_else() -> None:
    now = way(APPLY)
    for facts, code in (
        ({}, "project-facts"),
        ({"reason": "  "}, "project-facts"),
        ({"reason": "x", "state": "agreed"}, "project-facts-unknown"),
    ):
        with pytest.raises(BadInput) as caught:
            step(now, act("incomplete", "olga", previous=now.document, **facts), TABLE)
        assert caught.value.code == code


def test_an_act_over_another_than_the_last_one_is_refused() -> None:
    now = way(APPLY, COMPLETE)
    for previous in ("", "sha256:apply-", "sha256:else"):
        with pytest.raises(Refused) as caught:
            step(now, act("favourable", "carl", previous=previous), TABLE)
        assert caught.value.code == "project-previous"


def test_an_act_of_the_ledger_itself_does_not_break_the_chain() -> None:
    now = way(APPLY, COMPLETE, OPINED, AUTHORISE, AGREE)
    assert step(now, done("provision"), TABLE).document == now.document


def test_the_fold_passes_over_acts_without_effect_and_names_them() -> None:
    first = act("apply", "alice", previous="", application="sha256:a")
    again = act("apply", "dora", previous="", document="sha256:second", application="sha256:a")
    strange = ProjectAct(act="apply", permit="P-2026-0002", time=BEGIN, facts={}, document="sha256:other")
    now = fold(PERMIT, [first, again, strange], TABLE)
    assert (now.state, now.document) == ("submitted", first.document)
    assert now.void == (("sha256:second", "project-state"),)


def test_an_extension_does_not_change_since_when_a_state_stands() -> None:
    now = way(APPLY, COMPLETE)
    later = BEGIN + datetime.timedelta(days=9)
    longer = ProjectAct(
        act="extend",
        permit=PERMIT,
        time=later,
        document="sha256:e",
        previous=now.document,
        signers=(Signatory(actor="olga", roles=("officer",)),),
        facts={"reason": "x"},
    )
    after = step(now, longer, TABLE)
    assert (after.state, after.since, len(after.passages)) == ("complete", BEGIN, 3)
    assert ProjectState(permit=PERMIT).since is None


@pytest.mark.parametrize("broken", ["state", "act", "start", "pair"])
def test_a_table_that_does_not_fit_is_refused(broken: str) -> None:
    states, conflicts = copy.deepcopy(STATES), copy.deepcopy(CONFLICTS)
    if broken == "state":
        states["states"]["agreed"]["moves"]["withdraw"] = "nowhere"
    elif broken == "act":
        states["states"]["agreed"]["moves"]["praise"] = "active"
    elif broken == "start":
        del states["states"]["absent"]
    else:
        conflicts["pairs"].append({"one": "apply", "other": "praise", "why": ""})
    with pytest.raises(RempartError) as caught:
        project_table(states, conflicts)
    assert caught.value.code == "project-table"


def test_every_conflict_says_why() -> None:
    assert all(row["why"] for row in CONFLICTS["pairs"])


def test_the_page_on_permits_shows_the_states_clocks_and_fields_that_run() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_generated(text) == text, "run: PYTHONPATH=src:. python -m tests.spec.project_page"
    assert all(made() in text for made in PARTS.values())
