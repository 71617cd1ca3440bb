# SPDX-License-Identifier: Apache-2.0
"""Populations in which those are treated who have the outcome anyway, as evidence and as study files. Asserts nothing."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from rempart.adapters.package_data import toml
from rempart.records.study import Study, study_from_dict
from rempart.study.evidence import Evidence, merge, schema_of

DAYS = 365
AGES = ("50-54", "55-59", "60-64", "65-69")
SEXES = ("female", "male")


def planted(
    n: int, seed: int, *, log_ratio: float = 0.0, confounding: float = 0.6, rate: float = 0.0008
) -> list[tuple[str, str, int, int]]:
    """(arm, pattern, exit, status) of ``n`` persons: older ones are treated more and have the outcome more; death competes."""
    draw = np.random.default_rng(seed)
    age, sex = draw.integers(0, 4, n), draw.integers(0, 2, n)
    treated = draw.random(n) < 1 / (1 + np.exp(1.2 - confounding * age - 0.4 * sex))
    hazard = rate * np.exp(confounding * age + 0.3 * sex + log_ratio * treated)
    event, death = (np.ceil(draw.exponential(1 / h)) for h in (hazard, 0.0002 * np.exp(0.3 * age)))
    exit_ = np.minimum(np.minimum(event, death), DAYS).astype(int)
    status = np.where(event <= np.minimum(death, DAYS), 1, np.where(death <= DAYS, 2, 0))
    return [
        ("target" if t else "comparator", f"{AGES[a]}|{SEXES[s]}", int(x), int(k))
        for t, a, s, x, k in zip(treated, age, sex, exit_, status, strict=True)
    ]


def evidence_of(people: dict[str, list[tuple[str, str, int, int]]]) -> Evidence:
    """Evidence of the persons of each frame."""
    cells = [(frame, *key, n) for frame, rows in people.items() for key, n in sorted(Counter(rows).items())]
    steps, sums = [], []
    for frame, rows in people.items():
        for arm in ("all", "target", "comparator"):
            count = sum(arm in {"all", row[0]} for row in rows)
            steps.append((frame, "01 at risk", arm, count))
            if arm != "all":
                sums.append((frame, arm, "age", count, 60 * count, 3600 * count))
    columns = {
        "cells": [[row[at] for row in cells] for at in (0, 1, 2)]
        + [[0] * len(cells)]
        + [[row[at] for row in cells] for at in (3, 4, 5)],
        "attrition": [list(column) for column in zip(*steps, strict=True)],
        "sums": [list(column) for column in zip(*sums, strict=True)],
    }
    return merge([{name: pa.table(values, schema=schema_of(name)) for name, values in columns.items()}])


def scored_study(*analyses: dict[str, Any], **more: Any) -> Study:
    """The glitazones example without lag, followed for a year, with these analyses; ``more``: other tables of the file."""
    body = toml("examples/glitazones/study.toml")
    body["protocol"] |= {"lag_days": 0, "follow_up_days": DAYS}
    return study_from_dict({**body, **more, "analyses": list(analyses)})


def propensity(name: str, adjustment: str, **parameters: Any) -> dict[str, Any]:
    """A propensity analysis of the example."""
    inputs = {"outcome": "bladder_cancer"}
    return {"id": name, "type": "propensity", "inputs": inputs, "parameters": {"adjustment": adjustment, **parameters}}
