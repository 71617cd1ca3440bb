# SPDX-License-Identifier: Apache-2.0
"""A witness over HTTP, C2SP tlog-witness: ``POST /add-checkpoint``, and ``GET /seen/HASH`` of ours for whoever compares histories.

One memory file a log, written and on the disk before the answer leaves; one request of a log at a time, whatever process serves it.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rempart.adapters.cosigner import Cosigner
from rempart.adapters.ledger_files import locked
from rempart.adapters.small_http import Answer, SmallServer
from rempart.adapters.witness_memory import Seen, recall, remember
from rempart.audit.add_checkpoint import CONFLICT, COSIGN, MALFORMED, UNKNOWN, decide, origin_of
from rempart.audit.checkpoint import parse_and_verify
from rempart.errors import RempartError

LARGEST = 1 << 20
_FAILED = 500


class WitnessDoor:
    """``state``: the folder of its memory; ``logs``: origin → keys that it serves; ``now``: Unix seconds."""

    def __init__(
        self, state: Path, cosigner: Cosigner, logs: Mapping[str, Sequence[bytes]], *, now: Callable[[], int]
    ) -> None:
        self._state = state
        self._cosigner = cosigner
        self._logs = logs
        self._now = now

    def server(self, address: tuple[str, int]) -> SmallServer:
        """Listening, not yet serving; raises Unavailable ``door-address``."""
        routes = {f"GET /seen/{memory_name(origin)}": self._shown(origin) for origin in self._logs}
        return SmallServer(address, {"POST /add-checkpoint": self._add, **routes}, largest=LARGEST)

    def _add(self, _: str, body: bytes) -> Answer:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return Answer(status=MALFORMED)
        origin = origin_of(text)
        if origin is None or origin not in self._logs:
            return Answer(status=MALFORMED if origin is None else UNKNOWN)
        try:
            return self._judged(text, self._state / memory_name(origin))
        except (RempartError, OSError):  # its own memory is unreadable, or the disk is full: it must not cosign
            return Answer(status=_FAILED)

    def _judged(self, text: str, memory: Path) -> Answer:
        with locked(memory.with_name(memory.name + ".lock")):
            seen = recall(memory)
            last = parse_and_verify(seen.checkpoint, seen.origin, seen.public) if seen else None
            told = decide(text, self._logs, last)
            if told.status == COSIGN:
                remember(memory, Seen(origin=told.origin, public=told.public, checkpoint=told.note))
        if told.status == CONFLICT:
            return Answer(status=CONFLICT, body=f"{told.size}\n".encode(), form="text/x.tlog.size")
        if told.status != COSIGN:
            return Answer(status=told.status)
        return Answer(status=COSIGN, body=self._cosigner.lines(told.note, time=self._now()).encode())

    def _shown(self, origin: str) -> Callable[[str, bytes], Answer]:
        def show(_: str, __: bytes) -> Answer:
            try:
                seen = recall(self._state / memory_name(origin))
            except RempartError:
                return Answer(status=_FAILED)
            return Answer(status=COSIGN, body=seen.checkpoint.encode()) if seen else Answer(status=UNKNOWN)

        return show


def memory_name(origin: str) -> str:
    """The name of a log's memory file: the SHA-256 of its origin."""
    return hashlib.sha256(origin.encode()).hexdigest()
