# SPDX-License-Identifier: Apache-2.0
"""The self-controlled case series: its keys. Its SQL and its fit are in the files of that name in ``cohort`` and ``study``."""

from rempart.records.describing_reading import Known
from rempart.records.design import DesignAnalysis, DesignForm
from rempart.records.design_windows import DURING, LONGEST, RISK_WINDOW, STOP, risk_windows, window_reach
from rempart.records.fields import Fields
from rempart.records.forms import Choice, Flag, Rows, Table, Text, Texts, Whole, Wholes, key

SELF_CONTROLLED, CASE_SERIES = "self-controlled", "case_series"
LATER, EARLIER = "later", "earlier"
WINDOW, REFERENCE = "window", "reference"
FIRST, EVERY = "first", "every"
INDEPENDENT, DEPENDENT = "independent", "event-dependent"
NONE, MONTH, MONTH_OF_YEAR = "none", "month", "month-of-year"

_INPUTS = Table(
    name="self_controlled_inputs",
    about="Who is observed, which event, which exposures.",
    keys={
        "cohort": key(
            Text(),
            "a rule cohort: a person is observed on the days after the first of the first period to its last, within protocol.period; "
            "absent: the only one",
        ),
        "exposures": key(Texts(least=1), "exposures, each with windows of its own that multiply; absent: all of them"),
        "outcome": key(Text(), "the event; absent: the only outcome"),
    },
)
_PARAMETERS = Table(
    name="self_controlled_parameters",
    about="How the days of a case are cut.",
    keys={
        "windows": key(Rows(RISK_WINDOW, least=1), "risk windows", required=True),
        "pre_exposure_days": key(
            Whole(0, LONGEST),
            "days before each dispensing that are a window of their own, never reference time",
            default=0,
        ),
        "washout_days": key(Whole(0, LONGEST), "days after the last risk window, likewise", default=0),
        "day_zero": key(
            Choice((WINDOW, REFERENCE)),
            "window: a risk window holds the day of the dispensing, or a refusal says that none does; reference: it is reference time then",
            default=WINDOW,
        ),
        "overlap": key(
            Choice((LATER, EARLIER)),
            "where windows of two dispensings of one exposure meet: the later one takes the day with all its windows, or the earlier "
            "one keeps it",
            default=LATER,
        ),
        "from_exposure": key(
            Flag(),
            "observe each case from the day of its first exposure on, and nobody who has none: for events after which the exposure is not "
            "begun any more",
            default=False,
        ),
        "events": key(
            Choice((FIRST, EVERY)),
            "first: a person's first while observed, right where the event is rare; every: each day with one, right where they recur",
            default=FIRST,
        ),
        "age_bands": key(
            Wholes(1, 120),
            "age as a term: lower limits; 50, 60 gives 0-49, 50-59 and 60+; age changes on 1 January, which is the first day of the next "
            "group",
        ),
        "calendar": key(
            Choice((NONE, MONTH, MONTH_OF_YEAR)),
            "calendar time as a term: month: each month its own; month-of-year: those of several years together",
            default=NONE,
        ),
        "calendar_days": key(
            Whole(0, 366),
            "calendar time as a term: periods of so many days from the first of protocol.period; 0: not so",
            default=0,
        ),
        "ends": key(
            Choice((INDEPENDENT, DEPENDENT)),
            "event-dependent: observations may end because of the event (a death, a loss): their days are weighed by a model of the ends",
            default=INDEPENDENT,
        ),
    },
)


def _check(given: Fields, analysis: DesignAnalysis, known: Known) -> None:
    asked = analysis.parameters
    for place, told in enumerate(asked["windows"], 1):
        where = f"parameters.windows[{place}]"
        if told.get("exposure", analysis.exposures[0]) not in analysis.exposures:
            raise given.wrong(f"{where}.exposure", "one of inputs.exposures: " + ", ".join(analysis.exposures))
        if told["days"] == DURING and told["of"] == STOP:
            raise given.wrong(f"{where}.of", f"start, or no such line, beside days = {DURING}")
    for name in analysis.exposures:
        _check_windows(given, analysis, known, name)
    _check_day_zero(given, analysis)
    if asked["from_exposure"] and asked["pre_exposure_days"]:
        raise given.wrong(
            "parameters.pre_exposure_days", "0, or no such line: from_exposure observes nobody before the exposure"
        )
    if asked["calendar"] != NONE and asked["calendar_days"]:
        raise given.wrong("parameters.calendar_days", "0, or no such line, beside calendar")
    if asked["ends"] == DEPENDENT and asked["events"] != FIRST:
        raise given.wrong("parameters.events", f"{FIRST}: the model of ends is of first events alone")


def _check_windows(given: Fields, analysis: DesignAnalysis, known: Known, name: str) -> None:
    asked = analysis.parameters
    own = [window for window in risk_windows(analysis) if window.exposure == name]
    told = [item for item in asked["windows"] if item.get("exposure", name) == name]
    if not told:
        raise given.wrong("parameters.windows", f"a window of {name}")
    if len({window.name for window in own}) < len(own):
        raise given.wrong("parameters.windows", f"each window of {name} once")
    lasting = any(item["days"] == DURING or item["of"] == STOP for item in told)
    if lasting and name not in known.periods:
        raise given.wrong(
            "parameters.windows", f"days from the dispensing: {name} has no supply, which would tell its last day"
        )


def _check_day_zero(given: Fields, analysis: DesignAnalysis) -> None:
    held = {
        window.exposure
        for window in risk_windows(analysis)
        if window.side != STOP and window.begin <= 0 and (window.end is None or window.end >= 0)
    }
    without = [name for name in analysis.exposures if name not in held]
    if without and analysis.parameters["day_zero"] == WINDOW:
        expected = f"reference, since no window of {', '.join(without)} holds day 0; or a window that does"
        raise given.wrong("parameters.day_zero", expected)
    if not without and analysis.parameters["day_zero"] == REFERENCE:
        raise given.wrong(
            "parameters.day_zero", "window, or no such line: every exposure has a window that holds day 0"
        )


def _looks_back(analysis: DesignAnalysis) -> tuple[tuple[str, int], ...]:
    """A dispensing before the observation whose window reaches into it."""
    reach = window_reach(risk_windows(analysis))
    return (("parameters.windows", -reach),) if reach else ()


SELF_CONTROLLED_FORM = DesignForm(
    design=SELF_CONTROLLED,
    about="Cases alone, each compared with itself: days after an exposure against the case's other days.",
    types=(CASE_SERIES,),
    inputs=_INPUTS,
    parameters=_PARAMETERS,
    check=_check,
    looks_back=_looks_back,
)
