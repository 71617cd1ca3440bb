# SPDX-License-Identifier: Apache-2.0
"""Attacks by tables of our own engine: small cells, complements, margins, steps, dominance, evidence that lies, earlier submissions."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from rempart.disclosure.check import check, examine
from rempart.records.result import CheckedTable, ResultRow
from tests.disclosure_rows import RULES, attrition, counts_shown, curve, frequency, rates, ratios, row
from tests.faults.attacks.attack import Attack, Outcome
from tests.faults.attacks.solver import Expression, Knowledge

T = 11
Place = tuple[str, str, str, str]
HIDDEN, SEEN = "hidden", "value shown"


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """``count`` attempts of each kind."""
    for kind, make in KINDS.items():
        for number in range(count):
            yield Attack(
                kind=kind,
                name=f"{kind} {number} of seed {seed}",
                run=_run(make, random.Random(f"{kind}/{seed}/{number}")),
            )


def _run(make: Callable[[random.Random], Outcome], rnd: random.Random) -> Callable[[], Outcome]:
    return lambda: make(rnd)


def _solved(tables: Sequence[CheckedTable], sums: Sequence[Expression], secrets: Mapping[str, Expression]) -> Outcome:
    width, name = Knowledge(shown=counts_shown(tables), sums=sums).narrowest(secrets)
    return Outcome(stopped=width >= T, by=HIDDEN if width >= T else f"{name} known to {width}")


def _withheld(rows: Sequence[ResultRow], outputs: set[str] | None = None) -> Outcome:
    """No value at all of the named outputs (or of all) may be shown."""
    shown = [
        r
        for table in check(rows, RULES)
        if outputs is None or table.output in outputs
        for r in table.rows
        if r.value is not None
    ]
    return Outcome(stopped=not shown, by=HIDDEN if not shown else f"{SEEN}: {shown[0].output} {shown[0].statistic}")


def _cell(arm: str, level: str, variable: str = "sex") -> Place:
    return "table_one", f"{variable}/{level}", arm, "n"


def _total(arm: str) -> Place:
    return "table_one", "all/all", arm, "n"


def _crossed(arms: Sequence[str], levels: Sequence[str], variable: str = "sex") -> list[Expression]:
    """The sums of a table with margins: levels to the arm, arms to all."""
    found: list[Expression] = [
        {_total(a): -1, **{_cell(a, level, variable): 1 for level in levels}} for a in (*arms, "all")
    ]
    found += [{_cell("all", level, variable): -1, **{_cell(a, level, variable): 1 for a in arms}} for level in levels]
    return [*found, {_total("all"): -1, **{_total(a): 1 for a in arms}}]


def _drawn(rnd: random.Random, arms: Sequence[str], levels: Sequence[str], small: int) -> dict[str, dict[str, int]]:
    """A table of ordinary counts with so many of 1 to 10."""
    table = {a: {level: rnd.randint(20, 400) for level in levels} for a in arms}
    for arm, level in rnd.sample([(a, level) for a in arms for level in levels], small):
        table[arm][level] = rnd.randint(1, 10)
    return table


def _of_table(table: Mapping[str, Mapping[str, int]], rows: Sequence[ResultRow]) -> Outcome:
    arms, levels = list(table), list(next(iter(table.values())))
    secrets = {f"{a}/{level}": {_cell(a, level): 1} for a in arms for level in levels if 1 <= table[a][level] < T}
    return _solved(check(rows, RULES), _crossed(arms, levels), secrets)


def small_cell(rnd: random.Random) -> Outcome:
    """One small cell in a table with margins."""
    table = _drawn(rnd, "tc", "abc"[: rnd.randint(2, 3)], 1)
    return _of_table(table, frequency(table))


def sparse_table(rnd: random.Random) -> Outcome:
    """Many small cells, which the margins tie to one another."""
    table = _drawn(rnd, "tcde"[: rnd.randint(2, 4)], "abcde"[: rnd.randint(3, 5)], rnd.randint(2, 6))
    return _of_table(table, frequency(table))


def complement(rnd: random.Random) -> Outcome:
    """The level that is told is all but a few of the arm; the others are not asked for."""
    few, many = rnd.randint(1, 10), rnd.randint(30, 500)
    rows = [r for r in frequency({"t": {"no": few, "yes": many}}) if r.row_key["level"] != "no"]
    others: Expression = {_total("t"): -1, _cell("t", "yes"): 1, ("absent", "no", "t", "n"): 1}
    return _solved(check(rows, RULES), [others], {"the others": {("absent", "no", "t", "n"): 1}})


def share_of_a_hidden_count(rnd: random.Random) -> Outcome:
    """A percentage and the total give the count back."""
    table = _drawn(rnd, "t", "abc", 1)
    tables = check(frequency(table), RULES)
    hidden = {r.row_key["level"] for r in tables[0].rows if r.statistic == "n" and r.value is None}
    told = {r.row_key["level"] for r in tables[0].rows if r.statistic == "percent" and r.value is not None}
    return Outcome(stopped=not hidden & told, by=HIDDEN if not hidden & told else SEEN)


def excluded(rnd: random.Random) -> Outcome:
    """A step of attrition leaves out a few persons."""
    steps = [rnd.randint(500, 900)]
    for _ in range(rnd.randint(2, 4)):
        steps.append(steps[-1] - rnd.choice([0, rnd.randint(11, 60), rnd.randint(1, 10)]))
    steps.append(steps[-1] - rnd.randint(1, 10))
    places = [("attrition", f"{i:02d} step {i}", "all", "n") for i in range(1, len(steps) + 1)]
    gone = [("gone", str(i), "", "") for i in range(1, len(steps))]
    sums: list[Expression] = [{a: 1, b: -1, g: -1} for a, b, g in zip(places, places[1:], gone, strict=False)]
    secrets = {f"step {i}": {g: 1} for i, g in enumerate(gone) if 1 <= steps[i] - steps[i + 1] < T}
    return _solved(check(attrition(steps), RULES), sums, secrets)


def two_tables(rnd: random.Random) -> Outcome:
    """What one table hides another gives back: its levels make up the persons of the rates."""
    table = _drawn(rnd, "tc", "ab", 1)
    persons = {arm: sum(levels.values()) for arm, levels in table.items()}
    rows = [r for r in frequency(table, total=False) if r.column_key["arm"] != "all"]
    rows += rates({arm: (n, rnd.randint(11, n // 2) if n > 22 else 0, 3.0 * n) for arm, n in persons.items()})
    rates_of = {arm: ("incidence", "cancer", arm, "persons") for arm in persons}
    sums: list[Expression] = [{rates_of[a]: -1, **{_cell(a, level): 1 for level in "ab"}} for a in persons]
    secrets = {f"{a}/{level}": {_cell(a, level): 1} for a in table for level in "ab" if 1 <= table[a][level] < T}
    return _solved(check(rows, RULES), sums, secrets)


def rate_of_few(rnd: random.Random) -> Outcome:
    """Events times person-years, or the limits of a rate, give a small count of events back."""
    arms = {"target": (rnd.randint(300, 900), rnd.randint(1, 10), rnd.uniform(900, 3000))}
    shown = [
        r
        for t in check(rates(arms), RULES)
        for r in t.rows
        if r.value is not None and r.statistic not in {"persons", "person_years"}
    ]
    return Outcome(stopped=not shown, by=HIDDEN if not shown else f"{SEEN}: {shown[0].statistic}")


def ratio_of_few(rnd: random.Random) -> Outcome:
    """A ratio of two arms of which one has a few events: its limits give them back."""
    events = {"target": rnd.randint(1, 10), "comparator": rnd.randint(30, 90)}
    persons = {"target": rnd.randint(300, 900), "comparator": rnd.randint(300, 900)}
    shown = [
        r for t in check(ratios(events, persons), RULES) for r in t.rows if r.value is not None and not r.column_key
    ]
    return Outcome(stopped=not shown, by=HIDDEN if not shown else f"{SEEN}: {shown[0].statistic}")


def steps_of_a_curve(rnd: random.Random) -> Outcome:
    """A curve falls by a few persons from one day to the next."""
    steps = [(rnd.randint(0, 10), rnd.choice([0, 40, rnd.randint(1, 10)])) for _ in range(rnd.randint(4, 9))]
    steps += [(rnd.randint(15, 40), rnd.randint(15, 40))]
    tables = check(curve("t", 2000, steps), RULES)
    days: dict[str, dict[str, float]] = {}
    for r in tables[0].rows:
        if r.value is not None:
            days.setdefault(r.row_key["day"], {})[r.statistic] = r.value
    told = [days[day] for day in sorted(days)]
    for before, after in pairwise(told):
        for name in ("events", "censored"):
            if name in before and name in after and 1 <= after[name] - before[name] < T:
                return Outcome(stopped=False, by=f"{after[name] - before[name]:.0f} {name} between two days")
        if "survival" in after and "events" not in after:
            return Outcome(stopped=False, by="a point of the curve without its count")
    return Outcome(stopped=True, by=HIDDEN)


def dominance(rnd: random.Random) -> Outcome:
    """One or two contributors hold the sum, whatever their signs."""
    first = rnd.uniform(5e4, 1e6) * rnd.choice([1, -1])
    rest = abs(first) * rnd.uniform(0.001, 0.09)
    second = rnd.uniform(0.0, rest / 2) * rnd.choice([1, -1])
    n = rnd.randint(30, 400)
    mean = row(
        "cost",
        "mean",
        {"variable": "cost"},
        "t",
        "mean",
        (first + rest) / n,
        n,
        top1=first,
        top2=second,
        total_abs=abs(first) + rest,
    )
    return _withheld([mean])


def few_establishments(rnd: random.Random) -> Outcome:
    """Many persons of one to ten places of care."""
    n = rnd.randint(50, 500)
    key = {"variable": "sex", "level": "men"}
    return _withheld([row("table_one", "frequency", key, "t", "n", n, n_establishments=rnd.randint(1, 10))])


def lines_of_few_persons(rnd: random.Random) -> Outcome:
    """Forty lines of two patients."""
    key = {"variable": "stays", "level": "yes"}
    return _withheld([row("table_one", "frequency", key, "t", "n", rnd.randint(20, 90), rnd.randint(1, 10))])


def tail_of_a_distribution(rnd: random.Random) -> Outcome:
    """A quantile beyond which a few persons lie."""
    key = {"variable": "age"}
    return _withheld(
        [row("ages", "quantile", key, "t", rnd.choice(["p05", "p95"]), rnd.uniform(18, 99), rnd.randint(1, 10))]
    )


def extreme(rnd: random.Random) -> Outcome:
    """The largest value is one person's."""
    key = {"variable": "cost"}
    rows = [
        row(
            "costs",
            rnd.choice(["extreme", "mean", "quantile"]),
            key,
            "t",
            rnd.choice(["max", "min", "range"]),
            1e6,
            rnd.randint(1, 10),
        )
    ]
    return _withheld(rows)


def unknown_type(rnd: random.Random) -> Outcome:
    """A type, a statistic or a name that no rule knows."""
    made = [("scatter", "n"), ("frequency", "residual"), ("weights", "n"), ("frequency", "max")]
    kind, statistic = made[rnd.randrange(len(made))]
    return _withheld([row("table_one", kind, {"variable": "sex", "level": "men"}, "t", statistic, rnd.randint(20, 90))])


def data_in_a_label(rnd: random.Random) -> Outcome:
    """A national number, a pseudonym, a long text or a second line as the name of a level."""
    number = "".join(rnd.choice("0123456789") for _ in range(rnd.choice([10, 13, 15])))
    texts = [number, f"x {number} y", rnd.randbytes(16).hex(), "a" * 121, "men\nsecond line", "men\x00"]
    return _withheld([row("table_one", "frequency", {"variable": "sex", "level": rnd.choice(texts)}, "t", "n", 50)])


def nobody_behind(rnd: random.Random) -> Outcome:
    """A value that does not say whom it counts."""
    made = row("cost", "mean", {"variable": "cost"}, "t", "mean", rnd.uniform(10, 99))
    return _withheld([replace(made, n_persons=None)])


def set_of_two_sizes(rnd: random.Random) -> Outcome:
    """One set of persons with two sizes."""
    key, n = {"variable": "sex", "level": "men"}, rnd.randint(20, 90)
    return _withheld([row("table_one", "frequency", key, a, "n", n + i, ref="same") for i, a in enumerate("tc")])


def cell_of_two_values(rnd: random.Random) -> Outcome:
    """One cell with two values: the second would escape the sums."""
    key, n = {"variable": "sex", "level": "men"}, rnd.randint(20, 90)
    return _withheld([row("table_one", "frequency", key, "t", "n", n, ref=f"set {i}") for i in range(2)])


def half_a_person(rnd: random.Random) -> Outcome:
    """A count that is no whole number of persons carries something else."""
    n = rnd.randint(20, 90)
    return _withheld([row("table_one", "frequency", {"variable": "sex", "level": "men"}, "t", "n", n + 0.5, n)])


def a_few_apart(rnd: random.Random) -> Outcome:
    """The same table a second time, a few persons apart."""
    table = _drawn(rnd, "t", "abc", 0)
    other = {"t": dict(table["t"])}
    level = rnd.choice("abc")
    other["t"][level] += rnd.randint(1, 10)
    first = examine(frequency(table), RULES)
    second = examine(frequency(other), RULES, earlier=[first.counts])
    one, two = counts_shown(first.tables), counts_shown(second.tables)
    apart = [p for p, n in two.items() if n is not None and one.get(p) is not None and 1 <= abs(n - (one[p] or 0)) < T]
    return Outcome(stopped=not apart, by=HIDDEN if not apart else f"{apart[0]} twice")


def shown_after_hidden(rnd: random.Random) -> Outcome:
    """What one submission hid beside a small cell the next one asks for alone: with the total it gives the small cell back."""
    table = _drawn(rnd, "t", "abc", 1)
    first = examine(frequency(table), RULES)
    hidden = [p for p, n in counts_shown(first.tables).items() if n is None and p != _total("t")]
    beside = [p for p in hidden if table["t"][p[1].partition("/")[2]] >= T]
    again = [r for r in frequency(table) if r.statistic == "n" and _cell("t", r.row_key["level"]) in beside]
    second = examine(again, RULES, earlier=[first.counts])
    told = [p for p, n in counts_shown(second.tables).items() if n is not None]
    return Outcome(stopped=not told, by=HIDDEN if not told else f"{told[0]} shown after all")


def codes_of_two_levels(rnd: random.Random) -> Outcome:
    """A class of drugs beside its substances, or a block beside its diagnoses, in one table or in two: one of them is of few."""
    whole, parts = rnd.choice([("A10", ["A10AB01", "A10BA02", "A10BB09"]), ("E10-E14", ["E10", "E11.2", "E14"])])
    counts = {part: rnd.randint(20, 400) for part in parts}
    counts[rnd.choice(parts)] = rnd.randint(1, 10)
    first, second = rnd.choice([("codes", "codes"), ("classes", "substances")])
    found = [row(first, "frequency", {"variable": "code", "level": whole}, "t", "n", sum(counts.values()))]
    found += [row(second, "frequency", {"variable": "code", "level": p}, "t", "n", n) for p, n in counts.items()]
    places = {part: (second, f"code/{part}", "t", "n") for part in parts}
    sums: list[Expression] = [{(first, f"code/{whole}", "t", "n"): -1, **dict.fromkeys(places.values(), 1)}]
    return _solved(check(found, RULES), sums, {p: {places[p]: 1} for p, n in counts.items() if n < T})


KINDS: Mapping[str, Callable[[random.Random], Outcome]] = {
    "small cell": small_cell,
    "sparse table": sparse_table,
    "codes of two levels": codes_of_two_levels,
    "complement": complement,
    "share of a hidden count": share_of_a_hidden_count,
    "few excluded": excluded,
    "two tables": two_tables,
    "rate of few events": rate_of_few,
    "ratio of few events": ratio_of_few,
    "step of a curve": steps_of_a_curve,
    "dominance": dominance,
    "few establishments": few_establishments,
    "lines of few persons": lines_of_few_persons,
    "tail of a distribution": tail_of_a_distribution,
    "extreme": extreme,
    "unknown type": unknown_type,
    "data in a label": data_in_a_label,
    "nobody behind a value": nobody_behind,
    "set of two sizes": set_of_two_sizes,
    "cell of two values": cell_of_two_values,
    "half a person": half_a_person,
    "a few apart from earlier": a_few_apart,
    "shown after it was hidden": shown_after_hidden,
}
