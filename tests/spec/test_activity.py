# SPDX-License-Identifier: Apache-2.0
"""Activity reports: the golden pages in both languages, and each number counted by hand."""

import datetime

import pytest

from rempart.adapters import package_data
from rempart.audit.activity import Stretch, activity, rounded
from tests.law.tree import none
from tests.spec.activity_story import GOLDEN, LEAST, TABLE, YEARS, log, pages, projects, report


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_is_the_golden_one(name: str) -> None:
    assert pages()[name] == (GOLDEN / name).read_text(encoding="utf-8")


def test_each_number_is_the_one_counted_by_hand() -> None:
    told = report("ehds")
    assert told["studies"] == 3, "one came before, one failed"
    assert told["releases"] == told["incidents"] == told["controls"] == told["audits"] == told["objections"] == 1
    assert (told["applications"], told["refused"], told["withdrawn"], told["granted"]) == (1, 1, 0, 2)
    assert told["access_days"] == 121, "1 November 2023 to 1 March 2024; the short way has no application"
    assert told["open"] == 2, "the fourth ended the day before"
    assert told["depth"] == 14 and told["persons"] == 1_235_000
    assert told["months"] == 24, "36 and 12 months"
    assert told["purposes"] == {"": 1, "research": 1, "statistics": 1}
    assert told["applicants"] == {"industry": 1}
    first, second = told["projects"]
    assert (first["studies"], first["releases"], first["persons"]) == (2, 1, 1_235_000)
    assert (second["studies"], second["releases"], second["persons"]) == (1, 0, 0)


def test_both_ends_belong_to_the_time_of_a_report() -> None:
    last = Stretch(since=datetime.date(2023, 12, 31), until=datetime.date(2023, 12, 31))
    told = activity(log(), projects(), last, least=LEAST)
    assert (told["studies"], told["open"], told["access_days"]) == (1, 1, None)


def test_nobody_did_anything() -> None:
    told = activity([], [], YEARS, least=LEAST)
    assert told["open"] == told["studies"] == 0 and told["projects"] == []
    assert told["depth"] is told["months"] is told["access_days"] is None


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, 0), (999, 0), (1000, 1000), (1499, 1000), (1501, 2000)])
def test_persons_are_rounded_and_few_are_not_told(count: int, shown: int) -> None:
    assert rounded(count, 1000) == shown


def test_every_row_has_its_words_and_its_number() -> None:
    told = report("cnil")
    for name, form in TABLE["regulators"].items():
        none([f"{name}: {row}" for row in form["rows"] if TABLE["rows"][row]["from"] not in told])
    used = {row for form in TABLE["regulators"].values() for row in form["rows"]}
    assert used == set(TABLE["rows"])


def test_every_purpose_and_kind_of_applicant_has_a_name_in_both_languages() -> None:
    codes = {
        *package_data.toml("permits/purposes.toml")["allowed"],
        *package_data.toml("permits/application.toml")["fields"]["applicant.body"]["of"],
    }
    assert codes == set(TABLE["names"]["en"]) == set(TABLE["names"]["fr"])


def test_no_person_is_named_in_a_report() -> None:
    assert "alice" not in "".join(pages().values()) + repr(report("cnil"))
