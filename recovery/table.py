# SPDX-License-Identifier: Apache-2.0
"""Verdicts as text columns and as the page docs/recovery.md."""

import math
from collections.abc import Sequence

from recovery.judged import Verdict
from recovery.lines import EXACT, LOG, NEAR

HEAD = (
    "",
    "line",
    "truth",
    "mean",
    "bias",
    "may be",
    "mean se",
    "spread",
    "covers",
    "rejects",
    "crude",
    "way",
    "fails",
)


def cells(verdict: Verdict) -> tuple[str, ...]:
    """One verdict as texts, in the order of ``HEAD``."""
    line = verdict.line
    exact, counted = line.scale == EXACT, line.scale in {EXACT, NEAR}
    return (
        "✗" if verdict.failed else "=",
        line.name,
        _number(line.truth, 0 if exact else 4),
        _number(verdict.mean, 2 if exact else 4),
        _number(verdict.bias, 2 if exact else 4),
        _number(verdict.bound, 0 if exact else 4),
        "" if counted else _number(verdict.error, 4),
        _number(verdict.spread, 2 if exact else 4),
        _share(verdict.covered),
        _share(verdict.rejected),
        _number(verdict.crude, 3) if line.scale == LOG else _number(verdict.crude, 4),
        line.way,
        ", ".join(verdict.failed) + (f" ({verdict.lost} lost)" if verdict.lost else ""),
    )


def _number(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f} %"


def table(verdicts: Sequence[Verdict]) -> str:
    """Columns; a line that fails begins with ✗."""
    lines = [HEAD, *(cells(verdict) for verdict in verdicts)]
    wide = [max(len(line[at]) for line in lines) for at in range(len(HEAD))]
    left = {0, 1, 11, 12}
    return "\n".join(
        "  ".join(
            f"{text:<{wide[at]}}" if at in left else f"{text:>{wide[at]}}" for at, text in enumerate(line)
        ).rstrip()
        for line in lines
    )
