# SPDX-License-Identifier: Apache-2.0
"""The truths told beside a delivery: marginal effects are current, agree with a smaller simulation and with outcomes really drawn."""

import json
from typing import Any

import numpy as np
import pytest

from rempart.adapters import package_data
from rempart.errors import BadInput
from rempart.synthetic.outcomes import Baseline, Courses, baseline_of, effect_of, first_events
from rempart.synthetic.plan import NEVER
from rempart.synthetic.planting import empty_planted, merge
from rempart.synthetic.potential import marginal_truth, simulate, truth_key
from rempart.synthetic.potential_sums import Sums, hazard_ratio
from rempart.synthetic.studies import plant, rules_of, study_names
from rempart.synthetic.studies_truth import StudyBook, study_rows
from tests.spec.planted_page import PAGE, page
from tests.spec.planted_people import YEAR, calendar, eligible_block, field, logistic, scene, slices, tables

KEPT = package_data.toml("synthetic/marginal.toml")
CASES = [(name, mode, None) for name in study_names(tables()) for mode in ("cohort", "boost")]
ASKED = [*CASES, *(("pioglitazone_bladder", "boost", effect) for effect in (1.0, 2.0, 3.0))]


@pytest.mark.parametrize(("study", "mode", "effect"), ASKED)
def test_a_kept_truth_is_of_the_present_parameters_and_of_ten_million_outcomes(
    study: str, mode: str, effect: float | None
) -> None:
    rules = rules_of(tables(), study, mode, effect)
    kept = [truth for truth in KEPT["truths"] if truth["key"] == truth_key(tables(), rules)]
    assert len(kept) == 1, "run scripts/marginal_truths.py"
    assert kept[0]["potential_outcomes"] >= 10_000_000
    assert kept[0]["study"] == study


@pytest.mark.parametrize(("study", "mode", "effect"), ASKED)
def test_a_smaller_simulation_with_another_seed_agrees(study: str, mode: str, effect: float | None) -> None:
    given = tables()
    rules = rules_of(given, study, mode, effect)
    kept = marginal_truth(given, KEPT, rules)
    made = simulate(given, rules, persons=16_000, seed=7)
    assert made["contrasts"].keys() == kept["contrasts"].keys()
    for name, numbers in made["contrasts"].items():
        for word, told in numbers.items():
            known = kept["contrasts"][name][word]
            # A spread of eight chunks is itself uncertain: five standard errors, and the rounding of the file.
            room = 5 * np.hypot(told["error"], known["error"]) + 2e-7 * abs(known["value"])
            assert abs(told["value"] - known["value"]) <= room, (name, word, told, known)


def test_integrated_outcomes_agree_with_outcomes_drawn_day_by_day() -> None:
    given = tables()
    made = simulate(given, rules_of(given, "pioglitazone_bladder", "boost", 2.0), persons=64_000)
    told = made["contrasts"]["initiation_2_years"]
    size, draw, table = 400_000, np.random.default_rng(3), given["studies"]["pioglitazone_bladder"]
    groups = [group for group in table["groups"]["boost"] if group["timing"] == "new"]
    share = np.array([group["share"] for group in groups])
    group = draw.choice(2, size, p=share / share.sum())
    mean = np.array([g["age"][0] for g in groups])[group]
    age = draw.normal(mean, 8.5).clip(42, 90)
    sex = np.where(draw.random(size) < np.array([g["men"] for g in groups])[group], 1, 2)
    death, base = given["death"], baseline_of(table["baseline"], table["boost"])
    dying = Baseline(level=death["level"], slope=death["slope"], men=death["men"])
    delay = draw.uniform(1.0, 5.5, size)
    spent = sum(law.rate(age, sex) * np.expm1(law.slope * delay) / law.slope for law in (base, dying))
    there = draw.random(size) < np.exp(-spent)
    age, sex = (age + delay)[there], sex[there]
    size = len(age)
    years = np.log1p(draw.exponential(size=size) * dying.slope / dying.rate(age, sex)) / dying.slope
    born, end = (-age * YEAR).astype(np.int64), np.minimum((years * YEAR).astype(np.int64), 730) + 1
    effect = effect_of({"dose": [[0, 2.0]], "since": [[0, 1.0]], "latency_days": 0})
    for word, number in {"risk_target": 0, "risk_comparator": -1}.items():
        courses = Courses(
            start=np.zeros(size, dtype=np.int64), step=np.full(size, 28), refills=np.full(size, 50), dose=np.full(size, 1.0),
            effect=np.full(size, number),
        )  # fmt: skip
        event = first_events(base, (born, sex), (courses, [effect]), (1, end), draw)
        risk = (event < NEVER).mean()
        assert risk == pytest.approx(told[word]["value"], abs=4 * np.sqrt(risk / size)), word
    assert told["hazard_ratio"]["value"] < 2.0


def test_the_marginal_ratio_of_alike_persons_is_the_planted_one_and_of_unlike_ones_is_nearer_to_one() -> None:
    def world(rates: Any, ratio: float) -> Sums:
        left, rows = np.ones(len(rates)), []
        for _ in range(60):
            hazard = rates * ratio
            gone = left * -np.expm1(-hazard / 12)
            rows.append([left.sum(), (gone / hazard).sum(), gone.sum()])
            left = left - gone
        there, risk, events = np.array(rows).T
        return Sums(left=there, risk=risk, events=events, plain=events)

    alike, unlike = np.full(1000, 0.02), 0.02 * np.exp(np.random.default_rng(1).normal(0, 1, 200_000))
    assert hazard_ratio(world(alike, 6.6), world(alike, 1.0)) == pytest.approx(6.6, rel=1e-6)
    marginal = hazard_ratio(world(unlike, 6.6), world(unlike, 1.0))
    assert 4.0 < marginal < 6.0


def test_hazard_ratios_do_not_collapse_and_boosting_shows_it() -> None:
    truths = {
        mode: marginal_truth(tables(), KEPT, rules_of(tables(), "benfluorex_valve", mode))
        for mode in ("cohort", "boost")
    }
    true, boosted = (
        truths[mode]["contrasts"]["on_treatment_3_years"]["hazard_ratio"]["value"] for mode in ("cohort", "boost")
    )
    assert boosted < true < 3.1


def test_the_true_mode_of_pioglitazone_looks_as_published() -> None:
    seen = marginal_truth(tables(), KEPT, rules_of(tables(), "pioglitazone_bladder", "cohort"))["contrasts"]["observed"]
    assert 1.05 < seen["crude_rate_ratio"]["value"] < seen["conditional_ratio"]["value"] < 1.43
    assert seen["crude_rate_ratio"]["value"] == pytest.approx(1.154, abs=0.02)
    assert seen["conditional_ratio"]["value"] == pytest.approx(1.22, abs=0.02)


def test_the_null_study_has_a_null_truth() -> None:
    truth = marginal_truth(tables(), KEPT, rules_of(tables(), "doac_vka", "cohort"))["contrasts"]
    assert truth["initiation_0.25_years"]["hazard_ratio"]["value"] == pytest.approx(1.0, abs=1e-9)
    assert truth["observed"]["crude_rate_ratio"]["value"] < 0.95


def test_parameters_that_are_not_kept_are_simulated_as_those_that_are() -> None:
    given, seen = tables(), list[tuple[int, int]]()
    assert 2 * given["potential"]["persons"] >= 10_000_000
    given["potential"]["persons"] = 4000
    rules = rules_of(given, "pioglitazone_bladder", "boost", 5.0)
    truth = marginal_truth(given, KEPT, rules, lambda done, total: seen.append((done, total)))
    assert (truth["effect"], truth["potential_outcomes"], seen[-1]) == (5.0, 8000, (4000, 4000))
    kept = marginal_truth(given, KEPT, rules_of(given, "pioglitazone_bladder", "boost", 2.0))
    assert kept["potential_outcomes"] >= 10_000_000


def test_the_book_of_truths_counts_what_was_planted() -> None:
    of = scene("pioglitazone_bladder", 20_000, effect=2.0)
    book = StudyBook(tables(), KEPT, ["pioglitazone_bladder"], "boost", 2.0)
    book.add(of.planted, of.days)
    once = json.loads(json.dumps(book.told()))["pioglitazone_bladder"]
    book.add(of.planted, of.days)
    twice = book.told()["pioglitazone_bladder"]["planted"]["target"]
    mine = slices(of, ("target",))
    assert once["planted"]["target"]["outcomes_of_new_users"] == mine.event.sum()
    assert twice["person_years_of_new_users"] == pytest.approx(
        2 * once["planted"]["target"]["person_years_of_new_users"]
    )
    assert once["planted"]["target"]["person_years_of_new_users"] == pytest.approx(mine.length.sum() / YEAR, rel=0.002)
    assert once["conditional"]["effects"]["pioglitazone"]["by_milligrams"] == [[0.0, 2.0]]
    rows = study_rows(of.planted, of.days, 500).to_pydict()
    assert len(rows["person"]) == 20_000
    assert rows["person"][0] == "500"
    assert {word for word in rows["event"] if word} <= {
        str(of.days.text(np.array([d]))[0]) for d in range(of.days.first, of.days.last + 1)
    }


def test_what_cannot_be_planted_is_refused() -> None:
    given, days = tables(), calendar()
    block = eligible_block(given, "pioglitazone_bladder", "boost", 50, 1, days)
    draw = np.random.default_rng(1)
    cases: list[tuple[str, dict[str, Any]]] = [
        ("synth-study", {"names": ["nothing"]}), ("synth-study-years", {"names": ["mrna_myocarditis"]}),
        ("synth-study-mode", {"names": ["doac_vka"], "mode": "loud"}),
        ("synth-study-effect", {"names": ["doac_vka", "benfluorex_valve"], "effect": 2.0}),
        ("synth-study-effect", {"names": ["valproate_malformations"], "effect": 2.0}),
        ("synth-study-several", {"names": ["doac_vka", "benfluorex_valve"], "mode": "cohort"}),
        ("synth-study-environment", {"names": ["pm25_mortality"]}),
    ]  # fmt: skip
    for code, asked in cases:
        names = asked.pop("names")
        with pytest.raises(BadInput) as caught:
            plant(given, names, block, days, draw, **asked)
        assert caught.value.code == code


def test_studies_planted_together_keep_their_codes_apart_and_do_not_depend_on_the_order_asked() -> None:
    given, days = tables(), calendar(2018, 2022)
    block = eligible_block(given, "pm25_mortality", "cohort", 4000, 1, days)
    names = list(study_names(given))
    block = type(block)(sex=block.sex, born=block.born, death=block.death, homes=block.homes, mortality=block.mortality)
    one, two = (
        plant(given, order, block, days, np.random.default_rng(4), environment=field(given, days))
        for order in (names, names[::-1])
    )
    assert (one.death == two.death).all()
    assert one.dispensings.day.tolist() == two.dispensings.day.tolist()
    codes = {pack.cip13 for pack in one.packs}
    assert len(codes) == len(one.packs)
    assert one.dispensings.pack.max(initial=0) < len(one.packs)
    assert one.stays.form.max(initial=0) < len(one.forms)
    assert (one.dispensings.day < np.minimum(one.death[one.dispensings.person], days.last + 1)).all()
    assert {facts.study for facts in one.facts} == set(names)
    assert merge([empty_planted(block.death), one]).packs == one.packs


@pytest.mark.parametrize("place", [("baseline", "per_100000"), ("groups", "cohort"), ("effects", "dabigatran")])
def test_any_change_of_a_study_makes_its_kept_truth_stale(place: tuple[str, str]) -> None:
    before, after = tables(), tables()
    after["studies"]["doac_vka"][place[0]][place[1]] = None
    keys = {truth_key(given, rules_of(given, "doac_vka", "cohort")) for given in (before, after)}
    assert len(keys) == 2


def test_weighting_the_planted_new_users_finds_the_marginal_risks_and_the_crude_ones_miss_them() -> None:
    """Inverse probability of the arm given age and sex; Aalen-Johansen by months, death competing, the end of the data censoring."""
    of = scene("pioglitazone_bladder", 120_000, effect=2.0)
    told = marginal_truth(tables(), KEPT, rules_of(tables(), "pioglitazone_bladder", "boost", 2.0))["contrasts"][
        "initiation_2_years"
    ]
    facts, horizon = of.planted.facts[0], 731
    free = np.isin(facts.arm, [1, 2]) & facts.fresh & (facts.event > facts.start)
    who, start, event = facts.person[free], facts.start[free], facts.event[free]
    target, man = facts.arm[free] == 1, (of.block.sex[who] == 1).astype(float)
    age = (start - of.block.born[who]) / YEAR / 10 - 6.5
    shape = np.column_stack([np.ones(len(age)), age, age**2, man, man * age])
    coefficients = [value for value, _ in logistic(target, list(shape.T[1:]))]
    level = np.log(target.mean() / (1 - target.mean()))
    for _ in range(30):
        share = 1 / (1 + np.exp(-(level + shape[:, 1:] @ coefficients)))
        level += (target.sum() - share.sum()) / (share * (1 - share)).sum()
    weight = np.where(target, 1 / share, 1 / (1 - share))
    death = of.planted.death[who]
    end = np.minimum(np.minimum(event, death), np.minimum(of.days.last + 1, start + horizon))
    risks = {}
    for name, weights in (("weighted", weight), ("crude", np.ones(len(weight)))):
        for arm, mine in (("risk_target", target), ("risk_comparator", ~target)):
            left, risk = 1.0, 0.0
            for month in range(24):
                low, high = start + month * horizon / 24, start + (month + 1) * horizon / 24
                time = (weights * np.clip(np.minimum(end, high) - low, 0, None))[mine].sum()
                now = mine & (end >= low) & (end < high)
                ill, dead = (weights[now & (end == day)].sum() / time for day in (event, death))
                gone = -np.expm1(-(ill + dead) * horizon / 24)
                risk, left = risk + left * gone * ill / max(ill + dead, 1e-12), left * (1 - gone)
            risks[name, arm] = risk
    for arm in ("risk_target", "risk_comparator"):
        truth = told[arm]["value"]
        assert risks["weighted", arm] == pytest.approx(truth, rel=0.06), arm
    ratio = risks["weighted", "risk_target"] / risks["weighted", "risk_comparator"]
    assert ratio == pytest.approx(told["risk_ratio"]["value"], rel=0.10)
    assert risks["crude", "risk_target"] / risks["crude", "risk_comparator"] < 1.4


def test_the_page_of_planted_studies_is_the_one_that_the_data_files_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
