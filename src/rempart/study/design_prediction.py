# SPDX-License-Identifier: Apache-2.0
"""Prediction models and how well they do in persons who did not train them, as result rows; the models themselves go to who keeps them.

Every measure is of the persons who judge and whose outcome by the horizon is known, weighted for those censored before it.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.design_prediction import L1, TIME
from rempart.records.trained import TrainedModel
from rempart.study.describe_cells import ARM, reference
from rempart.study.designed import Designed
from rempart.study.estimators.prediction_measures import (
    Benefit,
    Predicted,
    auroc,
    average_precision,
    brier,
    net_benefit,
    observed_expected,
    slope,
    tenths,
)
from rempart.study.prediction_data import LEAST, Persons, Sides, sides_of
from rempart.study.prediction_models import Trained, boosted_model, l1_model
from rempart.study.prediction_structure import structure_of
from rempart.study.rows import Output
from rempart.study.tallies import Tally, union

Floats = NDArray[np.float64]
_KNOWN = ("outcome", "death", "horizon")
_TENTHS, _LEAST_BANDS, _CASES = 10, 2, 25  # groups at most, at least; cases that a group should have
_SIDES = {"training": "train", "judging": "test"}
_LIMITS = ("auroc", "auprc", "observed_expected", "slope")
_SAID = {name: (name, f"{name}_lower", f"{name}_upper") for name in _LIMITS}
_OVERALL = (*(said for name in _LIMITS for said in _SAID[name]), "brier", "ipa")
_WITHIN = (*_SAID["auroc"], *_SAID["observed_expected"], "brier")
_CARD = ("features_offered", "features_used", "parameters", "trees", "least_feature", "least_leaf", "gap")
_OF_PERSONS = frozenset({"least_feature", "least_leaf"})  # numbers of persons: hidden where they are few
_UNITS = {
    **dict.fromkeys((*_OVERALL, *_WITHIN, "gap", "predicted", "observed", "lower", "upper"), "probability"),
    **dict.fromkeys(("model", "all", "none"), "net true positives a person"),
    **dict.fromkeys(("observed_expected", "observed_expected_lower", "observed_expected_upper"), "ratio"),
    **dict.fromkeys(("slope", "slope_lower", "slope_upper", "ipa"), "ratio"),
    **dict.fromkeys(("features_offered", "features_used"), "features"),
    "parameters": "parameters",
    "trees": "trees",
}


def prediction(output: Output, told: Designed) -> None:
    """Measures of each model and group; ``…_persons`` who trains and judges, ``…_calibration`` by tenths, ``…_net_benefit`` by threshold,
    ``…_model`` how it was made."""
    _persons(output.named("persons", "frequency"), told)
    try:
        sides, rule = sides_of(told), ""
    except BadInput as error:
        sides, rule = None, error.code
    for kind in told.analysis.parameters["models"]:
        trained: Trained | None = None
        if sides is not None:
            trained, rule = _trained(kind, sides, told)
        _measures(output, kind, told, sides, trained, rule)
        if sides is None or trained is None:
            continue
        judged = _predicted(trained.judge, sides.judge)
        if judged is not None:
            _tenths(output.named("calibration", "calibration"), kind, judged)
            _benefits(output.named("net_benefit", "net_benefit"), kind, judged, told)
        _keep(output.named("model", "model_card"), kind, told, sides, trained)


def _persons(output: Output, told: Designed) -> None:
    """Who trains and who judges, those whose outcome is not known, and those whom a split in time leaves out: what is left of the cohort is
    a cell too."""
    everybody = told.part("persons")
    cells = [cell for cell in everybody if cell.key["set"] in _SIDES.values()]
    sides = {side: [cell for cell in cells if cell.key["set"] == share] for side, share in _SIDES.items()}
    found = {side: union(cell for cell in own if cell.key["ended"] in _KNOWN) for side, own in sides.items()}
    found["censored"] = union(cell for cell in cells if cell.key["ended"] not in _KNOWN)
    if told.analysis.parameters["split"] == TIME:
        found["between"] = union(cell for cell in everybody if cell.key["set"] not in _SIDES.values())
    whole = union(everybody)
    for level, cell in (("all", whole), *found.items()):
        row = {"variable": "all" if level == "all" else "part", "level": level}
        share = 100 * cell.persons / whole.persons if whole.persons else None
        output.write(row, ARM, {"n": cell.persons, "percent": share}, n=cell.persons, ref=reference(cell))


def _trained(kind: str, sides: Sides, told: Designed) -> tuple[Trained | None, str]:
    """The model, or None and the code of the error that says why there is none."""
    asked = told.analysis.parameters
    try:
        if not len(sides.train.columns.terms):
            raise BadInput("prediction-no-feature")
        if kind == L1:
            return l1_model(sides.train, sides.judge, asked), ""
        if min(sides.train.events, len(sides.train.outcome) - sides.train.events) == 0:
            raise BadInput("prediction-one-class")
        return boosted_model(sides.train, sides.judge, asked, told.training.learns()), ""
    except BadInput as error:
        return None, error.code


def _predicted(chances: Floats, side: Persons) -> Predicted | None:
    try:
        return Predicted(probability=chances, outcome=side.outcome, weight=side.weight)
    except BadInput:
        return None


def _measures(
    output: Output, kind: str, told: Designed, sides: Sides | None, trained: Trained | None, rule: str
) -> None:
    cells = [cell for cell in told.part("persons") if cell.key["set"] == "test"]
    row = {"model": kind, "variable": "all", "level": "all"}
    judged = _predicted(trained.judge, sides.judge) if sides is not None and trained is not None else None
    _written(output, row, cells, _OVERALL, judged, rule)
    for name in told.analysis.parameters["groups"]:
        found = [cell for cell in told.part(f"level/{name}") if cell.key["set"] == "test"]
        for level in sorted({cell.key["level"] for cell in found}):
            own = [cell for cell in found if cell.key["level"] == level]
            within = None
            if sides is not None and trained is not None:
                inside = sides.judge.levels[name] == level
                within = _predicted(trained.judge[inside], _among(sides.judge, inside))
            _written(output, {"model": kind, "variable": name, "level": level}, own, _WITHIN, within, rule)


def _among(side: Persons, inside: NDArray[np.bool_]) -> Persons:
    return Persons(
        columns=side.columns,
        outcome=side.outcome[inside],
        weight=side.weight[inside],
        fold=side.fold[inside],
        levels={},
        not_known=0,
    )


def _written(
    output: Output,
    row: Mapping[str, str],
    cells: list[Tally],
    names: tuple[str, ...],
    judged: Predicted | None,
    rule: str,
) -> None:
    """Counts, then measures: these stand on the fewer of cases and others."""
    known = union(cell for cell in cells if cell.key["ended"] in _KNOWN)
    cases = union(cell for cell in cells if cell.key["ended"] == "outcome")
    output.write(row, ARM, {"persons": known.persons}, n=known.persons, ref=reference(known))
    output.write(row, ARM, {"events": cases.persons}, n=cases.persons, ref=reference(cases))
    found = dict(_values(judged, names)) if judged is not None else {}
    rule = rule or ("" if judged is not None else "prediction-one-class")
    least = min(cases.persons, known.persons - cases.persons)
    ref = reference(cases) if least == cases.persons else ""
    output.write(row, ARM, {name: found.get(name) for name in names}, n=least, ref=ref, rule=rule, units=_UNITS)


def _values(judged: Predicted, names: tuple[str, ...]) -> Iterator[tuple[str, float | None]]:
    made: dict[str, Callable[[Predicted], tuple[float, ...]]] = {
        "auroc": auroc,
        "auprc": average_precision,
        "observed_expected": observed_expected,
        "slope": slope,
    }
    for name, measure in made.items():
        if name in names:
            try:
                value: tuple[float | None, ...] = measure(judged)
            except BadInput:
                value = (None, None, None)
            yield from zip((name, f"{name}_lower", f"{name}_upper"), value, strict=True)
    yield from zip(("brier", "ipa"), brier(judged), strict=True)


def _tenths(output: Output, kind: str, judged: Predicted) -> None:
    """Observed beside predicted, by groups of one size: tenths, and fewer where tenths would hold few cases; a group stands on the fewer of
    its cases and its others."""
    counted = judged.outcome[judged.weight > 0]
    fewest = int(min(counted.sum(), len(counted) - counted.sum()))
    for at, band in enumerate(tenths(judged, bands=min(_TENTHS, max(_LEAST_BANDS, fewest // _CASES))), 1):
        row = {"model": kind, "variable": "tenth", "level": f"{at:02d}"}
        output.write(row, ARM, {"n": band.persons}, n=band.persons, ref="")
        output.write(row, ARM, {"events": band.cases}, n=band.cases, ref="")
        value, lower, upper = band.observed
        told = {"predicted": band.predicted, "observed": value, "lower": lower, "upper": upper}
        output.write(row, ARM, told, n=min(band.cases, band.persons - band.cases), ref="", units=_UNITS)


def _benefits(output: Output, kind: str, judged: Predicted, told: Designed) -> None:
    """A threshold stands on the fewest persons of a class that lie above it, or between it and the last one shown: both would be told by
    the difference of two net benefits."""
    counted = judged.weight > 0
    cases = int(judged.outcome[counted].sum())
    before = (cases, int(counted.sum()) - cases)
    thresholds = [percent / 100 for percent in told.analysis.parameters["thresholds"]]
    for found in net_benefit(judged, thresholds):
        now = (found.cases, found.persons - found.cases)
        behind = _least(before, now)
        if behind == 0 or behind >= LEAST:
            before = now
        row = {"model": kind, "threshold": f"{found.threshold:.2f}"}
        output.write(row, ARM, _benefit(found), n=behind, ref="", units=_UNITS)


def _least(before: tuple[int, int], now: tuple[int, int]) -> int:
    steps = [one - other for one, other in zip(before, now, strict=True)]
    return min((n for n in (*now, *steps) if n > 0), default=0)


def _benefit(found: Benefit) -> dict[str, float | None]:
    return {"model": found.model, "all": found.everybody, "none": 0.0}


def _keep(output: Output, kind: str, told: Designed, sides: Sides, trained: Trained) -> None:
    """How the model was made, as a table; the model to who keeps it."""
    structure = structure_of(sides, trained)
    cells = [cell for cell in told.part("persons") if cell.key["set"] == "train"]
    known = union(cell for cell in cells if cell.key["ended"] in _KNOWN)
    cases = union(cell for cell in cells if cell.key["ended"] == "outcome")
    row = {"model": kind}
    output.write(row, ARM, {"persons": known.persons}, n=known.persons, ref=reference(known))
    output.write(row, ARM, {"events": cases.persons}, n=cases.persons, ref=reference(cases))
    values = {
        "features_offered": float(sides.offered),
        "features_used": float(structure.features),
        "parameters": float(structure.parameters),
        "trees": float(len(trained.leaves)) if trained.leaves else None,
        "least_feature": float(structure.least_feature),
        "least_leaf": None if structure.least_leaf is None else float(structure.least_leaf),
        "gap": structure.gap,
    }
    least = min(cases.persons, known.persons - cases.persons)
    for name in _CARD:
        few = min(least, int(values[name] or least)) if name in _OF_PERSONS else least
        output.write(row, ARM, {name: values[name]}, n=few, ref="", units=_UNITS)
    told.training.models.append(
        TrainedModel(analysis=told.analysis.id, kind=kind, structure=structure, body=trained.body)
    )
