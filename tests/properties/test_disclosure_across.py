# SPDX-License-Identifier: Apache-2.0
"""Subtraction across the tables of one submission, with numbers by hand: cases beside their cohort, two analyses of one kind, and the net
benefit of treating everybody."""

from collections.abc import Mapping
from itertools import product

import pytest

from rempart.disclosure.check import check
from rempart.records.result import ResultRow
from tests.disclosure_rows import RULES, attrition, curve, row

Counts = Mapping[str, int]


def told(rows: list[ResultRow]) -> list[tuple[str, str, str, float | None]]:
    """Output, arm, statistic and what is published of each row."""
    return [
        (item.output, item.column_key.get("arm", ""), item.statistic, item.value)
        for table in check(rows, RULES)
        for item in table.rows
    ]


def published(rows: list[ResultRow]) -> list[float]:
    """The numbers that stay."""
    return [value for *_, value in told(rows) if value is not None]


def matched(analysis: str, arms: Counts, *, statistic: str = "cases", kind: str = "odds_ratio") -> list[ResultRow]:
    """Cases or controls by exposure, and all of them."""
    key = {"analysis": analysis, "model": "crude", "term": "drug"}
    whole = {**arms, "all": sum(arms.values())}
    return [row(f"{kind}_{analysis}", kind, key, arm, statistic, n) for arm, n in whole.items()]


def series(arms: Counts) -> list[ResultRow]:
    """Cases of a case series."""
    key = {"analysis": "series", "exposure": "vaccine", "window": "days 1 to 7"}
    whole = {**arms, "all": sum(arms.values())}
    return [row("relative_incidence", "relative_incidence", key, arm, "cases", n) for arm, n in whole.items()]


def lag(events: int) -> list[ResultRow]:
    """Outcomes of a lag model."""
    return [row("lag_effects", "lag_effects", {"analysis": "lag", "term": "heat"}, "all", "events", events)]


CROSSED, SERIES = {"risk": 60, "reference": 50, "alike": 385}, {"window": 60, "reference": 435}
ANALYSED = {
    "case-crossover": matched("crossed", CROSSED),
    "controls of matched sets": matched("nested", {"exposed": 60, "unexposed": 435}, statistic="controls"),
    "case series": series(SERIES),
    "lag model": lag(495),
}


@pytest.mark.parametrize(("design", "arm"), list(product(ANALYSED, ("all", "cases", "target"))))
def test_a_cohort_less_its_cases_does_not_give_the_few_that_were_left_out(design: str, arm: str) -> None:
    """Of 500 who are in the cohort 495 can be analysed, whatever the cohort is called."""
    left = published(attrition([800, 500], arm) + ANALYSED[design])
    assert 800 in left and not {500, 495} <= set(left)
    assert {500, 495} & set(left), "one of them is still told"


@pytest.mark.parametrize("design", list(ANALYSED))
def test_a_cohort_stands_beside_its_cases_where_none_or_many_were_left_out(design: str) -> None:
    for cohort in (495, 506):
        rows = attrition([800, cohort], "cases") + ANALYSED[design]
        assert len(published(rows)) == len(rows), cohort


def test_an_earlier_step_of_a_cohort_does_not_give_them_either() -> None:
    left = published(attrition([800, 500, 470], "cases") + ANALYSED["case-crossover"])
    assert not {500, 495} <= set(left)


def risks(analysis: str, by: Mapping[tuple[str, int], tuple[int, int]]) -> list[ResultRow]:
    """Events of the two arms of a target trial by outcome and day."""
    return [
        row(f"risk_{analysis}", "risk", {**key, "analysis": analysis, "model": "standardised"}, arm, "events", n)
        for (outcome, day), events in by.items()
        for key in [{"outcome": outcome, "day": f"{day:05d}"}]
        for arm, n in zip(("started", "not started"), events, strict=True)
    ]


@pytest.mark.parametrize(("outcome", "day"), [("stroke", 360), ("stroke", 372), ("any_stroke", 360)])
def test_risks_of_two_analyses_do_not_give_the_few_between_them(outcome: str, day: int) -> None:
    """By one day more, by days of other intervals, or of a wider outcome by the same day: 4 and 5 persons lie between."""
    one, other = risks("a", {("stroke", 360): (100, 300)}), risks("b", {(outcome, day): (104, 305)})
    left = set(published(one + other))
    assert not {100, 104} <= left and not {300, 305} <= left
    assert left, "one analysis of each arm is still told"


def test_risks_that_lie_far_apart_or_of_other_outcomes_and_days_are_told_side_by_side() -> None:
    one = risks("a", {("stroke", 360): (100, 300)})
    for other in ({("stroke", 360): (120, 320)}, {("stroke", 360): (100, 300)}, {("fall", 720): (104, 305)}):
        assert len(published(one + risks("b", other))) == 4


def test_a_risk_does_not_tell_who_had_the_outcome_since_a_day_of_the_curve() -> None:
    """Day 360 of the curve shows 100, the risk by day 370 would show 104: four persons of ten days. A risk on a day of the curve stays."""
    drawn = [*curve("started", 2000, [(25, 60)] * 4), *curve("not started", 2000, [(30, 60)] * 4)]
    rows = drawn + risks("a", {("stroke", 370): (104, 140)})
    assert {(output, arm) for output, arm, _, value in told(rows) if value is None} == {("risk_a", "started")}
    assert len(published(drawn + risks("a", {("stroke", 360): (100, 120)}))) == len(drawn) + 2


@pytest.mark.parametrize(("one", "other"), [((100, 300), (150, 305)), ((100, 300), (104, 350))])
def test_a_difference_of_risks_goes_with_the_risk_of_either_arm(one: tuple[int, int], other: tuple[int, int]) -> None:
    """The difference and the risk of the arm that stays would give the other one."""
    rows = risks("a", {("stroke", 360): one}) + risks("b", {("stroke", 360): other})
    key = {"outcome": "stroke", "day": "00360", "model": "standardised", "measure": "difference"}
    for analysis, events in (("a", one), ("b", other)):
        rows.append(
            row(f"risk_{analysis}", "risk", {**key, "analysis": analysis}, "", "risk_difference", 0.1, min(events))
        )
    left = told(rows)
    hurt = {output for output, arm, _, value in left if arm and value is None}
    assert hurt and {output for output, arm, _, value in left if not arm and value is None} == hurt


def of_a_prediction(output: str, kind: str, persons: int, events: int) -> list[ResultRow]:
    """Whom a prediction was trained with, or who judges it."""
    key = {"model": "l1_logistic"} | ({"variable": "all", "level": "all"} if kind == "prediction" else {})
    return [row(output, kind, key, "all", name, n) for name, n in (("persons", persons), ("events", events))]


def doubted(analysis: str, exposed: int) -> list[ResultRow]:
    """What a sensitivity analysis repeats of matched sets."""
    return matched(analysis, {"exposed": exposed, "unexposed": 900 - exposed}, kind="sensitivity")


def compared(output: str, events: int) -> list[ResultRow]:
    """Events of an arm that a test of two curves stands on."""
    return [row(output, "test", {"analysis": output}, "target", "events", events)]


TWICE = {
    "who judges": (of_a_prediction("prediction_a", "prediction", 900, 100), 900, 904),
    "cases among who judge": (of_a_prediction("prediction_a", "prediction", 900, 100), 100, 103),
    "who trains": (of_a_prediction("prediction_model_a", "model_card", 900, 100), 900, 904),
    "cases among who train": (of_a_prediction("prediction_model_a", "model_card", 900, 100), 100, 103),
    "matched sets under doubt": (doubted("a", 100), 100, 104),
    "tests of two curves": (compared("curve_tests_a", 100), 100, 104),
}
AGAIN = {
    "who judges": of_a_prediction("prediction_b", "prediction", 904, 200),
    "cases among who judge": of_a_prediction("prediction_b", "prediction", 2000, 103),
    "who trains": of_a_prediction("prediction_model_b", "model_card", 904, 200),
    "cases among who train": of_a_prediction("prediction_model_b", "model_card", 2000, 103),
    "matched sets under doubt": doubted("b", 104),
    "tests of two curves": compared("curve_tests_b", 104),
}


@pytest.mark.parametrize("what", list(TWICE))
def test_two_analyses_of_one_kind_do_not_give_the_few_between_them(what: str) -> None:
    one, smaller, larger = TWICE[what]
    assert {smaller, larger} <= {item.value for item in one + AGAIN[what]}
    left = published(one + AGAIN[what])
    assert not {float(smaller), float(larger)} <= set(left)
    assert left, "not all goes"


@pytest.mark.parametrize(("persons", "events"), [(900, 7), (900, 893)])
def test_treating_everybody_does_not_tell_how_many_judges_had_the_outcome(persons: int, events: int) -> None:
    """Where treating nobody gives 0, treating all at a threshold t gives share - (1 - share) t / (1 - t): with who judges, their cases."""
    key, threshold = {"model": "l1_logistic", "threshold": "10 %"}, 0.1
    share = events / persons
    everybody = share - (1 - share) * threshold / (1 - threshold)
    values = {"model": 0.02, "all": everybody, "none": 0.0}
    benefit = [row("prediction_net_benefit", "net_benefit", key, "", name, n, 400) for name, n in values.items()]
    rows = of_a_prediction("prediction", "prediction", persons, events) + benefit
    assert round((everybody + threshold / (1 - threshold)) * (1 - threshold) * persons) == events, "the attack"
    left = told(rows)
    counts = [value for output, _, name, value in left if output == "prediction" and name in {"persons", "events"}]
    assert None in counts and (events > 10 or counts[1] is None), "one of them without the other tells nothing"
    assert [value for output, *_, value in left if output == "prediction_net_benefit"] == [None] * 3


def test_a_net_benefit_is_told_where_those_who_judge_are() -> None:
    key = {"model": "l1_logistic", "threshold": "10 %"}
    benefit = [row("prediction_net_benefit", "net_benefit", key, "", "all", 0.1, 400)]
    rows = of_a_prediction("prediction", "prediction", 900, 100) + benefit
    assert len(published(rows)) == len(rows)
