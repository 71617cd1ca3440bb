# SPDX-License-Identifier: Apache-2.0
"""Sums over simulated persons, and the contrasts made of them: risks, their difference and ratio, the marginal hazard ratio."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rempart.synthetic.outcomes import YEAR
from rempart.synthetic.plan import Floats

Numbers = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """By month: how many are at risk as it begins, time at risk in years, outcomes, outcomes at ratio 1 (where there are no months: one
    entry)."""

    left: Floats
    risk: Floats
    events: Floats
    plain: Floats

    @property
    def started(self) -> float:
        """How many are at risk as the first month begins."""
        return float(self.left[0])

    def __add__(self, other: "Sums") -> "Sums":
        return self._with(other, 1.0)

    def __sub__(self, other: "Sums") -> "Sums":
        return self._with(other, -1.0)

    def _with(self, other: "Sums", sign: float) -> "Sums":
        return Sums(
            left=self.left + sign * other.left, risk=self.risk + sign * other.risk,
            events=self.events + sign * other.events, plain=self.plain + sign * other.plain,
        )  # fmt: skip

    def months(self, first: int, end: int) -> "Sums":
        """The months from the ``first`` on to the one before ``end``, of who is at risk as they begin."""
        part = slice(first, end)
        return replace(
            self, left=self.left[part], risk=self.risk[part], events=self.events[part], plain=self.plain[part]
        )  # fmt: skip


def hazard_ratio(target: Sums, comparator: Sums) -> float:
    """The Cox estimate in both worlds together: the root of its score, with the at-risk of each month as weights (Breslow)."""
    beta = 0.0
    for _ in range(50):
        share = target.risk * np.exp(beta) / (target.risk * np.exp(beta) + comparator.risk)
        events = target.events + comparator.events
        move = float((target.events - events * share).sum() / (events * share * (1 - share)).sum())
        beta += move
        if abs(move) < 1e-12:
            break
    return float(np.exp(beta))


def contrast(target: Sums, comparator: Sums) -> Numbers:
    """Risks in each world, their difference and ratio, the marginal hazard ratio."""
    one, none = target.events.sum() / target.started, comparator.events.sum() / comparator.started
    return {
        "risk_target": float(one), "risk_comparator": float(none), "risk_difference": float(one - none),
        "risk_ratio": float(one / none), "hazard_ratio": hazard_ratio(target, comparator),
    }  # fmt: skip


def told(chunks: Sequence[Mapping[str, Sums]], table: Mapping[str, Any], latency: int = 0) -> dict[str, Any]:
    """All contrasts of a study, each number with its Monte-Carlo standard error (spread of the chunks' own estimates).

    ``latency``: days from time zero on in which the target does nothing; where there are any, each contrast stands a second time, among
    who is at risk at their end (``…_from_day_<n>``): that of a study whose lag is the latency.
    """
    total = _total(chunks)
    whole = _numbers(total, table, latency)
    # Each chunk left out in turn: a ratio of sums keeps the bias of the whole, not that of one small chunk.
    parts = [_numbers({name: total[name] - sums for name, sums in chunk.items()}, table, latency) for chunk in chunks]
    return {name: _with_error(values, [part[name] for part in parts]) for name, values in whole.items()}


def latency_month(latency: int) -> int:
    """The month of the sums that begins as so many days have passed."""
    return round(12 * latency / YEAR)


def _numbers(total: Mapping[str, Sums], table: Mapping[str, Any], latency: int) -> dict[str, Numbers]:
    made = _CONTRASTS[table["design"]](total, table)
    if latency:
        later = _by_horizon(total, table, latency_month(latency))
        made |= {f"{name}_from_day_{latency}": numbers for name, numbers in later.items()}
    return made


def _total(chunks: Sequence[Mapping[str, Sums]]) -> dict[str, Sums]:
    total = dict(chunks[0])
    for chunk in chunks[1:]:
        total = {name: total[name] + sums for name, sums in chunk.items()}
    return total


def _with_error(values: Numbers, parts: Sequence[Numbers]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for word, value in values.items():
        spread = np.array([part[word] for part in parts])
        count = len(spread)
        error = float(np.sqrt((count - 1) / count * ((spread - spread.mean()) ** 2).sum()))
        made[word] = {"value": _short(value), "error": _short(error)}
    return made


def _short(value: float) -> float:
    return float(f"{value:.8g}")


def _by_horizon(total: Mapping[str, Sums], table: Mapping[str, Any], first: int) -> dict[str, Numbers]:
    """Contrasts from a month on to each horizon, among who is at risk as that month begins."""
    made = {}
    for horizon in table["horizons"]:
        end = round(12 * horizon)
        for name, word in {"initiation": "target", "on_treatment": "sustained"}.items():
            one = total[word].months(first, end)
            numbers = contrast(one, total["comparator"].months(first, end))
            numbers["mean_conditional_ratio"] = float(one.events.sum() / one.plain.sum())
            made[f"{name}_{horizon:g}_years"] = numbers
    return made


def _cohort(total: Mapping[str, Sums], table: Mapping[str, Any]) -> dict[str, Numbers]:
    made = _by_horizon(total, table, 0)
    target, none = total["target-own"], total["comparator-own"]
    crude = (target.events.sum() / target.risk.sum()) / (none.events.sum() / none.risk.sum())
    adjusted = (target.events.sum() / target.plain.sum()) / (none.events.sum() / none.plain.sum())
    made["observed"] = {"crude_rate_ratio": float(crude), "conditional_ratio": float(adjusted)}
    return made


def _place(total: Mapping[str, Sums], table: Mapping[str, Any]) -> dict[str, Numbers]:
    made = {}
    for horizon in table["horizons"]:
        end = round(12 * horizon)
        made[f"one_step_more_{horizon:g}_years"] = contrast(
            total["target"].months(0, end), total["comparator"].months(0, end)
        )  # fmt: skip
    return made


def _doses(total: Mapping[str, Sums], table: Mapping[str, Any]) -> dict[str, Numbers]:
    made = {}
    for window in table["windows"]:
        name = f"{window['product']}-{window['rank']}"
        numbers = contrast(total[name], total[f"{name}-none"])
        numbers["excess_per_100000_doses"] = 1e5 * numbers["risk_difference"]
        made[f"{window['product']} dose {window['rank']}"] = numbers
    return made


def _births(total: Mapping[str, Sums], table: Mapping[str, Any]) -> dict[str, Numbers]:
    made = {}
    for item in table["malformations"]:
        none = _risk(total[f"{item['name']}-none"])
        for drug in table["drugs"]:
            one = _risk(total[f"{item['name']}-{drug['product']}"])
            takers = _risk(total[f"{item['name']}-{drug['product']}-takers"])
            made[f"{drug['product']} {item['name']}"] = {
                "risk_target": one, "risk_comparator": none, "risk_difference": one - none, "risk_ratio": one / none,
                "odds_ratio": _odds(one) / _odds(none), "crude_odds_ratio": _odds(takers) / _odds(none),
            }  # fmt: skip
    return made


def _risk(sums: Sums) -> float:
    return float(sums.events[0] / sums.started)


def _odds(risk: float) -> float:
    return risk / (1 - risk)


_CONTRASTS: dict[str, Callable[[Mapping[str, Sums], Mapping[str, Any]], dict[str, Numbers]]] = {
    "cohort": _cohort, "place": _place, "doses": _doses, "births": _births,
}  # fmt: skip
