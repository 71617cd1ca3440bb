# SPDX-License-Identifier: Apache-2.0
"""Shares and rates with their intervals: exact binomial, standardised Poisson, weighted by a sampling design. Counts nothing itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

from scipy.special import betainccinv, betaincinv, gammainccinv, gammaincinv, ndtri

Interval = tuple[float, float, float]


def clopper_pearson(cases: int, persons: int, *, level: float = 0.95) -> Interval | None:
    """Share of ``persons`` that are ``cases``, with its exact two-sided limits; None of nobody.

    Model: cases ~ Binomial(persons, share). Limits: the shares at which so many or so few cases have half of 1 − ``level`` as
    probability, by quantiles of the beta distribution. Source: Clopper and Pearson, Biometrika 1934;26:404.
    """
    if persons <= 0:
        return None
    tail = (1 - level) / 2
    lower = float(betaincinv(cases, persons - cases + 1, tail)) if cases else 0.0
    upper = float(betainccinv(cases + 1, persons - cases, tail)) if cases < persons else 1.0
    return cases / persons, lower, upper


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Events and time at risk (any one unit) of a stratum, and its weight in the standard population."""

    events: int
    time: float
    weight: float


def directly_standardised(strata: Sequence[Stratum], *, level: float = 0.95) -> Interval | None:
    """The directly standardised rate per unit of time with gamma limits; None where a stratum of weight has no time.

    Model: events of each stratum Poisson. With w the weights that sum to 1 and k = w/time, the rate is y = Σ k·events, its variance
    v = Σ k²·events; lower = v/(2y) · χ²(tail; 2y²/v), upper = (v + k²)/(2(y + k)) · χ²(1 − tail; 2(y + k)²/(v + k²)) with k the
    largest of the k. One stratum gives the Garwood limits. Source: Fay and Feuer, Statistics in Medicine 1997;16:791.
    """
    whole = sum(stratum.weight for stratum in strata)
    used = [stratum for stratum in strata if stratum.weight > 0]
    if whole <= 0 or any(stratum.time <= 0 for stratum in used):
        return None
    shares = [stratum.weight / whole / stratum.time for stratum in used]
    rate = sum(share * stratum.events for share, stratum in zip(shares, used, strict=True))
    variance = sum(share * share * stratum.events for share, stratum in zip(shares, used, strict=True))
    tail, most = (1 - level) / 2, max(shares)
    lower = variance / rate * float(gammaincinv(rate**2 / variance, tail)) if rate > 0 else 0.0
    beyond, spread = rate + most, variance + most**2
    return rate, lower, spread / beyond * float(gammainccinv(beyond**2 / spread, tail))


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledSums:
    """Of one stratum of a sample: sums over its ``persons`` of events e, of days t, of e², of t² and of e·t. ``fraction``: the
    share of the stratum's population that was drawn, (0, 1]; each person stands for 1/fraction."""

    persons: int
    fraction: float
    events: int
    days: int
    events_squared: int
    days_squared: int
    product: int


def weighted_rate(strata: Sequence[SampledSums], *, level: float = 0.95) -> Interval | None:
    """Events per day in the population from which strata were sampled, with limits by the design; None without time.

    Model: simple random sampling of persons within strata; ratio R of weighted totals. Variance by linearisation, z = e − R·t:
    Σ w² (1 − f) n/(n − 1) Σ (z − z̄)² over the square of the weighted days, w = 1/f; limits on the log scale, so that none is negative.
    A person's own events may depend on one another. Source: Cochran, Sampling Techniques, 3rd ed. 1977, 6.3 and 6.11.
    """
    days = sum(stratum.days / stratum.fraction for stratum in strata)
    if days <= 0:
        return None
    rate = sum(stratum.events / stratum.fraction for stratum in strata) / days
    spread = sum((1 - s.fraction) / s.fraction**2 * _scatter(s, rate) for s in strata)
    if rate == 0 or spread == 0:
        return (rate, rate, rate) if rate else (0.0, 0.0, 0.0)
    return _log_limits(rate, sqrt(spread) / days, level)


def clustered_rate(sums: SampledSums, *, level: float = 0.95) -> Interval | None:
    """Events per day with limits that let a person's events depend on one another: persons drawn from an endless population.

    As ``weighted_rate`` without the correction for a finite population; ``fraction`` is not used. None without time.
    """
    if sums.days <= 0:
        return None
    rate = sums.events / sums.days
    error = sqrt(_scatter(sums, rate)) / sums.days
    return _log_limits(rate, error, level) if rate and error else (rate, rate, rate)


def _scatter(sums: SampledSums, rate: float) -> float:
    """n/(n − 1) Σ (z − z̄)² of z = e − R·t, from the sums."""
    if sums.persons < 2:
        return 0.0
    squares = sums.events_squared - 2 * rate * sums.product + rate**2 * sums.days_squared
    total = sums.events - rate * sums.days
    return max(0.0, squares - total**2 / sums.persons) * sums.persons / (sums.persons - 1)


def _log_limits(rate: float, error: float, level: float) -> Interval:
    z = -float(ndtri((1 - level) / 2))
    factor = exp(z * error / rate)
    return rate, rate / factor, rate * factor
