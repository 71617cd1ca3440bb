# SPDX-License-Identifier: Apache-2.0
"""The sums that tie the cells of several outputs: totals of one arm, cohorts and outcomes that nearly are one another, the parts of a
prediction, the arms of emulated trials. Suppresses nothing itself."""

from collections.abc import Iterable, Mapping
from itertools import combinations, product

from rempart.disclosure.cells import ALL, BEHIND, Cells, Place, prediction_of
from rempart.disclosure.lines import Lines
from rempart.disclosure.policy import Policy
from rempart.disclosure.totals import (
    LEVELS,
    arm_of,
    cohort_steps,
    early_events,
    event_totals,
    level_of,
    matched_controls,
    person_totals,
    side_of,
    wholes,
)
from rempart.records.design_time_varying import CURRENT, EVER, NEVER, PAST

_OF_SOMETHING = frozenset({"stratified_rate", "prevalence", "utilisation"})
_OF_A_MODEL = frozenset({"relative_incidence", "odds_ratio", "lag_effects"})  # told by exposure, term or window
_MATCHED = frozenset({"cases", "controls"})  # what a sensitivity analysis repeats of matched sets
_OF_A_PREDICTION = frozenset({"prediction", "model_card"})
_BY_A_DAY = frozenset({"risk"})  # told of those with the outcome by the end of a day
_MAY_BE_IN_BOTH = frozenset({"pooled_ratio", "hazard_ratio"})  # types whose two arms may share persons
_STATES = (CURRENT, EVER, NEVER, PAST)  # of an exposure that changes with time
UNKNOWN = "unknown"  # the arm of those with days on which nothing is known of them


def lines_across(cells: Cells, lines: Lines, policy: Policy) -> None:
    """All sums over several outputs of one submission."""
    _totals(cells, lines, policy)
    _arms_of_everybody(cells, lines)
    _left_out(cells, lines, policy)
    _bands(cells, lines, policy)
    _predicted(cells, lines, policy)
    for alike in _alike(cells):
        _nested(alike, lines, policy)


def _totals(cells: Cells, lines: Lines, policy: Policy) -> None:
    """Totals of one arm in several outputs: equal ones may be one; person totals that differ a little are nested. An arm lies within
    everybody, events among the persons, and somebody may pass from the arm of one state to that of another."""
    persons = person_totals(cells)
    for arm, totals in persons.items():
        for one, other in combinations([*totals, *sorted(lines.totals.get(arm, ()))], 2):
            _near(one, other, lines, policy)
    everybody = {*persons.get(ALL, ()), *persons.get("", ())}
    states = sorted({cell for arm in _STATES for cell in persons.get(arm, ())})
    arms = sorted({cell for found in persons.values() for cell in found} - everybody)
    for one, other in [*combinations(states, 2), *product(sorted(everybody), arms)]:
        if cells.values[one] != cells.values[other]:
            _near(one, other, lines, policy)
    for arm, events in event_totals(cells).items():
        for one, other in combinations(events, 2):
            if cells.values[one] == cells.values[other]:
                lines.same(one, other)
        parts = [*product(events, early_events(cells).get(arm, ())), *product(persons.get(arm, ()), events)]
        for whole, part in parts:
            if policy.differences and policy.small(cells.values[whole] - cells.values[part]):
                lines.within(whole, part)


def _near(one: str, other: str, lines: Lines, policy: Policy) -> None:
    """Equal counts may be of one set, counts that differ by a few may lie in one another."""
    big, small = sorted((one, other), key=lambda cell: (-lines.values[cell], cell))
    difference = lines.values[big] - lines.values[small]
    if difference == 0:
        lines.same(big, small)
    elif policy.differences and policy.small(difference):
        lines.within(big, small)


def _arms_of_everybody(cells: Cells, lines: Lines) -> None:
    """Persons who may stand in both arms of a ratio, or be known on some days and unknown on others: the arms make up everybody, whom
    other tables count."""
    everybody = sorted({cell for arm, found in person_totals(cells).items() if arm in {ALL, ""} for cell in found})
    groups: dict[tuple[object, ...], dict[str, str]] = {}
    for place, cell in sorted(cells.places.items()):
        if place.output_type in _MAY_BE_IN_BOTH and place.statistic == "persons":
            groups.setdefault((place.output, place.output_type, place.row), {})[arm_of(place)] = cell
    for (_, kind, _), arms in groups.items():
        if len(arms) == 2 and (kind == "pooled_ratio" or set(arms) == {ALL, UNKNOWN}):
            one, other = (arms[arm] for arm in sorted(arms))
            for whole in everybody:
                lines.covered(whole, one, other)


def _left_out(cells: Cells, lines: Lines, policy: Policy) -> None:
    """Cases, and controls drawn for them, lie among the persons of a cohort, whatever that calls its arm: the rest were left out of the
    analysis, for want of a window that is observed, of a day with a value, of a set to stand in."""
    totals = event_totals(cells)
    parts = {*totals.get(ALL, ()), *totals.get("", ()), *matched_controls(cells)}
    counted = {cells.places[place] for place in wholes(cells)} | cohort_steps(cells)
    for whole, part in product(sorted(counted), sorted(parts)):
        if lines.values[whole] >= lines.values[part]:
            _near(whole, part, lines, policy)


def _bands(cells: Cells, lines: Lines, policy: Policy) -> None:
    """The groups of a calibration sum to those who judge the prediction, whom its measures count."""
    bands: dict[tuple[str, str, str], list[str]] = {}
    judges: dict[tuple[str, str], set[str]] = {}
    for place, cell in sorted(cells.places.items()):
        model = dict(place.row).get("model", "")
        if place.output_type == "calibration":
            bands.setdefault((place.output, model, place.statistic), []).append(cell)
        elif place.output_type == "prediction" and level_of(place) == (ALL, ALL):
            judges.setdefault((model, place.statistic), set()).add(cell)
    for (output, model, statistic), parts in bands.items():
        whole = lines.unpublished_total(f"{output} {model} {statistic}", sum(cells.values[part] for part in parts))
        lines.total(whole, parts)
        for judge in sorted(judges.get((model, _COUNTED.get(statistic, statistic)), ())):
            _near(whole, judge, lines, policy)


_COUNTED = {"n": "persons"}  # statistic of a group → of the prediction


def _predicted(cells: Cells, lines: Lines, policy: Policy) -> None:
    """Who trained a prediction and who judges it share nobody: together they are all whose outcome is known, or who had it. Another split
    of the same persons, or another table, tells the same sum."""
    trained: dict[tuple[str, str], str] = {}
    judged: dict[tuple[str, str], str] = {}
    for place, cell in sorted(cells.places.items()):
        if place.output_type == "model_card" and not place.statistic.startswith(BEHIND):
            trained[prediction_of(place.output), place.statistic] = cell
        elif place.output_type == "prediction" and level_of(place) == (ALL, ALL):
            judged[place.output, place.statistic] = cell
    sums: dict[str, list[str]] = {}
    for (output, statistic), judge in judged.items():
        train = trained.get((output, statistic))
        if train is not None and train != judge:
            both = lines.unpublished_total(f"{output} {statistic}", cells.values[train] + cells.values[judge])
            lines.total(both, [train, judge])
            sums.setdefault(statistic, []).append(both)
    for one, other in (pair for found in sums.values() for pair in combinations(found, 2)):
        _near(one, other, lines, policy)
    totals = event_totals(cells)
    for both in sums.get("events", []):
        for whole in sorted({*totals.get(ALL, []), *totals.get("", [])}):
            _near(both, whole, lines, policy)


def _nested(alike: Mapping[str, set[str]], lines: Lines, policy: Policy) -> None:
    """Counts of one kind under several names: equal ones may be one set, those that differ a little may lie in one another.

    Two code lists, two cohorts or two windows that differ by a code, a year or a day leave the persons between them.
    """
    for (one, names), (other, others) in combinations(sorted(alike.items()), 2):
        if names != others:
            _near(one, other, lines, policy)


def _alike(cells: Cells) -> Iterable[Mapping[str, set[str]]]:
    """Groups of counts of one kind and arm: cell → the names it goes by; two cells of one name are no pair to compare.

    Attrition steps and whole cohorts go by their output, levels by output and variable, events by their own cell, other counts by
    output and by what they are of (an outcome, an exposure). Risks of one outcome are compared whatever their days, those of two outcomes
    by the same day. A cohort's name is no arm of a comparison: cohorts may be nested.
    """
    found: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for place, cell in cells.places.items():
        for group, name in () if place.statistic.startswith(BEHIND) else _named(place):
            found.setdefault(group, {}).setdefault(cell, set()).add(name)
    for place in wholes(cells):
        found.setdefault(("whole", side_of(place)), {}).setdefault(cells.places[place], set()).add(place.output)
    for arm, events in event_totals(cells).items():
        found["events", arm] = {cell: {cell} for cell in events}
    return [group for _, group in sorted(found.items())]


def _named(place: Place) -> Iterable[tuple[tuple[str, ...], str]]:
    """What a count is compared among, and the name it goes by there; nothing where it is compared with no other."""
    row, kind, statistic = dict(place.row), place.output_type, place.statistic
    if kind == "attrition":
        yield ("step", side_of(place)), place.output
    elif kind in LEVELS and row.get("level", ALL) != ALL:
        yield ("level", row["level"], side_of(place)), f"{place.output}/{row.get('variable', '')}"
    elif kind in _OF_SOMETHING:
        what = [row.pop(name, "") for name in ("outcome", "exposure", "denominator")]
        yield (kind, statistic, *row.values(), arm_of(place)), "/".join([place.output, *what])
    elif kind in _OF_A_MODEL or (kind == "sensitivity" and statistic in _MATCHED):
        what = [row.get(name, "") for name in ("exposure", "term")]
        yield ("of a model", statistic, arm_of(place)), "/".join([place.output, *what])
    elif kind in _OF_A_PREDICTION:
        yield (kind, statistic, *level_of(place)), place.output
    elif kind in _BY_A_DAY:
        outcome, day = (row.get(name, "") for name in ("outcome", "day"))
        analysis = "/".join([place.output, row.get("analysis", ""), row.get("model", "")])
        yield (kind, "of", outcome, arm_of(place)), analysis
        yield (kind, "by", day, arm_of(place)), f"{analysis}/{outcome}"
