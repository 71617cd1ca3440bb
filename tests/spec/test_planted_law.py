# SPDX-License-Identifier: Apache-2.0
"""The law of a planted outcome, against its words read literally, day by day and dispensing by dispensing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.synthetic.outcomes import YEAR, Baseline, Courses, Effect, effect_of, first_events
from rempart.synthetic.plan import NEVER

STEPS = st.lists(
    st.tuples(st.integers(1, 4000), st.floats(0.2, 20)), min_size=0, max_size=3, unique_by=lambda pair: pair[0]
)


@st.composite
def effects(draw: st.DrawFn) -> Effect:
    dose = [(0, draw(st.floats(0.2, 20))), *sorted(draw(STEPS))]
    since = [
        (0, 1.0),
        *sorted(draw(st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1)), max_size=2, unique_by=lambda p: p[0]))),
    ]
    return effect_of({"dose": dose, "since": since, "latency_days": draw(st.integers(0, 120))})


def literal(effect: Effect, days: list[int], lasts: int, dose: float, day: int) -> float:
    """``days``: of the dispensings. What was dispensed until ``latency`` days before yesterday counts."""
    had = [when for when in days if when <= day - 1 - effect.latency]
    if not had:
        return 1.0
    total, over = dose * len(had), day - (days[-1] + lasts)
    value = [r for low, r in zip(effect.dose, effect.ratio, strict=True) if total >= low][-1]
    powers = [p for low, p in zip(effect.since, effect.power, strict=True) if over >= low]
    return float(value ** (powers[-1] if powers else effect.power[0]))


@settings(max_examples=150, deadline=None)
@given(effects(), st.integers(0, 300), st.integers(1, 90), st.integers(1, 12), st.floats(1, 2000), st.integers(0, 1500))
def test_the_ratio_on_any_day_is_what_the_words_say(
    effect: Effect, start: int, step: int, refills: int, dose: float, day: int
) -> None:
    one = Courses(
        start=np.array([start]), step=np.array([step]), refills=np.array([refills]), dose=np.array([dose]), effect=np.array([0])
    )  # fmt: skip
    told = one.ratio([effect], np.array([0]), np.array([day]))[0]
    wanted = literal(effect, [start + turn * step for turn in range(refills)], step, dose, day)
    assert np.isclose(told, wanted)
    assert told <= effect.highest + 1e-12
    assert one.ratio_on([effect], day) == one.ratio([effect], np.array([0]), np.array([day]))
    assert one.ratio_on([], day) == 1.0


def test_first_events_follow_the_hazard_of_each_day() -> None:
    size, end, effect = (
        400_000,
        900,
        effect_of({"dose": [[0, 2.0], [250, 6.0]], "since": [[0, 1.0], [60, 0.2]], "latency_days": 20}),
    )
    courses = Courses(
        start=np.full(size, 200), step=np.full(size, 30), refills=np.full(size, 8), dose=np.full(size, 50.0),
        effect=np.zeros(size, dtype=np.int64),
    )  # fmt: skip
    base, born = Baseline(level=0.15, slope=0.05, men=1.5), np.full(size, round(-60 * YEAR))
    sex = np.ones(size, dtype=np.int64)
    event = first_events(base, (born, sex), (courses, [effect]), (0, np.full(size, end)), np.random.default_rng(8))
    days = np.arange(end)
    first = np.zeros(end, dtype=np.int64)
    hazard = (
        base.rate((days - born[0]) / YEAR, np.ones(end, dtype=np.int64)) * courses.ratio([effect], first, days) / YEAR
    )
    left = np.exp(-np.concatenate([[0.0], np.cumsum(hazard)]))
    for low, high in ((0, 200), (200, 221), (221, 340), (340, 440), (440, 500), (500, 900)):
        expected = size * (left[low] - left[high])
        seen = ((event >= low) & (event < high)).sum()
        assert abs(seen - expected) < 4 * np.sqrt(expected), (low, high, seen, expected)
    assert ((event == NEVER) | (event < end)).all()


def test_nobody_has_an_event_after_the_end_or_without_a_hazard() -> None:
    size = 5000
    courses = Courses(
        start=np.full(size, NEVER), step=np.full(size, 30), refills=np.zeros(size, dtype=np.int64), dose=np.ones(size),
        effect=np.full(size, -1),
    )  # fmt: skip
    end = np.arange(size) % 400 - 10
    event = first_events(
        Baseline(level=2.0, slope=0.01, men=1.0), (np.full(size, -9000), np.ones(size, dtype=np.int64)), (courses, []),
        (0, end), np.random.default_rng(1),
    )  # fmt: skip
    assert (event[end <= 0] == NEVER).all()
    assert ((event < end) | (event == NEVER)).all()
    assert (event < NEVER).mean() > 0.4
