# SPDX-License-Identifier: Apache-2.0
"""Reading a comparison of new users, and the errors for names that are not defined. Holds no rule of disclosure."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Protocol

from rempart.errors import BadInput
from rempart.records.fields import Fields, near
from rempart.records.form_reading import take
from rempart.records.protocol import CALIBRATION, NON_USERS, PROPENSITY, Analysis, Exposure, Frame
from rempart.records.protocol import Protocol as Terms
from rempart.records.scores import SCORE_KEYS, ScoreUse, read_use
from rempart.records.study_forms import ANALYSIS, INPUTS, PARAMETERS


class _Defines(Protocol):
    """A study, whose names are defined."""

    @property
    def cohorts(self) -> Mapping[str, object]: ...
    @property
    def exposures(self) -> Mapping[str, Exposure]: ...
    @property
    def outcomes(self) -> Mapping[str, object]: ...
    @property
    def covariates(self) -> Mapping[str, object]: ...
    @property
    def features(self) -> Mapping[str, object]: ...
    @property
    def protocol(self) -> Terms: ...


def read_comparison(given: Fields, study: _Defines) -> Analysis:
    """A comparison; raises BadInput ``study-field``, ``unknown-key``, ``study-name``."""
    told = take(given, ANALYSIS)
    kind, inputs, parameters = told["type"], take(told["inputs"], INPUTS), take(told["parameters"], PARAMETERS)
    _check_used(given, kind)
    frame = Frame(
        cohort=_or_only(inputs["cohort"], study.cohorts, given, "inputs.cohort"),
        target=inputs["target"],
        comparator=inputs["comparator"],
        outcome=_or_only(inputs["outcome"], study.outcomes, given, "inputs.outcome"),
    )
    covariates = inputs["covariates"] if inputs["covariates"] is not None else tuple(study.covariates)
    analysis = Analysis(
        id=told["id"],
        type=kind,
        design=told["design"],
        frame=frame,
        covariates=tuple(sorted(covariates)) if kind in _DESCRIBED else (),
        grid_days=parameters["grid_days"] if kind in _CURVES else 0,
        ties=parameters["ties"] if kind in _RATIOS else "",
        differences=parameters["differences"],
        establishments=parameters["establishments"],
        score=_score(kind, inputs, parameters, given, study),
        controls=_controls(kind, inputs, given, study),
        distribution=parameters["distribution"] if kind == "rate_ratio" else "",
        horizons=parameters["horizons"],
    )
    _check_analysis(analysis, study, given)
    return analysis


_SCORED = (PROPENSITY, CALIBRATION)
_RATIOS = ("cox", "fine_gray", *_SCORED)
_DESCRIBED, _CURVES = ("table_one", "rate_ratio", *_RATIOS), ("kaplan_meier", "cumulative_incidence")
_USED = {
    "covariates": _DESCRIBED,
    "grid_days": _CURVES,
    "ties": _RATIOS,
    "features": _SCORED,
    "outcomes": (CALIBRATION,),
    **dict.fromkeys(SCORE_KEYS, _SCORED),
    **dict.fromkeys(("risk_days", "replicates"), (PROPENSITY,)),
    "differences": ("table_one",),
    "distribution": ("rate_ratio",),
    "horizons": ("curve_tests",),
    "establishments": ("incidence_rate", "cox", *_CURVES),
}  # by which types of analysis


def _score(
    kind: str, inputs: Mapping[str, Any], told: Mapping[str, Any], given: Fields, study: _Defines
) -> ScoreUse | None:
    """The use of a score; a calibration without an adjustment is by regression on the covariates."""
    if kind not in _SCORED or (kind == CALIBRATION and told["adjustment"] is None and not inputs["features"]):
        _check_no_score(kind, given)
        return None
    for name in inputs["features"]:
        defined(name, study.features, given, "inputs.features")
    end = study.protocol.follow_up_days
    days = (end,) if end is not None and kind == PROPENSITY else ()
    return read_use(told, given, features=inputs["features"], days=days)


def _check_no_score(kind: str, given: Fields) -> None:
    held = [name for name in SCORE_KEYS if kind == CALIBRATION and given.table("parameters").has(name)]
    if held:
        raise given.wrong("parameters.adjustment", f"the use of a score, for {held[0]} acts on one alone")


def _controls(kind: str, inputs: Mapping[str, Any], given: Fields, study: _Defines) -> tuple[str, ...]:
    if kind != CALIBRATION:
        return ()
    if inputs["outcomes"] is None:
        raise given.wrong("inputs.outcomes", "the negative controls, outcomes of the study (it is missing)")
    for name in inputs["outcomes"]:
        defined(name, study.outcomes, given, "inputs.outcomes")
    if inputs["outcome"] in inputs["outcomes"]:
        raise given.wrong("inputs.outcomes", "negative controls, without the outcome in question")
    return tuple(sorted(inputs["outcomes"]))


def _check_used(given: Fields, kind: str) -> None:
    """Raises BadInput ``unknown-key`` for an input or parameter that this type of analysis would ignore."""
    for part, form in (("inputs", INPUTS), ("parameters", PARAMETERS)):
        used = [name for name in form.keys if kind in _USED.get(name, (kind,))]
        for error in given.table(part).left_over(used):
            raise error


def _or_only(name: str | None, names: Mapping[str, object], given: Fields, field: str) -> str:
    """The name given, else the only one there is; raises BadInput ``study-field`` when there are several or none."""
    if name is None and len(names) != 1:
        raise given.wrong(field, "one of " + ", ".join(names) if names else "a name (none is defined)")
    return name if name is not None else next(iter(names))


def _check_analysis(analysis: Analysis, study: _Defines, given: Fields) -> None:
    frame = analysis.frame
    defined(frame.cohort, study.cohorts, given, "inputs.cohort")
    defined(frame.outcome, study.outcomes, given, "inputs.outcome")
    defined(frame.target, study.exposures, given, "inputs.target")
    defined(frame.comparator, study.exposures, given, "inputs.comparator")
    for name in analysis.covariates:
        defined(name, study.covariates, given, "inputs.covariates")
    if frame.target == frame.comparator or study.exposures[frame.target].non_users:
        raise given.wrong("inputs.target", "users of a drug that is not the comparator")
    if (analysis.design == NON_USERS) != study.exposures[frame.comparator].non_users:
        raise given.wrong("design", f"{NON_USERS} exactly when the comparator has non_users = true")


def defined(name: str, names: Mapping[str, object], given: Fields, field: str) -> None:
    """Raises BadInput ``study-name`` where ``name`` is not among them."""
    if name not in names:
        raise not_defined(name, names, given.file, given.field(field))


def not_defined(name: str, names: Mapping[str, object], file: str, field: str) -> BadInput:
    """The error for a name that is not defined, with the likely spelling."""
    expected = ", ".join(islice(names, 20)) + ", …" * (len(names) > 20) or "(none is defined)"
    return BadInput("study-name", file=file, field=field, name=name, expected=expected, **near(name, names))
