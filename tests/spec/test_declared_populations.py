# SPDX-License-Identifier: Apache-2.0
"""What deliveries declare of their population reaches a table that a permit can name, and is noted where it is unlike."""

import datetime

from rempart.adapters.package_data import toml
from rempart.ingest.declaration import Declaration, declaration
from rempart.ingest.deliveries import declared, delivery_table, redeclared, unlike
from rempart.ingest.units import UnitEntry
from rempart.records.omop import whole_layouts

SAID = {
    "schema": "rempart.delivery/1",
    "source": "SNDS",
    "population": {"target": "all insured", "fraction": 0.01, "weight": 97.0},
    "extent": {"first": datetime.date(2012, 1, 1), "last": datetime.date(2015, 12, 31)},
}


def unit(number: int, delivery: str, produced: str) -> UnitEntry:
    """A live unit."""
    return UnitEntry(
        name=f"dcir/{number}",
        number=number,
        delivery=delivery,
        produced=produced,
        files=(),
        lines={},
        flows=(),
        rules="",
    )


def test_a_row_says_what_was_declared_and_leaves_empty_what_was_not() -> None:
    told = {"A": declared(declaration(SAID)), "B": declared(Declaration()), "gone": declared(declaration(SAID))}
    live = [unit(1, "B", "2016-01-01"), unit(2, "A", "2016-02-01"), unit(3, "A", "2016-02-01")]
    full, empty = delivery_table(told, live).to_pylist()
    assert full == {
        "delivery_source_value": "A", "produced": datetime.date(2016, 2, 1), "source": "SNDS", "target_population": "all insured",
        "fraction": 0.01, "weight": 97.0, "first_day": datetime.date(2012, 1, 1), "last_day": datetime.date(2015, 12, 31), "units": 2,
    }  # fmt: skip
    assert {name for name, value in empty.items() if value is not None} == {
        "delivery_source_value",
        "produced",
        "units",
    }

    layout = whole_layouts(toml("records/omop54.toml"))["delivery"]
    assert delivery_table(told, live).column_names == list(layout.columns)


def test_unlike_samples_are_noted_and_like_ones_are_not() -> None:
    other = declared(declaration(SAID | {"population": {"target": "all insured", "fraction": 1, "weight": 97}}))
    told, live = {"A": declared(declaration(SAID)), "B": other}, [unit(1, "A", ""), unit(2, "B", "")]
    assert unlike(told, live) == (("population-unlike", "population.fraction", "0.01 | 1.0"),)
    assert unlike(told, live[:1]) == ()
    assert unlike({"A": told["A"], "B": told["A"]}, live) == ()
    assert [where for _, where, _ in unlike({"A": told["A"]}, live)] == [
        "population.target",
        "population.fraction",
        "population.weight",
    ]


def test_two_deliveries_of_one_id_that_declare_otherwise_are_noted() -> None:
    one = declared(declaration(SAID))
    other = one | {"fraction": "1.0", "last": "2016-12-31"}
    assert redeclared("A", other, {"A": one}, {"A": other}) == (
        ("population-unlike", "A population.fraction", "0.01 | 1.0"),
    )
    assert redeclared("A", one | {"last": "2016-12-31"}, {"A": one}) == (), "an extent grows from month to month"
    assert redeclared("A", other, {"B": one}, {}) == ()
