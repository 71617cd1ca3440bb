# SPDX-License-Identifier: Apache-2.0
# Writes public_scores.json: propensity scores, matching, strata, weights and standardised risks on public data by glm, glmnet, MatchIt,
# sandwich and survival. FOLDER holds the data that R lacks (python -m tests.vectors.public_data FOLDER). Run here: Rscript public_scores.R FOLDER
source("public_told.R"); suppressPackageStartupMessages({library(MASS); library(sandwich); library(MatchIt); library(glmnet)})
frame <- function(...) data.frame(..., check.names = FALSE)
read <- function(name) read.csv(file.path(commandArgs(TRUE)[1], paste0(name, ".csv")))
score <- function(d, terms) glm(as.formula(paste("treated ~", paste(terms, collapse = "+"))), binomial, d, control = fine)
logit <- function(id, d, terms) { f <- score(d, terms); say(id, d, beta = unname(coef(f)), error = errors(vcov(f)), log_likelihood = c(logLik(f))); f }
lasso <- function(id, d, terms, penalties) { x <- as.matrix(d[terms]); y <- d$treated
  f <- glmnet(x, y, family = "binomial", standardize = FALSE, lambda = penalties / length(y), thresh = 1e-15, maxit = 1e7)
  b <- as.matrix(f$beta); value <- sapply(seq_along(penalties), function(k) { eta <- drop(f$a0[k] + x %*% b[, k]); sum(log1p(exp(eta)) - y * eta) + penalties[k] * sum(abs(b[, k])) })
  say(id, d, objective = value, beta = unname(b[, length(penalties)]), intercept = unname(f$a0[length(penalties)])) }
contrast <- function(id, d, w, y) { m <- lm(d[[y]] ~ d$treated, weights = w)
  say(id, d, weight = c(sum(w), sum(w^2)), means = unname(c(sum(coef(m)), coef(m)[1])), difference = unname(coef(m)[2]), error = sqrt(vcovHC(m, type = "HC0")[2, 2])) }

l <- with(lalonde, frame(treated = treat, age, educ, black = as.integer(race == "black"), hispan = as.integer(race == "hispan"), married, nodegree, re74 = re74 / 1000, re75 = re75 / 1000))
terms <- names(l)[-1]; f <- logit("lalonde-logistic", l, terms); e <- fitted(f); l$earned <- lalonde$re78 / 1000; t <- l$treated
contrast("lalonde-weights-treated", l, t + (1 - t) * e / (1 - e), "earned"); contrast("lalonde-weights-overlap", l, t * (1 - e) + (1 - t) * e, "earned")
# MatchIt with distances as a matrix, rows sorted by falling score (see score_uses.R): pairs within 0.2 standard deviations of the logit.
d <- l[order(-e), ]; z <- qlogis(sort(e, decreasing = TRUE)); rownames(d) <- seq_len(nrow(d)); one <- d$treated == 1
far <- abs(outer(z[one], z[!one], "-")); dimnames(far) <- list(rownames(d)[one], rownames(d)[!one]); far[far > 0.2 * sd(z)] <- Inf
m <- suppressWarnings(matchit(treated ~ age, d, distance = far, m.order = "data")); mm <- as.integer(m$match.matrix); k <- !is.na(mm)
told_of <- function(rows) colMeans(d[rows, c("age", "educ", "black", "married", "re74", "earned")])
say("lalonde-matching", l, pairs = sum(k), treated = unname(told_of(which(one)[k])), comparator = unname(told_of(mm[k])), caliper = 0.2 * sd(z))
sub <- matchit(as.formula(paste("treated ~", paste(terms, collapse = "+"))), l, method = "subclass", distance = e, subclass = 5, min.n = 0)
say("lalonde-strata", l, sizes = as.vector(table(sub$subclass)), treated = as.vector(table(sub$subclass[t == 1])), difference = unname(summary(sub, standardize = TRUE)$sum.across[terms, 3]))
lasso("lalonde-l1", l, c("black", "hispan", "married", "nodegree"), c(20, 10, 5, 2, 1))

b <- with(birthwt, frame(treated = smoke, white = as.integer(race == 1), black = as.integer(race == 2), premature = as.integer(ptl > 0), tension = ht, irritable = ui,
  visited = as.integer(ftv > 0), young = as.integer(age < 20), light = as.integer(lwt < 110)))
lasso("birthwt-l1", b, names(b)[-1], c(8, 4, 2, 1, 0.5))
invisible(logit("birthwt-logistic", with(birthwt, frame(treated = low, age, lwt, smoke, ht, ui)), c("age", "lwt", "smoke", "ht", "ui")))
invisible(logit("pima-logistic", with(Pima.te, frame(treated = as.integer(type == "Yes"), npreg, glu, bp, skin, bmi, ped, age)), c("npreg", "glu", "bp", "skin", "bmi", "ped", "age")))

# NHEFS: Hernán and Robins, Causal Inference: What If, chapter 12 (weights) and 17 (weighted pooled logistic, survival).
covariates <- function(n) with(n, frame(treated = qsmk, sex, race, age, age2 = age^2 / 100, e2 = as.integer(education == 2), e3 = as.integer(education == 3), e4 = as.integer(education == 4),
  e5 = as.integer(education == 5), cigarettes = smokeintensity, cigarettes2 = smokeintensity^2 / 100, years = smokeyrs, years2 = smokeyrs^2 / 100,
  some = as.integer(exercise == 1), none = as.integer(exercise == 2), moderate = as.integer(active == 1), idle = as.integer(active == 2), weight = wt71, weight2 = wt71^2 / 100))
n <- read("nhefs_complete"); d <- covariates(n); terms <- names(d)[-1]; e <- fitted(logit("nhefs-logistic", d, terms)); t <- d$treated; d$gained <- n$wt82_71
contrast("nhefs-weights", d, (t * mean(t) / e) + (1 - t) * (1 - mean(t)) / (1 - e), "gained")
n <- read("nhefs"); d <- covariates(n); e <- fitted(score(d, terms)); t <- d$treated; d$w <- t * mean(t) / e + (1 - t) * (1 - mean(t)) / (1 - e)
months <- ifelse(n$death == 0, 120, (n$yrdth - 83) * 12 + n$modth)
long <- frame(person = rep(seq_along(months), months), month = sequence(months) - 1); long$y <- as.integer(long$month == months[long$person] - 1 & n$death[long$person] == 1)
long$a <- t[long$person]; long$w <- d$w[long$person]; long$year <- long$month / 12
p <- suppressWarnings(glm(y ~ a * (year + I(year^2)), binomial, long, weights = w, control = fine))
curve <- function(a) { u <- (0:119) / 12; 1 - cumprod(1 - plogis(drop(cbind(1, a, u, u^2, a * u, a * u^2) %*% coef(p))))[c(60, 120)] }
say("nhefs-pooled", long, beta = unname(coef(p)), error = errors(vcovCL(p, cluster = long$person, type = "HC0", cadjust = FALSE)), treated = curve(1), comparator = curve(0))
s <- function(a) { k <- summary(survfit(Surv(day, event) ~ 1, data.frame(day = months, event = n$death, w = d$w)[t == a, ], weights = w, robust = TRUE, id = seq_len(sum(t == a))), times = c(60, 120)); list(risk = 1 - k$surv, error = k$std.err) }
say("nhefs-survival", frame(day = months, event = n$death, treated = t, w = d$w), treated = s(1)$risk, treated_error = s(1)$error, comparator = s(0)$risk, comparator_error = s(0)$error)

# A marginal structural model: each visit of pbcseq a period, spiders the treatment, bilirubin what changes; weights are running products.
q <- pbcseq[!is.na(pbcseq$spiders), ]; q <- q[order(q$id, q$day), ]; q$period <- ave(q$day, q$id, FUN = seq_along) - 1
q <- with(q, frame(person = id, period, treated = as.integer(spiders), before = ave(as.integer(spiders), id, FUN = function(s) c(0, s[-length(s)])), age, bili = log(bili)))
top <- glm(treated ~ before + age + period, binomial, q, control = fine); below <- glm(treated ~ before + age + period + bili, binomial, q, control = fine)
own <- function(f) ifelse(q$treated == 1, fitted(f), 1 - fitted(f)); w <- ave(own(top) / own(below), q$person, FUN = cumprod)
mean_by <- as.vector(tapply(w, q$period, mean)); held <- pmin(pmax(w, quantile(w, 0.01)), quantile(w, 0.99))
say("pbcseq-weights", q, mean = mean_by, largest = max(w), truncated = c(sum(held), max(held), min(held)))
keep("public_scores.json", c("MASS", "sandwich", "survival", "MatchIt", "glmnet"))
