# SPDX-License-Identifier: Apache-2.0
"""A comparison by its propensity score as result rows: ratio crude and adjusted, risks, balance, overlap of the scores.

Whom an estimate speaks of stands in its row (``estimand``). What cannot be estimated has rows without a value, and says why (``note``:
the error's code and the covariate). A ratio stands on the arm with the fewest outcomes, as everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.protocol import Analysis
from rempart.records.scores import UNADJUSTED, ScoreUse
from rempart.records.study import Study
from rempart.study.cells import Cells
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_weights import effective_size
from rempart.study.rows import UNITS, Behind, Output
from rempart.study.score_balance import balance_rows, overlap_rows
from rempart.study.score_effect import TERM, Effect, Risks, Told, effect, hazard_ratio, ratio_of
from rempart.study.score_model import check_covariates, fit_score, trimmed
from rempart.study.score_use import Compared, compared
from rempart.study.scored import Persons, persons_of, persons_with_features, seed_of
from rempart.study.tallies import NOBODY

Bools = NDArray[np.bool_]
Tables = Mapping[str, pa.Table]
NAME = "score_ratio"
ARMS = ("target", "comparator")
RATIO_UNITS = {**UNITS, "lower": "ratio", "upper": "ratio", "effective_persons": "persons", "risk_ratio": "ratio"}
CRUDE = "crude"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a score gave: ``persons`` who stay (``stay``, of everyone), the ``effect``, ``found`` (weights, strata or sets); or ``why`` it
    gave nothing. ``first``: the score of everyone, before trimming."""

    persons: Persons | None = None
    effect: Effect | None = None
    found: Compared | None = None
    first: Scored | None = None
    stay: Bools | None = None
    why: str = ""


def score_results(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """All outputs of a ``propensity`` analysis."""
    if analysis.score is None:
        raise BadInput("score-no-covariates")
    everyone = everyone_of(study, analysis, cells, tables)
    answer = answered(everyone, analysis.score, seed=seed_of(study, analysis), ties=analysis.ties)
    _crude(output, analysis, cells, everyone)
    _adjusted(output, analysis, cells, answer)
    _risks(replace(output, name=_companion(output, "score_risk"), kind="risk"), analysis, cells, answer)
    if answer.first is not None:
        overlap_rows(
            replace(output, name=_companion(output, "score_overlap"), kind="score_overlap"), cells, answer.first
        )
    if answer.found is not None and answer.stay is not None:
        weight = np.zeros(len(everyone.treated))
        weight[answer.stay] = answer.found.weight
        told = replace(output, name=_companion(output, "balance"), kind="balance")
        balance_rows(told, everyone, weight, analysis.score.adjustment)


def _companion(output: Output, name: str) -> str:
    return output.name.replace(NAME, name, 1)


def everyone_of(study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> Persons:
    """The persons of a frame with what the analysis asks of them."""
    use = analysis.score
    if use is None or not use.features:
        return persons_of(cells, analysis.covariates)
    least = max(study.features[name].persons for name in use.features)
    frame = replace(analysis.frame, outcome=cells.outcome)
    return persons_with_features(study, frame, tables["patterns"], analysis.covariates, least=least)


def answered(everyone: Persons, use: ScoreUse, *, seed: int, ties: str) -> Answer:
    """The effect after the score; never raises for data that cannot answer."""
    first: Scored | None = None
    try:
        check_covariates(everyone)
        if min(int((everyone.status[arm] == 1).sum()) for arm in (everyone.treated, ~everyone.treated)) == 0:
            raise BadInput("cox-separation", term=TERM)
        fit = fit_score(everyone, use, seed)
        first = fit.scored
        stay = trimmed(everyone, fit, use)
        persons = everyone if stay.all() else everyone.take(stay)
        fit = fit if stay.all() else fit_score(persons, use, seed)
        found = compared(fit.scored, use, seed)
        told = effect(persons, fit, found, use, ties=ties, seed=seed)
        return Answer(persons=persons, found=found, first=first, stay=stay, effect=told)
    except BadInput as error:
        blamed = next((str(error.facts[name]) for name in ("term", "arm", "stratum") if name in error.facts), "")
        return Answer(first=first, why=f"{error.code} {blamed}".strip())


def _crude(output: Output, analysis: Analysis, cells: Cells, everyone: Persons) -> None:
    row = {"analysis": analysis.id, "model": CRUDE, "estimand": UNADJUSTED, "term": TERM}
    why, values = "", dict.fromkeys(("hazard_ratio", "lower", "upper", "p_value"))
    try:
        if min(map(cells.events, ARMS)) == 0:
            raise BadInput("cox-separation", term=TERM)
        log, error, _ = hazard_ratio(everyone, Compared(weight=np.ones(len(everyone.treated))), ties=analysis.ties)
        values = _ratio_values(Effect(ratio=ratio_of(log, error), risks=()))
    except BadInput as problem:
        why = problem.code
    for arm in ARMS:
        counts = {"persons": cells.persons(arm), "events": cells.events(arm)}
        _counts(output, row, arm, counts, (cells.persons_ref(arm), cells.events_ref(arm)), cells)
    least = min(ARMS, key=cells.events)
    output.write(
        {**row, **_note(why)},
        {},
        values,
        n=cells.events(least),
        ref=cells.events_ref(least),
        rule=why,
        units=RATIO_UNITS,
        behind=cells.places_behind(least),
    )


def _ratio_values(told: Effect | None) -> dict[str, float | None]:
    if told is None:
        return dict.fromkeys(("hazard_ratio", "lower", "upper", "p_value"))
    ratio = told.ratio
    return {
        "hazard_ratio": ratio.told.value,
        "lower": ratio.told.lower,
        "upper": ratio.told.upper,
        "p_value": ratio.p_value,
    }


def _note(why: str) -> dict[str, str]:
    return {"note": why} if why else {}


def _counts(
    output: Output, row: Mapping[str, str], arm: str, counts: Mapping[str, int], refs: tuple[str, str], cells: Cells
) -> None:
    for (name, count), ref in zip(counts.items(), refs, strict=True):
        behind = cells.places_behind(arm) if name == "events" else Behind()
        output.write(row, {"arm": arm}, {name: count}, n=count, ref=ref, behind=behind)


def _adjusted(output: Output, analysis: Analysis, cells: Cells, answer: Answer) -> None:
    use = analysis.score or ScoreUse(adjustment="")
    row = {"analysis": analysis.id, "model": use.adjustment, "estimand": use.estimand, "term": TERM}
    if answer.persons is None or answer.found is None:
        least = min(ARMS, key=cells.events)
        values = _ratio_values(None)
        n, ref = cells.events(least), cells.events_ref(least)
        output.write(
            {**row, **_note(answer.why)}, {}, values, n=n, ref=ref, rule=answer.why.partition(" ")[0], units=RATIO_UNITS
        )
        return
    events: dict[str, tuple[int, str]] = {}
    size = effective_size(answer.found.weight, answer.persons.treated)
    for arm, effective in zip(ARMS, (size.treated, size.comparator), strict=True):
        persons, ref = used(analysis, cells, answer, arm)
        events[arm] = used(analysis, cells, answer, arm, events=True)
        _counts(output, row, arm, {"persons": persons, "events": events[arm][0]}, (ref, events[arm][1]), cells)
        output.write(row, {"arm": arm}, {"effective_persons": effective}, n=persons, ref=ref, units=RATIO_UNITS)
    least = min(ARMS, key=lambda arm: events[arm][0])
    output.write(
        row,
        {},
        _ratio_values(answer.effect),
        n=events[least][0],
        ref=events[least][1],
        units=RATIO_UNITS,
        behind=cells.places_behind(least),
    )


def used(
    analysis: Analysis, cells: Cells, answer: Answer, arm: str, *, events: bool = False, until: int | None = None
) -> tuple[int, str]:
    """How many persons of an arm (or of them with the outcome, by the end of a day) an estimate is made of, and the set's name."""
    if answer.persons is None or answer.found is None:
        return 0, ""
    inside = (answer.persons.treated == (arm == "target")) & (answer.found.weight > 0)
    if events:
        inside &= answer.persons.status == 1
    whole = cells.events(arm) if events else cells.persons(arm)
    if until is not None:
        inside &= answer.persons.exit_ <= until
    count = int(inside.sum())
    if count == whole:
        return count, cells.events_ref(arm) if events else cells.persons_ref(arm)
    what = ("events" if events else "persons") + ("" if until is None else f"/{until:05d}")
    return count, cells.named(NOBODY, count, f"scored/{analysis.id}/{what}/{arm}")


def _risks(output: Output, analysis: Analysis, cells: Cells, answer: Answer) -> None:
    use = analysis.score
    if use is None or answer.effect is None:
        return
    head = {"analysis": analysis.id, "model": use.adjustment, "estimand": _risk_estimand(use), "outcome": cells.outcome}
    for day in answer.effect.beyond:
        row = {**head, "day": f"{day:05d}", "note": "contrast-day-beyond-follow-up"}
        n, ref = min((used(analysis, cells, answer, arm, events=True) for arm in ARMS), key=lambda pair: pair[0])
        output.write(row, {}, dict.fromkeys(("risk_difference", "lower", "upper")), n=n, ref=ref)
    for risks in answer.effect.risks:
        _risk_rows(
            output,
            {**head, "day": f"{risks.day:05d}"},
            risks,
            [used(analysis, cells, answer, arm, events=True, until=risks.day) for arm in ARMS],
        )


def _risk_estimand(use: ScoreUse) -> str:
    return "marginal, all" if use.adjustment == "strata" else use.estimand


def _risk_rows(output: Output, row: Mapping[str, str], risks: Risks, behind: list[tuple[int, str]]) -> None:
    if any(told.lower is None for told in risks.arms):
        row = {**row, "note": "contrast-arm-without-spread"}
    for arm, told, (n, ref) in zip(ARMS, risks.arms, behind, strict=True):
        output.write(row, {"arm": arm}, {"events": n}, n=n, ref=ref)
        output.write(row, {"arm": arm}, _limits("risk", told), n=n, ref=ref)
    n, ref = min(behind, key=lambda pair: pair[0])
    output.write({**row, "measure": "difference"}, {}, _limits("risk_difference", risks.difference), n=n, ref=ref)
    if risks.ratio is not None:
        limits = _limits("risk_ratio", risks.ratio)
        output.write({**row, "measure": "ratio"}, {}, limits, n=n, ref=ref, units=RATIO_UNITS)


def _limits(name: str, told: Told) -> dict[str, float | None]:
    return {name: told.value, "lower": told.lower, "upper": told.upper}
