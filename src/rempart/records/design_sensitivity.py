# SPDX-License-Identifier: Apache-2.0
"""How far a ratio of another analysis of the study could be wrong: E-values, an unmeasured confounder, a misread outcome. Its keys.

It reads no data: what it says follows from the ratio, as it is shown, and from what the study file says of the error.
"""

from collections.abc import Iterable

from rempart.errors import BadInput
from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.fields import Fields, near
from rempart.records.forms import Choice, Number, Rows, Table, Text, key

SENSITIVITY = "sensitivity"
E_VALUE, CONFOUNDER, MISCLASSIFICATION = "e_value", "confounder", "misclassification"
RARE, COMMON = "rare", "common"
_SHARE = Number(0, 1)
_LABEL = Text(pattern=r"[A-Za-z][A-Za-z0-9 _'-]{0,60}", expected="a short name of letters, digits, spaces, _, ' and -")

_INPUTS = Table(
    name="sensitivity_inputs",
    about="Which ratio is doubted.",
    keys={
        "analysis": key(Text(), "the id of the analysis whose ratio it is", required=True),
        "model": key(Text(), "the ratio of this model (crude, adjusted, overlap, …); absent: the last one told"),
    },
)
_SCENARIO = Table(
    name="confounder_scenario",
    about="An unmeasured yes-or-no confounder, after the covariates; *_to: anything between, each as likely (probabilistic).",
    keys={
        "name": key(_LABEL, "what it might be", required=True),
        "target": key(_SHARE, "its share among the target", required=True),
        "target_to": key(_SHARE, "up to this share"),
        "comparator": key(_SHARE, "its share among the comparator", required=True),
        "comparator_to": key(_SHARE, "up to this share"),
        "outcome_ratio": key(Number(0.01, 100), "its ratio with the outcome, in both arms", required=True),
        "outcome_ratio_to": key(Number(0.01, 100), "up to this ratio"),
    },
)
_ACCURACY = Table(
    name="outcome_accuracy",
    about="How well the records tell the outcome; *_to: anything between, each as likely.",
    keys={
        "name": key(_LABEL, "where the numbers come from", required=True),
        "sensitivity": key(Number(0.01, 1), "share of true outcomes that the records show", required=True),
        "sensitivity_to": key(Number(0.01, 1), "up to this share"),
        "specificity": key(
            Number(0.01, 1), "share of persons without it whom the records show without it", required=True
        ),
        "specificity_to": key(Number(0.01, 1), "up to this share"),
        "comparator_sensitivity": key(Number(0.01, 1), "of the comparator, where it differs from the target's"),
        "comparator_specificity": key(Number(0.01, 1), "of the comparator, where it differs from the target's"),
    },
)
_PARAMETERS = Table(
    name="sensitivity_parameters",
    about="What the error might be.",
    keys={
        "outcome_is": key(
            Choice((RARE, COMMON)),
            "e_value: rare (below some 15 % at the end of follow-up: the ratio stands for a risk ratio) or common",
            default=RARE,
        ),
        "null": key(Number(0.01, 100), "e_value: the risk ratio that the confounding is to lead to", default=1.0),
        "confounders": key(Rows(_SCENARIO), "confounder: what it might be, one or several"),
        "accuracies": key(Rows(_ACCURACY), "misclassification: how well the outcome is told, one or several"),
    },
)


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    for kind, name in ((CONFOUNDER, "confounders"), (MISCLASSIFICATION, "accuracies")):
        if analysis.type == kind and not analysis.parameters.get(name):
            raise given.wrong(f"parameters.{name}", "at least one table")
    for name in ("confounders", "accuracies"):
        told = [item["name"] for item in analysis.parameters.get(name, ())]
        if len(set(told)) < len(told):
            raise given.wrong(f"parameters.{name}", "each name once")
        for place, item in enumerate(analysis.parameters.get(name, ()), 1):
            for low in [low for low in item if f"{low}_to" in item and item[f"{low}_to"] < item[low]]:
                raise given.wrong(f"parameters.{name}", f"{low}_to at least {low}", item=place)


def check_doubted(asked: Iterable[tuple[Fields, object]]) -> None:
    """Raises BadInput ``study-name`` where the analysis whose ratio is doubted is not in the file, or is itself of this design."""
    found = list(asked)
    ids = [str(getattr(item, "id", "")) for _, item in found if getattr(item, "design", "") != SENSITIVITY]
    for given, item in found:
        if isinstance(item, DesignAnalysis) and item.design == SENSITIVITY:
            name = str(item.inputs["analysis"])
            if name not in ids:
                expected = ", ".join(ids) or "(none is defined)"
                raise BadInput(
                    "study-name",
                    file=given.file,
                    field=given.field("inputs.analysis"),
                    name=name,
                    expected=expected,
                    **near(name, ids),
                )


DOUBT = DesignForm(
    design=SENSITIVITY,
    about="How far the ratio of another analysis could be wrong.",
    types=(E_VALUE, CONFOUNDER, MISCLASSIFICATION),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    used={
        "outcome_is": (E_VALUE,),
        "null": (E_VALUE,),
        "confounders": (CONFOUNDER,),
        "accuracies": (MISCLASSIFICATION,),
    },
    check=_check,
)
