# SPDX-License-Identifier: Apache-2.0
"""Marginal truths from simulated potential outcomes: what would happen to the same persons under each of two choices.

Persons are drawn as the planted ones are; the law of the outcome is that of ``outcomes``. Each potential outcome is integrated
over its own hazard month by month instead of drawn once (its expectation given the person and the course: the same mean, less
noise), with natural death competing. Where the target acts only after a latency, a month begins as it ends. Sums only are kept, one set
a chunk: memory is that of a chunk, and the spread between chunks is the Monte-Carlo error.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from rempart.synthetic.outcomes import YEAR, Baseline, Courses, Effect, baseline_of
from rempart.synthetic.plan import Flags, Floats, Ints
from rempart.synthetic.potential_sums import Sums, latency_month, told
from rempart.synthetic.studies_births import drug_shares, odds_of
from rempart.synthetic.studies_cohort import Rules, course_of, courses_of, draw_groups

Progress = Callable[[int, int], None]
Truth = dict[str, Any]
# Raised when the simulation changes what it gives: of studies without a latency, and of those with one.
_LAW, _LAW_OF_LATENCY = 1, 2


def truth_key(tables: Mapping[str, Any], rules: Rules) -> str:
    """Hash of everything the marginal truth of a study depends on, the number of draws apart."""
    law = {
        "law": _LAW_OF_LATENCY if latency_of(rules) else _LAW, "study": rules.name,
        "mode": "boost" if rules.mode == "boost" else "cohort", "effect": rules.effect,
        "table": rules.table, "death": tables["death"],
        "potential": {word: tables["potential"][word] for word in ("delay", "particles")},
        "range": tables["environment"]["pm25"]["range"],
    }  # fmt: skip
    text = json.dumps(law, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def latency_of(rules: Rules) -> int:
    """Days from time zero on in which the target of a cohort does nothing; 0 in the other designs."""
    told = rules.table.get("effects", {}).get(rules.table.get("target"))
    # An effect asked for in place of the planted one begins at once.
    return int(told["latency_days"]) if told and rules.effect is None else 0


def marginal_truth(
    tables: Mapping[str, Any], kept: Mapping[str, Any], rules: Rules, progress: Progress | None = None
) -> Truth:
    """From the kept truths (parsed marginal.toml) when their key is this one's, else simulated as they were: about a minute."""
    key = truth_key(tables, rules)
    for truth in kept.get("truths", ()):
        if truth["key"] == key:
            return dict(truth)
    return simulate(tables, rules, persons=int(tables["potential"]["persons"]), progress=progress)


def simulate(
    tables: Mapping[str, Any], rules: Rules, *, persons: int, seed: int | None = None, progress: Progress | None = None
) -> Truth:
    """Simulate ``persons`` in each world. ``progress(persons done, persons in all)``. Deterministic in the seed."""
    rule = tables["potential"]
    seed = int(rule["seed"]) if seed is None else seed
    size = min(int(rule["chunk"]), max(persons // 8, 1))
    count = -(-persons // size)
    step = _STEPS[rules.table["design"]]
    chunks: list[dict[str, Sums]] = []
    for number in range(count):
        draw = np.random.default_rng([seed, number])
        chunks.append(step(tables, rules, size, draw))
        if progress:
            progress((number + 1) * size, count * size)
    head: Truth = {
        "study": rules.name, "mode": "boost" if rules.mode == "boost" else "cohort", "key": truth_key(tables, rules),
        "persons": count * size, "potential_outcomes": 2 * count * size, "seed": seed,
    }  # fmt: skip
    if rules.effect is not None:
        head["effect"] = rules.effect
    return head | {"contrasts": told(chunks, rules.table, latency_of(rules))}


def _cohort(tables: Mapping[str, Any], rules: Rules, size: int, draw: np.random.Generator) -> dict[str, Sums]:
    """New users of both arms together, each in three worlds: the comparator, the target, the target never stopped."""
    table, death = rules.table, tables["death"]
    mine = [g for g in rules.groups if g["timing"] == "new" and g["product"] in {table["target"], table["comparator"]}]
    word = "boost" if rules.mode == "boost" else "cohort"
    drawn = replace(rules, table={**table, "groups": {word: mine}})
    who = draw_groups(drawn, size, draw)
    earliest, latest = tables["potential"]["delay"]
    delay = draw.uniform(earliest, latest, size)
    base = baseline_of(table["baseline"], rules.boost)
    dying = Baseline(level=death["level"], slope=death["slope"], men=death["men"])
    waited = _spent(base, who.age, who.sex, delay) + _spent(dying, who.age, who.sex, delay)
    own = np.array([g["product"] == table["target"] for g in mine])[who.group]
    person = _Person(age=who.age + delay, sex=who.sex, weight=np.exp(-waited), base=base, dying=dying, target=own)
    edges = _edges(round(12 * max(table["horizons"])), latency_of(rules))
    place = {product: next(n for n, g in enumerate(mine) if g["product"] == product) for product in _arms(table)}
    worlds: dict[str, Sums] = {}
    for name, product in {
        "comparator": table["comparator"],
        "target": table["target"],
        "sustained": table["target"],
    }.items():
        length, pack = course_of(drawn, np.full(size, place[product]), draw)
        if name == "sustained":
            length = np.full(size, int(YEAR * (max(table["horizons"]) + 1)))
        courses = courses_of(drawn, (np.zeros(size, dtype=np.int64), length), pack)
        lived = _lived(person, edges, partial(_ratios, courses, rules.effects()[1]))
        worlds |= {name: lived[0], f"{name}-own": lived[1 if name == "target" else 2]}
    return worlds


def _arms(table: Mapping[str, Any]) -> tuple[str, str]:
    return table["comparator"], table["target"]


def _ratios(courses: Courses, effects: Sequence[Effect], day: int) -> Floats:
    """Hazard ratio of each course on one day after time zero."""
    return courses.ratio_on(effects, day)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """Simulated persons at time zero: age, sex, how many of them are left to start, hazards of outcome and death."""

    age: Floats
    sex: Ints
    weight: Floats
    base: Baseline
    dying: Baseline
    target: Flags


def _spent(law: Baseline, age: Floats, sex: Ints, years: Floats) -> Floats:
    """Cumulative hazard of a law over the years after an age."""
    return np.asarray(law.rate(age, sex) * np.expm1(law.slope * years) / law.slope)


def _edges(months: int, latency: int = 0) -> Floats:
    """Years from time zero to the beginning of each month and the end of the last; one lies where a latency ends."""
    edges = np.arange(months + 1) / 12
    if latency:
        edges[latency_month(latency)] = latency / YEAR
    return edges


def _lived(person: _Person, edges: Floats, ratio_on: Callable[[int], Floats]) -> list[Sums]:
    """Follow persons month by month from time zero: sums over all, over those who took the target, over the others.

    ``edges``: as ``_edges`` gives them; ``ratio_on``: hazard ratios of the persons on a day after time zero.
    """
    rate, mortal = person.base.rate(person.age, person.sex), person.dying.rate(person.age, person.sex)
    left, of = person.weight.copy(), np.stack([np.ones(len(person.age)), person.target, ~person.target])
    rows = np.empty((3, 4, len(edges) - 1))
    for month, (begin, end) in enumerate(pairwise(edges)):
        middle = (begin + end) / 2
        usual = rate * np.exp(person.base.slope * middle)
        hazard = usual * ratio_on(max(int(middle * YEAR), 1))
        total = hazard + mortal * np.exp(person.dying.slope * middle)
        gone = left * -np.expm1(-total * (end - begin))
        time = gone / total
        for place, value in enumerate((left, time, time * hazard, time * usual)):
            rows[:, place, month] = of @ value
        left = left - gone
    return [Sums(left=row[0], risk=row[1], events=row[2], plain=row[3]) for row in rows]


def _doses(tables: Mapping[str, Any], rules: Rules, size: int, draw: np.random.Generator) -> dict[str, Sums]:
    """The same persons with and without the dose, over the days of its window: one month of the sums is one window."""
    who, table = draw_groups(rules, size, draw), rules.table
    rate = baseline_of(table["baseline"], rules.boost).rate(who.age, who.sex)
    worlds = {}
    for window in table["windows"]:
        name, years = f"{window['product']}-{window['rank']}", (window["days"][1] - window["days"][0] + 1) / YEAR
        worlds[name] = _once(rate * window["ratio"], years)
        worlds[f"{name}-none"] = _once(rate, years)
    return worlds


def _once(rate: Floats, years: float) -> Sums:
    risk = -np.expm1(-rate * years)
    one = np.array([float(len(rate))])
    return Sums(left=one, risk=np.array([(risk / rate).sum()]), events=np.array([risk.sum()]), plain=np.zeros(1))


def _births(tables: Mapping[str, Any], rules: Rules, size: int, draw: np.random.Generator) -> dict[str, Sums]:
    """The same pregnancies with each drug and without it. ``started`` counts births (takers: by their share)."""
    who, table = draw_groups(rules, size, draw), rules.table
    age = who.age + draw.uniform(0.1, 5.1, size)
    worlds = {}
    for kind, item in enumerate(table["malformations"]):
        for number, drug in enumerate([*(entry["product"] for entry in table["drugs"]), "none"]):
            place = number if drug != "none" else -1
            odds = odds_of(rules, kind, age, np.full(size, place))
            share = drug_shares(rules, age)[:, place] if drug != "none" else np.ones(size)
            hit = odds / (1 + odds)
            worlds[f"{item['name']}-{drug}"] = _whole(hit, np.ones(size))
            worlds[f"{item['name']}-{drug}-takers"] = _whole(hit, share)
    return worlds


def _whole(hit: Floats, weight: Floats) -> Sums:
    number = np.array([float(weight.sum())])
    return Sums(left=number, risk=number, events=np.array([(hit * weight).sum()]), plain=np.zeros(1))


def _place(tables: Mapping[str, Any], rules: Rules, size: int, draw: np.random.Generator) -> dict[str, Sums]:
    """The same persons at their exposure and at one step more, everywhere and always."""
    who, table, death = draw_groups(rules, size, draw), rules.table, tables["death"]
    mean, spread = tables["potential"]["particles"]
    value = np.clip(draw.normal(mean, spread, size), *tables["environment"]["pm25"]["range"])
    law = Baseline(level=death["level"], slope=death["slope"], men=death["men"])
    never = Baseline(level=1e-12, slope=1e-6, men=1.0)
    person = _Person(
        age=who.age, sex=who.sex, weight=np.ones(size), base=law, dying=never, target=np.zeros(size, dtype=bool)
    )  # fmt: skip
    power = (value - table["reference_value"]) / table["step"]
    edges = _edges(round(12 * max(table["horizons"])))
    worlds = {"comparator": table["ratio"] ** power, "target": table["ratio"] ** (power + 1)}
    return {name: _lived(person, edges, partial(_same, ratio))[0] for name, ratio in worlds.items()}


def _same(ratio: Floats, _: int) -> Floats:
    return ratio


_STEPS = {"cohort": _cohort, "doses": _doses, "births": _births, "place": _place}
