# SPDX-License-Identifier: Apache-2.0
"""New users of one drug against another, by a study file: conditional hazard ratios, the null, the lag, and who enters."""

import datetime
from dataclasses import dataclass
from functools import partial

import numpy as np

from recovery import session
from recovery.lines import EXACT, Line, Trial
from recovery.persons import Asked, Scene, scene
from recovery.project import project_tables
from recovery.session import Estimate, Estimates, answer, counts, ratio
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.synthetic.plan import NEVER, Flags

CUT = datetime.date(2017, 12, 31)
_LAST_START = "2017-07-01"
_ARMS = ("target", "comparator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the study file asks: ``lag`` days, and follow-up for ``within`` days."""

    asked: Asked
    lag: int = 0
    within: int = NEVER


def exact(difference: float) -> Estimate:
    """What was found less what is true."""
    return Estimate(value=float(difference), lower=float(difference), upper=float(difference))


def at_risk(plan: Plan, drawn: Scene) -> Flags:
    """Which persons of the facts truly start anew in the period, free of the outcome, and are at risk after the lag."""
    facts = drawn.facts
    end = np.minimum(np.minimum(drawn.planted.death[facts.person], facts.event), drawn.days.last)
    free = facts.fresh & (facts.event > facts.start) & (facts.start <= drawn.days.day_of(_LAST_START))
    return np.asarray(free & (end > facts.start + plan.lag))


def new_users(plan: Plan, drawn: Scene) -> dict[str, int]:
    """Persons of each arm who truly enter."""
    inside = at_risk(plan, drawn)
    return {arm: int((inside & (drawn.facts.arm == place)).sum()) for place, arm in enumerate(drawn.facts.arms)}


def outcomes(plan: Plan, drawn: Scene) -> int:
    """Outcomes of new users of both arms in time at risk."""
    facts = drawn.facts
    mine = np.isin(facts.arm, [facts.arms.index(arm) for arm in _ARMS])
    last = np.minimum(facts.start + plan.within, drawn.days.last)
    return int((at_risk(plan, drawn) & mine & (facts.event <= last)).sum())


def days_at_risk(plan: Plan, drawn: Scene) -> int:
    """Days of both arms from the end of the lag to the outcome, death, the end of follow-up or of the data."""
    facts = drawn.facts
    mine = at_risk(plan, drawn) & np.isin(facts.arm, [facts.arms.index(arm) for arm in _ARMS])
    last = np.minimum(np.minimum(drawn.planted.death[facts.person], facts.event), facts.start + plan.within)
    return int((np.minimum(last, drawn.days.last) - facts.start - plan.lag)[mine].sum())


def _run(query: DuckDBQuery, seed: int, *, plan: Plan) -> Estimates:
    drawn = scene(plan.asked, seed)
    rows = answer(query, session.study_of(plan.asked.study), project_tables(drawn), CUT)
    true = new_users(plan, drawn)
    found, years = counts(rows, "hazard_ratio", "persons"), counts(rows, "incidence", "person_years")
    made = {
        "crude": ratio(rows, "hazard_ratio", model="crude"),
        "hazard ratio": ratio(rows, "hazard_ratio", model="adjusted"),
        "persons who enter": exact(sum(abs(found[arm] - true[arm]) for arm in _ARMS)),
        "days at risk": exact(round(365.25 * sum(years[arm] for arm in _ARMS)) - days_at_risk(plan, drawn)),
        "outcomes": exact(sum(counts(rows, "hazard_ratio", "events").values()) - outcomes(plan, drawn)),
    }
    return {f"{plan.asked.study}: {name}": one for name, one in made.items()}


def _trial(plan: Plan, truth: float) -> Trial:
    study = plan.asked.study
    given, count = "conditional on age and sex", "found less planted"
    lines = (
        Line(
            name=f"{study}: hazard ratio",
            truth=truth,
            estimand=given,
            crude=f"{study}: crude",
            null=truth == 1.0,
        ),
        Line(name=f"{study}: persons who enter", truth=0, estimand=count, scale=EXACT),
        Line(name=f"{study}: days at risk", truth=0, estimand=count, scale=EXACT),
        Line(name=f"{study}: outcomes", truth=0, estimand=count, scale=EXACT),
    )
    return Trial(study=study, lines=lines, run=partial(_run, plan=plan))


NEW_USERS = (
    _trial(Plan(asked=Asked(study="pioglitazone_bladder", size=6000, effect=1.22)), 1.22),
    _trial(Plan(asked=Asked(study="doac_vka", size=4000)), 1.0),
    _trial(Plan(asked=Asked(study="benfluorex_valve", size=8000), lag=90, within=730), 3.1),
)
