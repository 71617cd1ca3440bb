# SPDX-License-Identifier: Apache-2.0
"""What studies ask about, in the plain terms by which persons are invented for them. Draws nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rempart.records.atlas_future import criteria
from rempart.records.cohort import CohortDefinition, DrugEraExit
from rempart.records.cohort_rules import ATLAS_DOMAINS, CODED, RuleCohort
from rempart.records.protocol import CodeList, CohortRule, Criterion
from rempart.records.study import Study
from rempart.synthetic.asked import RESIDENCE, Asked, Kind

MOST_CODES = 200  # of a list: more would only make each rarer


def asked(studies: Sequence[Study], *, families: Mapping[str, Any] | None = None) -> Asked:
    """All that the studies ask about; ``families``: domain → system and codes that stand for families of codes where features ask for them
    (``synthetic/asked.toml``)."""
    told = [kind for study in studies for kind in (*_kinds(study), *_families(study, families or {}))]
    kinds = tuple(dict.fromkeys(told))
    cohorts: list[CohortRule | RuleCohort] = [item for study in studies for item in study.cohorts.values()]
    cohorts += [item for study in studies for item in study.rules.values()]
    ages = [item.age for item in cohorts if item.age is not None]
    rules = [rule for study in studies for rule in study.rules.values()]
    places = [*(place for kind in kinds for place in kind.place), *(place for rule in rules for place in rule.place)]
    return Asked(
        kinds=tuple(kind for kind in kinds if kind.domain != RESIDENCE),
        places=tuple(dict.fromkeys(places)),
        ages=(min(age[0] for age in ages), max(age[1] for age in ages)) if ages else None,
        before=max((item.prior_observation_days for item in cohorts), default=0),
        claims=next((item.claims for study in studies for item in study.descriptions if item.claims), ""),
        environment=tuple(dict.fromkeys(name for study in studies for name in _environment(study))),
    )


def _families(study: Study, families: Mapping[str, Any]) -> Iterator[Kind]:
    """Records of the families that features are made of, of each code apart, so that few bear many."""
    for features in study.features.values():
        read = {
            "drug": features.atc or features.costs or "dispensings" in features.counts,
            "condition": features.cim10 or "diagnoses" in features.counts,
            "procedure": features.ccam or features.costs or "procedures" in features.counts,
        }
        for domain in (domain for domain, asked_for in read.items() if asked_for and domain in families):
            for code in families[domain]["codes"]:
                yield Kind(domain=domain, system=families[domain]["system"], codes=(code,))


def _environment(study: Study) -> Iterator[str]:
    """Names of what is measured at residences."""
    yield from (str(item.inputs["environment"]) for item in study.designs if "environment" in item.inputs)


def _kinds(study: Study) -> Iterator[Kind]:
    for exposure in study.exposures.values():
        yield _of_codes(exposure.domain, study.codes[exposure.codes])
    for criterion in _criteria(study):
        yield _of_codes(criterion.domain, study.codes[criterion.codes], status=criterion.status)
    for rule in study.rules.values():
        if rule.atlas is not None:
            yield from _of_atlas(rule.atlas)
            continue
        for _, event in rule.events():
            if not event.cohort:
                codes = study.codes[event.codes] if event.codes else None
                told = {name: getattr(event, name) for name in ("status", "specialty", "setting", "place")}
                yield _of_codes(event.domain, codes, **told, where=tuple(sorted(event.where.items())))


def _of_atlas(definition: CohortDefinition) -> Iterator[Kind]:
    """Records of the standard concepts that a definition of ATLAS names; source concepts are those of an ingest."""
    sets = {number: [str(entry[0]) for entry in given.include] for number, given in definition.code_sets.items()}
    used = [(item.domain, item.code_set) for item in criteria(definition)]
    used += [("DrugExposure", definition.exit.code_set)] if isinstance(definition.exit, DrugEraExit) else []
    for name, number in used:
        domain = ATLAS_DOMAINS.get(name, "")
        if domain in CODED and number is not None:
            yield Kind(domain=domain, system="OMOP", codes=tuple(sets[number][:MOST_CODES]))
        elif domain == "visit":
            yield Kind(domain=domain)


def _criteria(study: Study) -> Iterator[Criterion]:
    for items in study.outcomes.values():
        yield from items
    for cohort in study.cohorts.values():
        yield from cohort.exclude
    for covariate in study.covariates.values():
        if covariate.criterion is not None:
            yield covariate.criterion


def _of_codes(
    domain: str,
    codes: CodeList | None,
    *,
    status: tuple[str, ...] = (),
    specialty: tuple[str, ...] = (),
    setting: tuple[str, ...] = (),
    place: tuple[str, ...] = (),
    where: tuple[tuple[str, str], ...] = (),
) -> Kind:
    return Kind(
        domain=domain,
        system=codes.system if codes else "",
        codes=_borne(codes) if codes else (),
        status=status,
        specialty=specialty,
        setting=setting,
        place=place,
        where=where,
    )


def _borne(codes: CodeList) -> tuple[str, ...]:
    """Codes of the list that a record can bear: those listed themselves, without what is taken out again."""
    kept = [code for code in codes.include if not code.startswith(codes.exclude)] if codes.exclude else codes.include
    return tuple(kept[:MOST_CODES])
