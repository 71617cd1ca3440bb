# SPDX-License-Identifier: Apache-2.0
"""Objections, their regimes and what each reaches, over any order of adding and withdrawing."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.adapters import package_data
from rempart.errors import BadInput
from rempart.identity.objections import (
    Objection,
    added,
    from_columns,
    known_regime,
    reaching,
    regimes,
    with_former,
    withdrawn,
)

REGIMES = regimes(package_data.toml("identity/objection_regimes.toml"))
DAY = datetime.date(2026, 1, 1)
acts = st.lists(
    st.tuples(
        st.sampled_from(["add", "withdraw"]),
        st.sets(st.sampled_from("abcd"), min_size=1),
        st.sampled_from([*REGIMES, None]),
    ),
    max_size=12,
)


@given(acts)
def test_what_stands_is_what_was_added_and_not_withdrawn_since(story: list[tuple[str, set[str], str | None]]) -> None:
    table: list[Objection] = []
    told: dict[tuple[str, str], int] = {}
    for number, (verb, names, regime) in enumerate(story):
        day = DAY + datetime.timedelta(days=number)
        if verb == "add":
            table = added(table, names, regime=regime or "snds", since=day, document=str(number))
            for name in names:
                told.setdefault((name, regime or "snds"), number)
        else:
            table = withdrawn(table, names, regime=regime)
            told = {k: n for k, n in told.items() if k[0] not in names or regime not in (None, k[1])}
    assert {(o.pseudonym, o.regime): int(o.document) for o in table} == told
    assert all(o.since == DAY + datetime.timedelta(days=int(o.document)) for o in table)
    assert reaching(table, REGIMES, running=False) == {name for name, _ in told}
    assert reaching(table, REGIMES, running=True) == {name for name, regime in told if REGIMES[regime].running}


def test_an_objection_under_a_former_key_reaches_the_person_under_every_name() -> None:
    pairs = [("old", "now"), ("older", "now"), ("x", "y")]
    for name in ("old", "older", "now"):
        assert with_former(frozenset({name}), pairs) == {"old", "older", "now"}
    assert with_former(frozenset({"z"}), pairs) == {"z"}
    assert with_former(frozenset(), pairs) == frozenset()


def test_the_three_regimes_say_what_they_reach() -> None:
    assert {name: regime.running for name, regime in REGIMES.items()} == {
        "gdpr-21": True,
        "snds": True,
        "ehds-71": False,
    }
    assert all(regime.source and set(regime.words) == {"en", "fr"} for regime in REGIMES.values())


def test_an_unknown_regime_is_refused_and_one_taken_out_of_the_file_reaches_everything() -> None:
    with pytest.raises(BadInput, match="objection-regime"):
        known_regime("no-such", REGIMES)
    old = [Objection(pseudonym="a", regime="gone", since=DAY, document="")]
    assert reaching(old, REGIMES, running=True) == {"a"}


def test_a_list_sealed_before_regimes_were_kept_reaches_furthest() -> None:
    (one,) = from_columns({"pseudonym": ["a"]})
    assert REGIMES[one.regime].running
