# SPDX-License-Identifier: Apache-2.0
"""Versions of a permit: what an amendment may change and what it may not; its keys stay out of the canonical form of a first version."""

import copy
import datetime
from typing import Any

import pytest

from rempart.errors import BadInput, Refused
from rempart.records.amendment import check_amends, check_renews, in_force
from rempart.records.permit import Permit, permit_from_dict
from tests.disclosure_rows import toml

BODY = toml("examples/glitazones/permit.toml")
FIRST = permit_from_dict(BODY)


def next_version(before: Permit = FIRST, **changes: Any) -> Permit:
    """The version after one, with fields changed."""
    body = {**copy.deepcopy(before.as_dict()), "version": before.version + 1, "amends": before.content_id, **changes}
    return permit_from_dict(body)


def test_a_first_version_says_nothing_of_versions() -> None:
    assert not {"version", "amends"} & set(FIRST.as_dict())
    assert permit_from_dict(next_version().as_dict()) == next_version()


@pytest.mark.parametrize("change", [{"version": 2}, {"version": 2, "amends": "x"}, {"amends": "sha256:" + "0" * 64}])
def test_a_version_and_what_it_amends_go_together(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        permit_from_dict({**FIRST.as_dict(), **change})


DAY = datetime.timedelta(days=1)
WIDER = {
    "purpose": "another",
    "project": "another",
    "lookback": (FIRST.lookback - DAY).isoformat(),
    "period": [(FIRST.period[0] - DAY).isoformat(), FIRST.period[1].isoformat()],
    "valid": [(FIRST.valid[0] - DAY).isoformat(), FIRST.valid[1].isoformat()],
    "tables": [*FIRST.as_dict()["tables"], {"name": "measurement", "columns": ["value_as_number"]}],  # type: ignore[misc]
}


@pytest.mark.parametrize("field", sorted(WIDER))
def test_a_version_that_gives_more_is_refused(field: str) -> None:
    with pytest.raises(Refused) as caught:
        check_amends(FIRST, next_version(**{field: WIDER[field]}))
    assert caught.value.code == "amend-widens"
    assert str(caught.value.facts["field"]).startswith(field)


def test_one_more_column_of_a_table_is_more() -> None:
    tables = copy.deepcopy(FIRST.as_dict()["tables"])
    tables[0]["columns"].append("provider_id")  # type: ignore[index]
    with pytest.raises(Refused):
        check_amends(FIRST, next_version(tables=tables))


def test_fewer_days_columns_and_other_persons_follow() -> None:
    second = next_version(
        persons=["dora"],
        tables=FIRST.as_dict()["tables"][:1],  # type: ignore[index]
        lookback=(FIRST.lookback + DAY).isoformat(),
        valid=[FIRST.valid[0].isoformat(), (FIRST.valid[1] + 400 * DAY).isoformat()],
    )
    check_amends(FIRST, second)
    third = next_version(second, persons=["alice", "dora"])
    assert in_force(FIRST, [second, third]) == third
    assert in_force(FIRST, [third, second]) == second
    assert in_force(FIRST, [second, second]) == second


def test_a_depth_may_come_or_shrink_and_never_goes() -> None:
    deep = next_version(depth=3)
    check_amends(FIRST, deep)
    check_amends(deep, next_version(deep, depth=2))
    body = {**deep.as_dict(), "version": 3, "amends": deep.content_id}
    without = {name: value for name, value in body.items() if name != "depth"}
    for after in (permit_from_dict({**body, "depth": 4}), permit_from_dict(without)):
        with pytest.raises(Refused) as caught:
            check_amends(deep, after)
        assert (caught.value.code, caught.value.facts["field"]) == ("amend-widens", "depth")
    later = [FIRST.valid[0].isoformat(), (FIRST.valid[1] + DAY).isoformat()]
    with pytest.raises(Refused):
        check_renews(FIRST, next_version(depth=3, valid=later))


def test_a_renewal_moves_the_last_day_further_and_nothing_else() -> None:
    later = [FIRST.valid[0].isoformat(), (FIRST.valid[1] + DAY).isoformat()]
    check_renews(FIRST, next_version(valid=later))
    for change in ({}, {"valid": later, "persons": ["dora"]}, {"valid": [later[0], FIRST.valid[1].isoformat()]}):
        with pytest.raises(Refused) as caught:
            check_renews(FIRST, next_version(**change))
        assert caught.value.code == "renew-changes"
