# SPDX-License-Identifier: Apache-2.0
"""The stream: every size comes back, and nothing that was touched does. (Who else reads it: test_sealed_tink.py.)"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.errors import NotTrusted
from rempart.vault import aead
from rempart.vault.aead import HEADER, SEGMENTS, SMALL_SEGMENT, TAG, decrypt_stream, encrypt_stream, sealed_size

KEY, SALT, PREFIX, BOUND = b"k" * 32, b"s" * 32, b"p" * 7, b"bound to this"


def boundary_sizes(segment: int) -> list[int]:
    """Plaintext sizes at which a segment fills up, one less and one more, and the smallest."""
    full = [number * (segment - TAG) - HEADER for number in (1, 2, 3)]
    return [0, 1, 2, *(size + step for size in full for step in (-1, 0, 1))]


SIZES = [(segment, size) for segment in SEGMENTS for size in boundary_sizes(segment)]


def text_of(size: int) -> bytes:
    """Bytes of which no two segments are alike."""
    return (b"".join(n.to_bytes(4, "big") for n in range(-(-size // 4))))[:size]


def sealed(plain: bytes, segment: int = SMALL_SEGMENT, bound: bytes = BOUND) -> bytes:
    """One stream under the fixed key."""
    return encrypt_stream(plain, key=KEY, associated_data=bound, segment=segment, salt=SALT, prefix=PREFIX)


def opened(data: bytes, segment: int = SMALL_SEGMENT, bound: bytes = BOUND) -> bytes:
    """Its plaintext."""
    return bytes(decrypt_stream(data, key=KEY, associated_data=bound, segment=segment))


def refused(data: bytes, segment: int = SMALL_SEGMENT, bound: bytes = BOUND, key: bytes = KEY) -> None:
    """It does not open, and the error says nothing but that."""
    with pytest.raises(NotTrusted) as caught:
        decrypt_stream(data, key=key, associated_data=bound, segment=segment)
    assert (caught.value.code, caught.value.facts) == ("sealed-bytes", {})


@pytest.mark.parametrize(("segment", "size"), SIZES)
def test_every_size_around_a_segment_boundary_comes_back(segment: int, size: int) -> None:
    plain = text_of(size)
    data = sealed(plain, segment)
    assert len(data) == sealed_size(size, segment)
    assert opened(data, segment) == plain


@settings(max_examples=60)
@given(plain=st.binary(max_size=2000), bound=st.binary(max_size=100), segment=st.sampled_from(SEGMENTS))
def test_what_was_sealed_comes_back(plain: bytes, bound: bytes, segment: int) -> None:
    assert opened(sealed(plain, segment, bound), segment, bound) == plain


def test_each_flipped_bit_of_a_short_stream_is_caught() -> None:
    data = sealed(b"sixteen letters!")
    for place in range(len(data)):
        for bit in range(8):
            touched = bytearray(data)
            touched[place] ^= 1 << bit
            refused(bytes(touched))


@pytest.mark.parametrize("region", ["length", "salt", "prefix", "first", "middle", "tag of the middle", "last tag"])
def test_a_flipped_bit_in_each_region_of_a_long_stream_is_caught(region: str) -> None:
    data = bytearray(sealed(text_of(3 * SMALL_SEGMENT)))
    place = {
        "length": 0, "salt": 1, "prefix": 33, "first": HEADER, "middle": SMALL_SEGMENT + 5,
        "tag of the middle": 2 * SMALL_SEGMENT - 1, "last tag": len(data) - 1,
    }[region]  # fmt: skip
    data[place] ^= 0x10
    refused(bytes(data))


@pytest.mark.parametrize("left", [0, 1, 39, 40, 55, SMALL_SEGMENT - 1, SMALL_SEGMENT, SMALL_SEGMENT + 1, -1, -16, -17])
def test_a_truncated_stream_is_caught(left: int) -> None:
    refused(sealed(text_of(3 * SMALL_SEGMENT))[:left])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_stream_cut_between_segments_is_caught(count: int) -> None:
    data = sealed(text_of(4 * (SMALL_SEGMENT - TAG) - HEADER))
    refused(data[: count * SMALL_SEGMENT])


@pytest.mark.parametrize("added", [b"\0", b"\0" * 16, b"\0" * 17, b"\0" * SMALL_SEGMENT])
@pytest.mark.parametrize("size", [10, SMALL_SEGMENT - TAG - HEADER])
def test_an_extended_stream_is_caught(size: int, added: bytes) -> None:
    refused(sealed(text_of(size)) + added)


def test_swapped_segments_are_caught() -> None:
    data, size = sealed(text_of(4 * SMALL_SEGMENT)), SMALL_SEGMENT
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    pieces[1], pieces[2] = pieces[2], pieces[1]
    refused(b"".join(pieces))


def test_a_repeated_segment_is_caught() -> None:
    data, size = sealed(text_of(4 * SMALL_SEGMENT)), SMALL_SEGMENT
    refused(data[: 2 * size] + data[size : 2 * size] + data[3 * size :])


def test_a_segment_of_another_stream_under_the_same_key_is_caught() -> None:
    size = SMALL_SEGMENT
    one = sealed(text_of(3 * size))
    other = encrypt_stream(
        text_of(3 * size), key=KEY, associated_data=BOUND, segment=size, salt=b"t" * 32, prefix=PREFIX
    )
    refused(one[:size] + other[size : 2 * size] + one[2 * size :])


def test_another_key_associated_data_or_segment_size_is_caught() -> None:
    data = sealed(text_of(3 * SMALL_SEGMENT))
    refused(data, key=b"K" * 32)
    refused(data, key=b"short")
    refused(data, bound=BOUND + b"\0")
    refused(data, segment=aead.LARGE_SEGMENT)
    refused(data, segment=64)


def test_an_empty_last_segment_is_no_stream() -> None:
    full = SMALL_SEGMENT - TAG - HEADER
    cipher = aead._cipher(KEY, SALT, BOUND)
    first = cipher.encrypt(aead._nonce(PREFIX, 0, False), text_of(full), None)
    last = cipher.encrypt(aead._nonce(PREFIX, 1, True), b"", None)
    refused(bytes([HEADER]) + SALT + PREFIX + first + last)


def test_no_segment_marked_last_comes_before_the_end() -> None:
    cipher = aead._cipher(KEY, SALT, BOUND)
    first = cipher.encrypt(aead._nonce(PREFIX, 0, True), text_of(SMALL_SEGMENT - TAG - HEADER), None)
    last = cipher.encrypt(aead._nonce(PREFIX, 1, True), b"x", None)
    refused(bytes([HEADER]) + SALT + PREFIX + first + last)


@pytest.mark.parametrize(
    "wrong", [{"key": b"k" * 31}, {"salt": b"s"}, {"prefix": b"p" * 8}, {"segment": 512 * 1024}, {"segment": 0}]
)
def test_the_writer_refuses_sizes_that_the_format_does_not_have(wrong: dict[str, object]) -> None:
    given = {"key": KEY, "associated_data": BOUND, "segment": SMALL_SEGMENT, "salt": SALT, "prefix": PREFIX, **wrong}
    with pytest.raises(ValueError, match="segment"):
        encrypt_stream(b"x", **given)  # type: ignore[arg-type]


def test_nothing_of_the_plaintext_shows() -> None:
    assert b"canary" not in sealed(b"canary" * 100)
