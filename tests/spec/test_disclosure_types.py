# SPDX-License-Identifier: Apache-2.0
"""Every type of output that the reference on output checking names, and every case that it says a checker must catch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from rempart.disclosure.check import check
from rempart.errors import BadInput, Refused
from rempart.records.result import ResultRow
from tests.disclosure_rows import RULES, counts_shown, curve, frequency, row, rules


def group(
    kind: str, key: Mapping[str, str], persons: int, numbers: Mapping[str, float], arm: str = ""
) -> list[ResultRow]:
    """One group of a type: counts stand for themselves, measures on ``persons``."""
    counts = RULES["types"][kind]["counts"]
    return [row("x", kind, key, arm, name, n, None if name in counts else persons) for name, n in numbers.items()]


def shown(rows: Sequence[ResultRow], **threshold: Any) -> dict[str, float | None]:
    """statistic (with the key where several groups have it) → published value."""
    found: dict[str, float | None] = {}
    for table in check(rows, rules(**threshold)):
        for item in table.rows:
            name = item.statistic if item.statistic not in found else "/".join([*item.row_key.values(), item.statistic])
            found[name] = item.value
    return found


def linear(persons: int, *, dof: float = 90, level: int = 40) -> list[ResultRow]:
    """A linear fit with one level of a category."""
    fit = group("regression", {"model": "m"}, persons, {"dof": dof, "parameters": 3, "patterns": 60})
    term = {"model": "m", "family": "linear", "term": "smoker"}
    return fit + group("regression", term, level, {"persons": level, "coefficient": 1.25, "p_value": 0.04})


def logistic(
    events: int, others: int, *, parameters: int = 3, patterns: int = 60, least: int | None = None
) -> list[ResultRow]:
    told: dict[str, float] = {"dof": 500, "parameters": parameters, "patterns": patterns}
    fit = group("regression", {"model": "m"}, 900, told | ({} if least is None else {"least_pattern": least}))
    term = {"model": "m", "term": "smoker"}
    counts = {"persons": events + others, "events": events, "non_events": others}
    return fit + group("regression", term, events + others, {**counts, "ratio": 1.31, "lower": 1.1, "upper": 1.6})


# The rows of the table


def test_frequencies_hide_a_cell_of_three_and_what_would_give_it_back() -> None:
    told = counts_shown(check(frequency({"t": {"a": 3, "b": 40}}), RULES))
    assert told["table_one", "sex/a", "t", "n"] is None and None in {
        told["table_one", "sex/b", "t", "n"],
        told["table_one", "all/all", "t", "n"],
    }


@pytest.mark.parametrize("sign", [1, -1])
def test_a_mean_is_dominated_on_absolute_values(sign: int) -> None:
    held = [
        row(
            "costs",
            "mean",
            {"variable": "cost"},
            "t",
            "mean",
            sign * 1e6,
            40,
            top1=sign * 9.9e7,
            top2=sign * 10.0,
            total_abs=1e8,
        )
    ]
    even = [replace(held[0], top1=sign * 3e6, top2=sign * 3e6)]
    assert shown(held)["mean"] is None and shown(even)["mean"] == sign * 1e6


@pytest.mark.parametrize(("sharing", "told"), [(0, False), (1, False), (10, False), (11, True)])
def test_a_maximum_is_told_when_eleven_share_it(sharing: int, told: bool) -> None:
    rows = group("extreme", {"variable": "age"}, 200, {"persons": 200, "sharing": sharing, "max": 1e6})
    assert (shown(rows)["max"] is not None) is told


def test_a_bound_by_design_is_shared_by_all() -> None:
    assert shown(group("extreme", {"variable": "age"}, 200, {"persons": 200, "sharing": 200, "min": 18}))["min"] == 18


def test_an_extreme_must_say_who_shares_it() -> None:
    with pytest.raises(BadInput, match="disclosure-evidence"):
        check(group("extreme", {"variable": "age"}, 200, {"persons": 200, "max": 99}), RULES)


def test_a_mode_goes_when_everybody_has_it() -> None:
    def told(sharing: int) -> float | None:
        return shown(group("mode", {"variable": "site"}, 40, {"persons": 40, "sharing": sharing, "mode": 3}))["mode"]

    assert (told(40), told(35), told(8), told(20)) == (None, None, None, 3)


@pytest.mark.parametrize(("persons", "dof", "told"), [(40, 39, True), (40, 9, False), (9, 30, False)])
def test_shape_asks_for_ten_degrees_of_freedom(persons: int, dof: int, told: bool) -> None:
    rows = group("shape", {"variable": "age"}, persons, {"persons": persons, "dof": dof, "sd": 3.2, "kurtosis": 1.1})
    found = shown(rows)
    assert [found[name] is not None for name in ("sd", "kurtosis")] == [told, told]


def test_a_test_asks_for_ten_degrees_of_freedom_and_must_say_them() -> None:
    def told(dof: int) -> float | None:
        return shown(group("hypothesis", {"test": "t"}, 60, {"persons": 60, "dof": dof, "p_value": 0.03}))["p_value"]

    assert (told(58), told(6)) == (0.03, None)
    with pytest.raises(BadInput, match="disclosure-evidence"):
        check(group("hypothesis", {"test": "t"}, 60, {"persons": 60, "p_value": 0.03}), RULES)


@pytest.mark.parametrize(("events", "others", "told"), [(40, 60, True), (5, 60, False), (60, 4, False), (0, 60, False)])
def test_a_coefficient_rests_on_the_events_and_the_others_of_its_level(events: int, others: int, told: bool) -> None:
    found = shown(logistic(events, others))
    assert (found["ratio"] is not None) is told and (found["upper"] is not None) is told


def test_a_fit_that_does_not_tell_the_counts_of_its_levels_shows_no_coefficient() -> None:
    rows = [item for item in logistic(40, 60) if item.statistic not in {"events", "non_events"}]
    assert shown(rows)["ratio"] is None


@pytest.mark.parametrize(
    ("patterns", "least", "told"), [(60, None, True), (3, None, False), (3, 5, False), (3, 30, True)]
)
def test_a_saturated_fit_is_a_table(patterns: int, least: int | None, told: bool) -> None:
    assert (shown(logistic(40, 60, patterns=patterns, least=least))["ratio"] is not None) is told


@pytest.mark.parametrize("statistic", ["residual", "fitted", "leverage", "random_effect"])
def test_what_a_fit_says_of_single_units_is_unknown(statistic: str) -> None:
    with pytest.raises(Refused, match="disclosure-statistic"):
        check([*linear(200), row("x", "regression", {"model": "m", "unit": "7"}, "", statistic, 0.2, 200)], RULES)


@pytest.mark.parametrize(
    ("cells", "told"), [((40, 60, 30, 20), True), ((40, 60, 30, 3), False), ((0, 60, 30, 20), True)]
)
def test_a_ratio_rests_on_its_four_cells(cells: tuple[int, ...], told: bool) -> None:
    numbers = dict(zip("abcd", cells, strict=True)) | {"odds_ratio": 1.5}
    assert (shown(group("ratio_table", {"of": "x"}, sum(cells), numbers))["odds_ratio"] is not None) is told


def test_four_cells_of_known_persons_do_not_give_the_small_one_back() -> None:
    found = shown(group("ratio_table", {"of": "x"}, 123, {"persons": 123, "a": 40, "b": 60, "c": 20, "d": 3}))
    assert found["d"] is None and None in {found[name] for name in ("persons", "a", "b", "c")}


def test_concentration_is_judged_by_dominance_and_must_tell_it() -> None:
    rows = group("concentration", {"variable": "cost"}, 60, {"persons": 60, "gini": 0.41})

    def told(first: float | None, second: float | None) -> float | None:
        return shown(
            [
                replace(item, top1=first, top2=second, total_abs=100.0) if item.statistic == "gini" else item
                for item in rows
            ]
        )["gini"]

    assert (told(10.0, 9.0), told(80.0, 10.0), told(None, None)) == (0.41, None, None)


def test_clusters_and_components_tell_sizes_and_loadings_and_no_score() -> None:
    sizes = [
        row("x", "clusters", {"variable": "cluster", "level": name}, "", "n", n)
        for name, n in {"1": 60, "2": 40, "3": 4}.items()
    ]
    told = [item.value for table in check(sizes, RULES) for item in table.rows]
    assert told == [60, 40, None], "how many there are in all is not told"
    loading = group("component", {"component": "1", "variable": "age"}, 80, {"persons": 80, "dof": 70, "loading": 0.61})
    assert shown(loading)["loading"] == 0.61
    with pytest.raises(Refused, match="disclosure-statistic"):
        check([*loading, row("x", "component", {"component": "1"}, "", "score", 0.2, 80)], RULES)


def areas(population: float, persons: Mapping[str, int]) -> list[ResultRow]:
    """Areas of one around them, and that."""
    found = group(
        "map", {"area": "all of it", "within": ""}, 0, {"persons": sum(persons.values()), "population": 90000}
    )
    for name, n in persons.items():
        found += group(
            "map", {"area": name, "within": "all of it"}, n, {"persons": n, "population": population, "rate": 2.5}
        )
    return [
        replace(item, n_persons=int(item.value or 0)) if item.statistic == "persons" else item
        for item in found
        if item.n_persons or item.statistic == "persons"
    ] + [row("x", "map", {"area": "all of it", "within": ""}, "", "population", 90000, sum(persons.values()))]


def test_an_area_of_few_inhabitants_is_not_drawn() -> None:
    assert {n for name, n in shown(areas(900, {"a": 60, "b": 70})).items() if name.endswith("rate")} == {None}
    assert {n for name, n in shown(areas(9000, {"a": 60, "b": 70})).items() if name.endswith("rate")} == {2.5}


def test_a_small_area_is_not_what_its_neighbours_leave_of_the_area_around_them() -> None:
    told = counts_shown(check(areas(9000, {"a": 60, "b": 70, "c": 4}), RULES))
    counts = {where.split("/")[0]: n for (_, where, _, name), n in told.items() if name == "persons"}
    assert counts["c"] is None and None in {counts["a"], counts["b"], counts["all of it"]}


@pytest.mark.parametrize(("sharing", "told"), [(1, False), (None, False), (30, True)])
def test_the_outer_edges_of_a_histogram_are_extremes(sharing: int | None, told: bool) -> None:
    rows = []
    for at, n in enumerate((40, 60, 50)):
        key = {"variable": "age", "bin": f"{at}"}

        def edge(name: str, value: float, persons: int | None, key: dict[str, str] = key) -> ResultRow:
            return replace(row("x", "histogram", key, "", name, value), n_persons=persons)

        rows.append(row("x", "histogram", key, "", "n", n))
        rows.append(edge("edge_low", 20.0 + 10 * at, sharing if at == 0 else n))
        rows.append(edge("edge_high", 30.0 + 10 * at, sharing if at == 2 else n))
    edges = [item.value is not None for table in check(rows, RULES) for item in table.rows if item.statistic != "n"]
    assert edges == [told, True, True, True, True, told]


@pytest.mark.parametrize("kind", ["scatter", "notebook", "person_level", "neural_network", "decile_plot"])
def test_a_type_that_is_not_known_is_refused(kind: str) -> None:
    with pytest.raises(Refused, match="disclosure-output-type"):
        check([row("x", kind, {}, "", "n", 400)], RULES)


# The cases of the reference


def test_case_a_cell_of_three_with_margins_cannot_be_subtracted() -> None:
    told = counts_shown(check(frequency({"t": {"a": 3, "b": 40}, "c": {"a": 30, "b": 37}}), RULES))
    line = [told["table_one", f"sex/{level}", "t", "n"] for level in ("a", "b")] + [
        told["table_one", "all/all", "t", "n"]
    ]
    column = [told["table_one", "sex/a", arm, "n"] for arm in ("t", "c", "all")]
    assert line.count(None) >= 2 and column.count(None) >= 2


@pytest.mark.parametrize("disclosive", [True, False])
def test_case_a_zero_cell_goes_by_policy(disclosive: bool) -> None:
    told = counts_shown(check(frequency({"t": {"a": 0, "b": 40, "c": 30}}), rules(zeros_are_disclosive=disclosive)))
    assert (told["table_one", "sex/a", "t", "n"] is None) is disclosive


def test_case_one_value_holds_nearly_all_of_a_sum() -> None:
    held = row("costs", "mean", {"variable": "cost"}, "t", "mean", 250.0, 40, top1=9999.0, top2=0.5, total_abs=10000.0)
    assert shown([held])["mean"] is None


def test_case_the_maximum_and_the_minimum_of_a_group_are_one_persons() -> None:
    for name in ("max", "min"):
        assert shown(group("extreme", {"variable": "cost"}, 40, {"persons": 40, "sharing": 1, name: 1e6}))[name] is None


def test_case_a_share_of_93_percent_is_judged_by_those_with_it_and_those_without() -> None:
    told = counts_shown(check(frequency({"t": {"yes": 930, "no": 70}}), RULES))
    assert None not in told.values()


def test_case_forty_rows_that_are_two_patients() -> None:
    rows = [
        row("stays", "rate", {"outcome": "stay"}, "t", "persons", 400),
        row("stays", "rate", {"outcome": "stay"}, "t", "events", 40, 2),
    ]
    assert shown(rows)["events"] is None


def test_case_a_fit_of_six_degrees_of_freedom() -> None:
    assert shown(linear(200, dof=6))["coefficient"] is None and shown(linear(200))["coefficient"] == 1.25


def test_case_a_dummy_true_of_one_person() -> None:
    assert shown(linear(200, dof=98, level=1))["coefficient"] is None


def test_case_a_curve_of_two_hundred_persons_passes_where_each_step_is_large() -> None:
    days = {
        item.row_key["day"]
        for table in check(curve("t", 200, [(20, 15), (20, 15), (20, 15)]), RULES)
        for item in table.rows
    }
    assert days == {"00000", "00090", "00180", "00270"}
    few = {
        item.row_key["day"]
        for table in check(curve("t", 200, [(20, 15), (2, 15), (20, 15)]), RULES)
        for item in table.rows
    }
    assert "00180" not in few


def test_case_row_totals_asked_for_later_do_not_give_a_hidden_cell() -> None:
    """In another release of the same permit: what was hidden there is hidden, and the total is held against it."""
    from rempart.disclosure.check import examine

    table = frequency({"t": {"a": 3, "b": 40}}, total=False)
    first = examine(table, RULES)
    assert counts_shown(first.tables)["table_one", "sex/a", "t", "n"] is None
    again = counts_shown(examine(frequency({"t": {"a": 3, "b": 40}}), RULES, earlier=[first.counts]).tables)
    assert again["table_one", "sex/a", "t", "n"] is None
    both = {**again, **{place: n for place, n in counts_shown(first.tables).items() if n is not None}}
    assert None in {both["table_one", "sex/b", "t", "n"], both["table_one", "all/all", "t", "n"]}
