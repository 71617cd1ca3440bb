# SPDX-License-Identifier: Apache-2.0
"""The canary scan finds what is in clear however it is packed, and stops loudly where it cannot look."""

import base64
import gzip
import io
import os
import zipfile
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from rempart.audit.canary import DEPTH, search
from rempart.errors import BadInput

CANARY = b"canari-7f3e19-\xc3\xa9toile"
OTHER = b"canari-never-planted"
NEEDLES = [CANARY, OTHER]
TEXT = CANARY.decode()


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def in_value(compression: str) -> bytes:
    return parquet(pa.table({"a": ["x", TEXT, "y"] * 50}), compression=compression)


def zipped(method: int, before: bytes = b"x" * 500) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        archive.writestr("a.txt", before + CANARY)
    return sink.getvalue()


def streamed_zip() -> bytes:
    """A zip written without seeking: sizes stand behind the data."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.got = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.got += bytes(data)  # type: ignore[call-overload]
            return len(data)  # type: ignore[arg-type]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        archive.writestr("a.txt", b"x" * 500 + CANARY)
    return pipe.got


NOISE = bytes(range(256)) * 20
PACKED = {
    "raw": NOISE + CANARY + NOISE,
    "utf-16 little": TEXT.encode("utf-16-le"),
    "utf-16 big": b"\0" + TEXT.encode("utf-16-be"),
    "hex": CANARY.hex().encode(),
    "HEX": CANARY.hex().upper().encode(),
    **{f"base64 after {n}": base64.b64encode(b"x" * n + CANARY + b"yz") for n in range(4)},
    "base64 url": base64.urlsafe_b64encode(b"q" + CANARY),
    "gzip": gzip.compress(b"x" * 999 + CANARY),
    "gzip in the middle": NOISE + gzip.compress(b"x" * 999 + CANARY) + NOISE,
    "two gzip members": gzip.compress(b"nothing") + gzip.compress(CANARY),
    "cut gzip": gzip.compress(CANARY * 3 + os.urandom(5000))[:-2000],
    "zstd": zstandard.compress(b"x" * 999 + CANARY * 3),
    "zstd in the middle": NOISE + zstandard.compress(b"x" * 999 + CANARY * 3) + NOISE,
    "zip deflated": zipped(zipfile.ZIP_DEFLATED),
    "zip stored": zipped(zipfile.ZIP_STORED),
    "zip streamed": streamed_zip(),
    "parquet zstd": in_value("zstd"),
    "parquet snappy": in_value("snappy"),
    "parquet gzip": in_value("gzip"),
    "parquet plain": parquet(pa.table({"a": [TEXT]}), compression="none", use_dictionary=False),
    "parquet padded": in_value("zstd") + bytes(4096),
    "parquet column name": parquet(pa.table({TEXT: [1, 2]})),
    "parquet nested": parquet(pa.table({"a": [[{"b": TEXT}], []]}), compression="zstd"),
    "parquet metadata": parquet(pa.table({"a": [1]}).replace_schema_metadata({"note": TEXT})),
    "parquet statistics": parquet(pa.table({"a": [TEXT, "zz"]}), compression="zstd", write_statistics=True),
    "gzip of zstd of parquet": gzip.compress(zstandard.compress(in_value("snappy"))),
    "zip of gzip": gzip.compress(zipped(zipfile.ZIP_DEFLATED)),
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_planted_string_is_found_however_it_is_packed(kind: str) -> None:
    assert search(PACKED[kind], NEEDLES) == {CANARY}


# Text that every codec shortens letter by letter, so that no stretch of the string lies in clear.
LONG = "".join(f"{n:x}-canari-{n * n:o}-etoile;" for n in range(3000))
HIDDEN = {
    "gzip": gzip.compress((LONG + TEXT).encode()),
    "zstd": zstandard.compress((LONG + TEXT).encode(), 19),
    "zip": zipped(zipfile.ZIP_DEFLATED, LONG.encode()),
    **{
        f"parquet {codec}": parquet(
            pa.table({"a": [LONG, TEXT]}), compression=codec, write_statistics=False, use_dictionary=False
        )
        for codec in ("zstd", "gzip", "brotli")
    },
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_string_that_a_plain_look_misses_is_found_by_opening_the_container(kind: str) -> None:
    assert search(HIDDEN[kind], NEEDLES, depth=0) == set()
    assert search(HIDDEN[kind], NEEDLES, depth=1) == {CANARY}


def test_a_string_hidden_from_statistics_is_found_by_decoding_the_column() -> None:
    data = parquet(pa.table({"a": [TEXT, "x"] * 9}), compression="snappy", write_statistics=False)
    data += bytes(100)
    assert search(data, NEEDLES) == {CANARY}


def test_sealed_looking_bytes_hold_nothing() -> None:
    assert search(os.urandom(300_000), NEEDLES) == set()


def test_the_depth_is_three_containers() -> None:
    deep = CANARY
    for _ in range(DEPTH):
        deep = gzip.compress(b"x" * 999 + deep)
    assert search(deep, NEEDLES) == {CANARY}
    assert search(gzip.compress(b"x" * 999 + deep), NEEDLES) == set()


@pytest.mark.parametrize(
    "bomb", [gzip.compress(bytes(1 << 22)), zstandard.compress(bytes(1 << 22))], ids=["gzip", "zstd"]
)
def test_a_bomb_stops_the_search_loudly(bomb: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        search(bomb, NEEDLES, largest=1 << 20)
    assert caught.value.code == "canary-bound"
    assert search(bomb, NEEDLES, largest=1 << 24) == set()


def test_damaged_containers_are_passed_over() -> None:
    for data in (
        b"\x1f\x8b\x08" * 9,
        b"\x28\xb5\x2f\xfd" * 9,
        b"PK\x03\x04" * 9,
        b"PAR1" * 9,
        b"PAR1",
        zlib.compress(b"a"),
    ):
        assert search(data, NEEDLES) == set()
    cut = in_value("zstd")
    assert search(cut[:200] + cut[-200:], [OTHER]) == set()


def test_an_empty_needle_is_never_found() -> None:
    assert search(b"abc", [b""]) == set()
