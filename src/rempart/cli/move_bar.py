# SPDX-License-Identifier: Apache-2.0
"""The bar of a move: bytes, objects, speed, time left, as the mover tells them. Nothing when nobody looks at a terminal."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rempart.cli.voice import Voice

if TYPE_CHECKING:
    from rich.progress import TaskID

_STEP, _UNITS = 1024, ("", "Ki", "Mi", "Gi", "Ti", "Pi")


class MoveBar:
    """Fed with the lines of the mover's process."""

    def __init__(self, voice: Voice) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._voice = voice
        quiet = voice.as_json or not voice.error_console.is_terminal or bool(os.environ.get("REMPART_NO_BARS"))
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(binary_units=True),
            TextColumn("{task.fields[objects]}"),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=voice.error_console,
            disable=quiet,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "MoveBar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def told(self, line: Mapping[str, Any]) -> None:
        """Show a line of progress; others are passed over."""
        if line.get("event") != "progress":
            return
        objects = self._voice.word("move-objects", done=line["objects"], of=line["of_objects"])
        if self._task is None:
            step = self._voice.word(f"step-move-{line['step']}")
            self._task = self._progress.add_task(step, total=line["of_bytes"], objects=objects)
        self._progress.update(self._task, completed=line["bytes"], objects=objects)


def bytes_in_words(voice: Voice, count: float) -> str:
    """``1.5 GiB``, ``1.5 Gio``: bytes as people read them."""
    unit = 0
    while count >= _STEP and unit < len(_UNITS) - 1:
        count, unit = count / _STEP, unit + 1
    number = voice.number(f"{count:.1f}") if unit else f"{count:.0f}"
    return f"{number} {_UNITS[unit]}{voice.word('unit-byte')}"


def seconds_in_words(voice: Voice, seconds: float) -> str:
    """``0.4 s``, ``0,4 s``, ``3 s``, ``12 min 05 s``, ``7 h 30 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole else f"{voice.number(f'{seconds:.1f}')} s"
    return (
        f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    )
