# SPDX-License-Identifier: Apache-2.0
"""What rule cohorts may not read: anything after time zero that decides who is in. Judges terms that were read; reads no file.

A stay's number of nights is known when it has lasted so long. A gap that ``collapse_days`` bridges is known to be bridged when the next
period begins: until then membership on a day of it is the future's.
"""

from collections.abc import Iterable, Mapping

from rempart.errors import Refused
from rempart.records.atlas_future import known_later, reads_all_before
from rempart.records.cohort_rules import PERIOD_END, Counted, RuleCohort, known_after


def reads_later(cohort: RuleCohort) -> str:
    """The key and the name of the first thing that reads after the cohort's time zero, '' for none."""
    if cohort.clone_censor_weight:
        return ""
    if cohort.limit == "last" and cohort.landmark != PERIOD_END:
        return 'entry.limit (limit = "last")'
    for place, event in enumerate(cohort.entry, 1):
        if known_after(event) > _zero(cohort):
            return f"entry.any[{place}].where.nights ({event.words})"
    for key, place, rule in cohort.numbered():
        if rule.last_day(cohort.prior_observation_days) > _zero(cohort) and not rule.time_varying:
            return f"{key}[{place}] ({rule.name})"
    return ""


def _zero(cohort: RuleCohort) -> int:
    return cohort.landmark if isinstance(cohort.landmark, int) else 0


def looks_ahead(cohorts: Mapping[str, RuleCohort], order: Iterable[str]) -> dict[str, int]:
    """Cohort → days after a day until it is known whether the day is a member's; ``order``: each after those that it needs.

    First days of periods are known at once: another period can only lie before, and does.
    """
    found: dict[str, int] = {}
    for name in order:
        cohort = cohorts[name]
        several = bool(cohort.sets) or (cohort.limit == "every" and cohort.nth is None)
        own = max(0, cohort.collapse_days - 1) if several else 0
        own += known_later(cohort.atlas) if cohort.atlas is not None else 0
        found[name] = own + max((found.get(other, 0) for other in cohort.of), default=0)
    return found


def check_members(cohorts: Mapping[str, RuleCohort], order: Iterable[str], *, file: str) -> None:
    """Refused ``reads-after-time-zero`` where membership that is known later decides who is in another cohort."""
    ahead = looks_ahead(cohorts, order)
    for name, cohort in cohorts.items():
        late = next((other for other in cohort.of if ahead.get(other) and cohort.sets != "union"), "")
        if late:
            raise Refused("reads-after-time-zero", file=file, field=f"cohorts.{name}.of ({late})")
        if cohort.clone_censor_weight:
            continue
        for key, place, rule in cohort.numbered():
            if any(_member_later(item, cohort, ahead) for _, item in rule.counted()):
                field = f"cohorts.{name}.{key}[{place}] ({rule.name})"
                raise Refused("reads-after-time-zero", file=file, field=field)


def all_days_before(cohorts: Mapping[str, RuleCohort]) -> tuple[tuple[str, str], ...]:
    """(cohort, part) of every part of an ATLAS definition that reads all the days before, without a bound that could be held to a permit's
    look-back. Rules of the study file have bounds, always."""
    named = ((name, cohort.atlas) for name, cohort in cohorts.items())
    return tuple((name, part) for name, atlas in named if atlas is not None for part in reads_all_before(atlas))


def _member_later(item: Counted, cohort: RuleCohort, ahead: Mapping[str, int]) -> bool:
    """Whether a demand asks for membership, not for the first day of a period, on days that are not known by time zero."""
    days = ahead.get(item.event.cohort, 0)
    certain = cohort.prior_observation_days if item.origin != "index" else 0
    last = item.days[1] + (item.after.days[1] if item.after is not None else 0)
    return item.overlap and days > 0 and last + days - certain > _zero(cohort)
