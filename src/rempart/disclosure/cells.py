# SPDX-License-Identifier: Apache-2.0
"""A submission seen as cells: how many persons each counts, and which cells every row rests on.

A *cell* is one number of persons that an attacker would like to know. Rows with one ``persons_ref`` share one cell,
whatever output they stand in; it is named by the first place they stand in, since fingerprints are drawn anew in each warehouse and
what is hidden must not change with them. A row may be published only while none of its cells is hidden. Judges nothing itself.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rempart.disclosure.policy import Policy, TypeRule
from rempart.disclosure.type_rules import barred
from rempart.errors import BadInput, Refused
from rempart.records.result import ResultRow

ALL = "all"  # the level, the variable or the arm that is the total of the others
BEHIND = "persons behind "
BARRED = "barred:"  # before the place of a count that few places of care, or two contributors, stand behind
Key = tuple[tuple[str, str], ...]
# types whose estimate stands in no arm's column
_RATIOS = frozenset(
    {"hazard_ratio", "pooled_ratio", "controls", "sensitivity", "odds_ratio", "relative_incidence", "risk"}
)
_COMPARING = _RATIOS | {"frequency", "mean"}  # types that hold numbers of two groups of a row
# what is fitted to negative controls
_FITTED = frozenset({"null_mean", "null_mean_lower", "null_mean_upper", "null_sd", "expected_error"})
_STANDARDISED = frozenset({"standardised_rate", "standardised_lower", "standardised_upper"})


def key_of(values: Mapping[str, str]) -> Key:
    """Dimensions in one order, usable in a set."""
    return tuple(sorted(values.items()))


def without(key: Key, *names: str) -> Key:
    """``key`` less some dimensions."""
    return tuple(item for item in key if item[0] not in names)


def prediction_of(output: str) -> str:
    """The name of the prediction that an output stands beside."""
    for companion in ("prediction_model", "prediction_net_benefit"):
        if output.startswith(companion):
            return output.replace(companion, "prediction", 1)
    return output


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a count stands: its output, its type, its row and column and the statistic."""

    output: str
    output_type: str
    row: Key
    column: Key
    statistic: str

    @property
    def id(self) -> str:
        """A text that names the place, used where no ``persons_ref`` does."""
        return "cell:" + json.dumps([self.output, self.row, self.column, self.statistic], ensure_ascii=False)


@dataclass(slots=True)
class Cells:
    """``values``: cell → persons; ``needs``: per row the cells it rests on; ``places``: where counts stand → cell;
    ``primary``: cells too small to show; ``sets``: ``persons_ref`` → its cell."""

    values: dict[str, int] = field(default_factory=dict)
    needs: list[set[str]] = field(default_factory=list)
    places: dict[Place, str] = field(default_factory=dict)
    primary: set[str] = field(default_factory=set)
    sets: dict[str, str] = field(default_factory=dict)

    def add(self, cell: str, value: int, *, output: str) -> str:
        """Enter a cell; raises BadInput ``disclosure-persons-ref`` when one set of persons is given two sizes."""
        if self.values.setdefault(cell, value) != value:
            raise BadInput("disclosure-persons-ref", output=output)
        return cell

    def weights(self) -> dict[str, int]:
        """The price of suppressing each cell: rows lost with it, three times as dear where it is a total."""
        totals = {cell for place, cell in self.places.items() if ALL in dict(place.row + place.column).values()}
        price: dict[str, int] = dict.fromkeys(self.values, 0)
        for needed in self.needs:
            for cell in needed:
                price[cell] += 3 if cell in totals else 1
        return price


def cells_of(rows: Sequence[ResultRow], policy: Policy) -> Cells:
    """The cells behind ``rows``.

    Raises Refused ``disclosure-output-type``, ``disclosure-statistic``; BadInput ``disclosure-count``,
    ``disclosure-evidence`` (a value that does not say how many persons stand behind it), ``disclosure-persons-ref``.
    """
    cells = Cells(sets=_sets(rows, policy))
    groups: dict[tuple[str, Key, Key], set[str]] = {}
    for row in rows:
        rule = policy.type_rule(row.output, row.output_type)
        own = _own_cells(row, rule, cells, policy)
        cells.needs.append(own)
        if row.statistic in rule.counts:
            groups.setdefault(_group(row), set()).update(own)
    for row, needed in zip(rows, cells.needs, strict=True):
        if row.statistic not in policy.types[row.output_type].counts:
            needed |= groups.get(_group(row), set())
    _rest_on_denominators(rows, cells, policy)
    _rest_on_controls(rows, cells)
    _rest_on_levels(rows, cells)
    for at in barred(rows, policy):
        name = cells.add(BARRED + "by rule " + _place(rows[at], rows[at].statistic).id, 0, output=rows[at].output)
        cells.primary.add(name)
        cells.needs[at].add(name)
    for row, needed in zip(rows, cells.needs, strict=True):
        if not needed:
            raise BadInput("disclosure-evidence", output=row.output, statistic=row.statistic)
    return cells


def _sets(rows: Sequence[ResultRow], policy: Policy) -> dict[str, str]:
    """``persons_ref`` → the name of its cell: the first, in the order of names, of the places where it stands."""
    first: dict[str, str] = {}
    for row in rows:
        if row.persons_ref:
            counted = (
                row.statistic in policy.type_rule(row.output, row.output_type).counts and row.value == row.n_persons
            )
            place = _place(row, row.statistic if counted else BEHIND + row.statistic).id
            first[row.persons_ref] = min(first.get(row.persons_ref, place), place)
    return {name: "set:" + place for name, place in first.items()}


def _group(row: ResultRow) -> tuple[str, Key, Key]:
    return row.output, key_of(row.row_key), key_of(row.column_key)


def _own_cells(row: ResultRow, rule: TypeRule, cells: Cells, policy: Policy) -> set[str]:
    if row.statistic not in rule.counts | rule.measures:
        raise Refused("disclosure-statistic", output=row.output, statistic=row.statistic)
    if row.statistic in rule.counts:
        found = _count_cells(row, cells)
    else:
        found = {_evidence_cell(row, cells)} if row.n_persons is not None else set()
    cells.primary |= {cell for cell in found if policy.small(cells.values[cell])}
    if _few_establishments(row, policy) or _dominated(row, policy):
        barred = cells.add(BARRED + _place(row, row.statistic).id, row.n_persons or 0, output=row.output)
        cells.primary.add(barred)
        found.add(barred)
    return found


def _count_cells(row: ResultRow, cells: Cells) -> set[str]:
    if row.value is None or row.value < 0 or row.value != int(row.value) or row.n_persons is None:
        raise BadInput("disclosure-count", output=row.output, statistic=row.statistic)
    value, place = int(row.value), _place(row, row.statistic)
    if value == row.n_persons and row.persons_ref:
        counted = cells.add(cells.sets[row.persons_ref], value, output=row.output)
        cells.places[place] = counted
        return {counted}
    counted = cells.places[place] = cells.add(place.id, value, output=row.output)
    return {counted} if value == row.n_persons else {counted, _evidence_cell(row, cells)}


def _evidence_cell(row: ResultRow, cells: Cells) -> str:
    """The persons behind a value that is itself no count of persons."""
    place = _place(row, BEHIND + row.statistic)
    cell = cells.sets[row.persons_ref] if row.persons_ref else place.id
    cells.places[place] = cell
    return cells.add(cell, row.n_persons or 0, output=row.output)


def _place(row: ResultRow, statistic: str) -> Place:
    return Place(row.output, row.output_type, key_of(row.row_key), key_of(row.column_key), statistic)


def _few_establishments(row: ResultRow, policy: Policy) -> bool:
    return row.n_establishments is not None and 1 <= row.n_establishments < policy.establishments


def _dominated(row: ResultRow, policy: Policy) -> bool:
    """Two contributors hold too much, on absolute values so that signs cannot switch the rule off."""
    if row.top1 is None or row.total_abs is None or row.total_abs <= 0:
        return False
    first, second = abs(row.top1), abs(row.top2 or 0.0)
    rest = row.total_abs - first - second
    return first + second > policy.top_two_share * row.total_abs or rest < policy.second_guess * first


def _rest_on_denominators(rows: Sequence[ResultRow], cells: Cells, policy: Policy) -> None:
    """A share rests on its total, a ratio or difference on the counts of every arm it compares, a standardised rate on the strata
    by age that are shown of its outcome, a net benefit on who judges: that of treating everybody tells how many of them had the outcome."""
    totals: dict[tuple[str, Key], set[str]] = {}
    _told_by_shares(rows, cells)
    compared: dict[tuple[str, Key], set[str]] = {}
    strata: dict[str, set[str]] = {}
    judged: dict[tuple[str, str], set[str]] = {}
    for place, cell in cells.places.items():
        if (
            not {("level", ALL), ("bin", ALL)}.isdisjoint(place.row)
            and place.statistic in policy.types[place.output_type].counts
        ):
            totals.setdefault((place.output, place.column), set()).add(cell)
        if place.output_type in _COMPARING:
            compared.setdefault((place.output, place.row), set()).add(cell)
        if place.output_type == "stratified_rate" and "age" in dict(place.row).get("variable", ""):
            strata.setdefault(dict(place.row).get("outcome", ""), set()).add(cell)
        if place.output_type == "prediction" and ("level", ALL) in place.row:
            judged.setdefault((place.output, dict(place.row).get("model", "")), set()).add(cell)
    for row, needed in zip(rows, cells.needs, strict=True):
        if row.output_type in _COMPARING and row.column_key:
            barred = {cell for cell in needed if cell.startswith(BARRED)}
            compared.setdefault((row.output, key_of(row.row_key)), set()).update(barred)
    for row, needed in zip(rows, cells.needs, strict=True):
        if row.output_type == "net_benefit":
            needed |= judged.get((prediction_of(row.output), row.row_key.get("model", "")), set())
        if row.statistic == "percent":
            needed |= totals.get((row.output, key_of(row.column_key)), set())
        if (row.output_type in _RATIOS and not row.column_key) or row.statistic == "smd":
            needed |= compared.get((row.output, without(key_of(row.row_key), "measure")), set())
        if row.statistic in _STANDARDISED:
            needed |= strata.get(row.row_key.get("outcome", ""), set())


def _rest_on_levels(rows: Sequence[ResultRow], cells: Cells) -> None:
    """A difference of ``balance`` rests on the counts of the level in every table that shows them: with the count of one arm it gives the
    other's back. A table one holds such a difference beside its counts, and rests on them already."""
    levels: dict[tuple[str, str], set[str]] = {}
    for place, cell in cells.places.items():
        if place.output_type == "frequency" and ALL not in dict(place.row).values():
            row = dict(place.row)
            levels.setdefault((row.get("variable", ""), row.get("level", "")), set()).add(cell)
    for item, needed in zip(rows, cells.needs, strict=True):
        if item.output_type == "balance":
            needed |= levels.get((item.row_key.get("variable", ""), item.row_key.get("level", "")), set())


def _rest_on_controls(rows: Sequence[ResultRow], cells: Cells) -> None:
    """The systematic error, and whatever is calibrated by it, rests on all that every control of its analysis rests on that took part:
    the others and the error would give back the ratio of one that is hidden."""
    taken: dict[str, set[str]] = {}
    for row, needed in zip(rows, cells.needs, strict=True):
        if row.output_type == "controls" and row.row_key.get("kind") == "negative":
            taken.setdefault(row.row_key.get("analysis", ""), set()).update(needed)
    for row, needed in zip(rows, cells.needs, strict=True):
        if _by_controls(row):
            for name in ("analysis", "of"):
                needed |= taken.get(row.row_key.get(name, ""), set())


def _by_controls(row: ResultRow) -> bool:
    calibrated = row.statistic.startswith("calibrated_") or row.row_key.get("model") == "calibrated"
    return row.statistic in _FITTED or (calibrated and not row.column_key)


def _told_by_shares(rows: Sequence[ResultRow], cells: Cells) -> None:
    """A share of bins and its count tell the total of the bins, which no row shows: it is a cell, and hidden where it must be."""
    bins: dict[tuple[str, str, Key, Key], int] = {}
    for row in rows:
        if row.output_type == "score_overlap" and row.statistic == "n":
            whole = without(key_of(row.row_key), "bin")
            at = row.output, row.output_type, whole, key_of(row.column_key)
            bins[at] = bins.get(at, 0) + int(row.value or 0)
    for (output, kind, whole, column), total in bins.items():
        place = Place(output, kind, tuple(sorted((*whole, ("bin", ALL)))), column, "n")
        cells.places[place] = cells.add("total of bins:" + place.id, total, output=output)


def hidden_rows(needs: Iterable[set[str]], hidden: set[str]) -> list[bool]:
    """Per row, whether one of its cells is hidden."""
    return [not needed.isdisjoint(hidden) for needed in needs]
