# Propensity models against glmnet and glm: writes l1_logistic.json. Rscript l1_logistic.R, in this folder. Data drawn here, nobody's.
suppressMessages({library(glmnet); library(Matrix); library(jsonlite)})
set.seed(613)
n <- 500; q <- 60
share <- pmin(0.5, exp(runif(q, log(0.02), log(0.5))))
x <- sapply(share, function(p) rbinom(n, 1, p))
true <- ifelse(seq_len(q) %% 5 == 0, rnorm(q, 0, 0.8), 0)
y <- rbinom(n, 1, plogis(-0.8 + drop(x %*% true)))
sparse <- Matrix(x, sparse = TRUE)
penalties <- c(20, 12, 8, 5, 3, 2, 1)
exactly <- function(x, y, penalties, ...)
  glmnet(x, y, family = "binomial", standardize = FALSE, lambda = penalties / length(y), thresh = 1e-15, maxit = 1e7, ...)
objective <- function(a, b, lambda) {
  eta <- drop(a + x %*% b)
  sum(log1p(exp(eta)) - y * eta) + lambda * sum(abs(b))
}
m <- exactly(sparse, y, penalties)
b <- as.matrix(m$beta)
fold <- rep(1:5, length.out = n)[order(sin(seq_len(n)))]
cv <- cv.glmnet(sparse, y, family = "binomial", standardize = FALSE, lambda = penalties / n, foldid = fold, thresh = 1e-15,
                maxit = 1e7, type.measure = "deviance")
where <- which(x == 1, arr.ind = TRUE)
plain <- data.frame(y = rbinom(300, 1, 0.5), age = round(rnorm(300, 70, 9)), sex = rbinom(300, 1, 0.5), visits = rpois(300, 3))
plain$y <- rbinom(300, 1, plogis(-5 + 0.06 * plain$age + 0.5 * plain$sex - 0.2 * plain$visits))
plain$w <- sample(1:4, 300, TRUE)
told <- function(m) list(beta = unname(coef(m)), error = unname(sqrt(diag(vcov(m)))), log_likelihood = as.numeric(logLik(m)))
control <- glm.control(epsilon = 1e-15, maxit = 100)
out <- list(
  made_with = list(R = R.version.string, glmnet = as.character(packageVersion("glmnet"))),
  sparse = list(persons = n, covariates = q, person = unname(where[, 1]), column = unname(where[, 2]), exposed = y, fold = fold),
  penalties = penalties,
  intercept = unname(m$a0), beta = t(unname(b)),
  objective = sapply(seq_along(penalties), function(k) objective(m$a0[k], b[, k], penalties[k])),
  cross = list(deviance = unname(cv$cvm), error = unname(cv$cvsd), least = cv$lambda.min * n, one_error = cv$lambda.1se * n),
  plain = list(data = plain, fit = told(glm(y ~ age + sex + visits, binomial, plain, control = control)),
               weighted = told(glm(y ~ age + sex + visits, binomial, plain, weights = w, control = control)),
               null = as.numeric(logLik(glm(y ~ 1, binomial, plain, control = control)))))
write(toJSON(out, digits = NA, auto_unbox = TRUE, dataframe = "columns"), "l1_logistic.json")
