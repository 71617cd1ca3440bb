# SPDX-License-Identifier: Apache-2.0
"""Incidence rates and person-time of a rule cohort as result rows, each beside its denominator. Counts no person itself.

Intervals: Garwood for first events; by the persons' own scatter where a person may have several, or serve in several sets; by the
design where persons are weighted. None where so few persons, or such alike ones, show no scatter.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rempart.records.describing import OBSERVED, OLDEST, dimensions_of
from rempart.records.protocol import DEATH
from rempart.study.denominators import check_claim, inhabitant_years, sampled_fraction, seen_period, standard_weights
from rempart.study.describe_cells import ARM, NOBODY, Describing, Key, contributions, distinct, place, reference
from rempart.study.poisson import DAYS_IN_YEAR, rate
from rempart.study.rates_exact import (
    Interval,
    SampledSums,
    Stratum,
    clustered_rate,
    directly_standardised,
    weighted_rate,
)
from rempart.study.rows import UNITS, Behind, Output
from rempart.study.tallies import Tally

SEEN = "observed person-time"
UNKNOWN_CAUSE = "death of unknown cause"
PER = 1000.0
NO_SCATTER = "interval-without-scatter"  # the rule of limits that nothing can be told of
_PLACES = {"events": "facilities", "unknown": "unknown_facilities"}  # what is counted → part of its places of care
_THREE = ("rate", "rate_lower", "rate_upper")
_STANDARD = ("standardised_rate", "standardised_lower", "standardised_upper")
_RATE = UNITS["rate"]
_UNITS = {**UNITS, **dict.fromkeys(_STANDARD, _RATE), "inhabitant_years": "years", "weighted_person_years": "years"}
_OF_INHABITANTS = {**_UNITS, **dict.fromkeys((*_THREE, *_STANDARD), "per 1000 inhabitant-years")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """The tallies of one variable, by the levels of its dimensions; ``seen``: establishments."""

    variable: str
    time: Mapping[Key, Tally]
    events: Mapping[Key, Tally]
    both: Mapping[Key, Tally]
    seen: Mapping[Key, int]

    def named(self, key: Key) -> dict[str, str]:
        """Dimension → level."""
        return dict(zip(dimensions_of(self.variable), key, strict=True))


def _split(told: Describing, variable: str, counted: str = "events", together: str = "both") -> _Split:
    time, events, both = (told.levels(part, variable) for part in ("time", counted, together))
    seen = distinct(told.part(f"{_PLACES[counted]}/{variable}"), variable)
    return _Split(variable=variable, time=time, events=events, both=both, seen=seen)


def incidence(output: Output, told: Describing) -> None:
    """The whole cohort's rate; ``…_by``: by each variable; ``…_standardised``: directly standardised; ``…_unknown_cause``, also
    ``…_by``: deaths of unknown cause, a state of its own beside an outcome that is a death by cause."""
    analysis = told.analysis
    check_claim(told.part("declared"), analysis)
    row = {"outcome": analysis.outcome, "denominator": _denominator(told)}
    _crude(output, told, row, "events", "both")
    if analysis.standard:
        _standardised(output.named("standardised", "standardised_rate"), told, row)
    if any(item.domain == DEATH for item in told.study.outcomes.get(analysis.outcome, ())):
        unknown = output.named("unknown_cause", "rate")
        _crude(unknown, told, {**row, "outcome": UNKNOWN_CAUSE}, "unknown", "unknown_both")


def _crude(output: Output, told: Describing, row: Mapping[str, str], *parts: str) -> None:
    _rate_rows(output, told, row, _split(told, "all", *parts), ())
    if told.analysis.by:
        strata = output.named("by", "stratified_rate")
        for split in (_split(told, variable, *parts) for variable in told.analysis.variables):
            for key in split.time:
                _rate_rows(strata, told, {**row, **place(split.variable, split.named(key))}, split, key)


def _denominator(told: Describing) -> str:
    return SEEN if told.analysis.denominator == OBSERVED else told.analysis.denominator


def _rate_rows(output: Output, told: Describing, row: Mapping[str, str], split: _Split, key: Key) -> None:
    """Persons, events, the time and the rate of one cell. A rate stands on the persons with the outcome."""
    time, events = split.time.get(key, NOBODY), split.events.get(key, NOBODY)
    output.write(row, ARM, {"persons": time.persons}, n=time.persons, ref=reference(time))
    seen = Behind(establishments=split.seen.get(key))
    output.write(row, ARM, {"events": events.total}, n=events.persons, ref=reference(events), behind=seen)
    years = {"person_years": time.total / DAYS_IN_YEAR}
    output.write(row, ARM, years, n=time.persons, ref=reference(time), behind=contributions(time, unit=DAYS_IN_YEAR))
    if told.analysis.denominator != OBSERVED:
        _of_inhabitants(output, told, row, split, key)
        return
    found = _interval(told, time, events, split.both.get(key, NOBODY))
    blind = found is not None and _by_scatter(told) and found[1] == found[2]
    values = dict(zip(_THREE, found or (None, None, None), strict=True))
    values |= dict.fromkeys(_THREE[1:]) if blind else {}
    rule = NO_SCATTER if blind else ""
    output.write(row, ARM, values, n=events.persons, ref=reference(events), behind=seen, rule=rule)
    if told.analysis.weighted:
        _weighted(output, told, row, time, events)


def _interval(told: Describing, time: Tally, events: Tally, both: Tally) -> Interval | None:
    if (fraction := _drawn(told)) < 1:
        return _per(weighted_rate([_sums(time, events, both, fraction)]))
    if _by_scatter(told):
        return _per(clustered_rate(_sums(time, events, both, 1.0)))
    return rate(events.total, time.total, per=PER)


def _by_scatter(told: Describing) -> bool:
    """Whether an interval rests on how persons differ: one of them may have several events, or stand for many."""
    analysis = told.analysis
    return _drawn(told) < 1 or analysis.events == "every" or analysis.cohorts[0] in told.study.overlapping


def _drawn(told: Describing) -> float:
    """The share of a population that a weighted rate's persons are; 1 where they are all of it, and no design tells how rates vary."""
    return sampled_fraction(told.part("declared"), told.analysis) if told.analysis.weighted else 1.0


def _sums(time: Tally, events: Tally, both: Tally, fraction: float) -> SampledSums:
    """``both``: of days + events, whose squares give the sum of their products."""
    return SampledSums(
        persons=time.persons,
        fraction=fraction,
        events=events.total,
        days=time.total,
        events_squared=events.squares,
        days_squared=time.squares,
        product=(both.squares - events.squares - time.squares) // 2,
    )


def _per(found: Interval | None) -> Interval | None:
    """A rate per day as one per 1,000 years."""
    unit = DAYS_IN_YEAR * PER
    return None if found is None else (found[0] * unit, found[1] * unit, found[2] * unit)


def _weighted(output: Output, told: Describing, row: Mapping[str, str], time: Tally, events: Tally) -> None:
    fraction = sampled_fraction(told.part("declared"), told.analysis)
    values = {"weighted_events": events.total / fraction}
    output.write(row, ARM, values, n=events.persons, ref=reference(events))
    years = {"weighted_person_years": time.total / DAYS_IN_YEAR / fraction}
    output.write(row, ARM, years, n=time.persons, ref=reference(time), units=_UNITS)


def _of_inhabitants(output: Output, told: Describing, row: Mapping[str, str], split: _Split, key: Key) -> None:
    """Events among the cohort over the years lived by the inhabitants of the census on the days that could be seen."""
    analysis, events = told.analysis, split.events.get(key, NOBODY)
    population = told.study.populations[analysis.denominator]
    period, rule = seen_period(told.part("seen"), told.study.protocol.period)
    level = split.named(key)
    years = inhabitant_years(population, analysis, level, split.variable, period=period) if period else None
    found = rate(events.total, 1, per=PER / DAYS_IN_YEAR) if years else None
    values = dict(zip(_THREE, [x / years for x in found] if found and years else [None] * 3, strict=True))
    shown = {"inhabitant_years": years, **values}
    output.write(row, ARM, shown, n=events.persons, ref=reference(events), units=_OF_INHABITANTS, rule=rule)


def _standardised(output: Output, told: Describing, row: Mapping[str, str]) -> None:
    """The rate that the cohort would have with the ages (and sexes) of the standard population."""
    ages = told.analysis.ages
    cut = "" if ages is None else f", {ages[0]}-{ages[1]}" if ages[1] < OLDEST else f", {ages[0]}+"
    row = {**row, "standard": told.analysis.standard + cut}
    time, events = told.one("time/all"), told.one("events/all")
    output.write(row, ARM, {"persons": time.persons}, n=time.persons, ref=reference(time))
    output.write(row, ARM, {"events": events.total}, n=events.persons, ref=reference(events))
    found = _per(directly_standardised(strata(told)))
    values = dict(zip(_STANDARD, found or (None, None, None), strict=True))
    rule = "" if found else "standard-stratum-empty"
    output.write(row, ARM, values, n=events.persons, ref=reference(events), units=_UNITS, rule=rule)


Band = tuple[str, int, int]  # sex or all, first and last age


def strata(told: Describing) -> list[Stratum]:
    """The cohort's days and events in the bands of the standard population; unknown ages and sexes lie in none."""
    weights = standard_weights(told.standards, told.analysis.standard, told.analysis.ages)
    sums: dict[Band, list[int]] = {band: [0, 0] for band in weights}
    for at, part in enumerate(("standard/time", "standard/events")):
        for cell in told.part(part):
            band = _band(weights, cell.key["sex"], cell.key["age"])
            if band is not None:
                sums[band][at] += cell.total
    return [Stratum(time=sums[band][0], events=sums[band][1], weight=weight) for band, weight in weights.items()]


def _band(weights: Mapping[Band, float], sex: str, age: str) -> Band | None:
    if not age.isdigit():
        return None
    return next((band for band in weights if band[0] in {"all", sex} and band[1] <= int(age) <= band[2]), None)


def person_time(output: Output, told: Describing) -> None:
    """Persons and years at risk by each variable: the Lexis table."""
    for variable in told.analysis.variables:
        for key, time in told.levels("time", variable).items():
            row = place(variable, dict(zip(dimensions_of(variable), key, strict=True)))
            years = {"person_years": time.total / DAYS_IN_YEAR}
            output.write(row, ARM, {"persons": time.persons}, n=time.persons, ref=reference(time))
            behind = contributions(time, unit=DAYS_IN_YEAR)
            output.write(row, ARM, years, n=time.persons, ref=reference(time), behind=behind)
