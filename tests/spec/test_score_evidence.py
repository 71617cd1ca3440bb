# SPDX-License-Identifier: Apache-2.0
"""Scores from records to rows: features through SQL, shard by shard, and two cohorts in place of new users."""

import random
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.compile import compile_study
from rempart.errors import BadInput
from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.study.cells import cells_of
from rempart.study.evidence import Evidence, compute, merge
from rempart.study.results import results
from rempart.study.score_results import everyone_of
from rempart.study.scored import persons_of
from tests.described_people import LAST, people
from tests.described_people import tables as described_tables
from tests.designed_people import rows_of
from tests.properties.study_histories import COMPARATOR, CUT, TARGET, Person, Rules, day, study, tables
from tests.properties.test_cohort_comparison import comparing

FEATURE = "cim10:E11:30"


def asking(**analysis: Any) -> Study:
    """New users with a feature of every diagnosis of the thirty days before, but of the outcome itself."""
    body = study(Rules(death="date")).as_dict()
    body["features"] = {"before": {"days": [30], "cim10": [3], "exclude": ["tumour"]}}
    told = {"inputs": {"features": ["before"], "covariates": []}, "parameters": {"adjustment": "overlap"}, **analysis}
    body["analyses"] = [{"id": "a", "design": "new-user-active-comparator", "type": "propensity", **told}]
    return study_from_dict(body)


def histories(n: int, seed: int) -> dict[int, Person]:
    """Persons with diabetes take the target more, and have the outcome more; the drug does nothing. Some have another diagnosis."""
    draw, found = random.Random(seed), {}
    for number in range(1, n + 1):
        ill = draw.random() < 0.5
        drug = TARGET if draw.random() < (0.75 if ill else 0.25) else COMPARATOR
        records = [(draw.randint(0, 9), "E119", "DP")] if ill else []
        records += [(draw.randint(0, 9), "I10", "DP")] * (draw.random() < 0.3)
        records += [(draw.randint(14, 40), "C670", "DP")] * (draw.random() < (0.5 if ill else 0.15))
        found[number] = Person(drugs=((12, drug, 20),), diagnoses=tuple(records))
    return found


def evidence(asked: Study, persons: dict[int, Person], shards: int = 1) -> Evidence:
    """The evidence of the persons, dealt out over shards."""
    found = []
    for shard in range(shards):
        query = DuckDBQuery(threads=1, memory_limit="512MB")
        for name, table in tables({n: one for n, one in persons.items() if n % shards == shard}).items():
            query.register(name, table)
        found.append(compute(query, compile_study(asked, cut=day(CUT))))
        query.close()
    return merge(found)


def ratio(rows: tuple[ResultRow, ...], statistic: str, model: str) -> float:
    """One number of a ratio."""
    (found,) = [
        row.value
        for row in rows
        if (row.output, row.statistic) == ("score_ratio", statistic)
        and row.row_key["model"] == model
        and not row.column_key
    ]
    assert found is not None
    return found


@pytest.fixture(scope="module")
def confounded() -> dict[int, Person]:
    """Enough persons for a confounded ratio to be plainly wrong."""
    return histories(1200, 4)


@pytest.mark.parametrize("parameters", [{}, {"score_model": "logistic", "select": 3}], ids=["lasso", "selected"])
def test_features_take_away_the_confounding_that_covariates_do_not_know(
    confounded: dict[int, Person], parameters: dict[str, Any]
) -> None:
    asked = asking(parameters={"adjustment": "overlap", **parameters})
    found = evidence(asked, confounded)
    rows = results(asked, found, run="r")
    assert ratio(rows, "lower", "crude") > 1.2
    assert ratio(rows, "lower", "overlap") < 1 < ratio(rows, "upper", "overlap")
    smd = {
        row.column_key["weighting"]: abs(row.value or 0.0)
        for row in rows
        if row.output == "balance" and row.row_key == {"variable": "feature", "level": FEATURE}
    }
    assert smd["before"] > 0.8
    assert smd["overlap"] < 0.1


def test_the_rows_with_features_are_the_persons_of_the_cells(confounded: dict[int, Person]) -> None:
    asked = asking()
    (frame,) = asked.frames
    found = evidence(asked, confounded)
    cells = cells_of(asked, frame, found["cells"])
    mine, plain = everyone_of(asked, asked.analyses[0], cells, found), persons_of(cells, ())
    for one in (mine, plain):
        assert len(one.treated) == cells.persons("all")
    told = [sorted(zip(one.treated, one.entry, one.exit_, one.status, strict=True)) for one in (mine, plain)]
    assert told[0] == told[1]
    assert mine.features is not None
    assert set(mine.features.terms) == {FEATURE, "cim10:I10:30"}
    ill = sum(any(code == "E119" for _, code, _ in person.diagnoses) for person in confounded.values())
    assert mine.features.held[mine.features.terms.index(FEATURE)] <= ill


def test_shards_make_no_difference_to_a_score_on_features(confounded: dict[int, Person]) -> None:
    asked = asking(parameters={"adjustment": "matching"})
    one, two = (evidence(asked, confounded, shards) for shards in (1, 3))
    assert one["patterns"].equals(two["patterns"])
    assert results(asked, one, run="r") == results(asked, two, run="r")


def test_no_row_of_evidence_holds_a_number_of_a_person(confounded: dict[int, Person]) -> None:
    keys = evidence(asking(), confounded)["patterns"]["key"].to_pylist()
    assert len(set(keys)) == len(keys) < len(confounded)
    assert {len(key.split("|")) for key in keys} == {6}
    assert {key.split("|")[0] for key in keys} == {"target", "comparator"}


def test_frames_without_features_have_no_such_rows(confounded: dict[int, Person]) -> None:
    asked = asking(inputs={"covariates": ["sex"]})
    plan = compile_study(asked, cut=day(CUT))[0]
    assert not [name for name in plan.selects if name.startswith("patterns:")]


def test_two_cohorts_are_compared_by_a_score_as_new_users_are() -> None:
    persons = people(7, 200)
    shards = [described_tables(persons[part::2]) for part in range(2)]
    asked = comparing("propensity", follow_up=200, parameters={"adjustment": "strata", "strata": 2, "risk_days": [100]})
    rows = rows_of(asked, shards, cut=LAST)
    assert {row.output for row in rows} >= {"score_ratio", "balance", "score_overlap"}
    assert study_from_dict(asked.as_dict()).content_id == asked.content_id


def test_a_score_of_two_cohorts_says_its_use() -> None:
    for parameters in ({}, {"adjustment": "matching", "replicates": 100}):
        with pytest.raises(BadInput, match="study-field"):
            comparing("propensity", parameters=parameters)
