# SPDX-License-Identifier: Apache-2.0
"""The keys of descriptive analyses and of census populations in a study file, as forms. ``describing_reading.py`` reads by them."""

from rempart.records.describing import (
    BANDS,
    CALENDAR,
    COHORT,
    COHORT_TYPES,
    DIMENSIONS,
    FOLLOW_UP,
    LONGEST_PATH,
    OBSERVED,
    OLDEST,
    PATHWAYS,
    PERIODS,
    PERSON_TIME,
    PREVALENCE,
    RATE,
    SMALLEST_PATH,
    STANDARDS,
    TABLE_ONE,
    USE,
)
from rempart.records.forms import (
    NAME_PATTERN,
    Choice,
    Day,
    Flag,
    Inside,
    Pair,
    Rows,
    Table,
    Text,
    Texts,
    Whole,
    Wholes,
    key,
)

_DIMENSION = f"({'|'.join(DIMENSIONS)})"
_DAYS = Texts(pattern=r"\d{4}-\d{2}-\d{2}", expected="a list of days", least=1, days=True)
_BY = Texts(
    pattern=rf"{_DIMENSION}(\*{_DIMENSION})*", expected=f"of {', '.join(DIMENSIONS)}, or crossed, such as age*sex"
)
# key → the types of analysis that use it
USED = {
    "cohort": tuple(kind for kind in COHORT_TYPES if kind != TABLE_ONE),
    "cohorts": (TABLE_ONE,),
    "outcome": (RATE, PREVALENCE),
    "exposures": (USE, PATHWAYS, PERIODS),
    "covariates": (TABLE_ONE,),
    "denominator": (RATE, PREVALENCE),
    "standard": (RATE,),
    "by": (RATE, PREVALENCE, USE, PERSON_TIME),
    "bands": (RATE, PREVALENCE, USE, PERSON_TIME),
    "ages": (RATE,),
    "events": (RATE,),
    "weighted": (RATE,),
    "establishments": (RATE,),
    "claims": (RATE, PREVALENCE),
    "points": (PREVALENCE,),
    "each": (PREVALENCE, USE),
    "lookback_days": (PREVALENCE,),
    "washout_days": (USE,),
    "days": (PATHWAYS, PERIODS),
    "steps": (PATHWAYS,),
    "least": (PATHWAYS,),
    "grid_days": (FOLLOW_UP, PERIODS),
}

COHORT_INPUTS = Table(
    name="cohort_inputs",
    about="What a description of a rule cohort is made of.",
    keys={
        "cohort": key(Text(), "the rule cohort; absent: the only one"),
        "cohorts": key(
            Texts(least=1), "table_one: the rule cohorts, the first compared with each other; absent: the only one"
        ),
        "outcome": key(Text(), "incidence_rate, prevalence: an outcome, or a rule cohort; absent: the only outcome"),
        "exposures": key(
            Texts(least=1), "drug_utilisation, pathways, exposure_periods: exposures; absent: all of them"
        ),
        "covariates": key(Texts(), "table_one: covariates; absent: all of them"),
        "denominator": key(
            Text(), "incidence_rate, prevalence: observed, or a population of the file", default=OBSERVED
        ),
        "standard": key(Choice(STANDARDS), "incidence_rate: the population to standardise directly to", default=""),
    },
)
COHORT_PARAMETERS = Table(
    name="cohort_parameters",
    about="How a description of a rule cohort is made.",
    keys={
        "by": key(_BY, "tables by these, each beside the whole; absent: the whole alone, person_time by age*year"),
        "bands": key(Wholes(1, 120), "lower limits of age bands", default=BANDS),
        "ages": key(Pair(0, OLDEST), f"incidence_rate: ages of the standard population to keep; {OLDEST}: and older"),
        "events": key(
            Choice(("first", "every")), "incidence_rate: a person's first event, or each day with one", default="first"
        ),
        "weighted": key(Flag(), "incidence_rate: each person for as many as the deliveries declare", default=False),
        "establishments": key(
            Flag(),
            "incidence_rate: count the places of care on the days of events, and of deaths of unknown cause, for the disclosure rules",
            default=False,
        ),
        "claims": key(
            Text(),
            "the target population that the figures are said to be of; deliveries must declare it; required where a census divides",
            default="",
        ),
        "points": key(_DAYS, "prevalence: on these days"),
        "each": key(Choice(CALENDAR), "prevalence without points, drug_utilisation: over each such unit of the period"),
        "lookback_days": key(Whole(), "prevalence: records count from so many days before", default=0),
        "washout_days": key(Whole(1), "drug_utilisation: of new users, without the drug for so long", default=365),
        "days": key(
            Whole(), "pathways, exposure_periods: followed for so long; 0: to the end of the cohort's period", default=0
        ),
        "steps": key(Whole(1, LONGEST_PATH), "pathways: longest path", default=LONGEST_PATH),
        "least": key(Whole(1), "pathways: paths of fewer persons are shortened", default=SMALLEST_PATH),
        "grid_days": key(Whole(1), "follow_up, exposure_periods: step of the curve's grid", default=90),
    },
)
COHORT_ANALYSIS = Table(
    name="cohort_analysis",
    about="A description of rule cohorts; each gives its own outputs.",
    keys={
        "id": key(
            Text(pattern=NAME_PATTERN, expected="a name of lower-case letters, digits and _"),
            "its name, once",
            required=True,
        ),
        "type": key(Choice(COHORT_TYPES), "what is described", required=True),
        "design": key(Choice((COHORT,)), "cohort: nobody is compared", required=True),
        "inputs": key(Inside(COHORT_INPUTS), "what it is made of", default={}),
        "parameters": key(Inside(COHORT_PARAMETERS), "how it is made", default={}),
    },
)
INHABITANTS = Table(
    name="inhabitants",
    about="Persons of one year, sex, age band and place; what is absent is not told apart.",
    keys={
        "persons": key(Whole(0, 2**53 - 1), "how many", required=True),
        "year": key(Whole(1900, 2200), "on 1 January of that year, or its mean; absent: of every year"),
        "sex": key(Choice(("female", "male")), "sex", default=""),
        "age": key(Pair(0, OLDEST), f"first and last age, both included; {OLDEST}: and older"),
        "place": key(Text(), "département", default=""),
    },
)
POPULATION = Table(
    name="population",
    about="A census to divide by, as its source gives it.",
    keys={
        "source": key(Text(), "who counted, and where it was published", required=True),
        "date": key(Day(), "the day that the figures were published or taken", required=True),
        "rows": key(Rows(INHABITANTS, least=1), "the figures", required=True),
    },
)
