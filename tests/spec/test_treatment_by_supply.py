# SPDX-License-Identifier: Apache-2.0
"""Follow-up on treatment where the study says how long a supply lasts: tables of dispensings and stays with the day on which it ends.

Days are those of study_persons; each person starts on day 12, so that the last day of treatment is 12 more than the number shown.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.required import required_columns
from rempart.cohort.sources import frame_sources
from rempart.errors import BadInput
from rempart.records.omop import layouts
from rempart.records.study import study_from_dict
from tests.properties.study_histories import COMPARATOR, TARGET, Person, Rules, answer, cells, study

SIX = {"supply": [{"rule": "fixed", "days": 6}]}
RECORDED = {"supply": [{"rule": "recorded"}]}
EXTEND = {**SIX, "hospital_days": "extend"}


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all tests."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def ends(query: DuckDBQuery, person: Person, keys: dict[str, Any], **rules: Any) -> int:
    """The last day followed of one person, since time zero; both arms have these keys."""
    how = Rules(**{"estimand": "on-treatment", "supply": {"target": keys, "comparator": keys}, **rules})
    (cell,) = cells(answer(query, how, {1: person}))
    return int(cell[3])


def on(*days: int, code: str = TARGET, last: int = 40) -> tuple[tuple[int, str, int], ...]:
    """Dispensings whose records say that they last until ``last``."""
    return tuple((day, code, last) for day in days)


@pytest.mark.parametrize(
    ("why", "drugs", "stays", "keys", "grace", "expected"),
    [
        ("six days from the first on, whatever the record says", on(12), (), SIX, 0, 5),
        ("the record's own days of supply, where they are asked for", on(12, last=15), (), RECORDED, 0, 3),
        ("a grace of the protocol", on(12), (), SIX, 3, 8),
        ("a grace of the exposure", on(12), (), {**SIX, "grace_days": 6}, 0, 11),
        ("the longer of both", on(12), (), {**SIX, "grace_days": 6}, 2, 11),
        ("three days without drug are within a grace of three", on(12, 21), (), SIX, 3, 17),
        ("four are not", on(12, 22), (), SIX, 3, 8),
        ("what was left is lost", on(12, 14), (), SIX, 0, 7),
        ("what was left is carried over", on(12, 14), (), {**SIX, "stockpiling": "carry"}, 0, 11),
        ("five nights in hospital are ignored", on(12), ((15, 20),), SIX, 0, 5),
        ("five nights in hospital extend a supply", on(12), ((15, 20),), EXTEND, 0, 10),
        ("and the grace comes after it", on(12), ((15, 20),), EXTEND, 3, 13),
        ("a stay that begins as a supply ends is covered", on(12), ((18, 21),), EXTEND, 0, 8),
        (
            "an admission that censors ends it on the day before",
            on(12),
            ((15, 20),),
            {**SIX, "hospital_days": "censor"},
            0,
            2,
        ),
        ("in its grace too", on(12), ((20, 25),), {**SIX, "hospital_days": "censor"}, 9, 7),
        ("a lag ends it later", on(12), (), {**SIX, "lag_days": 4}, 0, 9),
        ("the other drug ends it on its day", (*on(12), *on(15, code=COMPARATOR)), (), SIX, 0, 3),
        (
            "the drug that the exposure switches to on the day before",
            (*on(12), *on(15, code=COMPARATOR)),
            (),
            {**SIX, "switch_to": "comparator"},
            0,
            2,
        ),
    ],
)
def test_treatment_ends_with_the_exposure(
    query: DuckDBQuery,
    why: str,
    drugs: tuple[tuple[int, str, int], ...],
    stays: tuple[tuple[int, int], ...],
    keys: dict[str, Any],
    grace: int,
    expected: int,
) -> None:
    person = Person(drugs=drugs, stays=stays)
    assert ends(query, person, keys, grace=grace, supply={"target": keys, "comparator": SIX}) == expected, why


def test_each_arm_by_its_own_rules_and_a_record_s_cover_where_none_is_stated(query: DuckDBQuery) -> None:
    other, both = Person(drugs=on(12, code=COMPARATOR, last=20)), {"target": SIX, "comparator": {**SIX, "lag_days": 2}}
    assert ends(query, other, SIX) == 5
    assert ends(query, other, SIX, supply=both) == 7
    assert ends(query, Person(drugs=on(12, last=20)), SIX, supply=both) == 5
    assert ends(query, other, SIX, supply={}) == 8
    assert ends(query, Person(drugs=on(12, last=20)), SIX, supply={}) == 8


def test_non_users_have_no_treatment_that_ends(query: DuckDBQuery) -> None:
    non_users = {"non_users": True, "supply": {"target": SIX}}
    assert ends(query, Person(drugs=on(12, code=COMPARATOR)), SIX, **non_users) == 33
    assert ends(query, Person(drugs=on(12)), SIX, **non_users) == 5


def test_what_is_at_hand_from_before_time_zero_counts(query: DuckDBQuery) -> None:
    person = Person(drugs=on(8, 12))  # eight to 13, twelve to 17
    assert ends(query, person, {**SIX, "stockpiling": "carry"}) == 19 - 12


def test_the_columns_and_sources_of_the_rules_are_asked_for() -> None:
    known = layouts(package_data.toml("records/omop54.toml"))
    both = study(Rules(estimand="on-treatment", supply={"target": {**EXTEND, **RECORDED}, "comparator": SIX}))
    required = required_columns(both, known)
    assert "drug_exposure_end_date" not in required["drug_exposure"]
    assert "days_supply" in required["drug_exposure"]
    assert required["visit_occurrence"] == {"visit_concept_id", "visit_start_date", "visit_end_date"}
    neither = required_columns(study(Rules(estimand="on-treatment")), known)
    assert "drug_exposure_end_date" in neither["drug_exposure"]


def test_sources_of_stays_end_follow_up_only_where_a_rule_reads_them() -> None:
    body = study(Rules(estimand="on-treatment", supply={"target": EXTEND, "comparator": SIX})).as_dict()
    body["outcomes"]["tumour"]["any"] = [{"domain": "procedure", "codes": "act"}]
    body["codes"]["act"] = {"system": "CCAM", "include": ["JDFA"]}
    read = study_from_dict(body)
    assert frame_sources(read, read.frames[0]) == {"dcir", "mco", "ssr", "had", "rip"}
    body["protocol"]["estimand"] = "initiation"
    body["exposures"] = study(Rules()).as_dict()["exposures"]
    read = study_from_dict(body)
    assert frame_sources(read, read.frames[0]) == {"dcir", "mco"}


@pytest.mark.parametrize(
    "keys",
    [{"induction_days": 3}, {"hospital_days": "exclude"}, {"care_home": "exclude"}],
    ids=["later", "out", "home"],
)
@pytest.mark.parametrize("arm", ["target", "comparator"])
def test_choices_that_a_comparison_cannot_follow_are_refused_by_name(arm: str, keys: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=rf"study-field .*inputs\.{arm}.*{next(iter(keys))}"):
        study(Rules(estimand="on-treatment", supply={"target": SIX, "comparator": SIX, arm: {**SIX, **keys}}))
