# SPDX-License-Identifier: Apache-2.0
"""The study file's tables and keys as forms: ``study.py`` reads by them, the JSON Schema and the reference page are made of them.

A table that another file declares (rule cohorts, exposures' eras, matching) is taken in here by one line.
"""

from rempart.records.code_lists import CODES
from rempart.records.cohort_forms import ATLAS_COHORT, RULE_COHORT, SET_COHORT
from rempart.records.describing import COHORT as DESCRIPTION
from rempart.records.describing_forms import COHORT_ANALYSIS, POPULATION
from rempart.records.design_reading import analysis_form
from rempart.records.designs import DESIGN_FORMS
from rempart.records.exposure_forms import ERA_KEYS
from rempart.records.features import FEATURES
from rempart.records.forms import (
    NAME_PATTERN,
    ByPresence,
    ByValue,
    Choice,
    Days,
    Flag,
    Inside,
    Kind,
    Named,
    Pair,
    Rows,
    Table,
    Text,
    Texts,
    Whole,
    Wholes,
    key,
)
from rempart.records.harper import HARPER_KEYS
from rempart.records.matching import MATCHED_COHORT
from rempart.records.protocol import (
    ACTIVE,
    DEATH,
    DEATHS,
    DESIGNS,
    DISTRIBUTIONS,
    DOMAINS,
    ESTIMANDS,
    NON_USERS,
    SAME_DAY,
    TIES,
    TYPES,
)
from rempart.records.scores import SCORE_KEYS

SCHEMA = "rempart.study/1"
GRID_DAYS = 90
NAME = Text(pattern=NAME_PATTERN, expected="a name of lower-case letters, digits and _")
STATUS = Texts(pattern=r"[A-Za-z0-9_-]{1,20}", expected="short words of letters and digits")

PROTOCOL = Table(
    name="protocol",
    about="What is asked, of whom, from when to when.",
    keys={
        "title": key(Text(), "the title of everything that is released", required=True),
        "question": key(Text(), "the question, in a sentence", required=True),
        "estimand": key(
            Choice(ESTIMANDS),
            "initiation: follow-up goes on whatever happens to the treatment; on-treatment: it ends with it, and a study that compares "
            "nobody has a cohort that ends with an exposure; to be said where an analysis reads it: a comparison, or one of a cohort that "
            "ends with a treatment",
            default=ESTIMANDS[0],
        ),
        "period": key(Days(), "first and last possible day of time zero", required=True),
        "follow_up_days": key(
            Whole(1),
            "comparisons, and the curves of follow_up and persistence: longest follow-up after time zero; absent: no limit",
        ),
        "lag_days": key(
            Whole(0, 3660), "comparisons: outcomes and time at risk count from the day after the lag", default=0
        ),
        "grace_days": key(Whole(0, 3660), "comparisons on-treatment: days after the last covered day", default=0),
        "death": key(
            Choice(DEATHS),
            "the column that dates a death; date is a potential identifier that the permit must name",
            default="month",
        ),
        "same_day_order": key(
            Texts(allowed=SAME_DAY), "the order of what happens on one day; there is no other", default=SAME_DAY
        ),
        **HARPER_KEYS,
    },
)


def criterion(name: str, *, window: bool, about: str, domains: tuple[str, ...] = DOMAINS) -> Table:
    """A record of a domain with one of a code list; ``window``: with its days relative to time zero."""
    keys = {
        "domain": key(Choice(domains), "the kind of record", required=True),
        "codes": key(Text(), "the code list that the record's code is of", required=True),
        "status": key(STATUS, "conditions: kinds of diagnosis (DP, DR, DAS, ALD); absent: every kind", default=()),
    }
    if window:
        keys["days"] = key(Pair(), "first and last day relative to time zero, both included", required=True)
    return Table(name=name, about=about, keys=keys)


BEFORE = criterion("before", window=True, about="Records around time zero; the window ends at day 0 or before.")
EVENT = criterion(
    "event",
    window=False,
    about="Records that count as the outcome; a death by its cause.",
    domains=(*DOMAINS, DEATH),
)

ELIGIBILITY = Table(
    name="eligibility",
    about="Who may enter a comparison of new users.",
    keys={
        "prior_observation_days": key(Whole(), "observed at least so long before time zero", default=0),
        "washout_days": key(Whole(), "neither drug dispensed on so many days before time zero", default=0),
        "age": key(Pair(0, 150), "youngest and oldest, both included, at time zero"),
        "exclude": key(Rows(BEFORE), "nobody with such a record"),
    },
)
COHORT: Kind = ByPresence(
    name="cohort",
    about="Who may enter, and when.",
    cases={"entry": RULE_COHORT, "of": SET_COHORT, "match": MATCHED_COHORT, "atlas": ATLAS_COHORT, "": ELIGIBILITY},
)
EXPOSURE = Table(
    name="exposure",
    about="An arm: users of the codes.",
    keys={
        "domain": key(Choice(DOMAINS), "drug; of non-users the kind of their entry record", required=True),
        "codes": key(Text(), "the code list", required=True),
        "non_users": key(
            Flag(), "persons who enter at a record of the codes without ever the target before", default=False
        ),
        **ERA_KEYS,
    },
)
OUTCOME = Table(
    name="outcome",
    about="What is waited for: the first record after time zero that any of the criteria meets.",
    keys={"any": key(Rows(EVENT, least=1), "the criteria, any of which counts", required=True)},
)
_TYPE = {kind: key(Choice((kind,)), "how it is made", required=True) for kind in ("age", "sex", "history")}
COVARIATE = ByValue(
    name="covariate",
    about="What persons are described by and compared within.",
    by="type",
    cases={
        "age": Table(
            name="covariate_age",
            about="Age at time zero in bands.",
            keys={
                "type": _TYPE["age"],
                "bands": key(
                    Wholes(1, 120), "lower limits: 50, 55 gives 0-49, 50-54 and the open band 55+", required=True
                ),
            },
        ),
        "sex": Table(name="covariate_sex", about="Female, male or unknown.", keys={"type": _TYPE["sex"]}),
        "history": Table(
            name="covariate_history",
            about="Whether there was such a record: yes or no.",
            keys={"type": _TYPE["history"], **BEFORE.keys},
        ),
    },
)
INPUTS = Table(
    name="inputs",
    about="What an analysis is made of.",
    keys={
        "cohort": key(Text(), "a cohort; absent: the only one"),
        "target": key(Text(), "the exposure of interest", default="target"),
        "comparator": key(Text(), "the exposure it is compared with", default="comparator"),
        "outcome": key(Text(), "an outcome; absent: the only one"),
        "covariates": key(
            Texts(), "table_one, cox, propensity, calibration: covariates; absent: all of them; []: none"
        ),
        "features": key(Texts(least=1), "propensity, calibration: features beside the covariates", default=()),
        "outcomes": key(
            Texts(least=2),
            "calibration: the negative controls, outcomes that the target is known neither to cause nor to prevent",
        ),
    },
)
PARAMETERS = Table(
    name="parameters",
    about="How an analysis is made.",
    keys={
        "grid_days": key(Whole(1), "curves: step of the grid", default=GRID_DAYS),
        "differences": key(Flag(), "table_one: with standardised differences of the arms", default=False),
        "establishments": key(
            Flag(),
            "incidence_rate, cox, curves: count the places of care on the days of outcomes, for the disclosure rules; "
            "it holds for every analysis of the same cohort, arms and outcome",
            default=False,
        ),
        "ties": key(Choice(TIES), "cox, fine_gray, propensity, calibration: outcomes on one day", default="efron"),
        "distribution": key(
            Choice(DISTRIBUTIONS), "rate_ratio: of the counts by pattern of covariates", default="poisson"
        ),
        "horizons": key(Wholes(1, 36600), "curve_tests: days that restricted means go to; absent: none", default=()),
        **SCORE_KEYS,
    },
)
ANALYSIS = Table(
    name="analysis",
    about="One analysis; each gives its own outputs.",
    keys={
        "id": key(NAME, "its name, once", required=True),
        "type": key(Choice(TYPES), "what is computed", required=True),
        "design": key(Choice(DESIGNS), "who is compared with whom", default=ACTIVE),
        "inputs": key(Inside(INPUTS), "what it is made of", default={}),
        "parameters": key(Inside(PARAMETERS), "how it is made", default={}),
    },
)
ANY_ANALYSIS = ByValue(
    name="any_analysis",
    about="A comparison of new users, a description of rule cohorts, or an analysis of another design.",
    by="design",
    cases={ACTIVE: ANALYSIS, NON_USERS: ANALYSIS, DESCRIPTION: COHORT_ANALYSIS}
    | {name: analysis_form(form) for name, form in DESIGN_FORMS.items()},
)
STUDY = Table(
    name="study",
    about="A question to the data, as data.",
    keys={
        "schema": key(Choice((SCHEMA,)), "the form of this file", required=True),
        "permit": key(
            Text(pattern=r"P-\d{4}-\d{4}", expected="P-YYYY-NNNN"), "the permit it runs under", required=True
        ),
        "protocol": key(Inside(PROTOCOL), "what is asked", required=True),
        "codes": key(Named(CODES), "code lists by name"),
        "cohorts": key(Named(COHORT), "cohorts by name"),
        "exposures": key(Named(EXPOSURE), "exposures by name"),
        "outcomes": key(Named(OUTCOME), "outcomes by name"),
        "covariates": key(Named(COVARIATE), "covariates by name"),
        "features": key(Named(FEATURES), "features by name: what persons did before time zero"),
        "populations": key(Named(POPULATION), "census populations by name, for rates of inhabitants"),
        "analyses": key(Rows(ANY_ANALYSIS, least=1), "the analyses", required=True),
    },
)
