# SPDX-License-Identifier: Apache-2.0
"""Which cells count whole arms and whole cohorts, wherever they stand. Ties nothing."""

from rempart.disclosure.cells import ALL, Cells, Place

LEVELS = frozenset({"frequency", "pathway", "person_time"})  # types whose levels are told by name
_WHOLE = LEVELS | {"rate", "stratified_rate", "standardised_rate", "sequences"}
_RATIOS = frozenset({"rate", "hazard_ratio", "pooled_ratio", "sensitivity"})
_CASES = {
    "relative_incidence": "cases",
    "odds_ratio": "cases",
    "lag_effects": "events",
}  # type → what it calls those with the outcome


def arm_of(place: Place) -> str:
    """The arm or the cohort that a cell is of; '' where none is named."""
    return dict(place.column).get("arm", "")


def level_of(place: Place) -> tuple[str, str]:
    """Variable and level of a cell."""
    row = dict(place.row)
    return row.get("variable", ALL), row.get("level", ALL)


def side_of(place: Place) -> str:
    """The arm of a comparison; all rule cohorts are of one side."""
    return arm_of(place) if arm_of(place) in {"target", "comparator", ""} else ALL


def wholes(cells: Cells) -> list[Place]:
    """Where whole rule cohorts are counted: the last attrition step, the totals of tables."""
    last: dict[str, Place] = {}
    found: list[Place] = []
    for place in sorted(cells.places):
        if side_of(place) != ALL:
            continue
        if place.output_type == "attrition":
            last[place.output] = place
        elif place.output_type in _WHOLE and place.statistic in {"n", "persons"} and level_of(place) == (ALL, ALL):
            found.append(place)
    return [*found, *last.values()]


def person_totals(cells: Cells) -> dict[str, list[str]]:
    """Per arm, the cells that count its persons: last attrition step, totals of tables, persons of rates and ratios."""
    last: dict[str, Place] = {}
    found: dict[str, set[str]] = {}
    for place in sorted(cells.places):
        if place.output_type == "attrition":
            last[arm_of(place)] = place
        is_total = (
            place.output_type in {"frequency", "sequences"} and level_of(place) == (ALL, ALL) and place.statistic == "n"
        )
        is_total |= place.output_type == "score_overlap" and ("bin", ALL) in place.row
        is_persons = place.output_type in _RATIOS and place.statistic == "persons"
        if (is_total or is_persons) and arm_of(place):
            found.setdefault(arm_of(place), set()).add(cells.places[place])
    for arm, place in last.items():
        found.setdefault(arm, set()).add(cells.places[place])
    return {arm: sorted(group) for arm, group in sorted(found.items())}


def event_totals(cells: Cells) -> dict[str, list[str]]:
    """Per arm, the cells that count those with the outcome over the whole follow-up; of cases, who have it, all of them."""
    found: dict[str, set[str]] = {}
    for place, cell in cells.places.items():
        if place.output_type in _RATIOS | {"test"} and place.statistic == "events" and arm_of(place):
            found.setdefault(arm_of(place), set()).add(cell)
        if _CASES.get(place.output_type) == place.statistic and arm_of(place) == ALL:
            found.setdefault(ALL, set()).add(cell)
    return {arm: sorted(group) for arm, group in sorted(found.items())}


def cohort_steps(cells: Cells) -> set[str]:
    """The cells of every attrition step, of every arm, and those that count the persons of an arm."""
    steps = {cell for place, cell in cells.places.items() if place.output_type == "attrition"}
    return steps.union(*person_totals(cells).values())


def matched_controls(cells: Cells) -> set[str]:
    """The cells that count all controls of matched sets, each person once."""
    return {
        cell
        for place, cell in cells.places.items()
        if place.output_type == "odds_ratio" and place.statistic == "controls" and arm_of(place) == ALL
    }


def early_events(cells: Cells) -> dict[str, list[str]]:
    """Per arm, the cells that count events by the end of a day before the end of follow-up."""
    found: dict[str, set[str]] = {}
    for place, cell in cells.places.items():
        if place.output_type == "risk" and place.statistic == "events" and arm_of(place):
            found.setdefault(arm_of(place), set()).add(cell)
    return {arm: sorted(group) for arm, group in sorted(found.items())}
