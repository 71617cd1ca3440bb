# SPDX-License-Identifier: Apache-2.0
"""An outcome that is a death by cause: another cause competes, and an unknown cause is a state of its own."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.compile import compile_study
from rempart.errors import BadInput
from rempart.records.study import Study, study_from_dict
from rempart.study.evidence import Evidence, compute
from rempart.study.results import results
from rempart.study.survival import aalen_johansen, day_counts
from tests.properties.study_histories import CUT, TARGET, Person, Rules, cells, day, study, tables

CAUSES: dict[int, str | None] = {1: "C670", 2: "I10", 3: None, 4: "", 5: "C679"}  # C679 is outside the list


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all tests."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def asked(*items: dict[str, Any], death: str = "date", **analysis: Any) -> Study:
    """The study of the histories with another outcome."""
    body = study(Rules(death="date")).as_dict()
    body["protocol"]["death"] = death
    body["outcomes"]["tumour"] = {"any": list(items) or [{"domain": "death", "codes": "tumour"}]}
    body["analyses"] = [{"id": "a", "design": "new-user-active-comparator", "type": "cox", **analysis}]
    return study_from_dict(body)


def evidence(query: DuckDBQuery, asking: Study, *, died: int = 20) -> Evidence:
    """Five persons who enter on day 12 and die on one day, of the causes above."""
    persons = {n: Person(drugs=((12, TARGET, 20),), death=died) for n in CAUSES}
    found = tables(persons)
    found["death"] = found["death"].append_column("cause_source_value", pa.array(list(CAUSES.values()), pa.string()))
    for name, table in found.items():
        query.register(name, table)
    return compute(query, compile_study(asking, cut=day(CUT)))


def test_a_death_of_the_cause_is_the_outcome_and_an_unknown_one_neither(query: DuckDBQuery) -> None:
    found = cells(evidence(query, asked()))
    assert found == {("target", "male", 0, 8, 1): 1, ("target", "male", 0, 8, 2): 2, ("target", "male", 0, 8, 3): 2}


def test_with_the_month_alone_death_is_put_on_its_last_day(query: DuckDBQuery) -> None:
    found = cells(evidence(query, asked(death="month"), died=14))  # February ends on day 18
    assert {(days, status): n for (_, _, _, days, status), n in found.items()} == {(6, 1): 1, (6, 2): 2, (6, 3): 2}


def test_without_a_death_by_cause_every_death_is_of_one_kind(query: DuckDBQuery) -> None:
    found = cells(evidence(query, asked({"domain": "condition", "codes": "tumour"})))
    assert found == {("target", "male", 0, 8, 2): 5}


def test_the_curve_tells_unknown_causes_apart_and_lets_them_compete(query: DuckDBQuery) -> None:
    asking = asked(type="cumulative_incidence", parameters={"grid_days": 10})
    rows = results(asking, evidence(query, asking), run="r")
    last = {r.statistic: r.value for r in rows if r.column_key == {"arm": "all"} and r.row_key == {"day": "00010"}}
    assert (last["events"], last["deaths"], last["unknown_cause"], last["censored"], last["at_risk"]) == (1, 2, 2, 0, 0)
    assert last["cumulative_incidence"] == pytest.approx(1 / 5)


def test_an_unknown_cause_takes_its_part_of_the_risk() -> None:
    days, kinds, ones = np.array([3, 4, 5, 6]), np.array([3, 1, 0, 1]), np.ones(4, dtype=np.int64)
    counts = day_counts(np.zeros(4, dtype=np.int64), days, kinds, ones, last_day=6)
    curve = aalen_johansen(counts.at_risk, counts.events, counts.deaths + counts.unknown_cause)
    assert curve.value[6] == pytest.approx(3 / 4 * (1 / 3) + 3 / 4 * 2 / 3 * 1)


def test_deaths_that_the_protocol_ignores_can_be_no_outcome() -> None:
    with pytest.raises(BadInput, match=r"protocol\.death"):
        asked(death="ignore")
