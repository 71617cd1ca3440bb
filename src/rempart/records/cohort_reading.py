# SPDX-License-Identifier: Apache-2.0
"""Reading the rule cohorts of a study file, and what their rules ask of one another: names, order of cohorts, nothing after time zero.

A rule that reads after time zero would choose persons by what happens to them later (immortal time). It is accepted where time zero
moves (landmark, time-varying) or where persons are cloned; otherwise it is refused by its name.
"""

import datetime
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from rempart.errors import BadInput, Refused
from rempart.records.cohort_forms import (
    ANCHOR,
    AROUND,
    ENTRY,
    EVENT,
    EXCLUDE,
    EXIT,
    INCLUDE,
    ITEM,
    NTH,
    OF,
    RULE_COHORT,
    SET_COHORT,
    WHERE,
)
from rempart.records.cohort_future import check_members, reads_later
from rempart.records.cohort_idle import check_count, check_most, check_where
from rempart.records.cohort_rules import (
    CODED,
    GROUPS,
    OBSERVATION,
    VALUES,
    Counted,
    Rule,
    RuleCohort,
    RuleEvent,
    RuleExit,
    RuleGroup,
    known_after,
)
from rempart.records.fields import Fields, near
from rempart.records.form_reading import take
from rempart.records.forms import Kind
from rempart.records.protocol import SYSTEMS, CodeList
from rempart.records.table_names import colliding, is_rule

_LONGEST_NAME = 200
_SHOWN_OF_CIRCLE = 12  # names in a message
_CASES = "_cases"  # of a matched cohort
_WITHOUT_VISIT = ("visit", "death", "residence", OBSERVATION)


def read_rule_cohort(given: Fields) -> RuleCohort:
    """A cohort with ``entry`` or ``of``; raises BadInput ``study-field``, ``unknown-key``, Refused ``reads-after-time-zero``."""
    if given.has("of"):
        return _of_sets(given)
    told = take(given, RULE_COHORT)
    entry = take(told["entry"], ENTRY)
    limit = entry["limit"]
    nth = take(limit, NTH)["nth"] if isinstance(limit, Fields) else None
    if told["landmark_days"] is not None and told["landmark"] is not None:
        raise given.wrong("landmark", "landmark_days or landmark, not both")
    cohort = RuleCohort(
        entry=tuple(_event(item, EVENT) for item in entry["any"]),
        limit="first" if isinstance(limit, Fields) else limit,
        nth=nth,
        include=tuple(_rule(item, INCLUDE) for item in told["include"]),
        exclude=tuple(_rule(item, EXCLUDE) for item in told["exclude"]),
        exit=_exit(told["exit"]),
        landmark=told["landmark_days"] if told["landmark_days"] is not None else told["landmark"],
        sex=tuple(sorted(told["sex"])),
        place=tuple(sorted(told["place"])),
        **{name: told[name] for name in _PLAIN},
    )
    if isinstance(cohort.landmark, int) and cohort.exit.days is not None and cohort.exit.days <= cohort.landmark:
        raise given.wrong("exit.days", "more than landmark_days")
    if later := reads_later(cohort):
        raise Refused("reads-after-time-zero", file=given.file, field=given.field(later))
    return cohort


_PLAIN = ("prior_observation_days", "washout_days", "age", "period", "collapse_days", "clone_censor_weight")


def _of_sets(given: Fields) -> RuleCohort:
    told = take(given, SET_COHORT)
    of = take(told["of"], OF)
    kind, names = next((kind, names) for kind, names in of.items() if names is not None)
    return RuleCohort(
        sets=kind, of=names if kind == "difference" else tuple(sorted(names)), collapse_days=told["collapse_days"]
    )


def _event(given: Fields, kind: Kind) -> RuleEvent:
    return event_of(given, take(given, kind))


def event_of(given: Fields, told: Mapping[str, Any]) -> RuleEvent:
    """The event among the keys read of a table; raises BadInput ``study-field``."""
    if "cohort" in told:
        return RuleEvent(cohort=told["cohort"])
    domain, codes = told["domain"], told["codes"] or ""
    where = {name: _compared(value) for name, value in sorted(take(told["where"], WHERE).items()) if value}
    if domain in CODED and not codes:
        raise given.wrong("codes", f"the code list of the {domain} (it is missing)")
    if domain == OBSERVATION and codes:
        raise given.wrong("codes", "no codes: a period of observation has none")
    if told["status"] and domain != "condition":
        raise given.wrong("status", "no status: only conditions have one")
    if told["place"] and domain != "residence":
        raise given.wrong("place", "no place: only a residence has one")
    if (told["setting"] or told["specialty"]) and domain in _WITHOUT_VISIT[1:]:
        raise given.wrong("setting", f"neither setting nor specialty: a {domain} belongs to no visit")
    for name in where:
        if name not in VALUES.get(domain, ()):
            raise given.wrong(f"where.{name}", f"of a {domain}: {', '.join(VALUES.get(domain, ())) or 'nothing'}")
    check_where(given, where)
    listed: dict[str, Any] = {name: tuple(sorted(told[name])) for name in ("status", "specialty", "setting", "place")}
    return RuleEvent(domain=domain, codes=codes, where=where, **listed)


def _compared(text: str) -> str:
    sign = text.rstrip("0123456789 ")
    return f"{sign} {int(text.removeprefix(sign))}"


def _item(given: Fields, kind: Kind) -> tuple[dict[str, Any], "Counted | RuleGroup"]:
    """What stands in the table, and the demand."""
    told = take(given, kind)
    group = next((name for name in GROUPS if name in told), None)
    if group is None:
        return told, _counted(given, told)
    number = told.get("number") or 0
    if group == "at_least" and not 1 <= number <= len(told[group]):
        raise given.wrong("number", f"from 1 to the number of demands, {len(told[group])}")
    if group == "at_most":
        check_most(given, number, len(told[group]))
    items = tuple(_item(item, ITEM)[1] for item in told[group])
    return told, RuleGroup(kind=group, number=number, items=items)


def _counted(given: Fields, told: Mapping[str, Any]) -> Counted:
    count = _compared(told["count"])
    if not told.get("time_varying"):  # of such a demand another message says what it may be
        check_count(given, count)
    origin = told["relative_to"]
    after = None
    if isinstance(origin, Fields):
        anchor = take(origin, AROUND)["event"]
        seen = take(anchor, ANCHOR)
        after = Counted(event=event_of(anchor, seen), days=seen["days"])
        origin = "index"
    event = event_of(given, told)
    if event.domain == OBSERVATION and told["distinct"] in {"code", "visit"}:
        raise given.wrong("distinct", "record or day: a period of observation has neither code nor visit")
    return Counted(
        event=event,
        days=told["days"],
        count=count,
        distinct=told["distinct"],
        origin=origin,
        after=after,
        overlap=told["overlap"],
        same_visit=told["same_visit"],
    )


def _rule(given: Fields, kind: Kind) -> Rule:
    told, demand = _item(given, kind)
    varying = bool(told.get("time_varying"))
    if varying and not _may_vary(demand):
        expected = 'only with one demand of ">= n" records, n from 1, by their first days counted from the entry event, without nights'
        raise given.wrong("time_varying", expected)
    return Rule(name=told["name"] or demand.words[:_LONGEST_NAME].strip(), demand=demand, time_varying=varying)


def _may_vary(demand: "Counted | RuleGroup") -> bool:
    """Whether there is a day on which the demand is met, known on that day: that of the nth record."""
    if not isinstance(demand, Counted) or demand.after is not None or demand.origin != "index" or demand.overlap:
        return False
    sign, number = demand.count.split(" ")
    return sign == ">=" and int(number) > 0 and "nights" not in demand.event.where


def _exit(told: Fields | str) -> RuleExit:
    if isinstance(told, str):
        return RuleExit(death=told == "death")
    keys = take(told, EXIT)
    if keys["grace_days"] and not keys["exposure"]:
        raise told.wrong("grace_days", "only with exposure")
    given = [keys["event"]] if isinstance(keys["event"], Fields) else list(keys["event"])
    events = tuple(_event(item, EVENT) for item in given)
    for place, event in enumerate(events, 1):
        if known_after(event):
            raise told.wrong(
                f"event[{place}].where.nights", "nothing: on its first day nobody knows how long a stay lasts"
            )
    return RuleExit(
        days=keys["days"],
        of=keys["of"] if keys["days"] is not None else "start",
        exposure=keys["exposure"] or "",
        grace_days=keys["grace_days"],
        events=events,
        death=keys["death"],
    )


def check_rule_cohorts(
    cohorts: Mapping[str, RuleCohort], *, told: Mapping[str, Any], codes: Mapping[str, CodeList], file: str
) -> None:
    """Every name is defined, no cohort needs itself. ``told``: the file's tables by their keys, whether or not they could be read.

    Raises BadInput ``study-name``, ``study-field``, ``cohort-circle``, Refused ``reads-after-time-zero``; notes ``exposure-supply`` for
    each exit by an exposure without one.
    """
    for problem in colliding(told, file=file):
        raise problem
    for name, cohort in cohorts.items():
        for path, event in cohort.events():
            if event.codes:
                _defined(event.codes, told.get("codes", {}), file, f"cohorts.{name}.{path}.codes")
                _check_codes(event, codes, file, f"cohorts.{name}.{path}.codes")
        for field, other in cohort.named():
            _check_needed(other, told.get("cohorts", {}), file, f"cohorts.{name}.{field}")
        if cohort.exit.exposure:
            field, exposures = f"cohorts.{name}.exit.exposure", told.get("exposures", {})
            _defined(cohort.exit.exposure, exposures, file, field)
            if not exposures[cohort.exit.exposure].raw("supply"):  # every place is told, not the first alone
                lacks = BadInput("exposure-supply", file=file, field=field, exposure=cohort.exit.exposure)
                told["cohorts"][name].problems.append(lacks)
    check_members(cohorts, in_order(cohorts, file=file), file=file)


def _check_needed(other: str, told: Mapping[str, Fields], file: str, field: str) -> None:
    """A cohort is made of rule cohorts alone: matched ones are drawn after all of them, so no circle goes through matching."""
    drawn = next((m for m in (other, other.removesuffix(_CASES)) if m in told and told[m].has("match")), "")
    if drawn:
        expected = f"a rule cohort; {other} is drawn by matching, after all of them"
        raise BadInput("study-field", file=file, field=field, expected=expected)
    if other in told and not is_rule(told[other]):
        raise BadInput("study-field", file=file, field=field, expected=f"a rule cohort; {other} has no entry")
    _defined(other, told, file, field)


def _check_codes(event: RuleEvent, codes: Mapping[str, CodeList], file: str, field: str) -> None:
    allowed = SYSTEMS[codes[event.codes].system] if event.codes in codes else (event.domain,)
    if event.domain not in allowed and not (event.domain == "death" and "condition" in allowed):
        raise BadInput("study-field", file=file, field=field, expected=f"codes of a system for {event.domain}")


def _defined(name: str, names: Mapping[str, object], file: str, field: str) -> None:
    if name not in names:
        expected = ", ".join(islice(names, 20)) or "(none is defined)"
        raise BadInput("study-name", file=file, field=field, name=name, expected=expected, **near(name, names))


def in_order(cohorts: Mapping[str, RuleCohort], *, file: str = "") -> tuple[str, ...]:
    """Names such that each cohort comes after those that it needs; raises BadInput ``cohort-circle`` with the circle."""
    done: dict[str, None] = {}
    for first in sorted(cohorts):
        way = {} if first in done else {first: iter(cohorts[first].needs)}
        while way:  # no call of itself: a chain may be longer than Python's stack
            name = next(reversed(way))
            other = next((other for other in way[name] if other in cohorts and other not in done), None)
            if other is None:
                del way[name]
                done[name] = None
            elif other in way:
                raise BadInput("cohort-circle", file=file, field=f"cohorts.{other}", circle=_circle(list(way), other))
            else:
                way[other] = iter(cohorts[other].needs)
    return tuple(done)


def _circle(way: Sequence[str], name: str) -> str:
    """The circle in words; of a long one its two ends."""
    names = [*way[way.index(name) :], name]
    shown = names if len(names) <= _SHOWN_OF_CIRCLE else [*names[:3], "…", *names[-3:]]
    return " → ".join(shown)


def period_of(cohort: RuleCohort, protocol: tuple[datetime.date, datetime.date]) -> tuple[datetime.date, datetime.date]:
    """First and last possible day of the entry event."""
    return cohort.period if cohort.period is not None else protocol
