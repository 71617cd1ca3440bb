# SPDX-License-Identifier: Apache-2.0
"""The one place of decryption beside ``keys/``: Tink's AES256-GCM-HKDF streaming format (docs/format.md, "The stream").

Draws nothing: key, salt and nonce prefix are arguments. Knows nothing of parts, manifests or hosts.
"""

from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rempart.errors import NotTrusted

KEY = 32
SALT = 32
PREFIX = 7
TAG = 16
HEADER = 1 + SALT + PREFIX
SMALL_SEGMENT = 256 * 1024
LARGE_SEGMENT = 1024 * 1024
SEGMENTS = (SMALL_SEGMENT, LARGE_SEGMENT)


def sealed_size(length: int, segment: int) -> int:
    """Bytes of the stream that holds ``length`` bytes of plaintext."""
    room = segment - TAG
    return HEADER + length + TAG * max(1, -(-(length + HEADER) // room))


def encrypt_stream(
    plaintext: bytes | memoryview,
    *,
    key: bytes,
    associated_data: bytes,
    segment: int,
    salt: bytes,
    prefix: bytes,
    zeros: int = 0,
) -> bytes:
    """Seal ``plaintext`` and ``zeros`` zero bytes behind it, without joining them.

    ``key``: 32 bytes used for this stream only; ``salt`` 32 and ``prefix`` 7 fresh random bytes.

    Raises ValueError for sizes that the format does not have.
    """
    if (len(key), len(salt), len(prefix)) != (KEY, SALT, PREFIX) or segment not in SEGMENTS:
        raise ValueError("key 32, salt 32 and prefix 7 bytes, segment 256 KiB or 1 MiB")
    cipher = _cipher(key, salt, associated_data)
    plain, total = memoryview(plaintext), sealed_size(len(plaintext) + zeros, segment)
    out, taken = bytearray(total), 0
    out[:HEADER] = bytes([HEADER]) + salt + prefix
    whole = memoryview(out)
    for number, start, end, last in _segments(total, segment):
        size = end - start - TAG
        piece = plain[taken : taken + size]
        padded = piece if len(piece) == size else bytes(piece) + bytes(size - len(piece))
        cipher.encrypt_into(_nonce(prefix, number, last), padded, None, whole[start:end])
        taken += size
    return bytes(out)


class OpenStream:
    """A stream whose segments are opened one by one, in any order and from several threads; it holds no bytes of the object.

    ``total``: bytes of the whole object, from who is trusted to know it. Each segment proves its key, its associated data, its
    number and whether it is the last.
    """

    def __init__(
        self, header: bytes | memoryview, *, total: int, key: bytes, associated_data: bytes, segment: int
    ) -> None:
        """``header``: the first 40 bytes of the object. Raises NotTrusted ``sealed-bytes``."""
        self.length = _plain_size(total, segment)
        if self.length < 0 or len(header) != HEADER or header[0] != HEADER or len(key) != KEY:
            raise NotTrusted("sealed-bytes")
        self._total, self._segment, self._room = total, segment, segment - TAG
        self._last = -(-total // segment) - 1
        self._prefix = bytes(header[1 + SALT :])
        self._cipher = _cipher(key, bytes(header[1 : 1 + SALT]), associated_data)

    def covering(self, start: int, end: int) -> range:
        """Numbers of the segments that hold the bytes [start, end) of the plaintext."""
        if not 0 <= start < end <= self.length:
            return range(0)
        return range((start + HEADER) // self._room, (end - 1 + HEADER) // self._room + 1)

    def sealed_range(self, number: int) -> tuple[int, int]:
        """Where segment ``number`` lies in the object, header left out."""
        return number * self._segment or HEADER, self._total if number == self._last else (number + 1) * self._segment

    def plain_range(self, number: int) -> tuple[int, int]:
        """Where its plaintext lies in the whole plaintext."""
        end = (number + 1) * self._room - HEADER
        return end - self._room if number else 0, self.length if number == self._last else end

    def open_segments(self, numbers: range, sealed: bytes | memoryview, out: bytearray | memoryview) -> None:
        """Decrypt consecutive segments, ``sealed`` from the first one's begin, into ``out``, which has their plaintext's length.

        Raises NotTrusted ``sealed-bytes``; nothing in ``out`` may then be used.
        """
        data, plain, taken, given = memoryview(sealed), memoryview(out), 0, 0
        decrypt = self._cipher.decrypt_into
        try:
            for number in numbers:
                start, end = self.plain_range(number)
                size = end - start
                piece, room = data[taken : taken + size + TAG], plain[given : given + size]
                decrypt(_nonce(self._prefix, number, number == self._last), piece, None, room)
                taken, given = taken + size + TAG, given + size
        except (InvalidTag, ValueError) as error:
            raise NotTrusted("sealed-bytes") from error


def decrypt_stream(sealed: bytes | memoryview, *, key: bytes, associated_data: bytes, segment: int) -> bytearray:
    """The plaintext, once every segment proved itself; nothing of it is given out otherwise.

    Raises NotTrusted ``sealed-bytes`` without saying why.
    """
    data = memoryview(sealed)
    stream = OpenStream(data[:HEADER], total=len(data), key=key, associated_data=associated_data, segment=segment)
    out = bytearray(stream.length)
    stream.open_segments(range(-(-len(data) // segment)), data[HEADER:], out)
    return out


def _plain_size(total: int, segment: int) -> int:
    """Bytes of plaintext in a stream of ``total`` bytes; -1 where no stream has that size."""
    if segment not in SEGMENTS or total < HEADER + TAG:
        return -1
    count = -(-total // segment)
    rest = total - (count - 1) * segment
    if count > 1 and rest <= TAG:
        return -1
    return total - HEADER - TAG * count


def _segments(total: int, segment: int) -> Iterator[tuple[int, int, int, bool]]:
    """(number, start, end, is last) of each ciphertext segment; the header lies inside the first one's bytes."""
    count = -(-total // segment)
    for number in range(count):
        yield number, max(number * segment, HEADER), min((number + 1) * segment, total), number == count - 1


def _cipher(key: bytes, salt: bytes, associated_data: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=KEY, salt=salt, info=associated_data).derive(key))


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])
