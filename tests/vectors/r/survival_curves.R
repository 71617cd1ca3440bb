# SPDX-License-Identifier: Apache-2.0
# Writes survival_curves.json: curves, restricted means, log-rank and Gray's tests by R's survival and cmprsk, on data drawn here and on
# the trial of Freireich 1963. Run from this folder: Rscript survival_curves.R
suppressPackageStartupMessages({library(survival); library(cmprsk); library(jsonlite)})
set.seed(1905)

freireich <- data.frame(
  exit = c(1,1,2,2,3,4,4,5,5,8,8,8,8,11,11,12,12,15,17,22,23, 6,6,6,6,7,9,10,10,11,13,16,17,19,20,22,23,25,32,32,34,35),
  status = c(rep(1, 21), 1,1,1,0,1,0,1,0,0,1,1,0,0,0,1,1,0,0,0,0,0), arm = c(rep(0, 21), rep(1, 21)))

n <- 180
rows <- data.frame(arm = sample(0:2, n, TRUE, c(0.4, 0.35, 0.25)), stratum = sample(1:4, n, TRUE), entry = sample(0:6, n, TRUE))
span <- ceiling(rexp(n, 0.06 * c(1, 1.7, 0.8)[rows$arm + 1]))
rows$exit <- rows$entry + pmin(span, sample(4:30, n, TRUE))
rows$status <- ifelse(rows$exit < rows$entry + span, 0, sample(1:3, n, TRUE, c(0.5, 0.35, 0.15)))
whole <- rows; whole$entry <- 0                       # the same, all followed from day 0
apart <- whole; apart$exit <- sample(1:900, n)        # no two on one day
two <- subset(whole, arm < 2); two$status <- pmin(two$status, 2)

steps <- function(fit, days) lapply(c(value = "surv", error = "std.err", lower = "lower", upper = "upper"),
  function(part) unname(summary(fit, times = days, extend = TRUE)[[part]]))
km <- function(data, how, days, cause = NULL) {
  data$event <- if (is.null(cause)) data$status > 0 else data$status == cause
  lapply(split(data, data$arm), function(d) c(list(days = days),
    steps(survfit(Surv(entry, exit, event) ~ 1, d, conf.type = how), days)))
}
aj <- function(data, how, days) lapply(split(data, data$arm), function(d) {
  d$state <- factor(d$status, 0:max(data$status)); d$id <- seq_len(nrow(d))
  fit <- if (all(d$entry == 0)) survfit(Surv(exit, state) ~ 1, d, conf.type = how) else
    survfit(Surv(entry, exit, state) ~ 1, d, id = id, conf.type = how)
  at <- summary(fit, times = days, extend = TRUE)
  c(list(days = days), lapply(c(value = "pstate", error = "std.err", lower = "lower", upper = "upper"),
    function(part) unname(at[[part]][, -1])))
})
gray <- function(data, days, ...) {
  found <- cuminc(data$exit, data$status, data$arm, ...)
  at <- timepoints(found[names(found) != "Tests"], days)
  list(chi2 = unname(found$Tests[, "stat"]), df = unname(found$Tests[, "df"]), p = unname(found$Tests[, "pv"]),
       days = days, curves = rownames(at$est), est = unname(at$est), var = unname(at$var))
}
ranked <- function(formula, data) {
  found <- survdiff(formula, data)
  sum_of <- function(x) if (is.matrix(x)) rowSums(x) else x
  list(chi2 = found$chisq, observed = unname(sum_of(found$obs)), expected = unname(sum_of(found$exp)), variance = unname(found$var))
}
# survdiff takes no late entry: each day's risk set is a stratum of its own, in which all are followed for one day.
days_apart <- do.call(rbind, lapply(sort(unique(rows$exit[rows$status > 0])), function(day) {
  here <- subset(rows, entry < day & exit >= day)
  data.frame(arm = here$arm, stratum = here$stratum, day = day, one = 1, event = here$exit == day & here$status > 0)
}))
mean_to <- function(data, horizon) lapply(split(data, data$arm), function(d)
  unname(summary(survfit(Surv(entry, exit, status > 0) ~ 1, d), rmean = horizon)$table[c("rmean", "se(rmean)")]))
freireich$entry <- 0
days <- c(1, 3, 6, 7, 10, 13, 16, 19, 22)

sets <- list(freireich = freireich, rows = rows, whole = whole, apart = apart, two = two)
write(toJSON(list(
  made_with = list(R = R.version.string, survival = as.character(packageVersion("survival")), cmprsk = as.character(packageVersion("cmprsk"))),
  data = sets,
  km = list(
    freireich = list("log-log" = km(freireich, "log-log", days), plain = km(freireich, "plain", days)),
    rows = list("log-log" = km(rows, "log-log", days), plain = km(rows, "plain", days)),
    cause = list("log-log" = km(rows, "log-log", days, 1), plain = km(rows, "plain", days, 1))),
  aj = list(
    whole = list("log-log" = aj(whole, "log-log", days), plain = aj(whole, "plain", days)),
    rows = list("log-log" = aj(rows, "log-log", days), plain = aj(rows, "plain", days)),
    apart = list("log-log" = aj(apart, "log-log", days * 30))),
  gray = list(whole = gray(whole, days), strata = gray(whole, days, strata = whole$stratum), apart = gray(apart, days * 30), two = gray(two, days)),
  log_rank = list(
    freireich = ranked(Surv(exit, status) ~ arm, freireich), whole = ranked(Surv(exit, status > 0) ~ arm, whole),
    cause = ranked(Surv(exit, status == 1) ~ arm, whole), strata = ranked(Surv(exit, status > 0) ~ arm + strata(stratum), whole)),
  late = list(rows = ranked(Surv(one, event) ~ arm + strata(day), days_apart),
              strata = ranked(Surv(one, event) ~ arm + strata(day, stratum), days_apart)),
  mean = list(freireich = mean_to(freireich, 22), rows = mean_to(rows, 25), apart = mean_to(apart, 700))),
  dataframe = "columns", digits = I(12), auto_unbox = TRUE, na = "string"), "survival_curves.json")
