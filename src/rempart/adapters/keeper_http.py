# SPDX-License-Identifier: Apache-2.0
"""The second ledger machine over HTTP: it keeps a copy of every leaf before the first machine says that the leaf counts.

``POST /append`` takes what the log's key signed and continues its copy, and nothing else; ``GET /leaves`` and ``/checkpoint`` give it back.
Holds no key. Whoever reaches its port can read the leaves: it listens on loopback, and the tunnel is the operator's.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.ledger_files import lines
from rempart.adapters.small_http import Answer, SmallServer
from rempart.audit.checkpoint import unproven
from rempart.audit.retention import purges
from rempart.errors import BadInput, NotTrusted, RempartError, Unavailable
from rempart.records.carried_leaves import packed, read_carried

LARGEST = 16 << 20
DONE, MALFORMED, CONFLICT, UNPROVEN, FAILED = 200, 400, 409, 422, 500
_RANGE = re.compile(r"from=(0|[1-9][0-9]{0,18})&to=(0|[1-9][0-9]{0,18})")
_AFTER = re.compile(r"after=(0|[1-9][0-9]{0,18})")
_PAGE = 8 << 20
_BYTES = "application/octet-stream"
_SIZE = "text/x.tlog.size"


class KeeperDoor:
    """``folder``: where its copy lies, a ledger folder like the first machine's; ``origin``, ``public``: whose log it keeps."""

    def __init__(self, folder: Path, *, origin: str, public: bytes) -> None:
        self._history = folder / "checkpoints"
        self._ledger = DirectoryLedger(folder, origin=origin, public=public, sign=None)

    def server(self, address: tuple[str, int]) -> SmallServer:
        """Listening, not yet serving; raises Unavailable ``door-address``, NotTrusted ``ledger-…`` where its own copy proves nothing."""
        self._ledger.size()
        routes = {"POST /append": self._append, "GET /leaves": self._leaves, "GET /checkpoint": self._checkpoint}
        return SmallServer(address, routes, largest=LARGEST)

    def _append(self, _: str, body: bytes) -> Answer:
        try:
            told = read_carried(body)
        except NotTrusted:
            return Answer(status=MALFORMED)
        try:
            if self._ledger.size() != told.first:
                return self._conflict()
            size = self._ledger.take_up(told.leaves, told.note)
            if any(map(purges, told.leaves)):  # what the first machine lets go, this one lets go too
                self._ledger.purge()
            return Answer(status=DONE, body=f"{size}\n".encode(), form=_SIZE)
        except Unavailable:  # another request came first
            return self._conflict()
        except NotTrusted as error:
            return Answer(
                status=FAILED if error.code.startswith("ledger-") and error.code != "ledger-root" else UNPROVEN
            )
        except OSError:  # the disk is full: nothing may be acknowledged
            return Answer(status=FAILED)

    def _conflict(self) -> Answer:
        return Answer(status=CONFLICT, body=f"{self._ledger.size()}\n".encode(), form=_SIZE)

    def _leaves(self, query: str, _: bytes) -> Answer:
        asked = _RANGE.fullmatch(query)
        if asked is None:
            return Answer(status=MALFORMED)
        try:
            found = self._ledger.leaves(int(asked[1]), int(asked[2]))
        except BadInput:
            return Answer(status=MALFORMED)
        except RempartError:
            return Answer(status=FAILED)
        return Answer(status=DONE, body=packed(_first(found)), form=_BYTES)

    def _checkpoint(self, query: str, _: bytes) -> Answer:
        """The newest; with ``after=SIZE`` the first that it took of more than so many leaves."""
        asked = _AFTER.fullmatch(query)
        try:
            newest = self._ledger.checkpoint()
        except RempartError:
            return Answer(status=FAILED)
        if asked is None:
            return Answer(status=DONE if not query else MALFORMED, body=b"" if query else newest.encode())
        taken = (*lines(self._history), newest)  # a kill can have cost the newest its line in the history
        later = (note for note in taken if note and unproven(note).size > int(asked[1]))
        return Answer(status=DONE, body=next(later, "").encode())


def _first(leaves: Sequence[bytes]) -> Sequence[bytes]:
    """As many as an answer carries, at least one where there is one."""
    size = 0
    for count, leaf in enumerate(leaves):
        size += len(leaf)
        if count and size > _PAGE:
            return leaves[:count]
    return leaves
