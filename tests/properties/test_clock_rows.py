# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to a project, rows of its clocks say on every day what clocks say that know nothing of later days."""

import datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rempart.journeys.project_clocks import due, rows_of
from rempart.permits.clocks import clocks, running
from tests.disclosure_rows import toml

CLOCKS = clocks(toml("permits/clocks.toml"))
HOLIDAYS = frozenset(toml("permits/holidays.toml")["days"])
DESK: Any = SimpleNamespace(clocks=CLOCKS, holidays=HOLIDAYS)
BEGIN = datetime.datetime(2026, 1, 1, 9, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
REGIMES = ["", *sorted({name for clock in CLOCKS for name in clock.regimes})]
NAMES = sorted(
    {name for clock in CLOCKS for name in (*clock.starts, *clock.ends, *clock.pauses)} | {"extend", "active"}
)
PERMIT = "P-2026-0001"

steps = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 24 * 90)), min_size=1, max_size=12)


@given(told=steps, regime=st.sampled_from(REGIMES), hours=st.integers(0, 24 * 900))
def test_rows_made_of_a_whole_life_say_on_a_day_what_was_known_on_that_day(
    told: list[tuple[str, int]], regime: str, hours: int
) -> None:
    line, at = [], BEGIN
    for name, later in told:
        at += later * HOUR
        line.append((name, at))
    now = BEGIN + hours * HOUR
    known = [moment for moment in line if moment[1] <= now]  # nothing of what comes
    rows = [{"permit": PERMIT, **row} for row in rows_of(line, CLOCKS, regime=regime, holidays=HOLIDAYS)]
    assert len({(row["clock"], row["since"]) for row in rows}) == len(rows)
    found = due(DESK, rows[::-1], [{"permit": PERMIT, "state": "active", "turn": "officer"}], now)
    assert [one.running for one in found] == list(running(known, CLOCKS, now, regime=regime, holidays=HOLIDAYS))
