# SPDX-License-Identifier: Apache-2.0
"""The temporary folder of a dry run against signals and other processes at its worst moments: destroyed at last, never a living one."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.adapters import throwaway_folder as module
from rempart.adapters.throwaway_folder import held_back, throwaway_folder

HOLDER = """
import sys, time
from rempart.adapters.throwaway_folder import throwaway_folder
with throwaway_folder(lambda _: None) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for temporary files of one's own, which holds nothing at the end."""
    place = tmp_path / "t"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield place
    assert list(place.iterdir()) == []


def nothing(_: Path) -> None:
    """Nobody works in it."""


@pytest.fixture
def heard() -> Iterator[None]:
    """SIGINT as in a terminal: what starts in the background ignores it, and so would this test."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("moment", ["_sweep", "_made", "_hold"])
def test_a_signal_while_the_folder_is_made_destroys_it_and_is_an_interrupt(
    moment: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., object] = getattr(module, moment)

    def meanwhile(*given: object) -> object:
        os.kill(os.getpid(), number)
        return real(*given)

    monkeypatch.setattr(module, moment, meanwhile)
    with pytest.raises(KeyboardInterrupt), throwaway_folder(nothing):
        raise AssertionError("it begins")


def test_a_signal_while_the_folder_is_destroyed_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def ending(folder: Path) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        assert folder.exists()

    with pytest.raises(KeyboardInterrupt), throwaway_folder(ending):
        pass


@pytest.mark.parametrize("kind", [KeyError, OSError, KeyboardInterrupt])
def test_an_end_that_fails_leaves_no_folder_and_holds_none(kind: type[BaseException], temporary: Path) -> None:
    def ending(_: Path) -> None:
        raise kind

    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(kind), throwaway_folder(ending):
        assert len(list(temporary.iterdir())) == 1
    assert set(os.listdir("/proc/self/fd")) <= before


def test_the_next_run_takes_no_folder_that_is_being_made(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one sweeps at the one moment at which a new folder is held by nobody."""
    hold, ended = module._hold, []

    def slowly(folder: Path) -> int:
        monkeypatch.setattr(module, "_hold", hold)
        with throwaway_folder(nothing) as other:
            ended.append(other)
            assert folder.exists()
        assert folder.exists()
        return hold(folder)

    monkeypatch.setattr(module, "_hold", slowly)
    with throwaway_folder(nothing) as folder:
        assert folder.exists() and ended != [folder]
        assert folder.name.startswith("rempart-dry-run-") and folder.stat().st_mode & 0o077 == 0


def test_what_was_killed_before_it_had_its_name_goes_after_an_hour(temporary: Path) -> None:
    young, old = temporary / "rempart-dry-making-a", temporary / "rempart-dry-making-b"
    young.mkdir()
    old.mkdir()
    (old / ".held").touch()
    os.utime(old, (time.time() - 3700,) * 2)
    with throwaway_folder(nothing):
        assert young.exists() and not old.exists()
    young.rmdir()


def test_what_was_killed_while_it_was_destroyed_goes_with_the_next(temporary: Path) -> None:
    half = temporary / "rempart-dry-run-half"
    (half / "people").mkdir(parents=True)
    with throwaway_folder(nothing) as folder:
        assert list(temporary.iterdir()) == [folder]


def test_the_folder_of_a_living_process_stays_and_that_of_a_killed_one_goes(temporary: Path) -> None:
    source = str(Path(module.__file__).resolve().parents[2])
    environment = {"PYTHONPATH": source, "TMPDIR": str(temporary)}
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, env=environment)
    try:
        held = Path(process.stdout.readline().decode().strip() if process.stdout else "")
        with throwaway_folder(nothing):
            assert held.exists()
        assert held.exists()
    finally:
        process.kill()
        process.communicate()
    with throwaway_folder(nothing):
        assert not held.exists()


def test_a_link_under_such_a_name_is_left_alone(temporary: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept"
    target.mkdir()
    link = temporary / "rempart-dry-run-link"
    link.symlink_to(target)
    with throwaway_folder(nothing):
        pass
    assert link.is_symlink() and target.exists()
    assert list(target.iterdir()) == []
    link.unlink()


def test_signals_of_another_thread_come_as_they_come() -> None:
    seen: list[bool] = []

    def within() -> None:
        with held_back():
            seen.append(True)

    thread = threading.Thread(target=within)
    thread.start()
    thread.join()
    assert seen == [True]
