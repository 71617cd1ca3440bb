# SPDX-License-Identifier: Apache-2.0
"""When a study's questions begin and what ends their follow-up, for who reads a study before it runs. Runs nothing, reads no row."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rempart.cohort.design_zeros import Facts, design_zero
from rempart.cohort.sources import analysis_sources, design_sources, frame_sources
from rempart.records.cohort_reading import in_order, period_of
from rempart.records.matching import matched_names
from rempart.records.protocol import Frame
from rempart.records.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """One question. ``whom``: a cohort, or ``cohort: target / comparator → outcome``; ``analyses``: ids of those that ask it;
    ``zero``: which kind of time zero, with its ``facts``; ``last``: the last possible day of the event that it hangs on; ``sources``:
    those whose usable intervals end follow-up, '' to the end of the permit's period."""

    whom: str
    analyses: tuple[str, ...]
    zero: str
    last: datetime.date
    sources: tuple[str, ...]
    facts: Facts = field(default_factory=dict)

    def until(self, ends: Mapping[str, datetime.date]) -> datetime.date | None:
        """The last day on which all sources can be used, as far as ``ends`` (source → last day) knows them."""
        return min((ends[source] for source in self.sources if source in ends), default=None)


def times_of(study: Study) -> tuple[Times, ...]:
    """Each comparison, then each cohort that is described or followed, once for each time zero and set of sources, in the order of the
    file."""
    found: dict[tuple[object, ...], Times] = {}
    for asked in (*_compared(study), *_described(study), *_designed(study)):
        key = (asked.whom, asked.sources, asked.zero, *sorted(asked.facts.items()))
        before = found[key].analyses if key in found else ()
        found[key] = Times(
            whom=asked.whom,
            analyses=(*before, *asked.analyses),
            zero=asked.zero,
            last=asked.last,
            sources=asked.sources,
            facts=asked.facts,
        )
    return tuple(found.values())


def _compared(study: Study) -> Iterator[Times]:
    for analysis in study.analyses:
        frame = analysis.frame
        yield Times(
            whom=_question(frame),
            analyses=(analysis.id,),
            zero="entry-record" if study.exposures[frame.comparator].non_users else "dispensing",
            last=study.protocol.period[1],
            sources=tuple(sorted(frame_sources(study, frame))),
        )


def _question(frame: Frame) -> str:
    return f"{frame.cohort}: {frame.target} / {frame.comparator} → {frame.outcome}"


def _described(study: Study) -> Iterator[Times]:
    days = _last_days(study)
    for analysis in study.descriptions:
        sources = tuple(sorted(analysis_sources(study, analysis)))
        for name in analysis.cohorts:
            zero, facts = _zero(study, name)
            yield Times(whom=name, analyses=(analysis.id,), zero=zero, last=days[name], sources=sources, facts=facts)


def _designed(study: Study) -> Iterator[Times]:
    days = _last_days(study)
    for analysis in study.designs:
        sources = tuple(sorted(design_sources(study, analysis)))
        own = design_zero(study, analysis)
        for name in analysis.cohorts:
            zero, facts = own or _zero(study, name)
            yield Times(whom=name, analyses=(analysis.id,), zero=zero, last=days[name], sources=sources, facts=facts)


def _zero(study: Study, name: str) -> tuple[str, Facts]:
    """What kind of day a cohort's time zero is."""
    if name not in study.rules:
        matching = study.matchings[_matching(study, name)]
        of_case = matching.of_risk_set or name != _matching(study, name)
        return "matched", {"cohort": matching.to if of_case else matching.pool}
    cohort = study.rules[name]
    if cohort.sets:
        return "set", {"set": cohort.sets}
    if isinstance(cohort.landmark, int):
        return "landmark", {"days": cohort.landmark}
    if cohort.landmark is not None:
        return "period-end", {"day": period_of(cohort, study.protocol.period)[1].isoformat()}
    if cohort.atlas is not None:
        return "definition", {}
    if any(rule.time_varying for _, _, rule in cohort.numbered()):
        return "met", {}
    return "entry", {"which": f"nth = {cohort.nth}" if cohort.nth is not None else cohort.limit}


def _last_days(study: Study) -> dict[str, datetime.date]:
    """Cohort → the last possible day of the event at which persons enter."""
    found: dict[str, datetime.date] = {}
    for name in in_order(study.rules):
        cohort = study.rules[name]
        ends = [found[other] for other in cohort.of] if cohort.sets else []
        found[name] = max(ends, default=period_of(cohort, study.protocol.period)[1])
    for name, matching in study.matchings.items():
        found |= dict.fromkeys(matched_names([name]), found[matching.to])
    return found


def _matching(study: Study, name: str) -> str:
    return next(made for made in study.matchings if name in matched_names([made]))
