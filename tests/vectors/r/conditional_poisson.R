# Counts by commune and day against an exposure with lags: gnm with the strata eliminated. Writes conditional_poisson.json, in this folder.
suppressMessages({library(gnm); library(jsonlite)})
set.seed(608)
days <- 0:211; places <- 4; before <- 6                    # the series of exposure begins six days before 2003-06-01 (day 12204)
pm <- t(replicate(places, round(20 + 8 * sin(seq_len(length(days) + before) / 30) + rnorm(length(days) + before, 0, 6), 2)))
d <- expand.grid(day = 12204L + days, place = 1:places)
population <- c(900, 4000, 15000, 60000)
d$date <- as.Date(d$day, origin = "1970-01-01")
d$population <- population[d$place] + (d$day %% 50)
lag <- t(mapply(function(p, t) pm[p, t - 12204 + before + 1 - 0:6], d$place, d$day))
d$heat <- round(rnorm(nrow(d), 0, 1), 2)
effect <- c(0.020, 0.012, 0.006, 0.003, 0, 0, 0)
d$count <- rnbinom(nrow(d), mu = d$population / 20000 * exp(drop(lag %*% effect) - 0.8 + 0.1 * d$heat), size = 4)
d$stratum <- factor(paste(d$place, format(d$date, "%Y-%m"), d$day %% 7))
almon <- outer(0:6, 0:2, `^`)
x <- lag %*% almon
told <- function(family, basis) {
  d$x <- lag %*% basis
  kept <- ave(d$count, d$stratum, FUN = sum) > 0
  d <- d[kept, ]; d$stratum <- droplevels(d$stratum)
  m <- gnm(count ~ x + heat + offset(log(population)), eliminate = stratum, family = family, data = d,
           tolerance = 1e-12, iterMax = 1000, verbose = FALSE)
  k <- ncol(basis); v <- vcov(m)[1:k, 1:k]; b <- coef(m)[1:k]
  list(beta = unname(coef(m)), error = unname(sqrt(diag(vcov(m)))), dispersion = summary(m)$dispersion,
       lag_beta = drop(basis %*% b), lag_error = sqrt(diag(basis %*% v %*% t(basis))),
       total = sum(basis %*% b), total_error = sqrt(sum(basis %*% v %*% t(basis))))
}
steps <- cbind(1 * (0:6 < 2), 1 * (0:6 >= 2))
write(toJSON(list(
  made_with = list(R = R.version.string, gnm = as.character(packageVersion("gnm"))),
  pm = pm, before = before, day = d$day, place = d$place - 1, population = d$population, heat = d$heat, count = d$count,
  poisson = told(poisson, diag(7)), quasi = told(quasipoisson, diag(7)), almon = told(quasipoisson, almon),
  steps = told(quasipoisson, steps)), dataframe = "columns", digits = NA, auto_unbox = TRUE), "conditional_poisson.json")
