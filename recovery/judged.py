# SPDX-License-Identifier: Apache-2.0
"""The criterion: coverage, the null, bias, and a crude estimate that is visibly wrong. Stated for 500 seeds, scaled for fewer.

Coverage within 92.5 to 97.5 % of 500 seeds is 95 % give or take 2.565 binomial standard errors: the same number of them is allowed
of fewer seeds, and the null likewise. The bias bound holds its own Monte-Carlo error.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recovery.lines import EXACT, LOG, NEAR, Line
from recovery.session import Estimate

Floats = NDArray[np.float64]
_NOMINAL, _SEEDS, _WIDTH = 0.95, 500, 0.025
_MEAN_SHARE, _ERRORS = 0.1, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One line over its seeds. ``mean``: of the estimates, as a ratio where they are one; ``bias``, ``bound``: on the judged scale;
    ``error``: mean standard error; ``spread``: of the estimates; ``failed``: what does not hold."""

    line: Line
    seeds: int
    lost: int
    mean: float
    bias: float
    bound: float
    error: float
    spread: float
    covered: float
    rejected: float
    crude: float
    failed: tuple[str, ...]


def width(seeds: int) -> float:
    """How far from 95 % the coverage of ``seeds`` seeds may be."""
    return _WIDTH * math.sqrt(_SEEDS / max(seeds, 1))


def judge(line: Line, found: Mapping[str, Sequence[Estimate]]) -> Verdict:
    """``found``: estimates by name, one a seed."""
    own = found[line.name]
    value, low, high = (np.array([getattr(one, word) for one in own]) for word in ("value", "lower", "upper"))
    kept = np.isfinite(value) & np.isfinite(low) & np.isfinite(high)
    lost, seeds = int((~kept).sum()), len(own)
    value, low, high = value[kept], low[kept], high[kept]
    if line.scale in {EXACT, NEAR}:
        return _counted(line, value, lost, seeds)
    if len(value) < 2:
        return _verdict(line, seeds, lost, (math.nan,) * 8, ("no estimate",))
    error = float(np.mean((high - low) / (2 * 1.959963984540054)))
    spread = float(value.std(ddof=1))
    bias, bound = _bias(value, line.target, error)
    covered = float(((low <= line.target) & (line.target <= high)).mean())
    none = 0.0
    rejected = float(((low > none) | (high < none)).mean()) if line.null else math.nan
    crude, wrong = _crude(line, found, bound)
    failed = [word for word, bad in {
        "lost": lost > seeds / 50,
        "coverage": abs(covered - _NOMINAL) > width(seeds),
        "null": line.null and rejected > 1 - _NOMINAL + width(seeds),
        "bias": abs(bias) > bound,
        "crude": not wrong,
    }.items() if bad]  # fmt: skip
    numbers = (float(value.mean()), bias, bound, error, spread, covered, rejected, crude)
    return _verdict(line, seeds, lost, numbers, tuple(failed))


def _bias(value: Floats, target: float, error: float) -> tuple[float, float]:
    spread = float(value.std(ddof=1)) / math.sqrt(len(value))
    return float(value.mean()) - target, _MEAN_SHARE * error + _ERRORS * spread


def _crude(line: Line, found: Mapping[str, Sequence[Estimate]], bound: float) -> tuple[float, bool]:
    """Mean crude estimate, and whether it would fail the bound of bias; true where none is asked for."""
    if not line.crude:
        return math.nan, True
    value = np.array([one.value for one in found[line.crude] if math.isfinite(one.value)])
    mean = float(value.mean()) if len(value) else math.nan
    return mean, abs(mean - line.target) > bound


def _counted(line: Line, value: Floats, lost: int, seeds: int) -> Verdict:
    """A count that has no noise: equal in every seed, or near in the mean."""
    if not len(value):
        return _verdict(line, seeds, lost, (math.nan,) * 8, ("no count",))
    mean, equal = float(value.mean()), float((value == line.truth).mean())
    off = abs(mean - line.truth) > line.slack if line.scale == NEAR else equal < 1
    covered = math.nan if line.scale == NEAR else equal
    numbers = (mean, mean - line.truth, line.slack, 0.0, float(value.std()), covered, math.nan, math.nan)
    return _verdict(line, seeds, lost, numbers, ("count",) if off or lost else ())


def _verdict(line: Line, seeds: int, lost: int, numbers: tuple[float, ...], failed: tuple[str, ...]) -> Verdict:
    names = ("mean", "bias", "bound", "error", "spread", "covered", "rejected", "crude")
    told = dict(zip(names, numbers, strict=True))
    if line.scale == LOG:
        told |= {word: math.exp(told[word]) for word in ("mean", "crude")}
    return Verdict(line=line, seeds=seeds, lost=lost, failed=failed, **told)
