# SPDX-License-Identifier: Apache-2.0
"""A rare harm whose few cases may be told: what a derogation lifts, what it does not, and that both checkers must name it."""

from collections.abc import Mapping
from typing import Any

import pytest

from rempart.disclosure.check import check, examine
from rempart.errors import BadInput, Refused
from rempart.records.derogation import Derogation, check_definitions, permitted, read_derogations
from rempart.records.outcome_definition import outcome_id, outcome_ids
from rempart.records.result import ResultRow
from rempart.release.states import ReleaseEvent, ReleaseState, state, state_table, step
from tests.disclosure_rows import RULES, row, toml

TABLE = state_table(toml("release/states.toml"))
STUDY: dict[str, Any] = {
    "codes": {
        "valve": {"system": "CIM10", "include": ["I34", "I35"], "exclude": ["I350"], "source": "CIM-10 FR (ATIH)"},
        "stroke": {"system": "CIM10", "include": ["I63"], "source": "not given"},
    },
    "outcomes": {
        "valve": {"any": [{"domain": "condition", "codes": "valve", "status": ["DP", "DR"]}]},
        "stroke": {"any": [{"domain": "condition", "codes": "stroke"}, {"domain": "death", "codes": "stroke"}]},
    },
}
GIVEN = {
    "kind": "rare-harm",
    "outcome": "valve",
    "definition": outcome_id(STUDY, "valve"),
    "least": 3,
    "reason": "a withdrawn drug; every case matters",
}
LET = {"outcome": "valve", "least": 3, "analyses": ("main",)}


def ratio(target: int, comparator: int) -> list[ResultRow]:
    """A ratio with its counts, and the rate of the target."""
    key = {"analysis": "main", "model": "crude", "term": "target versus comparator"}
    rows = []
    for arm, persons, events in (("target", 4000, target), ("comparator", 5000, comparator)):
        rows.append(row("hazard_ratio", "hazard_ratio", key, arm, "persons", persons, ref=f"persons/{arm}"))
        rows.append(row("hazard_ratio", "hazard_ratio", key, arm, "events", events, ref=f"events/{arm}"))
    least, ref = min((target, "events/target"), (comparator, "events/comparator"))
    rows += [row("hazard_ratio", "hazard_ratio", key, "", name, 2.5, least, ref) for name in ("hazard_ratio", "lower")]
    told = {"outcome": "valve"}
    rows.append(row("incidence", "rate", told, "target", "persons", 4000, ref="persons/target"))
    rows.append(row("incidence", "rate", told, "target", "events", target, ref="events/target"))
    rows.append(row("incidence", "rate", told, "target", "rate", 1.5, target, "events/target"))
    return rows


def shown(rows: list[ResultRow], *derogations: Mapping[str, Any]) -> dict[tuple[str, str, str], float | None]:
    """What a check lets be shown: (output, arm, statistic) → value."""
    return {
        (table.output, item.column_key.get("arm", ""), item.statistic): item.value
        for table in check(rows, RULES, derogations=derogations)
        for item in table.rows
        if item.status != "suppressed"
    }


def test_without_a_derogation_the_count_the_rate_the_ratio_and_its_limits_go_together() -> None:
    told = shown(ratio(4, 30))
    hidden = [("hazard_ratio", "target", "events"), ("hazard_ratio", "", "hazard_ratio"), ("hazard_ratio", "", "lower")]
    assert not {*hidden, ("incidence", "target", "events"), ("incidence", "target", "rate")} & told.keys()
    assert told["hazard_ratio", "comparator", "events"] == 30


def test_with_it_they_are_told() -> None:
    told = shown(ratio(4, 30), LET)
    assert told["hazard_ratio", "target", "events"] == told["incidence", "target", "events"] == 4
    assert (told["hazard_ratio", "", "hazard_ratio"], told["incidence", "target", "rate"]) == (2.5, 1.5)


@pytest.mark.parametrize(
    "other",
    [{**LET, "least": 5}, {"outcome": "stroke", "least": 1, "analyses": ("other",)}],
    ids=["fewer than its least number", "another outcome"],
)
def test_a_derogation_lifts_nothing_else(other: dict[str, Any]) -> None:
    assert shown(ratio(4, 30), other) == shown(ratio(4, 30))


def test_other_small_counts_stay_hidden_beside_it() -> None:
    rows = [*ratio(4, 30), row("table_one", "frequency", {"variable": "sex", "level": "male"}, "target", "n", 4)]
    told = shown(rows, LET)
    assert ("table_one", "target", "n") not in told
    assert told["incidence", "target", "events"] == 4


def test_a_number_hidden_in_an_earlier_release_is_told_once_a_derogation_lets_it() -> None:
    before = examine(ratio(4, 30), RULES).counts
    again = check(ratio(4, 30), RULES, earlier=[before])
    let = check(ratio(4, 30), RULES, earlier=[before], derogations=[LET])
    events = [
        [
            item.value
            for table in tables
            for item in table.rows
            if item.statistic == "events" and item.column_key["arm"] == "target"
        ]
        for tables in (again, let)
    ]
    assert events == [[None, None], [4, 4]]


def act(kind: str, actor: str, *derogations: str) -> ReleaseEvent:
    """An act on one release."""
    return ReleaseEvent(
        act=kind,  # type: ignore[arg-type]
        release="R-2026-0001",
        actor=actor,
        document=f"{kind}-{actor}",
        submission="" if kind in {"submit", "publish"} else "submit-alice",
        derogations=derogations,
    )


def after(*acts: ReleaseEvent) -> ReleaseState:
    """The state after the acts."""
    return state("R-2026-0001", acts, TABLE)


def test_both_checkers_must_vote_for_the_derogation_by_its_name() -> None:
    asked = act("submit", "alice", "valve")
    now = after(asked, act("approve", "bob", "valve"), act("approve", "carol"))
    assert (now.state, now.approvals, now.void) == (
        "partly-reviewed",
        ("bob",),
        (("approve-carol", "release-derogation-vote"),),
    )
    with pytest.raises(Refused, match="release-derogation-vote"):
        step(now, act("approve", "carol", "stroke"), TABLE)
    assert after(asked, act("approve", "bob", "valve"), act("approve", "carol", "valve")).state == "approved"
    assert after(asked, act("approve", "bob", "valve"), act("reject", "carol")).state == "returned"
    apart = after(asked, act("changes", "bob"), act("approve", "carol", "valve"))
    with pytest.raises(Refused, match="release-derogation-vote"):
        step(apart, act("decide-approve", "bob"), TABLE)
    assert step(apart, act("decide-approve", "bob", "valve"), TABLE).state == "approved"


def test_nobody_votes_for_a_derogation_that_was_not_asked_for() -> None:
    with pytest.raises(Refused, match="release-derogation-vote"):
        step(after(act("submit", "alice")), act("approve", "bob", "valve"), TABLE)


def test_a_permit_holds_what_may_be_asked_for() -> None:
    (held,) = read_derogations([GIVEN])
    assert permitted(["valve"], [held], permit="P-2026-0001") == (held,)
    with pytest.raises(Refused, match="derogation-not-permitted"):
        permitted(["stroke"], [held], permit="P-2026-0001")


@pytest.mark.parametrize(
    "wrong",
    [
        {**GIVEN, "kind": "curiosity"},
        {**GIVEN, "definition": "valve surgery"},
        {name: value for name, value in GIVEN.items() if name != "definition"},
        {**GIVEN, "least": 0},
        {**GIVEN, "least": 11},
        {**GIVEN, "least": True},
        {**GIVEN, "reason": " "},
        {name: value for name, value in GIVEN.items() if name != "reason"},
    ],
)
def test_a_derogation_says_its_kind_outcome_number_and_reason(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="permit-field"):
        read_derogations([wrong])


def test_a_derogation_says_an_outcome_once() -> None:
    with pytest.raises(BadInput, match="permit-field"):
        read_derogations([GIVEN, {**GIVEN, "least": 5}])
    assert Derogation(**GIVEN).as_dict() == GIVEN  # type: ignore[arg-type]


def changed(**parts: Any) -> dict[str, Any]:
    """The study with another outcome or code list by the name ``valve``."""
    return {
        name: {**STUDY[name], "valve": {**STUDY[name]["valve"], **more}}
        for name, more in {"codes": {}, "outcomes": {}, **parts}.items()
    }


@pytest.mark.parametrize(
    "other",
    [
        changed(codes={"include": ["I34", "I35", "I36"]}),
        changed(codes={"include": ["I34"]}),
        changed(codes={"exclude": []}),
        changed(codes={"descendants": False}),
        changed(codes={"system": "CCAM", "include": ["DBKA"], "exclude": []}),
        changed(outcomes={"any": [{"domain": "condition", "codes": "valve", "status": ["DP"]}]}),
        changed(outcomes={"any": [{"domain": "condition", "codes": "valve"}]}),
        changed(outcomes={"any": [{"domain": "condition", "codes": "stroke", "status": ["DP", "DR"]}]}),
        changed(outcomes={"any": [{"domain": "death", "codes": "valve", "status": ["DP", "DR"]}]}),
        {**STUDY, "outcomes": {"stroke": STUDY["outcomes"]["stroke"]}},
    ],
    ids=range(10),
)
def test_a_derogation_is_not_for_another_harm_that_a_study_calls_by_its_name(other: dict[str, Any]) -> None:
    (held,) = read_derogations([GIVEN])
    assert permitted(["valve"], [held], permit="P-2026-0001") == (held,), "the name alone says nothing"
    with pytest.raises(Refused, match="derogation-other-outcome"):
        check_definitions([held], other, permit="P-2026-0001")


def test_names_of_lists_where_they_come_from_and_the_order_of_what_counts_do_not_change_what_an_outcome_is() -> None:
    (held,) = read_derogations([GIVEN])
    codes = {
        "heart": {**STUDY["codes"]["valve"], "include": ["I34", "I35"], "source": "another"},
        "brain": STUDY["codes"]["stroke"],
    }
    outcomes = {
        "valve": {"any": [{"status": ["DR", "DP"], "codes": "heart", "domain": "condition"}]},
        "cva": {"any": [{"domain": "death", "codes": "brain"}, {"domain": "condition", "codes": "brain"}]},
    }
    renamed = {"codes": codes, "outcomes": outcomes}
    check_definitions([held], renamed, permit="P-2026-0001")
    assert outcome_ids(renamed)["cva"] == outcome_ids(STUDY)["stroke"] != GIVEN["definition"]
