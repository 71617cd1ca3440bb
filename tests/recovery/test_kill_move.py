# SPDX-License-Identifier: Apache-2.0
"""kill -9 in a move: the mover while it copies, the cut-over at every named step. Run again, the end is the undisturbed one."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rempart.journeys.chain import snapshots_in, spaces
from tests.faults.warehouse.place import Place
from tests.move_house import MoveHouse, contents, mover_command, mover_environment
from tests.moving_place import MovingPlace, about_to_move

STEPS = (
    "target-proven",
    "signed",
    "cutover-intended",
    "cut-over",
    "intent-logged",
    "keys-rewrapped",
    "keyring-stored",
    "committed",
    "rotated",
    "granted",
    "keys-destroyed",
    "certificate-stored",
    "recorded",
    "old-keys-destroyed",
    "deleted",
)
BEFORE_THE_LEAF = STEPS[:3]


def test_a_mover_killed_at_any_moment_and_run_again_ends_in_the_same_target(tmp_path: Path) -> None:
    house = MoveHouse(tmp_path)
    for number in range(4):
        house.commit(f"killed {number}")
    house.order()
    wanted = {name: data for name, data in contents(house.source).items() if name in house.names()}
    deaths = 0
    for count in range(1, len(wanted), 2):
        with subprocess.Popen(
            mover_command(house.folder), env=mover_environment(), stdout=subprocess.DEVNULL
        ) as process:
            while process.poll() is None and len(contents(house.target)) < count:
                time.sleep(0.0005)
            process.send_signal(signal.SIGKILL)
        deaths += process.returncode == -signal.SIGKILL
        there = contents(house.target)
        assert all(there[name] == wanted[name] for name in set(there) & set(wanted)), "an object lies there by half"
    assert deaths > 3, "the mover was never hit"
    ended = house.run()
    assert (ended.code, ended.failed) == (0, {})
    assert {name: data for name, data in contents(house.target).items() if name in house.names()} == wanted
    assert house.run(verify=True).code == 0


def cut_over_until(moving: MovingPlace, step: str) -> None:
    """A cut-over that dies at the step."""
    command = [sys.executable, "-m", "tests.recovery.move_driver", str(moving.place.root), moving.move, step]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL, f"{step} {ended.stderr.decode()}"


@pytest.mark.slow
def test_a_cut_over_killed_at_each_of_its_steps_in_turn_loses_nothing_and_comes_to_its_end(place: Place) -> None:
    moving = about_to_move(place)
    content = place.content()
    assert moving.migrate("run").code == 0
    for step in STEPS:
        cut_over_until(moving, step)
        assert place.content() == content, step
        assert place.warehouse().active_host == ("directory" if step in BEFORE_THE_LEAF else "b"), step
    assert moving.cutover().code == 0
    check_end(moving, content)


def check_end(moving: MovingPlace, content: dict[str, str]) -> None:
    """What stands after a cut-over, however it came about."""
    place = moving.place
    warehouse = place.warehouse()
    assert place.content() == content
    assert list(warehouse.host.names())
    assert contents(place.host) == {}
    leaves = warehouse.ledger.leaves()
    for space in spaces(warehouse.ledger):
        newest = snapshots_in(leaves, space)[-1].current.epoch
        names = [name for name in warehouse.broker.key_names(space) if name.count("/") == 3]
        tables = [name for name in names if "/result/" not in name and "/evidence/" not in name]
        assert {name.rpartition("/")[2] for name in tables} == {str(newest)}
    events = place.events()
    assert sum(event.kind == "cutover" and event.phase == "effect" for event in events) == 1
    audit = place.run("audit", "verify", "--deep")
    assert (audit.code, audit.answer["data"]["findings"]) == (0, [])
    folder = place.root / "certificate"
    assert moving.migrate("certificate", "--to", str(folder)).code == 0
    assert place.run("migrate", "certificate", "--verify", str(folder / "certificate.json")).code == 0
