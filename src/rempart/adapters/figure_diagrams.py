# SPDX-License-Identifier: Apache-2.0
"""The windows of a study around its day 0, design by design, told from the study's canonical form alone. Reads no data, draws nothing."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rempart.adapters.figure_trials import trials
from rempart.adapters.figure_windows import (
    COVARIATE,
    ENTRY,
    EXPOSURE,
    FOLLOW,
    REFERENCE,
    Body,
    Diagram,
    Told,
    Window,
    before,
    covariates,
    followed,
    matched,
    of_cohort,
)
from rempart.adapters.figure_words import Words
from rempart.records.design import DesignAnalysis
from rempart.records.design_case_crossover import CASE_CROSSOVER, shifts
from rempart.records.design_nested_case_control import NESTED, look_of
from rempart.records.design_self_controlled import SELF_CONTROLLED
from rempart.records.design_windows import PRE, STOP, WASHOUT, risk_windows
from rempart.records.protocol import DESIGNS

_NON_USERS = DESIGNS[1]
_COUNTED = frozenset({"attrition", "table_one"})  # estimate nothing: drawn where no other analysis of the comparison is


def diagrams(study: Body, words: Words) -> list[Diagram]:
    """A diagram for each comparison that the study asks for, and of one comparison for each way that its windows or assumptions are drawn;
    covariates are those of the fullest analysis. Descriptions of a cohort have none."""
    drawn = [(item, told) for item in study.get("analyses", ()) if (told := _drawn(study, item, words))]
    fitted = {(told.title, told.zero) for item, told in drawn if item["type"] not in _COUNTED}
    found: list[Diagram] = []
    for item, told in drawn:
        if item["type"] in _COUNTED and (told.title, told.zero) in fitted:
            continue
        like = next((at for at, one in enumerate(found) if _alike(one, told)), None)
        if like is None:
            found.append(told)
        else:
            fuller = max(found[like], told, key=lambda one: len(one.windows))
            found[like] = replace(fuller, analyses=(*found[like].analyses, item["id"]))
    titles = Counter(one.title for one in found)
    return [
        replace(one, title=f"{one.title} ({', '.join(one.analyses)})") if titles[one.title] > 1 else one
        for one in found
    ]


def _drawn(study: Body, item: Body, words: Words) -> Diagram | None:
    """The diagram of one analysis, with the period of its study."""
    told = _OF_DESIGN.get(item["design"]) or (_new_users if item["design"] in DESIGNS else None)
    if told is None:
        return None
    diagram = told(Told(study=study, item=item, words=words))
    first, last = study["protocol"]["period"]
    period = words.of_type("design", "period").format(first=first, last=last)
    return replace(diagram, analyses=(item["id"],), notes=(*diagram.notes, period))


def _alike(one: Diagram, other: Diagram) -> bool:
    """Whether both are one drawing but for covariates that one of them has more of."""

    def parts(diagram: Diagram) -> tuple[object, ...]:
        rest = {window for window in diagram.windows if window.kind != COVARIATE}
        return diagram.title, diagram.zero, diagram.notes, frozenset(rest)

    few, more = sorted((set(one.windows), set(other.windows)), key=len)
    return parts(one) == parts(other) and few <= more


def _new_users(told: Told) -> Diagram:
    cohort = told.study["cohorts"][told.inputs["cohort"]]
    pair = told.drug(told.inputs["target"]), told.drug(told.inputs["comparator"])
    windows = [*before(told, cohort, washout=""), *covariates(told), *followed(told)]
    if told.item["design"] == _NON_USERS:
        windows.insert(1, Window(kind=ENTRY, label=told.say("never", drug=pair[0]), first=None, last=-1))
    elif cohort["washout_days"]:
        label = told.say("neither", one=pair[0], other=pair[1])
        windows.insert(1, Window(kind=ENTRY, label=label, first=-cohort["washout_days"], last=-1))
    zero = "zero_non_users" if told.item["design"] == _NON_USERS else "zero_users"
    return Diagram(
        title=told.say("versus", one=pair[0], other=pair[1]) + _of(told),
        zero=told.say(zero, one=pair[0], other=pair[1]),
        windows=tuple(windows),
    )


def _of(told: Told) -> str:
    return f" · {told.outcome}" if told.outcome else ""


def _comparison(told: Told) -> Diagram:
    sides = told.inputs["target"], told.inputs["comparator"]
    windows: list[Window] = []
    for side in sides:
        windows += [window for window in of_cohort(told, side) if window not in windows]
    return Diagram(
        title=told.say("versus", one=told.named(sides[0]), other=told.named(sides[1])) + _of(told),
        zero=told.say("zero_cohorts", one=told.named(sides[0]), other=told.named(sides[1])),
        windows=(*windows, *covariates(told), *followed(told)),
        notes=tuple(matched(told, sides[1])),
    )


def _time_varying(told: Told) -> Diagram:
    names = told.inputs.get("exposures", ())
    form = "looked_current" if told.asked.get("exposed") == "current" else "looked_ever"
    follow = list(followed(told))
    exposed = Window(
        kind=EXPOSURE,
        label=told.say(form, drugs=", ".join(map(told.drug, names))),
        first=follow[-1].first,
        last=follow[-1].last,
    )
    return Diagram(
        title=", ".join(map(told.drug, names)) + _of(told),
        zero=told.say("zero_cohort", cohort=told.named(told.inputs["cohort"])),
        windows=(*of_cohort(told, told.inputs["cohort"]), *covariates(told), exposed, *follow),
    )


def _case_series(told: Told) -> Diagram:
    analysis = _analysis(told)
    windows = [_risk(told, window) for window in risk_windows(analysis)]
    windows.append(Window(kind=REFERENCE, label=told.say("other_days"), first=None, last=None, note=told.say("minus")))
    ends = [told.say("dependent")] if told.asked.get("ends") == "event-dependent" else []
    return Diagram(
        title=told.say("within", drugs=", ".join(map(told.drug, analysis.exposures))) + _of(told),
        zero=told.say("zero_dispensing"),
        windows=tuple(windows),
        notes=(told.say("cases_alone"), *ends),
    )


def _risk(told: Told, window: Any) -> Window:
    """A window around a dispensing; one counted from the end of a period says so."""
    drug, dose = told.drug(window.exposure), told.say("dose", number=window.dose) if window.dose else ""
    after = told.say("after_end") if window.side == STOP else told.say("whole_period") if window.end is None else ""
    own = {PRE: told.say("before_dispensing"), WASHOUT: told.say("after_windows")}.get(window.name, "")
    kind = REFERENCE if own else EXPOSURE
    label = ", ".join(text for text in (drug, dose, own) if text)
    return Window(kind=kind, label=label, first=window.begin, last=window.end, note=after)


def _crossover(told: Told) -> Diagram:
    analysis = _analysis(told)
    first, last = told.asked["risk_window"]
    windows = [Window(kind=EXPOSURE, label=told.say("risk_days"), first=first, last=last)]
    if told.asked.get("time_stratified"):
        windows.append(Window(kind=REFERENCE, label=told.say("stratified"), first=-31, last=31))
    else:
        windows += [
            Window(kind=REFERENCE, label=told.say("reference_days"), first=first + apart, last=last + apart)
            for apart in sorted(shifts(analysis))
        ]
    notes = [told.say("cases_alone")]
    if told.inputs.get("controls"):
        notes.append(told.say("trend", cohort=told.named(told.inputs["controls"])))
    return Diagram(
        title=told.say("within", drugs=", ".join(map(told.drug, analysis.exposures))),
        zero=told.say("zero_event", cohort=told.named(told.inputs["cohort"])),
        windows=tuple(windows),
        notes=tuple(notes),
    )


def _nested(told: Told) -> Diagram:
    analysis = _analysis(told)
    looks: dict[tuple[int, int], list[str]] = {}
    for name in analysis.exposures:
        looks.setdefault(look_of(analysis, name), []).append(told.drug(name))
    windows = [
        Window(kind=EXPOSURE, label=told.say("taken", drugs=", ".join(drugs)), first=first, last=last)
        for (first, last), drugs in looks.items()
    ]
    controls = told.inputs["controls"]
    cases = of_cohort(told, f"{controls}_cases")
    return Diagram(
        title=told.say("cases_controls", drugs=", ".join(map(told.drug, analysis.exposures))),
        zero=told.say("zero_index"),
        windows=(*cases, *covariates(told), *windows),
        notes=tuple(matched(told, controls)),
    )


def _analysis(told: Told) -> DesignAnalysis:
    item = told.item
    return DesignAnalysis(
        id=item["id"], type=item["type"], design=item["design"], inputs=item["inputs"], parameters=item["parameters"]
    )


def _prediction(told: Told) -> Diagram:
    windows = [*of_cohort(told, told.inputs["cohort"]), *covariates(told)]
    horizon = Window(
        kind=FOLLOW, label=told.say("predicted", outcome=told.outcome), first=1, last=told.asked["horizon_days"]
    )
    return Diagram(
        title=told.say("predicted", outcome=told.outcome),
        zero=told.say("zero_cohort", cohort=told.named(told.inputs["cohort"])),
        windows=(*windows, horizon),
        notes=(told.say("judged_" + str(told.asked.get("split", "person"))),),
    )


def _environment(told: Told) -> Diagram:
    what = told.named(told.inputs["environment"])
    lags = told.asked.get("lags") if told.item["type"] == "distributed_lag" else None
    if lags:
        windows = [Window(kind=EXPOSURE, label=told.say("measured", what=what), first=-max(lags), last=-min(lags))]
        windows.append(Window(kind=REFERENCE, label=told.say("stratified_lags"), first=-31, last=31))
        return Diagram(title=what + _of(told), zero=told.say("zero_outcome"), windows=tuple(windows))
    follow = list(followed(told))
    label = told.say("measured", what=what)
    exposed = Window(kind=EXPOSURE, label=label, first=follow[-1].first, last=follow[-1].last)
    return Diagram(
        title=what + _of(told),
        zero=told.say("zero_cohort", cohort=told.named(told.inputs["cohort"])),
        windows=(*of_cohort(told, told.inputs["cohort"]), *covariates(told), exposed, *follow),
    )


_OF_DESIGN: Mapping[str, Callable[[Told], Diagram]] = {
    "cohort-comparison": _comparison,
    "time-varying-exposure": _time_varying,
    SELF_CONTROLLED: _case_series,
    CASE_CROSSOVER: _crossover,
    NESTED: _nested,
    "target-trial": trials,
    "prediction": _prediction,
    "environmental-exposure": _environment,
}
