# SPDX-License-Identifier: Apache-2.0
"""The diagram of a design holds the windows of the study file, day by day, for each design; and no data is needed for it."""

import html
import re
from typing import Any

import pytest

from rempart.adapters.figure_diagrams import diagrams
from rempart.adapters.figure_windows import Diagram
from rempart.adapters.figures import draw_designs, words_of
from rempart.adapters.package_data import toml
from rempart.cli.voice import Voice
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
    "trial": ("exposure", "pioglitazone started in the interval, or not", -29, 0),
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


TRIAL = {"covariates": ["statins", "sex"], "changing": ["statins"]}


def trial(
    deaths: str = "month", *, cloned: bool = False, inputs: dict[str, Any] | None = None, **asked: object
) -> Diagram:
    """The diagram of the trials of the study, with these parameters."""
    body = study("trial", death=deaths)
    (item,) = body["analyses"]
    given = {**item["inputs"], **(inputs or {})}
    if cloned:
        del given["exposure"]
    made = {**item, "inputs": given, "parameters": {**item["parameters"], **asked}}
    (told,) = diagrams({**body, "analyses": [made]}, WORDS)
    return told


def test_time_zero_of_a_trial_is_the_last_day_of_its_interval_and_follow_up_the_intervals_after_it() -> None:
    told = trial(inputs=TRIAL)
    assert told.zero == "time zero: last day of the interval in which pioglitazone is started, or not"
    by_hand = {(w.kind, w.label): (w.first, w.last) for w in told.windows}
    assert by_hand["exposure", "pioglitazone started in the interval, or not"] == (-29, 0)
    assert by_hand["entry", "in ill on the first day of the interval"] == (-29, -29)
    assert by_hand["entry", "alive, without bladder cancer since entry"] == (-29, 0)
    assert by_hand["entry", "no pioglitazone, from 180 days before entry on"] == (-209, -30)
    assert by_hand["covariate", "statins"] == (-394, -29) and by_hand["covariate", "sex"] == (-29, -29)
    assert by_hand["follow", "follow-up to bladder cancer"] == (1, 360)


def test_what_is_judged_at_the_entry_alone_and_what_is_looked_up_anew_is_said() -> None:
    told = trial(inputs=TRIAL)
    assert {w.note for w in told.windows if "180 days" in w.label} == {"judged at entry into the cohort"}
    assert any("judged once, on the day of entry" in note for note in told.notes)
    (anew,) = [w for w in told.windows if "anew" in w.label]
    assert (anew.kind, anew.label) == ("covariate", "statins: anew on the first day of each interval")
    assert (anew.first, anew.last) == (1, 331)  # first days of the twelve intervals of thirty


def test_the_dead_stay_at_risk_where_death_competes_and_leave_where_it_censors() -> None:
    stay, end = "The dead stay at risk of an outcome that they can no longer have.", "end of the interval of the death"
    found = {
        (known, death): trial(known, death=death) for known in ("month", "ignore") for death in ("competes", "censors")
    }
    assert {key for key, told in found.items() if stay in told.notes} == {("month", "competes")}
    assert {key for key, told in found.items() if end in told.windows[-1].note} == {("month", "censors")}
    assert found["month", "competes"].windows[-1].note == "until outcome, end of observation"
    assert stay not in trial(inputs={"outcome": "death"}).notes


def test_who_leaves_the_strategy_leaves_the_follow_up_per_protocol_and_of_the_cloned() -> None:
    ends = "end of the interval in which the strategy is left"
    assert ends not in trial(effect="intention-to-treat").windows[-1].note
    assert ends in trial(effect="per-protocol").windows[-1].note
    told = trial(cloned=True)
    assert told.zero == "time zero: entry into ill, where each person is cloned into every strategy"
    assert ends in told.windows[-1].note and (told.windows[-1].first, told.windows[-1].last) == (1, 359)


def test_a_case_series_with_other_windows_or_another_assumption_has_its_own_diagram() -> None:
    series = study()["analyses"][[w["type"] for w in study()["analyses"]].index("case_series")]
    other = {**series, "id": "longer", "parameters": {**series["parameters"], "pre_exposure_days": 60}}
    ended = {**series, "id": "ended", "parameters": {**series["parameters"], "ends": "event-dependent"}}
    again = {**series, "id": "again"}
    told = diagrams({**study(), "analyses": [series, other, ended, again]}, WORDS)
    assert [one.analyses for one in told] == [(series["id"], "again"), ("longer",), ("ended",)]
    assert told[0].title.endswith(f"({series['id']}, again)") and told[1].title.endswith("(longer)")
    assert not any("may depend" in note for note in told[0].notes)
    assert any("may depend" in note for note in told[2].notes)


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


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("figure", "check"), [("zero_trial", "trial"), ("zero_trial", "trial-calendar"), ("zero_cloned", "cloned")]
)
def test_a_trial_s_time_zero_is_told_by_study_check_as_it_is_drawn(language: str, figure: str, check: str) -> None:
    drawn = toml("adapters/figures.toml")[language]["design"][figure].format(drug="a", cohort="b").split(": ")[-1]
    told = Voice(language, as_json=False).word(f"time-zero-{check}", exposure="a", cohort="b", days=30, trials=2)
    assert told.startswith(drawn.removeprefix("temps zéro : "))
