# SPDX-License-Identifier: Apache-2.0
"""What is left of earlier supplies when a new one is dispensed, as window functions: lost, carried over, or carried over up to a limit.

Carried over, a supply ends at max over earlier ones of (its begin + all days since it): a running maximum. With a limit, each supply maps
the former end x to min(max(x, begin), begin + limit) + days; such maps compose to maps of the same form, so log2 steps give all ends.
"""

from rempart.records.exposure import Eras

_STEPS = 13  # 2^13 days with a dispensing one after another: more than twenty years of every day
_ORDER = "PARTITION BY person_id, cut_day ORDER BY t0, day"


def stocked(supplies: str, eras: Eras) -> str:
    """SELECT of ``supplies`` (person_id, cut_day, day, t0, days, …) with ``t1``: the first clock reading that it does not cover."""
    if eras.stockpiling == "none":
        return f"SELECT *, t0 + days AS t1 FROM ({supplies})"
    summed = f"SELECT *, CAST(sum(days) OVER ({_ORDER}) AS BIGINT) AS handed FROM ({supplies})"
    if eras.stockpiling == "carry":
        return f"SELECT * EXCLUDE (handed), handed + max(t0 - (handed - days)) OVER ({_ORDER}) AS t1 FROM ({summed})"
    return _capped(summed, eras.cap_days or 0)


def _capped(summed: str, cap: int) -> str:
    """Ends less what was handed out so far follow y → min(max(y, low), high); each step joins a row's map with that of 2^k rows before."""
    step = f"SELECT *, t0 - (handed - days) AS low, t0 - (handed - days) + {cap} AS high FROM ({summed})"
    for power in range(_STEPS):
        low, high = (
            f"least(greatest(coalesce(lag({side}, {2**power}) OVER ({_ORDER}), {side}), low), high)"
            for side in ("low", "high")
        )
        step = f"SELECT * REPLACE ({low} AS low, {high} AS high) FROM ({step})"
    return f"SELECT * EXCLUDE (handed, low, high), handed + low AS t1 FROM ({step})"
