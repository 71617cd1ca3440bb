# SPDX-License-Identifier: Apache-2.0
"""The second ledger machine: either one killed at any step, absent, behind, altered; one history, and nothing acknowledged is lost."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.keeper_http import LARGEST, KeeperDoor
from rempart.adapters.second_ledger import Second, SecondLedger
from rempart.adapters.small_client import request
from rempart.audit.tree import Tree
from rempart.errors import BadInput, NotTrusted, Unavailable
from rempart.records.carried_leaves import carried_bytes, packed, read_carried
from rempart.records.signature import sign_text
from rempart.records.vkey import ED25519_LOG, VerifierKey
from tests.conformance.test_ledger import LEAVES, code_of, ledger_at
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC

ROOT = Path(__file__).resolve().parents[2]
LOG = VerifierKey(name=ORIGIN, kind=ED25519_LOG, public=PUBLIC).line


@contextmanager
def keeping_log(folder: Path, origin: str, public: bytes) -> Iterator[str]:
    """A second machine in this process; its address."""
    server = KeeperDoor(folder, origin=origin, public=public).server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def keeping(folder: Path) -> AbstractContextManager[str]:
    return keeping_log(folder, ORIGIN, PUBLIC)


def first_machine(root: Path, url: str) -> SecondLedger:
    second = Second(url, origin=ORIGIN, public=PUBLIC)
    return SecondLedger(root, origin=ORIGIN, public=PUBLIC, sign=lambda text: sign_text(LEDGER, text), second=second)


def same(one: DirectoryLedger, two: DirectoryLedger) -> list[bytes]:
    """The leaves, of which both hold the same under the same checkpoint."""
    assert (one.leaves(), one.checkpoint()) == (two.leaves(), two.checkpoint())
    return one.leaves()


def test_what_is_acknowledged_lies_on_both_machines(tmp_path: Path) -> None:
    with keeping(tmp_path / "two") as url:
        ledger = first_machine(tmp_path / "one", url)
        for n, leaf in enumerate(LEAVES[:5]):
            assert ledger.append(n, [leaf]) == n
            assert same(ledger_at(tmp_path / "one"), ledger_at(tmp_path / "two")) == LEAVES[: n + 1]
        assert code_of(lambda: ledger.append(2, LEAVES[:1])) == (Unavailable, "ledger-moved")


def test_another_history_of_as_many_leaves_is_refused_before_anything_is_appended(tmp_path: Path) -> None:
    with keeping(tmp_path / "two") as url:
        ledger_at(tmp_path / "one").append(0, LEAVES[1:4])
        first_machine(tmp_path / "other", url).append(0, LEAVES[:3])
        assert code_of(first_machine(tmp_path / "one", url).agree) == (NotTrusted, "second-refused")


def test_without_the_second_machine_nothing_is_appended(tmp_path: Path) -> None:
    with keeping(tmp_path / "two") as url:
        ledger = first_machine(tmp_path / "one", url)
        ledger.append(0, LEAVES[:3])
    assert code_of(lambda: ledger.append(3, LEAVES[3:4])) == (Unavailable, "second-absent")
    assert ledger_at(tmp_path / "one").leaves() == LEAVES[:3], "it is read as ever"
    assert code_of(lambda: request("ftp://127.0.0.1", "/")) == (BadInput, "door-url")


def test_a_second_machine_that_is_new_or_behind_is_given_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = ledger_at(tmp_path / "one")
    for n in range(0, 300, 30):
        alone.append(n, LEAVES[n : n + 30])
    monkeypatch.setattr("rempart.adapters.second_ledger._BATCH", 700)
    with keeping(tmp_path / "two") as url:
        ledger = first_machine(tmp_path / "one", url)
        assert ledger.append(300, LEAVES[300:301]) == 300
        assert same(ledger_at(tmp_path / "one"), ledger_at(tmp_path / "two")) == LEAVES[:301]
        assert len(list((tmp_path / "two" / "checkpoints").read_text(encoding="utf-8").split())) > 4, (
            "in several messages"
        )


def test_more_than_one_append_missing_here_is_a_loss_and_no_crash(tmp_path: Path) -> None:
    with keeping(tmp_path / "two") as url:
        ledger = first_machine(tmp_path / "one", url)
        ledger.append(0, LEAVES[:3])
        shutil.copytree(tmp_path / "one", tmp_path / "yesterday")
        ledger.append(3, LEAVES[3:4])
        ledger.append(4, LEAVES[4:5])
        old = first_machine(tmp_path / "yesterday", url)
        assert code_of(lambda: old.append(3, [b"another history"])) == (NotTrusted, "ledger-behind-second")
        assert old.leaves() == LEAVES[:3]


def test_another_history_is_kept_by_neither(tmp_path: Path) -> None:
    with keeping(tmp_path / "two") as url:
        first_machine(tmp_path / "one", url).append(0, LEAVES[:3])
        ledger_at(tmp_path / "else").append(0, [b"else", *LEAVES[1:3]])
        other = first_machine(tmp_path / "else", url)
        assert code_of(lambda: other.append(3, LEAVES[3:4])) == (NotTrusted, "second-refused")
        assert other.size() == 3
        ledger_at(tmp_path / "else").append(3, LEAVES[3:5])
        assert code_of(lambda: other.append(5, LEAVES[5:6])) == (NotTrusted, "second-refused")
        assert ledger_at(tmp_path / "two").leaves() == LEAVES[:3]


def test_the_second_machine_believes_no_byte_that_it_cannot_prove(tmp_path: Path) -> None:
    note = ledger_at(tmp_path / "signed")
    note.append(0, LEAVES[:3])
    good = carried_bytes(0, LEAVES[:3], note.checkpoint())
    with keeping(tmp_path / "two") as url:
        for body, status in (
            (b"", 400),
            (b"rempart.append/1 0 9\n", 400),
            (good[:-1], 400),
            (good.replace(b"rempart.append/1 0", b"rempart.append/1 1"), 409),
            (carried_bytes(0, LEAVES[:2], note.checkpoint()), 409),
            (carried_bytes(0, LEAVES[1:4], note.checkpoint()), 422),
            (carried_bytes(0, LEAVES[:3], note.checkpoint().replace(ORIGIN, "else")), 422),
            (carried_bytes(0, LEAVES[:3], "nothing"), 422),
            (good, 200),
            (good, 409),
        ):
            assert request(url, "/append", body).status == status, body[:40]
        assert request(url, "/leaves?from=1&to=3").body == packed(LEAVES[1:3])
        for query in ("", "?from=1", "?from=2&to=1", "?from=0&to=4", "?from=-1&to=2"):
            assert request(url, "/leaves" + query).status == 400
        assert request(url, "/checkpoint?before=1").status == 400
        leaf = tmp_path / "two" / "leaves"
        leaf.write_bytes(leaf.read_bytes().replace(b"leaf 1", b"leaf 7"))
        assert request(url, "/leaves?from=0&to=3").status == 500, "its own copy is proven too"
    assert LARGEST == 16 << 20


def test_a_message_of_leaves_is_read_back_or_refused(tmp_path: Path) -> None:
    told = read_carried(carried_bytes(7, [b"a", b"bc"], "é\n"))
    assert (told.first, told.leaves, told.note) == (7, (b"a", b"bc"), "é\n")
    for wrong in (b"rempart.append/1 07 0\n", b"rempart.append/1 0 2\n\xff\xfe", b"rempart.append/1 0 0\n\0\0\0\x09a"):
        with pytest.raises(NotTrusted, match="append-form"):
            read_carried(wrong)


KILLED = """
import os, signal, sys
from pathlib import Path
from rempart.adapters import ledger_files as files

def die(*ignored, **more):
    os.kill(os.getpid(), signal.SIGKILL)

step, size = sys.argv[1], int(sys.argv[2])

def dying(name, after):
    kept = getattr(files, name)
    def act(path, *rest, **more):
        mine = name != "replace" or (path.name == "checkpoint" and int(rest[0].split(b"\\n")[1]) > size)
        if mine and not after:
            die()
        told = kept(path, *rest, **more)
        if mine and after:
            die()
        return told
    setattr(files, name, act)

name, _, when = step.partition(" ")
if name in ("append_at", "write_tiles", "replace"):
    dying(name, when == "after")
"""
WRITER = """
from rempart.adapters import second_ledger
from tests.faults.test_second_machine import first_machine
if step == "forward before":
    second_ledger.Second.append = die
if step == "forward after":
    kept = second_ledger.Second.append
    second_ledger.Second.append = lambda *a: (kept(*a), die())
first_machine(Path(sys.argv[3]), sys.argv[4]).append(size, [b"new"])
"""
KEEPER = """
from rempart.adapters import keeper_http
from rempart.keeper import main
if step == "answer before":
    kept = keeper_http.KeeperDoor._append
    keeper_http.KeeperDoor._append = lambda *a: (kept(*a), die())
sys.exit(main(sys.argv[3:]))
"""
STEPS = ["append_at before", "append_at after", "write_tiles before", "replace before", "replace after"]


def program(text: str, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    return subprocess.Popen(
        [sys.executable, "-c", KILLED + text, *arguments], stdout=subprocess.PIPE, env=environment, encoding="utf-8"
    )


@pytest.mark.parametrize("step", ["forward before", "forward after", *STEPS])
def test_the_first_machine_killed_at_any_step_leaves_one_history(tmp_path: Path, step: str) -> None:
    with keeping(tmp_path / "two") as url:
        ledger = first_machine(tmp_path / "one", url)
        ledger.append(0, LEAVES[:3])
        writer = program(WRITER, step, "3", str(tmp_path / "one"), url)
        assert writer.wait(60) == -signal.SIGKILL
        after = append_until_it_stands(ledger, b"later")
        assert same(ledger_at(tmp_path / "one"), ledger_at(tmp_path / "two")) == after
        assert after in ([*LEAVES[:3], b"later"], [*LEAVES[:3], b"new", b"later"])
        assert (b"new" in after) == (step != "forward before")


@pytest.mark.parametrize("step", [*STEPS, "answer before"])
def test_the_second_machine_killed_at_any_step_leaves_one_history(tmp_path: Path, step: str) -> None:
    with keeping(tmp_path / "two") as url:
        first_machine(tmp_path / "one", url).append(0, LEAVES[:3])
    keeper = program(KEEPER, step, "3", "--folder", str(tmp_path / "two"), "--log", LOG, "--listen", "127.0.0.1:0")
    assert keeper.stdout is not None
    port = json.loads(keeper.stdout.readline())["value"]["port"]
    ledger = first_machine(tmp_path / "one", f"http://127.0.0.1:{port}")
    assert code_of(lambda: ledger.append(3, [b"new"])) == (Unavailable, "second-absent")
    assert keeper.wait(60) == -signal.SIGKILL
    assert ledger_at(tmp_path / "one").leaves() == LEAVES[:3], "not acknowledged: not there"
    with keeping(tmp_path / "two") as url:
        after = append_until_it_stands(first_machine(tmp_path / "one", url), b"later")
        assert same(ledger_at(tmp_path / "one"), ledger_at(tmp_path / "two")) == after
        assert (b"new" in after) == (step in {"replace after", "answer before"})


def append_until_it_stands(ledger: SecondLedger, leaf: bytes) -> Sequence[bytes]:
    """As ``recorded`` does: a loser looks again."""
    for _ in range(5):
        try:
            ledger.append(ledger.size(), [leaf])
            return ledger.leaves()
        except Unavailable as error:
            assert error.code == "ledger-moved"
    raise AssertionError("it never stood")


def test_many_writers_leave_the_same_history_on_both(tmp_path: Path) -> None:
    def write(url: str, name: str) -> None:
        mine = first_machine(tmp_path / "one", url)
        for n in range(8):
            append_until_it_stands_here(mine, f"{name} {n}".encode())

    def append_until_it_stands_here(mine: SecondLedger, leaf: bytes) -> None:
        while True:
            try:
                mine.append(mine.size(), [leaf])
                return
            except Unavailable as error:
                assert error.code == "ledger-moved", error

    with keeping(tmp_path / "two") as url:
        threads = [threading.Thread(target=write, args=(url, name)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        leaves = same(ledger_at(tmp_path / "one"), ledger_at(tmp_path / "two"))
        assert sorted(leaves) == sorted(f"{name} {n}".encode() for name in "abc" for n in range(8))
        assert ledger_at(tmp_path / "two").root(24) == Tree(leaves).root()


def test_a_door_that_answers_nothing_is_absent(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match="door-absent"):
            request(url, "/checkpoint", seconds=0.2)
    assert issubclass(http.client.RemoteDisconnected, OSError)
