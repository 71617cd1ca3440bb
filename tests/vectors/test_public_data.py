# SPDX-License-Identifier: Apache-2.0
"""Public data sets: the same data as R, R's answers to 1e-6 of themselves, what books print of them, and a page that says so."""

import numpy as np
import pytest

from tests.spec.agreement_page import ALLOWED, PAGE, answered, apart, page, shown
from tests.vectors.public_data import Answer, difference, frozen, questions

NAMES = sorted(questions())
DIGITS = 1e-6


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each question in turn."""
    return str(request.param)


def test_every_question_has_an_answer_of_ours_and_one_of_r() -> None:
    assert set(NAMES) == set(answered()) == set(frozen())
    assert len({(one["package"], one["data"]) for one in questions().values()}) >= 25


def test_both_sides_look_at_the_same_data(name: str) -> None:
    said, used = frozen()[name], answered()[name].used
    assert set(used) == set(said["sums"])
    for column, values in used.items():
        assert len(values) == said["rows"], column
        assert float(values.sum()) == pytest.approx(said["sums"][column], abs=1e-9 * float(np.abs(values).sum())), (
            column
        )


def test_the_answer_is_that_of_r(name: str) -> None:
    said, ours = frozen()[name]["said"], answered()[name].said
    for what, theirs in said.items():
        assert difference(ours[what], theirs) <= DIGITS, what


def test_the_answer_is_what_its_source_prints(name: str) -> None:
    for printed in questions()[name].get("published", []):
        ours = float(np.atleast_1d(np.asarray(answered()[name].said[printed["what"]], dtype=float))[printed["place"]])
        assert abs(ours - printed["value"]) <= 0.5000001 * 10 ** -printed["digits"], printed["source"]


def test_a_number_that_is_off_is_seen() -> None:
    """The comparison itself: of a number, of a vector's smallest part, of a list of curves, and of a missing one."""
    assert difference(1.0, 1.0) == 0
    assert difference([1.0, 1e-6], [1.0, 1.01e-6]) > 9e-3
    assert difference([[1.0], [2.0, 3.0]], [[1.0], [2.0, 3.1]]) > 1e-2
    assert difference([float("nan")], [1.0]) == difference([1.0], [1.0, 2.0]) == float("inf")


def test_another_convention_would_be_seen() -> None:
    """Efron's answer is not Breslow's, nor the robust error the model's: the bound of 1e-6 tells them apart."""
    efron, breslow = (frozen()[f"lung-cox-{ties}"]["said"]["beta"] for ties in ("efron", "breslow"))
    assert difference(answered()["lung-cox-efron"].said["beta"], breslow) > 1e-4 > DIGITS > difference(efron, efron)
    assert difference(answered()["heart-cox"].said["error"], frozen()["heart-cox-robust"]["said"]["error"]) > 1e-3


def test_the_page_is_written_from_the_questions_and_from_no_larger_difference_than_now() -> None:
    kept = PAGE.read_text(encoding="utf-8")
    assert shown(kept) == shown(page()), "python -m tests.spec.agreement_page"
    for name in NAMES:
        assert apart(name) <= ALLOWED, name


def test_answers_hold_numbers_and_no_data() -> None:
    for name, said in frozen().items():
        assert set(said) == {"rows", "sums", "said"}, name
        assert all(size(part) < 60 for part in said["said"].values()), name
        assert isinstance(answered()[name], Answer)


def size(part: object) -> int:
    """How many numbers an answer's part holds."""
    return sum(size(one) for one in part) if isinstance(part, list) else 1
