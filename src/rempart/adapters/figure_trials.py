# SPDX-License-Identifier: Apache-2.0
"""The windows of emulated trials around their time zero, as docs/designs.md and cohort/design_target_trial.py define it. Reads no data.

In sequence, time zero is the last day of the interval in which the drug is started or not; the cloned are followed from their entry.
"""

from collections.abc import Iterator
from dataclasses import replace

from rempart.adapters.figure_windows import (
    COVARIATE,
    ENTRY,
    EXPOSURE,
    FOLLOW,
    Diagram,
    Told,
    Window,
    covariates,
    of_cohort,
)
from rempart.records.design_target_trial import CENSORS, COMPETES, PROTOCOL


def trials(told: Told) -> Diagram:
    """Trials in sequence, or the one of a cloned cohort."""
    return _sequence(told) if "exposure" in told.inputs else _cloned(told)


def _sequence(told: Told) -> Diagram:
    """Days of the cohort's entry are drawn as those of the interval's first day, which they are in a person's first trial."""
    step, drug = _step(told), told.drug(told.inputs["exposure"])
    first = 1 - step
    rules = [*of_cohort(told, told.inputs["cohort"]), *_untreated(told, drug)]
    windows = [replace(_moved(window, first), note=told.say("at_entry")) for window in rules]
    label = told.say("in_cohort", cohort=told.named(told.inputs["cohort"]))
    windows.append(Window(kind=ENTRY, label=label, first=first, last=first))
    windows.append(Window(kind=ENTRY, label=told.say("at_risk_yet", outcome=told.outcome), first=first, last=0))
    windows += [_moved(window, first) for window in covariates(told)]
    windows += _anew(told, 1)
    windows.append(Window(kind=EXPOSURE, label=told.say("starts", drug=drug), first=first, last=0))
    windows.append(_follow(told, step * _intervals(told), deviation=told.asked.get("effect") == PROTOCOL))
    again = told.say("again", trials=told.asked.get("trials", 1), days=step)
    return Diagram(
        title=told.say("trials", cohort=told.named(told.inputs["cohort"])) + _of(told),
        zero=told.say("zero_trial", drug=drug),
        windows=tuple(windows),
        notes=(again, told.say("judged_once"), *_dead(told)),
    )


def _cloned(told: Told) -> Diagram:
    """The cohort's rule after time zero is the strategy."""
    last = _step(told) * _intervals(told) - 1
    rules = of_cohort(told, told.inputs["cohort"])
    windows = [replace(window, kind=EXPOSURE) if (window.last or 0) > 0 else window for window in rules]
    windows += [*covariates(told), *_anew(told, 0)]
    windows.append(Window(kind=EXPOSURE, label=told.say("cloned"), first=0, last=last))
    windows.append(_follow(told, last, deviation=True))
    return Diagram(
        title=told.say("trial_cloned", cohort=told.named(told.inputs["cohort"])) + _of(told),
        zero=told.say("zero_cloned", cohort=told.named(told.inputs["cohort"])),
        windows=tuple(windows),
        notes=tuple(_dead(told)),
    )


def _untreated(told: Told, drug: str) -> Iterator[Window]:
    days = int(told.asked.get("washout_days", 0))
    if days:
        yield Window(kind=ENTRY, label=told.say("untreated", drug=drug, days=days), first=-days, last=-1)


def _moved(window: Window, days: int) -> Window:
    """A window whose days are counted from another day than time zero."""
    first, last = (None if day is None else day + days for day in (window.first, window.last))
    return replace(window, first=first, last=last)


def _anew(told: Told, first: int) -> Iterator[Window]:
    """Covariates that are looked up on the first day of each interval of follow-up; ``first``: that of the first."""
    if names := told.inputs.get("changing", ()):
        last = first + _step(told) * (_intervals(told) - 1)
        yield Window(kind=COVARIATE, label=told.say("anew", names=told.named(*names)), first=first, last=last)


def _follow(told: Told, last: int, *, deviation: bool) -> Window:
    ends = ["end_outcome", *(["end_deviation"] if deviation else []), "end_observation"]
    if told.asked.get("death", COMPETES) == CENSORS and _deaths_apart(told):
        ends.insert(1, "end_interval_of_death")
    note = told.say("until", ends=", ".join(map(told.say, ends)))
    label = told.say("follow_of", outcome=told.outcome) if told.outcome else told.say("follow")
    return Window(kind=FOLLOW, label=label, first=1, last=last, note=note)


def _dead(told: Told) -> Iterator[str]:
    if told.asked.get("death", COMPETES) == COMPETES and _deaths_apart(told):
        yield told.say("dead_stay")


def _deaths_apart(told: Told) -> bool:
    """Whether deaths are known, and are not the outcome itself."""
    return told.protocol.get("death") != "ignore" and told.inputs.get("outcome") != "death"


def _step(told: Told) -> int:
    return int(told.asked.get("every_days", 30))


def _intervals(told: Told) -> int:
    return int(told.asked.get("intervals", 12))


def _of(told: Told) -> str:
    return f" · {told.outcome}" if told.outcome else ""
