# SPDX-License-Identifier: Apache-2.0
"""What health data may be asked for: every code, every kind of applicant, with and without promises and guarantees."""

from itertools import product

import pytest

from rempart.errors import BadInput, Refused, RempartError
from rempart.permits.purposes import judge
from tests.spec.applications import FORM, PURPOSES, application

PROMISES = list(PURPOSES["promises"])
ALLOWED = ["public-health", "policy", "statistics", "teaching", "research", "care-quality"]
FORBIDDEN = {
    "promotion": "L.1461-1 V, 1°",
    "insurance-terms": "L.1461-1 V, 2°",
    "detrimental-decision": "art. 54(a)",
    "employment-or-credit": "art. 54(b)",
    "marketing": "art. 54(c)",
    "harmful-product": "art. 54(d)",
    "against-ethics": "art. 54(e)",
}
BODIES = {"public": False, "hospital": False, "industry": True, "insurer": True, "other": False}


def answer(codes: list[str], body: str, promises: list[str], guarantees: str | None) -> str:
    """The code of the refusal, '' for none."""
    told = application(
        purpose__codes=codes, applicant__body=body, purpose__promises=promises, purpose__guarantees=guarantees
    )
    try:
        judge(told, PURPOSES)
    except RempartError as error:
        return error.code
    return ""


def test_the_table_has_the_two_forbidden_ends_of_the_french_law_and_the_five_of_the_regulation() -> None:
    assert set(PURPOSES["forbidden"]) == set(FORBIDDEN)
    for code, law in FORBIDDEN.items():
        assert law in PURPOSES["forbidden"][code]
    assert list(PURPOSES["allowed"]) == ALLOWED
    assert set(FORM["fields"]["applicant.body"]["of"]) == set(BODIES)


@pytest.mark.parametrize(
    ("code", "body", "promised", "guaranteed"),
    list(product([*ALLOWED, *FORBIDDEN], BODIES, [True, False], [True, False])),
)
def test_the_decision_table(code: str, body: str, promised: bool, guaranteed: bool) -> None:
    found = answer(
        [code], body, PROMISES if promised else PROMISES[:-1], "an independent laboratory" if guaranteed else None
    )
    if code in FORBIDDEN:
        assert found == "purpose-forbidden"
    elif not promised:
        assert found == "purpose-promises"
    elif BODIES[body] and not guaranteed:
        assert found == "purpose-guarantees"
    else:
        assert found == ""


@pytest.mark.parametrize("code", sorted(FORBIDDEN))
def test_a_forbidden_end_beside_allowed_ones_is_refused_with_its_law(code: str) -> None:
    with pytest.raises(Refused) as caught:
        judge(application(purpose__codes=["research", code]), PURPOSES)
    assert FORBIDDEN[code] in str(caught.value.facts["law"])


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_is_asked_for(promise: str) -> None:
    with pytest.raises(Refused) as caught:
        judge(application(purpose__promises=[one for one in PROMISES if one != promise]), PURPOSES)
    assert caught.value.facts["promises"] == promise


def test_a_purpose_of_no_name_is_bad_input() -> None:
    with pytest.raises(BadInput) as caught:
        judge(application(purpose__codes=["curiosity"]), PURPOSES)
    assert caught.value.code == "purpose-unknown"


def test_what_an_application_does_not_say_is_left_to_its_completeness() -> None:
    judge(application(purpose__codes=None, purpose__promises=None, applicant__body=None), PURPOSES)
