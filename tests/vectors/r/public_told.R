# SPDX-License-Identifier: Apache-2.0
# What the scripts of public data share: each question's answer by R, with the rows and sums that show on which data. No data is written.
suppressPackageStartupMessages({library(survival); library(jsonlite)})
told <- list()
# ``used``: the numbers that the question uses, one row as R's model sees it; only its rows and sums are kept.
say <- function(id, used, ...) told[[id]] <<- list(rows = nrow(used), sums = as.list(colSums(used)), said = list(...))
tight <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15)
fine <- glm.control(epsilon = 1e-15, maxit = 200)
errors <- function(v) sqrt(unname(diag(as.matrix(v))))
described <- function(f) list(beta = unname(coef(f)), error = errors(f$var), log_likelihood = f$loglik[2], null_log_likelihood = f$loglik[1])
keep <- function(name, packages) write(toJSON(list(
  made = c(list(R = as.character(getRversion())), sapply(packages, function(p) as.character(packageVersion(p)), simplify = FALSE)),
  told = told), digits = NA, auto_unbox = TRUE, na = "null"), name)
