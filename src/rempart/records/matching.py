# SPDX-License-Identifier: Apache-2.0
"""Matched comparators as data: which cohort is matched to which, on what, how many. Chooses nobody.

Read from ``[cohorts.NAME] match = { to, from, kind, ratio, on, … }`` (docs/matching.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, Refused
from rempart.records.cohort_future import looks_ahead
from rempart.records.cohort_reading import in_order
from rempart.records.cohort_rules import RuleCohort
from rempart.records.fields import Fields
from rempart.records.form_reading import take
from rempart.records.forms import Choice, Flag, Inside, Table, Text, Texts, Whole, key
from rempart.records.table_names import is_rule

RISK_SET, EXACT = "risk-set", "exact"
KINDS = (RISK_SET, EXACT)
SEX, AGE, PLACE, CALENDAR, DURATION, DISPENSINGS = "sex", "age", "place", "calendar", "duration", "dispensings"
ON = (AGE, CALENDAR, DISPENSINGS, DURATION, PLACE, SEX)

MATCH = Table(
    name="match",
    about="Who is matched to whom (docs/matching.md).",
    keys={
        "to": key(Text(), "the cohort of cases, or of exposed: each of its periods gets a set", required=True),
        "from": key(Text(), "the cohort that controls are drawn from", required=True),
        "kind": key(
            Choice(KINDS),
            "risk-set: at risk on the case's day, which becomes the control's index day; exact: with index days of their own",
            required=True,
        ),
        "ratio": key(Whole(1, 100), "controls to a case, at most", required=True),
        "on": key(Texts(allowed=ON), "what must agree; [] for the day alone", required=True),
        "age_years": key(Whole(0, 20), "on age: how many years apart, at most; 0 when absent"),
        "calendar_days": key(Whole(0, 3660), "exact, on calendar: how many days apart, at most; 0 when absent"),
        "duration_days": key(
            Whole(0, 3660),
            "risk-set, on duration: how many days the times since entry into from differ, at most; 0 when absent",
        ),
        "dispensings_of": key(
            Text(),
            "risk-set, on dispensings: a code list of drugs; days of dispensing from entry into from to the day before are counted",
        ),
        "dispensings_apart": key(
            Whole(0, 1000), "risk-set, on dispensings: by how many their numbers differ, at most; 0 when absent"
        ),
        "replace": key(
            Flag(),
            "whether a person may serve in several sets; absent: yes in risk sets, no with index days of their own",
        ),
    },
)
MATCHED_COHORT = Table(
    name="matched_cohort",
    about="Controls drawn by matching.",
    keys={"match": key(Inside(MATCH), "who is matched to whom", required=True)},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """``pool`` (``from`` in the file) gives up to ``ratio`` controls to each period of ``to``.

    ``age_years``, ``calendar_days``, ``duration_days``, ``dispensings_apart``: how far apart, 0 for the same; None where it is not matched
    on. ``dispensings_of``: a code list. ``replace``: whether a person may serve in several sets.
    """

    to: str
    pool: str
    kind: str
    ratio: int
    on: tuple[str, ...]
    age_years: int | None
    calendar_days: int | None
    replace: bool
    duration_days: int | None = None
    dispensings_of: str = ""
    dispensings_apart: int | None = None

    @property
    def treated_apart(self) -> int | None:
        """By how much what was taken since entry may differ: days, or dispensings; None where neither is matched on."""
        return self.dispensings_apart if self.duration_days is None else self.duration_days

    @property
    def of_risk_set(self) -> bool:
        """Whether a control's index day is its case's."""
        return self.kind == RISK_SET

    def as_dict(self) -> dict[str, Any]:
        """The cohort's canonical form, every default written out; ``read_matching`` reads it back."""
        body: dict[str, Any] = {"to": self.to, "from": self.pool, "kind": self.kind, "ratio": self.ratio}
        body |= {"on": list(self.on), "replace": self.replace}
        body |= {"age_years": self.age_years} if self.age_years is not None else {}
        told = {
            "calendar_days": self.calendar_days,
            "duration_days": self.duration_days,
            "dispensings_of": self.dispensings_of or None,
            "dispensings_apart": self.dispensings_apart,
        }
        return {"match": body | {name: value for name, value in told.items() if value is not None}}


def read_matching(given: Fields) -> Matching:
    """A cohort of the form ``MATCHED_COHORT``; raises BadInput ``study-field``, ``unknown-key``."""
    inside: Fields = take(given, MATCHED_COHORT)["match"]
    told = take(inside, MATCH)
    kind, on = told["kind"], tuple(sorted(told["on"]))
    near = kind == EXACT and CALENDAR in on
    for name, used, where in (
        ("age_years", AGE in on, AGE),
        ("calendar_days", near, f"{EXACT} and {CALENDAR}"),
        ("duration_days", DURATION in on, DURATION),
        ("dispensings_of", DISPENSINGS in on, DISPENSINGS),
        ("dispensings_apart", DISPENSINGS in on, DISPENSINGS),
    ):
        if told[name] is not None and not used:
            raise inside.wrong(name, f"nothing where {where} is not matched on")
    _check_treated(inside, kind, on, of=told["dispensings_of"])
    if told["to"] == told["from"]:
        raise inside.wrong("from", "another cohort than to")
    return Matching(
        to=told["to"],
        pool=told["from"],
        kind=kind,
        ratio=told["ratio"],
        on=on,
        age_years=told["age_years"] or 0 if AGE in on else None,
        calendar_days=told["calendar_days"] or 0 if near else None,
        duration_days=told["duration_days"] or 0 if DURATION in on else None,
        dispensings_of=told["dispensings_of"] or "",
        dispensings_apart=told["dispensings_apart"] or 0 if DISPENSINGS in on else None,
        replace=kind == RISK_SET if told["replace"] is None else told["replace"],
    )


def _check_treated(inside: Fields, kind: str, on: tuple[str, ...], *, of: str | None) -> None:
    """How long, or how often, treatment was taken since entry: either, in risk sets."""
    for name in (DURATION, DISPENSINGS):
        if kind == EXACT and name in on:
            raise inside.wrong("on", f"no {name}: an index day of its own is a control's first day in from")
    if DURATION in on and DISPENSINGS in on:
        raise inside.wrong("on", "duration or dispensings, and not both: time or number of the same treatment")
    if DISPENSINGS in on and not of:
        raise inside.wrong("dispensings_of", "a code list of drugs, since dispensings are matched on")


def matched_names(matchings: Iterable[str]) -> tuple[str, ...]:
    """The cohorts that matchings of these names make: of controls, and of the cases that found any."""
    return tuple(made for name in matchings for made in (name, f"{name}_cases"))


def standing_several_times(matchings: Mapping[str, Matching], rules: Mapping[str, RuleCohort]) -> frozenset[str]:
    """The matched cohorts in which a person may stand more than once: controls who serve in several sets, cases that enter again."""
    again = {
        name
        for name, rule in rules.items()
        if rule.sets or rule.atlas is not None or (rule.limit == "every" and rule.nth is None)
    }
    controls = (name for name, matching in matchings.items() if matching.replace)
    return frozenset((*controls, *(f"{name}_cases" for name, matching in matchings.items() if matching.to in again)))


def check_matchings(
    matchings: Mapping[str, Matching], told: Mapping[str, Fields], rules: Mapping[str, RuleCohort], *, file: str
) -> None:
    """Both ends of each matching are rule cohorts. ``told``: every cohort of the file, whether it could be read or not; ``rules``: the
    rule cohorts that could. Raises BadInput ``study-name``, ``study-field``, Refused
    ``reads-after-time-zero``: nobody is drawn at risk on a day that a later period makes a member's.
    """
    for name, matching in matchings.items():
        if f"{name}_cases" in told:
            expected = f"another name: {name}_cases are the cases of {name} that found a control"
            raise BadInput("study-field", file=file, field=f"cohorts.{name}_cases", expected=expected)
        for end, other in (("to", matching.to), ("from", matching.pool)):
            if other not in told or not is_rule(told[other]) or told[other].has("match"):
                expected = ", ".join(rules) or "(no rule cohort is defined)"
                where = f"cohorts.{name}.match.{end}"
                raise BadInput("study-name", file=file, field=where, name=other, expected=expected)
        if (
            matching.of_risk_set
            and matching.pool in rules
            and looks_ahead(rules, in_order(rules, file=file))[matching.pool]
        ):
            raise Refused("reads-after-time-zero", file=file, field=f"cohorts.{name}.match.from ({matching.pool})")
