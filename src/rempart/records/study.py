# SPDX-License-Identifier: Apache-2.0
"""The study: a question to the data as data, never code. Canonical form, hash, reader of the study file (docs/study.md), which checks
what can be checked from the file alone; what a permit allows is checked by ``permits``."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from rempart.errors import BadInput, RempartError
from rempart.records.canonical import content_id, plain
from rempart.records.code_lists import read_code_list
from rempart.records.cohort_reading import check_rule_cohorts, period_of
from rempart.records.cohort_rules import RuleCohort
from rempart.records.comparison_reading import defined, not_defined, read_comparison
from rempart.records.cuts import check_cuts
from rempart.records.describing import CohortAnalysis, Population
from rempart.records.describing_reading import (
    describes,
    description_dict,
    known_names,
    looks_back,
    read_description,
)
from rempart.records.design import DesignAnalysis
from rempart.records.design_reading import design_dict, read_design
from rempart.records.design_sensitivity import check_doubted
from rempart.records.designs import DESIGN_FORMS, design_looks_back
from rempart.records.exposure_forms import switches
from rempart.records.features import Features, features_dict, read_features
from rempart.records.fields import Fields
from rempart.records.form_reading import gathered, judged, look, table_of
from rempart.records.matching import Matching, check_matchings, matched_names
from rempart.records.populations import population_dict, read_population
from rempart.records.protocol import (
    SAME_DAY,
    SYSTEMS,
    Analysis,
    CodeList,
    CohortRule,
    Covariate,
    Criterion,
    Exposure,
    Frame,
    Protocol,
    Window,
)
from rempart.records.study_asked import check_design, check_ids
from rempart.records.study_canonical import analysis_dict, covariate_dict, exposure_dict, lean
from rempart.records.study_deaths import check_awaited, check_deaths
from rempart.records.study_forms import ANY_ANALYSIS, SCHEMA, STUDY
from rempart.records.study_idle import idle_keys
from rempart.records.study_parts import (
    read_cohort,
    read_covariate,
    read_exposure,
    read_outcome,
    read_protocol,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study, checked at birth by ``study_from_dict``. Mappings are in order of their names.

    ``cohorts``: eligibility rules of comparisons; ``rules``: rule cohorts, the other kind of ``[cohorts.NAME]``; ``matchings``: those drawn
    by matching. ``analyses`` compare new users, ``descriptions`` describe rule cohorts, ``designs`` are of any other design;
    ``populations``: censuses to divide by; ``features``: asked of the time before time zero.
    """

    permit: str
    protocol: Protocol
    codes: Mapping[str, CodeList]
    cohorts: Mapping[str, CohortRule]
    exposures: Mapping[str, Exposure]
    outcomes: Mapping[str, tuple[Criterion, ...]]
    covariates: Mapping[str, Covariate]
    analyses: tuple[Analysis, ...]
    rules: Mapping[str, RuleCohort] = field(default_factory=dict)
    matchings: Mapping[str, Matching] = field(default_factory=dict)
    populations: Mapping[str, Population] = field(default_factory=dict)
    descriptions: tuple[CohortAnalysis, ...] = ()
    designs: tuple[DesignAnalysis, ...] = ()
    features: Mapping[str, Features] = field(default_factory=dict)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The distinct questions of the analyses, in order of their keys."""
        return tuple(sorted({frame for analysis in self.analyses for frame in analysis.frames}))

    @property
    def overlapping(self) -> frozenset[str]:
        """Cohorts in which a person may have periods that overlap: controls who may serve in several sets."""
        return frozenset(name for name, matching in self.matchings.items() if matching.replace)

    @property
    def content_id(self) -> str:
        """``sha256:…`` of the canonical form."""
        return content_id(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """The canonical form that is hashed and signed: every default written out; reading it back gives the same study."""
        analyses = [*map(analysis_dict, self.analyses), *map(description_dict, self.descriptions)]
        analyses += map(design_dict, self.designs)
        apart = {
            "analyses": analyses,
            "descriptions": None,
            "designs": None,
            "populations": None,
            "rules": None,
            "matchings": None,
            "features": None,
        }
        body = lean({**asdict(self), "schema": SCHEMA, **apart})
        others: dict[str, RuleCohort | Matching] = {**self.rules, **self.matchings}
        body["cohorts"] |= {name: rule.as_dict() for name, rule in others.items()}
        if self.populations:
            body["populations"] = {name: population_dict(item) for name, item in self.populations.items()}
        if self.features:
            body["features"] = {name: features_dict(asdict(item)) for name, item in self.features.items()}
        body["protocol"]["same_day_order"] = list(SAME_DAY)
        body["outcomes"] = {name: {"any": items} for name, items in body["outcomes"].items()}
        body["exposures"] = {name: exposure_dict(item) for name, item in body["exposures"].items()}
        body["covariates"] = {name: covariate_dict(item) for name, item in body["covariates"].items()}
        return dict(plain(body))

    def windows(self) -> tuple[Window, ...]:
        """Every look before time zero, for the comparison with the permit's look-back."""
        found = []
        for name, cohort in self.cohorts.items():
            found.append(Window(what=f"cohorts.{name}.prior_observation_days", first=-cohort.prior_observation_days))
            found.append(Window(what=f"cohorts.{name}.washout_days", first=-cohort.washout_days))
            found += [_window(f"cohorts.{name}.exclude[{i}]", item) for i, item in enumerate(cohort.exclude, 1)]
        for name, rule in self.rules.items():
            begins = period_of(rule, self.protocol.period)[0]
            found += [
                Window(what=f"cohorts.{name}.{what}", first=day, begins=begins) for what, day in rule.looks_back()
            ]
        for name, covariate in self.covariates.items():
            if covariate.criterion is not None:
                found.append(_window(f"covariates.{name}", covariate.criterion))
        found += [item.window(f"features.{name}") for name, item in self.features.items()]
        found += [window for item in self.descriptions for window in looks_back(item, self.protocol.period[0])]
        found += [Window(what=what, first=day) for item in self.designs for what, day in design_looks_back(item)]
        return tuple(found)


def study_from_dict(parsed: Mapping[str, object], *, file: str = "study.toml") -> Study:
    """A study from parsed TOML or from its canonical form.

    Raises BadInput ``unknown-key``, ``study-field``, ``study-name`` (a name that is not defined), Refused ``reads-after-time-zero``.
    """
    study, problems = study_or_problems(parsed, file=file)
    if study is None:
        raise problems[0]
    return study


def study_or_problems(
    parsed: Mapping[str, object], *, file: str = "study.toml"
) -> tuple[Study | None, list[RempartError]]:
    """The study, or None and everything that is wrong with the file, as ``study_from_dict`` would raise it one by one."""
    top = Fields(parsed, file=file)
    told, errors = look(top, STUDY)
    top.problems.extend(errors)
    parts: dict[str, Any] = {name: _parts(top, told.get(name, {}), read) for name, read in _PARTS.items()}
    parts["rules"] = {name: item for name, item in parts["cohorts"].items() if isinstance(item, RuleCohort)}
    parts["matchings"] = {name: item for name, item in parts["cohorts"].items() if isinstance(item, Matching)}
    parts["cohorts"] = {name: item for name, item in parts["cohorts"].items() if isinstance(item, CohortRule)}
    protocol = gathered(top, partial(read_protocol, told["protocol"])) if "protocol" in told else None
    top.problems.extend(_names(parts, told, file))
    gathered(top, partial(check_rule_cohorts, parts["rules"], told=told, codes=parts["codes"], file=file))
    gathered(top, partial(check_matchings, parts["matchings"], told.get("cohorts", {}), parts["rules"], file=file))
    if top.problems or protocol is None:
        top.problems.extend(error for item in told.get("analyses", ()) for error in judged(item, ANY_ANALYSIS))
        return None, top.problems
    study = Study(permit=told["permit"], protocol=protocol, analyses=(), **parts)
    gathered(top, partial(check_deaths, protocol, study.outcomes, study.rules, top))
    found = [gathered(top, partial(_any_analysis, item, study)) for item in told["analyses"]]
    analyses = tuple(item for item in found if isinstance(item, Analysis))
    descriptions = tuple(item for item in found if isinstance(item, CohortAnalysis))
    designs = tuple(item for item in found if isinstance(item, DesignAnalysis))
    gathered(top, partial(check_awaited, protocol, study.outcomes, designs, top))
    gathered(top, partial(check_ids, [item.id for item in found if item is not None], top))
    if None not in found:
        top.problems.extend(idle_keys(study, (analyses, descriptions, designs), top))
    asked = [(given, item) for given, item in zip(told["analyses"], found, strict=True) if item is not None]
    gathered(top, partial(check_cuts, asked, study))
    gathered(top, partial(check_doubted, asked))
    whole = replace(study, analyses=analyses, descriptions=descriptions, designs=designs)
    return (None if top.problems else whole), top.problems


_PARTS: Mapping[str, Callable[[Fields], Any]] = {
    "codes": read_code_list,
    "cohorts": read_cohort,
    "exposures": read_exposure,
    "outcomes": read_outcome,
    "covariates": read_covariate,
    "populations": read_population,
    "features": read_features,
}


def _parts(top: Fields, given: Mapping[str, Fields], read: Callable[[Fields], Any]) -> dict[str, Any]:
    """The parts that could be read, by name."""
    found = {name: gathered(top, partial(read, item)) for name, item in given.items()}
    return {name: item for name, item in found.items() if item is not None}


def _any_analysis(given: Fields, study: Study) -> Analysis | CohortAnalysis | DesignAnalysis:
    """A comparison, a description of rule cohorts (those that are no eligibility rule), or an analysis of another design."""
    table_of(given, ANY_ANALYSIS)  # a design that is not known is told before what an analysis without one lacks
    rules = (*study.rules, *matched_names(study.matchings))
    form = DESIGN_FORMS.get(str(given.raw("design")))
    if form is None and not describes(given):
        check_design(given, rules)
        return read_comparison(given, study)
    known = known_names(study, rules)
    is_defined = partial(_is_defined, given)
    return read_design(given, form, known, is_defined) if form else read_description(given, known, is_defined)


def _is_defined(given: Fields, name: str, names: tuple[str, ...], field: str) -> None:
    defined(name, dict.fromkeys(names), given, field)


def _names(parts: Mapping[str, Mapping[str, Any]], told: Mapping[str, Any], file: str) -> Iterator[BadInput]:
    """Errors for code lists that are not defined, or not of a system for the records they are to find."""
    defined: Mapping[str, object] = told.get("codes", {})
    used = [(f"exposures.{n}", e.domain, e.codes) for n, e in parts["exposures"].items()]
    used += [
        (f"{where}.{name}.{key}[{place}]", item.domain, item.codes)
        for where, key, groups in (
            ("outcomes", "any", parts["outcomes"]),
            ("cohorts", "exclude", {name: cohort.exclude for name, cohort in parts["cohorts"].items()}),
        )
        for name, items in groups.items()
        for place, item in enumerate(items, 1)
    ]
    history = {n: c.criterion for n, c in parts["covariates"].items() if c.criterion is not None}
    used += [(f"covariates.{name}", item.domain, item.codes) for name, item in history.items()]
    for name, item in parts["features"].items():
        for codes in item.exclude:
            if codes not in defined:
                yield not_defined(codes, defined, file, f"features.{name}.exclude")
    for name, other, possible in switches(parts["exposures"], told.get("exposures", {})):
        yield not_defined(other, possible, file, f"exposures.{name}.switch_to")
    used += [
        (f"cohorts.{n}.match.dispensings_of", "drug", m.dispensings_of)
        for n, m in parts["matchings"].items()
        if m.dispensings_of
    ]
    for where, domain, codes in used:
        if codes not in defined:
            yield not_defined(codes, defined, file, f"{where}.codes")
        elif codes in parts["codes"] and domain not in SYSTEMS[parts["codes"][codes].system]:
            yield BadInput("study-field", file=file, field=where, expected=f"codes of a system for {domain}")


def _window(what: str, item: Criterion) -> Window:
    return Window(what=what, first=item.days[0] if item.days is not None else 0)
