# SPDX-License-Identifier: Apache-2.0
"""Reading an analysis of a design by the forms that the design declares, and its canonical form. Knows no design."""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rempart.errors import BadInput
from rempart.records.describing_reading import Known
from rempart.records.design import (
    ANY_DEATH,
    COHORT_KEYS,
    COVARIATE_KEYS,
    EXPOSURE_KEYS,
    OUTCOME_KEYS,
    DesignAnalysis,
    DesignForm,
)
from rempart.records.fields import Fields
from rempart.records.form_reading import table_of, take
from rempart.records.forms import (
    NAME_PATTERN,
    Choice,
    Inside,
    Kind,
    Named,
    OneOf,
    Rows,
    Table,
    Text,
    key,
    resolved,
)

Defined = Callable[[str, tuple[str, ...], str], None]
_NAME = Text(pattern=NAME_PATTERN, expected="a name of lower-case letters, digits and _")


def analysis_form(form: DesignForm) -> Table:
    """The table of the study file that an analysis of the design is."""
    return Table(
        name=form.design.replace("-", "_") + "_analysis",
        about=form.about,
        keys={
            "id": key(_NAME, "its name, once", required=True),
            "type": key(Choice(form.types), "what is computed", required=True),
            "design": key(Choice((form.design,)), form.about, required=True),
            "inputs": key(Inside(form.inputs), "what it is made of", default={}),
            "parameters": key(Inside(form.parameters), "how it is made", default={}),
        },
    )


def read_design(given: Fields, form: DesignForm, known: Known, defined: Defined) -> DesignAnalysis:
    """An analysis of the design. ``defined``: raises where a name is not among those given (name, names, field).

    Raises BadInput ``study-field``, ``unknown-key``, ``study-name``, ``exposure-supply``.
    """
    told = take(given, analysis_form(form))
    kind = told["type"]
    tables: dict[str, dict[str, Any]] = {}
    for name, table in (("inputs", form.inputs), ("parameters", form.parameters)):
        used = [item for item in table.keys if kind in form.used.get(item, form.types)]
        for error in told[name].left_over(used):
            raise error
        values = _plain_table(told[name], table)
        tables[name] = {item: values[item] for item in used if item in values}
    used = [item for item in form.inputs.keys if kind in form.used.get(item, form.types)]
    inputs = _completed(tables["inputs"], form, used, (known, given))
    analysis = DesignAnalysis(
        id=told["id"], type=kind, design=form.design, inputs=inputs, parameters=tables["parameters"]
    )
    _check_names(analysis, form, known, given, defined)
    form.check(given, analysis, known)
    return analysis


def design_dict(analysis: DesignAnalysis) -> dict[str, object]:
    """Its canonical form."""
    return {
        "id": analysis.id,
        "type": analysis.type,
        "design": analysis.design,
        "inputs": dict(analysis.inputs),
        "parameters": dict(analysis.parameters),
    }


def _plain_table(given: Fields, kind: Kind) -> dict[str, Any]:
    """A table's values with the tables inside it, without what is absent."""
    told = take(given, kind)
    return {name: _plain(told[name], form) for name, form in _forms(given, kind).items() if told.get(name) is not None}


def _forms(given: Fields, kind: Kind) -> dict[str, Any]:
    return {name: item.form for name, item in table_of(given, kind).keys.items()}


def _plain(value: Any, form: Any) -> Any:
    if isinstance(form, OneOf):
        form = next((inner for inner in form.forms if isinstance(inner, Inside | Rows | Named)), form)
    if isinstance(value, Fields):
        return _plain_table(value, resolved(form.of))
    if isinstance(form, Rows) and isinstance(value, list):
        return [_plain_table(item, resolved(form.of)) for item in value]
    if isinstance(form, Named) and isinstance(value, Mapping):
        return {name: _plain_table(item, resolved(form.of)) for name, item in value.items()}
    if isinstance(value, datetime.date):
        return value.isoformat()
    return [_plain(item, None) for item in value] if isinstance(value, tuple | list) else value


def _completed(
    told: dict[str, Any], form: DesignForm, used: Sequence[str], read: tuple[Known, Fields]
) -> dict[str, Any]:
    """The inputs with the names that go without saying: the only cohort and outcome; every exposure and covariate."""
    known, given = read
    exposures = tuple(sorted(known.periods)) if form.periods else known.exposures
    for name, names in (("cohort", known.rules), ("outcome", known.outcomes), ("exposure", exposures)):
        if name in used and name not in told and name not in form.unsaid:
            told[name] = _only(names, given, f"inputs.{name}")
    for name, names in (("exposures", exposures), ("covariates", known.covariates)):
        if name in used and name not in told:
            told[name] = list(names)
    if "exposures" in used and not told["exposures"]:
        raise given.wrong("inputs.exposures", "a name (none is defined)")
    if "covariates" in told:
        told["covariates"] = sorted(told["covariates"])
    return told


def _only(names: tuple[str, ...], given: Fields, field: str) -> str:
    if len(names) != 1:
        raise given.wrong(field, "one of " + ", ".join(names) if names else "a name (none is defined)")
    return names[0]


def _check_names(analysis: DesignAnalysis, form: DesignForm, known: Known, given: Fields, defined: Defined) -> None:
    groups: Iterable[tuple[tuple[str, ...], tuple[str, ...]]] = (
        (COHORT_KEYS, known.rules),
        (EXPOSURE_KEYS, known.exposures),
        (OUTCOME_KEYS, (*known.outcomes, *((ANY_DEATH,) if form.death else ()))),
        (COVARIATE_KEYS, known.covariates),
    )
    for keys, names in groups:
        for name in keys:
            value = analysis.inputs.get(name, ())
            for one in (value,) if isinstance(value, str) else value:
                defined(one, names, f"inputs.{name}")
    for name in analysis.exposures if form.periods else ():
        if name not in known.periods:
            raise BadInput("exposure-supply", file=given.file, field=given.field("inputs.exposures"), exposure=name)
