# SPDX-License-Identifier: Apache-2.0
"""Cases and their matched controls, looked at before the index day: its keys. SQL and fit are in the files of that name elsewhere."""

from collections.abc import Mapping
from typing import Any

from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.design_windows import COVERED, DISPENSED, LONGEST
from rempart.records.fields import Fields
from rempart.records.forms import Choice, Pair, Rows, Table, Text, Texts, Whole, key

NESTED, ODDS_RATIO = "nested-case-control", "odds_ratio"
EXCLUDED, ADJUSTED, KEPT = "excluded", "adjusted", "kept"
_LOOK = Pair(-LONGEST, 0)

_OWN_WINDOW = Table(
    name="exposure_window",
    about="The days before the index day in which an exposure is looked for, where they are its own.",
    keys={
        "exposure": key(Text(), "one of inputs.exposures", required=True),
        "days": key(_LOOK, "first and last day relative to the index day, both included", required=True),
    },
)
_INPUTS = Table(
    name="nested_case_control_inputs",
    about="Who is compared, and what they may have taken.",
    keys={
        "controls": key(
            Text(),
            "a matched cohort (match = { … }); its cases are those it was matched to that found a control",
            required=True,
        ),
        "exposures": key(Texts(least=1), "exposures, each with a ratio of its own; absent: all of them"),
        "covariates": key(Texts(), "covariates on the index day; absent: all of them; []: none"),
    },
)
_PARAMETERS = Table(
    name="nested_case_control_parameters",
    about="Who counts as exposed, and compared with whom.",
    keys={
        "window": key(_LOOK, "days before the index day in which exposures are looked for", default=(-365, -1)),
        "windows": key(
            Rows(_OWN_WINDOW), "other days for some exposures, such as an intrauterine system that works for years"
        ),
        "exposed": key(
            Choice((DISPENSED, COVERED)),
            "dispensed: by days with a dispensing; covered: by a period of exposure that holds a day of the window",
            default=DISPENSED,
        ),
        "dispensings": key(Whole(1, 50), "dispensed: on so many days at least", default=1),
        "siblings": key(
            Choice((EXCLUDED, ADJUSTED, KEPT)),
            "who had another of the exposures and not this one: excluded: not looked at for this one, so that the reference had none; "
            "adjusted: one model of all exposures; kept: in the reference, as if unexposed",
            default=EXCLUDED,
        ),
    },
)


def look_of(analysis: DesignAnalysis, exposure: str) -> tuple[int, int]:
    """First and last day before the index day in which an exposure is looked for."""
    own: Mapping[str, Any] = {item["exposure"]: item["days"] for item in analysis.parameters["windows"]}
    first, last = own.get(exposure, analysis.parameters["window"])
    return int(first), int(last)


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    asked = analysis.parameters
    if analysis.inputs["controls"] not in known.matched:
        raise given.wrong(
            "inputs.controls", "a matched cohort: " + (", ".join(sorted(known.matched)) or "(none is defined)")
        )
    named = [item["exposure"] for item in asked["windows"]]
    for place, name in enumerate(named, 1):
        if name not in analysis.exposures or named.index(name) + 1 < place:
            expected = "one of inputs.exposures, each once: " + ", ".join(analysis.exposures)
            raise given.wrong(f"parameters.windows[{place}].exposure", expected)
    if asked["exposed"] == COVERED and asked["dispensings"] != 1:
        raise given.wrong("parameters.dispensings", f"no such line beside exposed = {COVERED}")
    for name in analysis.exposures if asked["exposed"] == COVERED else ():
        if name not in known.periods:
            raise given.wrong("inputs.exposures", f"exposures with supply, since exposed = {COVERED}: {name} has none")


def _looks_back(analysis: DesignAnalysis) -> tuple[tuple[str, int], ...]:
    return tuple((f"parameters.window ({name})", look_of(analysis, name)[0]) for name in analysis.exposures)


NESTED_CASE_CONTROL = DesignForm(
    design=NESTED,
    about="Cases and matched controls, compared by what they took before the index day.",
    types=(ODDS_RATIO,),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    check=_check,
    looks_back=_looks_back,
)
