# Case series against Poisson regression with a factor for each case (gnm, eliminate): writes sccs.json. Rscript sccs.R, in this folder.
# The days are cut here one by one: each day of a case gets its age group, season and windows, then equal days are counted.
suppressMessages({library(gnm); library(jsonlite)})
set.seed(607)
n <- 160
cases <- data.frame(id = 1:n, birth = -sample(18000:18600, n), first = sample(0:200, n, TRUE))
cases$last <- cases$first + sample(150:500, n, TRUE)
cuts <- c(18400L, 18700L, 18900L)                  # days of age: the first day of the next group
months <- cumsum(rep(c(90L, 91L, 92L, 92L), 2))            # days: the first day of the next quarter
vaccine <- data.frame(person = rep(1:n, each = 2), start = as.vector(rbind(sample(0:500, n, TRUE), 0)))
vaccine$start[2 * (1:n)] <- vaccine$start[2 * (1:n) - 1] + sample(10:120, n, TRUE)
drug <- data.frame(person = sample(n, 140, TRUE), start = sample(0:500, 140, TRUE))
drug$stop <- drug$start + sample(5:90, 140, TRUE)
drug <- drug[order(drug$person, drug$start), ]
level <- function(i, day) {                                # windows of one case's day: the later dose takes over
  v <- 0; s <- vaccine$start[vaccine$person == i]
  for (k in seq_along(s)) {
    gap <- day - s[k]
    v <- ifelse(gap >= -14 & gap <= -1, 1, ifelse(gap == 0, 2, ifelse(gap >= 1 & gap <= 28, 3, v)))
  }
  u <- 0; at <- which(drug$person == i)
  for (k in at) {
    u <- ifelse(day >= drug$start[k] & day <= drug$stop[k], 1,
         ifelse(day > drug$stop[k] & day <= drug$stop[k] + 30, 2, u))
  }
  data.frame(vaccine = rep_len(v, length(day)), drug = rep_len(u, length(day)))
}
days <- do.call(rbind, lapply(1:n, function(i) {
  day <- cases$first[i]:cases$last[i]
  cbind(data.frame(id = i, day = day, age = findInterval(day - cases$birth[i], cuts), season = findInterval(day, months) %% 4),
        level(i, day))
}))
rate <- with(days, exp(0.02 * age + c(0, 0.3, -0.1, 0.2)[season + 1] + c(0, -0.3, 2.5, 1.1)[vaccine + 1] + c(0, 0.5, 0.1)[drug + 1]))
events <- do.call(rbind, lapply(1:n, function(i) {
  at <- which(days$id == i)
  data.frame(person = i, day = days$day[sample(at, sample(1:3, 1), TRUE, rate[at])])
}))
fitted_on <- function(events) {
  days$n <- 0
  at <- match(paste(events$person, events$day), paste(days$id, days$day))
  for (k in at) days$n[k] <- days$n[k] + 1
  cells <- aggregate(cbind(n, length = 1) ~ id + age + season + vaccine + drug, days, sum)
  m <- gnm(n ~ factor(age) + factor(season) + factor(vaccine) + factor(drug) + offset(log(length)), eliminate = factor(id),
           family = poisson, data = cells, tolerance = 1e-12, iterMax = 1000, verbose = FALSE)
  list(beta = unname(coef(m)), error = unname(sqrt(diag(vcov(m)))))
}
first <- events[order(events$person, events$day), ]
first <- first[!duplicated(first$person), ]
write(toJSON(list(
  made_with = list(R = R.version.string, gnm = as.character(packageVersion("gnm"))),
  cases = cases, vaccine = vaccine, drug = drug, events = events, cuts = cuts, months = months,
  all = fitted_on(events), first = fitted_on(first)), dataframe = "columns", digits = NA, auto_unbox = TRUE), "sccs.json")
