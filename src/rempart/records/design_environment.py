# SPDX-License-Identifier: Apache-2.0
"""The design of an exposure at the place of residence: its keys. ``cohort/design_environment.py`` is its SQL."""

from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.fields import Fields
from rempart.records.forms import Choice, Number, Table, Text, Texts, Whole, Wholes, key
from rempart.records.protocol import TIES

COX, LAG = "cox", "distributed_lag"
FREE, POLYNOMIAL = "free", "polynomial"
_MONTH = 28  # lags within the shortest month: beyond it the stratum of a day says little of them

_INPUTS = Table(
    name="environment_inputs",
    about="Whose residence is looked at, what is measured there, and which outcome is waited for.",
    keys={
        "cohort": key(Text(), "a rule cohort: time zero is a person's first entry; absent: the only one"),
        "environment": key(
            Text(pattern="[a-z][a-z0-9_]{0,39}", expected="the name that deliveries give to what is measured, as pm25"),
            "what is measured at the residence: cox reads external_exposure, distributed_lag environment",
            required=True,
        ),
        "outcome": key(Text(), "an outcome, or death: of any cause; absent: the only outcome"),
        "covariates": key(Texts(), "cox: covariates at time zero; absent: all of them; []: none"),
        "strata": key(Texts(), "cox: covariates each level of which has a baseline hazard of its own", default=()),
    },
)
_PARAMETERS = Table(
    name="environment_parameters",
    about="How the exposure is looked at.",
    keys={
        "per": key(Number(1e-6, 1e6), "the ratio is told for so many units of what is measured", default=1.0),
        "ties": key(Choice(TIES), "cox: outcomes on one day", default="efron"),
        "lags": key(
            Wholes(0, _MONTH), "distributed_lag: days before the outcome, each with an effect", default=(0, 1, 2, 3)
        ),
        "shape": key(
            Choice((FREE, POLYNOMIAL)), "distributed_lag: effects by themselves, or along a polynomial", default=FREE
        ),
        "degree": key(Whole(1, 5), "distributed_lag: of the polynomial", default=2),
    },
)


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    """Strata are covariates of the analysis's; a polynomial has fewer coefficients than there are lags."""
    for name in analysis.inputs.get("strata", ()):
        if name not in known.covariates:
            raise given.wrong(
                "inputs.strata", "of the covariates: " + (", ".join(known.covariates) or "none is defined")
            )
    told = analysis.parameters
    if told.get("shape") == POLYNOMIAL and len(told["lags"]) <= told["degree"]:
        raise given.wrong("parameters.degree", "less than the number of lags")


ENVIRONMENT = DesignForm(
    design="environmental-exposure",
    about="What is measured at the place of residence, on the day or with a lag.",
    types=(COX, LAG),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    used={
        "covariates": (COX,),
        "strata": (COX,),
        "ties": (COX,),
        "lags": (LAG,),
        "shape": (LAG,),
        "degree": (LAG,),
    },
    protocol=frozenset({"lag_days", "follow_up_days"}),
    death=True,
    check=_check,
)
