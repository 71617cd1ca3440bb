# SPDX-License-Identifier: Apache-2.0
"""Prediction from evidence to tables: a planted risk is found, none where none is; splits, groups, what a model is refused for."""

import datetime
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rempart.adapters.boosting import Boosting
from rempart.disclosure.check import examine
from rempart.disclosure.models import check_model, findings
from rempart.errors import BadInput, Refused, RempartError, Unavailable
from rempart.ports.learner import Growing
from rempart.records.result import ResultRow
from rempart.records.trained import Structure, TrainedModel, models_bytes, models_from_bytes
from rempart.study import design_prediction
from rempart.study.designed import Designed
from rempart.study.prediction_data import Sides, sides_of
from rempart.study.prediction_models import grown
from rempart.study.prediction_structure import structure_of
from rempart.study.results import results
from rempart.study.training import Training, check_learner
from tests.designed_people import evidence_of, told_of, value
from tests.disclosure_rows import toml
from tests.predicted_people import LAST, predicting, shards

RULES = toml("disclosure/rules.toml")
BOTH = {"models": ["l1_logistic", "gradient_boosting"], "groups": ["sex", "place"], "trees": 30, "leaf_persons": 60}


@pytest.fixture(scope="module")
def found() -> tuple[tuple[ResultRow, ...], Training]:
    """A study with a planted risk, and the models that it trained."""
    study, training = predicting(BOTH), Training(learner=Boosting())
    evidence = evidence_of(study, shards(3, 2400, effect=1.6, parts=2), cut=LAST)
    return results(study, evidence, run="run", training=training), training


@pytest.mark.parametrize("model", ["l1_logistic", "gradient_boosting"])
def test_a_planted_risk_is_found_by_both_models(found: tuple[tuple[ResultRow, ...], Training], model: str) -> None:
    told = {"output": "prediction", "model": model, "variable": "all"}
    lower, upper = (value(found[0], f"auroc_{end}", **told) for end in ("lower", "upper"))
    assert lower is not None and upper is not None
    assert 0.66 < lower < upper < 0.86
    low, high = (value(found[0], f"observed_expected_{end}", **told) for end in ("lower", "upper"))
    assert low is not None and high is not None
    assert low < 1 < high
    assert (value(found[0], "ipa", **told) or 0) > 0.05


def test_no_risk_is_told_where_none_is_planted() -> None:
    study = predicting({})
    rows = results(study, evidence_of(study, shards(6, 1500, effect=0.0), cut=LAST), run="run")
    lower, upper = (value(rows, f"auroc_{end}", output="prediction", variable="all") for end in ("lower", "upper"))
    assert lower is not None and upper is not None
    assert lower - 1e-9 <= 0.5 <= upper + 1e-9


def test_groups_are_parts_of_those_who_judge(found: tuple[tuple[ResultRow, ...], Training]) -> None:
    counts = [r for r in found[0] if r.output == "prediction" and r.statistic in {"persons", "events"}]
    for statistic in ("persons", "events"):
        whole = value(found[0], statistic, output="prediction", model="l1_logistic", variable="all")
        for group in ("sex", "place"):
            mine = [r.value for r in counts if r.statistic == statistic and r.row_key["variable"] == group]
            assert sum(v or 0 for v in mine) == 2 * (whole or 0)  # once a model
    tenths = [r for r in found[0] if r.output == "prediction_calibration" and r.row_key["model"] == "l1_logistic"]
    assert sum(r.value or 0 for r in tenths if r.statistic == "events") == whole


def test_the_tables_pass_the_disclosure_rules(found: tuple[tuple[ResultRow, ...], Training]) -> None:
    tables = {table.output: table for table in examine(found[0], RULES).tables}
    parts = ("", "_persons", "_calibration", "_net_benefit", "_model")
    assert set(tables) == {f"prediction{part}" for part in parts}
    shown = [row for row in tables["prediction"].rows if row.status != "suppressed"]
    assert any(row.statistic == "auroc" and row.row_key["variable"] == "all" for row in shown)
    assert all(row.n_persons is None for table in tables.values() for row in table.rows)


@pytest.mark.parametrize(("leaf", "feature"), [(10, 30), (30, 10), (11, 11), (None, 11)])
def test_a_leaf_or_a_feature_of_few_persons_is_not_told_by_its_number(
    monkeypatch: pytest.MonkeyPatch, leaf: int | None, feature: int
) -> None:
    def built(sides: Sides, trained: Any) -> Structure:
        return replace(structure_of(sides, trained), least_leaf=leaf, least_feature=feature)

    monkeypatch.setattr(design_prediction, "structure_of", built)
    study = predicting({"models": ["l1_logistic"]})
    rows = results(study, evidence_of(study, shards(10, 600, effect=1.0), cut=LAST), run="run")
    card = next(table for table in examine(rows, RULES).tables if table.output == "prediction_model")
    told = {row.statistic: (row.value, row.status) for row in card.rows}
    for name, persons in (("least_leaf", leaf), ("least_feature", feature)):
        few = persons is not None and persons < 11
        assert told[name] == ((None, "suppressed") if few else (persons, "kept" if persons is None else "rounded"))
    assert told["gap"][1] == "rounded", "the rest of the card stands"


def test_those_whose_outcome_is_not_known_are_a_cell_like_others() -> None:
    study = predicting({"models": ["l1_logistic"]})
    rows = results(study, evidence_of(study, shards(10, 400, effect=1.0, leaving=1 / 40_000), cut=LAST), run="run")
    told = {r.row_key["level"]: r.value or 0 for r in rows if r.output == "prediction_persons" and r.statistic == "n"}
    assert told["all"] == told["training"] + told["judging"] + told["censored"] == 400
    assert 1 <= told["censored"] < 11
    table = next(t for t in examine(rows, RULES).tables if t.output == "prediction_persons")
    hidden = {row.row_key["level"] for row in table.rows if row.status == "suppressed"}
    assert "censored" in hidden and len(hidden) > 1, "the others would give it back"


def test_few_between_two_thresholds_hide_one_of_them() -> None:
    study = predicting({"thresholds": [5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 30, 50, 90]})
    rows = results(study, evidence_of(study, shards(10, 500, effect=1.0), cut=LAST), run="run")
    mine = [row for row in rows if row.output == "prediction_net_benefit" and row.statistic == "model"]
    table = next(t for t in examine(rows, RULES).tables if t.output == "prediction_net_benefit")
    hidden = {r.row_key["threshold"] for r in table.rows if r.status == "suppressed"}
    assert hidden == {row.row_key["threshold"] for row in mine if 1 <= (row.n_persons or 0) < 11}
    assert 0 < len(hidden) < len(mine)


def test_evidence_is_the_same_however_persons_are_split_and_holds_no_id() -> None:
    study = predicting({"groups": ["place"]})
    one, three = (evidence_of(study, shards(8, 150, effect=1.0, parts=parts), cut=LAST) for parts in (1, 3))
    assert one["patterns"].equals(three["patterns"])
    assert one["tallies"].equals(three["tallies"])
    keys = [key.split("|") for key in one["patterns"]["key"].to_pylist()]
    assert {len(key) for key in keys} == {8}
    assert {key[1] for key in keys} == {"0", "1", "2"} and {key[3] for key in keys} == {"train", "test"}
    other = predicting({"groups": ["place"], "seed": 2})
    assert not evidence_of(other, shards(8, 150, effect=1.0), cut=LAST)["patterns"].equals(one["patterns"])


@pytest.mark.parametrize(
    ("split", "judges"),
    [
        ({"split": "place", "places": ["13", "2A"]}, 0.5),
        ({"split": "time", "before": "2015-01-01", "horizon_days": 100}, 235 / (235 + 265)),
    ],
)
def test_who_judges_is_who_lives_elsewhere_or_comes_later(split: dict[str, Any], judges: float) -> None:
    told = told_of(predicting(split), shards(4, 1200, effect=1.0), cut=LAST)
    sides = sides_of(told)
    share = len(sides.judge.outcome) / (len(sides.judge.outcome) + len(sides.train.outcome))
    assert share == pytest.approx(judges, abs=0.05)
    assert sides.judge.columns.terms == sides.train.columns.terms


LATER = {"split": "time", "before": "2015-01-01", "horizon_days": 100}


def test_who_trains_could_have_trained_on_the_day_of_the_split() -> None:
    """With nothing seen from that day on, the same persons train, with the same outcomes."""
    study, people = predicting(LATER), shards(5, 1200, effect=1.0)
    whole, then = (told_of(study, people, cut=cut) for cut in (LAST, datetime.date(2014, 12, 31)))
    training = [[row for row in _rows_of(told) if row[3] == "train"] for told in (whole, then)]
    assert training[0] == training[1] and len(training[0]) > 400
    assert not [row for row in _rows_of(then) if row[3] == "test"]
    assert sum(row[1] == "1" for row in training[0]) > 20


def _rows_of(told: Designed) -> list[tuple[str, ...]]:
    found = told.patterns("rows", 8)
    return sorted(zip(*(np.repeat(column, found.n).tolist() for column in found.columns), strict=True))


def test_who_enters_less_than_the_horizon_before_the_split_is_left_out_and_counted() -> None:
    """By hand from the days on which persons enter; the parts sum to all."""
    people, split = shards(5, 900, effect=1.0, parts=2), datetime.date(2015, 1, 1)
    rows = results(predicting(LATER), evidence_of(predicting(LATER), people, cut=LAST), run="run")
    told = {r.row_key["level"]: r.value or 0 for r in rows if r.output == "prediction_persons" and r.statistic == "n"}
    entered = [day for part in people for day in part["cohort_people"]["start_date"].to_pylist()]
    horizon = datetime.timedelta(days=100)
    assert told["between"] == sum(day < split <= day + horizon for day in entered) > 50
    assert told["all"] == len(entered) == sum(told.values()) - told["all"]
    assert "between" not in {r.row_key["level"] for r in _at_random() if r.output == "prediction_persons"}


def _at_random() -> tuple[ResultRow, ...]:
    return results(predicting({}), evidence_of(predicting({}), shards(5, 300, effect=1.0), cut=LAST), run="run")


def _sides(seed: int, persons: int) -> Sides:
    return sides_of(told_of(predicting({}), shards(seed, persons, effect=1.0), cut=LAST))


def test_features_of_few_and_of_the_excluded_list_are_no_features() -> None:
    sides = _sides(3, 800)
    assert sides.offered == len(sides.train.columns.terms) + sum(sides.left_out.values())
    assert not any(":Z00:" in term for term in sides.train.columns.terms)
    assert "cim10:E11:365" in sides.train.columns.terms
    assert "cim10:E11:90" not in sides.train.columns.terms  # the same persons
    held = sides.train.columns.held
    assert min(held.min(), (len(sides.train.outcome) - held).min()) >= 11


def test_a_model_that_memorises_is_refused_and_a_coarse_one_may_be_asked_for() -> None:
    sides = _sides(11, 1500)
    greedy = grown(
        sides.train, sides.judge, Growing(trees=80, leaves=200, leaf_persons=1, rate=0.5, seed=1), Boosting()
    )
    faults = {item.what for item in findings(structure_of(sides, greedy), RULES)}
    assert {"leaf", "parameters", "gap"} <= faults
    with pytest.raises(Refused) as caught:
        check_model(
            TrainedModel(analysis="p", kind="gradient_boosting", structure=structure_of(sides, greedy), body=""), RULES
        )
    assert caught.value.code == "model-structure"
    coarse = grown(sides.train, sides.judge, Growing(trees=8, leaves=4, leaf_persons=60, rate=0.2, seed=1), Boosting())
    structure = structure_of(sides, coarse)
    assert (
        structure.least_leaf is not None and structure.least_leaf >= 40
    )  # the library guesses how many a leaf holds: 59 here
    assert sum(coarse.leaves[0]) == structure.persons
    assert findings(structure, RULES) == ()


def test_no_rule_clears_a_model(found: tuple[tuple[ResultRow, ...], Training]) -> None:
    models = found[1].models
    assert [model.kind for model in models] == ["l1_logistic", "gradient_boosting"]
    assert models_from_bytes(models_bytes(models)) == tuple(models)
    sound = Structure(persons=5000, events=900, parameters=40, features=39, least_feature=25, least_leaf=None, gap=0.01)
    with pytest.raises(Refused) as caught:
        check_model(TrainedModel(analysis="p", kind="l1_logistic", structure=sound, body=""), RULES)
    assert caught.value.code == "model-review"
    row = ResultRow(
        run="r", output="m", output_type="model", row_key={}, column_key={}, statistic="n", value=40.0, unit="persons",
        n_persons=40,
    )  # fmt: skip
    with pytest.raises(RempartError) as refused:
        examine([row], RULES)
    assert refused.value.code == "disclosure-statistic"
    with pytest.raises(BadInput):
        models_from_bytes(b"{}")


@pytest.mark.parametrize("what", ["least_leaf", "least_feature", "events"])
def test_each_limit_of_the_structure_is_of_eleven_persons(what: str) -> None:
    sound = {"persons": 5000, "events": 900, "parameters": 40, "features": 39, "least_feature": 25, "least_leaf": 30}
    for count, faults in ((11, 0), (10, 1)):
        assert len(findings(Structure(**{**sound, what: count}, gap=0.0), RULES)) == faults
    assert [item.what for item in findings(Structure(**{**sound, "parameters": 501}, gap=0.0), RULES)] == ["parameters"]
    assert [item.what for item in findings(Structure(**sound, gap=None), RULES)] == ["gap"]


def test_trees_without_a_learner_are_said_to_need_one() -> None:
    study = predicting({"models": ["gradient_boosting"]})
    with pytest.raises(Unavailable) as caught:
        results(study, evidence_of(study, shards(2, 300, effect=1.0), cut=LAST), run="run")
    assert caught.value.code == "learner-missing"


def test_the_extra_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(Unavailable) as caught:
        check_learner(predicting({"models": ["gradient_boosting"]}), Boosting())
    assert (caught.value.code, caught.value.facts["extra"]) == ("learner-missing", "ai")
    check_learner(predicting({}), None)


def test_what_cannot_be_fitted_says_why_and_gives_no_number() -> None:
    study = predicting({"horizon_days": 3})
    rows = results(study, evidence_of(study, shards(2, 60, effect=0.0), cut=LAST), run="run")
    (only,) = [row for row in rows if row.statistic == "auroc"]
    assert only.value is None and only.rule.startswith(("prediction-", "propensity-", "censoring-"))


@pytest.mark.parametrize(
    ("parameters", "inputs"),
    [
        ({"split": "time"}, {}),
        ({"before": "2015-01-01"}, {}),
        ({"split": "place"}, {}),
        ({"groups": ["years"]}, {}),
        ({"models": ["forest"]}, {}),
        ({"leaf_persons": 10}, {}),
        ({}, {"features": ["future"]}),
        ({}, {"features": [], "covariates": []}),
    ],
)
def test_a_prediction_that_means_nothing_is_refused(parameters: dict[str, Any], inputs: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        predicting(parameters, **inputs)
