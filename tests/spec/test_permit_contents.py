# SPDX-License-Identifier: Apache-2.0
"""What a permit holds by law: each content of the table left out is named with its letter, and nothing else is."""

from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.records.application import Application, application_from_dict
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.permit_contents import absent

FORM = package_data.toml("permits/permit_contents.toml")
PERMIT = package_data.toml("examples/glitazones/permit.toml")
ASKED = package_data.toml("examples/glitazones/application.toml")


def permit(**changes: Any) -> Permit:
    """The example's permit."""
    return permit_from_dict({**PERMIT, **changes})


def application(part: str = "data", **changes: Any) -> Application:
    """The example's application, a part of it replaced; None leaves out."""
    said = {name: item for name, item in {**ASKED[part], **changes}.items() if item is not None}
    return application_from_dict({**ASKED, part: said}, package_data.toml("permits/application.toml"))


def letters(given: Permit, asked: Application | None) -> list[str]:
    """What is absent, as text."""
    return [f"{one.letter} {one.name}" for one in absent(given, asked, FORM)]


def test_the_table_has_every_letter_of_the_article() -> None:
    assert {row["letter"] for row in FORM["contents"].values()} == set("abcdefgh")


def test_the_example_holds_everything_and_a_permit_alone_does_not() -> None:
    assert letters(permit(), application()) == []
    alone = [
        "a sources",
        "a format",
        "a pseudonymised",
        "c objections",
        "d principal",
        "f tools",
        "g fees",
        "h conditions",
    ]
    assert letters(permit(), None) == alone


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        ("agreements", {"fees": None}, ["g fees"]),
        ("agreements", {"conditions": None}, ["h conditions"]),
        ("tools", {"text": None}, ["f tools"]),
        ("data", {"sources": None}, ["a sources"]),
        ("data", {"format": None}, ["a format"]),
        ("objections", {"exception": False}, []),
    ],
)
def test_what_neither_tells_is_named_by_its_letter(part: str, change: dict[str, Any], told: list[str]) -> None:
    assert letters(permit(), application(part, **change)) == told


def test_fees_and_conditions_may_stand_in_the_permit_itself() -> None:
    asked = application("agreements", conditions=None, fees=None)
    assert letters(permit(conditions=["none"], fees="none"), asked) == []
    assert permit().content_id != permit(fees="none").content_id and "fees" not in permit().as_dict()
