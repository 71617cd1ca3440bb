# SPDX-License-Identifier: Apache-2.0
"""Invented checked tables, one of each kind that a figure is drawn from: for tests and for the pictures of docs/figures.md. Of nobody."""

import math
from collections.abc import Callable

from rempart.records.result import CheckedTable
from tests.figure_cells import Cell, ratio_cells, significant, table

STEPS = (
    ("first dispensing in the period", 48210, 61577),
    ("one drug on that day", 48102, 61433),
    ("observed 365 days before", 45310, 58120),
    ("neither drug in the 365 days before", 21877, 30412),
    ("aged 40 to 120", 21650, 30011),
    ("no bladder_cancer (condition) on days -365 to 0", None, 29804),
    ("at risk after the lag", 21480, 29733),
)


def attrition() -> CheckedTable:
    """Two arms and their sum; one count suppressed."""
    cells: list[Cell] = []
    for at, (step, target, comparator) in enumerate(STEPS, 1):
        both = None if target is None or comparator is None else target + comparator
        for arm, n in (("target", target), ("comparator", comparator), ("all", both)):
            cells.append(({"step": f"{at:02d} {step}"}, arm, "n", n))
    return table("attrition", "attrition", cells)


def flow_of_one() -> CheckedTable:
    """One cohort."""
    cells: list[Cell] = [({"step": f"{at:02d} {step}"}, "all", "n", n) for at, (step, _, n) in enumerate(STEPS, 1)]
    return table("attrition_one", "attrition", cells)


LEVELS = (
    ("age", "40-49", 0.31),
    ("age", "50-59", 0.12),
    ("age", "60-69", -0.05),
    ("age", "70+", -0.27),
    ("sex", "male", 0.06),
    ("hypertension", "yes", -0.18),
    ("heart_failure", "yes", -0.42),
    ("renal_disease", "yes", -0.33),
    ("insulin", "yes", 0.22),
    ("statins", "yes", 0.09),
    ("smoking_care", "yes", 0.04),
    ("liver_disease", "yes", None),
)


def balance() -> CheckedTable:
    """Before, and after weighting; the differences of one rare covariate suppressed."""
    cells: list[Cell] = []
    for at, (variable, level, before) in enumerate(LEVELS):
        key = {"variable": variable, "level": level}
        after = None if before is None else round(before * 0.08 + (0.02 if at % 3 else -0.03), 2)
        cells += [(key, "before", "smd", before), (key, "after", "smd", after)]
    return table("balance", "balance", cells, column="weighting")


def score_overlap() -> CheckedTable:
    """Twenty bins of the preference score; the outer ones suppressed in an arm."""
    cells: list[Cell] = []
    for arm, middle, persons in (("target", 0.57, 21480), ("comparator", 0.44, 29733)):
        heights = [math.exp(-(((at + 0.5) / 20 - middle) ** 2) / (2 * 0.15**2)) for at in range(20)]
        for at, height in enumerate(heights):
            share = height / sum(heights)
            n = None if share * persons < 60 else float(round(share * persons))
            key = {"bin": f"{at / 20:.2f}-{(at + 1) / 20:.2f}"}
            cells.append((key, arm, "n", n))
            cells.append((key, arm, "percent", None if n is None else round(100 * n / persons, 1)))
    return table("score_overlap", "score_overlap", cells)


def controls() -> CheckedTable:
    """Forty negative controls with a systematic error, and the outcome that is studied."""
    cells: list[Cell] = []
    for at in range(40):
        error = 0.06 + 0.42 * ((at * 29) % 40) / 40
        shift = 0.17 + 0.13 * math.sin(at * 2.7) + error * 1.35 * math.sin(at * 1.93 + 1)
        cells += ratio_cells({"outcome": f"control {at + 1}"}, math.exp(shift), error)
    cells += ratio_cells({"outcome": "bladder_cancer", "kind": "studied"}, 1.62, 0.11)
    null = {"outcome": "systematic error"}
    cells += [(null, "", "null_mean", 0.17), (null, "", "null_sd", 0.115)]
    return table("controls", "controls", cells)


def calibration() -> CheckedTable:
    """Ten groups, the highest a little too high; one suppressed."""
    cells: list[Cell] = []
    for at in range(10):
        predicted = 0.004 * 1.55**at
        observed = predicted * (1.08 - 0.02 * at)
        half = 1.96 * math.sqrt(observed * (1 - observed) / 5120)
        values = {"predicted": predicted, "observed": observed, "lower": observed - half, "upper": observed + half}
        key = {"group": f"{at + 1:02d}"}
        cells.append((key, "", "n", None if at == 0 else 5120))
        cells += [(key, "", name, None if at == 0 else round(value, 3)) for name, value in values.items()]
    return table("calibration", "calibration", cells)


def net_benefit() -> CheckedTable:
    """A model that is worth something between 2 % and 20 %."""
    cells: list[Cell] = []
    prevalence = 0.068
    for at in range(1, 26):
        threshold = at / 100
        everybody = prevalence - (1 - prevalence) * threshold / (1 - threshold)
        model = max(everybody, 0.0) + 0.03 * math.exp(-(((threshold - 0.075) / 0.065) ** 2))
        key = {"threshold": f"{threshold:.2f}"}
        cells += [
            (key, "", "model", significant(model)),
            (key, "", "all", significant(everybody)),
            (key, "", "none", 0.0),
        ]
    return table("net_benefit", "net_benefit", cells)


def lag_effects() -> CheckedTable:
    """Lags of 0 to 10 days, and all of them."""
    cells: list[Cell] = []
    for lag in range(11):
        cells += ratio_cells({"lag": f"{lag:03d}"}, math.exp(0.021 * math.exp(-(((lag - 1.5) / 2.4) ** 2))), 0.0042)
    cells += ratio_cells({"lag": "all"}, 1.068, 0.016)
    return table("lag_effects", "lag_effects", cells)


WINDOWS = (("pre-exposure", 61, 1830, 0.78), ("days 0 to 13", 144, 1712, 2.41), ("days 14 to 41", 120, 3424, 1.32))


def relative_incidence() -> CheckedTable:
    """Windows of two exposures with the cases and the days in each, and the reference; one suppressed."""
    cells: list[Cell] = []
    for exposure, share in (("first_dose", 1.0), ("second_dose", 0.9)):
        for window, cases, days, ratio in WINDOWS:
            key = {"exposure": exposure, "window": window}
            hidden = exposure == "second_dose" and window == "pre-exposure"
            cells += [(key, "window", "cases", None if hidden else round(cases * share))]
            cells += [(key, "window", "person_days", None if hidden else days)]
            cells += [(key, "reference", "cases", 1830), (key, "reference", "person_days", 512340)]
            told = ratio_cells(key, ratio * share, 2 / math.sqrt(cases))
            cells += [(row, arm, name, None) for row, arm, name, _ in told] if hidden else told
    return table("relative_incidence", "relative_incidence", cells)


PATHS = {
    "metformin": 5210,
    "metformin → sulfonylurea": 3120,
    "metformin → pioglitazone": 1480,
    "sulfonylurea": 1210,
    "metformin → sulfonylurea → insulin": 980,
    "metformin → pioglitazone → sulfonylurea": 610,
    "sulfonylurea → metformin": 540,
    "metformin → metformin + sulfonylurea": 470,
    "sulfonylurea → insulin": 260,
    "pioglitazone → insulin": None,
}


def pathways() -> CheckedTable:
    """Paths of up to three treatments, one suppressed."""
    whole = sum(n for n in PATHS.values() if n)
    cells: list[Cell] = []
    for path, n in PATHS.items():
        key = {"variable": "path", "level": path}
        share = None if n is None else round(100 * n / whole, 1)
        cells += [(key, "all", "n", n), (key, "all", "percent", share)]
    return table("pathways", "pathway", cells)


def by_place() -> CheckedTable:
    """A rate in each département, higher in the north; some suppressed, one absent."""
    cells: list[Cell] = []
    whole = {"variable": "all", "level": "all", "outcome": "bladder_cancer"}
    rates = {"rate": 3.42, "rate_lower": 3.31, "rate_upper": 3.53}
    cells += [(whole, "all", name, value) for name, value in {"persons": 214000.0, "events": 3710.0, **rates}.items()]
    for code in PLACES:
        at = PLACES.index(code)
        rate = significant(2.4 + 1.9 * abs(math.sin(at * 1.7)) + 0.4 * math.cos(at * 0.9))
        hidden = at % 17 == 5
        key = {"variable": "place", "level": code, "outcome": "bladder_cancer"}
        values = {
            "persons": 2140.0,
            "events": 37.0,
            "rate": rate,
            "rate_lower": significant(rate - 0.7),
            "rate_upper": significant(rate + 0.7),
        }
        cells += [(key, "all", name, None if hidden else value) for name, value in values.items()]
    return table("incidence_by", "stratified_rate", cells, unit="per 1000 person-years")


PLACES = tuple([f"{n:02d}" for n in range(1, 96) if n not in {20, 48}] + ["2A", "2B", "971", "972", "974"])


def ratios() -> tuple[CheckedTable, ...]:
    """Tables of three designs: a forest for each, and one of all."""
    cox: list[Cell] = []
    for model, ratio in (("crude", 1.31), ("adjusted", 1.58)):
        key = {"analysis": "main", "model": model, "term": "target versus comparator"}
        for arm, persons, events in (("target", 21480, 412), ("comparator", 29733, 371)):
            cox += [(key, arm, "persons", persons), (key, arm, "events", events)]
        cox += ratio_cells(key, ratio, 0.072, "hazard_ratio")
    odds: list[Cell] = []
    for term, ratio, cases, controls in (("cyproterone", 4.21, 152, 318), ("medrogestone", 1.63, 74, 402)):
        key = {"analysis": "dose", "model": "adjusted", "term": term}
        for arm, counts in (("exposed", (cases, controls)), ("unexposed", (1130, 6212))):
            cells_of = zip(("cases", "controls"), counts, strict=True)
            odds += [(key, arm, name, count) for name, count in cells_of]
        odds += ratio_cells(key, ratio, 0.14)
    rare: list[Cell] = []
    for term in ("target versus comparator",):
        key = {"analysis": "rare", "model": "adjusted", "term": term}
        rare += [(key, "", name, None) for name in ("hazard_ratio", "lower", "upper")]
    weighted = ratio_cells(
        {"analysis": "weighted", "model": "overlap weights", "term": "target versus comparator"},
        1.52,
        0.09,
        "hazard_ratio",
    )
    return (
        table("hazard_ratio_main", "hazard_ratio", cox),
        table("hazard_ratio_weighted", "hazard_ratio", weighted),
        table("hazard_ratio_rare", "hazard_ratio", rare),
        table("odds_ratio_dose", "odds_ratio", odds),
    )


def survival() -> CheckedTable:
    """Two arms over five years."""
    cells: list[Cell] = []
    for arm, hazard, persons in (("target", 0.012, 21480), ("comparator", 0.008, 29733)):
        for day in range(0, 1827, 180):
            risk = 1 - math.exp(-hazard * day / 365)
            half = 1.96 * math.sqrt(risk / persons) if day else 0.0
            values = {"cumulative_incidence": risk, "lower": max(risk - 3 * half, 0), "upper": risk + 3 * half}
            cells += [({"day": f"{day:05d}"}, arm, name, round(value, 3)) for name, value in values.items()]
            cells.append(({"day": f"{day:05d}"}, arm, "at_risk", float(round(persons * math.exp(-0.18 * day / 365)))))
    return table("cumulative_incidence", "survival", cells)


def risks() -> tuple[CheckedTable, ...]:
    """Standardised risks of two arms, their difference and ratio."""
    key = {"analysis": "trial", "model": "standardised", "outcome": "bladder_cancer", "day": "00360"}
    cells: list[Cell] = []
    for arm, events, risk in (("target", 412, 0.0191), ("comparator", 371, 0.0125)):
        cells.append((key, arm, "events", events))
        values = {"risk": risk, "lower": risk - 0.0018, "upper": risk + 0.0018}
        cells += [(key, arm, name, significant(value)) for name, value in values.items()]
    cells += [
        ({**key, "measure": "difference"}, "", name, value)
        for name, value in {"risk_difference": 0.0066, "lower": 0.0041, "upper": 0.0091}.items()
    ]
    cells += ratio_cells({**key, "measure": "ratio"}, 1.53, 0.1, "risk_ratio")
    return (table("risk", "risk", cells),)


def doubt() -> CheckedTable:
    """Two unmeasured confounders, and what the ratio would be without each."""
    cells: list[Cell] = []
    for scenario, ratio in (("smoking, twice as common", 1.21), ("obesity, half as common", 1.88)):
        key = {"analysis": "doubt", "of": "main", "model": "adjusted", "scenario": scenario}
        told = ratio_cells(key, ratio, 0.09)
        cells += [(row, arm, f"corrected_{name}", value) for row, arm, name, value in told]
    return table("sensitivity", "sensitivity", cells)


ALL: tuple[Callable[[], CheckedTable | tuple[CheckedTable, ...]], ...] = (
    attrition,
    flow_of_one,
    survival,
    balance,
    score_overlap,
    controls,
    ratios,
    risks,
    doubt,
    relative_incidence,
    lag_effects,
    pathways,
    by_place,
    calibration,
    net_benefit,
)


def tables() -> dict[str, tuple[CheckedTable, ...]]:
    """Name of the sample → its tables."""
    made = {sample.__name__: sample() for sample in ALL}
    return {name: found if isinstance(found, tuple) else (found,) for name, found in made.items()}
