# SPDX-License-Identifier: Apache-2.0
"""Persons with constant hazards of falling ill, dying, starting, stopping and being seen no longer: risks known in closed form."""

import math
import random
from dataclasses import dataclass

from tests.described_people import DAY, FIRST, Person

END = FIRST + 900 * DAY
_FAR = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazards:
    """Per 30 days. Nothing that is started changes any of them."""

    ill: float
    death: float
    start: float
    stop: float = 0.0
    lost: float = 0.0

    def risk(self, days: int) -> float:
        """Of falling ill within so many days, where the dead cannot."""
        rate = (self.ill + self.death) / 30
        return self.ill / (self.ill + self.death) * (1 - math.exp(-rate * days))


def persons_with(hazards: Hazards, count: int, *, seed: int, spread: int = 0, sex: int = 8532) -> list[Person]:
    """Who enter within ``spread`` days, are treated from their start until they stop, and start only while they live and are well."""
    draw, found = random.Random(seed), []
    for number in range(1, count + 1):
        entry = FIRST + draw.randint(0, spread) * DAY
        ill, death, start, stop, lost = (
            1 + int(draw.expovariate(rate / 30)) if rate else _FAR
            for rate in (hazards.ill, hazards.death, hazards.start, hazards.stop, hazards.lost)
        )
        end = min(END, entry + min(death, lost) * DAY)
        person = Person(number=seed * 100_000 + number, born=1950, sex=sex, observed=(FIRST - 400 * DAY, end))
        person.cohort = [(entry, end)]
        if death < lost and entry + death * DAY <= END:
            person.died = entry + death * DAY
        if entry + ill * DAY <= end:
            person.events = [entry + ill * DAY]
        if start < ill and entry + start * DAY <= end:
            first = entry + start * DAY
            person.fills = [(first, 1.0, None)]
            person.exposures = {"alpha": [(first, min(END, first + stop * DAY))]}
        found.append(person)
    return found
