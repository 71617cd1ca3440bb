# SPDX-License-Identifier: Apache-2.0
"""A PNG taken apart to its points and written anew: nothing beside them leaves, and of them sixteen steps of each colour.

Transparent points are laid on white, so that nothing lies under what is seen. What a picture shows remains: that is for eyes.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_HEAD = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type → samples a point
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_STEP = 17  # 0, 17 … 255: sixteen steps
_WHITE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """``points``: red, green, blue of each point, line by line from the top left."""

    width: int
    height: int
    points: bytes

    def png(self) -> bytes:
        """The picture in its one form."""
        line = 3 * self.width
        raw = b"".join(b"\x00" + self.points[at : at + line] for at in range(0, len(self.points), line))
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, _RGB, 0, 0, 0)
        parts = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(raw, 9)), _chunk(b"IEND", b""))
        return _HEAD + b"".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    width: int
    height: int
    colour: int
    palette: bytes
    clear: bytes
    packed: bytes


def read_picture(data: bytes, limits: Mapping[str, Any]) -> Picture | None:
    """The points of a PNG of eight bits a sample, not interlaced; None for anything else, and for one that says more than it shows."""
    parts = _parts(data)
    if parts is None or not 0 < parts.width <= limits["side"] or not 0 < parts.height <= limits["side"]:
        return None
    if parts.width * parts.height > limits["pixels"]:
        return None
    samples = _SAMPLES[parts.colour]
    stride = parts.width * samples
    raw = _inflated(parts.packed, parts.height * (stride + 1))
    lines = _unfiltered(raw, stride, samples) if raw is not None else None
    points = _coloured(lines, parts) if lines is not None else None
    if points is None:
        return None
    return Picture(width=parts.width, height=parts.height, points=points.translate(_STEPS))


def _parts(data: bytes) -> _Parts | None:
    """Head, palette and packed lines; chunks that show nothing are passed over, anything out of order or after the end is none."""
    chunks = list(_chunks(data))
    if not data.startswith(_HEAD) or len(chunks) < 3 or chunks[0][0] != b"IHDR" or chunks[-1] != (b"IEND", b""):
        return None
    if len(_HEAD) + sum(12 + len(body) for _, body in chunks) != len(data) or len(chunks[0][1]) != 13:
        return None
    width, height, depth, colour, packing, filtering, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if (depth, packing, filtering, interlaced) != (8, 0, 0, 0) or colour not in _SAMPLES:
        return None
    told = {name: body for name, body in chunks if name in {b"PLTE", b"tRNS"}}
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    palette, clear = told.get(b"PLTE", b""), told.get(b"tRNS", b"")
    return _Parts(width=width, height=height, colour=colour, palette=palette, clear=clear, packed=packed)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) of each chunk whose check sum holds, up to the first that does not or to IEND."""
    at = len(_HEAD)
    while at + 12 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if len(body) != size or data[at + 8 + size : at + 12 + size] != struct.pack(">I", zlib.crc32(name + body)):
            return
        yield name, body
        if name == b"IEND":
            return
        at += 12 + size


def _inflated(packed: bytes, size: int) -> bytes | None:
    """Exactly ``size`` bytes, with nothing after them."""
    machine = zlib.decompressobj()
    try:
        raw = machine.decompress(packed, size + 1)
    except zlib.error:
        return None
    return raw if len(raw) == size and machine.eof and not machine.unused_data else None


def _unfiltered(raw: bytes, stride: int, samples: int) -> list[bytearray] | None:
    lines: list[bytearray] = []
    above = bytearray(stride)
    for at in range(0, len(raw), stride + 1):
        line = bytearray(raw[at + 1 : at + 1 + stride])
        if raw[at] > 4:
            return None
        _restore(line, above, raw[at], samples)
        lines.append(line)
        above = line
    return lines


def _restore(line: bytearray, above: bytearray, how: int, samples: int) -> None:
    """One line as it was before its filter: none, left, above, their mean, or the nearest of three."""
    if how == 2:
        line[:] = bytes((one + up) & 255 for one, up in zip(line, above, strict=True))
        return
    for at in range(len(line)) if how else ():
        left = line[at - samples] if at >= samples else 0
        corner = above[at - samples] if at >= samples else 0
        guess = left if how == 1 else (left + above[at]) >> 1 if how == 3 else _nearest(left, above[at], corner)
        line[at] = (line[at] + guess) & 255


def _nearest(left: int, up: int, corner: int) -> int:
    """The one of three that is nearest to left + up - corner (PNG's Paeth predictor)."""
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def _coloured(lines: list[bytearray], parts: _Parts) -> bytes | None:
    """Red, green, blue of each point, laid on white."""
    points = b"".join(bytes(line) for line in lines)
    if parts.colour == _PALETTE:
        return _from_palette(points, parts)
    if parts.colour in {_GREY, _GREY_ALPHA}:
        grey = points[:: _SAMPLES[parts.colour]]
        seen = _on_white(grey, points[1::2]) if parts.colour == _GREY_ALPHA else grey
        return _woven(seen, seen, seen)
    if parts.colour == _RGB:
        return points
    clear = points[3::4]
    return _woven(*(_on_white(points[at::4], clear) for at in range(3)))


def _from_palette(points: bytes, parts: _Parts) -> bytes | None:
    many = len(parts.palette) // 3
    if not points or len(parts.palette) % 3 or not 0 < many <= 256 or max(points) >= many or len(parts.clear) > many:
        return None
    clear = parts.clear + b"\xff" * (many - len(parts.clear))
    tables = [_on_white(parts.palette[at::3], clear).ljust(256, b"\0") for at in range(3)]
    return _woven(*(points.translate(table) for table in tables))


def _on_white(samples: bytes, clear: bytes) -> bytes:
    return bytes(
        (one * seen + _WHITE * (_WHITE - seen) + 127) // _WHITE for one, seen in zip(samples, clear, strict=True)
    )


def _woven(red: bytes, green: bytes, blue: bytes) -> bytes:
    points = bytearray(3 * len(red))
    points[0::3], points[1::3], points[2::3] = red, green, blue
    return bytes(points)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


_STEPS = bytes(round(one / _STEP) * _STEP for one in range(256))
