# SPDX-License-Identifier: Apache-2.0
"""Values of the right form that cannot be: years and months of birth, days inside stays, keys that are nobody's, quantities that lack."""

from pathlib import Path
from typing import Any

import pytest

from rempart.errors import BadInput
from tests.gross_rows import Compacted, card, claim, stay, whole
from tests.small_delivery import card as delivered_card
from tests.small_delivery import read, write
from tests.small_delivery import whole as delivered

PERSON = "SELECT year_of_birth AS year, month_of_birth AS month FROM research_person"
BEGINS = "SELECT CAST(observation_period_start_date AS VARCHAR) AS day FROM research_observation_period"


def of_card(asked: str, **changed: Any) -> tuple[list[list[Any]], dict[str, int]]:
    """Rows of a question where the one card says otherwise, and the findings."""
    with Compacted(whole() | {"gross_card": [card(**changed)]}) as done:
        done.kept()
        return [list(row.values()) for row in done.rows(asked)], dict(done.counts.found)


@pytest.mark.parametrize("month", [13, 20, 30, 42, 50, 99])
def test_a_fictive_month_of_birth_is_unknown_and_counted(month: int) -> None:
    rows, found = of_card(PERSON, birth_month=month)
    assert (rows, found["months-of-birth-set-aside"]) == ([[1950, None]], 1)
    assert of_card(BEGINS, birth_month=month)[0] == of_card(BEGINS)[0]
    assert of_card("SELECT rules FROM research_person_decision", birth_month=month)[0] == [["E4"]]


@pytest.mark.parametrize("month", [1, 12, None])
def test_a_month_of_birth_is_believed(month: int | None) -> None:
    rows, found = of_card(PERSON, birth_month=month)
    assert (rows, found["months-of-birth-set-aside"]) == ([[1950, month]], 0)


@pytest.mark.parametrize("year", [2017, 2199, 9999])
def test_a_year_of_birth_after_all_that_is_known_is_unknown_and_care_stays(year: int) -> None:
    rows, found = of_card(PERSON, born=year)
    assert (rows, found["years-of-birth-set-aside"]) == ([[None, 3]], 1)
    assert of_card("SELECT count(*) AS n FROM research_visit_occurrence", born=year)[0] == [[2]]
    assert of_card("SELECT rules FROM research_person_decision", born=year)[0] == [["E3"]]


def test_care_before_a_year_of_birth_that_can_be_still_goes() -> None:
    with Compacted({"gross_card": [card(born=2016)], "gross_claim": [claim()], "gross_stay": [stay()]}) as done:
        assert done.counts.found["years-of-birth-set-aside"] == 0
        assert done.dropped()["claims"] == {"X1": 1}


@pytest.mark.parametrize("year", ["9999999", "2000000000", "-2000000000", "99999", "-10000"])
def test_a_number_longer_than_its_column_is_refused_with_its_place(year: str, tmp_path: Path) -> None:
    write(tmp_path, delivered() | {"IR_BEN_R": [delivered_card(), delivered_card(BEN_NAI_ANN=year)]})
    with pytest.raises(BadInput) as caught:
        read(tmp_path)
    said = {"file": "IR_BEN_R.csv", "line": 3, "column": "BEN_NAI_ANN"}
    assert (caught.value.code, caught.value.facts) == ("csv-number", said)
