# SPDX-License-Identifier: Apache-2.0
"""Reading the parts of a study file: protocol, code lists, cohorts, exposures, outcomes, covariates. ``study.py`` joins them."""

import re

from rempart.errors import Refused
from rempart.records.fields import Fields
from rempart.records.protocol import (
    DEATHS,
    DOMAINS,
    ESTIMANDS,
    SAME_DAY,
    SYSTEMS,
    CodeList,
    CohortRule,
    Covariate,
    Criterion,
    Exposure,
    Protocol,
)

_CODE = {"CIP13": r"\d{13}", "CIM10": r"[A-Z][0-9]{2}[0-9+]{0,3}", "CCAM": r"[A-Z]{1,4}\d{0,3}", "OMOP": r"\d{1,10}"}
_HINT = {"CIP13": "13 digits", "CIM10": "C67 or C670, without dot", "CCAM": "JDFA or JDFA001", "OMOP": "whole numbers"}
_WHOLE = ("CIP13", "OMOP")


def read_protocol(given: Fields) -> Protocol:
    """The protocol; raises BadInput ``study-field``, ``unknown-key``, as all readers here."""
    if given.texts("same_day_order", SAME_DAY) != SAME_DAY:
        raise given.wrong("same_day_order", ", ".join(SAME_DAY))
    protocol = Protocol(
        title=given.text("title"),
        question=given.text("question"),
        estimand=given.choice("estimand", ESTIMANDS),
        period=given.dates("period"),
        follow_up_days=given.whole("follow_up_days", low=1) if given.has("follow_up_days") else None,
        lag_days=given.whole("lag_days", 0, high=3660),
        grace_days=given.whole("grace_days", 0, high=3660),
        death=given.choice("death", DEATHS, "month"),
    )
    given.done()
    if protocol.follow_up_days is not None and protocol.follow_up_days <= protocol.lag_days:
        raise given.wrong("follow_up_days", "more than lag_days")
    return protocol


def read_code_list(given: Fields) -> CodeList:
    """A code list; codes are checked against the form of their system, so they can stand in SQL."""
    system = given.choice("system", tuple(SYSTEMS))
    include, exclude = given.raw("include"), given.raw("exclude", ())
    source = given.text("source", "not given")
    given.done()
    if system in _WHOLE and exclude:
        raise given.wrong("exclude", "nothing: these codes are matched whole")
    if not include:
        raise given.wrong("include", "at least one code")
    return CodeList(
        system=system,
        include=_codes(given, "include", system, include),
        exclude=_codes(given, "exclude", system, exclude),
        source=source,
    )


def _codes(given: Fields, key: str, system: str, value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else [None]
    form = re.compile(_CODE[system], re.ASCII)  # a digit of another script is no digit to the engine
    texts = [str(item) for item in items if isinstance(item, str | int) and form.fullmatch(str(item))]
    if len(texts) != len(items) or len(set(texts)) != len(texts):
        raise given.wrong(key, f"a list of {system} codes, each once: {_HINT[system]}")
    return tuple(sorted(texts))


def read_criterion(given: Fields, *, window: bool) -> Criterion:
    """A criterion; Refused ``reads-after-time-zero`` when its window ends after day 0."""
    domain = given.choice("domain", DOMAINS)
    item = Criterion(
        domain=domain,
        codes=given.text("codes"),
        status=tuple(sorted(given.texts("status", ()))) if domain == "condition" else (),
        days=given.pair("days") if window else None,
    )
    given.done()
    if not all(re.fullmatch(r"[A-Za-z0-9_-]{1,20}", status) for status in item.status):
        raise given.wrong("status", "short words of letters and digits")
    if item.days is not None and item.days[1] > 0:
        raise Refused("reads-after-time-zero", file=given.file, field=f"{given.path}.days")
    return item


def read_cohort(given: Fields) -> CohortRule:
    """A cohort rule."""
    cohort = CohortRule(
        prior_observation_days=given.whole("prior_observation_days", 0),
        washout_days=given.whole("washout_days", 0),
        age=given.pair("age") if given.has("age") else None,
        exclude=tuple(read_criterion(item, window=True) for item in given.rows("exclude")),
    )
    given.done()
    return cohort


def read_exposure(given: Fields) -> Exposure:
    """An arm."""
    exposure = Exposure(
        domain=given.choice("domain", DOMAINS), codes=given.text("codes"), non_users=given.flag("non_users")
    )
    given.done()
    if exposure.domain != "drug" and not exposure.non_users:
        raise given.wrong("domain", "drug")
    return exposure


def read_outcome(given: Fields) -> tuple[Criterion, ...]:
    """The criteria of an outcome, any of which counts."""
    items = tuple(read_criterion(item, window=False) for item in given.rows("any"))
    given.done()
    if not items:
        raise given.wrong("any", "at least one of { domain, codes }")
    return items


def read_covariate(given: Fields) -> Covariate:
    """A covariate."""
    kind = given.choice("type", ("age", "sex", "history"))
    if kind == "history":
        rest = Fields({k: v for k, v in given.items() if k != "type"}, file=given.file, path=given.path)
        return Covariate(type=kind, criterion=read_criterion(rest, window=True))
    covariate = Covariate(type=kind, bands=given.wholes("bands", low=1, high=120) if kind == "age" else ())
    given.done()
    return covariate
