# SPDX-License-Identifier: Apache-2.0
# Writes score_uses.json: matching by MatchIt, weighted contrasts by lm + sandwich and survfit, pooled logistic by glm + sandwich.
# Data drawn here, nobody's. Run from this folder: Rscript score_uses.R
suppressPackageStartupMessages({library(MatchIt); library(sandwich); library(survival); library(jsonlite)})
set.seed(612)
n <- 140
d <- data.frame(age = round(rnorm(n, 60, 9), 1), sex = rbinom(n, 1, 0.5))
d$treated <- rbinom(n, 1, plogis(-0.9 + 0.05 * (d$age - 60) + 0.5 * d$sex))
d$score <- signif(fitted(glm(treated ~ age + sex, binomial, d)) + runif(n, 0, 1e-3), 8)
d <- d[order(-d$score), ]                 # the largest first: MatchIt's order "data" is then ours "largest"
d$logit <- qlogis(d$score)
d$y <- rbinom(n, 1, plogis(-1 + 0.6 * d$treated + 0.03 * (d$age - 60)))
d$day <- sample(5:90, n, TRUE); d$event <- rbinom(n, 1, 0.7); d$entry <- sample(0:4, n, TRUE)
d$unit <- sample(1:50, n, TRUE)
rownames(d) <- seq_len(n)

# MatchIt 4.5.1 on a vector of scores takes pairs beyond its caliper, and one comparator twice with ratio > 1: a matrix of distances
# takes its sound path, and "data" order on sorted rows gives the order. Of the vector's match only caliper and balance are compared.
pairs <- function(rows, scale, ratio, replace, caliper) {
  one <- rows[rows$treated == 1, ]; other <- rows[rows$treated == 0, ]
  far <- abs(outer(one[[scale]], other[[scale]], "-")); dimnames(far) <- list(rownames(one), rownames(other))
  width <- caliper * sd(rows[[scale]])
  inside <- far <= width
  if (!replace) far[!inside] <- Inf       # with replacement Inf brings R down; a caliper then only takes pairs away
  m <- suppressWarnings(matchit(treated ~ age, rows, distance = far, ratio = ratio, replace = replace, m.order = "data"))
  mm <- m$match.matrix
  p <- data.frame(treated = as.integer(rep(rownames(mm), ncol(mm))), comparator = as.integer(mm))
  p <- p[!is.na(p$comparator), ]
  p[inside[cbind(as.character(p$treated), as.character(p$comparator))], ]
}
back <- d[rev(seq_len(n)), ]
matched <- list()
for (scale in c("score", "logit")) for (ratio in 1:3) for (replace in c(FALSE, TRUE)) for (caliper in c(0.1, 0.6, NA)) for (order in c("largest", "smallest")) {
  p <- pairs(if (order == "largest") d else back, scale, ratio, replace, if (is.na(caliper)) Inf else caliper)
  matched[[length(matched) + 1]] <- list(scale = scale, ratio = ratio, replace = replace, caliper = caliper, order = order, pairs = p)
}
v <- matchit(treated ~ age + sex, d, distance = d$score, m.order = "largest", caliper = 0.2)
told <- summary(v, standardize = TRUE)
sub <- matchit(treated ~ age + sex, d, method = "subclass", distance = d$score, subclass = 4, min.n = 0)
sub_sum <- summary(sub)
vector <- list(caliper = unname(v$caliper), weights = unname(v$weights), before = told$sum.all[c("age", "sex"), 1:4], after = told$sum.matched[c("age", "sex"), 1:4])

e <- d$score; t <- d$treated
w <- list(all = t / e + (1 - t) / (1 - e), treated = t + (1 - t) * e / (1 - e), overlap = t * (1 - e) + (1 - t) * e,
          matching = pmin(e, 1 - e) / (t * e + (1 - t) * (1 - e)))
contrasts <- lapply(w, function(w) {
  m <- lm(y ~ treated, d, weights = w); g <- suppressWarnings(glm(y ~ treated, quasipoisson, d, weights = w, epsilon = 1e-14))
  rate <- suppressWarnings(glm(event ~ treated + offset(log(day)), poisson, d, weights = w, epsilon = 1e-14))
  list(weight = w, means = unname(c(sum(coef(m)), coef(m)[1])), difference = unname(coef(m)[2]), error = sqrt(vcovHC(m, type = "HC0")[2, 2]),
       unit_error = sqrt(vcovCL(m, cluster = d$unit, type = "HC0", cadjust = FALSE)[2, 2]),
       log_ratio = unname(coef(g)[2]), log_ratio_error = sqrt(sandwich(g)[2, 2]),
       log_rate = unname(coef(rate)[2]), log_rate_error = sqrt(sandwich(rate)[2, 2]))
})
horizons <- c(20, 45, 70)
curve <- function(clustered) lapply(split(data.frame(d, w = w$all), d$treated), function(a) {
  s <- if (clustered) survfit(Surv(entry, day, event) ~ 1, a, weights = w, cluster = unit, robust = TRUE)
       else survfit(Surv(day, event) ~ 1, a, weights = w, robust = TRUE, id = seq_len(nrow(a)))
  k <- summary(s, times = horizons); list(risk = 1 - k$surv, error = k$std.err)
})

# Person-months: two covariates, time as a square, weights and persons.
persons <- 120; months <- 8
long <- expand.grid(month = 0:(months - 1), person = seq_len(persons)); long$a <- rbinom(persons, 1, 0.5)[long$person]
long$l <- rbinom(persons, 2, 0.4)[long$person]; long$y <- rbinom(nrow(long), 1, plogis(-2.4 + 0.5 * long$a + 0.4 * long$l + 0.05 * long$month))
long <- long[ave(long$y, long$person, FUN = function(y) c(0, cumsum(y)[-length(y)])) == 0, ]
long$w <- round(runif(nrow(long), 0.5, 2), 2)
m <- suppressWarnings(glm(y ~ a + l + month + I(month^2), binomial, long, weights = w, epsilon = 1e-15))
plain <- glm(y ~ a + l + month + I(month^2), binomial, long, epsilon = 1e-15)
robust <- vcovCL(m, cluster = long$person, type = "HC0", cadjust = FALSE)
first <- long[long$month == 0, ]
risk <- function(beta, a) { s <- rep(1, nrow(first)); sapply(0:(months - 1), function(u) {
  s <<- s * (1 - plogis(drop(cbind(1, a, first$l, u, u^2) %*% beta))); 1 - mean(s) }) }
slope <- function(f) { b <- coef(m); sapply(seq_along(b), function(j) { h <- 1e-5; up <- b; up[j] <- b[j] + h; down <- b; down[j] <- b[j] - h
  (f(up) - f(down)) / (2 * h) }) }
at_end <- function(b, a) risk(b, a)[months]
g1 <- slope(function(b) at_end(b, 1)); g0 <- slope(function(b) at_end(b, 0))
point <- glm(y ~ treated + age + sex, binomial, d, epsilon = 1e-15)
x1 <- cbind(1, 1, d$age, d$sex); x0 <- cbind(1, 0, d$age, d$sex); p1 <- plogis(drop(x1 %*% coef(point))); p0 <- plogis(drop(x0 %*% coef(point)))
infl <- estfun(point) %*% bread(point) / n
if1 <- drop(infl %*% colMeans(p1 * (1 - p1) * x1)) + (p1 - mean(p1)) / n; if0 <- drop(infl %*% colMeans(p0 * (1 - p0) * x0)) + (p0 - mean(p0)) / n

write(toJSON(list(
  made = list(R = as.character(getRversion()), MatchIt = as.character(packageVersion("MatchIt")), sandwich = as.character(packageVersion("sandwich")), survival = as.character(packageVersion("survival"))),
  data = d, matched = matched, vector = vector, strata = list(number = as.integer(sub$subclass) - 1, weights = unname(sub$weights), after = sub_sum$sum.across[c("age", "sex"), 1:3]),
  contrasts = contrasts, horizons = horizons, curves = curve(FALSE), clustered = curve(TRUE),
  quantiles = list(treated = quantile(e[t == 1], 0.05), comparator = quantile(e[t == 0], 0.95)),
  months = long, pooled = list(beta = unname(coef(m)), error = unname(sqrt(diag(robust))), plain_beta = unname(coef(plain)), plain_error = unname(sqrt(diag(vcov(plain)))),
    treated = risk(coef(m), 1), comparator = risk(coef(m), 0), errors = sqrt(c(g1 %*% robust %*% g1, g0 %*% robust %*% g0, (g1 - g0) %*% robust %*% (g1 - g0)))),
  point = list(risks = c(mean(p1), mean(p0)), errors = sqrt(c(sum(if1^2), sum(if0^2), sum((if1 - if0)^2))))),
  dataframe = "columns", digits = NA, auto_unbox = TRUE, na = "null"), "score_uses.json")
