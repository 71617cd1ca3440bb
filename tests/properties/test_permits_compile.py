# SPDX-License-Identifier: Apache-2.0
"""A permit gives what it names and nothing else; a study that reaches beyond it is refused, never narrowed."""

import datetime
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery, QueryFailed
from rempart.adapters.package_data import toml
from rempart.cohort.compile import compile_study
from rempart.cohort.required import required_columns
from rempart.errors import BadInput, Refused, RempartError
from rempart.permits.check_study import check_study
from rempart.permits.compile import RESERVED, compile_permit
from rempart.records.omop import MAIN, layouts
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.study import study_from_dict
from rempart.study.evidence import compute
from tests.properties.study_histories import Rules, study

LAYOUTS = layouts(toml("records/omop54.toml"))
EXAMPLES = ("glitazones", "gibleed")


def permit(**changes: Any) -> Permit:
    """The permit of the first example, changed."""
    return permit_from_dict({**toml("examples/glitazones/permit.toml"), **changes})


def example(name: str, **changes: Any) -> Any:
    """An example study, changed in its protocol, and its permit."""
    given = toml(f"examples/{name}/study.toml")
    return study_from_dict({**given, "protocol": {**given["protocol"], **changes}})


def code_of(error: type[RempartError], call: Any) -> tuple[str, dict[str, Any]]:
    """Code and facts of what is raised."""
    with pytest.raises(error) as caught:
        call()
    return caught.value.code, dict(caught.value.facts)


def check(subject: Any, given: Permit) -> None:
    """The check as the journey calls it."""
    check_study(subject, given, LAYOUTS, required=required_columns(subject, LAYOUTS))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_exactly_the_named_columns_come_out(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(LAYOUTS)), min_size=1, unique=True))
    tables = []
    for name in names:
        chosen = data.draw(st.lists(st.sampled_from(LAYOUTS[name].columns), unique=True))
        tables.append({"name": name, "columns": chosen})
    compiled = compile_permit(permit(tables=tables), LAYOUTS)
    assert {name: {c for part in parts.values() for c in part.columns} for name, parts in compiled.items()} == {
        table["name"]: set(table["columns"]) for table in tables
    }
    for name, parts in compiled.items():
        assert MAIN in parts
        for sibling, part in parts.items():
            assert part.columns or sibling == MAIN
            assert all(LAYOUTS[name].sibling_of(column) == sibling for column in part.columns)
            assert len(part.expressions) == len(part.columns)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_table_cannot_be_named(name: str) -> None:
    found = code_of(Refused, lambda: compile_permit(permit(tables=[{"name": name, "columns": []}]), LAYOUTS))
    assert found[0] == "permit-reserved"


@pytest.mark.parametrize("column", ["pseudonym", "source_pseudonym", "release_index"])
def test_a_reserved_column_cannot_be_named(column: str) -> None:
    asked = permit(tables=[{"name": "person", "columns": ["year_of_birth", column]}])
    assert code_of(Refused, lambda: compile_permit(asked, LAYOUTS))[0] == "permit-reserved"


@pytest.mark.parametrize(
    ("table", "column", "code"),
    [
        ("person", "birth_datetime", "permit-column-unknown"),
        ("person", "person_id", "permit-column-unknown"),
        ("cost", "total_paid", "permit-table-unknown"),
    ],
)
def test_unknown_names_are_bad_input(table: str, column: str, code: str) -> None:
    asked = permit(tables=[{"name": table, "columns": [column]}])
    assert code_of(BadInput, lambda: compile_permit(asked, LAYOUTS))[0] == code


def test_rows_by_cohort_are_refused_and_not_ignored() -> None:
    assert code_of(Refused, lambda: compile_permit(permit(rows={"cohort": "sha256:0"}), LAYOUTS))[0] == "permit-rows"


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def kept(query: DuckDBQuery, table: str, sibling: str, rows: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Rows of ``rows`` that the permit of the example (lookback 2012, period to 2017) gives, with its expressions."""
    date = datetime.date
    columns = {name: [None if v is None else date.fromisoformat(v) for v in values] for name, values in rows.items()}
    query.register("asked", pa.table(columns))
    part = compile_permit(permit(tables=[{"name": table, "columns": list(rows)}]), LAYOUTS)[table][sibling]
    shown = ", ".join(f"{e} AS {c}" for e, c in zip(part.expressions, part.columns, strict=True))
    found: list[dict[str, Any]] = query.table(f"SELECT {shown} FROM asked WHERE {part.predicate}").to_pylist()
    return [{name: None if value is None else value.isoformat() for name, value in row.items()} for row in found]


def test_dated_rows_lie_between_look_back_and_end_of_period(query: DuckDBQuery) -> None:
    dates = ["2011-12-31", "2012-01-01", "2017-12-31", "2018-01-01", None]
    found = kept(query, "drug_exposure", MAIN, {"drug_exposure_start_date": dates})
    assert [row["drug_exposure_start_date"] for row in found] == ["2012-01-01", "2017-12-31"]


def test_observation_is_cut_to_look_back_and_period(query: DuckDBQuery) -> None:
    starts = ["2005-01-01", "2014-05-01", "2001-01-01", "2018-01-01"]
    ends = ["2019-12-31", "2015-05-01", "2011-12-31", "2019-01-01"]
    asked = {"observation_period_start_date": starts, "observation_period_end_date": ends}
    found = kept(query, "observation_period", MAIN, asked)
    assert [tuple(row.values()) for row in found] == [("2012-01-01", "2017-12-31"), ("2014-05-01", "2015-05-01")]


def test_a_death_after_the_period_has_not_happened(query: DuckDBQuery) -> None:
    found = kept(query, "death", MAIN, {"death_month": ["2017-12-01", "2018-01-01", "2010-01-01"]})
    assert [row["death_month"] for row in found] == ["2017-12-01", "2010-01-01"]
    found = kept(query, "death", "identifying", {"death_date": ["2017-12-31", "2018-01-01"]})
    assert [row["death_date"] for row in found] == ["2017-12-31"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_studies_stay_inside_their_permits(name: str) -> None:
    given = permit_from_dict(toml(f"examples/{name}/permit.toml"))
    check(example(name), given)
    named = {table: set(columns) for table, columns in given.tables.items()}
    assert named == {table: set(c) for table, c in required_columns(example(name), LAYOUTS).items()}


def test_each_column_that_a_study_reads_must_be_permitted() -> None:
    body = toml("examples/glitazones/permit.toml")
    for index, table in enumerate(body["tables"]):
        for column in table["columns"]:
            less = {**table, "columns": [c for c in table["columns"] if c != column]}
            tables = [*body["tables"][:index], less, *body["tables"][index + 1 :]]
            code, facts = code_of(Refused, lambda tables=tables: check(example("glitazones"), permit(tables=tables)))
            assert (code, facts["table"], facts["column"]) == ("study-column", table["name"], column)


def test_a_table_outside_the_permit_is_refused() -> None:
    tables = [t for t in toml("examples/glitazones/permit.toml")["tables"] if t["name"] != "death"]
    code, facts = code_of(Refused, lambda: check(example("glitazones"), permit(tables=tables)))
    assert (code, facts["table"], facts["column"]) == ("study-column", "death", "death_month")
    check(example("glitazones", death="ignore"), permit(tables=tables))


def test_the_sql_reads_exactly_the_columns_it_says(query: DuckDBQuery) -> None:
    how = Rules(
        washout=3, prior=3, age=(40, 90), exclude=(-3, 0), history=(-3, 0), bands=(60,), estimand="on-treatment"
    )
    subject = study(how)
    required = required_columns(subject, LAYOUTS)
    kinds = {"DATE": pa.date32(), "VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32()}

    def give(table: str, columns: set[str]) -> None:
        types = {column: kinds[LAYOUTS[table].type_of(column)] for column in sorted(columns)}
        query.register(table, pa.schema([("person_id", pa.int64()), *types.items()]).empty_table())

    plans = compile_study(subject, cut=datetime.date(2017, 12, 31))
    for table, columns in required.items():
        give(table, set(columns))
    compute(query, plans)
    for table, columns in required.items():
        for column in columns:
            give(table, set(columns) - {column})
            with pytest.raises(QueryFailed):
                compute(query, plans)
            give(table, set(columns))


def test_a_study_of_another_permit_is_refused() -> None:
    assert code_of(Refused, lambda: check(example("gibleed"), permit()))[0] == "study-permit"


@pytest.mark.parametrize(
    "period", [["2012-12-31", "2017-12-31"], ["2013-01-01", "2018-01-01"], ["2019-01-01", "2019-02-01"]]
)
def test_a_time_zero_outside_the_period_is_refused(period: list[str]) -> None:
    assert code_of(Refused, lambda: check(example("glitazones", period=period), permit()))[0] == "study-period"


def test_a_window_that_begins_before_the_look_back_is_refused_and_named() -> None:
    """2012 has 366 days: a window of 366 days before 2013-01-01 begins on the look-back's day, 367 days on the day before."""
    body = toml("examples/glitazones/study.toml")
    main, tumour = body["cohorts"]["main"], {"domain": "condition", "codes": "bladder_cancer"}
    cases: list[tuple[str, Any]] = [
        ("cohorts.main.washout_days", lambda n: {"cohorts": {"main": {**main, "washout_days": n}}}),
        ("cohorts.main.prior_observation_days", lambda n: {"cohorts": {"main": {**main, "prior_observation_days": n}}}),
        (
            "cohorts.main.exclude[1]",
            lambda n: {"cohorts": {"main": {**main, "exclude": [{**tumour, "days": [-n, 0]}]}}},
        ),
        (
            "covariates.sex",
            lambda n: {"covariates": {**body["covariates"], "sex": {"type": "history", **tumour, "days": [-n, -1]}}},
        ),
    ]
    for what, change in cases:
        check(study_from_dict({**body, **change(366)}), permit())
        longer = study_from_dict({**body, **change(367)})
        code, facts = code_of(Refused, lambda longer=longer: check(longer, permit()))
        assert (code, facts["what"], facts["begins"]) == ("window-before-lookback", what, "2011-12-31")


def test_a_window_longer_than_the_permits_depth_is_refused_at_its_place() -> None:
    """A year of depth is 365 days, three are 1,095, four 1,461; the look-back itself would let every one of these windows through."""
    body = toml("examples/glitazones/study.toml")
    main, tumour = body["cohorts"]["main"], {"domain": "condition", "codes": "bladder_cancer"}
    later = {**body["protocol"], "period": ["2017-01-01", "2017-06-30"]}
    cases: list[tuple[str, Any]] = [
        ("cohorts.main.washout_days", lambda n: {"cohorts": {"main": {**main, "washout_days": n}}}),
        (
            "cohorts.main.exclude[1]",
            lambda n: {"cohorts": {"main": {**main, "exclude": [{**tumour, "days": [-n, 0]}]}}},
        ),
        (
            "covariates.sex",
            lambda n: {"covariates": {**body["covariates"], "sex": {"type": "history", **tumour, "days": [-n, -1]}}},
        ),
    ]
    for what, change in cases:
        for depth, longest in ((1, 365), (3, 1095), (4, 1461)):
            fits, longer = (study_from_dict({**body, "protocol": later, **change(n)}) for n in (longest, longest + 1))
            check(fits, permit(depth=depth))
            check(longer, permit())
            code, facts = code_of(Refused, lambda longer=longer, depth=depth: check(longer, permit(depth=depth)))
            assert (code, facts["what"], facts["depth"]) == ("window-beyond-depth", what, depth)


def test_rows_begin_at_the_later_of_look_back_and_depth() -> None:
    days = [datetime.date(2012, 1, 1), datetime.date(2008, 2, 29), datetime.date(2009, 2, 28)]
    told = [
        permit(depth=1),
        permit(depth=4, lookback="2000-01-01", period=["2012-02-29", "2017-12-31"]),
        permit(depth=3, lookback="2000-01-01", period=["2012-02-29", "2017-12-31"]),
    ]
    assert [one.first_day for one in told] == days
    assert permit(depth=9).first_day == permit().first_day == permit().lookback
    part = compile_permit(told[1], LAYOUTS)["drug_exposure"][MAIN]
    assert "2008-02-29" in part.predicate


@pytest.mark.parametrize("depth", [0, 100, -1, True, "3", 2.0, None])
def test_a_depth_is_whole_years(depth: Any) -> None:
    assert code_of(BadInput, lambda: permit(depth=depth)) == (
        "permit-field",
        {"field": "depth", "expected": "whole years, 1 to 99"},
    )


def test_a_permit_without_depth_keeps_its_id() -> None:
    assert "depth" not in permit().as_dict()
    assert permit_from_dict(permit(depth=2).as_dict()) == permit(depth=2)
    assert permit(depth=2).content_id != permit().content_id


def test_a_window_longer_than_the_calendar_is_refused_too() -> None:
    body = toml("examples/gibleed/study.toml")
    main = {**body["cohorts"]["main"], "washout_days": 40000}
    given = permit_from_dict(toml("examples/gibleed/permit.toml"))
    subject = study_from_dict({**body, "cohorts": {"main": main}})
    assert code_of(Refused, lambda: check(subject, given))[0] == "window-before-lookback"
