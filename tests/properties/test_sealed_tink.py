# SPDX-License-Identifier: Apache-2.0
"""Tink's own library opens our streams, and we open Tink's: one format, written by two hands."""

import io
from functools import cache
from typing import Any

import pytest
from tink import TinkError, proto_keyset_format, secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

from rempart.vault.aead import SEGMENTS, SMALL_SEGMENT, decrypt_stream, encrypt_stream
from tests.properties.test_sealed_stream import BOUND, KEY, PREFIX, SALT, SIZES, text_of


@cache
def tink(segment: int) -> Any:
    """Tink's primitive over the same raw key, with the parameters of docs/format.md."""
    streaming_aead.register()
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(version=0, key_value=KEY)
    key.params.ciphertext_segment_size = segment
    key.params.derived_key_size = 32
    key.params.hkdf_hash_type = common_pb2.SHA256
    keyset = tink_pb2.Keyset(primary_key_id=1)
    entry = keyset.key.add(key_id=1, status=tink_pb2.ENABLED, output_prefix_type=tink_pb2.RAW)
    entry.key_data.type_url = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"
    entry.key_data.value = key.SerializeToString()
    entry.key_data.key_material_type = tink_pb2.KeyData.SYMMETRIC
    handle = proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    return handle.primitive(streaming_aead.StreamingAead)


class Kept(io.BytesIO):
    """A buffer that outlives the stream written into it."""

    def close(self) -> None:
        """Stay open."""


def written_by_tink(plain: bytes, segment: int, bound: bytes = BOUND) -> bytes:
    """A stream from Tink."""
    kept = Kept()
    with tink(segment).new_encrypting_stream(kept, bound) as stream:
        stream.write(plain)
    return kept.getvalue()


def read_by_tink(data: bytes, segment: int, bound: bytes = BOUND) -> bytes:
    """What Tink makes of a stream."""
    with tink(segment).new_decrypting_stream(io.BytesIO(data), bound) as stream:
        return bytes(stream.read())


@pytest.mark.parametrize(("segment", "size"), SIZES)
def test_we_open_what_tink_wrote(segment: int, size: int) -> None:
    plain = text_of(size)
    data = written_by_tink(plain, segment)
    assert bytes(decrypt_stream(data, key=KEY, associated_data=BOUND, segment=segment)) == plain


@pytest.mark.parametrize(("segment", "size"), SIZES)
def test_tink_opens_what_we_wrote(segment: int, size: int) -> None:
    plain = text_of(size)
    data = encrypt_stream(plain, key=KEY, associated_data=BOUND, segment=segment, salt=SALT, prefix=PREFIX)
    assert read_by_tink(data, segment) == plain


@pytest.mark.parametrize("segment", SEGMENTS)
def test_both_libraries_make_the_same_bytes_from_the_same_salt_and_prefix(segment: int) -> None:
    plain = text_of(2 * segment + 3)
    theirs = written_by_tink(plain, segment)
    ours = encrypt_stream(
        plain, key=KEY, associated_data=BOUND, segment=segment, salt=theirs[1:33], prefix=theirs[33:40]
    )
    assert ours == theirs


def test_tink_refuses_our_stream_under_other_associated_data() -> None:
    data = encrypt_stream(b"x", key=KEY, associated_data=BOUND, segment=SMALL_SEGMENT, salt=SALT, prefix=PREFIX)
    with pytest.raises(TinkError):
        read_by_tink(data, SMALL_SEGMENT, b"other")
