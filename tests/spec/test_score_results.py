# SPDX-License-Identifier: Apache-2.0
"""Scores, negative controls and doubts from a study file to checked rows: what is said, what is hidden together, what is refused."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rempart.disclosure.check import check
from rempart.errors import BadInput, RempartError
from rempart.records.result import ResultRow
from rempart.records.scores import ADJUSTMENTS, ESTIMANDS
from rempart.records.study import study_from_dict
from rempart.study.design_sensitivity import as_shown
from rempart.study.estimators.bias_tables import unmeasured_confounder
from rempart.study.estimators.e_values import e_value
from rempart.study.evidence import merge
from rempart.study.results import results
from tests.disclosure_rows import RULES
from tests.planted_scores import DAYS, evidence_of, planted, propensity, scored_study

FRAME = "main/target/comparator/"
PEOPLE = planted(4000, 1)


def told(rows: tuple[ResultRow, ...], output: str, statistic: str, **keys: str) -> list[ResultRow]:
    """The rows with those keys, of no arm where none is asked for."""
    return [
        row
        for row in rows
        if (row.output, row.statistic) == (output, statistic)
        and keys.items() <= {**row.row_key, **row.column_key}.items()
        and ("arm" in keys) == ("arm" in row.column_key)
    ]


def shown(rows: tuple[ResultRow, ...]) -> dict[str, list[ResultRow]]:
    """What the rules let be seen, by output."""
    return {table.output: list(table.rows) for table in check(rows, RULES)}


@pytest.fixture(scope="module")
def scored() -> tuple[ResultRow, ...]:
    """Every use of a score on one confounded population."""
    study = scored_study(*(propensity(name.replace("-", "_"), name) for name in ADJUSTMENTS))
    return results(study, evidence_of({FRAME + "bladder_cancer": PEOPLE}), run="r")


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_each_row_says_whom_the_estimate_speaks_of(scored: tuple[ResultRow, ...], adjustment: str) -> None:
    name = adjustment.replace("-", "_")
    crude, adjusted = told(scored, f"score_ratio_{name}", "hazard_ratio")
    assert (crude.row_key["model"], crude.row_key["estimand"]) == ("crude", "unadjusted")
    assert (adjusted.row_key["model"], adjusted.row_key["estimand"]) == (adjustment, ESTIMANDS[adjustment])
    lower = [row.value for row in told(scored, f"score_ratio_{name}", "lower")]
    assert lower[0] is not None
    assert lower[1] is not None
    assert lower[0] > 1 > lower[1]


def test_risks_balance_and_overlap_stand_beside_it(scored: tuple[ResultRow, ...]) -> None:
    outputs = {
        row.output: row.output_type for row in scored if row.output.endswith("_overlap") or "_strata" in row.output
    }
    assert outputs["balance_strata"] == "balance"
    assert (outputs["score_risk_strata"], outputs["score_overlap_strata"]) == ("risk", "score_overlap")
    (difference,) = told(scored, "score_risk_overlap", "risk_difference", day=f"{DAYS:05d}")
    arms = [told(scored, "score_risk_overlap", "risk", arm=arm)[0].value for arm in ("target", "comparator")]
    assert difference.value == pytest.approx(arms[0] - arms[1])  # type: ignore[operator]
    bins = [row.value for row in scored if (row.output, row.statistic) == ("score_overlap_overlap", "n")]
    assert sum(map(int, bins)) == len(PEOPLE)  # type: ignore[arg-type]
    assert not any(0 < value < 11 for value in bins)  # type: ignore[operator]


def test_bins_are_as_wide_as_the_fewest_persons_need() -> None:
    rare = [("target", "80+|male", 9, 0)] * 3 + [("comparator", "80+|male", 9, 0)] * 40
    rows = results(
        scored_study(propensity("w", "weights")), evidence_of({FRAME + "bladder_cancer": PEOPLE + rare}), run="r"
    )
    bins = {row.row_key["bin"]: row.value for row in rows if row.output == "score_overlap" and row.statistic == "n"}
    assert not any(0 < value < 11 for value in bins.values())  # type: ignore[operator]
    assert len(bins) < 20


def test_everything_passes_the_rules(scored: tuple[ResultRow, ...]) -> None:
    seen = shown(scored)
    assert any(row.value is not None for row in seen["score_ratio_overlap"])
    smd = [
        abs(row.value)
        for row in seen["balance_weights"]
        if row.column_key["weighting"] == "weights" and row.value is not None
    ]
    assert max(smd) <= 0.03


def test_shards_make_no_difference() -> None:
    study = scored_study(propensity("m", "matching"))
    whole = results(study, evidence_of({FRAME + "bladder_cancer": PEOPLE}), run="r")
    halves = [evidence_of({FRAME + "bladder_cancer": PEOPLE[at::2]}) for at in (1, 0)]
    assert results(study, merge(halves), run="r") == whole


def test_few_outcomes_hide_count_ratio_risk_and_limits_together() -> None:
    few = [row for row in PEOPLE if row[0] == "comparator" or row[3] != 1]
    few += [row for row in PEOPLE if row[0] == "target" and row[3] == 1][:7]
    study = scored_study(
        propensity("w", "overlap"),
        {"id": "e", "type": "e_value", "design": "sensitivity", "inputs": {"analysis": "w"}},
    )
    seen = shown(results(study, evidence_of({FRAME + "bladder_cancer": few}), run="r"))
    estimates = {
        "hazard_ratio",
        "lower",
        "upper",
        "p_value",
        "risk_difference",
        "risk_ratio",
        "e_value",
        "e_value_limit",
        "ratio",
    }
    rows = [row for table in ("score_ratio", "score_risk", "e_values") for row in seen[table]]
    whole = [row for row in rows if not row.column_key and row.statistic in estimates]
    assert len(whole) >= 12
    assert {row.status for row in whole} == {"suppressed"}
    assert {
        row.status for row in rows if row.column_key.get("arm") == "target" and row.statistic in {"events", "risk"}
    } == {"suppressed"}


def test_what_cannot_be_estimated_has_its_rows_and_says_why() -> None:
    apart = [(arm, "50-54|female" if arm == "target" else "65-69|male", x, k) for arm, _, x, k in PEOPLE]
    rows = results(scored_study(propensity("w", "weights")), evidence_of({FRAME + "bladder_cancer": apart}), run="r")
    _, adjusted = told(rows, "score_ratio", "hazard_ratio")
    assert adjusted.value is None
    assert adjusted.row_key["note"].startswith("logistic-")
    assert check(rows, RULES)


CONTROLS = ("fracture", "hernia", "otitis", "burn")


def control_study(**parameters: Any) -> Any:
    """A calibration over four controls."""
    codes = {"any": [{"domain": "condition", "codes": "bladder_cancer"}]}
    outcomes = dict.fromkeys(("bladder_cancer", *CONTROLS), codes)
    inputs = {"outcome": "bladder_cancer", "outcomes": list(CONTROLS), "covariates": []}
    return scored_study(
        {"id": "nc", "type": "calibration", "inputs": inputs, "parameters": parameters}, outcomes=outcomes
    )


def control_rows(shift: float, seed: int = 0, few: str = "") -> tuple[ResultRow, ...]:
    """Controls whose ratio is exp(shift), and an outcome of twice that; ``few``: one with hardly an outcome."""
    people = {FRAME + "bladder_cancer": planted(6000, seed, log_ratio=shift + math.log(2), confounding=0.0)}
    for at, name in enumerate(CONTROLS, 1):
        rows = planted(6000, seed + at, log_ratio=shift, confounding=0.0)
        people[FRAME + name] = [row for row in rows if row[3] != 1 or row[2] < 4] if name == few else rows
    return results(control_study(), evidence_of(people), run="r")


def test_controls_show_the_error_and_the_studied_ratio_is_corrected_for_it() -> None:
    rows = control_rows(0.5)
    (mean,) = told(rows, "controls", "null_mean")
    assert mean.value == pytest.approx(0.5, abs=0.1)
    (before, after) = told(rows, "calibrated", "hazard_ratio")
    assert (before.row_key["model"], after.row_key["model"]) == ("crude", "calibrated")
    assert before.value == pytest.approx(2 * math.exp(0.5), rel=0.12)
    assert after.value == pytest.approx(2, rel=0.12)
    (studied,) = told(rows, "controls", "calibrated_ratio")
    assert studied.value == after.value
    assert [row.row_key["outcome"] for row in told(rows, "controls", "ratio", kind="negative")] == sorted(CONTROLS)


def test_a_control_with_few_outcomes_is_hidden_and_takes_no_part() -> None:
    rows = control_rows(0.5, few="burn")
    (count,) = told(rows, "controls", "controls")
    assert count.value == 3
    seen = [row for row in shown(rows)["controls"] if row.row_key["outcome"] == "burn" and row.statistic == "ratio"]
    assert [row.status for row in seen] == ["suppressed"]
    assert [row.row_key["kind"] for row in seen] == ["left out"]
    assert [row.value for row in told(rows, "controls", "left_out")] == [1]
    without = [told(rows, "controls", "null_mean")[0].value, told(control_rows(0.5), "controls", "null_mean")[0].value]
    assert without[0] != without[1]


def barred(rows: tuple[ResultRow, ...], outcome: str) -> list[ResultRow]:
    """The rows, one control's outcomes of one arm seen in two places of care alone."""
    return [
        replace(row, n_establishments=2)
        if (row.output, row.row_key.get("outcome"), row.column_key.get("arm")) == ("controls", outcome, "comparator")
        else row
        for row in rows
        if row.output in {"controls", "calibrated"}
    ]


def hidden(rows: list[ResultRow]) -> set[tuple[str, str, str]]:
    """(output, row, statistic) of what is hidden and stands in no arm."""
    return {
        (row.output, row.row_key.get("outcome") or row.row_key["model"], row.statistic)
        for table in check(rows, RULES)
        for row in table.rows
        if row.status == "suppressed" and not row.column_key
    }


def test_the_error_goes_with_the_counts_of_every_control_it_was_fitted_to() -> None:
    """Otherwise the ratio of the control that is hidden would follow from the error and the other controls."""
    everything = control_rows(0.5)
    assert not hidden(list(everything))
    gone = hidden(barred(everything, "otitis"))
    assert {("controls", "otitis", name) for name in ("ratio", "lower", "upper", "p_value")} <= gone
    assert {("controls", "systematic error", name) for name in ("null_mean", "null_sd", "expected_error")} <= gone
    assert {("controls", "bladder_cancer", name) for name in ("calibrated_ratio", "calibrated_p")} <= gone
    assert {("calibrated", "calibrated", name) for name in ("hazard_ratio", "lower", "upper", "p_value")} <= gone
    assert not {item for item in gone if item[:2] in {("calibrated", "crude"), ("controls", "fracture")}}


def test_a_control_that_was_left_out_hides_nothing_but_itself() -> None:
    gone = hidden(barred(control_rows(0.5, few="burn"), "burn"))
    assert {(output, row) for output, row, _ in gone} == {("controls", "burn")}


def doubted(kind: str, **parameters: Any) -> tuple[ResultRow, ...]:
    """A Cox model and a doubt of it."""
    study = scored_study(
        {"id": "main", "type": "cox", "inputs": {"outcome": "bladder_cancer"}},
        {"id": "d", "type": kind, "design": "sensitivity", "inputs": {"analysis": "main"}, "parameters": parameters},
    )
    people = planted(4000, 3, log_ratio=0.7)
    return results(study, evidence_of({FRAME + "bladder_cancer": people}), run="r")


def ratio_of(rows: tuple[ResultRow, ...]) -> tuple[float, float, float]:
    """The adjusted ratio and its limits as shown."""
    found = [told(rows, "hazard_ratio", name, model="adjusted")[0].value for name in ("hazard_ratio", "lower", "upper")]
    one, low, high = (as_shown(value) for value in found)
    assert one is not None
    assert low is not None
    assert high is not None
    return one, low, high


def test_e_values_follow_from_the_ratio_as_it_is_published() -> None:
    rows = doubted("e_value")
    published = [
        row.value
        for row in shown(rows)["hazard_ratio"]
        if row.row_key["model"] == "adjusted" and row.statistic == "hazard_ratio"
    ]
    assert published == [ratio_of(rows)[0]]
    found = e_value(*ratio_of(rows), measure="hazard-ratio-rare")
    (point,), (limit,) = (told(rows, "e_values", name) for name in ("e_value", "e_value_limit"))
    assert (point.value, limit.value) == (found.point, found.limit)
    assert point.row_key["of"] == "main"
    beside, own = (told(rows, name, "events", arm="target")[0].persons_ref for name in ("e_values", "hazard_ratio"))
    assert beside == own


def test_a_confounder_moves_the_ratio_as_the_formula_says_and_draws_lie_around_it() -> None:
    fixed = {"name": "smoking", "target": 0.4, "comparator": 0.2, "outcome_ratio": 3.0}
    ranged = {**fixed, "name": "unsure", "target": 0.3, "target_to": 0.5, "outcome_ratio": 2.0, "outcome_ratio_to": 4.0}
    rows = doubted("confounder", confounders=[fixed, ranged])
    one, other = (told(rows, "confounder", "corrected_ratio", scenario=name)[0].value for name in ("smoking", "unsure"))
    ratio = ratio_of(rows)[0]
    shift = unmeasured_confounder(math.log(ratio), prevalence_exposed=0.4, prevalence_unexposed=0.2, outcome_ratio=3.0)
    assert one == pytest.approx(math.exp(float(shift)))
    assert other == pytest.approx(one, rel=0.03)
    limits = [told(rows, "confounder", name, scenario="unsure")[0].value for name in ("corrected_lower", "bias_lower")]
    assert limits[0] < limits[1] < other  # type: ignore[operator]
    assert rows == doubted("confounder", confounders=[fixed, ranged])


def test_perfect_reading_of_the_outcome_changes_nothing_and_the_impossible_is_said() -> None:
    perfect = {"name": "perfect", "sensitivity": 1.0, "specificity": 1.0}
    impossible = {"name": "impossible", "sensitivity": 0.9, "specificity": 0.5}
    rows = doubted("misclassification", accuracies=[perfect, impossible])
    same, lost = (
        told(rows, "misclassification", "corrected_ratio", scenario=name)[0].value for name in ("perfect", "impossible")
    )
    assert same == pytest.approx(ratio_of(rows)[0])
    assert lost is None


MATCHED = propensity("m", "matching")
WRONG: list[tuple[dict[str, Any], str]] = [
    (propensity("m", "matching", replicates=200), "parameters.replicates"),
    (propensity("m", "overlap", caliper=0.1), "parameters.caliper"),
    (propensity("m", "weights", replicates=10), "parameters.replicates"),
    (propensity("m", "weights", select=5), "parameters.select"),
    ({**MATCHED, "parameters": {}}, "parameters.adjustment"),
    ({**MATCHED, "inputs": {**MATCHED["inputs"], "features": ["no_such"]}}, "inputs.features"),
    ({**MATCHED, "type": "cox"}, "adjustment"),
    ({"id": "c", "type": "calibration", "inputs": {"outcome": "bladder_cancer"}}, "inputs.outcomes"),
    (
        {
            "id": "c",
            "type": "calibration",
            "inputs": {"outcome": "bladder_cancer", "outcomes": ["bladder_cancer", "x"]},
        },
        "inputs.outcomes",
    ),
    ({"id": "d", "type": "e_value", "design": "sensitivity", "inputs": {"analysis": "no_such"}}, "inputs.analysis"),
    (
        {"id": "d", "type": "confounder", "design": "sensitivity", "inputs": {"analysis": "d"}, "parameters": {}},
        "parameters.confounders",
    ),
]


@pytest.mark.parametrize(("analysis", "field"), WRONG, ids=[field for _, field in WRONG])
def test_a_file_that_asks_for_what_there_is_not_is_refused_by_its_field(analysis: dict[str, Any], field: str) -> None:
    with pytest.raises(RempartError) as caught:
        scored_study(propensity("w", "overlap"), analysis)
    assert field in str(caught.value.facts)


def test_a_study_with_scores_reads_back_as_the_same_study() -> None:
    study = scored_study(
        propensity("w", "weights", truncation=0.01, trimming="crump"),
        propensity("s", "strata", strata=10, risk_days=[100, 200], replicates=100),
        {"id": "e", "type": "e_value", "design": "sensitivity", "inputs": {"analysis": "w"}},
    )
    assert study_from_dict(study.as_dict()).content_id == study.content_id
    assert control_study(adjustment="overlap").frames[0].outcome == "bladder_cancer"
    assert len(control_study().frames) == 1 + len(CONTROLS)


def test_a_number_of_three_digits_is_as_the_rules_round_it() -> None:
    draw = np.random.default_rng(1)
    for value in np.exp(draw.normal(0, 2, 200)):
        row = ResultRow(
            run="r", output="hazard_ratio", output_type="hazard_ratio", row_key={"model": "m"}, column_key={},
            statistic="hazard_ratio", value=float(value), unit="ratio", n_persons=50, persons_ref="x",
        )  # fmt: skip
        (table,) = check([row], RULES)
        assert table.rows[0].value == as_shown(float(value))


def test_nothing_is_shown_for_a_value_that_is_no_ratio() -> None:
    assert [as_shown(value) for value in (None, float("nan"), 0.0, -1.0)] == [None] * 4
    with pytest.raises(BadInput):
        e_value(-1.0)
