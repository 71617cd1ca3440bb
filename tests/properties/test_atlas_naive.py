# SPDX-License-Identifier: Apache-2.0
"""Random ATLAS definitions on random tables: the engine finds the rows, and the persons of the report, that a plain interpreter finds."""

from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.atlas_house import Tables, read, run, words
from tests.atlas_random import Definitions, tables
from tests.naive_cohort import naive_persons, naive_rows

DEFINITIONS = 8


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_engine_finds_the_rows_of_the_plain_interpreter(seed: int) -> None:
    rng = Random(seed)
    data = tables(rng)
    definitions = [read(Definitions(rng, words()).one()) for _ in range(DEFINITIONS)]
    session = Tables(data)
    try:
        found, _ = run(session, definitions)
    finally:
        session.close()
    assert found == [naive_rows(definition, data) for definition in definitions]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=2261)  # a value that is not there, and a set to be out of that has no code
def test_the_report_counts_the_persons_of_the_plain_interpreter(seed: int) -> None:
    rng = Random(seed)
    data = tables(rng)
    definitions = [read(Definitions(rng, words()).one()) for _ in range(DEFINITIONS)]
    session = Tables(data)
    try:
        found, made = run(session, definitions, report=True)
    finally:
        session.close()
    for definition, rows, told in zip(definitions, found, made, strict=True):
        persons = naive_persons(definition, data)
        for number, rule in enumerate(told.rules):
            counts = [len(persons[f"{kind} {number}"]) for kind in ("rule", "to", "but")]
            assert [rule.persons, rule.remaining, rule.missed] == counts
        assert (told.persons, told.periods) == (len({row[0] for row in rows}), len(rows))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_order_of_the_rows_in_a_table_changes_nothing(seed: int) -> None:
    rng = Random(seed)
    data = tables(rng)
    definitions = [read(Definitions(rng, words()).one()) for _ in range(DEFINITIONS)]
    turned = {name: rng.sample(rows, len(rows)) for name, rows in data.items()}
    found = []
    for given_tables in (data, turned):
        session = Tables(given_tables)
        try:
            found.append(run(session, definitions)[0])
        finally:
            session.close()
    assert found[0] == found[1]
