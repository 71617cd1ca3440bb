# SPDX-License-Identifier: Apache-2.0
"""Cohorts whose rule reads after time zero because their persons are cloned: which can be run, and which strategies the rule tells apart.

Of the rule nothing is asked when the cohort is made: all stay, and ``cohort_NAME_met`` (person_id, start_date, met_date) says on which day
somebody met it. A ``target-trial`` follows each person under both strategies, to meet it in time and not to. Runs nothing.
"""

from rempart.errors import Refused
from rempart.records.cohort_rules import Counted, Rule, RuleCohort
from rempart.records.study import Study

TARGET_TRIAL = "target-trial"


def check_runnable(study: Study) -> None:
    """Refused ``cohort-not-yet-run`` for a cloned cohort that no target trial follows, that another cohort or analysis takes as it is, or
    whose strategies are not those of one demand of ``>= n`` records."""
    for name, cohort in study.rules.items():
        if cohort.clone_censor_weight and not (_followed(study, name) and strategy(cohort) is not None):
            raise Refused("cohort-not-yet-run", cohort=name)


def _followed(study: Study, name: str) -> bool:
    """Whether target trials, and nothing else, take it."""
    trials = [item for item in study.designs if name in item.cohorts]
    if not trials or any(item.design != TARGET_TRIAL for item in trials):
        return False
    described = any(name in (*item.cohorts, item.outcome) for item in study.descriptions)
    drawn = any(name in (matching.to, matching.pool) for matching in study.matchings.values())
    return not (described or drawn or any(name in rule.needs for rule in study.rules.values()))


def later_rules(cohort: RuleCohort) -> list[tuple[str, Rule]]:
    """(key, rule) of the rules that read after the entry event."""
    return [(key, rule) for key, _, rule in cohort.numbered() if rule.last_day(cohort.prior_observation_days) > 0]


def strategy(cohort: RuleCohort) -> Counted | None:
    """The demand that tells the strategies apart: the one rule after time zero, an include of at least n records from the entry event on;
    None where there is no such one."""
    found = later_rules(cohort)
    if len(found) != 1 or found[0][0] != "include":
        return None
    demand = found[0][1].demand
    return demand if isinstance(demand, Counted) and met_on_a_day(demand) and demand.days[0] >= 0 else None


def met_on_a_day(demand: Counted) -> bool:
    """Whether there is a day on which it is met, known on that day: that of the nth record."""
    if demand.after is not None or demand.origin != "index" or demand.overlap:
        return False
    sign, number = demand.count.split(" ")
    return sign == ">=" and int(number) > 0 and "nights" not in demand.event.where
