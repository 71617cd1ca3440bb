# SPDX-License-Identifier: Apache-2.0
# Writes public_pools.json: meta-analyses of public trials by metafor. FOLDER holds the data that R lacks (python -m tests.vectors.public_data
# FOLDER). Run here: Rscript public_pools.R FOLDER
source("public_told.R"); suppressPackageStartupMessages({library(metafor)})
read <- function(name) read.csv(file.path(commandArgs(TRUE)[1], paste0(name, ".csv")))
bcg <- with(dat.bcg, data.frame(events1 = tpos, persons1 = tpos + tneg, events0 = cpos, persons0 = cpos + cneg))
gum <- with(read("smoking"), data.frame(events1 = qt, persons1 = tt, events0 = qc, persons0 = tc))
control <- list(threshold = 1e-13, maxiter = 1000)
told_of <- function(f) list(estimate = c(f$beta), error = f$se, lower = f$ci.lb, upper = f$ci.ub, q = f$QE)
sets <- list(bcg = bcg, gum = gum); measures <- c(bcg = "RR", gum = "OR")
for (name in names(sets)) { d <- sets[[name]]; m <- measures[[name]]
  own <- escalc(m, ai = events1, n1i = persons1, ci = events0, n2i = persons0, data = d)
  for (method in c("EE", "DL", "REML")) { f <- rma(yi, vi, data = own, method = method, control = control)
    do.call(say, c(list(paste0(name, "-", tolower(method)), d), told_of(f), if (method != "EE") list(tau_squared = f$tau2))) }
  f <- rma(yi, vi, data = own, method = "REML", test = "knha", control = control)
  do.call(say, c(list(paste0(name, "-knapp"), d), told_of(f)))
  do.call(say, c(list(paste0(name, "-mh"), d), told_of(rma.mh(ai = events1, n1i = persons1, ci = events0, n2i = persons0, data = d, measure = m))))
  do.call(say, c(list(paste0(name, "-peto"), d), told_of(rma.peto(ai = events1, n1i = persons1, ci = events0, n2i = persons0, data = d)))) }
keep("public_pools.json", "metafor")
