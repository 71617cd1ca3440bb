# SPDX-License-Identifier: Apache-2.0
"""The diagram of a design holds the windows of the study file, day by day, for each design; and no data is needed for it."""

import html
import re
from typing import Any

import pytest

from rempart.adapters.figure_diagrams import diagrams
from rempart.adapters.figures import draw_designs, words_of
from rempart.adapters.package_data import toml
from rempart.records.matching import ON
from tests.figure_pictures import STUDY

WORDS = words_of("en")
DESIGNS = {  # id → (type, design, inputs, parameters)
    "nested": (
        "odds_ratio",
        "nested-case-control",
        {"controls": "matched", "exposures": ["target"]},
        {"window": [-90, -1], "windows": []},
    ),
    "timed": (
        "odds_ratio",
        "case-crossover",
        {"cohort": "ill", "controls": "matched", "exposures": ["target"]},
        {"risk_window": [-6, 0], "time_stratified": True, "bidirectional": True},
    ),
    "varying": (
        "cox",
        "time-varying-exposure",
        {"cohort": "ill", "exposures": ["target"], "outcome": "bladder_cancer", "covariates": ["sex"]},
        {"exposed": "current"},
    ),
    "lags": (
        "distributed_lag",
        "environmental-exposure",
        {"cohort": "ill", "environment": "pm25", "outcome": "myocarditis"},
        {"lags": [0, 1, 5]},
    ),
    "trial": (
        "risk",
        "target-trial",
        {"cohort": "ill", "exposure": "target", "outcome": "bladder_cancer"},
        {"every_days": 30, "intervals": 12, "trials": 24, "washout_days": 180},
    ),
    "told": (
        "prediction",
        "prediction",
        {"cohort": "ill", "outcome": "bladder_cancer", "features": ["care"]},
        {"horizon_days": 365, "split": "time"},
    ),
    "sides": (
        "cox",
        "cohort-comparison",
        {"target": "matched_cases", "comparator": "matched", "outcome": "bladder_cancer"},
        {},
    ),
    "described": ("table_one", "cohort", {"cohorts": ["ill"]}, {}),
}
MATCHED = {"match": {"to": "ill", "from": "main", "kind": "risk-set", "ratio": 4, "on": ["age", "sex"]}}


def study(*names: str, **protocol: object) -> dict[str, Any]:
    """The invented study with these analyses alone."""
    made = [
        dict(zip(("id", "type", "design", "inputs", "parameters"), (name, *DESIGNS[name]), strict=True))
        for name in names
    ]
    known = {item["id"]: item for item in STUDY["analyses"]}
    return {
        **STUDY,
        "protocol": {**STUDY["protocol"], **protocol},
        "cohorts": {**STUDY["cohorts"], "matched": MATCHED},
        "features": {"care": {"days": [30, 365], "ever": True, "until": -1}},
        "analyses": made or list(known.values()),
    }


def windows(told: dict[str, Any], at: int = 0) -> list[tuple[str, str, int | None, int | None]]:
    """Kind, label, first and last day of each window of a diagram."""
    return [(w.kind, w.label, w.first, w.last) for w in diagrams(told, WORDS)[at].windows]


def test_a_comparison_of_new_users_has_every_window_of_its_study_file() -> None:
    assert windows(study()) == [
        ("entry", "observed all the time", -365, 0),
        ("entry", "neither pioglitazone nor sulfonylurea", -365, -1),
        ("entry", "aged 40 to 120", 0, 0),
        ("entry", "no bladder cancer", -365, 0),
        ("covariate", "insulin, statins", -365, 0),
        ("covariate", "age band, sex", 0, 0),
        ("reference", "lag: outcomes do not count", 0, 30),
        ("follow", "follow-up to bladder cancer", 31, 1825),
    ]


def test_a_case_series_has_its_windows_around_the_dispensing_and_no_follow_up() -> None:
    assert windows(study(), 1) == [
        ("exposure", "vaccine", 0, 13),
        ("exposure", "vaccine", 14, 41),
        ("reference", "vaccine, days before, never reference", -30, -1),
        ("reference", "the case's other observed days", None, None),
    ]


def test_a_crossover_has_its_risk_days_and_each_of_its_reference_windows() -> None:
    assert [each[2:] for each in windows(study(), 2)] == [(-30, -1), (-150, -121), (-120, -91)]
    stratified = windows(study("timed"))
    assert stratified[0][2:] == (-6, 0) and "same weekday" in stratified[1][1]


EXPECTED = {
    "nested": ("exposure", "pioglitazone looked for", -90, -1),
    "varying": ("exposure", "pioglitazone: on each day, current, past or never", 31, 1825),
    "lags": ("exposure", "pm25 at the place of residence", -5, 0),
    "trial": ("exposure", "pioglitazone started in the interval, or not", 0, 29),
    "told": ("covariate", "care (features)", None, -1),
    "sides": ("follow", "follow-up to bladder cancer", 31, 1825),
}


@pytest.mark.parametrize("name", list(EXPECTED))
def test_each_design_has_the_window_that_makes_it(name: str) -> None:
    assert EXPECTED[name] in windows(study(name))


def test_what_ends_follow_up_is_said_and_a_lag_moves_its_first_day() -> None:
    (told,) = diagrams(study("sides", lag_days=90, estimand="on-treatment", grace_days=30, death="ignore"), WORDS)
    follow = told.windows[-1]
    assert (follow.first, follow.note) == (91, "until outcome, end of treatment + 30 days, end of observation")
    assert told.notes[0] == "Up to 4 controls for each, alike in age, sex."


def test_analyses_of_one_comparison_share_a_diagram_and_descriptions_have_none() -> None:
    assert len(diagrams({**study(), "analyses": STUDY["analyses"] * 2}, WORDS)) == 3
    assert draw_designs(study("described"), language="en") == {}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_drawn_diagram_writes_the_days_of_its_windows_and_its_mark(language: str) -> None:
    svg = draw_designs(study(), language=language, png=False)[f"design_1-{language}.svg"].decode()
    texts = [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</", svg)]
    assert {"[−365, 0]", "[0, 30]"} <= set(texts) and [text for text in texts if text.startswith("[31, 1825]")]
    marked = draw_designs(study("lags"), language=language, note="SYNTHETIC: nobody", png=False)
    assert list(marked) == [f"design_1-{language}.svg"] and b"SYNTHETIC: nobody" in marked[f"design_1-{language}.svg"]


def test_every_way_of_matching_has_words() -> None:
    for language in ("en", "fr"):
        assert {f"on_{name}" for name in ON} <= set(toml("adapters/figures.toml")[language]["design"])
