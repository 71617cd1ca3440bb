# Matched sets against survival::clogit: writes clogit.json. Rscript clogit.R, in this folder. Data drawn here, nobody's.
suppressMessages({library(survival); library(jsonlite)})
set.seed(606)
draw <- function(sizes, cases) {
  d <- data.frame(set = rep(seq_along(sizes), sizes))
  d$drug <- rbinom(nrow(d), 1, 0.3)
  d$bmi <- round(rnorm(nrow(d), 25, 4), 1)
  d$smoker <- rbinom(nrow(d), 2, 0.3)
  u <- 0.8 * d$drug + 0.05 * d$bmi - log(-log(runif(nrow(d))))
  d$case <- as.integer(ave(-u, d$set, FUN = rank) <= cases[d$set])
  d$past <- as.integer(d$smoker == 1); d$now <- as.integer(d$smoker == 2)
  d[, c("set", "case", "drug", "bmi", "past", "now")]
}
told <- function(d, method) {
  m <- clogit(case ~ drug + bmi + past + now + strata(set), d, method = method,
              control = coxph.control(eps = 1e-11, toler.chol = 1e-12, iter.max = 100))
  list(beta = unname(coef(m)), error = unname(sqrt(diag(vcov(m)))), log_likelihood = m$loglik[2], null = m$loglik[1])
}
several <- function(d, methods) list(data = d, fits = setNames(lapply(methods, function(m) told(d, m)), methods))
many <- draw(sample(8:11, 40, TRUE), sample(1:7, 40, TRUE))
out <- list(
  made_with = list(R = R.version.string, survival = as.character(packageVersion("survival"))),
  one_to_three = several(draw(rep(4, 60), rep(1, 60)), c("exact", "efron", "breslow", "approximate")),
  many_cases = several(many, c("exact", "efron", "breslow", "approximate")))
crossover <- function(n, or, trend) {
  d <- data.frame(set = rep(seq_len(n), each = 4), case = rep(c(1, 0, 0, 0), n))
  d$drug <- rbinom(4 * n, 1, plogis(-1 + trend * d$case + log(or) * d$case))
  d
}
ctc <- rbind(cbind(crossover(80, 2, 0.3), is_case = 1), cbind(crossover(90, 1, 0.3), is_case = 0))
ctc$set <- ctc$set + 1000 * ctc$is_case
m <- clogit(case ~ drug + I(drug * is_case) + strata(set), ctc, control = coxph.control(eps = 1e-11, toler.chol = 1e-12, iter.max = 100))
out$case_time_control <- list(data = ctc, beta = unname(coef(m)[2]), error = unname(sqrt(vcov(m)[2, 2])))
write(toJSON(out, dataframe = "columns", digits = NA, auto_unbox = TRUE), "clogit.json")
