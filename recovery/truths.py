# SPDX-License-Identifier: Apache-2.0
"""Marginal truths by the planted law itself, for the very persons and days of a trial: ``python -m recovery.truths`` writes truths.toml.

A contrast of arms is taken from a randomised trial of the same law: both arms drawn from one mixture of ages and sexes, so that the plain
comparison of what befell them is the truth. A share is that of persons of an arm as planted. No weighting, matching or model of age.
Days are those of the study files, none of which has a lag, nor its drug a latency: from the first dispensing on, and of the target trial
from the last day of its interval of starting, among those alive and without the outcome by then.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recovery.persons import Asked, Scene, scene, tables
from rempart.study.estimators.cox_input import CoxRows
from rempart.study.estimators.cox_rows import fit_rows
from rempart.synthetic.plan import Ints

FILE = Path(__file__).parent / "truths.toml"
DRAWS, SIZE, FIRST = 400, 60_000, 900_000
Flags = NDArray[np.bool_]
SCORES = Asked(study="pioglitazone_bladder", size=6000, effect=3.0)
# Comparators enough, at every age, that each of the treated finds one: the matched treated are then the treated.
MATCHED = replace(
    SCORES,
    size=7000,
    changes={
        "groups": {
            "boost": [
                {
                    "name": "new_target",
                    "product": "pioglitazone",
                    "timing": "new",
                    "share": 0.1,
                    "age": [61.0, 8.5, 42, 90],
                    "men": 0.42,
                },
                {
                    "name": "new_comparator",
                    "product": "sulfonylurea",
                    "timing": "new",
                    "share": 0.5,
                    "age": [65.0, 8.5, 42, 90],
                    "men": 0.55,
                },
                {
                    "name": "other",
                    "product": "",
                    "timing": "never",
                    "share": 0.4,
                    "age": [52.0, 16.0, 18, 92],
                    "men": 0.48,
                    "healthy": True,
                },
            ]
        }
    },
)
SCORES_LAST, SCORES_DAYS, SCORES_AGES = "2015-12-31", 730, (54, 76)
TRIAL_WINDOW, TRIAL_DAYS = 30, 690
RISK = Asked(study="doac_vka", size=4000)
RISK_LAST, RISK_DAYS = "2014-12-31", 1095


def randomised(asked: Asked, *laws: str) -> Asked:
    """The same study with both arms drawn from the ages and sexes of the named groups, each as frequent as it is planted."""
    table = tables()["studies"][asked.study]
    own = {group["name"]: group for group in table["groups"]["boost"]}
    groups = [
        {**own[law], "name": f"{law} {product}", "product": product}
        for law in laws
        for product in (table["target"], table["comparator"])
    ]
    return replace(asked, size=SIZE, changes={"groups": {"boost": groups, "cohort": groups}})


def started(drawn: Scene, last: str) -> Flags:
    """Who of the facts starts anew by a day, free of the outcome."""
    facts = drawn.facts
    return np.asarray(facts.fresh & (facts.event > facts.start) & (facts.start <= drawn.days.day_of(last)))


def ages(drawn: Scene) -> Ints:
    """Year of time zero less year of birth, as studies count ages."""
    facts = drawn.facts
    start, born = (
        (drawn.days.base + day).astype("datetime64[Y]").astype(np.int64)
        for day in (np.minimum(facts.start, drawn.days.last), drawn.block.born[facts.person])
    )
    return np.asarray(start - born)


def _contrast(asked: Asked, seed: int) -> dict[str, float]:
    drawn = scene(asked, seed)
    facts, low, high = drawn.facts, *SCORES_AGES
    inside = started(drawn, SCORES_LAST) & (ages(drawn) >= low) & (ages(drawn) <= high)
    start, event, death = facts.start[inside], facts.event[inside], drawn.planted.death[facts.person[inside]]
    target, exit_ = facts.arm[inside] == 1, np.minimum(np.minimum(event, death) - start, SCORES_DAYS)
    ill = event - start == exit_
    rows = CoxRows(x=target[:, None].astype(np.float64), terms=("target",), exit_=exit_, event=ill)
    risk = {arm: float(ill[target == (arm == "target")].mean()) for arm in ("target", "comparator")}
    return {
        "log_hazard_ratio": float(fit_rows(rows).beta[0]),
        "risk_difference": risk["target"] - risk["comparator"],
        "log_risk_ratio": float(np.log(risk["target"] / risk["comparator"])),
    }


def _trial(asked: Asked, seed: int) -> dict[str, float]:
    """Of who is alive and free of the outcome at the end of an interval of starting: the outcome within so many days after it."""
    drawn = scene(asked, seed)
    facts, low, high = drawn.facts, *SCORES_AGES
    zero, death = facts.start + TRIAL_WINDOW - 1, drawn.planted.death[facts.person]
    inside = (
        started(drawn, SCORES_LAST)
        & (ages(drawn) >= low)
        & (ages(drawn) <= high)
        & (facts.event > zero)
        & (death > zero)
    )
    ill, target = (facts.event <= zero + TRIAL_DAYS)[inside], facts.arm[inside] == 1
    return {"risk_difference": float(ill[target].mean() - ill[~target].mean())}


def _share(asked: Asked, seed: int) -> dict[str, float]:
    drawn = scene(asked, seed)
    facts, inside = drawn.facts, started(drawn, RISK_LAST)
    ill = facts.event <= facts.start + RISK_DAYS
    return {
        f"risk_{arm}": float(ill[inside & (facts.arm == place)].mean())
        for place, arm in ((1, "target"), (2, "comparator"))
    }


def _means(of: Callable[[int], dict[str, float]], draws: Iterable[int]) -> dict[str, dict[str, float]]:
    found = [of(seed) for seed in draws]
    values = {name: np.array([one[name] for one in found]) for name in found[0]}
    return {
        name: {"value": float(value.mean()), "error": float(value.std(ddof=1) / np.sqrt(len(value)))}
        for name, value in values.items()
    }


def made(draws: int = DRAWS) -> dict[str, Any]:
    """Every truth with its Monte-Carlo error."""
    laws = {"everybody": ("new_target", "new_comparator"), "treated": ("new_target",)}
    found: dict[str, Any] = {}
    for name, law in laws.items():
        asked = randomised(SCORES, *law)
        found[name] = _means(lambda seed, asked=asked: _contrast(asked, seed), range(FIRST, FIRST + draws))  # type: ignore[misc]
    everybody = randomised(SCORES, *laws["everybody"])
    found["trial"] = _means(lambda seed: _trial(everybody, seed), range(FIRST, FIRST + draws))
    large = replace(RISK, size=SIZE)
    found["anticoagulants"] = _means(lambda seed: _share(large, seed), range(FIRST, FIRST + draws))
    return found


def main() -> None:
    """Write the file."""
    lines = [
        "# SPDX-License-Identifier: Apache-2.0",
        "# Marginal truths of the trials of recovery, with their Monte-Carlo errors. Made by python -m recovery.truths; not to be edited.",
        f'source = "recovery/truths.py, {DRAWS} draws of {SIZE} persons from seed {FIRST}"',
    ]
    for name, values in made().items():
        for word, told in values.items():
            lines += ["", f"[{name}.{word}]", f"value = {told['value']:.7g}", f"error = {told['error']:.2g}"]
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(FILE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
