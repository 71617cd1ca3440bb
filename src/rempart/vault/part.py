# SPDX-License-Identifier: Apache-2.0
"""One sealed part, read in ranges: only the segments that cover a range are fetched and opened, each proving itself. Parses no Parquet.

The SHA-256 of the whole object is not computed here, since most of it is not read (docs/adr/0011): each segment's tag holds it to its
key, part, number and end instead, and the object's size is compared with the manifest's. Keys live as long as the reader.
"""

from functools import cached_property

from rempart.errors import Missing, NotTrusted
from rempart.ports.host import Host
from rempart.records.sealed import PartEntry
from rempart.vault import aead
from rempart.vault.padding import padme

_WHOLE = 2 * aead.LARGE_SEGMENT  # a smaller object is fetched at once: one request in place of three
_REQUEST = 4 * aead.LARGE_SEGMENT
_FOOTER = 32 * 1024  # a footer is about this long; a longer one costs one request more


class SealedPart:
    """The Parquet file of ``entry``, ``length`` bytes, as plaintext ranges. Safe for several threads.

    The associated data comes from the manifest's entry, never from the object. Raises nothing before the first read.
    """

    def __init__(self, host: Host, entry: PartEntry, *, warehouse: str, key: bytes) -> None:
        self._host, self._entry, self._warehouse, self._key = host, entry, warehouse, key

    @property
    def name(self) -> str:
        """The part's random id: equal names mean equal bytes, for ever."""
        return self._entry.part

    @property
    def length(self) -> int:
        """Bytes of the Parquet file."""
        return self._entry.length

    def covering(self, start: int, end: int) -> tuple[int, int]:
        """The smallest range of whole segments (cut at ``length``) that holds [start, end): what reading it costs."""
        numbers = self._stream.covering(start, end)
        if not numbers:
            return start, start
        first, last = self._stream.plain_range(numbers[0]), self._stream.plain_range(numbers[-1])
        return first[0], min(last[1], self.length)

    def read_into(self, start: int, end: int, out: memoryview) -> None:
        """Open the segments of [start, end) into ``out``, a view of the whole file: each byte to its true place.

        Raises NotTrusted ``object-absent``, ``object-altered`` or ``sealed-bytes``, Unavailable ``host-unreachable``; nothing in
        ``out`` may then be used.
        """
        self._open(start, end, out, base=0)

    def read(self, start: int, end: int) -> bytes:
        """The bytes [start, end) of the file, cut at its end; raises as ``read_into``."""
        end = min(end, self.length)
        base, last = self.covering(start, end)
        out = memoryview(bytearray(last - base))
        self._open(start, end, out, base=base)
        return bytes(out[start - base : max(end, start) - base])

    def _open(self, start: int, end: int, out: memoryview, *, base: int) -> None:
        """Into ``out``, whose first byte is byte ``base`` of the file."""
        numbers = self._stream.covering(start, min(end, self.length))
        step = max(1, _REQUEST // self._entry.segment)
        for begin in range(numbers.start, numbers.stop, step):
            self._open_run(range(begin, min(begin + step, numbers.stop)), out, base)

    def _open_run(self, numbers: range, out: memoryview, base: int) -> None:
        begin, end = self._stream.sealed_range(numbers[0])[0], self._stream.sealed_range(numbers[-1])[1]
        first, last = self._stream.plain_range(numbers[0])[0], self._stream.plain_range(numbers[-1])[1]
        sealed = self._fetched(begin, end)
        if last <= self.length:
            self._stream.open_segments(numbers, sealed, out[first - base : last - base])
            return
        split, (start, _) = self._stream.sealed_range(numbers[-1])[0] - begin, self._stream.plain_range(numbers[-1])
        self._stream.open_segments(numbers[:-1], sealed[:split], out[first - base : start - base])
        padded = bytearray(last - start)  # the padding behind the file has no place in ``out``
        self._stream.open_segments(numbers[-1:], sealed[split:], padded)
        out[start - base : self.length - base] = memoryview(padded)[: self.length - start]

    @cached_property
    def _stream(self) -> aead.OpenStream:
        """The header's facts, once the object has the size that the manifest says: what lies behind it must not be there."""
        entry = self._entry
        if entry.size != aead.sealed_size(padme(entry.length), entry.segment):
            raise NotTrusted("sealed-bytes")
        return aead.OpenStream(
            self._ends[0][: aead.HEADER],
            total=entry.size,
            key=self._key,
            associated_data=entry.associated_data(self._warehouse),
            segment=entry.segment,
        )

    @cached_property
    def _ends(self) -> tuple[memoryview, memoryview]:
        """The header, or the whole of a small object; and all from the footer on, asked for with one byte more than there is."""
        size = self._entry.size
        if size <= _WHOLE:
            whole = self._range(0, size + 1)
            return self._sized(whole, size), whole[size:]
        segment = self._entry.segment
        footer = max(self.length - _FOOTER, 0) + aead.HEADER
        start = footer // (segment - aead.TAG) * segment
        return self._range(0, aead.HEADER), self._sized(self._range(start, size + 1), size - start)

    def _fetched(self, start: int, end: int) -> memoryview:
        """Ciphertext [start, end), from what was fetched for the ends where it lies there."""
        head, tail = self._ends
        if end <= len(head):
            return head[start:end]
        behind = self._entry.size - len(tail)
        if start >= behind:
            return tail[start - behind : end - behind]
        return self._sized(self._range(start, end), end - start)

    def _range(self, start: int, end: int) -> memoryview:
        try:
            return memoryview(self._host.get_range(self._entry.object, start, end).data)
        except Missing as error:
            raise NotTrusted("object-absent") from error

    @staticmethod
    def _sized(data: memoryview, size: int) -> memoryview:
        if len(data) != size:
            raise NotTrusted("object-altered")
        return data
