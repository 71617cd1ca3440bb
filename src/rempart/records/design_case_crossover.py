# SPDX-License-Identifier: Apache-2.0
"""The case-crossover, and with controls the case-time-control: its keys. SQL and fit are in the files of that name elsewhere."""

from itertools import pairwise

from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.design_nested_case_control import ODDS_RATIO
from rempart.records.design_windows import COVERED, DISPENSED, LONGEST
from rempart.records.fields import Fields
from rempart.records.forms import Choice, Flag, Pair, Table, Text, Texts, Wholes, key

CASE_CROSSOVER = "case-crossover"
WEEK, WEEKS = 7, 4  # time-stratified: the same day of the week in the same month lies so many weeks away at most

_INPUTS = Table(
    name="case_crossover_inputs",
    about="Whose days are compared.",
    keys={
        "cohort": key(
            Text(),
            "a rule cohort, or the cases of a matched one: each first day of a period is the day of an event; absent: the only one",
        ),
        "controls": key(
            Text(),
            "a rule or matched cohort whose first days are treated alike: the change of exposure over time that it shows is taken out "
            "(case-time-control); absent: none",
        ),
        "exposures": key(Texts(least=1), "exposures; absent: all of them"),
    },
)
_PARAMETERS = Table(
    name="case_crossover_parameters",
    about="Which days are compared with which.",
    keys={
        "risk_window": key(
            Pair(-LONGEST, LONGEST),
            "the risk window: first and last day relative to the event, both included",
            required=True,
        ),
        "apart": key(
            Wholes(-LONGEST, LONGEST),
            "reference windows of the same length: by how many days each lies from the risk window; before it: negative",
        ),
        "time_stratified": key(
            Flag(),
            "instead of apart: reference windows around the other days of the event's month on the same day of the week",
            default=False,
        ),
        "bidirectional": key(
            Flag(),
            "true: windows may hold days after the event, which cannot change the exposure; else they are refused, and time_stratified too",
            default=False,
        ),
        "exposed": key(
            Choice((DISPENSED, COVERED)),
            "dispensed: by a dispensing in the window; covered: by a period of exposure that holds a day of it",
            default=DISPENSED,
        ),
    },
)


def shifts(analysis: DesignAnalysis) -> tuple[int, ...]:
    """By how many days reference windows may lie from the risk window."""
    if analysis.parameters["time_stratified"]:
        return tuple(WEEK * week for week in range(-WEEKS, WEEKS + 1) if week)
    return tuple(int(day) for day in analysis.parameters["apart"])


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    asked = analysis.parameters
    if ("apart" in asked) == asked["time_stratified"]:
        raise given.wrong("parameters.apart", "reference windows, or time_stratified = true, and not both")
    length = asked["risk_window"][1] - asked["risk_window"][0] + 1
    if asked["time_stratified"]:
        if length > WEEK:
            raise given.wrong(
                "parameters.risk_window", f"{WEEK} days at most beside time_stratified, so that no two windows overlap"
            )
    elif (
        any(after - before < length for before, after in pairwise(sorted({0, *asked["apart"]}))) or 0 in asked["apart"]
    ):
        raise given.wrong(
            "parameters.apart",
            f"windows that do not overlap: at least {length} days from the risk window and from each other",
        )
    for field, last in _last_days(analysis).items():
        if last > 0 and not asked["bidirectional"]:
            raise given.wrong(
                f"parameters.{field}",
                "no day after the event, which changes what is taken then; or bidirectional = true where it cannot, as with the weather",
            )
    if analysis.inputs.get("controls") == analysis.inputs["cohort"]:
        raise given.wrong("inputs.controls", "another cohort than the cases'")
    for name in analysis.exposures if asked["exposed"] == COVERED else ():
        if name not in known.periods:
            raise given.wrong("inputs.exposures", f"exposures with supply, since exposed = {COVERED}: {name} has none")


def _last_days(analysis: DesignAnalysis) -> dict[str, int]:
    """The last day relative to the event that the risk window, and any reference window, may hold: key → day."""
    last = int(analysis.parameters["risk_window"][1])
    named = "time_stratified" if analysis.parameters["time_stratified"] else "apart"
    return {"risk_window": last, named: last + max(shifts(analysis), default=0)}


def _looks_back(analysis: DesignAnalysis) -> tuple[tuple[str, int], ...]:
    return (("parameters.risk_window", min(0, int(analysis.parameters["risk_window"][0]) + min(0, *shifts(analysis)))),)


CASE_CROSSOVER_FORM = DesignForm(
    design=CASE_CROSSOVER,
    about="Cases alone, days before the event compared with other days of the same person; with controls, the change over time taken out.",
    types=(ODDS_RATIO,),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    check=_check,
    looks_back=_looks_back,
)
