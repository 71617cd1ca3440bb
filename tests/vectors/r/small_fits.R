# SPDX-License-Identifier: Apache-2.0
# Writes small_fits.json: meta-analysis by metafor, count regression by glm and MASS, exact tests by stats, on public facts and own draws.
# Run from this folder: Rscript small_fits.R
suppressPackageStartupMessages({library(metafor); library(MASS); library(sandwich); library(jsonlite)})
set.seed(2711)

# Tuberculosis with and without BCG vaccine, 13 trials: Colditz et al., JAMA 1994;271:698.
bcg <- data.frame(
  name = c("Aronson 1948", "Ferguson 1949", "Rosenthal 1960", "Hart 1977", "Frimodt-Moller 1973", "Stein 1953", "Vandiviere 1973",
           "TPT Madras 1980", "Coetzee 1968", "Rosenthal 1961", "Comstock 1974", "Comstock 1969", "Comstock 1976"),
  events1 = c(4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27),
  persons1 = c(123, 306, 231, 13598, 5069, 1541, 2545, 88391, 7499, 1716, 50634, 2498, 16913),
  events0 = c(11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29),
  persons0 = c(139, 303, 220, 12867, 5808, 1451, 629, 88391, 7277, 1665, 27338, 2341, 17854))
rare <- data.frame(name = letters[1:6], events1 = c(0, 2, 0, 5, 1, 3), persons1 = c(40, 55, 60, 120, 33, 80),
  events0 = c(3, 0, 0, 2, 4, 3), persons0 = c(42, 60, 50, 110, 30, 85))
short <- c("odds-ratio" = "OR", "risk-ratio" = "RR", "risk-difference" = "RD")
tight <- list(threshold = 1e-13, maxiter = 1000)

told <- function(f, p = NULL) list(estimate = c(f$beta), error = f$se, lower = f$ci.lb, upper = f$ci.ub, p_value = f$pval, q = f$QE,
  q_p_value = f$QEp, tau_squared = f$tau2, i_squared = f$I2, h_squared = f$H2, prediction = p)
pools <- list(); tables <- list(bcg = bcg, rare = rare)
for (data in names(tables)) for (measure in names(short)) {
  d <- tables[[data]]; m <- short[[measure]]
  own <- escalc(m, ai = events1, n1i = persons1, ci = events0, n2i = persons0, data = d, drop00 = m != "RD")
  own <- own[!is.na(own$yi), ]
  for (method in c("EE", "DL", "REML", "ML")) for (test in c("z", "knha")) {
    if (method == "EE" && test == "knha") next
    f <- rma(yi, vi, data = own, method = method, test = test, control = tight)
    p <- if (method == "EE") NULL else { wide <- qt(0.975, f$k - if (test == "z") 2 else 1) * sqrt(f$tau2 + f$se^2); c(f$beta) + c(-wide, wide) }
    if (test == "knha") { q <- predict(f); stopifnot(abs(q$pi.lb - p[1]) < 1e-12) }
    limits <- if (method == "EE") NULL else confint(f, control = list(tol = 1e-13, maxiter = 10000))$random["tau^2", 2:3]
    pools[[length(pools) + 1]] <- c(list(data = data, measure = measure, method = method, test = test, tau_limits = unname(limits)), told(f, p))
  }
  f <- rma.mh(ai = events1, n1i = persons1, ci = events0, n2i = persons0, data = d, measure = m, drop00 = m != "RD")
  pools[[length(pools) + 1]] <- c(list(data = data, measure = measure, method = "MH", test = "z"), told(f))
}
for (data in names(tables)) {
  f <- rma.peto(ai = events1, n1i = persons1, ci = events0, n2i = persons0, data = tables[[data]], drop00 = TRUE)
  pools[[length(pools) + 1]] <- c(list(data = data, measure = "odds-ratio", method = "PETO", test = "z"), told(f))
}

n <- 90
rows <- data.frame(x1 = rbinom(n, 1, 0.4), x2 = round(rnorm(n, 61, 9), 1), time = round(runif(n, 30, 900)), cluster = sample(1:25, n, TRUE),
  weight = round(runif(n, 0.4, 2.2), 2))
rows$events <- rnbinom(n, mu = rows$time / 365.25 * exp(0.2 + 0.6 * rows$x1 + 0.02 * (rows$x2 - 61)), size = 1.3)
few <- rows; few$events <- rpois(n, rows$time / 200 * exp(0.3 * rows$x1))
few$events[few$events > 4] <- 4
fine <- glm.control(epsilon = 1e-14, maxit = 200)
described <- function(f) list(beta = unname(coef(f)), error = sqrt(unname(diag(vcov(f)))), robust = sqrt(unname(diag(sandwich(f)))),
  clustered = sqrt(unname(diag(vcovCL(f, rows$cluster, type = "HC0", cadjust = FALSE)))), log_likelihood = c(logLik(f)))
shape <- events ~ x1 + x2 + offset(log(time))
counts <- list(
  poisson = described(glm(shape, poisson, rows, control = fine)),
  weighted = described(suppressWarnings(glm(shape, poisson, rows, weights = weight, control = fine))),
  few = described(glm(shape, poisson, few, control = fine)))
f <- glm.nb(shape, rows, control = fine)
for (i in 1:20) { theta <- theta.ml(rows$events, fitted(f), n, limit = 100, eps = 1e-14)
  f <- glm(shape, negative.binomial(c(theta)), rows, control = fine, start = coef(f)) }
class(f) <- c("negbin", class(f)); f$theta <- c(theta); f$SE.theta <- attr(theta, "SE")
f <- glm.nb(shape, rows, control = fine, init.theta = c(theta), start = coef(f))
f$theta <- c(theta)
counts$negative_binomial <- c(described(f), list(theta = c(theta), theta_error = attr(theta, "SE")))

exact <- lapply(list(c(4, 10, 2, 12), c(0, 30, 5, 22.5), c(7, 1200, 0, 900), c(130, 5000, 88, 5100), c(1, 1, 1, 1)), function(g) {
  f <- poisson.test(c(g[1], g[3]), c(g[2], g[4]))
  list(given = g, lower = f$conf.int[1], upper = if (is.finite(f$conf.int[2])) f$conf.int[2] else NULL,
    p_value = min(1, 2 * min(poisson.test(c(g[1], g[3]), c(g[2], g[4]), alternative = "less")$p.value,
                             poisson.test(c(g[1], g[3]), c(g[2], g[4]), alternative = "greater")$p.value))) })
wilson <- lapply(list(c(0, 12), c(56, 70), c(5, 5), c(3, 1000)), function(g) {
  list(given = g, limits = c(suppressWarnings(prop.test(g[1], g[2], correct = FALSE))$conf.int)) })

# Negative controls: the likelihood of Schuemie 2014 by R's optimiser, and one estimate calibrated.
own <- round(runif(25, 0.05, 0.4), 3); seen <- round(rnorm(25, 0.12, sqrt(0.2^2 + own^2)), 3)
loss <- function(p) -sum(dnorm(seen, p[1], sqrt(exp(2 * p[2]) + own^2), log = TRUE))
start <- nlm(loss, c(0, -1), gradtol = 1e-10, steptol = 1e-12, iterlim = 500)$estimate
for (i in 1:5) start <- optim(start, loss, method = "BFGS", control = list(reltol = 1e-16, maxit = 500, ndeps = c(1e-6, 1e-6)))$par
mixed <- rma(seen, own^2, method = "ML", control = tight)
stopifnot(abs(mixed$beta - start[1]) < 1e-6, abs(sqrt(mixed$tau2) - exp(start[2])) < 1e-6)
mu <- c(mixed$beta); sigma <- sqrt(mixed$tau2); wide <- sqrt(sigma^2 + 0.15^2)
size <- integrate(function(x) abs(x) * dnorm(x, mu, sigma), -Inf, 0, rel.tol = 1e-12)$value +
  integrate(function(x) abs(x) * dnorm(x, mu, sigma), 0, Inf, rel.tol = 1e-12)$value
controls <- list(seen = seen, own = own, mean = mu, deviation = sigma, log_likelihood = c(logLik(mixed)), expected = size,
  p_value = 2 * pnorm(-abs(0.5 - mu) / wide), limits = 0.5 - mu + c(-1, 1) * qnorm(0.975) * wide)

made <- sapply(c("metafor", "MASS", "sandwich", "stats"), function(p) as.character(packageVersion(p)), simplify = FALSE)
write(toJSON(list(made = made, bcg = bcg, rare = rare, pools = pools, rows = rows, few = few$events, counts = counts, exact = exact,
  wilson = wilson, controls = controls), digits = NA, auto_unbox = TRUE, dataframe = "columns", null = "null"), "small_fits.json")
