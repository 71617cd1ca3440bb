# SPDX-License-Identifier: Apache-2.0
"""The design of sequences: what happened to the persons of a cohort, in order, for models that are trained inside the project. Its keys.

``cohort/design_sequences.py`` is its SQL, ``study/design_sequences.py`` makes the MEDS data set, which stays sealed (docs/prediction.md).
"""

from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.fields import Fields
from rempart.records.forms import Flag, Pair, Table, Text, Texts, Whole, key

SEQUENCES = "sequences"
DOMAINS = ("drug", "condition", "procedure", "visit")
TRAIN, TUNING, HELD_OUT = "train", "tuning", "held_out"

_INPUTS = Table(
    name="sequences_inputs",
    about="Whose sequences.",
    keys={"cohort": key(Text(), "a rule cohort; time zero is a person's first entry; absent: the only one")},
)
_PARAMETERS = Table(
    name="sequences_parameters",
    about="What they hold, and who is set aside.",
    keys={
        "domains": key(
            Texts(allowed=DOMAINS, least=1, expected="kinds of records"),
            "kinds of records",
            default=("drug", "condition", "procedure"),
        ),
        "days": key(Pair(), "first and last day relative to time zero; absent: every day that the permit has"),
        "quantities": key(Flag(), "the quantity of a dispensing beside its code", default=False),
        "tuning_percent": key(Whole(0, 40), "share of persons for tuning", default=10),
        "held_out_percent": key(Whole(0, 40), "share of persons held out", default=10),
        "seed": key(Whole(0, 2**31 - 1), "of the shares", default=1),
    },
)


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    if analysis.parameters["quantities"] and "drug" not in analysis.parameters["domains"]:
        raise given.wrong("parameters.quantities", "no such line without drug among the domains")


def _looks(analysis: DesignAnalysis) -> tuple[tuple[str, int], ...]:
    """Where its days begin before time zero; without days it has what the permit has."""
    days = analysis.parameters.get("days")
    return (("parameters.days", int(days[0])),) if days and days[0] < 0 else ()


SEQUENCES_FORM = DesignForm(
    design=SEQUENCES,
    about="What happened to the persons of a cohort, in order, kept sealed in the project.",
    types=("meds",),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    check=_check,
    looks_back=_looks,
)
