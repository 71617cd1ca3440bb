# SPDX-License-Identifier: Apache-2.0
"""An application: its form, what a complete one says, its canonical bytes, and the permit that keeps to it."""

import copy
import datetime
from typing import Any

import pytest

from rempart.errors import BadInput, Refused
from rempart.permits.completeness import Lack, minimisation, missing
from rempart.permits.within import check_within
from rempart.records.application import application_from_dict
from rempart.records.canonical import parse_canonical, sha256_id
from rempart.records.permit import permit_from_dict
from tests.disclosure_rows import toml
from tests.spec.applications import EXAMPLE, FORM, application, changed

PERMIT = toml("examples/glitazones/permit.toml")
LETTERS = "abcdeghijk"
"""Of art. 67(2); f, what is brought in, is said where something is."""


def test_the_example_is_complete_and_its_permit_keeps_to_it() -> None:
    assert missing(application(), FORM) == ()
    check_within(permit_from_dict(PERMIT), application())


def test_every_letter_of_the_law_has_a_field_and_every_field_says_what_it_is() -> None:
    letters = {row.get("letter", "") for row in FORM["fields"].values()} - {""}
    assert letters == set("abcdefghijk")
    assert {row["kind"] for row in FORM["fields"].values()} <= {
        "text",
        "texts",
        "day",
        "days",
        "whole",
        "flag",
        "choice",
        "rows",
    }


def test_an_application_without_anything_but_its_names_lacks_every_letter() -> None:
    bare = {name: EXAMPLE[name] for name in ("schema", "id", "project", "regime", "persons")}
    found = missing(application_from_dict(bare, FORM), FORM)
    assert {lack.letter for lack in found} - {""} == set(LETTERS)
    required = {
        name
        for name, row in FORM["fields"].items()
        if row.get("required") and not row.get("filed") and "when" not in row
    }
    assert {lack.field for lack in found} == required


@pytest.mark.parametrize(
    "place",
    sorted(name for name, row in FORM["fields"].items() if row.get("required") and not row.get("filed")),
)
def test_each_field_that_is_asked_for_is_missed_alone(place: str) -> None:
    flags = {"objections__exception": True} if place == "objections.why" else {}
    found = missing(application(**{**flags, place.replace(".", "__"): None}), FORM)
    assert [lack.field for lack in found][:1] == [place]
    assert len(found) == 1


def test_a_field_beside_a_flag_is_asked_for_where_the_flag_is_true() -> None:
    assert missing(application(objections__exception=True), FORM) == (Lack("objections.why", "k"),)
    refused = application(data__pseudonymised__needed=False, data__pseudonymised__why=None)
    assert missing(refused, FORM) == ()


def test_a_reason_stands_for_an_ethical_assessment() -> None:
    assert missing(application(ethics__assessment=None, ethics__none="no law asks for one"), FORM) == ()


def test_every_table_and_every_import_needs_its_reason() -> None:
    told = changed(imports=[{"name": "towns.csv", "description": "areas"}])
    del told["data"]["tables"][2]["why"]
    told["data"]["tables"][0]["columns"] = []
    fields = [lack.field for lack in missing(application_from_dict(told, FORM), FORM)]
    assert fields == ["data.tables[1].columns", "data.tables[3].why", "imports[1].basis"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"schema": "rempart.application/2"}, "schema"),
    ({"id": "P-26-1"}, "id"),
    ({"id": None}, "id"),
    ({"project": "Glitazones"}, "project"),
    ({"regime": "else"}, "regime"),
    ({"persons": []}, "persons"),
    ({"persons": [{"actor": "alice"}]}, "persons.principal"),
    ({"persons": [{"actor": "alice", "principal": True}, {"actor": "dora", "principal": True}]}, "persons.principal"),
    ({"persons": [{"actor": "alice", "principal": True}, {"actor": "alice"}]}, "persons.actor"),
    ({"persons": [{"function": "nobody", "principal": True}]}, "persons.actor"),
    ({"persons": "alice"}, "persons"),
    ({"applicant__body": "charity"}, "applicant.body"),
    ({"purpose__codes": "research"}, "purpose.codes"),
    ({"purpose__codes": [1]}, "purpose.codes"),
    ({"data__lookback": "2012"}, "data.lookback"),
    ({"data__period": [datetime.date(2017, 1, 1)]}, "data.period"),
    ({"data__period": [datetime.date(2018, 1, 1), datetime.date(2017, 1, 1)]}, "data.period"),
    ({"duration__months": 0}, "duration.months"),
    ({"duration__months": True}, "duration.months"),
    ({"duration__months": 1.5}, "duration.months"),
    ({"objections__exception": "no"}, "objections.exception"),
    ({"purpose__text": "   "}, "purpose.text"),
]


@pytest.mark.parametrize(("places", "field"), BAD)
def test_a_field_of_another_kind_is_bad_input(places: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        application(**places)
    assert (caught.value.code, caught.value.facts["field"]) == ("application-field", field)


@pytest.mark.parametrize(
    "places",
    [
        {"colour": "red"},
        {"applicant__colour": "red"},
        {"data__pseudonymised__colour": "red"},
        {"data": {"tables": [{"name": "death", "colour": "red"}]}},
        {"persons": [{"actor": "alice", "principal": True, "colour": "red"}]},
    ],
)
def test_an_unknown_key_is_named_with_its_place(places: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        application(**places)
    assert caught.value.code == "unknown-key"
    assert str(caught.value.facts["key"]).endswith("colour")


def test_the_canonical_bytes_are_read_back_as_the_same_application() -> None:
    one = application()
    again = application_from_dict(parse_canonical(one.data, what="application"), FORM)
    assert again == one
    assert one.content_id == sha256_id(one.data)
    assert (one.id, one.project, one.regime, one.persons) == ("P-2026-0001", "glitazones", "snds", ("alice",))


def test_the_order_of_keys_does_not_change_the_id() -> None:
    turned = dict(reversed(list(copy.deepcopy(EXAMPLE).items())))
    assert application_from_dict(turned, FORM).content_id == application().content_id


def test_a_committee_reads_how_many_columns_of_how_many_are_asked_for() -> None:
    assert minimisation(application(), 120) == (10, 120)
    assert minimisation(application(data__tables=None), 120) == (0, 120)


BEYOND: list[tuple[dict[str, Any], str, str]] = [
    ({"project": "other"}, "project", "other"),
    ({"persons": ["alice", "dora"]}, "persons", "dora"),
    ({"lookback": datetime.date(2011, 12, 31)}, "lookback", "2011-12-31"),
    ({"period": [datetime.date(2012, 12, 31), datetime.date(2017, 12, 31)]}, "period", "2012-12-31, 2017-12-31"),
    ({"period": [datetime.date(2013, 1, 1), datetime.date(2018, 1, 1)]}, "period", "2013-01-01, 2018-01-01"),
    ({"tables": [{"name": "death", "columns": ["death_month", "death_date"]}]}, "tables", "death.death_date"),
    ({"tables": [{"name": "measurement", "columns": ["measurement_date"]}]}, "tables", "measurement.measurement_date"),
    ({"valid": [datetime.date(2026, 1, 1), datetime.date(2029, 1, 1)]}, "valid", "2026-01-01, 2029-01-01"),
]


@pytest.mark.parametrize(("places", "field", "given"), BEYOND)
def test_a_permit_beyond_its_application_is_refused(places: dict[str, Any], field: str, given: str) -> None:
    with pytest.raises(Refused) as caught:
        check_within(permit_from_dict({**PERMIT, **places}), application())
    told = caught.value
    assert (told.code, told.facts["field"], told.facts["given"]) == ("permit-beyond", field, given)


def test_a_permit_may_give_less_than_was_asked_for() -> None:
    less = {
        "lookback": datetime.date(2013, 1, 1),
        "period": [datetime.date(2014, 1, 1), datetime.date(2016, 12, 31)],
        "valid": [datetime.date(2026, 5, 14), datetime.date(2026, 6, 13)],
        "tables": [{"name": "death", "columns": ["death_month"]}],
    }
    check_within(permit_from_dict({**PERMIT, **less}), application())


def test_the_days_of_a_permit_fill_the_months_that_were_asked_for() -> None:
    whole = {"valid": [datetime.date(2026, 5, 14), datetime.date(2029, 5, 13)]}
    check_within(permit_from_dict({**PERMIT, **whole}), application())
    with pytest.raises(Refused):
        over = {"valid": [datetime.date(2026, 5, 14), datetime.date(2029, 5, 14)]}
        check_within(permit_from_dict({**PERMIT, **over}), application())


def test_the_optional_keys_of_a_permit_are_left_out_when_absent_and_kept_when_given() -> None:
    plain = permit_from_dict(PERMIT)
    assert not {"application", "reference", "conditions"} & set(plain.as_dict())
    more = {"application": "sha256:" + "0" * 64, "reference": "D-1", "conditions": ["no linkage"]}
    full = permit_from_dict({**PERMIT, **more})
    assert {name: full.as_dict()[name] for name in more} == more
    assert permit_from_dict(full.as_dict()) == full
    assert full.content_id != plain.content_id


@pytest.mark.parametrize(
    "places", [{"application": "sha256:0"}, {"application": ""}, {"conditions": "none"}, {"reference": 1}]
)
def test_an_optional_key_of_another_kind_is_bad_input(places: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        permit_from_dict({**PERMIT, **places})
    assert caught.value.code == "permit-field"
