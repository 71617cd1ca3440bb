# SPDX-License-Identifier: Apache-2.0
"""Campaign 3, the move: the mover killed at random instants while it copies, the cut-over at each of its named steps."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.faults.campaign.count import Section
from tests.faults.campaign.kills import ROOT
from tests.faults.warehouse.place import Place
from tests.move_house import MoveHouse, contents, mover_command, mover_environment
from tests.moving_place import MovingPlace, about_to_move

STEPS = (
    "target-proven", "signed", "cutover-intended", "cut-over", "intent-logged", "keys-rewrapped", "keyring-stored", "committed",
    "rotated", "granted", "keys-destroyed", "certificate-stored", "recorded", "old-keys-destroyed", "deleted",
)  # fmt: skip
_SNAPSHOTS = 6


def movers(folder: Path, *, points: int, seed: int) -> Section:
    """Each time onto an empty target; run again, the target holds exactly what the log names."""
    section, chance = Section(f"3. kill -9 of the mover, seed {seed}"), random.Random(seed)
    folder.mkdir(parents=True)
    house = MoveHouse(folder)
    for number in range(_SNAPSHOTS):
        house.commit(f"killed {number}")
    house.order()
    wanted = {name: data for name, data in contents(house.source).items() if name in house.names()}
    life, _ = _life(house, None)
    for _ in range(points):
        _empty(house)
        moment = chance.uniform(0, life)
        _, hit = _life(house, moment)
        there = len(contents(house.target))
        told = _wrong(house, wanted)
        count = section.of("mover at a random instant")
        count.by["nameless files left"] += len(list(house.target.glob("[oms]/.*")))  # no object; nobody lists them
        count.add(
            caught_by=[] if told else ["same target" if hit else "too late"],
            slipped=told and f"after {moment:.3f} s, {there} objects: {told}",
        )
    return section


def _life(house: MoveHouse, seconds: float | None) -> tuple[float, bool]:
    """(seconds that a mover lived after it began, whether it was killed); killed after ``seconds``."""
    process = subprocess.Popen(
        mover_command(house.folder), env=mover_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    begun = time.monotonic()
    if seconds is not None:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    process.stdout.read()
    process.wait()
    return time.monotonic() - begun, process.returncode == -signal.SIGKILL


def _empty(house: MoveHouse) -> None:
    for path in [*house.target.glob("[oms]/*"), *house.target.glob("[oms]/.*")]:
        path.unlink(missing_ok=True)


def _wrong(house: MoveHouse, wanted: dict[str, bytes]) -> str:
    """What is wrong with the target, '' for nothing."""
    half = [name for name, data in contents(house.target).items() if name in wanted and data != wanted[name]]
    if half:
        return f"half an object under its name: {half[0]}"
    ended = house.run()
    there = {name: data for name, data in contents(house.target).items() if name in house.names()}
    if (ended.code, ended.failed) != (0, {}) or there != wanted:
        return f"the second run ends with {ended.code}, {len(there)} of {len(wanted)} objects"
    return ""


def cutovers(place: Place, *, seed: int) -> Section:
    """One move, whose cut-over dies at each step in turn; content and active host are right after each."""
    section = Section(f"3. kill -9 of the cut-over, seed {seed}")
    moving, content = about_to_move(place), place.content()
    if moving.migrate("run").code:
        raise RuntimeError("the move does not run")
    for step in STEPS:
        command = [sys.executable, "-m", "tests.recovery.move_driver", str(place.root), moving.move, step]
        ended = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, check=False, timeout=180)
        told = _wrong_after(moving, content, step) if ended.returncode == -signal.SIGKILL else "it did not die"
        section.of(f"cut-over at {step}").add(caught_by=[] if told else ["content and host right"], slipped=told)
    told = moving.cutover()
    audit = place.run("audit", "verify", "--deep")
    wrong = "" if told.code == 0 and place.content() == content else told.told[-300:]
    wrong = wrong or ("" if audit.code == 0 and not audit.answer["data"]["findings"] else audit.told[-300:])
    section.of("and then to its end").add(caught_by=[] if wrong else ["sound, same content"], slipped=wrong)
    return section


def _environment() -> dict[str, str]:
    return mover_environment() | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "REMPART_UNENCRYPTED_SWAP": "allowed"}


def _wrong_after(moving: MovingPlace, content: dict[str, str], step: str) -> str:
    wanted = "directory" if step in STEPS[:3] else "b"
    if moving.place.warehouse().active_host != wanted:
        return f"the active host is not {wanted}"
    return "" if moving.place.content() == content else "the content is another"
