# SPDX-License-Identifier: Apache-2.0
"""The design that compares two rule cohorts, or the two sides of a matched one: its keys, and the names of its steps of attrition.

``cohort/design_cohort_comparison.py`` is its SQL, ``study/design_cohort_comparison.py`` its results; docs/designs.md tells its rules.
"""

from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.fields import Fields
from rempart.records.forms import Choice, Flag, Table, Text, Texts, Whole, Wholes, key
from rempart.records.protocol import CALIBRATION, DISTRIBUTIONS, PROPENSITY, TIES, TYPES
from rempart.records.scores import ADJUSTMENTS, SCORE_KEYS, check_replicates

COMPARISON = "cohort-comparison"
STRATA, ROBUST = "strata", "robust"
_COX, _TABLE_ONE, _FINE_GRAY, _RATE_RATIO = "cox", "table_one", "fine_gray", "rate_ratio"
_CURVES = ("kaplan_meier", "cumulative_incidence")
_SETS = "strata or robust: how the hazard ratio holds the matched sets together"

_INPUTS = Table(
    name="cohort_comparison_inputs",
    about="Which cohorts are compared, until which outcome.",
    keys={
        "target": key(Text(), "a rule cohort, or a matched one; of a matching: NAME_cases", required=True),
        "comparator": key(Text(), "a rule cohort, or a matched one; of a matching: NAME", required=True),
        "outcome": key(Text(), "an outcome, which ends follow-up; absent: the only one"),
        "covariates": key(
            Texts(),
            "table_one, cox, fine_gray, rate_ratio, propensity: covariates at time zero; absent: all of them; []: none",
        ),
    },
)
_SCORE = {name: item for name, item in SCORE_KEYS.items() if name != "select"}
_PARAMETERS = Table(
    name="cohort_comparison_parameters",
    about="How it is made.",
    keys={
        "ties": key(Choice(TIES), "cox, propensity: outcomes on one day", default="efron"),
        "sets": key(
            Choice((STRATA, ROBUST)),
            "cox, of the two sides of a matching, where it must be said: each set a stratum, or errors robust to sets and persons",
        ),
        "grid_days": key(Whole(1), "curves: step of the grid", default=90),
        "distribution": key(
            Choice(DISTRIBUTIONS), "rate_ratio: of the counts by pattern of covariates", default="poisson"
        ),
        "horizons": key(Wholes(1, 36600), "curve_tests: days that restricted means go to; absent: none"),
        "differences": key(Flag(), "table_one: standardised differences of the arms", default=False),
        **_SCORE,
    },
)


def sides_of_a_matching(analysis: DesignAnalysis, matched: frozenset[str]) -> str:
    """The matching whose cases are the target and whose controls the comparator; '' where the sides are not of one."""
    comparator = str(analysis.inputs["comparator"])
    return comparator if comparator in matched and analysis.inputs["target"] == f"{comparator}_cases" else ""


def attrition_steps(analysis: DesignAnalysis, matched: frozenset[str], lag_days: int) -> tuple[str, ...]:
    """Names of the steps, numbered."""
    risk = "at risk after the lag" if lag_days else "at risk"
    if sides_of_a_matching(analysis, matched):
        steps: tuple[str, ...] = ("in a matched set", risk)
    else:
        steps = ("first entry into either cohort", "one cohort on that day", risk)
    return tuple(f"{number:02d} {text}" for number, text in enumerate(steps, 1))


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    if analysis.inputs["target"] == analysis.inputs["comparator"]:
        raise given.wrong("inputs.target", "another cohort than the comparator")
    sides = sides_of_a_matching(analysis, frozenset(known.matched))
    if not sides and "sets" in analysis.parameters:
        raise given.wrong(
            "parameters.sets", "no such line: the two cohorts are not the sides of one matching (NAME_cases and NAME)"
        )
    if sides and analysis.type == _COX and "sets" not in analysis.parameters:
        raise given.wrong("parameters.sets", _SETS)
    if analysis.type == PROPENSITY:
        _check_score(given, analysis, sides)
    several = {name for name in (sides, *analysis.cohorts) if name in known.several}
    if sides and analysis.type in {_FINE_GRAY, _RATE_RATIO, "curve_tests"}:
        raise given.wrong("type", "cox: this model would not hold the matched sets together")
    if sides and several and analysis.type not in {_COX, "attrition"}:
        raise given.wrong("inputs.comparator", _ONCE)


def _check_score(given: Fields, analysis: DesignAnalysis, sides: str) -> None:
    if sides:
        raise given.wrong(
            "type", "cox: the two sides of a matching are comparable by it already, and a score would undo its sets"
        )
    if "adjustment" not in analysis.parameters:
        raise given.wrong("parameters.adjustment", "one of " + ", ".join(ADJUSTMENTS))
    check_replicates(analysis.parameters["replicates"], analysis.parameters["adjustment"], given)


_ONCE = (
    "a matching in which a person serves once in an arm (replace = false, and cases that enter once): a rate, a curve or a table "
    "counts persons; cox and attrition take any"
)

COHORT_COMPARISON = DesignForm(
    design=COMPARISON,
    about="Two rule cohorts, or the two sides of a matched one, followed from their own time zero to the outcome.",
    types=tuple(name for name in TYPES if name != CALIBRATION),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    used={
        "covariates": (_TABLE_ONE, _COX, _FINE_GRAY, _RATE_RATIO, PROPENSITY),
        "ties": (_COX, _FINE_GRAY, PROPENSITY),
        "distribution": (_RATE_RATIO,),
        "horizons": ("curve_tests",),
        **dict.fromkeys(_SCORE, (PROPENSITY,)),
        "sets": (_COX,),
        "grid_days": _CURVES,
        "differences": (_TABLE_ONE,),
    },
    protocol=frozenset({"lag_days", "follow_up_days", "estimand"}),
    check=_check,
)
