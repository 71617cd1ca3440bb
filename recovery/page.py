# SPDX-License-Identifier: Apache-2.0
"""docs/recovery.md: what was asked, the table of lines, the shortcuts, and what a seed skips."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from recovery.judged import Verdict
from recovery.lines import EXACT, LOG, NEAR
from recovery.mutants import MUTANTS
from recovery.run import FIRST_SEED
from recovery.trials import TRIALS

SEEDS = 500
TRIALS_MOST = {line.name: trial.most for trial in TRIALS.values() for line in trial.lines}
FILE = Path(__file__).parent.parent / "docs" / "recovery.md"
_COLUMNS = (
    "",
    "line",
    "estimand",
    "way",
    "seeds",
    "truth",
    "mean",
    "bias",
    "may be",
    "mean se",
    "covers",
    "rejects null",
    "crude",
)
_NOTES = """
*bias*, *may be* and *mean se* are on the logarithm of ratios, on the share itself for risks;
*mean* and *crude* are ratios of mean logarithms.
"""


def page(verdicts: Sequence[Verdict], fails: Mapping[str, Sequence[str]]) -> str:
    """The page. ``fails``: mutant → lines that fail with it."""
    head = (Path(__file__).parent / "head.md").read_text(encoding="utf-8")
    lines = [
        head.replace("{first}", str(FIRST_SEED)),
        *_unfinished(verdicts, fails),
        "## The lines",
        "",
        _row(_COLUMNS),
        _row(["---"] * len(_COLUMNS)),
    ]
    lines += [_row(_cells(verdict)) for verdict in verdicts]
    lines += [
        _NOTES,
        *_together(verdicts),
        "## The shortcuts",
        "",
        _row(("", "shortcut", "what it does", "lines that fail")),
        _row(["---"] * 4),
    ]
    for name, found in fails.items():
        lines.append(
            _row(("=" if found else "✗", f"`{name}`", MUTANTS[name].about, "; ".join(found) or "none: it survives"))
        )
    return "\n".join(lines) + "\n"


def _unfinished(verdicts: Sequence[Verdict], fails: Mapping[str, Sequence[str]]) -> list[str]:
    """What a page of a broken-off run must say of itself."""
    few = sum(1 for one in verdicts if one.seeds < min(SEEDS, TRIALS_MOST.get(one.line.name, SEEDS)))
    missing = [f"`{name}`" for name in MUTANTS if name not in fails]
    told = [f"{few} lines stand on fewer than {SEEDS} seeds (column *seeds*)"] if few else []
    told += [f"shortcuts not tried yet: {', '.join(missing)}"] if missing else []
    return (
        [f"**Not finished**: {'; '.join(told)}. `python -m recovery --keep FOLDER --write` goes on.", ""]
        if told
        else []
    )


def _together(verdicts: Sequence[Verdict]) -> list[str]:
    """The coverage of all intervals in one number: a line may lie near a bound by chance, their mean may not."""
    told = [one for one in verdicts if one.line.scale not in {EXACT, NEAR} and not math.isnan(one.covered)]
    if not told:
        return []
    mean = sum(one.covered * one.seeds for one in told) / sum(one.seeds for one in told)
    return [
        f"Of {len(told)} intervals, {_share(mean)} cover in the mean. Where every interval covers in exactly 95 of 100, one line in a "
        "hundred lies outside the bounds of the criterion by chance, and one in four beyond 94.0 or 96.0 %.",
        "",
    ]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(verdict: Verdict) -> list[str]:
    line = verdict.line
    counted, digits = line.scale in {EXACT, NEAR}, 2 if line.scale == EXACT else 4
    told = f"✗ {', '.join(verdict.failed)}" if verdict.failed else "="
    return [
        told, line.name, line.estimand, line.way, str(verdict.seeds), _text(line.truth, 4).rstrip("0").rstrip("."),
        _text(verdict.mean, digits), _text(verdict.bias, digits), _text(verdict.bound, digits), "" if counted else _text(verdict.error, 4),
        "" if line.scale == NEAR else _share(verdict.covered), _share(verdict.rejected),
        _text(verdict.crude, 3) if line.scale == LOG else "",
    ]  # fmt: skip


def _text(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f} %"
