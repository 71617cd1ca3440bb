# SPDX-License-Identifier: Apache-2.0
"""L1 propensity score on a hundred thousand persons with ten thousand sparse covariates, beside R's glmnet on the same path.

R holds the same matrix (dgCMatrix) and times its fit itself (``r_peer``). Where there is no Rscript, the bench is left out, and that is
said. Both must reach the same objective (sum scale) to 1e-6, or the bench raises ValueError.
"""

import os
import time

import numpy as np
from numpy.typing import NDArray

from bench.r_peer import Peer
from bench.registry import Work, bench
from rempart.study.estimators.binary_columns import BinaryColumns
from rempart.study.estimators.covariate_selection import distinct
from rempart.study.estimators.l1_logistic import falling, fit_path, greatest_penalty

Bools = NDArray[np.bool_]
PERSONS = int(os.environ.get("REMPART_BENCH_PROPENSITY_PERSONS", "100000"))
COVARIATES = PERSONS // 10
PENALTIES, LEAST = 6, 20.0
R_SIDE = r"""
suppressPackageStartupMessages({library(glmnet); library(Matrix)})
place <- commandArgs(TRUE)[1]
read <- function(name, kind) {
  path <- file.path(place, name); size <- if (kind == "integer") 4 else 8
  readBin(path, kind, file.size(path) / size, size = size)
}
person <- read("person", "integer"); start <- read("start", "integer"); y <- read("exposed", "double")
penalties <- read("penalties", "double")
x <- new("dgCMatrix", i = person, p = start, x = rep(1, length(person)), Dim = c(length(y), length(start) - 1L))
lines <- file("stdin", "r")
while (length(readLines(lines, 1)) == 1) {
  invisible(gc())
  took <- system.time(m <- glmnet(x, y, family = "binomial", standardize = FALSE, lambda = penalties / length(y)))[["elapsed"]]
  k <- length(penalties); b <- m$beta[, k]; eta <- m$a0[k] + as.numeric(x %*% b)
  cat(format(c(took, sum(log1p(exp(eta)) - y * eta) + penalties[k] * sum(abs(b))), digits = 15), "\n"); flush(stdout())
}
"""


def persons(size: int, covariates: int) -> tuple[BinaryColumns, Bools]:
    """Invented codes, some ninety a person, most of them rare; one in twenty bears on the exposure."""
    draw = np.random.default_rng(25)
    share = np.minimum(0.5, (draw.pareto(1.0, covariates) + 0.1) * 90 / covariates / 5)
    share = np.maximum(np.minimum(0.5, share * 90 / share.sum()), 5 / size)
    held = [np.sort(draw.choice(size, draw.binomial(size, p), replace=False)).astype(np.int32) for p in share]
    start = np.concatenate([[0], np.cumsum([len(part) for part in held])]).astype(np.int64)
    terms = tuple(f"c{j}" for j in range(covariates))
    columns = BinaryColumns(persons=size, start=start, person=np.concatenate(held), terms=terms)
    eta = np.full(size, -1.0)
    for j in range(0, covariates, 20):
        eta[held[j]] += draw.normal(0, 0.5)
    return columns.take(distinct(columns)), draw.random(size) < 1 / (1 + np.exp(-eta))


@bench(
    "propensity-l1-r",
    peer="R glmnet",
    bound=2.0,
    runs=5,
    given=True,
    needs="Rscript",
    note=f"L1 propensity score, {PERSONS:,} persons, {COVARIATES:,} sparse covariates, {PENALTIES} penalties down to {LEAST:.0f}; "
    "the same objective to 1e-6; our checks of the input count",
)
def propensity_l1_r() -> tuple[Work, Work]:
    """Beside glmnet on a dgCMatrix that it already holds."""
    columns, exposed = persons(PERSONS, COVARIATES)
    top, last = greatest_penalty(columns, exposed), [0.0]
    penalties = falling(top, count=PENALTIES, ratio=min(0.9, LEAST / top))
    fit_path(*persons(2000, 200), penalties[:2])  # compiles the loops
    arrays = {"person": columns.person, "start": columns.start.astype(np.int32), "exposed": exposed.astype(float)}
    process = Peer(R_SIDE, arrays | {"penalties": penalties})

    def ours() -> float:
        begin = time.perf_counter()
        last[0] = fit_path(columns, exposed, penalties).fits[-1].objective
        return time.perf_counter() - begin

    def peer() -> float:
        took, objective = process.again()
        if not np.isclose(objective, last[0], rtol=1e-6):
            raise ValueError(f"R ends at another objective: {objective}, not {last[0]}")
        return took

    return ours, peer
