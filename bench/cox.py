# SPDX-License-Identifier: Apache-2.0
"""Cox on a million persons with twenty covariates beside R's C core and lifelines; time-varying exposure; ten million persons as counts.

R holds the same numbers and times its fit itself (``r_peer``). Where there is no Rscript, its benches are left out, and that is said.
Both sides must find the same coefficients, or the bench raises ValueError.
"""

import functools
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import duckdb
import numpy as np
from numpy.typing import NDArray

from bench.r_peer import Peer
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
    size, entry = len(data.x), np.zeros(len(data.x)) if data.entry is None else data.entry
    days = np.array([entry, data.exit_, data.event], dtype=float)
    process = Peer(R_SIDE, {"x": data.x.T, "days": days}, str(size), str(COVARIATES))

    def peer() -> float:
        took, *beta = process.again()
        if not np.allclose(beta, last[0].beta, rtol=1e-6, atol=1e-7):
            raise ValueError("R finds other coefficients")
        return took

    return peer


@bench(
    "cox-rows-r",
    peer="R coxph.fit",
    bound=1.0,
    runs=5,
    given=True,
    needs="Rscript",
    note=f"Cox, {ROWS:,} persons, 20 covariates, Efron; R times its C core on numbers that it already holds; the same coefficients",
)
def cox_rows_r() -> tuple[Work, Work]:
    """Beside the C core of R's survival."""
    data, ours, last = timed(split=False)
    return ours, in_r(data, last)


@bench(
    "cox-split-r",
    peer="R agreg.fit",
    bound=0.5,
    runs=3,
    given=True,
    needs="Rscript",
    note=f"Cox with time-varying exposure, {ROWS:,} persons cut where it begins: some {2 * ROWS:,} rows, 20 covariates, Efron; "
    "the same coefficients",
)
def cox_split_r() -> tuple[Work, Work]:
    """The same with rows that enter late."""
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


def counted() -> tuple[Work, Work]:
    """Ten times as many persons whose covariates are levels, in DuckDB: its group by, fetched and fitted; and the group by alone."""
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
    parts = ((1, 2), (2, 3), (6, 6), (36, 8))
    levels = [patterns // below % many == level for below, many in parts for level in range(1, many)]
    x = np.column_stack(levels).astype(float)
    terms = tuple(f"x{j}" for j in range(x.shape[1]))

    def ours() -> object:
        found = base.execute(query).fetchnumpy()
        pattern, day, n = (np.asarray(found[name], dtype=np.int64) for name in ("pattern", "day", "n"))
        event = np.asarray(found["event"], dtype=bool)
        return fit_cells(CoxCells(x=x, terms=terms, pattern=pattern, n=n, exit_=day, event=event))

    return ours, lambda: base.execute(f"create or replace temp table counted as {query}")


@bench(
    "cox-counts",
    peer="DuckDB, the same group by alone",
    bound=5.0,
    runs=5,
    note=f"exact Cox of {10 * ROWS:,} persons by 288 patterns and day: group by, fetch and fit beside the group by",
)
def cox_counts() -> tuple[Work, Work]:
    """DuckDB counts, we fit the counts."""
    return counted()


@bench(
    "cox-counts-memory",
    peer="8 GB",
    bound=1.0,
    runs=1,
    given=True,
    note=f"peak memory of a process that makes {10 * ROWS:,} persons in DuckDB, counts and fits them (bytes over 8 GB)",
)
def cox_counts_memory() -> tuple[Work, Work]:
    """The whole of it in a process of its own."""

    def ours() -> float:
        ended = subprocess.run([sys.executable, "-m", "bench.cox"], check=True, stdout=subprocess.PIPE)
        return float(ended.stdout)

    return ours, lambda: 8e9


def peak() -> int:
    """Bytes that this process held at most, having fitted the counts."""
    counted()[0]()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.stdout.write(f"{peak()}\n")
