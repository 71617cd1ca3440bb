# SPDX-License-Identifier: Apache-2.0
"""A killed writer at every step, torn records, and two writers at once: the log is the old one or the new one."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.audit.tree import Tree, leaf_hash
from rempart.errors import NotTrusted
from rempart.records.signature import sign_text
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC

ROOT = Path(__file__).resolve().parents[2]
OLD = [b"leaf %d" % n for n in range(255)]
NEW = [b"new %d" % n for n in range(3)]

CHILD = """
import os, signal, sys
from pathlib import Path
from rempart.adapters import ledger_files as files
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.records.signature import sign_text
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC

step, root, start = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

def die(*ignored):
    os.kill(os.getpid(), signal.SIGKILL)

def before(name):
    kept = getattr(files, name)
    setattr(files, name, lambda *a, **k: die())
    return kept

def sign(text):
    if step == "signing" and int(text.split("\\n")[1]) > start:
        die()
    return sign_text(LEDGER, text)

if step == "before leaves":
    before("append_at")
if step == "half of the leaves":
    def half(path, at, data, **k):
        files_append(path, at, data[: len(data) // 2])
        die()
    files_append = before("append_at")
    files.append_at = half
if step == "before tiles":
    before("write_tiles")
if step in ("before checkpoint", "checkpoint written beside", "after checkpoint"):
    kept = files.replace
    def replace(path, data, **k):
        if int(data.split(b"\\n")[1]) == start:
            return kept(path, data, **k)
        if step == "checkpoint written beside":
            path.with_name(".checkpoint.1.1").write_bytes(data[:20])
        if step == "after checkpoint":
            kept(path, data, **k)
        die()
    files.replace = replace
DirectoryLedger(root, origin=ORIGIN, public=PUBLIC, sign=sign).append(start, [b"new %d" % n for n in range(3)])
"""
LOST = [
    "signing",
    "before leaves",
    "half of the leaves",
    "before tiles",
    "before checkpoint",
    "checkpoint written beside",
]


def ledger_at(root: Path) -> DirectoryLedger:
    return DirectoryLedger(root, origin=ORIGIN, public=PUBLIC, sign=lambda text: sign_text(LEDGER, text))


def start_child(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def killed_at(step: str, root: Path, start: int) -> None:
    child = start_child(CHILD, step, root, start)
    _, told = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, told.decode()


@pytest.mark.parametrize("old", [0, len(OLD)], ids=["first append", "later append"])
@pytest.mark.parametrize("step", [*LOST, "after checkpoint"])
def test_a_writer_killed_at_any_step_leaves_one_of_the_two_logs(tmp_path: Path, step: str, old: int) -> None:
    if old:
        ledger_at(tmp_path).append(0, OLD[:old])
    killed_at(step, tmp_path, old)
    expected = OLD[:old] if step in LOST else OLD[:old] + NEW
    assert ledger_at(tmp_path).leaves() == expected
    healed = ledger_at(tmp_path)
    assert healed.append(len(expected), [b"after", b"that"]) == len(expected)
    whole = [*expected, b"after", b"that"]
    assert ledger_at(tmp_path).leaves() == whole
    raw = ledger_at(tmp_path).raw()
    assert (list(raw.leaves), raw.torn) == (whole, 0)
    assert list(raw.hashes) == [leaf_hash(leaf) for leaf in whole]


@pytest.mark.parametrize("rest", [b"\0", b"\0\0\0\x09half", b"\0\0\0\x04whole record and more", b"\xff" * 40])
def test_what_a_crash_left_behind_the_log_is_cut_by_the_next_append(tmp_path: Path, rest: bytes) -> None:
    ledger_at(tmp_path).append(0, OLD[:4])
    with (tmp_path / "leaves").open("ab") as file:
        file.write(rest)
    ledger = ledger_at(tmp_path)
    assert ledger.leaves() == OLD[:4]
    ledger.append(4, [b"x"])
    assert ledger_at(tmp_path).leaves() == [*OLD[:4], b"x"]
    assert ledger_at(tmp_path).raw().torn == 0


APPENDER = """
import sys
from pathlib import Path
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.errors import Unavailable
from rempart.records.signature import sign_text
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC

ledger = DirectoryLedger(Path(sys.argv[1]), origin=ORIGIN, public=PUBLIC, sign=lambda text: sign_text(LEDGER, text))
ready = Path(sys.argv[1] + "." + sys.argv[2])
ready.touch()
while len(list(ready.parent.glob("ledger.*"))) < 2:
    pass
won = lost = 0
for size in range(60):
    while ledger.size() < size:
        pass
    try:
        ledger.append(size, [f"{sys.argv[2]} at {size}".encode()])
        won += 1
    except Unavailable as error:
        lost += error.code == "ledger-moved"
print(won, lost)
"""


def test_of_two_processes_one_wins_each_place(tmp_path: Path) -> None:
    children = [start_child(APPENDER, tmp_path / "ledger", name) for name in ("a", "b")]
    told = []
    for child in children:
        out, complaint = child.communicate(timeout=60)
        assert child.returncode == 0, complaint.decode()
        told.append([int(word) for word in out.split()])
    assert [won + lost for won, lost in told] == [60, 60]
    assert told[0][0] + told[1][0] == 60
    leaves = ledger_at(tmp_path / "ledger").leaves()
    assert [int(leaf.split()[-1]) for leaf in leaves] == list(range(60))
    assert Tree(leaves).root() == ledger_at(tmp_path / "ledger").root(60)


def test_leaves_without_a_checkpoint_are_not_taken_for_a_new_log(tmp_path: Path) -> None:
    ledger_at(tmp_path).append(0, OLD[:4])
    (tmp_path / "checkpoint").unlink()
    for act in (ledger_at(tmp_path).size, lambda: ledger_at(tmp_path).append(0, [b"x"])):
        with pytest.raises(NotTrusted) as caught:
            act()
        assert caught.value.code == "ledger-checkpoint-missing"
    assert len(ledger_at(tmp_path).raw().leaves) == 4
