# SPDX-License-Identifier: Apache-2.0
"""Reading a comparison of new users, and the errors for names that are not defined. Holds no rule of disclosure."""

from collections.abc import Mapping
from itertools import islice
from typing import Protocol

from rempart.errors import BadInput
from rempart.records.fields import Fields, near
from rempart.records.form_reading import take
from rempart.records.protocol import NON_USERS, Analysis, Exposure, Frame
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
        ties=parameters["ties"] if kind == "cox" else "",
        differences=parameters["differences"],
        establishments=parameters["establishments"],
    )
    _check_analysis(analysis, study, given)
    return analysis


_DESCRIBED, _CURVES = ("table_one", "cox"), ("kaplan_meier", "cumulative_incidence")
_USED = {
    "covariates": _DESCRIBED,
    "grid_days": _CURVES,
    "ties": ("cox",),
    "differences": ("table_one",),
    "establishments": ("incidence_rate", "cox", *_CURVES),
}  # by which types of analysis


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
