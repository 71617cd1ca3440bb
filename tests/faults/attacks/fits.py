# SPDX-License-Identifier: Apache-2.0
"""Attacks by types that a researcher's own code declares: fits with a level of few, saturated fits, four cells, maps, edges, extremes."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from rempart.disclosure.check import check
from rempart.records.result import ResultRow
from tests.disclosure_rows import RULES, counts_shown, row
from tests.faults.attacks.attack import Attack, Outcome
from tests.faults.attacks.solver import Expression, Knowledge

T = 11
HIDDEN = "hidden"


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """``count`` attempts of each kind."""
    for kind, make in KINDS.items():
        for number in range(count):
            rnd = random.Random(f"{kind}/{seed}/{number}")
            yield Attack(kind=kind, name=f"{kind} {number} of seed {seed}", run=_run(make, rnd))


def _run(make: Callable[[random.Random], Outcome], rnd: random.Random) -> Callable[[], Outcome]:
    return lambda: make(rnd)


def _group(
    kind: str, key: Mapping[str, str], persons: int, numbers: Mapping[str, float], arm: str = ""
) -> list[ResultRow]:
    """One line of a table: counts are their own persons, measures rest on ``persons``."""
    counts = RULES["types"][kind]["counts"]
    return [row("x", kind, key, arm, name, n, None if name in counts else persons) for name, n in numbers.items()]


def _withheld(rows: Sequence[ResultRow], statistics: set[str]) -> Outcome:
    """None of these statistics may be shown."""
    shown = [r for table in check(rows, RULES) for r in table.rows if r.value is not None and r.statistic in statistics]
    return Outcome(stopped=not shown, by=HIDDEN if not shown else f"{shown[0].statistic} shown")


def _fit(dof: int, parameters: int, patterns: int, **more: float) -> list[ResultRow]:
    return _group(
        "regression", {"model": "m"}, 900, {"dof": dof, "parameters": parameters, "patterns": patterns, **more}
    )


def dummy_of_few(rnd: random.Random) -> Outcome:
    """A variable that is true of one person: its coefficient is that person's value."""
    few = rnd.randint(1, 10)
    term = {"model": "m", "family": "linear", "term": "smoker"}
    return _withheld(
        _fit(rnd.randint(50, 500), 3, 60)
        + _group("regression", term, few, {"persons": few, "coefficient": rnd.uniform(-9, 9)}),
        {"coefficient"},
    )


def level_of_few_events(rnd: random.Random) -> Outcome:
    """A level with few events, or few without."""
    events, others = rnd.sample([rnd.randint(1, 10), rnd.randint(30, 90)], 2)
    counts = {"persons": events + others, "events": events, "non_events": others}
    term = {"model": "m", "term": "smoker"}
    ratio = {"ratio": 1.3, "lower": 1.1, "upper": 1.6}
    return _withheld(_fit(500, 3, 60) + _group("regression", term, events + others, {**counts, **ratio}), set(ratio))


def saturated_fit(rnd: random.Random) -> Outcome:
    """As many parameters as patterns: the fit is a table of groups, one of them of few."""
    n = rnd.randint(3, 8)
    term = {"model": "m", "family": "linear", "term": "smoker"}
    fit = _fit(rnd.randint(50, 500), n, n, least_pattern=rnd.randint(1, 10))
    return _withheld(fit + _group("regression", term, 40, {"persons": 40, "coefficient": 1.25}), {"coefficient"})


def few_degrees(rnd: random.Random) -> Outcome:
    """A fit with nearly as many parameters as persons."""
    term = {"model": "m", "family": "linear", "term": "smoker"}
    fit = _fit(rnd.randint(1, 9), 30, 40)
    return _withheld(fit + _group("regression", term, 40, {"persons": 40, "coefficient": 1.25}), {"coefficient"})


def four_cells(rnd: random.Random) -> Outcome:
    """A ratio and the persons give a small cell of its four back."""
    cells = {name: rnd.randint(20, 90) for name in "abcd"}
    cells[rnd.choice("abcd")] = rnd.randint(1, 10)
    small = next(name for name, n in cells.items() if 1 <= n < T)
    persons = sum(cells.values())
    tables = check(_group("ratio_table", {"of": "y"}, persons, {"persons": persons, **cells, "odds_ratio": 1.5}), RULES)
    if any(r.statistic == "odds_ratio" and r.value is not None for r in tables[0].rows):
        return Outcome(stopped=False, by="the ratio shown")
    shown = {
        r.statistic: None if r.value is None else int(r.value)
        for r in tables[0].rows
        if r.statistic in {"persons", *cells}
    }
    whole: Expression = {"persons": -1, **dict.fromkeys("abcd", 1)}
    width, _ = Knowledge(shown=shown, sums=[whole]).narrowest({small: {small: 1}})
    return Outcome(stopped=width >= T, by=HIDDEN if width >= T else f"{small} known to {width}")


def small_area(rnd: random.Random) -> Outcome:
    """An area of few inhabitants on a map."""
    n = rnd.randint(30, 90)
    numbers = {"persons": n, "population": rnd.randint(100, 999), "rate": 2.5}
    return _withheld(_group("map", {"area": "a", "within": ""}, n, numbers), {"rate"})


def outer_edge(rnd: random.Random) -> Outcome:
    """The first edge of a histogram is the youngest person's age."""
    rows = []
    for at in range(3):
        n, key = rnd.randint(30, 90), {"variable": "age", "bin": str(at)}
        rows += [row("x", "histogram", key, "", "n", n), row("x", "histogram", key, "", "edge_low", 20.0 + at, n)]
    rows[1] = replace(rows[1], n_persons=rnd.choice([None, rnd.randint(1, 10)]))
    told = [
        r for table in check(rows, RULES) for r in table.rows if r.statistic == "edge_low" and r.row_key["bin"] == "0"
    ]
    return Outcome(stopped=all(r.value is None for r in told), by=HIDDEN)


def shared_by_few(rnd: random.Random) -> Outcome:
    """A maximum that a few persons have."""
    n, sharing = rnd.randint(30, 90), rnd.randint(1, 10)
    return _withheld(
        _group("extreme", {"variable": "cost"}, n, {"persons": n, "sharing": sharing, "max": 1e6}), {"max"}
    )


def whole_class(rnd: random.Random) -> Outcome:
    """A most frequent value that everybody of a group has is each one's."""
    n = rnd.randint(30, 90)
    return _withheld(_group("mode", {"variable": "stage"}, n, {"persons": n, "sharing": n, "mode": 4.0}), {"mode"})


def unit_of_a_fit(rnd: random.Random) -> Outcome:
    """Residuals, leverages, random effects: one number a person."""
    statistic = rnd.choice(["residual", "leverage", "fitted", "random_effect"])
    return _withheld(
        [*_fit(90, 3, 60), row("x", "regression", {"model": "m", "unit": "7"}, "", statistic, 0.2, 200)], {statistic}
    )


def neighbours(rnd: random.Random) -> Outcome:
    """What its neighbours leave of the area around them."""
    persons = {"a": rnd.randint(30, 90), "b": rnd.randint(30, 90), "c": rnd.randint(1, 10)}
    whole = sum(persons.values())
    rows = [r for area, n in persons.items() for r in _area(area, "all of it", n)] + _area("all of it", "", whole)
    told = {
        where.split("/")[0]: n
        for (_, where, _, name), n in counts_shown(check(rows, RULES)).items()
        if name == "persons"
    }
    width, _ = Knowledge(shown=told, sums=[{"all of it": -1, "a": 1, "b": 1, "c": 1}]).narrowest({"c": {"c": 1}})
    return Outcome(stopped=width >= T, by=HIDDEN if width >= T else f"c known to {width}")


def _area(area: str, within: str, persons: int) -> list[ResultRow]:
    return _group(
        "map", {"area": area, "within": within}, persons, {"persons": persons, "population": 9000, "rate": 2.5}
    )


KINDS: Mapping[str, Callable[[random.Random], Outcome]] = {
    "dummy of few": dummy_of_few,
    "level of few events": level_of_few_events,
    "saturated fit": saturated_fit,
    "few degrees of freedom": few_degrees,
    "four cells": four_cells,
    "small area": small_area,
    "neighbours of a small area": neighbours,
    "outer edge": outer_edge,
    "shared by few": shared_by_few,
    "whole class": whole_class,
    "unit of a fit": unit_of_a_fit,
}
