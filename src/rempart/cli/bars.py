# SPDX-License-Identifier: Apache-2.0
"""Progress bars on standard error, one a step, with the time that is left. Nothing when nobody looks at a terminal."""

import os
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from rempart.cli.move_bar import seconds_in_words

if TYPE_CHECKING:
    from rempart.cli.voice import Voice

_PERIOD = 3600.0  # seconds of which the pace is taken: a shard may take minutes


class _Left(ProgressColumn):
    """Time left, by the pace so far; nothing before there is one."""

    max_refresh = 0.5

    def __init__(self, voice: "Voice") -> None:
        super().__init__()
        self._voice = voice

    def render(self, task: Task) -> Text:
        """See rich."""
        left = task.time_remaining
        return Text(self._voice.word("bar-left", time=seconds_in_words(self._voice, left)) if left else "")


class Bars:
    """Implements ports.surroundings.Progress with one bar a step: how much of how much, time passed, time left."""

    def __init__(self, voice: "Voice") -> None:
        self._voice = voice
        quiet = voice.as_json or not voice.error_console.is_terminal or bool(os.environ.get("REMPART_NO_BARS"))
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _Left(voice),
            console=voice.error_console,
            disable=quiet,
            transient=True,
            speed_estimate_period=_PERIOD,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, name: str, done: int, total: int) -> None:
        """Show how far the step has come."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(self._voice.word(f"step-{name}"), total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)
