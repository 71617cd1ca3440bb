# SPDX-License-Identifier: Apache-2.0
"""Several processes on one warehouse at once: nobody waits for ever, no leaf is lost, one winner where there can be one only."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rempart.adapters.scratch_directory import ScratchDirectory
from rempart.errors import Unavailable
from rempart.journeys.living import close_dead
from rempart.journeys.space import commits
from rempart.wiring.acts import grant_permit, new_run
from rempart.wiring.ingest import ingest_delivery
from tests.faults.warehouse.place import Place, Silence
from tests.recovery.test_kill import ingested_content

WRITERS, ACTS = 4, 12


def start(place: Place, *words: str) -> "subprocess.Popen[bytes]":
    """A command of ``rempart`` as a process of its own."""
    code = "import sys; from rempart.cli.app import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "--json", "--dir", str(place.directory), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ends(*processes: "subprocess.Popen[bytes]") -> list[tuple[int, str]]:
    """Exit code and words of each; none is waited for longer than two minutes."""
    try:
        told = [process.communicate(timeout=120)[0].decode() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert not any("Traceback" in words for words in told)
    return sorted((process.returncode, words) for process, words in zip(processes, told, strict=True))


def sound(place: Place) -> None:
    """A deep audit finds nothing at all."""
    told = place.run("audit", "verify", "--deep")
    assert (told.code, told.answer["data"]["findings"]) == (0, []), told.told


def test_no_leaf_of_four_writers_is_lost(place: Place) -> None:
    before = len(place.events())
    command = [sys.executable, "-m", "tests.recovery.appender", str(place.root)]
    writers = [subprocess.Popen([*command, str(n), str(ACTS)], cwd=Path(__file__).parents[2]) for n in range(WRITERS)]
    try:
        assert [writer.wait(timeout=120) for writer in writers] == [0] * WRITERS
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    new = place.events()[before:]
    intents = [(event.fact("writer"), event.fact("number")) for event in new if event.phase == "intent"]
    assert len(new) == 2 * WRITERS * ACTS
    assert len(set(intents)) == WRITERS * ACTS
    assert Counter(event.of for event in new if event.phase == "effect").most_common(1)[0][1] == 1
    sound(place)


def test_two_ingests_at_once_leave_one_chain_and_every_loser_is_told(place: Place) -> None:
    before = len(commits(place.warehouse().ledger, "warehouse"))
    words = ("ingest", str(place.delivery("first")), "--replace")
    told = ends(start(place, *words), start(place, *words))
    won = sum(code == 0 for code, _ in told)
    assert won >= 1, told
    assert all(code == 0 or (code == 60 and "commit-lost" in words) for code, words in told)
    assert len(commits(place.warehouse().ledger, "warehouse")) == before + 2, "gross parts once, research tables once"
    assert place.content() == ingested_content(place, 0)
    sound(place)


def test_two_runs_of_one_study_at_once_give_one_result_and_the_other_is_told(place: Place) -> None:
    words = ("study", "run", str(place.root / "study.toml"), "--key", place.key("alice"))
    told = ends(start(place, *words), start(place, *words))
    assert told[0][0] == 0, told
    assert told[1][0] == 0 or (told[1][0] == 60 and "run-held" in told[1][1]), told
    assert place.study().code == 0
    sound(place)


def test_two_grants_at_once_of_one_permit_make_one_project(place: Place) -> None:
    words = ("permit", "grant", str(place.root / "second.toml"), "--key", place.key("claire"))
    told = ends(start(place, *words), start(place, *words))
    assert told[0][0] == 0, told
    assert told[1][0] in {10, 60}, told
    assert "project-exists" in told[1][1] or "commit-lost" in told[1][1]
    assert len(commits(place.warehouse().ledger, "project:second")) == 1
    sound(place)


def test_a_grant_that_ends_while_another_is_at_work_makes_the_other_lose(place: Place) -> None:
    """The interleaving that a loaded machine meets by chance: the slower one has not begun to write when the faster one commits."""

    def meanwhile(step: str) -> None:
        if step == "rows-exchanged":
            assert place.grant().code == 0

    file, key = place.root / "second.toml", Path(place.key("claire"))
    with pytest.raises(Unavailable, match="commit-lost"):
        grant_permit(
            place.warehouse(), file=file, key_file=key, ask=lambda _: "", progress=Silence(), named_step=meanwhile
        )
    assert len(commits(place.warehouse().ledger, "project:second")) == 1
    sound(place)


class Enough(Exception):
    """What a test came for has been seen."""


def test_a_grant_while_an_ingest_is_at_work_is_refused_in_its_own_words(place: Place) -> None:
    """Between its commits research tables are behind the units, and to compact them would be the wrong advice."""
    told = []

    def meanwhile(step: str) -> None:
        if step == "units-committed":
            before = len(place.events())
            told.append((place.grant(), len(place.events()) - before))
            raise Enough

    with pytest.raises(Enough):
        ingest_delivery(
            place.warehouse(),
            place.delivery("first"),
            form="snds",
            replace=True,
            progress=Silence(),
            named_step=meanwhile,
        )
    ((answer, leaves),) = told
    assert (answer.code, answer.error, leaves) == (60, "ingest-under-way", 0)
    assert answer.answer["error"]["facts"]["run"].startswith("I-")
    assert place.grant().error == "research-stale", "once it has ended, the advice is right"


def test_objections_recorded_while_an_ingest_is_at_work_are_not_lost(place: Place) -> None:
    """The ingest worked from the snapshot before them: it must lose, or carry them over; here it loses."""
    objecting = place.root / "objecting.txt"
    objecting.write_text("BEN_IDT_ANO\nsomebody1\n", encoding="utf-8")

    def meanwhile(step: str) -> None:
        if step == "persons-resolved":
            assert (
                place.run("objection", "add", str(objecting), "--regime", "snds", "--key", place.key("officer")).code
                == 0
            )

    with pytest.raises(Unavailable, match="commit-lost"):
        ingest_delivery(
            place.warehouse(),
            place.delivery("first"),
            form="snds",
            replace=True,
            progress=Silence(),
            named_step=meanwhile,
        )
    sound(place)


def test_a_living_run_is_neither_swept_nor_closed_nor_joined(place: Place) -> None:
    warehouse, run = place.warehouse(), new_run("G")
    recorder, scratch = warehouse.recorder, warehouse.scratch
    with scratch.hold(run):
        scratch.put(run, "piece", b"sealed")
        event = recorder.event("permit", "intent", basis="permit:P-2026-0002", objects=[f"run:{run}"])
        index = recorder.append(event)
        other = ScratchDirectory(place.directory / "controller" / "scratch")
        other.sweep(but="S-")
        close_dead(other, recorder)
        assert other.get(run, "piece") == b"sealed"
        assert len(place.events()) == index + 1
        with pytest.raises(Unavailable, match="run-held"), other.hold(run):
            pass
    other.sweep(but="S-")
    close_dead(other, recorder)
    assert other.names(run) == []
    assert (place.events()[-1].of, place.events()[-1].phase) == (index, "failed")
