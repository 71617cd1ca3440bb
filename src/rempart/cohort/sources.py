# SPDX-License-Identifier: Apache-2.0
"""Which delivered sources a question reads: follow-up ends with the earliest of their usable intervals (docs/cohorts.md). Runs nothing.

Names are those of ``usable_interval``: dcir (claims), the hospital fields mco, ssr, had, rip, ace, and certificates (causes of death).
That table is no part of a dataset and names no person: it comes with the sealed manifest into each session (journeys/usable.py), so no
permit names it; it is empty where nothing was measured, and follow-up then ends as if there were no sources.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from rempart.records.atlas_future import criteria
from rempart.records.code_lists import PRODUCTS
from rempart.records.cohort import CohortDefinition, DrugEraExit
from rempart.records.cohort import Criterion as AtlasCriterion
from rempart.records.cohort_reading import in_order
from rempart.records.cohort_rules import ATLAS_DOMAINS, RuleCohort, RuleEvent
from rempart.records.describing import USE, CohortAnalysis
from rempart.records.design import DesignAnalysis
from rempart.records.exposure_uses import supplied_arms
from rempart.records.features import Features
from rempart.records.matching import matched_names
from rempart.records.protocol import CodeList, Criterion, Exposure, Frame
from rempart.records.study import Study

CLAIMS, STAYS, OUTPATIENT, CERTIFICATES = "dcir", ("mco", "ssr", "had", "rip"), "ace", "certificates"
_OF_SETTING: Mapping[str, tuple[str, ...]] = {
    "inpatient": STAYS,
    "emergency_inpatient": ("mco",),
    "outpatient": (CLAIMS, OUTPATIENT),
    "emergency": (OUTPATIENT,),
    "home": (CLAIMS,),
    "telehealth": (CLAIMS,),
}
_OF_DOMAIN: Mapping[str, tuple[str, ...]] = {
    "drug": (CLAIMS, "mco"),
    "condition": STAYS,
    "procedure": (CLAIMS, "mco"),
    "measurement": (CLAIMS,),
    "device": (CLAIMS,),
    "visit": (CLAIMS, *STAYS),
    "residence": (CLAIMS,),
}
_PACKS = ("CIP13", "CIP7")  # none but pharmacies dispense them; units, and so classes and concepts, are hospitals' too
IGNORED = "ignore"
_OF_REGISTER = "ALD"  # long-term conditions stand in a register of their own, which has no interval


def cohort_sources(study: Study) -> dict[str, frozenset[str]]:
    """Cohort → the sources of its own events and of every cohort that it is made of, entered by or asks about; of matched cohorts, those
    of both ends, and of dispensings that are counted."""
    found: dict[str, frozenset[str]] = {}
    for name in in_order(study.rules):
        needed = (found.get(other, frozenset()) for other in study.rules[name].needs)
        found[name] = frozenset(_of_cohort(study.rules[name], study)).union(*needed)
    for name, matching in study.matchings.items():
        ends = found.get(matching.to, frozenset()) | found.get(matching.pool, frozenset())
        if matching.dispensings_of:
            ends |= frozenset(_of_event(RuleEvent(domain="drug", codes=matching.dispensings_of), study.codes))
        found |= dict.fromkeys(matched_names([name]), ends)
    return found


def frame_sources(study: Study, frame: Frame) -> frozenset[str]:
    """The sources of a comparison: of both arms, of the periods by which their treatment ends, exclusions, the outcome and covariates."""
    arms = [_dispensed(study.exposures[name], study.codes) for name in (frame.target, frame.comparator)]
    arms += [_of_exposure(study.exposures[name], study) for name in supplied_arms(study, frame)]
    history = [item.criterion for item in study.covariates.values() if item.criterion is not None]
    items = (*study.cohorts[frame.cohort].exclude, *study.outcomes[frame.outcome], *history)
    return frozenset[str]().union(*arms, *(_of_criterion(item, study.codes) for item in items))


def analysis_sources(study: Study, analysis: CohortAnalysis) -> frozenset[str]:
    """The sources of a description: of its cohorts, of its outcome (records, or a cohort's), of the exposures that it counts, of places."""
    cohorts = cohort_sources(study)
    named = [*analysis.cohorts, *([] if analysis.outcome in study.outcomes else [analysis.outcome])]
    found: list[Iterable[str]] = [cohorts.get(name, ()) for name in named]
    found += [_of_criterion(item, study.codes) for item in study.outcomes.get(analysis.outcome, ())]
    found += [_OF_DOMAIN["residence"] for variable in analysis.by if "place" in variable.split("*")]
    for exposure in (study.exposures[name] for name in analysis.exposures):
        found.append(_dispensed(exposure, study.codes) if analysis.type == USE else _of_exposure(exposure, study))
    return frozenset[str]().union(*found)


def design_sources(study: Study, analysis: DesignAnalysis) -> frozenset[str]:
    """The sources of an analysis of any other design: of its cohorts, exposures, outcomes and covariates."""
    cohorts = cohort_sources(study)
    found: list[Iterable[str]] = [cohorts.get(name, ()) for name in analysis.cohorts]
    found += [_of_exposure(study.exposures[name], study) for name in analysis.exposures]
    items = [item for name in analysis.outcomes for item in study.outcomes.get(name, ())]
    items += [c.criterion for name in analysis.covariates if (c := study.covariates[name]).criterion is not None]
    found += [_of_features(study.features[name]) for name in analysis.inputs.get("features", ())]
    return frozenset[str]().union(*found, *(_of_criterion(item, study.codes) for item in items))


def _of_features(features: Features) -> Iterator[str]:
    """Of the records that they are families, days or sums of."""
    read = {
        "drug": features.atc or features.costs or "dispensings" in features.counts,
        "condition": features.cim10 or "diagnoses" in features.counts,
        "procedure": features.ccam or features.costs or "procedures" in features.counts,
        "visit": features.costs or "visits" in features.counts,
    }
    return (source for domain, asked in read.items() if asked for source in _OF_DOMAIN[domain])


def _of_cohort(cohort: RuleCohort, study: Study) -> Iterator[str]:
    if cohort.atlas is not None:
        yield from _of_atlas(cohort.atlas)
        return
    for _, event in cohort.events():
        yield from _of_event(event, study.codes)
    if cohort.place:
        yield CLAIMS
    if cohort.exit.exposure:
        yield from _of_exposure(study.exposures[cohort.exit.exposure], study)


def _of_atlas(definition: CohortDefinition) -> Iterator[str]:
    """Of the records of its criteria, by domain; of a death, whether anything is asked that certificates alone tell."""
    for item in criteria(definition):
        domain = ATLAS_DOMAINS.get(item.domain, "")
        if domain == "death":
            yield from (CERTIFICATES,) if _by_certificate(item) else ()
        else:
            yield from _OF_DOMAIN.get(domain, ())
    yield from _OF_DOMAIN["drug"] if isinstance(definition.exit, DrugEraExit) else ()


def _by_certificate(death: AtlasCriterion) -> bool:
    """Its cause, or the kind of record that tells of it."""
    return death.code_set is not None or any(item.attribute == "type" for item in death.conditions)


def _of_exposure(exposure: Exposure, study: Study) -> Iterator[str]:
    """Of its periods: dispensings, those of the drug that ends them, and the stays that its choices ask about."""
    yield from _dispensed(exposure, study.codes)
    if exposure.eras is not None:
        yield from STAYS if exposure.eras.hospital_days != IGNORED else ()
        if exposure.eras.switch_to is not None:
            yield from _dispensed(study.exposures[exposure.eras.switch_to], study.codes)


def _dispensed(exposure: Exposure, codes: Mapping[str, CodeList]) -> Iterator[str]:
    return _of_event(RuleEvent(domain=exposure.domain, codes=exposure.codes), codes)


def _of_criterion(item: Criterion, codes: Mapping[str, CodeList]) -> Iterator[str]:
    return _of_event(RuleEvent(domain=item.domain, codes=item.codes, status=item.status), codes)


def _of_event(event: RuleEvent, codes: Mapping[str, CodeList]) -> Iterator[str]:
    if event.setting:
        yield from (source for setting in event.setting for source in _OF_SETTING[setting])
    elif event.domain == "death":
        yield from (CERTIFICATES,) if event.codes else ()
    elif event.domain == "condition" and set(event.status) == {_OF_REGISTER}:
        return
    elif event.domain == "drug" and codes[event.codes].system == PRODUCTS:
        return  # doses stand in a register of their own, which has no interval
    elif event.domain == "drug" and codes[event.codes].system in _PACKS:
        yield CLAIMS
    else:
        yield from _OF_DOMAIN.get(event.domain, ())


def usable_until(sources: Collection[str]) -> str:
    """SQL of the last day on which all of the sources can be used, NULL where nothing is known of them; '' for no source."""
    listed = ", ".join(f"'{source}'" for source in sorted(sources))
    return f"(SELECT min(last_day) FROM usable_interval WHERE source IN ({listed}) AND scheme = '')" if listed else ""


def usable_days(table: str, until: str) -> str:
    """What may stand after FROM in place of ``table`` (or of a query in brackets): its periods (start_date, end_date, …) as far as
    ``until`` (SQL of a day, NULL for no end; '': as they are)."""
    if not until:
        return table
    return (
        f"(SELECT * REPLACE (least(end_date, {until}) AS end_date) FROM {table} "
        f"WHERE start_date <= coalesce({until}, start_date))"
    )
