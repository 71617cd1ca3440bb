# SPDX-License-Identifier: Apache-2.0
"""A delivered text file in pieces of whole lines, UTF-8, as long as it is: hashed, unzipped and looked at on the way. Parses no value.

What was listed is what is read: a file whose bytes no longer have the listed hash is refused when its end is reached.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rempart.errors import BadInput
from rempart.ingest.reading import Look
from rempart.ingest.units import DeliveredFile

CHUNK = 64 << 20
# Stays in the processor's cache.
_PIECE = 1 << 18
# Text may be a thousand times as long as what it was packed into.
_ZIPPED_PIECE = 1 << 18
_HEADER_LIMIT = 1 << 16
# A line longer than this is one quote left open.
_LINE_LIMIT = 1 << 20
_ZIPPED = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_LINE_END, _BLANK, _QUOTE = 10, 32, 34
UTF8, LATIN1 = "utf-8", "latin-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """``data``: whole lines, UTF-8; ``line``: the number of its first line in the file, the header being line 1; ``lines``: how many
    physical lines, the last one with or without its end."""

    data: bytes
    line: int
    lines: int
    look: Look


class TextFile:
    """One file, read once. ``header``: its first line, decoded; ``latin1``: whether bytes beyond ASCII were read as Latin-1."""

    def __init__(self, file: DeliveredFile, *, encoding: str = "", chunk: int = CHUNK) -> None:
        """``encoding``: as declared, '' = look. Raises BadInput ``csv-empty``, ``csv-truncated``, ``csv-encoding``, ``csv-header``."""
        self._name, self._chunk, self._encoding = file.name, chunk, encoding
        self._digest = hashlib.sha256()
        self._text = _text(file, chunk, self._digest)
        self._rest = b""
        self.latin1 = False
        self._utf8 = False
        self.header = self._first_line()

    @property
    def sha256(self) -> str:
        """The hash of the text, once it was read to its end: the same however the file was packed."""
        return self._digest.hexdigest()

    def chunks(self) -> Iterator[Chunk]:
        """The lines after the header.

        Raises BadInput ``csv-encoding``, ``csv-nul``, ``csv-quote``, ``csv-truncated``, ``delivery-changed``.
        """
        line, held, size = 2, [self._rest], len(self._rest)
        for piece in self._text:
            held.append(piece)
            size += len(piece)
            if size < self._chunk:
                continue
            data = b"".join(held)
            end = _cut(data)
            if not end and size > self._chunk + _LINE_LIMIT:
                raise BadInput("csv-quote", file=self._name, line=line, column="")
            if end:
                chunk = self._made(data[:end], line)
                yield chunk
                line += chunk.lines
            held, size = [data[end:]], len(data) - end
        data = b"".join(held)
        if data:
            yield self._made(data, line)

    def _first_line(self) -> str:
        data = b""
        while b"\n" not in data and len(data) < _HEADER_LIMIT:
            piece = next(self._text, b"")
            if not piece:
                break
            data += piece
        first, _, self._rest = data.removeprefix(_BOM).partition(b"\n")
        if not first.strip():
            raise BadInput("csv-empty", file=self._name)
        if len(first) >= _HEADER_LIMIT:
            raise BadInput("csv-header", file=self._name, line=1, expected="")
        return self._decoded(first.rstrip(b"\r"), 1).decode(UTF8)

    def _made(self, data: bytes, line: int) -> Chunk:
        wide = not data.isascii()
        if wide:
            data = self._decoded(data, line)
        ends = data.count(b"\n")
        odd = _controls(data) - ends - data.count(b"\r")
        if odd and b"\0" in data:
            raise BadInput("csv-nul", file=self._name, line=line + data.count(b"\n", 0, data.index(b"\0")))
        lines, look = ends + (not data.endswith(b"\n")), Look(wide=wide or odd > 0, spaced=b" " in data)
        return Chunk(data=data, line=line, lines=lines, look=look)

    def _decoded(self, data: bytes, line: int) -> bytes:
        """The same text in UTF-8. Latin-1 only where not one byte says otherwise: a file of both is damaged."""
        wrong = -1
        if self._encoding != LATIN1:
            try:
                data.decode(UTF8)
            except UnicodeDecodeError as error:
                wrong = error.start
            if wrong < 0:
                self._utf8 = self._utf8 or not data.isascii()
                if self._utf8 and self.latin1:
                    raise BadInput("csv-encoding", file=self._name, line=line, expected="ISO 8859-1")
                return data
        place = max(wrong, 0)
        if self._encoding == UTF8 or self._utf8 or _damaged(data, mixed=self._encoding != LATIN1):
            raise BadInput("csv-encoding", file=self._name, line=line + data.count(b"\n", 0, place), expected="UTF-8")
        self.latin1 = True
        return data.decode(LATIN1).encode(UTF8)


def _damaged(data: bytes, *, mixed: bool) -> bool:
    """Whether bytes are no Latin-1 text: control codes beyond ASCII, or letters of UTF-8 among them."""
    beyond = np.frombuffer(data, np.uint8)
    if bool(((beyond >= 0x80) & (beyond < 0xA0)).any()):
        return True
    text = data.decode(UTF8, "surrogateescape") if mixed else ""
    return any(not letter.isascii() and not "\udc80" <= letter <= "\udcff" for letter in set(text))


def _controls(data: bytes) -> int:
    """Bytes under a blank; in pieces that stay in the processor's cache."""
    codes = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(codes[at : at + _PIECE] < _BLANK)) for at in range(0, len(codes), _PIECE))


def _cut(data: bytes) -> int:
    """Where the last whole line ends: after a line end outside quotes; 0 where the longest line that may be holds none.

    Looks no further back than one line, all of it at once: neither a quote left open nor quotes without number are a long search.
    """
    least = max(len(data) - _LINE_LIMIT, 0)
    codes = np.frombuffer(data, np.uint8)[least:]
    within = np.logical_xor.accumulate(codes == _QUOTE) ^ (data.count(b'"', 0, least) % 2 == 1)
    ends = np.flatnonzero((codes == _LINE_END) & ~within)
    return least + int(ends[-1]) + 1 if len(ends) else 0


def _text(file: DeliveredFile, most: int, of_text: "hashlib._Hash") -> Iterator[bytes]:
    """The file's text in pieces, read ``most`` bytes at a time or fewer; at its end, its hash is compared with the listed one.

    ``of_text`` is fed with the text.
    """
    digest = hashlib.sha256()
    with Path(file.path).open("rb") as stream:
        first = stream.read(min(_ZIPPED_PIECE, most))
        if first[:2] == _ZIPPED:
            for text in _unzipped(file.name, first, stream, digest, most):
                of_text.update(text)
                yield text
        else:
            if first and file.name.lower().endswith(".gz"):
                raise BadInput("csv-truncated", file=file.name)
            piece, digest = first, of_text
            while piece:
                digest.update(piece)
                yield piece
                piece = stream.read(min(_PIECE, most))
    if digest.hexdigest() != file.sha256:
        raise BadInput("delivery-changed", file=file.name)


def _unzipped(name: str, first: bytes, stream: BinaryIO, digest: "hashlib._Hash", most: int) -> Iterator[bytes]:
    """All members of a gzip file; one that is cut short or damaged is refused."""
    piece, member, failed = first, zlib.decompressobj(31), False
    try:
        while piece:
            digest.update(piece)
            left, text = piece, b""
            # So much text may come of one piece that it comes in pieces too.
            while left or len(text) == _PIECE:
                if member.eof:
                    if not left:
                        break
                    member = zlib.decompressobj(31)
                text = member.decompress(left, _PIECE)
                left = member.unused_data if member.eof else member.unconsumed_tail
                if text:
                    yield text
            piece = stream.read(min(_ZIPPED_PIECE, most))
    except zlib.error:
        failed = True
    if failed or not member.eof:
        raise BadInput("csv-truncated", file=name)
