# SPDX-License-Identifier: Apache-2.0
"""The end of a project and its second life: keys destroyed by two officers, the formula kept, the same data made again under another
permit with other numbers."""

from typing import Any

from rempart.records.canonical import parse_canonical
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import House
from tests.journeys.test_grant import asked, clear

PERMIT = "P-2026-0001"


def granted(house: House, permit: str) -> dict[str, Any]:
    """What the leaf of a grant says of its proof and formula, with the proof's tables."""
    place = Warehouse(house.warehouse)
    leaves = [parse_canonical(leaf, what="leaf") for leaf in place.ledger.leaves()]
    found = next(
        one for one in leaves if (one["kind"], one["phase"], one["basis"]) == ("permit", "effect", f"permit:{permit}")
    )
    told = dict(text.split(":", 1) for text in found["objects"])
    proof = parse_canonical(place.documents.get(told["proof"]), what="proof")
    return {"formula": told["formula"], "tables": proof["tables"]}


def again(house: House, number: int, *changes: tuple[str, str]) -> Any:
    """The example's permit under another id and project."""
    names = ((PERMIT, f"P-2026-000{number}"), ('project = "glitazones"', f'project = "again{number}"'))
    return house.example("permit", *names, *changes)


def test_a_project_ends_by_two_officers_and_the_same_data_are_made_again_under_another_permit(small: House) -> None:
    house = small
    house.enrol("second", "officer")
    both = ("--by", house.key("officer"), "--by", house.key("second"))
    before, (_, old, _) = granted(house, PERMIT), clear(house, "project:glitazones")
    running = house.call("--json", "permit", "end", PERMIT, *both, "--yes")
    assert (running.code, running.error["code"]) == (10, "permit-running")
    assert "no dataset is to be erased" in house.call("permit", "end").out
    house.told("permit", "step", PERMIT, "close", "--by", house.key("officer"))
    house.told("permit", "step", PERMIT, "end", "--by", house.key("officer"))
    assert [one["permit"] for one in house.told("permit", "end")["endings"]] == [PERMIT]
    alone = house.call("--json", "permit", "end", PERMIT, "--by", house.key("officer"), "--yes")
    assert alone.error["code"] == "grant-signatures"
    done = house.told("permit", "end", PERMIT, *both, "--yes")
    assert done["certificate"]["space"] == "project:glitazones"
    assert house.told("permit", "show", PERMIT)["state"] == "erased"
    assert house.told("permit", "end")["endings"] == []

    key = ("--key", house.key("claire"), "--formula", before["formula"])
    other = house.call("--json", "permit", "grant", again(house, 2, ("lookback = 2012", "lookback = 2011")), *key)
    assert other.error["code"] == "formula-other"
    made = house.told("permit", "grant", again(house, 3), *key)
    assert made["formula"] != before["formula"]
    after, (_, new, _) = granted(house, "P-2026-0003"), clear(house, "project:again3")
    assert after["tables"] == before["tables"]
    linked(old, new)

    objects(house)  # the same data may not be made again
    refused = house.call("--json", "permit", "grant", again(house, 4), *key)
    assert (refused.code, refused.error["code"]) == (10, "formula-differs")
    assert house.call("audit", "verify").code == 0


def linked(old: dict[tuple[str, str], Any], new: dict[tuple[str, str], Any]) -> None:
    """The two datasets tell of the same persons, under other numbers and in another order."""
    index, fresh = old["person", "release_index"], new["person", "release_index"]
    both = "SELECT index.person_id = fresh.person_id FROM index JOIN fresh USING (release_index)"
    same = [one for (one,) in asked(both, index=index, fresh=fresh)]
    assert len(same) == index.num_rows == fresh.num_rows
    assert sum(same) < len(same) / 10
    order = "SELECT drug_source_value FROM t ORDER BY drug_exposure_id"
    assert asked(order, t=old["drug_exposure", "main"]) != asked(order, t=new["drug_exposure", "main"])


def objects(house: House) -> None:
    """A person whose data were delivered objects."""
    _, warehouse, _ = clear(house, "warehouse")
    sql = "SELECT source_pseudonym FROM c JOIN p USING (pseudonym) LIMIT 1"
    (name,) = asked(sql, c=warehouse["correspondence", "main"], p=warehouse["person", "main"])[0]
    listed = house.write("objections.csv", f"BEN_IDT_ANO\n{name}\n")
    house.told("objection", "add", listed, "--regime", "snds", "--key", house.key("officer"))
