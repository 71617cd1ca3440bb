# SPDX-License-Identifier: Apache-2.0
"""Reading descriptive analyses of a study file, and their canonical form. Holds no rule of disclosure."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from rempart.errors import BadInput
from rempart.records.cohort_rules import RuleCohort
from rempart.records.describing import (
    CALENDAR,
    COHORT,
    CROSS,
    DIMENSIONS,
    OBSERVED,
    PATHWAYS,
    PERIODS,
    PERSON_TIME,
    PREVALENCE,
    RATE,
    TABLE_ONE,
    USE,
    CohortAnalysis,
)
from rempart.records.describing_forms import (
    COHORT_ANALYSIS,
    COHORT_INPUTS,
    COHORT_PARAMETERS,
    USED,
)
from rempart.records.fields import Fields
from rempart.records.form_reading import take
from rempart.records.matching import Matching, standing_several_times
from rempart.records.protocol import Exposure, Window
from rempart.records.protocol import Protocol as Terms

_EACH = {PREVALENCE: "year", USE: "quarter"}
_OPTIONAL = ("points", "each", "standard", "claims", "ages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Names that analyses may use; ``rules``: rule cohorts and matched ones; ``periods``: exposures with days' supply; ``period``: the
    protocol's; ``entered``: rule cohorts alone; ``cloned``: those to be cloned; ``matched``: matchings; ``several``: matched cohorts
    in which a person may stand more than once."""

    rules: tuple[str, ...]
    outcomes: tuple[str, ...]
    exposures: tuple[str, ...]
    periods: frozenset[str]
    covariates: tuple[str, ...]
    populations: tuple[str, ...]
    period: tuple[datetime.date, datetime.date]
    entered: frozenset[str] = frozenset()
    matched: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    cloned: frozenset[str] = frozenset()
    features: tuple[str, ...] = ()


class _Defines(Protocol):
    """A study, whose names are defined."""

    @property
    def protocol(self) -> Terms: ...
    @property
    def outcomes(self) -> Mapping[str, object]: ...
    @property
    def exposures(self) -> Mapping[str, Exposure]: ...
    @property
    def covariates(self) -> Mapping[str, object]: ...
    @property
    def populations(self) -> Mapping[str, object]: ...
    @property
    def rules(self) -> Mapping[str, RuleCohort]: ...
    @property
    def matchings(self) -> Mapping[str, Matching]: ...
    @property
    def features(self) -> Mapping[str, object]: ...


def known_names(study: _Defines, rules: tuple[str, ...]) -> Known:
    """What descriptions of a study may name; ``rules``: its cohorts by rule or by matching."""
    return Known(
        rules=rules,
        outcomes=tuple(study.outcomes),
        exposures=tuple(study.exposures),
        periods=frozenset(name for name, exposure in study.exposures.items() if exposure.eras is not None),
        covariates=tuple(study.covariates),
        populations=tuple(study.populations),
        period=study.protocol.period,
        entered=frozenset(study.rules),
        matched=frozenset(study.matchings),
        several=standing_several_times(study.matchings, study.rules),
        features=tuple(study.features),
        cloned=frozenset(name for name, rule in study.rules.items() if rule.clone_censor_weight),
    )


def looks_back(analysis: CohortAnalysis, begins: datetime.date) -> list[Window]:
    """The looks of a description before the first day it counts, ``begins`` or the first point, for the permit's look-back."""
    first = min(analysis.points, default=begins)
    found = {
        "washout_days": analysis.washout_days if analysis.type == USE else 0,
        "lookback_days": analysis.lookback_days,
    }
    return [
        Window(what=f"analyses.{analysis.id}.parameters.{name}", first=-days, begins=first)
        for name, days in found.items()
        if days
    ]


def describes(given: Fields) -> bool:
    """Whether an analysis of the file describes a rule cohort."""
    return given.raw("design") == COHORT


def read_description(
    given: Fields, known: Known, defined: Callable[[str, tuple[str, ...], str], None]
) -> CohortAnalysis:
    """A descriptive analysis. ``defined``: raises where a name is not among those given (name, names, field).

    Raises BadInput ``study-field``, ``unknown-key``, ``study-name``.
    """
    told = take(given, COHORT_ANALYSIS)
    kind = told["type"]
    parameters = told["parameters"]
    _check_used(told["inputs"], parameters, kind)
    inputs, chosen = take(told["inputs"], COHORT_INPUTS), take(parameters, COHORT_PARAMETERS)
    wanted = {name: value for name, value in {**inputs, **chosen}.items() if kind in USED[name]}
    analysis = CohortAnalysis(
        id=told["id"], type=kind, **_names(wanted, kind, known, given), **_how(wanted, kind, parameters)
    )
    _check(analysis, given, known, defined)
    return analysis


def _check_used(inputs: Fields, parameters: Fields, kind: str) -> None:
    for part, form in ((inputs, COHORT_INPUTS), (parameters, COHORT_PARAMETERS)):
        for error in part.left_over([name for name in form.keys if kind in USED[name]]):
            raise error


def _names(wanted: Mapping[str, Any], kind: str, known: Known, given: Fields) -> dict[str, Any]:
    """What an analysis is made of, the defaults filled in."""
    found: dict[str, Any] = {}
    if kind == TABLE_ONE:
        found["cohorts"] = wanted["cohorts"] or (_only(None, known.rules, given, "inputs.cohorts"),)
        found["covariates"] = tuple(sorted(known.covariates if wanted["covariates"] is None else wanted["covariates"]))
    else:
        found["cohorts"] = (_only(wanted["cohort"], known.rules, given, "inputs.cohort"),)
    if kind in USED["outcome"]:
        found["outcome"] = _only(wanted["outcome"], known.outcomes, given, "inputs.outcome")
        found["denominator"] = wanted["denominator"]
    if kind in USED["exposures"]:
        found["exposures"] = tuple(wanted["exposures"] or known.exposures)
    if kind in USED["standard"]:
        found["standard"] = wanted["standard"]
    return found


def _only(name: str | None, names: tuple[str, ...], given: Fields, field: str) -> str:
    if name is None and len(names) != 1:
        raise given.wrong(field, "one of " + ", ".join(names) if names else "a name (none is defined)")
    return names[0] if name is None else name


def _how(wanted: Mapping[str, Any], kind: str, parameters: Fields) -> dict[str, Any]:
    """How it is made, the defaults filled in."""
    names = (
        "bands",
        "events",
        "weighted",
        "establishments",
        "claims",
        "lookback_days",
        "washout_days",
        "days",
        "steps",
        "least",
        "grid_days",
    )
    found = {name: wanted[name] for name in names if name in wanted}
    if "by" in wanted:
        by = wanted["by"] if wanted["by"] is not None else ("age*year",) if kind == PERSON_TIME else ()
        found["by"] = tuple(dict.fromkeys(_ordered(variable, parameters) for variable in by))
    if wanted.get("ages") is not None:
        found["ages"] = wanted["ages"]
    if kind == PREVALENCE and wanted["points"]:
        found["points"] = tuple(sorted(_day(text, parameters) for text in wanted["points"]))
    if kind in _EACH and not found.get("points"):
        found["each"] = wanted["each"] or _EACH[kind]
    return found


def _ordered(variable: str, parameters: Fields) -> str:
    names = variable.split(CROSS)
    if len(set(names)) < len(names) or sum(name in CALENDAR for name in names) > 1:
        raise parameters.wrong("by", "each dimension once, one unit of the calendar")
    return CROSS.join(sorted(names, key=DIMENSIONS.index))


def _day(text: str, parameters: Fields) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise parameters.wrong("points", "days, YYYY-MM-DD") from error


def _check(
    analysis: CohortAnalysis, given: Fields, known: Known, defined: Callable[[str, tuple[str, ...], str], None]
) -> None:
    for name in analysis.cohorts:
        defined(name, known.rules, "inputs.cohorts" if analysis.type == TABLE_ONE else "inputs.cohort")
    if "all" in analysis.cohorts and len(analysis.cohorts) > 1:
        raise given.wrong("inputs.cohorts", "cohorts of other names: all is the word for their sum")
    if analysis.outcome:
        defined(analysis.outcome, (*known.outcomes, *known.rules), "inputs.outcome")
    for place, name in enumerate(analysis.exposures, 1):
        defined(name, known.exposures, "inputs.exposures")
        if analysis.type in {PATHWAYS, PERIODS} and name not in known.periods:  # every one is told, not the first alone
            field = given.field(f"inputs.exposures[{place}]")
            given.problems.append(BadInput("exposure-supply", file=given.file, field=field, exposure=name))
    for name in analysis.covariates:
        defined(name, known.covariates, "inputs.covariates")
    if analysis.denominator != OBSERVED:
        defined(analysis.denominator, (OBSERVED, *known.populations), "inputs.denominator")
    if analysis.type in {USE, PATHWAYS, PERIODS} and not analysis.exposures:
        raise given.wrong("inputs.exposures", "an exposure (none is defined)")
    first, last = known.period
    if any(not first <= day <= last for day in analysis.points):
        raise given.wrong("parameters.points", f"days from {first} to {last}, the protocol's period")
    _check_how(analysis, given)


def _check_how(analysis: CohortAnalysis, given: Fields) -> None:
    if analysis.type in {PREVALENCE, USE} and analysis.dimensions & set(CALENDAR):
        raise given.wrong("parameters.by", "age, sex, place or their crossings: time has a key of its own")
    if analysis.type == RATE and (analysis.standard or analysis.weighted) and analysis.denominator != OBSERVED:
        raise given.wrong("inputs.denominator", f"{OBSERVED}, where rates are standardised or weighted")
    if analysis.denominator != OBSERVED and not analysis.claims:
        raise given.wrong("parameters.claims", _CENSUS)
    if analysis.ages is not None and not analysis.standard:
        raise given.wrong("parameters.ages", "a standard population that they cut")
    if analysis.standard and analysis.events == "every":
        raise given.wrong("parameters.events", "first, where rates are standardised")


_CENSUS = "the population that the census counts, where one divides: every delivery must declare to be the whole of it"


def description_dict(analysis: CohortAnalysis) -> dict[str, object]:
    """Its canonical form: every key that its type uses, defaults written out."""
    told: dict[str, Any] = {
        **{name: getattr(analysis, name) for name in CohortAnalysis.__dataclass_fields__ if name in USED},
        "cohort": analysis.cohorts[0],
    }
    used = {
        name: value for name, value in told.items() if analysis.type in USED[name] and (value or name not in _OPTIONAL)
    }
    if "age" not in analysis.dimensions:
        used.pop("bands", None)
    body: dict[str, object] = {"id": analysis.id, "type": analysis.type, "design": COHORT}
    for part, form in (("inputs", COHORT_INPUTS), ("parameters", COHORT_PARAMETERS)):
        body[part] = {name: _plain(value) for name, value in used.items() if name in form.keys}
    return body


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
