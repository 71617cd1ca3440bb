# SPDX-License-Identifier: Apache-2.0
"""What a rate is divided by and may claim: populations of a census, standard populations, declared samples. Counts no person."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from rempart.errors import BadInput, Refused
from rempart.records.describing import (
    OBSERVED,
    OLDEST,
    UNKNOWN,
    CohortAnalysis,
    Inhabitants,
    Population,
    band_names,
    dimensions_of,
)
from rempart.records.study import Study
from rempart.study.tallies import Tally

Period = tuple[datetime.date, datetime.date]
UNSEEN = "census-outside-data"  # the rule of a rate over a census that counts days which the sources do not


def check_denominators(study: Study, standards: Mapping[str, Any]) -> None:
    """What a study divides by, before anything is counted. Raises BadInput ``standard-unknown``, ``standard-ages``, ``population-rows``."""
    for analysis in study.descriptions:
        if analysis.standard:
            standard_weights(standards, analysis.standard, analysis.ages)
        if analysis.denominator == OBSERVED:
            continue
        population, period = study.populations[analysis.denominator], study.protocol.period
        known = {"sex": ("female",), "place": tuple({row.place for row in population.rows if row.place})[:1] or ("",)}
        for variable in analysis.variables:
            for band in band_names(analysis.bands):
                key = {name: known.get(name, (band,))[0] for name in dimensions_of(variable)}
                for year in range(period[0].year, period[1].year + 1):
                    inhabitants(population, analysis, key, variable, year=year)


def inhabitant_years(
    population: Population, analysis: CohortAnalysis, key: Mapping[str, str], variable: str, *, period: Period
) -> float | None:
    """Years lived by the inhabitants of a level over ``period``: persons of each year × the share of its days in the period.

    None for an unknown level. Raises BadInput ``population-rows``: a dimension not told apart, ages cut elsewhere, a year absent.
    """
    if UNKNOWN in key.values():
        return None
    years = [int(key["year"])] if "year" in dimensions_of(variable) else range(period[0].year, period[1].year + 1)
    return sum(inhabitants(population, analysis, key, variable, year=year) * _share(year, period) for year in years)


def inhabitants(
    population: Population, analysis: CohortAnalysis, key: Mapping[str, str], variable: str, *, year: int
) -> int:
    """Persons of a level in a year; errors as ``inhabitant_years``."""
    own = [row for row in population.rows if row.year in {None, year}]
    if not own:
        raise _wrong(f"year {year}")
    return sum(row.persons for row in own if _within(row, analysis, key, variable))


def _within(row: Inhabitants, analysis: CohortAnalysis, key: Mapping[str, str], variable: str) -> bool:
    for name in dimensions_of(variable):
        if name == "age" and not _in_band(row, key["age"]):
            return False
        if name in {"sex", "place"}:
            told = getattr(row, name)
            if not told:
                raise _wrong(name)
            if told != key[name]:
                return False
        if name in {"quarter", "month"}:
            raise _wrong(name)
    return True


def _in_band(row: Inhabitants, band: str) -> bool:
    if row.age is None:
        raise _wrong("age")
    low, high = limits(band)
    first, last = row.age
    inside = first >= low and (high is None or (last is not None and last <= high))
    apart = (last is not None and last < low) or (high is not None and first > high)
    if not inside and not apart:
        raise _wrong(f"age {band}")
    return inside


def limits(band: str) -> tuple[int, int | None]:
    """First and last age of a band's name; None: open."""
    if band.endswith("+"):
        return int(band[:-1]), None
    first, last = band.split("-")
    return int(first), int(last)


def _wrong(what: str) -> BadInput:
    return BadInput("population-rows", what=what)


def seen_period(seen: Sequence[Tally], period: Period) -> tuple[Period | None, str]:
    """The days of a period on which a census's events could be seen, from the cells of ``seen``, and '': or none, and the rule that says
    why no rate stands: before the first usable day the inhabitants were there, and their events were not."""
    since, until = ([cell.key[name] for cell in seen if cell.key[name] != UNKNOWN] for name in ("since", "until"))
    first, last = period[0], min([period[1], *map(datetime.date.fromisoformat, until)])
    if last < first or any(datetime.date.fromisoformat(day) > first for day in since):
        return None, UNSEEN
    return (first, last), ""


def _share(year: int, period: Period) -> float:
    first, last = datetime.date(year, 1, 1), datetime.date(year, 12, 31)
    return ((min(last, period[1]) - max(first, period[0])).days + 1) / ((last - first).days + 1)


def standard_weights(
    standards: Mapping[str, Any], name: str, ages: tuple[int, int] | None = None
) -> dict[tuple[str, int, int], float]:
    """(sex or ``all``, first and last age of a band) → weight; ``ages``: bands between these alone.

    Raises BadInput ``standard-unknown``, ``standard-ages`` when ages cut a band.
    """
    if name not in standards or "ages" not in standards[name]:
        known = ", ".join(key for key, entry in standards.items() if isinstance(entry, Mapping))
        raise BadInput("standard-unknown", name=name, expected=known)
    entry, (low, high) = standards[name], ages or (0, OLDEST)
    firsts = list(entry["ages"])
    bands = list(zip(firsts, [*(first - 1 for first in firsts[1:]), OLDEST], strict=True))
    if any(first < low <= last or first <= high < last for first, last in bands):
        raise BadInput("standard-ages", name=name, low=low, high=high, expected=", ".join(map(str, firsts)))
    sexes = [sex for sex in ("all", "male", "female") if sex in entry]
    return {
        (sex, *band): float(weight)
        for sex in sexes
        for band, weight in zip(bands, entry[sex], strict=True)
        if low <= band[0] and band[1] <= high
    }


def sampled_fraction(declared: Sequence[Tally], analysis: CohortAnalysis) -> float:
    """The share of the population that every delivery declares to hold. Raises Refused ``weight-not-declared`` when they say none or
    differ."""
    found = {_fraction(cell.key) for cell in declared}
    if len(found) != 1 or None in found:
        raise Refused("weight-not-declared", analysis=analysis.id)
    return float(next(iter(found)) or 1.0)


def _fraction(key: Mapping[str, str]) -> float | None:
    fraction, weight = (None if key[name] == UNKNOWN else float(key[name]) for name in ("fraction", "weight"))
    return fraction if fraction is not None else None if weight is None or weight < 1 else 1 / weight


def check_claim(declared: Sequence[Tally], analysis: CohortAnalysis) -> None:
    """A rate may be said to be of a population, or be one over a census, only when every delivery declares to be of that population, whole,
    or drawn from it and weighted here.

    Raises Refused ``rate-of-a-selection``.
    """
    if not analysis.claims and analysis.denominator == OBSERVED:
        return
    targets = {cell.key["target"].strip().casefold() for cell in declared}
    whole = all(_fraction(cell.key) == 1 for cell in declared)
    said = analysis.claims.strip().casefold()
    if not said or targets != {said} or not (whole or analysis.weighted):
        raise Refused("rate-of-a-selection", analysis=analysis.id, claims=analysis.claims)
