# SPDX-License-Identifier: Apache-2.0
"""The design of a prediction: who will have an outcome by a horizon, told from the time before time zero. Its keys.

``cohort/design_prediction.py`` is its SQL, ``study/design_prediction.py`` its models and measures.
"""

from rempart.errors import BadInput
from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.fields import Fields, near
from rempart.records.forms import Choice, Day, Table, Text, Texts, Whole, Wholes, key

PREDICTION = "prediction"
L1, BOOSTING = "l1_logistic", "gradient_boosting"
MODELS = (L1, BOOSTING)
PERSON, TIME, PLACE = "person", "time", "place"
LEAST_LEAF = 11  # persons: the disclosure threshold

_INPUTS = Table(
    name="prediction_inputs",
    about="Whose outcome is predicted, from what.",
    keys={
        "cohort": key(Text(), "a rule cohort: time zero is a person's first entry; absent: the only one"),
        "outcome": key(Text(), "an outcome; absent: the only one"),
        "features": key(Texts(), "features of the study file", default=()),
        "covariates": key(Texts(), "covariates at time zero, their levels as features; absent: all of them; []: none"),
    },
)
_PARAMETERS = Table(
    name="prediction_parameters",
    about="How models are made, and in whom they are judged.",
    keys={
        "horizon_days": key(Whole(1, 3660), "the outcome counts by this day after time zero", required=True),
        "models": key(Texts(allowed=MODELS, least=1, expected="models"), "models, each judged alike", default=(L1,)),
        "split": key(
            Choice((PERSON, TIME, PLACE)),
            "who judges the models: persons at random, those who enter from a day on, those who live in other places",
            default=PERSON,
        ),
        "training_percent": key(Whole(50, 90), "split = person: share of persons who train", default=70),
        "seed": key(Whole(0, 2**31 - 1), "of the random shares and folds", default=1),
        "before": key(
            Day(), "split = time: who enters from this day on judges; who reached the horizon before it trains"
        ),
        "places": key(Texts(expected="départements"), "split = place: who lives there judges, the others train"),
        "groups": key(Texts(), f"covariates, or {PLACE}: models are judged within each level too", default=()),
        "thresholds": key(
            Wholes(1, 99), "net benefit at these chances, in percent", default=(1, 2, 5, 10, 15, 20, 30, 40, 50)
        ),
        "folds": key(
            Whole(2, 20), f"{L1}: parts of the training persons in turn left out to choose the penalty", default=5
        ),
        "penalties": key(Whole(2, 100), f"{L1}: how many penalties are tried", default=20),
        "trees": key(Whole(1, 5000), f"{BOOSTING}: trees", default=100),
        "leaves": key(Whole(2, 256), f"{BOOSTING}: most leaves of a tree", default=8),
        "leaf_persons": key(Whole(LEAST_LEAF), f"{BOOSTING}: least persons of a leaf", default=100),
        "rate_percent": key(Whole(1, 100), f"{BOOSTING}: share of each tree's step that is taken", default=10),
    },
)


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    """Features that are defined; a split with its own keys alone; groups that are covariates of the analysis, or the place."""
    told, named = analysis.parameters, analysis.inputs["features"]
    for name in named:
        if name not in known.features:
            expected = ", ".join(known.features) or "(none is defined)"
            field = given.field("inputs.features")
            raise BadInput(
                "study-name", file=given.file, field=field, name=name, expected=expected, **near(name, known.features)
            )
    if not named and not analysis.covariates:
        raise given.wrong("inputs.features", "features or covariates to predict from")
    for split, name in ((TIME, "before"), (PLACE, "places")):
        if (name in told) != (told["split"] == split):
            raise given.wrong(f"parameters.{name}", f"given exactly when split is {split}")
    groups = (*analysis.covariates, PLACE)
    for name in told["groups"]:
        if name not in groups:
            raise given.wrong("parameters.groups", "of " + ", ".join(groups))


PREDICTING = DesignForm(
    design=PREDICTION,
    about="Who will have an outcome by a horizon, told from the time before time zero.",
    types=(PREDICTION,),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    protocol=frozenset({"follow_up_days"}),
    check=_check,
)
