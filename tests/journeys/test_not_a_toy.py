# SPDX-License-Identifier: Apache-2.0
"""The answer is the true one: attrition equals a count from the delivered files, and the estimate follows the planted effect."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journeys.conftest import MEDIUM_PERSONS, MEDIUM_SHARDS, Once
from tests.journeys.house import EXAMPLES, SOURCE, House, call, copy_house, edited
from tests.journeys.independent_count import Count, Rules
from tests.journeys.raw_result import Cells, cells
from tests.journeys.test_refusals import runs

ARMS = ("all", "target", "comparator")


@pytest.fixture(scope="module")
def count(medium_delivery: Path) -> Count:
    """The second count, made from the files alone."""
    return Count(medium_delivery, cleaning=SOURCE / "rempart" / "ingest" / "cleaning.toml")


@pytest.fixture(scope="module")
def medium(medium_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A copy of the medium warehouse, its study run."""
    house = copy_house(medium_template, tmp_path_factory.mktemp("medium"))
    house.unlock()
    yield house
    house.lock()


@pytest.fixture(scope="module")
def answer(medium: House) -> Cells:
    """Its raw cells."""
    return cells(medium, runs(medium)[0])


EXAMPLE = Rules()
STRICTER = Rules(washout=180, age=(55, 75), lag=200, follow_up=900)


def strictly(medium: House) -> Cells:
    """The cells of the example under other numbers, so that steps which let everybody through are tried too."""
    text = edited(
        (EXAMPLES / "glitazones" / "study.toml").read_text(encoding="utf-8"),
        ("washout_days = 365", "washout_days = 180"),
        ("age = [40, 120]", "age = [55, 75]"),
        ("lag_days = 30", "lag_days = 200"),
        ("follow_up_days = 1825", "follow_up_days = 900"),
    )
    return cells(medium, medium.run_study(study=medium.write("strict.toml", text))["run"])


def compare(found: Cells, count: Count, rules: Rules) -> dict[tuple[int, str], int]:
    """Attrition, persons and outcomes of every arm equal the second count; the attrition."""
    told = {(int(row[:2]), arm): int(v or 0) for (output, row, arm, _), v in found.items() if output == "attrition"}
    attrition, events = count.attrition(rules), count.events(rules)
    assert len(told) == 21
    assert {key: attrition.get(key, 0) for key in told} == told
    for arm in ARMS:
        assert found["incidence", "bladder_cancer", arm, "events"] == events[arm]
        assert found["incidence", "bladder_cancer", arm, "persons"] == attrition[7, arm]
        assert events[arm] > 20
    return told


def test_attrition_and_outcomes_equal_a_count_from_the_delivered_files(answer: Cells, count: Count) -> None:
    told = compare(answer, count, EXAMPLE)
    assert told[1, "all"] > told[4, "all"] > told[6, "all"] > told[7, "all"]


def test_under_stricter_rules_they_are_equal_too(medium: House, answer: Cells, count: Count) -> None:
    told = compare(strictly(medium), count, STRICTER)
    assert told[3, "all"] > told[4, "all"] > told[5, "all"] > told[6, "all"] > told[7, "all"]
    assert told[7, "all"] < count.attrition(EXAMPLE)[7, "all"]


def test_outputs_agree_on_who_is_in_the_study(answer: Cells) -> None:
    """What one output says of a person set, the others say too."""
    for arm in ARMS:
        persons = answer["incidence", "bladder_cancer", arm, "persons"]
        assert answer["table_one", "all,all", arm, "n"] == persons
        levels = [
            v or 0 for k, v in answer.items() if k[0] == "table_one" and k[1].endswith(",sex") and k[2:] == (arm, "n")
        ]
        assert sum(levels) == persons
        last = max(key[1] for key in answer if key[0] == "cumulative_incidence")
        ends = [
            answer["cumulative_incidence", last, arm, name] or 0 for name in ("at_risk", "events", "deaths", "censored")
        ]
        assert sum(ends) == persons


def test_the_persons_counted_are_those_that_the_generator_says_can_be_told_apart(
    count: Count, medium_delivery: Path
) -> None:
    truth = json.loads((medium_delivery.parent / "truth.json").read_text(encoding="utf-8"))
    assert len(count.people) == truth["identities"]["resolvable_persons"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A hazard ratio with its interval."""

    value: float
    lower: float
    upper: float

    def covers(self, truth: float) -> bool:
        return self.lower <= truth <= self.upper


def ratio(found: Cells, model: str) -> Ratio:
    """Target against comparator."""
    (row,) = {
        key[1]
        for key in found
        if key[0] == "hazard_ratio" and key[1].split(",")[1:] == [model, "target versus comparator"]
    }
    values = [found["hazard_ratio", row, "", name] for name in ("hazard_ratio", "lower", "upper")]
    return Ratio(*(float(value or math.nan) for value in values))


@pytest.fixture(scope="module")
def planted(once: Once, answer: Cells, tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Cells]:
    """The cells of a study on a delivery with that effect; 2 is the medium one."""
    known = {2.0: answer}

    def of(effect: float) -> Cells:
        if effect not in known:
            known[effect] = once_with(effect, tmp_path_factory.mktemp(f"effect-{effect:g}"))
        return known[effect]

    return of


def once_with(effect: float, folder: Path) -> Cells:
    """From an empty folder to the cells."""
    words = ("--persons", str(MEDIUM_PERSONS), "--years", "2012:2017", "--seed", "7", "--effect", str(effect))
    assert call("synth", folder / "synth", *words).code == 0
    house = House(folder / "house")
    try:
        house.init(shards=MEDIUM_SHARDS)
        house.told("ingest", folder / "synth" / "delivery")
        house.told("permit", "grant", house.example("permit"), "--key", house.key("claire"))
        house.example("study")
        return cells(house, house.run_study()["run"])
    finally:
        house.lock()


@pytest.mark.parametrize("effect", [2.0, 1.0, 3.0])
def test_the_adjusted_ratio_covers_the_planted_effect_and_the_crude_one_does_not(
    effect: float, planted: Callable[[float], Cells]
) -> None:
    found = planted(effect)
    adjusted, crude = ratio(found, "adjusted"), ratio(found, "crude")
    assert adjusted.covers(effect), (effect, adjusted)
    assert not crude.covers(effect), (effect, crude)
    assert crude.value < adjusted.value, (
        "the comparator's users are older and more often men: the crude ratio is too low"
    )
    for other in {1.0, 2.0, 3.0} - {effect}:
        assert abs(math.log(adjusted.value / effect)) < abs(math.log(adjusted.value / other))


def test_a_larger_effect_gives_a_larger_estimate(planted: Callable[[float], Cells]) -> None:
    one, two, three = (ratio(planted(effect), "adjusted") for effect in (1.0, 2.0, 3.0))
    assert one.value < two.value < three.value
    assert one.upper < 2 < three.lower or one.upper < three.lower
    assert two.lower > 1


def test_the_hazard_ratio_of_the_medium_study_may_leave(medium: House) -> None:
    """Enough outcomes for the rules: the released table holds the ratio, not only the marker."""
    release = medium.told("release", "submit", runs(medium)[0], "--key", medium.key("alice"))["release"]
    for name in ("bob", "carol"):
        medium.told("release", "review", release, "--key", medium.key(name), "--verdict", "approve")
    folder = Path(medium.told("release", "publish", release, "--key", medium.key("alice"))["folder"])
    text = (folder / "tables" / "hazard_ratio.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "target versus comparator" in line and ",hazard_ratio," in line]
    assert lines
    assert not any("suppressed" in line for line in lines)
