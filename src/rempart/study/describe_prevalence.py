# SPDX-License-Identifier: Apache-2.0
"""Prevalence on days or over calendar units as result rows: persons, cases, share with its exact (Clopper–Pearson) interval."""

from rempart.records.describing import OBSERVED, UNKNOWN, dimensions_of
from rempart.study.denominators import check_claim, inhabitants
from rempart.study.describe_cells import ARM, NOBODY, Describing, Key, place, present, reference
from rempart.study.rates_exact import clopper_pearson
from rempart.study.rows import Output

PRESENT = "persons observed"
_THREE = ("prevalence", "prevalence_lower", "prevalence_upper")
_UNITS = dict.fromkeys(_THREE, "percent")


def prevalence(output: Output, told: Describing) -> None:
    """One line for each time and level of each variable; denominators: persons of the cohort, or inhabitants of a census."""
    analysis = told.analysis
    check_claim(told.part("declared"), analysis)
    for variable in analysis.variables:
        cases = told.levels("cases", variable, "time")
        for key, persons in present(told, variable).items():
            found = cases.get(key, NOBODY)
            named = dict(zip(dimensions_of(variable), key[1:], strict=True))
            base = PRESENT if analysis.denominator == OBSERVED else analysis.denominator
            row = {"outcome": analysis.outcome, "denominator": base, "time": key[0], **place(variable, named)}
            output.write(row, ARM, {"persons": persons.persons}, n=persons.persons, ref=reference(persons))
            output.write(row, ARM, {"cases": found.persons}, n=found.persons, ref=reference(found))
            divided, further = _denominator(told, variable, key, persons.persons)
            interval = clopper_pearson(found.persons, divided) if divided >= found.persons else None
            values = dict(zip(_THREE, [100 * x for x in interval] if interval else [None] * 3, strict=True))
            output.write(row, ARM, {**further, **values}, n=found.persons, ref=reference(found), units=_UNITS)


def _denominator(told: Describing, variable: str, key: Key, persons: int) -> tuple[int, dict[str, float]]:
    """What cases are divided by, and what is shown of it besides the persons of the cohort."""
    analysis = told.analysis
    if analysis.denominator == OBSERVED:
        return persons, {}
    named = dict(zip(dimensions_of(variable), key[1:], strict=True))
    if UNKNOWN in named.values():
        return 0, {}
    population = told.study.populations[analysis.denominator]
    number = inhabitants(population, analysis, named, variable, year=int(key[0][:4]))
    return number, {"inhabitants": float(number)}
