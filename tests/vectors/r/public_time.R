# SPDX-License-Identifier: Apache-2.0
# Writes public_time.json: curves, Cox and competing risks on public data by survival and cmprsk. Run here: Rscript public_time.R
source("public_told.R"); suppressPackageStartupMessages({library(cmprsk); library(MASS)})
km <- function(id, d, days, horizon) {          # d: day, event, arm (0, 1 …)
  arms <- split(d, d$arm); at <- lapply(arms, function(a) summary(survfit(Surv(day, event) ~ 1, a, conf.type = "log-log"), times = days))
  part <- function(name) unname(lapply(at, `[[`, name))
  say(paste0(id, "-km"), d, value = part("surv"), error = part("std.err"), lower = part("lower"), upper = part("upper"))
  t <- survdiff(Surv(day, event) ~ arm, d); say(paste0(id, "-logrank"), d, chi2 = t$chisq, expected = unname(t$exp), variance = unname(t$var))
  m <- sapply(arms, function(a) unname(summary(survfit(Surv(day, event) ~ 1, a), rmean = horizon)$table[c("rmean", "se(rmean)")]))
  say(paste0(id, "-rmst"), d, value = unname(m[1, ]), error = unname(m[2, ]))
}
frame <- function(...) data.frame(..., check.names = FALSE)
km("leukemia", with(leukemia, frame(day = time, event = status, arm = as.integer(x == "Nonmaintained"))), c(5, 13, 23, 40), 40)
km("lung", with(cancer, frame(day = time, event = status - 1, arm = sex - 1)), c(60, 180, 365, 730), 365)
km("gehan", with(gehan, frame(day = time, event = cens, arm = as.integer(treat == "control"))), c(5, 10, 15, 20), 20)
km("ovarian", with(ovarian, frame(day = futime, event = fustat, arm = rx - 1)), c(300, 400, 500), 600)
v <- with(veteran, frame(day = time, event = status, arm = trt - 1, stratum = as.integer(celltype)))
t <- survdiff(Surv(day, event) ~ arm + strata(stratum), v); say("veteran-logrank-strata", v, chi2 = t$chisq, expected = rowSums(t$exp), variance = unname(t$var))

# Cox: d holds day, event, maybe entry, and the covariates, in this order.
cox <- function(id, d, terms, ..., ties = "efron", entry = FALSE, zph = FALSE, extra = NULL) {
  left <- if (entry) "Surv(entry, day, event)" else "Surv(day, event)"
  shape <- as.formula(paste(left, "~", paste(c(terms, extra), collapse = "+")))
  f <- eval(as.call(c(quote(coxph), shape, quote(d), list(ties = ties, control = quote(tight)), match.call(expand.dots = FALSE)$...)))
  said <- described(f)
  if (zph) said$proportional <- unname(cox.zph(f, terms = FALSE)$table[, "chisq"])
  do.call(say, c(list(id, d), said))
}
lung <- na.omit(with(cancer, frame(day = time, event = status - 1, age, sex, ecog = ph.ecog)))
for (ties in c("efron", "breslow")) {
  cox(paste0("lung-cox-", ties), lung, c("age", "sex", "ecog"), ties = ties, zph = TRUE)
  cox(paste0("gehan-cox-", ties), with(gehan, frame(day = time, event = cens, control = as.integer(treat == "control"))), "control", ties = ties)
}
cox("veteran-cox", with(veteran, frame(day = time, event = status, trt, karno, small = as.integer(celltype == "smallcell"),
  adeno = as.integer(celltype == "adeno"), large = as.integer(celltype == "large"))), c("trt", "karno", "small", "adeno", "large"), zph = TRUE)
cox("ovarian-cox", with(ovarian, frame(day = futime, event = fustat, age, rx)), c("age", "rx"), ties = "breslow")
cox("leuk-cox", with(leuk, frame(day = time, event = 1, wbc = log(wbc), present = as.integer(ag == "present"))), c("wbc", "present"))
h <- with(heart, frame(entry = 2 * start, day = 2 * stop, event, age, year, surgery, transplant = as.integer(transplant) - 1, id))
cox("heart-cox", h, c("age", "year", "surgery", "transplant"), entry = TRUE)
cox("heart-cox-robust", h, c("age", "year", "surgery", "transplant"), entry = TRUE, cluster = id)
cox("colon-cox", with(colon, frame(day = time, event = status, lev = as.integer(rx == "Lev"), both = as.integer(rx == "Lev+5FU"), node4, type = etype, id)),
  c("lev", "both", "node4"), extra = "strata(type)", cluster = id)
cox("kidney-cox", with(kidney, frame(day = time, event = status, age, sex, id)), c("age", "sex"), cluster = id)
cox("pbc-cox", na.omit(with(pbc, frame(day = time, event = as.integer(status == 2), age, bili = log(bili), albumin, protime, edema))),
  c("age", "bili", "albumin", "protime", "edema"), zph = TRUE)
s <- pbcseq[order(pbcseq$id, pbcseq$day), ]; last <- !duplicated(s$id, fromLast = TRUE)
s$stop <- ifelse(last, s$futime, c(s$day[-1], 0)); s$dead <- as.integer(last & s$status == 2)
s <- s[s$stop > s$day, ]
cox("pbcseq-cox", with(s, frame(entry = day, day = stop, event = dead, age, bili = log(bili), albumin, id)), c("age", "bili", "albumin"), entry = TRUE, cluster = id)
m2 <- na.omit(with(mgus2, frame(entry = 12 * age, day = 12 * age + futime, event = death, male = as.integer(sex == "M"), hgb)))
cox("mgus2-cox-age", m2, c("male", "hgb"), entry = TRUE, zph = TRUE)
cox("retinopathy-cox", with(retinopathy, frame(day = round(100 * futime), event = status, trt, adult = as.integer(type == "adult"), id)), c("trt", "adult"), cluster = id)
cox("diabetic-cox", with(diabetic, frame(day = round(100 * time), event = status, trt, id)), "trt", extra = "strata(id)")
b <- with(bladder2, frame(entry = start, day = stop, event, rx, size, number, enum, id))
cox("bladder2-cox", b, c("rx", "size", "number"), entry = TRUE, cluster = id)
cox("bladder2-cox-strata", b, c("rx", "size", "number"), entry = TRUE, extra = "strata(enum)", cluster = id)
cox("cgd-cox", with(cgd, frame(entry = tstart, day = tstop, event = status, treat = as.integer(treat == "rIFN-g"), age, steroids, id)),
  c("treat", "age", "steroids"), entry = TRUE, cluster = id)
w <- with(nwtco, frame(day = edrel, event = rel, histol = histol - 1, two = as.integer(stage == 2), three = as.integer(stage == 3), four = as.integer(stage == 4)))
cox("nwtco-cox-cells", w, c("histol", "two", "three", "four"))
sub <- with(nwtco, as.integer(as.logical(in.subcohort)))
w$weight <- ifelse(nwtco$rel == 1, 1, sum(nwtco$rel == 0) / sum(sub == 1 & nwtco$rel == 0)); w <- w[sub == 1 | w$event == 1, ]
cox("nwtco-cox-weights", w, c("histol", "two", "three", "four"), weights = weight, robust = TRUE)
cox("rotterdam-cox", with(rotterdam, frame(day = rtime, event = recur, age, meno, nodes = log(1 + nodes), grade, hormon, chemo, size = as.integer(size))),
  c("age", "meno", "nodes", "grade", "hormon", "chemo"), extra = "strata(size)", zph = TRUE)
cox("gbsg-cox", with(gbsg, frame(day = rfstime, event = status, hormon, nodes, pgr = log(1 + pgr), grade)), c("hormon", "nodes", "pgr", "grade"), ties = "breslow", zph = TRUE)
f <- flchain[flchain$futime > 0, ]
cox("flchain-cox-age", with(f, frame(entry = 365 * age, day = 365 * age + futime, event = death, male = as.integer(sex == "M"), flc = log(kappa + lambda))),
  c("male", "flc"), entry = TRUE)
cox("myeloma-cox", with(myeloma[myeloma$futime > myeloma$entry, ], frame(entry, day = futime, event = death, year)), "year", entry = TRUE)
cox("stanford2-cox", na.omit(with(stanford2, frame(day = round(2 * time), event = status, age, t5))), c("age", "t5"))

# Competing risks: d holds day, cause (0 censored, 1, 2 …), arm; covariates of the subdistribution model beside it.
competing <- function(id, d, days) {
  parts <- lapply(split(d, d$arm), function(a) { a$state <- factor(a$cause, 0:max(d$cause))
    summary(survfit(Surv(day, state) ~ 1, a, conf.type = "log-log"), times = days, extend = TRUE) })
  part <- function(name) unname(lapply(parts, function(p) unname(p[[name]][, 2])))
  say(paste0(id, "-aj"), d, value = part("pstate"), error = part("std.err"), lower = part("lower"), upper = part("upper"))
  g <- cuminc(d$day, d$cause, d$arm); at <- timepoints(g[names(g) != "Tests"], days); row <- paste(sort(unique(d$arm)), 1)
  say(paste0(id, "-gray"), d, chi2 = unname(g$Tests[, "stat"]), value = lapply(row, function(r) unname(at$est[r, ])),
    error = lapply(row, function(r) sqrt(unname(at$var[r, ]))))
}
gray_model <- function(id, d, terms, ties = "efron", crr = TRUE) {
  d$state <- factor(d$cause, 0:max(d$cause)); d$who <- seq_len(nrow(d)); used <- d[setdiff(names(d), c("state", "who"))]
  long <- finegray(Surv(day, state) ~ ., d, etype = "1", id = who)
  f <- coxph(as.formula(paste("Surv(fgstart, fgstop, fgstatus) ~", paste(terms, collapse = "+"))), long, weights = fgwt, ties = ties, cluster = who, control = tight)
  if (crr) { c <- crr(d$day, d$cause, as.matrix(d[terms]), gtol = 1e-12, maxiter = 100); say(paste0(id, "-crr"), used, beta = unname(c$coef)) }
  do.call(say, c(list(paste0(id, "-finegray"), used), described(f)))
}
mel <- with(Melanoma, frame(day = time, cause = c(1, 0, 2)[status], arm = ulcer, sex, thickness = log(thickness)))
competing("melanoma", mel[1:3], c(1000, 2000, 3000)); gray_model("melanoma", mel, c("arm", "sex", "thickness"), "breslow")
p <- with(pbc[!is.na(pbc$trt), ], frame(day = time, cause = c(0, 2, 1)[status + 1], arm = trt - 1, age, bili = log(bili)))
competing("pbc", p[1:3], c(365, 1500, 3000)); gray_model("pbc", p, c("arm", "age", "bili"), crr = FALSE)
g <- with(mgus2, frame(day = ifelse(pstat == 1, ptime, futime), cause = ifelse(pstat == 1, 1, 2 * death), arm = as.integer(sex == "M"), age))
competing("mgus2", g[1:3], c(60, 120, 240)); gray_model("mgus2", g, c("arm", "age"), crr = FALSE)
l <- with(transplant[transplant$futime > 0, ], frame(day = futime, cause = c(0, 2, 1, 3)[as.integer(event)], arm = as.integer(abo) - 1))
competing("transplant", l, c(30, 100, 300))
keep("public_time.json", c("survival", "cmprsk", "MASS"))
