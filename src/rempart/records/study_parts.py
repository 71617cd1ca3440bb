# SPDX-License-Identifier: Apache-2.0
"""Reading the parts of a study file: protocol, cohorts, exposures, outcomes, covariates, by their forms. ``study.py`` joins them."""

from rempart.errors import Refused
from rempart.records.atlas_cohort import read_atlas
from rempart.records.cohort_reading import read_rule_cohort
from rempart.records.cohort_rules import RuleCohort
from rempart.records.exposure_forms import read_eras
from rempart.records.fields import Fields
from rempart.records.form_reading import take
from rempart.records.forms import Kind
from rempart.records.harper import read_amendments, read_harper
from rempart.records.matching import Matching, read_matching
from rempart.records.protocol import SAME_DAY, CohortRule, Covariate, Criterion, Exposure, Protocol
from rempart.records.study_forms import BEFORE, COVARIATE, ELIGIBILITY, EVENT, EXPOSURE, OUTCOME, PROTOCOL


def read_protocol(given: Fields) -> Protocol:
    """The protocol; raises BadInput ``study-field``, ``unknown-key``, as all readers here."""
    told = take(given, PROTOCOL)
    if told.pop("same_day_order") != SAME_DAY:
        raise given.wrong("same_day_order", ", ".join(SAME_DAY))
    harper, amendments = read_harper(told.pop("harper", None)), read_amendments(given, told.pop("amendments", []))
    protocol = Protocol(harper=harper, amendments=amendments, **told)
    if protocol.follow_up_days is not None and protocol.follow_up_days <= protocol.lag_days:
        raise given.wrong("follow_up_days", "more than lag_days")
    return protocol


def read_criterion(given: Fields, kind: Kind) -> Criterion:
    """A criterion; Refused ``reads-after-time-zero`` when its window ends after day 0."""
    told = take(given, kind)
    item = Criterion(
        domain=told["domain"],
        codes=told["codes"],
        status=tuple(sorted(told["status"])),
        days=told.get("days"),
    )
    if item.status and item.domain != "condition":
        raise given.wrong("status", "no status: only conditions have one")
    if item.days is not None and item.days[1] > 0:
        raise Refused("reads-after-time-zero", file=given.file, field=given.field("days"))
    return item


def read_cohort(given: Fields) -> CohortRule | RuleCohort | Matching:
    """A rule cohort (with ``entry``, ``of`` or ``atlas``), a matched one, else the eligibility rule of a comparison."""
    if given.has("entry") or given.has("of"):
        return read_rule_cohort(given)
    if given.has("match"):
        return read_matching(given)
    if given.has("atlas"):
        return read_atlas(given)
    told = take(given, ELIGIBILITY)
    return CohortRule(
        prior_observation_days=told["prior_observation_days"],
        washout_days=told["washout_days"],
        age=told["age"],
        exclude=tuple(read_criterion(item, BEFORE) for item in told["exclude"]),
    )


def read_exposure(given: Fields) -> Exposure:
    """An arm."""
    told = take(given, EXPOSURE)
    exposure = Exposure(eras=read_eras(told, given), **told)
    if exposure.domain != "drug" and (exposure.eras is not None or not exposure.non_users):
        raise given.wrong("domain", "drug")
    return exposure


def read_outcome(given: Fields) -> tuple[Criterion, ...]:
    """The criteria of an outcome, any of which counts."""
    return tuple(read_criterion(item, EVENT) for item in take(given, OUTCOME)["any"])


def read_covariate(given: Fields) -> Covariate:
    """A covariate."""
    kind = given.raw("type")
    if kind == "history":
        return Covariate(type=kind, criterion=read_criterion(given, COVARIATE))
    told = take(given, COVARIATE)
    return Covariate(type=told["type"], bands=told.get("bands", ()))
