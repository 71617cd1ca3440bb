# SPDX-License-Identifier: Apache-2.0
"""Attacks by computing: counts told nowhere, from a percentage, limits, a curve without its events, a fit of two levels.

``safe`` makes the same outputs of many persons, of which nothing may be withheld.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from rempart.disclosure.check import check
from rempart.records.result import ResultRow
from rempart.study.rates_exact import clopper_pearson
from tests.disclosure_rows import RULES, curve, row
from tests.faults.attacks.attack import Attack, Outcome

Make = Callable[[random.Random, int], Sequence[ResultRow]]
HIDDEN = "hidden"
_Z = 1.959963984540054
_COUNTED = frozenset({"persons", "n", "events", "non_events", "at_risk", "censored", "least_pattern"})


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """``count`` attempts of each kind."""
    for kind, make in KINDS.items():
        for number in range(count):
            rnd = random.Random(f"{kind}/{seed}/{number}")
            yield Attack(kind=kind, name=f"{kind} {number} of seed {seed}", run=_run(make, rnd))


def _run(make: Make, rnd: random.Random) -> Callable[[], Outcome]:
    def run() -> Outcome:
        rows = make(rnd, rnd.randint(1, 10))
        shown = [r for table in check(rows, RULES) for r in table.rows if r.value is not None]
        told = [r for r in shown if r.statistic not in _COUNTED | {"population", "dof", "parameters", "patterns"}]
        return Outcome(stopped=not told, by=f"{told[0].statistic} shown" if told else HIDDEN)

    return run


def percentage(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """A percentage that says of how many, and not how many."""
    n = rnd.randint(200, 400)
    key = {"variable": "smoker", "level": "yes"}
    return [row("table_one", "frequency", key, "t", "percent", 100 * few / n, n)]


def percentage_of_all(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """All but a few have it."""
    n = rnd.randint(200, 400)
    key = {"variable": "smoker", "level": "yes"}
    return [row("table_one", "frequency", key, "t", "percent", 100 * (n - few) / n, n)]


def share_of_few(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """A prevalence with its exact limits, and no cases."""
    return _prevalence(rnd.randint(200, 3000), few)


def share_without_few(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """A prevalence that only a few lack."""
    n = rnd.randint(200, 900)
    return _prevalence(n, n - few)


def _prevalence(n: int, cases: int) -> Sequence[ResultRow]:
    told = clopper_pearson(cases, n)
    assert told is not None
    names = ("prevalence", "prevalence_lower", "prevalence_upper")
    key = {"variable": "all", "level": "all", "time": "2020"}
    rows = [row("p", "prevalence", key, "t", name, 100 * x, n) for name, x in zip(names, told, strict=True)]
    return [ResultRow(**{**_fields(r), "unit": "percent"}) for r in rows]


def _fields(item: ResultRow) -> dict[str, object]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def wilson(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """A share in a band of a prediction with limits by Wilson, and neither the persons nor the events of the band."""
    n = rnd.randint(60, 400)
    share, extra = few / n, _Z**2 / n
    middle, half = (share + extra / 2) / (1 + extra), math.sqrt(extra * (share * (1 - share) + extra / 4)) / (1 + extra)
    told = {"observed": share, "lower": middle - half, "upper": middle + half}
    key = {"model": "m", "variable": "tenth", "level": "01"}
    return [row("calibration", "calibration", key, "", name, x, n) for name, x in told.items()]


def risk(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """A risk with limits from Greenwood's variance, and no events."""
    n = rnd.randint(200, 900)
    share = few / n
    half = _Z * math.sqrt(share * (1 - share) / n)
    told = {"risk": share, "lower": max(0.0, share - half), "upper": share + half}
    return [row("risk", "risk", {"outcome": "x", "day": "00365"}, "t", name, x, n) for name, x in told.items()]


def area_without_events(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """A map of rates that tells persons and limits, and no events."""
    n, key = rnd.randint(300, 900), {"area": "north"}
    told = {"persons": n, "population": 50_000, "percent": 100 * few / n}
    return [row("map", "map", key, "", name, x, n if name != "persons" else None) for name, x in told.items()]


def curve_without_events(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """A curve that falls by a few, and tells who is at risk and who was censored alone."""
    return [r for r in curve("t", 900, [(few, 40), (few, 60)]) if r.statistic != "events"]


def _fit(family: str, cells: tuple[int, int, int, int], limits: bool) -> Sequence[ResultRow]:
    """A fit of one variable of two levels: ``cells``: events and others of the level, then of the one it is compared with."""
    a, b, c, d = cells
    odds = family == "logistic"
    log_ratio = math.log(a * d / (b * c)) if odds else math.log(a * (c + d) / (c * (a + b)))
    error = math.sqrt(1 / a + 1 / c + (1 / b + 1 / d if odds else 0))
    told = {"coefficient": log_ratio, "standard_error": error}
    if limits:
        told = {"ratio": math.exp(log_ratio)}
        told |= {"lower": math.exp(log_ratio - _Z * error), "upper": math.exp(log_ratio + _Z * error)}
    whole = {"dof": sum(cells) - 2, "parameters": 2, "patterns": 2, "least_pattern": min(a + b, c + d)}
    rows = [
        row("fit", "regression", {"model": "m"}, "", name, n, None if name == "least_pattern" else sum(cells))
        for name, n in whole.items()
    ]
    key = {"model": "m", "family": family, "term": "smoker"}
    counts = {"persons": a + b, "events": a, "non_events": b}
    return rows + [
        row("fit", "regression", key, "", name, n, None if name in counts else a + b)
        for name, n in {**counts, **told}.items()
    ]


def logistic(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """The odds ratio of one variable: with the level told, it gives the other level back."""
    cells = [few, rnd.randint(40, 300)]
    rnd.shuffle(cells)
    return _fit("logistic", (rnd.randint(20, 90), rnd.randint(20, 90), *cells), rnd.random() < 0.5)


def poisson(rnd: random.Random, few: int) -> Sequence[ResultRow]:
    """A ratio of rates of one variable: its variance gives the other level's events back."""
    return _fit("poisson", (rnd.randint(20, 90), rnd.randint(20, 90), few, rnd.randint(90, 300)), rnd.random() < 0.5)


KINDS: Mapping[str, Make] = {
    "percentage alone": percentage,
    "percentage of all but few": percentage_of_all,
    "limits of a share": share_of_few,
    "limits of nearly all": share_without_few,
    "Wilson's limits": wilson,
    "risk without its events": risk,
    "map without its events": area_without_events,
    "curve without its events": curve_without_events,
    "odds ratio of two levels": logistic,
    "rate ratio of two levels": poisson,
}


def safe(rnd: random.Random) -> Sequence[ResultRow]:
    """One of the same outputs where many stand on every side."""
    n, many = rnd.randint(400, 900), rnd.randint(40, 90)
    key = {"variable": "smoker", "level": "yes"}
    cells = (rnd.randint(20, 90), rnd.randint(20, 90), rnd.randint(20, 90), rnd.randint(90, 300))
    made: Sequence[Sequence[ResultRow]] = (
        [row("table_one", "frequency", key, "t", "percent", 100 * many / n, n)],
        _prevalence(n, many),
        _prevalence(n, n - many),
        wilson(rnd, many // 2),
        _fit("logistic", cells, rnd.random() < 0.5),
        _fit("poisson", cells, rnd.random() < 0.5),
    )
    return rnd.choice(made)
