# SPDX-License-Identifier: Apache-2.0
"""The folder of one move, ``DIR/controller/moves/<M-id>/``: the order, the log's evidence, and what the mover wrote about its work.

The mover reads nothing else of the controller. What lies here is told again by every run; none of it is believed.
"""

import base64
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rempart.adapters.private_file import create_private, private_folder, replace_private
from rempart.errors import BadInput, Missing, Unavailable

ORDER, LOG, PROGRESS, INVENTORY = "plan.json", "log.json", "progress", "inventory.json"
REPORT, CUT = "report.json", "cutover.json"  # the last run or verification; the one that the cut-over stands on
_SECONDS = 1.0  # how much of the progress a crash may lose; only time is lost with it


class MoveFolder:
    """Files are 0600 and appear whole or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, order: Mapping[str, Any]) -> None:
        """A new move; raises Refused ``file-exists``."""
        private_folder(self.root)
        create_private(self.root / ORDER, _json(order))

    def read(self, name: str) -> Any:
        """One of its JSON files; raises Missing ``move-missing``, BadInput ``move-form``."""
        try:
            return json.loads((self.root / name).read_bytes())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Missing("move-missing", move=self.root.name, file=name) from error
        except ValueError as error:
            raise BadInput("move-form", expected=name) from error

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return (self.root / name).is_file()

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a JSON file in place of the one before."""
        replace_private(self.root / name, _json(value))

    def write_inventory(self, entries: Iterable[tuple[str, int, str]]) -> None:
        """The list of objects, one a line within one JSON array, written as it comes."""
        replace = self.root / f".{INVENTORY}"
        with _opened(replace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
            file.write("[")
            for number, entry in enumerate(entries):
                file.write((",\n" if number else "\n") + json.dumps(list(entry)))
            file.write("\n]\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(replace, self.root / INVENTORY)

    @contextmanager
    def held(self, who: str) -> Iterator[None]:
        """One mover, one command works on a move at a time; raises Unavailable ``move-running``. The lock ends with its process."""
        with _opened(self.root / f"{who}.lock", os.O_WRONLY | os.O_CREAT) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Unavailable("move-running", move=self.root.name) from error
            yield

    @contextmanager
    def noting(self) -> Iterator["Notes"]:
        """Names of finished objects, appended and flushed to the disk about every second."""
        with _opened(self.root / PROGRESS, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
            notes = Notes(file)
            try:
                yield notes
            finally:
                notes.flush()


class Notes:
    """The open progress file; several threads may note."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._last, self._guard = file, time.monotonic(), threading.Lock()

    def note(self, name: str, how: str) -> None:
        """One object is done."""
        with self._guard:
            self._file.write(f"{name} {how}\n")
            if time.monotonic() - self._last > _SECONDS:
                self._flush()

    def flush(self) -> None:
        """Everything noted lies on the disk."""
        with self._guard:
            self._flush()

    def _flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._last = time.monotonic()


def encode_log(*, checkpoint: str, kept: str, hashes: bytes, leaves: Mapping[int, bytes]) -> dict[str, Any]:
    """The log's evidence as JSON."""
    return {
        "checkpoint": checkpoint,
        "kept": kept,
        "hashes": base64.b64encode(hashes).decode(),
        "leaves": {str(index): base64.b64encode(leaf).decode() for index, leaf in leaves.items()},
    }


def decode_log(value: Any) -> dict[str, Any]:
    """Arguments of ``LogEvidence``; raises BadInput ``move-form``."""
    try:
        leaves = {int(index): base64.b64decode(leaf, validate=True) for index, leaf in value["leaves"].items()}
        hashes = base64.b64decode(value["hashes"], validate=True)
        return {
            "checkpoint": str(value["checkpoint"]),
            "kept": str(value["kept"]),
            "hashes": hashes,
            "leaves": leaves,
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("move-form", expected=LOG) from error


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _opened(path: Path, flags: int) -> TextIO:
    """A text file that only its owner reads."""
    return os.fdopen(os.open(path, flags | os.O_CLOEXEC, 0o600), "w", encoding="ascii")
