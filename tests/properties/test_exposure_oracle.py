# SPDX-License-Identifier: Apache-2.0
"""Random histories of dispensings and stays under random choices: the SQL gives the periods of going through the days one by one."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.codes import Reads
from rempart.cohort.describe_exposure import exposure_periods
from rempart.records.describing import CohortAnalysis
from rempart.study.evidence import compute
from rempart.study.tallies import tallies_of
from tests import exposure_histories as house
from tests.exposure_histories import Dispensing, Stay

FEW = (0, 1, 2, 5, 10)
RULES: tuple[list[dict[str, Any]], ...] = (
    [{"rule": "pack"}],
    [{"rule": "opened"}, {"rule": "quarterly", "days": 21}, {"rule": "pack"}, {"rule": "fixed", "days": 9}],
    [
        {"rule": "size", "sizes": [{"units": 28, "days": 7}, {"units": 90, "days": 20}]},
        {"rule": "fixed", "days": 5, "per": "pack"},
    ],
    [
        {"rule": "recorded"},
        {"rule": "daily_dose", "source": "file", "date": "2026"},
        {"rule": "waiting_time", "days": 12, "percentile": 80},
    ],
)


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all examples."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


@st.composite
def dispensings(draw: st.DrawFn) -> tuple[Dispensing, ...]:
    """Up to a dozen within some months, days that coincide among them."""
    codes = st.sampled_from([house.DRUG, house.DRUG, house.STRONGER, house.QUARTERLY, house.BLISTER, house.OTHER])
    item = st.builds(
        Dispensing,
        day=st.integers(1, 150),
        code=codes,
        quantity=st.sampled_from([None, 0.0, 0.5, 1.0, 1.0, 2.0, 7.0]),
        unit=st.sampled_from(["pack", "pack", "unit", None]),
        recorded=st.sampled_from([None, 0, 3, 14]),
    )
    return tuple(draw(st.lists(item, max_size=12)))


@st.composite
def stays(draw: st.DrawFn) -> tuple[Stay, ...]:
    """Stays that overlap, touch, last a day, last for good."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(-10, 160))
        nights = draw(st.sampled_from([0, 1, 3, 10, 40, None, 2, 5]))
        concept = draw(st.sampled_from([house.HOSPITAL, house.HOSPITAL, house.CARE_HOME, house.CONSULTATION]))
        found.append(Stay(first=first, last=None if nights is None else first + nights, concept=concept))
    return tuple(found)


@st.composite
def choices(draw: st.DrawFn) -> dict[str, Any]:
    """The keys of an exposure."""
    away = st.sampled_from(["ignore", "extend", "extend", "censor", "exclude"])
    keys: dict[str, Any] = {
        "supply": draw(st.sampled_from(RULES)),
        "quantity": draw(st.sampled_from(["packs", "units"])),
        "overlap": draw(st.sampled_from(["product", "add", "longest"])),
        "stockpiling": draw(st.sampled_from(["none", "carry", "cap"])),
        "grace_days": draw(st.sampled_from(FEW)),
        "lag_days": draw(st.sampled_from((0, 0, *FEW))),
        "induction_days": draw(st.sampled_from((0, 0, *FEW))),
        "hospital_days": draw(away),
        "care_home": draw(away),
    }
    if keys["stockpiling"] == "cap":
        keys["cap_days"] = draw(st.sampled_from([1, 5, 20]))
    if draw(st.integers(0, 2)) == 0:
        keys["switch_to"] = "comparator"
    return keys


@given(persons=st.lists(st.tuples(dispensings(), stays()), min_size=1, max_size=6), keys=choices())
def test_the_engine_and_going_through_the_days_agree(
    query: DuckDBQuery, persons: list[house.History], keys: dict[str, Any]
) -> None:
    histories = dict(enumerate(persons, 1))
    house.made(query, keys, histories)
    for table, cover in (("exposure_target", False), ("exposure_target_cover", True)):
        found = house.periods(query, table)
        assert {p: found.get(p, []) for p in histories} == {
            p: house.expected(history, keys, cover=cover) for p, history in histories.items()
        }


@given(
    persons=st.lists(st.tuples(dispensings(), stays()), min_size=1, max_size=6),
    keys=choices(),
    window=st.tuples(st.integers(-5, 120), st.sampled_from([0, 1, 30, 100])),
)
def test_days_covered_are_days_of_the_window_and_never_more(
    query: DuckDBQuery, persons: list[house.History], keys: dict[str, Any], window: tuple[int, int]
) -> None:
    """Stock, overlap and stays that extend may put more days at hand than there are: none is counted twice."""
    histories, first, last = dict(enumerate(persons, 1)), window[0], sum(window)
    house.made(query, keys, histories)
    days = {name: [house.date(day)] * len(persons) for name, day in (("start_date", first), ("end_date", last))}
    dated = {name: pa.array(values, pa.date32()) for name, values in days.items()}
    query.register("cohort_main", pa.table({"person_id": pa.array(list(histories), pa.int64()), **dated}))
    analysis = CohortAnalysis(id="use", type="exposure_periods", cohorts=("main",), exposures=("target",))
    found = compute(query, [], [exposure_periods(house.study(keys), analysis, Reads())])["tallies"]
    cells = tallies_of(found, "use", "cover/target")
    assert all(cell.top1 <= 10_000 for cell in cells)
    covers = Counter(house.covered(history, keys, first, last) for history in persons)
    assert sum(cell.total for cell in cells) == sum(cover * number for cover, number in covers.items())
    assert {cell.key["band"]: cell.persons for cell in cells} == Counter(
        {band: sum(n for cover, n in covers.items() if _band(cover) == band) for band in map(_band, covers)}
    )


def _band(cover: int) -> str:
    """The band of a cover in ten-thousandths of the window."""
    return "none" if cover == 0 else "100" if cover == 10_000 else f"{cover // 1000}0-{cover // 1000}9"
