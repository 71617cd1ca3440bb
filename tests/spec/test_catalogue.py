# SPDX-License-Identifier: Apache-2.0
"""The catalogue: what it must say (SHACL), what it may not give away, and its counts against naive ones."""

import copy
import csv
import datetime
import io
import random
from collections import Counter
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyshacl
import pytest
from rdflib import Graph
from rdflib.compare import isomorphic

from rempart.adapters import package_data
from rempart.adapters.dcat import described, json_ld, turtle, variables_csv
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.disclosure.check import check
from rempart.errors import BadInput, NotTrusted
from rempart.ingest.catalogue import Sums, columns_of, persons_sql, quantile, values_sql
from rempart.ingest.catalogue_told import Coarse
from rempart.journeys import catalogue as journey
from rempart.records.catalogue import CatalogueTold, VariableTold, operator_words, told_bytes, told_from_bytes
from rempart.records.omop import TableLayout

SETTINGS = package_data.toml("ingest/catalogue.toml")
EXAMPLE = package_data.toml("examples/catalogue/catalogue.toml")
RULES = package_data.toml("disclosure/rules.toml")
SHAPES = Path(__file__).with_name("shapes.ttl").read_text(encoding="utf-8")
WORDS = operator_words(EXAMPLE, SETTINGS["form"], file="catalogue.toml")
AWKWARD = 'a "quote", a \\ and\na line\tof «é» \u2028 \x7f'
NUMBERS = {"p05": None, "p50": 1960.0, "p95": 1995.0}
TOLD = CatalogueTold(
    variables=(
        VariableTold(
            table="person", column="year_of_birth", type="INTEGER", holds="number", percent=100.0, quantiles=NUMBERS
        ),
        VariableTold(table="death", column="death_date", type="DATE", holds="day", first="2012-01", last="2019-12"),
        VariableTold(table="death", column="cause", type="VARCHAR", holds="code", percent=80.0, codes=12),
    ),
    persons=67000,
    rows=1200000,
    tables={"person": 67000, "death": 0},
    head="sha256:" + "0" * 64,
)


def tree(**words: Any) -> dict[str, Any]:
    """The example's catalogue, with other words of the operator."""
    return described(TOLD, {**WORDS, **words}, made="2026-11-23", checks=Counter(passed=90, failed=3, none=2))


def conforms(text: str) -> bool:
    """Whether Turtle fits our shapes."""
    found, _, _ = pyshacl.validate(
        Graph().parse(data=text, format="turtle"), shacl_graph=Graph().parse(data=SHAPES, format="turtle")
    )
    return bool(found)


def test_the_example_conforms_and_both_writings_say_the_same() -> None:
    whole = tree()
    one = Graph().parse(data=turtle(whole), format="turtle")
    other = Graph().parse(data=json_ld(whole), format="json-ld")
    assert len(one) > 50 and isomorphic(one, other)
    assert conforms(turtle(whole))


def test_awkward_words_stay_words() -> None:
    whole = tree(title={"en": AWKWARD}, keywords=[AWKWARD])
    one = Graph().parse(data=turtle(whole), format="turtle")
    assert isomorphic(one, Graph().parse(data=json_ld(whole), format="json-ld"))
    assert any(str(word) == AWKWARD for word in one.objects())


MANDATORY = """
    dct:title dct:description dct:identifier dct:type dct:accessRights dct:provenance dct:publisher
    dcatap:applicableLegislation dcat:theme dcat:keyword dcat:contactPoint dcat:distribution healthdcatap:hdab
    healthdcatap:healthCategory healthdcatap:populationCoverage dct:spatial dct:modified dqv:hasQualityAnnotation
""".split()


@pytest.mark.parametrize("name", MANDATORY)
def test_without_a_mandatory_element_it_does_not_conform(name: str) -> None:
    whole = copy.deepcopy(tree())
    del whole["dcat:dataset"][0][name]
    assert not conforms(turtle(whole))


@pytest.mark.parametrize(
    "place",
    [
        ("healthdcatap:hdab", "dcat:contactPoint"),
        ("dct:publisher", "foaf:name"),
        ("dcat:distribution", "dcat:accessURL"),
    ],
)
def test_without_what_a_part_must_say_it_does_not_conform(place: tuple[str, str]) -> None:
    whole = copy.deepcopy(tree())
    del whole["dcat:dataset"][0][place[0]][0][place[1]]
    assert not conforms(turtle(whole))


def test_the_label_has_a_line_for_each_letter_of_article_78() -> None:
    (label,) = tree()["dcat:dataset"][0]["dqv:hasQualityAnnotation"]
    lines = [item["@value"] for item in label["rdfs:comment"]]
    assert [line[:8] for line in lines] == [f"78(3)({letter})" for letter in "abcdef"]
    assert "90 of 93 checks passed" in lines[1]


@pytest.mark.parametrize("field", sorted(SETTINGS["form"]))
def test_each_field_of_the_operator_is_asked_for(field: str) -> None:
    value = copy.deepcopy(EXAMPLE)
    *above, last = field.split(".")
    place = value[above[0]] if above else value
    for bad in (None, "", " ", [], {}, -1, "no iri nor mail"):
        place.pop(last, None)
        if bad is not None:
            place[last] = bad
        if bad == "no iri nor mail" and SETTINGS["form"][field] == "text":
            continue
        with pytest.raises(BadInput) as caught:
            operator_words(value, SETTINGS["form"], file="c.toml")
        assert (caught.value.code, caught.value.facts["field"]) == ("catalogue-field", field)


LAYOUT = TableLayout(
    name="drug_exposure",
    key="drug_exposure_id",
    date="day",
    siblings={
        "main": {
            "drug_exposure_id": "BIGINT",
            "code": "VARCHAR",
            "day": "DATE",
            "quantity": "DOUBLE",
            "visit_id": "BIGINT",
            "drug_concept_id": "BIGINT",
        }
    },
)


def rows(seed: int, persons: int) -> list[dict[str, Any]]:
    """Rows of invented persons: some without a value, some with many rows."""
    draw = random.Random(seed)
    found = []
    for person in range(persons):
        for _ in range(draw.choice([1, 1, 2, 9])):
            day = datetime.date(2012, 1, 1) + datetime.timedelta(days=draw.randrange(200))
            found.append(
                {
                    "pseudonym": f"p{seed}-{person}",
                    "drug_exposure_id": len(found),
                    "code": draw.choice(["A", "B", "C", None, f"rare{person}"]),
                    "day": day,
                    "quantity": draw.choice([None, 0.0, 1.0, 2.5, 1234.5]),
                    "visit_id": draw.choice([None, 1]),
                    "drug_concept_id": draw.choice([7, 8]),
                }
            )
    return found


def counted(*shards: list[dict[str, Any]]) -> Sums:
    """The sums of the SQL over shards."""
    sums = Sums()
    for shard in shards:
        query = DuckDBQuery(threads=1, memory_limit="200MB")
        query.register("drug_exposure", pa.Table.from_pylist(shard))
        sums.add_persons("drug_exposure", query.table(persons_sql(LAYOUT)).to_pylist()[0])
        for sql in values_sql(LAYOUT):
            sums.add_values("drug_exposure", query.table(sql).to_pylist())
        query.close()
    return sums


def test_counts_over_shards_are_the_naive_ones() -> None:
    shards = [rows(1, 60), rows(2, 45)]
    sums, whole = counted(*shards), [row for shard in shards for row in shard]
    assert sums.rows["drug_exposure"] == len(whole)
    assert sums.persons["drug_exposure", ""] == 105
    for column in LAYOUT.siblings["main"]:
        have = {row["pseudonym"] for row in whole if row[column] is not None}
        assert sums.persons["drug_exposure", column] == len(have), column
    for code in ("A", "B", "C"):
        assert sums.values["drug_exposure", "code"][code] == len({r["pseudonym"] for r in whole if r["code"] == code})
    months = Counter(f"{d:%Y-%m}" for p, d in {(r["pseudonym"], r["day"].replace(day=1)) for r in whole})
    assert sums.values["drug_exposure", "day"] == months
    assert ("drug_exposure", "visit_id") not in sums.values, "a key is not counted by value"
    own: dict[str, list[float]] = {}
    for row in whole:
        if row["quantity"] is not None:
            own.setdefault(row["pseudonym"], []).append(row["quantity"])
    cells = sums.values["drug_exposure", "quantity"]
    assert sum(cells.values()) == len(own)
    naive = sorted(median(values) for values in own.values())[(len(own) + 1) // 2 - 1]
    assert quantile(cells, 0.5) == pytest.approx(naive, rel=0.005)


NOW = Coarse(least=int(SETTINGS["persons"]), spread=int(SETTINGS["spread"]), step=int(SETTINGS["step"]))
BEFORE = Coarse(least=11, spread=0, step=1000)
"""Coarse without a draw, as catalogues were at first."""
LAYOUTS = {"drug_exposure": LAYOUT}


def told_of(sums: Sums, seed: int = 1) -> CatalogueTold:
    """What a catalogue tells of sums, by draws of a seed."""
    draw = random.Random(seed)
    tables = check(list(journey.result_rows(LAYOUTS, sums)), RULES)
    return journey.told_of(LAYOUTS, sums, tables, NOW, head="h", draw=lambda: draw.randint(-NOW.spread, NOW.spread))


def sums_of(whole: int, **have: int) -> Sums:
    """Of a table of so many persons: how many have a value."""
    sums = Sums()
    sums.rows["drug_exposure"] = 3 * whole
    sums.persons["drug_exposure", ""] = whole
    for column in LAYOUT.siblings["main"]:
        sums.persons["drug_exposure", column] = have.get(column, whole)
    sums.values["drug_exposure", "quantity"] = Counter({"1.0": whole // 2, "2.5": whole - whole // 2})
    sums.values["drug_exposure", "code"] = Counter({"many": whole // 2, "few": 10, "none": 0})
    sums.values["drug_exposure", "day"] = Counter({"2011-12": 10, "2012-01": 200, "2012-03": 200, "2012-04": 3})
    return sums


def test_few_are_told_like_none_and_all_but_few_like_all() -> None:
    for few in range(11):
        for seed in range(20):
            told = told_of(sums_of(12_000, code=few, visit_id=12_000 - few, drug_concept_id=3_000), seed)
            found = {one.column: one for one in told.variables}
            assert (found["code"].percent, found["visit_id"].percent) == (0.0, 100.0)
            assert found["drug_concept_id"].percent in {24.0, 25.0, 26.0}
            assert (found["code"].codes, found["day"].first, found["day"].last) == (1, "2012-01", "2012-03")
            assert found["quantity"].quantiles == {"p05": 1.0, "p50": found["quantity"].quantiles["p50"], "p95": 2.5}
    text = variables_csv(told)
    assert "few" not in text and "many" not in text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["variable"] for line in lines] == list(LAYOUT.siblings["main"])


@pytest.mark.parametrize("persons", [5, 40, 150, 900])
def test_of_a_small_table_nothing_is_told(persons: int) -> None:
    told = told_of(counted(rows(9, persons)))
    assert [one.percent for one in told.variables] == [None] * len(told.variables)
    assert told.tables["drug_exposure"] == 0, "fewer than a thousand persons are not told"


def test_codes_and_months_have_eleven_persons_whatever_was_drawn() -> None:
    for drawn in range(-NOW.spread, NOW.spread + 1):
        assert NOW.known({"a": 10, "b": 400}, lambda drawn=drawn: drawn) == ["b"]
        assert NOW.quantile({"1": 10 + NOW.spread, "2": 500}, 0.1, lambda drawn=drawn: drawn) in {None, 1.0, 2.0}


Told = Callable[[Coarse, int, Callable[[], int]], object]
PUBLISHED: dict[str, Told] = {
    "a share": lambda coarse, count, draw: coarse.share(count, 20_000, draw),
    "a code or a month": lambda coarse, count, draw: coarse.known({"a": count}, draw),
    "a quantile": lambda coarse, count, draw: coarse.quantile({"1": count, "2": 3_000 - count}, 0.5, draw),
    "persons": lambda coarse, count, draw: coarse.persons(count, draw),
    "the finest step": lambda coarse, count, draw: coarse.share(count // 2, count, draw) is None,
}


def chances(told: Told, coarse: Coarse, count: int) -> dict[object, float]:
    """What is told of a count, and how often, over all draws; the draw of a share's step and that of its count are both gone through."""
    width = 2 * coarse.spread + 1
    found: Counter[object] = Counter()
    for first in range(-coarse.spread, coarse.spread + 1):
        draws = cycle([first, (first * 7 + 3) % width - coarse.spread])
        found[repr(told(coarse, count, lambda draws=draws: next(draws)))] += 1
    return {text: times / width for text, times in found.items()}


def advantage(told: Told, coarse: Coarse, count: int, persons: int) -> float:
    """How much better than by guessing somebody tells, from what is published before and after, whether those persons were counted."""
    one, other = (chances(told, coarse, at) for at in (count, count + persons))
    return sum(abs(one.get(text, 0.0) - other.get(text, 0.0)) for text in {*one, *other}) / 2


@pytest.mark.parametrize("what", sorted(PUBLISHED))
def test_two_catalogues_that_differ_by_one_to_ten_persons_tell_nothing_of_them(what: str) -> None:
    counts = range(1, 2_600, 1)
    best = {n: max(advantage(PUBLISHED[what], BEFORE, count, n) for count in counts) for n in (1, 10)}
    assert best == {1: 1.0, 10: 1.0}, "without draws one person in a fitting place was told for sure"
    for persons in (1, 5, 10):
        found = max(advantage(PUBLISHED[what], NOW, count, persons) for count in counts[::9])
        assert found <= persons / (2 * NOW.spread + 1) + 1e-9, (what, persons)


def test_what_was_told_is_read_as_it_was() -> None:
    for told in (TOLD, told_of(sums_of(12_000))):
        assert told_from_bytes(told_bytes(told)) == told
    with pytest.raises(NotTrusted):
        told_from_bytes(b'{"schema":"rempart.catalogue-told/1"}')


def test_every_table_of_the_catalogue_is_one_that_its_grant_opens() -> None:
    allowed = package_data.toml("keys/grants-catalogue.toml")["kinds"]["catalogue"]["allow"]
    assert {f"warehouse/{name}/main/read" for name in [*SETTINGS["tables"], "manifest"]} == set(allowed)
    assert not [use for use in allowed if "identifying" in use or "cost" in use or "*" in use]
    tables = package_data.toml("records/omop54.toml")["tables"]
    assert set(SETTINGS["tables"]) <= set(tables)
    assert columns_of(LAYOUT)["drug_exposure_id"] == "key"
