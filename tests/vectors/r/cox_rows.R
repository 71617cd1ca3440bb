# SPDX-License-Identifier: Apache-2.0
# Writes cox_rows.json: Cox and Fine-Gray fits by R's survival and cmprsk on data drawn here and on the trial of Freireich 1963.
# Run from this folder: Rscript cox_rows.R
suppressPackageStartupMessages({library(survival); library(cmprsk); library(jsonlite)})
tight <- coxph.control(eps = 1e-13, iter.max = 60, toler.chol = 1e-14)
set.seed(1109)

freireich <- data.frame(
  day = c(1,1,2,2,3,4,4,5,5,8,8,8,8,11,11,12,12,15,17,22,23, 6,6,6,6,7,9,10,10,11,13,16,17,19,20,22,23,25,32,32,34,35),
  event = c(rep(1, 21), 1,1,1,0,1,0,1,0,0,1,1,0,0,0,1,1,0,0,0,0,0), x1 = c(rep(1, 21), rep(0, 21)))

n <- 110
person <- rep(seq_len(n), each = 2)
cut <- sample(3:20, n, replace = TRUE); begin <- sample(0:2, n, replace = TRUE); more <- sample(1:25, n, replace = TRUE)
rows <- data.frame(person = person, entry = as.vector(rbind(begin, cut)), exit = as.vector(rbind(cut, cut + more)))
rows$x1 <- rbinom(2 * n, 1, 0.4)
rows$x2 <- round(rnorm(2 * n, 60, 9), 2)[rep(seq(1, 2 * n, 2), each = 2)]
rows$x3 <- round(rexp(2 * n), 3)
rows$event <- rbinom(2 * n, 1, plogis(-1 + 0.7 * rows$x1 + 0.02 * (rows$x2 - 60)))
rows$strata <- sample(1:3, n, replace = TRUE)[person]
rows$weight <- round(runif(2 * n, 0.3, 2.5), 2)

m <- 160
risk <- data.frame(exit = sample(1:40, m, replace = TRUE), x1 = rbinom(m, 1, 0.5), x2 = round(rnorm(m), 2))
risk$cause <- ifelse(runif(m) < plogis(0.3 + 0.6 * risk$x1), sample(1:2, m, replace = TRUE, prob = c(0.6, 0.4)), 0)
risk$strata <- sample(1:2, m, replace = TRUE)
risk$weight <- round(runif(m, 0.4, 2), 2)
risk$cluster <- sample(1:40, m, replace = TRUE)
apart <- risk; apart$exit <- sample(1:900, m)   # no two on one day: the conventions of ties cannot differ

described <- function(fit) list(beta = unname(coef(fit)), error = sqrt(unname(diag(fit$var))),
  model_error = sqrt(unname(diag(if (is.null(fit$naive.var)) fit$var else fit$naive.var))),
  log_likelihood = fit$loglik[2], null_log_likelihood = fit$loglik[1], score_test = fit$score)
checked <- function(fit) sapply(c("km", "identity", "rank", "log"), function(how) {
  found <- cox.zph(fit, transform = how, terms = FALSE); list(chi2 = unname(found$table[, "chisq"])) }, simplify = FALSE)

cases <- list()
for (ties in c("efron", "breslow")) {
  add <- function(name, fit, test = NULL) cases[[paste(name, ties)]] <<-
    c(list(name = name, ties = ties), described(fit), if (!is.null(test)) list(proportional = checked(test)))
  cox <- function(...) { call <- match.call(); call[[1]] <- quote(coxph); call$data <- quote(rows); call$ties <- ties
    call$control <- quote(tight); eval(call, globalenv()) }
  add("freireich", coxph(Surv(day, event) ~ x1, freireich, ties = ties, control = tight, robust = TRUE),
      coxph(Surv(day, event) ~ x1, freireich, ties = ties, control = tight))
  f <- cox(Surv(exit, event) ~ x1 + x2 + x3); add("plain", f, f)
  f <- cox(Surv(entry, exit, event) ~ x1 + x2 + x3); add("entry", f, f)
  f <- cox(Surv(entry, exit, event) ~ x1 + x2 + x3 + strata(strata)); add("entry strata", f, f)
  add("weight", cox(Surv(exit, event) ~ x1 + x2 + x3, weights = weight, robust = TRUE),
      cox(Surv(exit, event) ~ x1 + x2 + x3, weights = weight, robust = FALSE))
  add("entry strata weight person", cox(Surv(entry, exit, event) ~ x1 + x2 + x3 + strata(strata), weights = weight, cluster = person),
      cox(Surv(entry, exit, event) ~ x1 + x2 + x3 + strata(strata), weights = weight, robust = FALSE))
  add("entry person", cox(Surv(entry, exit, event) ~ x1 + x2 + x3, cluster = person))
}
f <- coxph(Surv(entry, exit, event) ~ x1 + x2 + x3 + strata(strata), data = rows, control = tight)
shoen <- cox.zph(f, transform = "identity", terms = FALSE)
schoenfeld <- list(day = shoen$time, strata = as.integer(shoen$strata), scaled = unname(shoen$y), plain = unname(residuals(f, "schoenfeld")))

gray <- list()
shape <- Surv(fgstart, fgstop, fgstatus) ~ x1 + x2
grayed <- function(name, data, by, ties, weighted = FALSE) {
  data$id <- seq_len(nrow(data)); data$state <- factor(data$cause, 0:2, c("c", "o", "d"))
  use <- if (weighted) data$weight else rep(1, nrow(data)); data$use <- use
  long <<- finegray(Surv(exit, state) ~ ., data = data, etype = "o", id = id, weights = use)
  long$who <<- long[[by]]
  found <- coxph(shape, data = long, weights = fgwt, ties = ties, cluster = who, control = tight)
  gray[[paste(name, ties)]] <<- c(list(name = name, ties = ties), described(found))
}
for (ties in c("efron", "breslow")) {
  grayed("plain", risk, "id", ties)
  grayed("apart", apart, "id", ties)
  grayed("cluster", risk, "cluster", ties)
  grayed("weight", risk, "id", ties, TRUE)
}
both <- risk; both$state <- factor(both$cause, 0:2, c("c", "o", "d")); both$id <- seq_len(m); both$keep <- both$strata
long <- finegray(Surv(exit, state) ~ x1 + x2 + keep + id + strata(strata), data = both, etype = "o", id = id)
gray[["strata efron"]] <- c(list(name = "strata", ties = "efron"),
  described(coxph(Surv(fgstart, fgstop, fgstatus) ~ x1 + x2 + strata(keep), data = long, weights = fgwt, cluster = id, control = tight)))
# An unstratified fit on an expansion by strata is not taken: finegray cuts each stratum at its own events only, so weights lag behind.
by_crr <- function(data) { f <- crr(data$exit, data$cause, as.matrix(data[, c("x1", "x2")]), gtol = 1e-12, maxiter = 60)
  list(beta = unname(f$coef), error = sqrt(unname(diag(f$var)))) }
write(toJSON(list(
  made = list(R = as.character(getRversion()), survival = as.character(packageVersion("survival")), cmprsk = as.character(packageVersion("cmprsk"))),
  freireich = freireich, rows = rows, cases = unname(cases), schoenfeld = schoenfeld,
  risk = risk, apart = apart, fine_gray = unname(gray), crr = list(risk = by_crr(risk), apart = by_crr(apart))),
  digits = NA, auto_unbox = TRUE, dataframe = "columns"), "cox_rows.json")
