# SPDX-License-Identifier: Apache-2.0
"""Until when a treatment lasts whose study says how long a supply does, day by day in plain Python; from docs/exposure.md, docs/study.md.

The periods are those of going through the days one by one (tests/exposure_histories.py); nothing is shared with the SQL.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.exposure_histories import DRUG, OTHER, Dispensing, Stay, expected


def treated_until(
    zero: int,
    drugs: Sequence[tuple[int, str, int]],
    stays: Sequence[tuple[int, int]],
    keys: Mapping[str, Any],
    *,
    codes: tuple[str, str],
    grace: int,
) -> int:
    """The last day of the treatment that began on day ``zero``. ``drugs``: (day, code, last day that the record covers); ``codes``: of the
    drug, of the one that may end it; ``grace``: the protocol's."""
    names = dict(zip(codes, (DRUG, OTHER), strict=True))
    given = tuple(Dispensing(day=d, code=names[c], recorded=end - d + 1) for d, c, end in drugs if c in names)
    nights = tuple(Stay(first=first, last=last) for first, last in stays)
    more = max(grace, keys.get("grace_days", 0))
    periods = [(first, last + more) for first, last, _ in expected((given, nights), keys)]
    if not any(first <= zero <= last for first, last in periods):
        return zero
    choice = keys.get("hospital_days", "ignore")
    if choice == "extend":
        periods += [(stay[0], stay[1] - 1 + more) for stay in stays if stay[1] > stay[0]]
    treated = {day for first, last in periods for day in range(first, last + 1)}
    away = {day for stay in stays for day in range(*stay)} if choice == "censor" else set()
    cuts = {day for day in away if day - 1 not in away}
    cuts |= {item.day for item in given if item.code == OTHER} if keys.get("switch_to") else set()
    last = zero
    while last + 1 in treated - cuts:
        last += 1
    return last
