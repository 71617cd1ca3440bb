# SPDX-License-Identifier: Apache-2.0
"""A host is asked to delete only what the warehouse has left: never the host that is active, under whatever name or by whatever move."""

import json
import os

import pytest

from rempart.wiring import cutover, migration
from tests.faults.warehouse.place import Place
from tests.move_house import contents
from tests.moving_place import about_to_move, add_host, plan, second_officer


def test_two_names_of_one_place_are_one_host(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moved to itself, a warehouse would be proven there and then deleted."""
    second_officer(place)
    os.symlink(place.host, place.root / "elsewhere")
    add_host(place, "b", f'kind = "directory"\npath = "{place.root / "elsewhere"}"')
    before = contents(place.host)
    kept = place.root / "kept.checkpoint"
    assert place.run("audit", "export", str(kept)).code == 0
    told = place.run("migrate", "plan", "directory", "b", "--checkpoint", str(kept))
    assert (told.code, told.error) == (10, "move-same-host")
    assert contents(place.host) == before
    with monkeypatch.context() as patch:
        patch.setattr(migration, "check_apart", lambda *_: None)
        moving = plan(place, "directory", "b")
    assert moving.migrate("run").code == 0
    assert (moving.cutover().code, moving.cutover().error) == (10, "move-same-host")
    assert set(before) <= set(contents(place.host))
    monkeypatch.setattr(cutover, "check_apart", lambda *_: None)
    assert moving.cutover().code == 0
    assert contents(place.host) == {}, "the check that was taken out is not the one that stood before it"


def test_an_old_move_does_not_delete_the_host_that_the_warehouse_came_back_to(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = about_to_move(place)
    assert there.migrate("run").code == 0
    assert there.cutover("--keep-old").code == 0
    back = plan(place, "b", "directory")
    assert back.migrate("run").code == 0
    assert back.cutover().code == 0
    content, before = place.content(), contents(place.host)
    told = there.cutover()
    assert (told.code, told.error) == (10, "move-not-active")
    assert contents(place.host) == before
    assert place.content() == content
    for check in ("_check_left", "check_apart"):
        monkeypatch.setattr(cutover, check, lambda *_: None)
    there.cutover()
    assert contents(place.host) == {}


@pytest.mark.parametrize(("fact", "value"), [("size", 10**9), ("size", 0), ("objects", 1), ("bytes", 1)])
def test_a_movers_report_about_another_log_or_inventory_moves_nothing(place: Place, fact: str, value: int) -> None:
    """A size beyond the log would hide every commit that comes between the proof and the cut-over."""
    moving = about_to_move(place)
    assert moving.migrate("run").code == 0
    report = place.directory / "controller" / "moves" / moving.move / "report.json"
    report.write_text(json.dumps(json.loads(report.read_text(encoding="utf-8")) | {fact: value}), encoding="utf-8")
    told = moving.cutover()
    assert told.code in {10, 20} and told.error in {"move-inventory", "cutover-behind"}
    assert place.warehouse().active_host == "directory"
