# SPDX-License-Identifier: Apache-2.0
"""Ordinary outputs that disclose nothing: whoever hides or refuses something of them raises a false alarm."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from rempart.disclosure.check import check
from rempart.records.result import ResultRow
from tests.disclosure_rows import RULES, attrition, curve, frequency, rates, ratios, row
from tests.faults.attacks.attack import Attack, Outcome
from tests.faults.attacks.given_back import safe

PASSED = "passed"


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """``count`` ordinary outputs of each kind; an outcome that is not stopped is a false alarm."""
    for kind, make in KINDS.items():
        for number in range(count):
            rnd = random.Random(f"safe/{kind}/{seed}/{number}")
            yield Attack(kind=kind, name=f"{kind} {number} of seed {seed}", run=_run(make, rnd))


def _run(make: Callable[[random.Random], Sequence[ResultRow]], rnd: random.Random) -> Callable[[], Outcome]:
    def run() -> Outcome:
        rows = make(rnd)
        shown = [r for table in check(rows, RULES) for r in table.rows]
        lost = [r for r in shown if r.value is None]
        if len(shown) == len(rows) and not lost:
            return Outcome(stopped=True, by=PASSED)
        return Outcome(stopped=False, by=f"{len(lost) + len(rows) - len(shown)} of {len(rows)} lines withheld")

    return run


def _counts(rnd: random.Random, names: str) -> dict[str, int]:
    return {name: rnd.randint(25, 900) for name in names}


def table(rnd: random.Random) -> Sequence[ResultRow]:
    """Arms by levels with margins, all counts large."""
    levels = "abcdef"[: rnd.randint(2, 6)]
    return frequency({arm: _counts(rnd, levels) for arm in "tcde"[: rnd.randint(1, 4)]})


def table_with_zeros(rnd: random.Random) -> Sequence[ResultRow]:
    """A level that nobody has in some arm."""
    made = {arm: _counts(rnd, "abc") for arm in "tc"}
    made[rnd.choice("tc")][rnd.choice("abc")] = 0
    return frequency(made)


def steps(rnd: random.Random) -> Sequence[ResultRow]:
    """Attrition that leaves out nobody or many."""
    told = [rnd.randint(3000, 9000)]
    for _ in range(rnd.randint(2, 6)):
        told.append(told[-1] - rnd.choice([0, rnd.randint(11, 400)]))
    return attrition(told)


def rates_of_many(rnd: random.Random) -> Sequence[ResultRow]:
    """Rates of two arms with dozens of events."""
    arms = {arm: (rnd.randint(500, 900), rnd.randint(30, 200)) for arm in ("target", "comparator")}
    return rates({arm: (n, events, n * rnd.uniform(1.0, 5.0)) for arm, (n, events) in arms.items()})


def ratios_of_many(rnd: random.Random) -> Sequence[ResultRow]:
    """Hazard ratios of two arms with dozens of events."""
    events = {"target": rnd.randint(20, 200), "comparator": rnd.randint(20, 200)}
    persons = {arm: n + rnd.randint(100, 900) for arm, n in events.items()}
    return ratios(events, persons, value=rnd.uniform(0.3, 3.0))


def long_curve(rnd: random.Random) -> Sequence[ResultRow]:
    """A curve whose every step holds many."""
    each = [(rnd.randint(11, 40), rnd.randint(11, 40)) for _ in range(rnd.randint(3, 9))]
    return curve("t", 2000, each)


def means(rnd: random.Random) -> Sequence[ResultRow]:
    """A mean and its spread of many persons, nobody dominant."""
    n = rnd.randint(100, 900)
    told = {"top1": 900.0, "top2": 850.0, "total_abs": 100.0 * n}
    key = {"variable": "cost"}
    return [row("costs", "mean", key, "t", name, rnd.uniform(10, 200), n, **told) for name in ("mean", "sd")]


def quantiles(rnd: random.Random) -> Sequence[ResultRow]:
    """Quantiles with many persons on each side."""
    n = rnd.randint(400, 900)
    sides = {"p05": n // 20, "p25": n // 4, "p50": n // 2, "p75": n // 4, "p95": n // 20}
    return [
        row("ages", "quantile", {"variable": "age"}, "t", q, 20.0 + i, side)
        for i, (q, side) in enumerate(sides.items())
    ]


KINDS: Mapping[str, Callable[[random.Random], Sequence[ResultRow]]] = {
    "table": table,
    "table with zeros": table_with_zeros,
    "attrition": steps,
    "rates": rates_of_many,
    "ratios": ratios_of_many,
    "curve": long_curve,
    "means": means,
    "quantiles": quantiles,
    "estimates alone": safe,
}
