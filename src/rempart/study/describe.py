# SPDX-License-Identifier: Apache-2.0
"""Attrition and table one as result rows."""

from collections.abc import Mapping
from math import sqrt

import pyarrow as pa
import pyarrow.compute as pc

from rempart.records.protocol import Analysis
from rempart.records.study import Study
from rempart.study.cells import ARMS, Cells
from rempart.study.differences import VERSUS, share_moments, standardised_difference
from rempart.study.rows import Output
from rempart.study.tallies import NOBODY

Tables = Mapping[str, pa.Table]
_COMPARED = ("target", "comparator")


def attrition(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """Persons remaining after each step. The last step is the set that every other output describes."""
    counts = tables["attrition"].filter(pc.equal(tables["attrition"]["frame"], analysis.frame.key)).to_pylist()
    last = max((row["step"] for row in counts), default="")
    for row in sorted(counts, key=lambda row: (row["step"], ARMS.index(row["arm"]))):
        step, arm = row["step"], row["arm"]
        passed = cells.sets.step(int(step[:2]), arm) if step[:2].isdigit() else NOBODY
        ref = cells.persons_ref(arm) if step == last else cells.named(passed, row["n"], f"attrition/{step[:2]}/{arm}")
        output.write({"step": step}, {"arm": arm}, {"n": row["n"]}, n=row["n"], ref=ref)


def table_one(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """Persons by level of each covariate, and the mean age (companion output ``…_means``)."""
    for arm in ARMS:
        total = cells.persons(arm)
        _level(output, cells, "all", "all", arm, n=total)
    for name in analysis.covariates:
        seen = set(cells.levels[name].tolist())
        for level in (level for level in study.covariates[name].levels if level in seen):
            for arm in ARMS:
                inside = cells.in_arm(arm) & (cells.levels[name] == level)
                _level(output, cells, name, level, arm, n=int(cells.n[inside].sum()))
            if analysis.differences:
                _difference(output, cells, name, level)
    if any(study.covariates[name].type == "age" for name in analysis.covariates):
        _means(output.named("means", "mean"), analysis, cells, tables)


def _level(output: Output, cells: Cells, variable: str, level: str, arm: str, *, n: int) -> None:
    total = cells.persons(arm)
    ref = cells.persons_ref(arm) if variable == "all" else cells.level_ref(variable, level, arm, n)
    values = {"n": n, "percent": 100 * n / total if total else None}
    output.write({"variable": variable, "level": level}, {"arm": arm}, values, n=n, ref=ref)


def _difference(output: Output, cells: Cells, variable: str, level: str) -> None:
    """How far the target lies from the comparator in one level, beside the counts of both."""
    at = cells.levels[variable] == level
    wholes = [cells.persons(arm) for arm in _COMPARED]
    parts = [int(cells.n[cells.in_arm(arm) & at].sum()) for arm in _COMPARED]
    one, other = (share_moments(part, whole) for part, whole in zip(parts, wholes, strict=True))
    value = standardised_difference(one, other) if min(wholes) else None
    row = {"variable": variable, "level": level}
    output.write(row, {"arm": VERSUS.join(_COMPARED)}, {"smd": value}, n=min(wholes), ref="")


def _means(output: Output, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    sums = [row for row in tables["sums"].to_pylist() if row["frame"] == analysis.frame.key]
    for variable in sorted({row["variable"] for row in sums}):
        found: dict[str, tuple[int, dict[str, float | None]]] = {}
        for arm in ARMS:
            own = [row for row in sums if row["variable"] == variable and arm in {"all", row["arm"]}]
            n, total, squares = (sum(row[name] for row in own) for name in ("n", "total", "squares"))
            whole = n == cells.persons(arm)
            ref = cells.persons_ref(arm) if whole else cells.known_ref(variable, arm, n)
            found[arm] = (n, mean_and_sd(n, total, squares))
            output.write({"variable": variable}, {"arm": arm}, found[arm][1], n=n, ref=ref)
        if analysis.differences:
            _mean_difference(output, variable, [found[arm] for arm in _COMPARED])


def _mean_difference(output: Output, variable: str, both: list[tuple[int, dict[str, float | None]]]) -> None:
    least = min(n for n, _ in both)
    one, other = (((m["mean"] or 0.0), (m["sd"] or 0.0) ** 2) for _, m in both)
    value = standardised_difference(one, other) if least else None
    output.write({"variable": variable}, {"arm": VERSUS.join(_COMPARED)}, {"smd": value}, n=least, ref="")


def mean_and_sd(n: int, total: int, squares: int) -> dict[str, float | None]:
    """Mean and sample standard deviation from exact whole-number sums; None where not defined."""
    return {
        "mean": total / n if n else None,
        "sd": sqrt((n * squares - total * total) / (n * (n - 1))) if n > 1 else None,
    }
