# SPDX-License-Identifier: Apache-2.0
"""Cox on a million persons with twenty covariates beside R's C core and lifelines; time-varying exposure; ten million persons as counts.

R runs in one process of its own that holds the same numbers, and times its fit itself: neither its start nor the handing over counts.
Where there is no Rscript, its benches are not registered. Both sides must find the same coefficients, or the bench raises ValueError.
"""

import functools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from bench.registry import Work, bench
from rempart.study.estimators.cox_input import CoxCells, CoxRows
from rempart.study.estimators.cox_rows import CoxRowsFit, fit_cells, fit_rows

Floats = NDArray[np.float64]
ROWS = int(os.environ.get("REMPART_BENCH_COX_ROWS", "1000000"))
COVARIATES, DAYS = 20, 3650
R_SIDE = r"""
suppressPackageStartupMessages(library(survival))
place <- commandArgs(TRUE)[1]; n <- as.integer(commandArgs(TRUE)[2]); p <- as.integer(commandArgs(TRUE)[3])
x <- matrix(readBin(file.path(place, "x"), "double", n * p), n, p, dimnames = list(NULL, paste0("x", seq_len(p))))
days <- matrix(readBin(file.path(place, "days"), "double", 3 * n), n, 3)
split <- any(days[, 1] > 0)
y <- if (split) Surv(days[, 1], days[, 2], days[, 3]) else Surv(days[, 2], days[, 3])
fit <- if (split) agreg.fit else coxph.fit
lines <- file("stdin", "r")
while (length(readLines(lines, 1)) == 1) {
  invisible(gc())
  took <- system.time(found <- fit(x, y, NULL, NULL, NULL, coxph.control(), NULL, "efron", NULL, resid = FALSE))[["elapsed"]]
  cat(format(c(took, found$coefficients), digits = 15), "\n"); flush(stdout())
}
"""


def persons(size: int, *, split: bool = False) -> CoxRows:
    """Invented follow-up of ten years, 4 % with an event; ``split``: half as many persons, the exposed from a day of their own."""
    draw = np.random.default_rng(20)
    many = size // 2 if split else size
    x = np.column_stack([draw.integers(0, 2, (many, 14)), draw.normal(0, 1, (many, COVARIATES - 14))]).astype(float)
    time_to = draw.exponential(80_000, many) / np.exp(x[:, 1:] @ draw.normal(0, 0.2, COVARIATES - 1))
    exit_, event = np.minimum(np.ceil(time_to), DAYS).astype(np.int64), time_to <= DAYS
    terms = tuple(f"x{j}" for j in range(COVARIATES))
    if not split:
        return CoxRows(x=x, terms=terms, exit_=exit_, event=event)
    turn = draw.integers(1, DAYS, many)
    later = turn < exit_
    keep = np.column_stack([np.ones(many, dtype=bool), later]).ravel()
    both = np.repeat(x, 2, axis=0)
    both[0::2, 0], both[1::2, 0] = 0.0, 1.0
    entry = np.column_stack([np.zeros(many, dtype=np.int64), turn]).ravel()
    end = np.column_stack([np.minimum(turn, exit_), exit_]).ravel()
    happens = np.column_stack([event & ~later, event]).ravel()
    return CoxRows(x=both[keep], terms=terms, entry=entry[keep], exit_=end[keep], event=happens[keep])


@functools.cache
def timed(*, split: bool) -> tuple[CoxRows, Callable[[], float], list[CoxRowsFit]]:
    """The data, our fit timed (checks of the input included), and where it leaves the last fit."""
    data, last = persons(2 * ROWS if split else ROWS, split=split), []
    fit_rows(persons(20_000, split=split))  # compiles the loops

    def ours() -> float:
        begin = time.perf_counter()
        rows = CoxRows(x=data.x, terms=data.terms, entry=data.entry, exit_=data.exit_, event=data.event)
        last[:] = [fit_rows(rows)]
        return time.perf_counter() - begin

    return data, ours, last


def in_r(data: CoxRows, last: list[CoxRowsFit]) -> Callable[[], float]:
    """R's fit of the same data, timed by R; raises ValueError where its coefficients are others."""
    place = tempfile.TemporaryDirectory()
    size, entry = len(data.x), np.zeros(len(data.x)) if data.entry is None else data.entry
    np.ascontiguousarray(data.x.T).tofile(Path(place.name) / "x")
    np.array([entry, data.exit_, data.event], dtype=float).tofile(Path(place.name) / "days")
    script = Path(place.name) / "fit.R"
    script.write_text(R_SIDE, encoding="utf-8")
    process = subprocess.Popen(
        ["Rscript", str(script), place.name, str(size), str(COVARIATES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True, encoding="utf-8",
    )

    def peer() -> float:
        if place.name and process.stdin and process.stdout:
            process.stdin.write("fit\n")
            process.stdin.flush()
            took, *beta = (float(value) for value in process.stdout.readline().split())
            if not np.allclose(beta, last[0].beta, rtol=1e-6, atol=1e-7):
                raise ValueError("R finds other coefficients")
            return took
        raise ValueError("R has gone")

    return peer


if shutil.which("Rscript"):

    @bench(
        "cox-rows-r",
        peer="R coxph.fit",
        bound=1.0,
        runs=5,
        given=True,
        note=f"Cox, {ROWS:,} persons, 20 covariates, Efron; R times its C core on numbers that it already holds",
    )
    def cox_rows_r() -> tuple[Work, Work]:
        data, ours, last = timed(split=False)
        return ours, in_r(data, last)

    @bench(
        "cox-split-r",
        peer="R agreg.fit",
        bound=0.5,
        runs=3,
        given=True,
        note=f"Cox with time-varying exposure, {2 * ROWS:,} rows, 20 covariates, Efron",
    )
    def cox_split_r() -> tuple[Work, Work]:
        data, ours, last = timed(split=True)
        return ours, in_r(data, last)


@bench(
    "cox-rows-lifelines",
    peer="lifelines",
    bound=0.2,
    runs=3,
    note=f"Cox, {ROWS:,} persons, 20 covariates, Efron, beside CoxPHFitter on a frame that it already holds",
)
def cox_rows_lifelines() -> tuple[Work, Work]:
    """Beside the Python library most often used."""
    from lifelines import CoxPHFitter
    from pandas import DataFrame

    data, ours, _ = timed(split=False)
    frame = DataFrame(data.x, columns=list(data.terms))
    frame["day"], frame["event"] = data.exit_, data.event
    return ours, lambda: CoxPHFitter().fit(frame, "day", "event")


@bench(
    "cox-counts",
    peer="DuckDB, the same group by alone",
    bound=5.0,
    runs=5,
    note=f"exact Cox of {10 * ROWS:,} persons by 288 patterns and day: group by, fetch and fit beside the group by",
)
def cox_counts() -> tuple[Work, Work]:
    """Ten million persons whose covariates are levels: DuckDB counts, we fit the counts."""
    base = duckdb.connect()
    base.execute(
        f"""
        create table person as
        select (hash(i) % 288)::smallint as pattern, least({DAYS}, ceil(-ln((hash(i + 1) % 1000003 + 1) / 1000004)
               * 80000 / exp((hash(i) % 2) * 0.4)))::int as day, day < {DAYS} as event
        from range({10 * ROWS}) as t(i)
        """
    )
    query = "select pattern, day, event, count(*) as n from person group by all"
    patterns = np.arange(288)
    x = np.column_stack(
        [
            patterns % 2,
            *(patterns // 2 % 3 == level for level in (1, 2)),
            *(patterns // 6 % 6 == level for level in range(1, 6)),
            *(patterns // 36 % 8 == level for level in range(1, 8)),
        ]
    ).astype(float)
    terms = tuple(f"x{j}" for j in range(x.shape[1]))

    def ours() -> object:
        found = base.execute(query).fetchnumpy()
        pattern, day, n = (np.asarray(found[name], dtype=np.int64) for name in ("pattern", "day", "n"))
        event = np.asarray(found["event"], dtype=bool)
        return fit_cells(CoxCells(x=x, terms=terms, pattern=pattern, n=n, exit_=day, event=event))

    return ours, lambda: base.execute(f"create or replace temp table counted as {query}")
