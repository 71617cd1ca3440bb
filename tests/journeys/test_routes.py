# SPDX-License-Identifier: Apache-2.0
"""Route × role × own or other project: every command stands in the table, and answers each role as the table says."""

import pytest

from rempart.cli.commands import TREE
from tests.faults.attacks.routes import HOLDERS, ROUTES, TABLE, answers, prepared
from tests.journeys.house import House

STRANGERS = ("nobody", "other", "witness", "auditor")
SHARED = {
    "release queue",
    "audit witness",
    "audit control",
}  # the queue holds one's own releases alone; witnesses and auditors have work of their own


def test_every_command_stands_in_the_table_and_says_what_it_asks() -> None:
    assert set(ROUTES) == set(TREE)
    assert set(TABLE["roles"]) == set(HOLDERS)
    for name, route in ROUTES.items():
        if route["asks"] == "person":
            assert set(route["answers"]) == set(HOLDERS), name
        else:
            assert route["asks"] == "machine" and len(route["why"]) > 10, name


def test_no_stranger_is_let_in_by_the_table_itself() -> None:
    """Whoever writes the table cannot let a stranger in without saying so here."""
    let = {name for name, route in ROUTES.items() if "ok" in {route.get("answers", {}).get(who) for who in STRANGERS}}
    assert let == SHARED
    theirs = {who for name in let for who in STRANGERS if ROUTES[name]["answers"][who] == "ok"}
    assert "nobody" not in theirs


@pytest.mark.slow
def test_every_route_answers_each_role_as_the_table_says(small: House) -> None:
    place = prepared(small)
    told = [(name, role, answer) for name, role, answer in answers(place)]
    wrong = [(name, role, answer, ROUTES[name]["answers"][role]) for name, role, answer in told]
    assert [one for one in wrong if one[2] != one[3]] == []
    assert len(told) > 250
