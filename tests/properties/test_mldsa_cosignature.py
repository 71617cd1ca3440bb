# SPDX-License-Identifier: Apache-2.0
"""A witness's ML-DSA-44 line is the one of C2SP tlog-cosignature, and says nothing of another checkpoint, time or name."""

import base64
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.audit.cosignature import cosign_mldsa, cosignatures, cosigned_by
from rempart.errors import NotTrusted
from rempart.records.signature import sign_mldsa
from rempart.records.vkey import MLDSA44_COSIGNER, VerifierKey
from tests.properties.test_witness import NAME, ORIGIN, TREE, cosigned, note, public

PRIVATE = MLDSA44PrivateKey.from_seed_bytes(hashlib.sha256(b"dpo ml-dsa").digest())
PUBLIC = PRIVATE.public_key().public_bytes_raw()
KEY = VerifierKey(name=NAME, kind=MLDSA44_COSIGNER, public=PUBLIC)
TIME = 1_790_000_000


def signed(text: str, time: int = TIME, name: str = NAME) -> str:
    return cosign_mldsa(text, name=name, public=PUBLIC, time=time, sign=lambda told: sign_mldsa(PRIVATE, told))


GOOD = signed(note(9))


def blob(text: str) -> bytes:
    return base64.b64decode(text.splitlines()[-1].rpartition(" ")[2])


def with_blob(raw: bytes) -> str:
    return f"{note(9)}— {NAME} {base64.b64encode(raw).decode()}\n"


def test_the_line_is_the_one_of_the_specification() -> None:
    """The signed structure is built here byte by byte, without our functions."""
    raw = blob(GOOD)
    assert with_blob(raw) == GOOD
    assert raw[:4] == hashlib.sha256(NAME.encode() + b"\n\x06" + PUBLIC).digest()[:4]
    assert raw[4:12] == struct.pack(">Q", TIME) and len(raw) == 4 + 8 + 2420
    name, origin = NAME.encode(), ORIGIN.encode()
    told = b"subtree/v1\n\0" + bytes([len(name)]) + name + struct.pack(">Q", TIME)
    told += bytes([len(origin)]) + origin + struct.pack(">QQ", 0, 9) + TREE.root(9)
    PRIVATE.public_key().verify(raw[12:], told)


def test_it_stands_beside_ed25519_and_replaces_its_own_older_line_alone() -> None:
    both = signed(signed(cosigned(note(9)), time=TIME - 60))
    assert both.count(f"— {NAME} ") == 2
    assert cosigned_by(both, KEY)
    assert len(cosignatures(both, {NAME: public("dpo")})) == 1, (
        "whoever knows the first key alone passes the other line over"
    )
    again = cosigned(both, time=TIME + 60)
    assert cosigned_by(again, KEY) and again.count(f"— {NAME} ") == 2
    assert not cosigned_by(cosigned(note(9)), KEY)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, (4 + 8 + 2420) * 8 - 1))
def test_every_bit_of_the_line_counts(bit: int) -> None:
    raw = bytearray(blob(GOOD))
    raw[bit // 8] ^= 1 << bit % 8
    changed = with_blob(bytes(raw))
    if bit < 32:
        assert not cosigned_by(changed, KEY), "another key's line"
    else:
        with pytest.raises(NotTrusted, match="checkpoint-cosignature"):
            cosigned_by(changed, KEY)


def test_it_holds_for_no_other_checkpoint_name_time_or_length() -> None:
    raw = blob(GOOD)
    with pytest.raises(NotTrusted, match="checkpoint-cosignature"):
        cosigned_by(note(8) + GOOD.removeprefix(note(9)), KEY)
    elsewhere = VerifierKey(name="else", kind=MLDSA44_COSIGNER, public=PUBLIC)
    moved = f"{note(9)}— else {base64.b64encode(elsewhere.id + raw[4:]).decode()}\n"
    for text, key in ((with_blob(raw + b"\0"), KEY), (with_blob(raw[:-1]), KEY), (moved, elsewhere)):
        with pytest.raises(NotTrusted, match="checkpoint-cosignature"):
            cosigned_by(text, key)
    with pytest.raises(NotTrusted, match="checkpoint-cosignature"):
        cosigned_by(signed(note(9), time=0), KEY)
    with pytest.raises(NotTrusted, match="checkpoint-form"):
        signed(note(9), name="n" * 256)
