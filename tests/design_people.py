# SPDX-License-Identifier: Apache-2.0
"""Histories of a few lines for the designs within persons and of matched sets, so many of each kind; one cell of a result."""

from collections.abc import Mapping
from typing import Any

from rempart.records.result import ResultRow
from tests.naive_designs import DAY, FIRST, History, study

ALPHA = {"cohort": "people", "exposures": ["alpha"]}
NESTED = {"controls": "controls", "exposures": ["alpha", "beta"], "covariates": []}


def asked(kind: str, design: str, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
    """The study of one analysis."""
    return study({"type": kind, "design": design, "inputs": dict(inputs), "parameters": dict(parameters)})


def value(rows: list[ResultRow], statistic: str, arm: str = "", **row: str) -> float | None:
    """The one cell that has these parts."""
    (found,) = [
        item
        for item in rows
        if item.statistic == statistic
        and item.column_key.get("arm", "") == arm
        and all(item.row_key[key] == told for key, told in row.items())
    ]
    return found.value


def series(events: list[int], *, dose: int = 20, length: int = 100, **more: Any) -> list[History]:
    """A case for each event day: observed on days 1 to ``length`` after the first, exposed on day ``dose``."""
    return [
        History(
            number=number,
            cohort=[(FIRST, FIRST + length * DAY)],
            events=[FIRST + day * DAY],
            doses={"alpha": [FIRST + dose * DAY]},
            **more,
        )
        for number, day in enumerate(events, 1)
    ]


def crossing(only_risk: int, only_reference: int, both: int, neither: int, *, controls: bool = False) -> list[History]:
    """Persons with an event on day 60, dispensed in the week before, in the week 28 days earlier, in both or in none."""
    kinds = [([58], only_risk), ([30], only_reference), ([58, 30], both), ([], neither)]
    people = [
        History(number=0, doses={"alpha": [FIRST + day * DAY for day in days]})
        for days, many in kinds
        for _ in range(many)
    ]
    for number, person in enumerate(people, 1):
        person.number = number + (1000 if controls else 0)
        (person.other if controls else person.cohort).append((FIRST + 60 * DAY, FIRST + 90 * DAY))
    return people


def pairs(*kinds: tuple[str, str, int]) -> list[History]:
    """Pairs of a case and a control with what each was dispensed ('' for nothing), so many times."""
    people: list[History] = []
    number = 0
    for case, control, many in kinds:
        for _ in range(many):
            number += 1
            for cohort, drug in (("controls_cases", case), ("controls", control)):
                own = {drug: [FIRST + 20 * DAY]} if drug else {}
                people.append(History(number=len(people), doses=own, sets=[(cohort, FIRST + 60 * DAY, number)]))
    return people
