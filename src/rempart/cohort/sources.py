# SPDX-License-Identifier: Apache-2.0
"""Which delivered sources a cohort's events come from: follow-up ends with the earliest of their usable intervals (docs/snds.md).

Names are those of ``usable_interval``: dcir (claims), the hospital fields mco, ssr, had, rip, ace, and certificates (causes of death).
"""

from collections.abc import Iterator, Mapping

from rempart.records.cohort_rules import RuleCohort, RuleEvent
from rempart.records.protocol import CodeList

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
    "drug": (CLAIMS,),
    "condition": STAYS,
    "procedure": (CLAIMS, "mco"),
    "measurement": (CLAIMS,),
    "device": (CLAIMS,),
    "visit": (CLAIMS, *STAYS),
    "residence": (CLAIMS,),
}
_OF_REGISTER = "ALD"  # long-term conditions stand in a register of their own, which has no interval


def sources_of(cohort: RuleCohort, codes: Mapping[str, CodeList]) -> tuple[str, ...]:
    """The sources of its events, in order of their names; an exposure of its exit is claims."""
    found = {source for _, event in cohort.events() for source in _of_event(event, codes)}
    return tuple(sorted(found | ({CLAIMS} if cohort.exit.exposure or cohort.place else set())))


def _of_event(event: RuleEvent, codes: Mapping[str, CodeList]) -> Iterator[str]:
    if event.setting:
        yield from (source for setting in event.setting for source in _OF_SETTING[setting])
    elif event.domain == "death":
        yield from (CERTIFICATES,) if event.codes else ()
    elif event.domain == "condition" and set(event.status) == {_OF_REGISTER}:
        return
    else:
        yield from _OF_DOMAIN.get(event.domain, ())
        if event.codes and codes[event.codes].system == "UCD":
            yield "mco"


def usable_until(sources: tuple[str, ...]) -> str:
    """SQL of the last day on which all of the sources can be used; NULL where nothing is known of them."""
    listed = ", ".join(f"'{source}'" for source in sources)
    return f"(SELECT min(last_day) FROM usable_interval WHERE source IN ({listed}) AND scheme = '')"
