# SPDX-License-Identifier: Apache-2.0
"""The study: a question to the data as data, never code. Canonical form, hash, and the reader of the study file (docs/study.md).

Checks what can be checked from the file alone; what a permit allows is checked by ``permits``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rempart.errors import BadInput
from rempart.records.canonical import content_id, plain
from rempart.records.fields import NAME, Fields
from rempart.records.protocol import (
    ACTIVE,
    DESIGNS,
    NON_USERS,
    SAME_DAY,
    SYSTEMS,
    TIES,
    TYPES,
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
from rempart.records.study_parts import (
    read_code_list,
    read_cohort,
    read_covariate,
    read_exposure,
    read_outcome,
    read_protocol,
)

SCHEMA = "rempart.study/1"
_PERMIT = re.compile(r"P-\d{4}-\d{4}", re.ASCII)
_GRID = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study, checked at birth by ``study_from_dict``. Mappings are in order of their names."""

    permit: str
    protocol: Protocol
    codes: Mapping[str, CodeList]
    cohorts: Mapping[str, CohortRule]
    exposures: Mapping[str, Exposure]
    outcomes: Mapping[str, tuple[Criterion, ...]]
    covariates: Mapping[str, Covariate]
    analyses: tuple[Analysis, ...]

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The distinct questions of the analyses, in order of their keys."""
        return tuple(sorted({analysis.frame for analysis in self.analyses}))

    @property
    def content_id(self) -> str:
        """``sha256:…`` of the canonical form."""
        return content_id(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """The canonical form that is hashed and signed: every default written out; reading it back gives the same study."""
        body = _lean({**asdict(self), "schema": SCHEMA, "analyses": [_analysis_dict(item) for item in self.analyses]})
        body["protocol"]["same_day_order"] = list(SAME_DAY)
        body["outcomes"] = {name: {"any": items} for name, items in body["outcomes"].items()}
        body["covariates"] = {name: _flat(item) for name, item in body["covariates"].items()}
        return dict(plain(body))

    def windows(self) -> tuple[Window, ...]:
        """Every look before time zero, for the comparison with the permit's look-back."""
        found = []
        for name, cohort in self.cohorts.items():
            found.append(Window(what=f"cohorts.{name}.prior_observation_days", first=-cohort.prior_observation_days))
            found.append(Window(what=f"cohorts.{name}.washout_days", first=-cohort.washout_days))
            found += [_window(f"cohorts.{name}.exclude[{i}]", item) for i, item in enumerate(cohort.exclude, 1)]
        for name, covariate in self.covariates.items():
            if covariate.criterion is not None:
                found.append(_window(f"covariates.{name}", covariate.criterion))
        return tuple(found)


def study_from_dict(parsed: Mapping[str, object], *, file: str = "study.toml") -> Study:
    """A study from parsed TOML or from its canonical form.

    Raises BadInput ``unknown-key``, ``study-field``, ``study-name`` (a name that is not defined), Refused ``reads-after-time-zero``.
    """
    top = Fields(parsed, file=file)
    top.choice("schema", (SCHEMA,))
    study = Study(
        permit=top.text("permit"),
        protocol=read_protocol(top.table("protocol")),
        codes={name: read_code_list(item) for name, item in top.tables("codes").items()},
        cohorts={name: read_cohort(item) for name, item in top.tables("cohorts").items()},
        exposures={name: read_exposure(item) for name, item in top.tables("exposures").items()},
        outcomes={name: read_outcome(item) for name, item in top.tables("outcomes").items()},
        covariates={name: read_covariate(item) for name, item in top.tables("covariates").items()},
        analyses=(),
    )
    if not _PERMIT.fullmatch(study.permit):
        raise top.wrong("permit", "P-YYYY-NNNN")
    analyses = tuple(_analysis(item, study) for item in top.rows("analyses"))
    top.done()
    if not analyses or len({analysis.id for analysis in analyses}) != len(analyses):
        raise top.wrong("analyses", "at least one, each id once")
    _check_names(study, file)
    if len(_bandings(study, analyses)) > 1:
        raise top.wrong("analyses", "one banding of age in every table_one: two give single years by subtraction")
    return Study(**{**_shallow(study), "analyses": analyses})


def _bandings(study: Study, analyses: Sequence[Analysis]) -> set[tuple[int, ...]]:
    """The ways in which tables cut age."""
    shown = {name for analysis in analyses if analysis.type == "table_one" for name in analysis.covariates}
    return {study.covariates[name].bands for name in shown if study.covariates[name].type == "age"}


def _shallow(study: Study) -> dict[str, Any]:
    return {name: getattr(study, name) for name in Study.__dataclass_fields__}


def _analysis(given: Fields, study: Study) -> Analysis:
    kind = given.choice("type", TYPES)
    inputs, parameters = given.table("inputs"), given.table("parameters")
    frame = Frame(
        cohort=inputs.text("cohort", _only(study.cohorts)),
        target=inputs.text("target", "target"),
        comparator=inputs.text("comparator", "comparator"),
        outcome=inputs.text("outcome", _only(study.outcomes)),
    )
    described = kind in {"table_one", "cox"}
    analysis = Analysis(
        id=given.text("id"),
        type=kind,
        design=given.choice("design", DESIGNS, ACTIVE),
        frame=frame,
        covariates=tuple(sorted(inputs.texts("covariates", tuple(study.covariates)))) if described else (),
        grid_days=parameters.whole("grid_days", _GRID, low=1)
        if kind in {"kaplan_meier", "cumulative_incidence"}
        else 0,
        ties=parameters.choice("ties", TIES, "efron") if kind == "cox" else "",
    )
    for part in (inputs, parameters, given):
        part.done()
    _check_analysis(analysis, study, given)
    return analysis


def _only(names: Mapping[str, object]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def _check_analysis(analysis: Analysis, study: Study, given: Fields) -> None:
    if not NAME.fullmatch(analysis.id):
        raise given.wrong("id", "a name of lower-case letters, digits and _")
    frame = analysis.frame
    _defined(frame.cohort, study.cohorts, given, "inputs.cohort")
    _defined(frame.outcome, study.outcomes, given, "inputs.outcome")
    _defined(frame.target, study.exposures, given, "inputs.target")
    _defined(frame.comparator, study.exposures, given, "inputs.comparator")
    for name in analysis.covariates:
        _defined(name, study.covariates, given, "inputs.covariates")
    if frame.target == frame.comparator or study.exposures[frame.target].non_users:
        raise given.wrong("inputs.target", "users of a drug that is not the comparator")
    if (analysis.design == NON_USERS) != study.exposures[frame.comparator].non_users:
        raise given.wrong("design", f"{NON_USERS} exactly when the comparator has non_users = true")


def _defined(name: str, names: Mapping[str, object], given: Fields, field: str) -> None:
    if name not in names:
        expected = ", ".join(names) or "(none is defined)"
        raise BadInput("study-name", file=given.file, field=f"{given.path}.{field}", name=name, expected=expected)


def _check_names(study: Study, file: str) -> None:
    used: list[tuple[str, str, str]] = [(f"exposures.{n}", e.domain, e.codes) for n, e in study.exposures.items()]
    groups = {f"outcomes.{name}": items for name, items in study.outcomes.items()}
    groups |= {f"cohorts.{name}": cohort.exclude for name, cohort in study.cohorts.items()}
    groups |= {f"covariates.{n}": (c.criterion,) for n, c in study.covariates.items() if c.criterion is not None}
    used += [(where, item.domain, item.codes) for where, items in groups.items() for item in items]
    for where, domain, codes in used:
        if codes not in study.codes:
            expected = ", ".join(study.codes) or "(none is defined)"
            raise BadInput("study-name", file=file, field=where, name=codes, expected=expected)
        if domain not in SYSTEMS[study.codes[codes].system]:
            raise BadInput("study-field", file=file, field=where, expected=f"codes of a system for {domain}")


def _window(what: str, item: Criterion) -> Window:
    return Window(what=what, first=item.days[0] if item.days is not None else 0)


def _analysis_dict(item: Analysis) -> dict[str, object]:
    inputs = {
        **asdict(item.frame),
        **({"covariates": list(item.covariates)} if item.type in {"table_one", "cox"} else {}),
    }
    parameters: dict[str, object] = {"grid_days": item.grid_days} if item.grid_days else {}
    parameters |= {"ties": item.ties} if item.ties else {}
    return {"id": item.id, "type": item.type, "design": item.design, "inputs": inputs, "parameters": parameters}


def _flat(covariate: dict[str, Any]) -> dict[str, Any]:
    return {**{k: v for k, v in covariate.items() if k != "criterion"}, **covariate.get("criterion", {})}


def _lean(value: Any) -> Any:
    """Without keys whose value is None or an empty tuple: they are the defaults of their field."""
    if isinstance(value, Mapping):
        return {key: _lean(item) for key, item in value.items() if item is not None and item != ()}
    return [_lean(item) for item in value] if isinstance(value, list | tuple) else value
