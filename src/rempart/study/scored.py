# SPDX-License-Identifier: Apache-2.0
"""The persons of a comparison as a propensity score sees them: arm, covariates, follow-up, features. Fits nothing, writes nothing.

One entry a person at risk, without any id, in the order of the evidence's sorted rows: equal rows are exchangeable, so that draws by
place (``draws``) do not depend on how persons were split over shards or workers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rempart.records.protocol import Analysis, Frame
from rempart.records.study import Study
from rempart.study.cells import Cells
from rempart.study.estimators.binary_columns import BinaryColumns
from rempart.study.features import feature_columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
SCORED = "scored"  # the part of a frame's patterns that holds a person's features


@dataclass(frozen=True, slots=True, kw_only=True)
class Persons:
    """N persons: ``treated`` bool; days; ``status`` as in the cells; ``row`` (N,) the person's line of ``x`` (P, p), which holds the
    levels of the covariates but one each as zeros and ones, named ``terms``; ``features``: the sparse ones, None without."""

    treated: Bools
    entry: Ints
    exit_: Ints
    status: Ints
    row: Ints
    x: Floats
    terms: tuple[str, ...]
    levels: tuple[tuple[str, str], ...]
    of_level: Bools  # (P, levels): whether a line of x has the level
    features: BinaryColumns | None = None

    def take(self, keep: Bools) -> "Persons":
        """Some of the persons, with the covariates that still tell them apart; features stay, for whoever fits to leave out."""
        place = np.cumsum(keep) - 1
        features = None
        if self.features is not None:
            column = np.repeat(np.arange(len(self.features.terms)), self.features.held)
            inside = keep[self.features.person]
            start = np.concatenate([[0], np.cumsum(np.bincount(column[inside], minlength=len(self.features.terms)))])
            features = BinaryColumns(
                persons=int(keep.sum()),
                start=start.astype(np.int64),
                person=place[self.features.person[inside]].astype(np.int32),
                terms=self.features.terms,
            )
        own = independent(self.x[np.unique(self.row[keep])])
        return Persons(
            treated=self.treated[keep],
            entry=self.entry[keep],
            exit_=self.exit_[keep],
            status=self.status[keep],
            row=self.row[keep],
            x=self.x[:, own],
            terms=tuple(self.terms[at] for at in own),
            levels=self.levels,
            of_level=self.of_level,
            features=features,
        )


def persons_of(cells: Cells, covariates: Sequence[str]) -> Persons:
    """The persons behind a frame's cells."""
    return _persons(
        treated=cells.arm == "target",
        days=(cells.entry, cells.exit, cells.status),
        n=cells.n,
        levels={name: cells.levels[name] for name in covariates},
    )


def _persons(*, treated: Bools, days: tuple[Ints, Ints, Ints], n: Ints, levels: dict[str, NDArray[np.str_]]) -> Persons:
    """Persons of rows that stand for ``n`` of them each."""
    codes, names = np.zeros((len(treated), len(levels)), dtype=np.int64), []
    for at, values in enumerate(levels.values()):
        told, codes[:, at] = np.unique(values, return_inverse=True)
        names.append([str(level) for level in told])
    lines, row = np.unique(codes, axis=0, return_inverse=True)
    row = np.asarray(row, dtype=np.int64).ravel()
    x, terms, every, of_level = _coded(lines, np.bincount(row, weights=n).astype(np.float64), list(levels), names)
    times = np.repeat(np.arange(len(n)), n)
    return Persons(
        treated=treated[times],
        entry=days[0][times],
        exit_=days[1][times],
        status=days[2][times],
        row=row[times],
        x=x,
        terms=terms,
        levels=every,
        of_level=of_level,
    )


def _coded(
    lines: Ints, size: Floats, covariates: list[str], names: list[list[str]]
) -> tuple[Floats, tuple[str, ...], tuple[tuple[str, str], ...], Bools]:
    """Indicators of the levels: the level of most persons is the reference, and a level that others explain is left out."""
    columns: list[Floats] = []
    terms: list[str] = []
    every: list[tuple[str, str]] = []
    has: list[Bools] = []
    for at, (name, told) in enumerate(zip(covariates, names, strict=True)):
        reference = int(np.argmax(np.bincount(lines[:, at], weights=size, minlength=len(told))))
        for code, level in enumerate(told):
            every.append((name, level))
            has.append(lines[:, at] == code)
            if code != reference:
                columns.append(has[-1].astype(np.float64))
                terms.append(f"{name} {level}")
    x = np.stack(columns, axis=1) if columns else np.zeros((len(lines), 0))
    own = independent(x)
    of_level = np.stack(has, axis=1) if has else np.zeros((len(lines), 0), dtype=bool)
    return x[:, own], tuple(terms[at] for at in own), tuple(every), of_level


def independent(x: Floats) -> list[int]:
    """Columns of ``x`` that a constant and the columns before them do not explain."""
    basis = np.ones((len(x), 1))
    kept: list[int] = []
    for at in range(x.shape[1]):
        wider = np.column_stack([basis, x[:, at]])
        if np.linalg.matrix_rank(wider) == wider.shape[1]:
            basis, kept = wider, [*kept, at]
    return kept


def persons_with_features(
    study: Study, frame: Frame, patterns: pa.Table, covariates: Sequence[str], *, least: int
) -> Persons:
    """The persons behind a frame's rows with features (``arm|levels|features|entry|exit|status``); ``least``: persons of a feature."""
    rows = scored_rows(patterns, frame)
    parts = [key.split("|") for key in rows["key"].to_pylist()]
    n = np.asarray(rows["n"].to_numpy(), dtype=np.int64)
    entry, exit_, status = (np.array([int(part[at]) for part in parts], dtype=np.int64) for at in (-3, -2, -1))
    place = {name: at for at, name in enumerate(sorted(study.covariates), 1)}
    found = _persons(
        treated=np.array([part[0] == "target" for part in parts], dtype=bool),
        days=(entry, exit_, status),
        n=n,
        levels={name: np.array([part[place[name]] for part in parts], dtype=np.str_) for name in covariates},
    )
    texts = np.array([part[-4] for part in parts], dtype=object)[np.repeat(np.arange(len(n)), n)]
    return replace(found, features=feature_columns(texts.tolist(), least=least).columns)


def scored_rows(patterns: pa.Table, frame: Frame) -> pa.Table:
    """The rows of a frame that hold features."""
    mine = pc.and_(pc.equal(patterns["analysis"], f"frame:{frame.key}"), pc.equal(patterns["part"], SCORED))
    return patterns.filter(mine)


def seed_of(study: Study, analysis: Analysis) -> int:
    """Where an analysis's random numbers begin: 64 bits of the SHA-256 of the study's id and the analysis's name."""
    return seeded(f"{study.content_id}/{analysis.id}")


def seeded(name: str) -> int:
    """64 bits of the SHA-256 of a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def draws(seed: int, size: int, *, use: int = 0) -> NDArray[np.uint64]:
    """A whole number for each place, (size,): SplitMix64 (Steele, Lea & Flood 2014) from the seed; ``use`` tells uses apart."""
    start = (seed + 0xD1B54A32D192ED03 * use) % 2**64
    bits = np.uint64(start) + np.arange(1, size + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(bits ^ (bits >> np.uint64(31)), dtype=np.uint64)
