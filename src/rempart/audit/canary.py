# SPDX-License-Identifier: Apache-2.0
"""Look for planted strings in bytes: as they are, in other writings, and inside gzip, zstd, zip and Parquet, three deep.

Finds what is in clear or merely packed; what is sealed it cannot open, and that is the point. Bounded against bombs: beyond
the bound it raises, since a search that stopped early has not found nothing.
"""

import base64
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from rempart.errors import BadInput

DEPTH = 3
LARGEST = 1 << 30
_CHUNK = 1 << 18
_BASE64_PIECE = 8  # shorter stretches of base64 appear by chance
_TRIES = 16
_GZIP, _ZSTD, _ZIP, _PARQUET = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PAR1"
_DEFLATED = 8


def search(data: bytes, needles: Sequence[bytes], *, depth: int = DEPTH, largest: int = LARGEST) -> set[bytes]:
    """The needles that occur in ``data``: raw, UTF-16, hex, base64 at any alignment; the same inside every container in it.

    ``depth``: how many containers within one another are opened; ``largest``: unpacked bytes in all.
    Raises BadInput ``canary-bound`` when more would have to be unpacked.
    """
    return _Search(needles, largest).within(data, depth)


def writings(needle: bytes) -> tuple[bytes, ...]:
    """How a needle may be written: as it is, UTF-16 both ways, hex in both cases, base64 at its three alignments."""
    text = needle.decode("utf-8", errors="ignore")
    wide = (text.encode("utf-16-le"), text.encode("utf-16-be")) if text else ()
    hexes = (needle.hex().encode(), needle.hex().upper().encode())
    packed = [piece for shift in range(3) for piece in _base64_pieces(needle, shift)]
    return tuple(dict.fromkeys([needle, *wide, *hexes, *packed]))


def _base64_pieces(needle: bytes, shift: int) -> Iterator[bytes]:
    """The characters that depend on the needle alone when ``shift`` bytes stand before it in its group of three."""
    first, last = (0, 2, 3)[shift], (shift + len(needle)) * 8 // 6
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        piece = alphabet(bytes(shift) + needle)[first:last]
        if len(piece) >= _BASE64_PIECE:
            yield piece


class _Search:
    """One search: the needles' writings, and how many bytes may still be unpacked."""

    def __init__(self, needles: Sequence[bytes], largest: int) -> None:
        self._writings = {needle: writings(needle) for needle in needles if needle}
        self._left = self._largest = largest

    def within(self, data: bytes, depth: int) -> set[bytes]:
        """Needles in ``data`` and in the containers in it."""
        found = {needle for needle, forms in self._writings.items() if any(form in data for form in forms)}
        if depth == 0:
            return found
        for content in self._contents(data):
            if len(found) == len(self._writings):
                break
            found |= self.within(content, depth - 1)
        return found

    def _contents(self, data: bytes) -> Iterator[bytes]:
        """What each container in ``data`` holds, unpacked."""
        for unpacked in (_gzips(data), _zstds(data), _zips(data), _parquet(data)):
            for pieces in unpacked:
                yield self._joined(pieces)

    def _joined(self, pieces: Iterable[bytes]) -> bytes:
        whole = bytearray()
        for piece in pieces:
            self._left -= len(piece)
            if self._left < 0:
                raise BadInput("canary-bound", largest=self._largest)
            whole += piece
        return bytes(whole)


def _positions(data: bytes, magic: bytes) -> Iterator[int]:
    at = data.find(magic)
    while at >= 0:
        yield at
        at = data.find(magic, at + 1)


def _gzips(data: bytes) -> Iterator[Iterator[bytes]]:
    for at in _positions(data, _GZIP):
        yield _inflate(data, at, 31)


def _zips(data: bytes) -> Iterator[Iterator[bytes]]:
    """Deflated members by their local headers; stored ones lie in clear, names too."""
    for at in _positions(data, _ZIP):
        header = data[at : at + 30]
        method = int.from_bytes(header[8:10], "little")
        names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        if len(header) == 30 and method == _DEFLATED:
            yield _inflate(data, at + 30 + names, -15)


def _inflate(data: bytes, start: int, window: int) -> Iterator[bytes]:
    """A deflate stream from ``start``, piece by piece; a damaged one as far as it goes."""
    stream, view = zlib.decompressobj(window), memoryview(data)
    at, rest = start, b""
    while not stream.eof and (rest or at < len(data)):
        source = rest or view[at : at + _CHUNK]
        at += 0 if rest else _CHUNK
        try:
            piece = stream.decompress(source, _CHUNK)
        except zlib.error:
            return
        rest = stream.unconsumed_tail
        yield piece


def _zstds(data: bytes) -> Iterator[Iterator[bytes]]:
    for at in _positions(data, _ZSTD):
        yield _unzstd(data, at)


def _unzstd(data: bytes, start: int) -> Iterator[bytes]:
    """A zstd frame from ``start``, piece by piece; a damaged one as far as it goes."""
    source = io.BytesIO(memoryview(data)[start:])
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(source, read_across_frames=False) as reader:
        while True:
            try:
                piece = reader.read(_CHUNK)
            except zstandard.ZstdError:
                return
            if not piece:
                return
            yield piece


def _parquet(data: bytes) -> Iterator[Iterator[bytes]]:
    """A Parquet file at the front, whatever padding follows it: names, metadata, statistics, and every column decoded."""
    if not data.startswith(_PARQUET):
        return
    end = len(data)
    for _ in range(_TRIES):
        end = data.rfind(_PARQUET, 1, end)
        file = _open_parquet(data[: end + len(_PARQUET)]) if end > 0 else None
        if file is not None:
            yield _parquet_pieces(file)
            return
        if end <= 0:
            return


def _open_parquet(data: bytes) -> pq.ParquetFile | None:
    try:
        return pq.ParquetFile(pa.BufferReader(data))
    except (pa.ArrowException, OSError):
        return None


def _parquet_pieces(file: pq.ParquetFile) -> Iterator[bytes]:
    yield "\n".join(file.schema_arrow.names).encode()
    for name, value in (file.metadata.metadata or {}).items():
        yield name + b"\n" + value + b"\n"
    yield from _statistics(file.metadata)
    try:
        for batch in file.iter_batches():
            for column in batch.columns:
                yield from (bytes(buffer) for buffer in column.buffers() if buffer is not None)
    except (pa.ArrowException, OSError):
        return


def _statistics(metadata: pq.FileMetaData) -> Iterator[bytes]:
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            told = metadata.row_group(group).column(column).statistics
            if told is not None and told.has_min_max:
                yield f"{told.min}\n{told.max}\n".encode()
