# SPDX-License-Identifier: Apache-2.0
"""The ledger as a folder at the controller: leaves, C2SP tiles, a signed checkpoint. Implements ``ports/ledger``.

An append counts from the moment the new checkpoint stands under its name; leaves beyond it were left by a crash, belong
to no log, and are cut by the next append. What is read is proven against the checkpoint. Judges no leaf's meaning.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rempart.adapters import ledger_files as files
from rempart.adapters.group_folder import make_folder
from rempart.adapters.raw_log import RawLog, read_raw
from rempart.audit import checkpoint as notes
from rempart.audit.retention import to_purge
from rempart.audit.tree import HASH_BYTES, Tree, hashes_of
from rempart.errors import BadInput, NotTrusted, Refused, Unavailable
from rempart.records.event import purged_hash, purged_leaf

Stamp = tuple[int, int, int]
Forward = Callable[[int, Sequence[bytes], str], None]


class DirectoryLedger:
    """``root``: the folder ``DIR/controller/ledger``; ``sign``: checkpoint body → base64 Ed25519, None = read only; ``forward``:
    given (size before, leaves, signed note) once they are signed and before anything is written; what it raises leaves the old log.

    One instance serves several threads; any number of instances and processes share a folder.
    """

    def __init__(
        self,
        root: Path,
        *,
        origin: str,
        public: bytes,
        sign: Callable[[str], str] | None,
        forward: Forward | None = None,
    ) -> None:
        self._root = root
        self._origin = origin
        self._public = public
        self._sign = sign
        self._forward = forward
        self._tree = Tree()
        self._ends = [0]  # byte offsets in the leaf file: leaf i lies in [ends[i], ends[i + 1])
        self._purged: list[int] = []
        self._seen: tuple[Stamp, Stamp] | None = None
        self._guard = threading.RLock()

    def size(self) -> int:
        """Number of leaves that the checkpoint proves; raises NotTrusted ``ledger-…`` or ``checkpoint-…``."""
        with self._guard:
            self._refresh()
            return self._tree.size

    def append(self, expected_size: int, leaves: Sequence[bytes]) -> int:
        """Append all leaves or none; the index of the first.

        Raises Unavailable ``ledger-moved``, Refused ``ledger-read-only``, BadInput ``ledger-leaf``, NotTrusted ``ledger-…``.
        """
        if self._sign is None:
            raise Refused("ledger-read-only")
        for leaf in leaves:
            if not 0 < len(leaf) <= files.LARGEST_LEAF or purged_hash(leaf) is not None:
                raise BadInput("ledger-leaf", size=len(leaf), largest=files.LARGEST_LEAF)
        with self._guard, self._writing():
            self._refresh()
            if self._tree.size != expected_size:
                raise Unavailable("ledger-moved", expected=expected_size, size=self._tree.size)
            if leaves:
                self._write(leaves)
        return expected_size

    def take_up(self, leaves: Sequence[bytes], note: str) -> int:
        """Write leaves that the log's key has signed already, here or elsewhere, with their checkpoint; the size afterwards.

        Nothing is signed and nothing forwarded. Raises NotTrusted ``checkpoint-…``, ``ledger-root``; Unavailable ``ledger-moved``.
        """
        signed = notes.parse_and_verify(note, self._origin, self._public)
        with self._guard, self._writing():
            self._refresh()
            if self._tree.size + len(leaves) != signed.size:
                raise Unavailable("ledger-moved", expected=signed.size - len(leaves), size=self._tree.size)
            self._write(leaves, note)
        return signed.size

    def leaves(self, start: int = 0, end: int | None = None) -> list[bytes]:
        """Leaves [start, end), each proven against the checkpoint; raises BadInput ``ledger-range``, NotTrusted ``ledger-leaf-altered``."""
        with self._guard:
            self._refresh()
            last = self._tree.size if end is None else end
            if not 0 <= start <= last <= self._tree.size:
                raise BadInput("ledger-range", first=start, last=last, size=self._tree.size)
            try:
                return self._read(start, last)
            except NotTrusted:
                if not self._rewritten(_stamp(self._leaf_file)):
                    raise
            self._refresh()  # a purge came between our two looks
            return self._read(start, last)

    def _read(self, start: int, last: int) -> list[bytes]:
        data = files.read_from(self._leaf_file, self._ends[start], self._ends[last])
        found, _ = files.records(data, last - start)
        hashes, told = hashes_of(found), self._tree.nodes(0, start, last)
        if hashes != told:
            spans = (slice(at * HASH_BYTES, (at + 1) * HASH_BYTES) for at in range(last - start))
            wrong = next(at for at, span in enumerate(spans) if hashes[span] != told[span])
            raise NotTrusted("ledger-leaf-altered", index=start + wrong)
        return found

    def purged(self) -> tuple[int, ...]:
        """Indexes of the leaves of which only the hash is there."""
        with self._guard:
            self._refresh()
            return tuple(self._purged)

    def purge(self) -> int:
        """Let go the traces that the log's own ``retention`` intents name; how many went. Their hashes stay, so that tree, checkpoints and
        proofs are what they were. The leaf file is replaced in one step; run again, it takes up what a crash left."""
        with self._guard, self._writing():
            self._refresh()
            leaves = self._read(0, self._tree.size)
            gone = to_purge(leaves)
            for index in gone:
                leaves[index] = purged_leaf(self._tree.hash_at(index))
            if gone:
                files.replace(self._leaf_file, b"".join(map(files.record, leaves)))
                self._refresh()
        return len(gone)

    def checkpoint(self) -> str:
        """The newest signed checkpoint; '' until the first append."""
        with self._guard:
            self._refresh()
            return files.read_text(self._checkpoint_file) or ""

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Inclusion proof of leaf ``index`` in the tree of ``size``; raises BadInput ``ledger-range``."""
        with self._guard:
            self._refresh()
            return self._tree.inclusion(index, size)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Consistency proof between two sizes; raises BadInput ``ledger-range``."""
        with self._guard:
            self._refresh()
            return self._tree.consistency(first, second)

    def root(self, size: int) -> bytes:
        """The root that the log had at ``size`` leaves; raises BadInput ``ledger-range``."""
        with self._guard:
            self._refresh()
            return self._tree.root(size)

    def raw(self) -> RawLog:
        """The folder unproven."""
        return read_raw(self._root)

    @property
    def _leaf_file(self) -> Path:
        return self._root / "leaves"

    @property
    def _checkpoint_file(self) -> Path:
        return self._root / "checkpoint"

    @property
    def _history_file(self) -> Path:
        return self._root / "checkpoints"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        make_folder(self._root)
        with files.locked(self._root / "lock"):
            yield

    def _refresh(self) -> None:
        """Bring the tree up to the stored checkpoint and prove it; nothing is read when neither file changed."""
        stamps = (_stamp(self._checkpoint_file), _stamp(self._leaf_file))
        if stamps == self._seen:
            return
        text = files.read_text(self._checkpoint_file)
        if text is None and _stamp(self._leaf_file)[2]:
            # A first append may have written its checkpoint between our two looks: look once more before the alarm.
            text = files.read_text(self._checkpoint_file)
            if text is None:
                raise NotTrusted("ledger-checkpoint-missing")
        if text is None:
            if self._tree.size:
                raise NotTrusted("ledger-checkpoint-missing")
            return
        newest = notes.parse_and_verify(text, self._origin, self._public)
        if self._rewritten(stamps[1]):
            self._reload(newest)
        else:
            self._follow(newest)
        self._seen = stamps

    def _rewritten(self, leaves: Stamp) -> bool:
        """Whether the leaf file is another than the one that was read: a purge replaced it."""
        return self._seen is not None and (leaves[0] != self._seen[1][0] or leaves[2] < self._ends[-1])

    def _follow(self, newest: notes.Checkpoint) -> None:
        try:
            self._catch_up(newest)
        except NotTrusted as error:
            if not self._tree.size or error.code == "ledger-rolled-back":
                raise
            self._reload(newest)  # two purges between two looks may have given the file its old number again

    def _reload(self, newest: notes.Checkpoint) -> None:
        """Read everything anew; what was known before must be its beginning, else all stays as it was."""
        known, ends, purged = self._tree, self._ends, self._purged
        self._tree, self._ends, self._purged = Tree(), [0], []
        try:
            self._catch_up(newest)
            if self._tree.size < known.size:
                raise NotTrusted("ledger-rolled-back", size=newest.size, seen=known.size)
            if self._tree.root(known.size) != known.root():
                raise NotTrusted("ledger-root", size=newest.size)
        except NotTrusted:
            self._tree, self._ends, self._purged = known, ends, purged
            raise

    def _catch_up(self, newest: notes.Checkpoint) -> None:
        """Read the new leaves and compare roots; the tree stays as it was when they differ."""
        known = self._tree.size
        if newest.size < known:
            raise NotTrusted("ledger-rolled-back", size=newest.size, seen=known)
        data = files.read_from(self._leaf_file, self._ends[-1])
        found, _ = files.records(data, newest.size - known)
        if known + len(found) < newest.size:
            raise NotTrusted("ledger-truncated", size=newest.size, found=known + len(found))
        self._tree = self._tree if known else Tree(found)
        for leaf in found if known else ():
            self._tree.append(leaf)
        if self._tree.root() != newest.root:
            self._tree.truncate(known)
            raise NotTrusted("ledger-root", size=newest.size)
        self._note_ends(found)

    def _note_ends(self, leaves: Sequence[bytes]) -> None:
        for leaf in leaves:
            if purged_hash(leaf) is not None:
                self._purged.append(len(self._ends) - 1)
            self._ends.append(self._ends[-1] + len(files.record(leaf)))

    def _write(self, leaves: Sequence[bytes], note: str | None = None) -> None:
        """Sign first (unless ``note`` has been), then leaves, tiles, and last the checkpoint: a crash in between leaves the old log."""
        before, written = self._tree.size, False
        if before == 0 and note is None:
            self._publish(self._forwarded(0, []))  # no leaf ever lies there without a checkpoint, here or elsewhere
        try:
            for leaf in leaves:
                self._tree.append(leaf)
            signed = self._forwarded(before, leaves) if note is None else self._agreed(note)
            files.append_at(self._leaf_file, self._ends[-1], b"".join(files.record(leaf) for leaf in leaves))
            files.write_tiles(self._root / "tiles", self._tree, before)
            self._publish(signed)
            written = True
        finally:
            if not written:
                self._tree.truncate(before)
                self._seen = None
        self._note_ends(leaves)
        self._seen = (_stamp(self._checkpoint_file), _stamp(self._leaf_file))

    def _forwarded(self, before: int, leaves: Sequence[bytes]) -> str:
        note = self._signed(self._tree.size, self._tree.root())
        if self._forward is not None:
            self._forward(before, leaves, note)
        return note

    def _agreed(self, note: str) -> str:
        """A note from elsewhere, once it is of the tree as it would be."""
        signed = notes.parse_and_verify(note, self._origin, self._public)
        if (signed.size, signed.root) != (self._tree.size, self._tree.root()):
            raise NotTrusted("ledger-root", size=signed.size)
        return note

    def _signed(self, size: int, root: bytes) -> str:
        text = notes.body(self._origin, size, root)
        return notes.assemble(text, self._origin, self._public, self._sign(text)) if self._sign else ""

    def _publish(self, note: str) -> None:
        files.replace(self._checkpoint_file, note.encode())
        files.add_line(self._history_file, note)


def _stamp(path: Path) -> Stamp:
    """Inode, modification time and size; zeros when there is no file."""
    try:
        told = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (told.st_ino, told.st_mtime_ns, told.st_size)
