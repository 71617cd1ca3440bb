# SPDX-License-Identifier: Apache-2.0
"""The design of a cohort whose members' exposure changes with time: its keys. ``cohort/design_time_varying.py`` is its SQL."""

from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.fields import Fields
from rempart.records.forms import Choice, Table, Text, Texts, Whole, key
from rempart.records.protocol import TIES

COX, RATE = "cox", "incidence_rate"
EVER, CURRENT = "ever", "current"
NEVER, PAST = "never", "past"

_INPUTS = Table(
    name="time_varying_inputs",
    about="Whose exposure is followed, until which outcome.",
    keys={
        "cohort": key(Text(), "a rule cohort: time zero is a person's first entry; absent: the only one"),
        "exposures": key(Texts(least=1), "exposures, each with a ratio of its own; absent: all of them"),
        "outcome": key(Text(), "an outcome, or death: of any cause; absent: the only outcome"),
        "covariates": key(Texts(), "cox: covariates at time zero; absent: all of them; []: none"),
    },
)
_PARAMETERS = Table(
    name="time_varying_parameters",
    about="When somebody counts as exposed.",
    keys={
        "exposed": key(
            Choice((EVER, CURRENT)),
            "ever: from the qualifying dispensing on; current: on days of a period of exposure, and past after the first of them",
            default=EVER,
        ),
        "dispensings": key(Whole(1, 20), "ever: which dispensing qualifies, counted within within_days", default=1),
        "within_days": key(Whole(1), "ever: days within which that many dispensings lie", default=183),
        "ties": key(Choice(TIES), "cox: outcomes on one day", default="efron"),
    },
)


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    """``current`` needs periods: exposures with a supply."""
    if analysis.parameters["exposed"] != CURRENT:
        return
    for name in analysis.exposures:
        if name not in known.periods:
            raise given.wrong("inputs.exposures", f"exposures with supply, to be exposed on some days: {name} has none")


TIME_VARYING = DesignForm(
    design="time-varying-exposure",
    about="A cohort whose members begin and stop treatments while they are followed.",
    types=(COX, RATE),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    used={"covariates": (COX,), "ties": (COX,)},
    protocol=frozenset({"lag_days", "follow_up_days"}),
    death=True,
    check=_check,
)
