# SPDX-License-Identifier: Apache-2.0
"""The truth file's part on planted studies: conditional effects as planted, marginal ones as simulated, and what was planted, counted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rempart.synthetic.outcomes import YEAR, baseline_of
from rempart.synthetic.plan import NEVER, Calendar, Ints
from rempart.synthetic.planting import Facts, Planted
from rempart.synthetic.potential import Progress, marginal_truth
from rempart.synthetic.studies import rules_of
from rempart.synthetic.studies_cohort import Rules

DEMO = "pioglitazone_bladder"
Counts = dict[str, dict[str, float]]
_ESTIMANDS = {
    "cohort": "hazard ratio given age and sex, by cumulative dose and time since the last dispensing ran out",
    "doses": "incidence ratio in a window of days after a dose, given age and sex; the same within a person",
    "births": "odds ratio of a malformation of the child given the mother's age, drug dispensed in the window against none",
    "place": "hazard ratio of death from any cause for one step of the year's exposure at the residence, given age and sex",
}


class StudyBook:
    """Adds up what was planted, block by block."""

    def __init__(
        self,
        tables: Mapping[str, Any],
        kept: Mapping[str, Any],
        names: Sequence[str],
        mode: str,
        effect: float | None = None,
    ) -> None:
        """``kept``: parsed marginal.toml."""
        self.tables, self.kept = tables, kept
        self.rules = {name: rules_of(tables, name, mode, effect) for name in names}
        self.counts: dict[str, Counts] = {name: {} for name in names}

    def add(self, planted: Planted, calendar: Calendar) -> None:
        """Count one block."""
        for facts in planted.facts:
            table = self.rules[facts.study].table
            _sum(self.counts[facts.study], planted_counts(facts, planted.death, calendar, table))

    def told(self, progress: Progress | None = None) -> dict[str, Any]:
        """JSON-able, by study. Simulates marginal truths that are not kept, and tells ``progress`` of it."""
        return {
            name: {
                "estimand": _ESTIMANDS[rules.table["design"]], "design": rules.table["design"],
                "reference": rules.table["reference"], "mode": rules.mode, "boost": rules.boost,
                "published": rules.table["published"], "conditional": conditional_truth(rules),
                "marginal": marginal_truth(self.tables, self.kept, rules, progress), "planted": _rounded(self.counts[name]),
            }
            for name, rules in self.rules.items()
        }  # fmt: skip


def demo_truth(tables: Mapping[str, Any], effect: float, progress: Progress | None = None) -> dict[str, Any]:
    """Marginal truth of the small population's question. ``tables``: all of the room's; empty without studies and kept truths.

    Its groups, courses and baseline are those of the study's mode ``boost``; its natural deaths follow another law of the same size.
    """
    if "studies" not in tables or "marginal" not in tables:
        return {}
    rules = rules_of(tables["studies"], DEMO, "boost", effect)
    return marginal_truth(tables["studies"], tables["marginal"], rules, progress)


def conditional_truth(rules: Rules) -> dict[str, Any]:
    """The planted effect itself, and the law of the baseline where there is one."""
    table = rules.table
    told: dict[str, Any] = {"given": ["mother's age"] if table["design"] == "births" else ["age", "sex"]}
    if "baseline" in table:
        base = baseline_of(table["baseline"], rules.boost)
        told["baseline"] = {
            "hazard_at_65_in_women": round(base.level, 10), "slope_per_year_of_age": base.slope, "hazard_ratio_men": base.men,
        }  # fmt: skip
    if table["design"] == "cohort":
        told["effects"] = {
            product: {
                "by_milligrams": np.stack([effect.dose, effect.ratio], axis=1).tolist(),
                "power_by_days_since_last_cover": np.stack([effect.since, effect.power], axis=1).tolist(),
                "latency_days": effect.latency,
            }
            for product, effect in zip(*rules.effects(), strict=True)
        }  # fmt: skip
    elif table["design"] == "doses":
        told["windows"] = table["windows"]
        told["share_of_later_doses_cancelled_by_the_outcome"] = table["deferred"]
    elif table["design"] == "births":
        told["malformations"] = [
            {word: item[word] for word in ("name", "codes", "slope", "odds")}
            | {"risk_at_30": item["risk"] * rules.boost}
            for item in table["malformations"]
        ]
    else:
        told |= {"hazard_ratio": table["ratio"], "step": table["step"], "neutral_at": table["reference_value"]}
    return told


def planted_counts(facts: Facts, death: Ints, calendar: Calendar, table: Mapping[str, Any]) -> Counts:
    """Persons, outcomes and person-years by arm; for doses also outcomes by window."""
    end = np.minimum(np.minimum(facts.event, death[facts.person]), calendar.last)
    had = (facts.event <= end) & (facts.event < NEVER)
    counts: Counts = {}
    for number, arm in enumerate(facts.arms):
        mine = facts.arm == number
        counts[arm] = {"persons": float(mine.sum()), "outcomes": float((had & mine).sum())}
        if table["design"] == "cohort":
            free = mine & facts.fresh & (facts.event > facts.start)
            counts[arm] |= {
                "new_users": float((mine & facts.fresh).sum()), "at_risk": float(free.sum()),
                "outcomes_of_new_users": float((had & free).sum()),
                "person_years_of_new_users": float((end - facts.start)[free].sum() / YEAR),
            }  # fmt: skip
    for window in table.get("windows", ()):
        since = facts.event - (facts.start if window["rank"] == 1 else facts.stop)
        mine = had & (facts.arm == facts.arms.index(window["product"]))
        inside = mine & (since >= window["days"][0]) & (since <= window["days"][1])
        counts[f"{window['product']} dose {window['rank']}"] = {"outcomes_in_window": float(inside.sum())}
    return counts


def study_rows(planted: Planted, calendar: Calendar, first_person: int) -> pa.Table:
    """One row a study and person of it, all text: the truth that an estimate is judged by. Persons counted over all blocks."""
    columns: dict[str, list[Any]] = {word: [] for word in _COLUMNS}
    for facts in planted.facts:
        size = len(facts.person)
        texts = {
            "study": np.full(size, facts.study), "person": (facts.person + first_person).astype(str),
            "arm": np.array(facts.arms)[facts.arm], "new_user": facts.fresh.astype(np.int64).astype(str),
            "treated": facts.treated.astype(np.int64).astype(str),
        }  # fmt: skip
        for word in ("start", "stop", "event"):
            texts[word] = _dates(calendar, getattr(facts, word))
        for word in _COLUMNS:
            columns[word].append(texts[word].astype(object))
    none = np.zeros(0, dtype=object)
    return pa.table(
        {word: pa.array(np.concatenate([none, *parts]), type=pa.string()) for word, parts in columns.items()}
    )


_COLUMNS = ("study", "person", "arm", "new_user", "start", "stop", "event", "treated")


def _dates(calendar: Calendar, days: Ints) -> Any:
    beyond = (days >= NEVER) | (days >= len(calendar.months)) | (days < 0)
    return np.where(beyond, "", calendar.text(np.where(beyond, 0, days)))


def _sum(total: Counts, more: Counts) -> None:
    for arm, numbers in more.items():
        mine = total.setdefault(arm, {})
        for word, value in numbers.items():
            mine[word] = mine.get(word, 0.0) + value


def _rounded(counts: Counts) -> dict[str, dict[str, float | int]]:
    return {
        arm: {word: round(value, 3) if "years" in word else round(value) for word, value in numbers.items()}
        for arm, numbers in counts.items()
    }
