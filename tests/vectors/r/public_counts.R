# SPDX-License-Identifier: Apache-2.0
# Writes public_counts.json: counts, matched sets, strata and case series on public data by glm, MASS, sandwich, clogit and gnm.
# Run here: Rscript public_counts.R
source("public_told.R"); suppressPackageStartupMessages({library(MASS); library(sandwich); library(gnm)})
frame <- function(...) data.frame(..., check.names = FALSE)
regression <- function(f, cluster = NULL) c(list(beta = unname(coef(f)), error = errors(vcov(f)), robust = errors(sandwich(f)), log_likelihood = c(logLik(f))),
  if (!is.null(cluster)) list(clustered = errors(vcovCL(f, cluster, type = "HC0", cadjust = FALSE))))
# d: events, time, covariates; all covariates enter.
poisson_of <- function(id, d, terms) { f <- glm(as.formula(paste("events ~ offset(log(time)) +", paste(terms, collapse = "+"))), poisson, d, control = fine)
  do.call(say, c(list(paste0(id, "-poisson"), d), regression(f, d$cluster))) }
negative_of <- function(id, d, terms) {
  shape <- as.formula(paste("events ~ offset(log(time)) +", paste(terms, collapse = "+")))
  f <- glm.nb(shape, d, control = fine)
  for (i in 1:20) { theta <- theta.ml(d$events, fitted(f), nrow(d), limit = 100, eps = 1e-14)
    f <- glm(shape, negative.binomial(c(theta)), d, control = fine, start = coef(f)) }
  n <- glm.nb(shape, d, control = fine, init.theta = c(theta), start = coef(f)); n$theta <- c(theta)
  said <- regression(n); said$theta <- c(theta); said$theta_error <- attr(theta, "SE")
  do.call(say, c(list(paste0(id, "-negative-binomial"), d), said)) }
q <- with(quine, frame(events = Days, time = 1, other = as.integer(Eth == "N"), male = as.integer(Sex == "M"), one = as.integer(Age == "F1"),
  two = as.integer(Age == "F2"), three = as.integer(Age == "F3"), slow = as.integer(Lrn == "SL")))
poisson_of("quine", q, names(q)[-(1:2)]); negative_of("quine", q, names(q)[-(1:2)])
s <- with(ships[ships$service > 0, ], frame(events = incidents, time = service, b = as.integer(type == "B"), c = as.integer(type == "C"), d = as.integer(type == "D"),
  e = as.integer(type == "E"), y65 = as.integer(year == 65), y70 = as.integer(year == 70), y75 = as.integer(year == 75), late = as.integer(period == 75)))
poisson_of("ships", s, names(s)[-(1:2)])
e <- with(epil, frame(events = y, time = 1, treated = as.integer(trt == "progabide"), lbase, lage, V4, cluster = subject))
poisson_of("epil", e, c("treated", "lbase", "lage", "V4")); negative_of("epil", e[-7], c("treated", "lbase", "lage", "V4"))
i <- with(Insurance, frame(events = Claims, time = Holders, d2 = as.integer(District == 2), d3 = as.integer(District == 3), d4 = as.integer(District == 4),
  group = as.integer(Group), age = as.integer(Age)))
poisson_of("insurance", i, names(i)[-(1:2)])
w <- with(warpbreaks, frame(events = breaks, time = 1, b = as.integer(wool == "B"), medium = as.integer(tension == "M"), high = as.integer(tension == "H")))
poisson_of("warpbreaks", w, names(w)[-(1:2)]); negative_of("warpbreaks", w, names(w)[-(1:2)])

# Counts by pattern: logistic regression.
counted <- function(id, d, terms) { f <- glm(as.formula(paste("cbind(events, n - events) ~", paste(terms, collapse = "+"))), binomial, d, control = fine)
  say(id, d, beta = unname(coef(f)), error = errors(vcov(f))) }
es <- with(esoph, frame(events = ncases, n = ncases + ncontrols, age = as.integer(agegp), alcohol = as.integer(alcgp), tobacco = as.integer(tobgp)))
counted("esoph-pooled", es[es$n > 0, ], c("age", "alcohol", "tobacco"))
t <- aggregate(cbind(events = Freq * (Survived == "Yes"), n = Freq) ~ Class + Sex + Age, as.data.frame(Titanic), sum)
counted("titanic-pooled", with(t[t$n > 0, ], frame(events, n, second = as.integer(Class == "2nd"), third = as.integer(Class == "3rd"), crew = as.integer(Class == "Crew"),
  female = as.integer(Sex == "Female"), adult = as.integer(Age == "Adult"))), c("second", "third", "crew", "female", "adult"))
u <- aggregate(cbind(events = Freq * (Admit == "Admitted"), n = Freq) ~ Gender + Dept, as.data.frame(UCBAdmissions), sum)
u <- with(u, frame(events, n, female = as.integer(Gender == "Female"), B = as.integer(Dept == "B"), C = as.integer(Dept == "C"), D = as.integer(Dept == "D"),
  E = as.integer(Dept == "E"), F = as.integer(Dept == "F")))
counted("admissions-pooled", u, names(u)[-(1:2)])

# Matched sets.
matched <- function(id, d, terms, ties = "exact") {
  f <- clogit(as.formula(paste("case ~", paste(terms, collapse = "+"), "+ strata(set)")), d, method = ties, control = tight)
  do.call(say, c(list(id, d), described(f))) }
matched("infert-clogit", with(infert, frame(set = stratum, case, spontaneous, induced)), c("spontaneous", "induced"))
k <- nrow(logan); alike <- levels(logan$occupation)
l <- data.frame(set = rep(seq_len(k), length(alike)), of = factor(rep(alike, each = k), levels = alike), own = rep(logan$occupation, length(alike)),
  education = rep(logan$education, length(alike)))
d <- with(l, frame(set, case = as.integer(own == of)))
for (word in c("craftsmen", "operatives", "professional", "sales")) d[[word]] <- as.integer(l$of == word)
for (word in c("craftsmen", "operatives", "professional", "sales")) d[[paste0(word, "_e")]] <- l$education * d[[word]]
matched("logan-clogit", d, names(d)[-(1:2)])
b <- with(bacteria, frame(set = as.integer(ID), case = as.integer(y == "y"), late = as.integer(week > 2), drug = as.integer(trt != "placebo")))
matched("bacteria-clogit", b[1:3], "late")
f <- clogit(case ~ late * drug + strata(set), b, control = tight, method = "exact")
say("bacteria-case-time-control", b, beta = unname(coef(f)["late:drug"]), error = sqrt(vcov(f)["late:drug", "late:drug"]))
for (ties in c("exact", "efron", "breslow")) matched(paste0("birthwt-clogit-", ties),
  with(birthwt[birthwt$age %in% names(which(tapply(birthwt$low, birthwt$age, function(x) any(x == 1) && any(x == 0)))), ],
       frame(set = age, case = low, smoke, ui, lwt)), c("smoke", "ui", "lwt"), ties)

# Strata eliminated: conditional Poisson.
strata_of <- function(id, d, terms, family) { f <- gnm(as.formula(paste("events ~", paste(terms, collapse = "+"), if ("time" %in% names(d)) "+ offset(log(time))")),
    eliminate = factor(set), family = family, data = d, tolerance = 1e-13, iterMax = 1000, verbose = FALSE)
  say(id, d, beta = unname(coef(f)), error = errors(vcov(f)), dispersion = summary(f)$dispersion) }
sb <- as.data.frame(Seatbelts); sb <- with(sb, frame(set = rep(1:12, length.out = nrow(sb)), events = DriversKilled, law, kms = kms / 1000, petrol = PetrolPrice))
strata_of("seatbelts-conditional", sb, c("law", "kms", "petrol"), "poisson"); strata_of("seatbelts-quasi", sb, c("law", "kms", "petrol"), "quasipoisson")
ep <- with(epil, frame(set = subject, events = y, last = V4, last_treated = V4 * (trt == "progabide")))
ep <- ep[ave(ep$events, ep$set, FUN = sum) > 0, ]
strata_of("epil-conditional", ep, c("last", "last_treated"), "quasipoisson")

# Aseptic meningitis after MMR vaccine, Oxford, ages 366 to 730 days: Whitaker et al., Stat Med 2006;25:1768, table I (facts).
mmr <- data.frame(person = 1:10, event = c(398, 413, 449, 455, 472, 474, 485, 524, 700, 399), vaccine = c(458, 392, 429, 433, 432, 395, 470, 496, 428, 716))
cells <- do.call(rbind, lapply(1:10, function(k) { day <- 366:730; gap <- day - mmr$vaccine[k]
  c <- data.frame(set = k, old = as.integer(day >= 548), risk = as.integer(gap >= 15 & gap <= 35), events = as.integer(day == mmr$event[k]), time = 1)
  aggregate(cbind(events, time) ~ set + old + risk, c, sum) }))
f <- gnm(events ~ risk + old + offset(log(time)), eliminate = factor(set), family = poisson, data = cells, tolerance = 1e-13, iterMax = 1000, verbose = FALSE)
say("mmr-sccs", mmr, beta = unname(coef(f)), error = errors(vcov(f)))
keep("public_counts.json", c("MASS", "sandwich", "survival", "gnm"))
