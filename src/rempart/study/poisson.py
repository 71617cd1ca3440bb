# SPDX-License-Identifier: Apache-2.0
"""Incidence: an event count over person-time as a Poisson rate with its exact interval.

Model: events ~ Poisson(rate × person-years). Interval: Garwood (Biometrika 1936;28:437), from chi-squared quantiles, two-sided.
"""

from scipy.special import gammainccinv, gammaincinv

DAYS_IN_YEAR = 365.25


def exact_interval(events: int, *, level: float = 0.95) -> tuple[float, float]:
    """Lower and upper limit of the expected number of events, given the ``events`` seen; lower is 0 for none."""
    tail = (1 - level) / 2
    lower = float(gammaincinv(events, tail)) if events else 0.0
    return lower, float(gammainccinv(events + 1, tail))


def rate(events: int, person_days: int, *, per: float = 1000.0) -> tuple[float, float, float] | None:
    """Rate and its limits for ``per`` person-years of 365.25 days; None without person-time."""
    if person_days <= 0:
        return None
    years = person_days / DAYS_IN_YEAR
    lower, upper = exact_interval(events)
    return events / years * per, lower / years * per, upper / years * per
