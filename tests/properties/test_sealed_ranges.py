# SPDX-License-Identifier: Apache-2.0
"""A part read in ranges gives the bytes of the whole, reads no more than it must, and refuses every segment that was touched."""

import dataclasses
import random
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.errors import NotTrusted
from rempart.ports.host import Host
from rempart.records.sealed import PartEntry
from rempart.vault import aead
from rempart.vault.part import SealedPart
from tests.properties.test_sealed_parts import KEY, sealed_bytes
from tests.sealed_objects import MemoryHost
from tests.vectors.material import WAREHOUSE

S = aead.SMALL_SEGMENT
ROOM = S - aead.TAG
SMALL = [1, 7, 40, *(n * ROOM - aead.HEADER + step for n in (1, 2, 3) for step in (-1, 0, 1))]
LARGE = 12 * ROOM + 12_345


def text(size: int) -> bytes:
    """Bytes of which no two segments are alike."""
    return random.Random(size).randbytes(size)


def made(size: int) -> tuple[PartEntry, bytes]:
    """A sealed part of ``size`` bytes and its object."""
    entry, sealed = sealed_bytes(text(size), segment=S)
    return entry, sealed.data


PARTS = {size: made(size) for size in [*SMALL, LARGE]}


def reader(entry: PartEntry, data: bytes, *, key: bytes = KEY, warehouse: str = WAREHOUSE) -> SealedPart:
    """The part on a host that holds ``data`` under its name."""
    return SealedPart(cast(Host, MemoryHost({entry.object: data})), entry, warehouse=warehouse, key=key)


def code_of(part: SealedPart, start: int = 0, end: int | None = None) -> str:
    """The code under which a range does not open, asked for in both ways."""
    codes = set()
    for read in (part.read, lambda a, b: part.read_into(a, b, memoryview(bytearray(part.length)))):
        with pytest.raises(NotTrusted) as caught:
            read(start, part.length if end is None else end)
        codes.add(caught.value.code)
    (code,) = codes
    return code


@settings(max_examples=80, deadline=None)
@given(size=st.sampled_from([*SMALL, LARGE]), data=st.data())
def test_a_range_is_that_range_of_the_whole(size: int, data: st.DataObject) -> None:
    near = st.sampled_from([0, size, *(n * ROOM - aead.HEADER for n in range(1, 13))])
    bound = st.builds(lambda at, step: min(max(at + step, 0), size), near, st.integers(-2, 2)) | st.integers(0, size)
    start, end = sorted((data.draw(bound), data.draw(bound)))
    entry, sealed = PARTS[size]
    part, whole = reader(entry, sealed), text(size)
    assert part.read(start, end) == whole[start:end]
    out = bytearray(b"\xaa" * size)
    part.read_into(start, end, memoryview(out))
    first, last = part.covering(start, end)
    if start < end:
        assert first <= start
        assert end <= last
    assert out == b"\xaa" * first + whole[first:last] + b"\xaa" * (size - last)


def test_a_range_costs_its_segments_and_the_ends_alone() -> None:
    entry, sealed = PARTS[LARGE]
    host = MemoryHost({entry.object: sealed})
    part = SealedPart(cast(Host, host), entry, warehouse=WAREHOUSE, key=KEY)
    part.read(3 * ROOM, 3 * ROOM + 10)
    ends = aead.HEADER + 4 * S
    assert host.bytes_asked <= ends + S
    before = len(host.asked)
    part.read_into(4 * ROOM, 6 * ROOM, memoryview(bytearray(part.length)))
    assert len(host.asked) == before + 1


@settings(max_examples=80, deadline=None)
@given(size=st.sampled_from([SMALL[3], SMALL[-1], LARGE]), data=st.data())
def test_a_flipped_bit_is_refused_where_it_is_read_and_changes_nothing_elsewhere(
    size: int, data: st.DataObject
) -> None:
    entry, sealed = PARTS[size]
    at, bit = data.draw(st.integers(0, len(sealed) - 1)), data.draw(st.integers(0, 7))
    touched = bytearray(sealed)
    touched[at] ^= 1 << bit
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size))
    whole = range((start + aead.HEADER) // ROOM, (end - 1 + aead.HEADER) // ROOM + 1)
    part = reader(entry, bytes(touched))
    if at < aead.HEADER or at // S in whole:
        assert code_of(part, start, end) == "sealed-bytes"
    else:
        assert part.read(start, end) == text(size)[start:end]


@pytest.mark.parametrize("size", [SMALL[4], LARGE])
@pytest.mark.parametrize("change", ["shorter", "longer", "empty", "half", "header"])
def test_an_object_of_another_size_is_refused_whatever_is_asked_of_it(size: int, change: str) -> None:
    entry, sealed = PARTS[size]
    touched = {
        "shorter": sealed[:-1], "longer": sealed + b"\0", "empty": b"", "half": sealed[: len(sealed) // 2],
        "header": sealed[: aead.HEADER],
    }[change]  # fmt: skip
    assert code_of(reader(entry, touched), 0, 1) == "object-altered"


def test_segments_that_changed_places_and_segments_of_another_part_are_refused() -> None:
    entry, sealed = PARTS[LARGE]
    swapped = sealed[:S] + sealed[2 * S : 3 * S] + sealed[S : 2 * S] + sealed[3 * S :]
    assert code_of(reader(entry, swapped), ROOM, ROOM + 1) == "sealed-bytes"
    other = sealed_bytes(text(LARGE), segment=S, key=b"o" * 32)[1].data
    mixed = sealed[: 2 * S] + other[2 * S : 3 * S] + sealed[3 * S :]
    assert code_of(reader(entry, mixed), 2 * ROOM, 2 * ROOM + 1) == "sealed-bytes"
    assert code_of(reader(entry, other), 0, 1) == "sealed-bytes"


def test_a_cut_at_a_segments_end_cannot_pass_for_the_end() -> None:
    """The shorter object under an entry of its size: the last segment read says that it is not the last."""
    entry, sealed = PARTS[LARGE]
    cut = aead.OpenStream(
        sealed[: aead.HEADER], total=3 * S, key=KEY, associated_data=entry.associated_data(WAREHOUSE), segment=S
    )
    with pytest.raises(NotTrusted):
        cut.open_segments(range(2, 3), sealed[2 * S : 3 * S], bytearray(ROOM))


@pytest.mark.parametrize("field", ["space", "table", "sibling", "part"])
def test_a_part_in_another_place_does_not_open(field: str) -> None:
    entry, sealed = PARTS[SMALL[0]]
    moved = dataclasses.replace(entry, **{field: "0" * 32})  # type: ignore[arg-type]
    assert code_of(reader(moved, sealed)) == "sealed-bytes"
    assert code_of(reader(entry, sealed, warehouse="another")) == "sealed-bytes"
    assert code_of(reader(entry, sealed, key=b"e" * 32)) == "sealed-bytes"


def test_an_object_that_is_gone_is_said() -> None:
    entry, _ = PARTS[SMALL[0]]
    part = SealedPart(cast(Host, MemoryHost({})), entry, warehouse=WAREHOUSE, key=KEY)
    assert code_of(part) == "object-absent"
