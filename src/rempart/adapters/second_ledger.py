# SPDX-License-Identifier: Apache-2.0
"""A ledger whose leaves reach a second machine before anybody is told that they count. Implements ``ports/ledger``.

The order is: sign, the second machine writes and answers, this machine writes. So the second is at most one append ahead, where this
one was killed in between; that append is taken up by the next. More than one ahead means that leaves were lost here: nothing is appended.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.keeper_http import CONFLICT, DONE, UNPROVEN
from rempart.adapters.ledger_files import lines
from rempart.adapters.small_client import Told, request
from rempart.audit.checkpoint import parse_and_verify, unproven
from rempart.errors import NotTrusted, Unavailable
from rempart.records.carried_leaves import carried_bytes, unpacked

_PAGE = 4096
_BATCH = 8 << 20
_TRIES = 5


class Second:
    """The second machine as the first sees it. ``url``: where ``rempart.keeper`` serves."""

    def __init__(self, url: str, *, origin: str, public: bytes) -> None:
        self._url, self._origin, self._public = url, origin, public

    def append(self, first: int, leaves: Sequence[bytes], note: str) -> None:
        """Have it keep them; raises Unavailable ``second-absent``, ``second-moved`` (another size), NotTrusted ``second-refused``."""
        told = self._asked("/append", carried_bytes(first, leaves, note))
        if told.status == CONFLICT:
            raise Unavailable("second-moved")
        if told.status == UNPROVEN:
            raise NotTrusted("second-refused")
        if told.status != DONE:
            raise Unavailable("second-absent", url=self._url)

    def checkpoint(self, *, after: int | None = None) -> tuple[str, int]:
        """(its newest note, the leaves that it proves), '' and 0 where it holds nothing; ``after``: the first of more leaves than that.

        Raises Unavailable ``second-absent``, NotTrusted ``checkpoint-…``.
        """
        note = self._got("/checkpoint" if after is None else f"/checkpoint?after={after}").decode(errors="replace")
        return note, parse_and_verify(note, self._origin, self._public).size if note else 0

    def leaves(self, first: int, last: int) -> list[bytes]:
        """Its leaves [first, last), unproven; raises Unavailable ``second-absent``, NotTrusted ``append-form``."""
        found: list[bytes] = []
        while first + len(found) < last:
            start = first + len(found)
            more = unpacked(self._got(f"/leaves?from={start}&to={min(start + _PAGE, last)}"))
            if not more:
                raise Unavailable("second-absent", url=self._url)
            found += more
        return found

    def _got(self, path: str) -> bytes:
        told = self._asked(path, None)
        if told.status != DONE:
            raise Unavailable("second-absent", url=self._url)
        return told.body

    def _asked(self, path: str, body: bytes | None) -> Told:
        try:
            return request(self._url, path, body)
        except Unavailable as error:
            raise Unavailable("second-absent", url=self._url) from error


class SecondLedger(DirectoryLedger):
    """As ``DirectoryLedger``, with a second machine."""

    def __init__(self, root: Path, *, origin: str, public: bytes, sign: Callable[[str], str], second: Second) -> None:
        super().__init__(root, origin=origin, public=public, sign=sign, forward=second.append)
        self._second = second

    def append(self, expected_size: int, leaves: Sequence[bytes]) -> int:
        """As the port says; also Unavailable ``second-absent``, NotTrusted ``second-refused``, ``ledger-behind-second``."""
        for _ in range(_TRIES):
            try:
                return super().append(expected_size, leaves)
            except Unavailable as error:
                if error.code != "second-moved":
                    raise
            if self._brought_together():
                raise Unavailable("ledger-moved", expected=expected_size, size=self.size())
        raise Unavailable("second-moved")

    def _brought_together(self) -> bool:
        """``agree``, where another process may be doing the same."""
        try:
            return self.agree()
        except Unavailable as error:
            if error.code != "second-moved":
                raise
        return False

    def agree(self) -> bool:
        """Bring whichever machine is behind up to the other; whether this one grew.

        Raises NotTrusted ``ledger-behind-second`` where more than one append is missing here, ``second-refused`` where it holds others.
        """
        note, there = self._second.checkpoint()
        here = self.size()
        if there > here:
            if self._second.checkpoint(after=here)[0] != note:
                raise NotTrusted("ledger-behind-second", size=here, seen=there)
            self.take_up(self._second.leaves(here, there), note)
            return True
        if (
            there and self.root(there) != unproven(note).root
        ):  # as many leaves would leave nothing to send, and nothing to be refused
            raise NotTrusted("second-refused")
        self._send(there, fresh=not note)
        return False

    def _send(self, there: int, *, fresh: bool) -> None:
        """Give it what it lacks, by checkpoints that were signed on the way; it proves each of them."""
        signed = sorted({unproven(note).size: note for note in lines(self._history_file) if note}.items())
        if fresh and signed:
            self._second.append(0, [], signed[0][1])
        for size, note in _steps(signed, there, self._ends):
            self._second.append(there, self.leaves(there, size), note)
            there = size


def _steps(signed: Sequence[tuple[int, str]], there: int, ends: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The checkpoints to send by: as few as messages of a bounded size allow."""
    further = [(size, note) for size, note in signed if there < size < len(ends)]
    for at, (size, note) in enumerate(further):
        last = at + 1 == len(further)
        if last or ends[further[at + 1][0]] - ends[there] > _BATCH:
            yield size, note
            there = size
