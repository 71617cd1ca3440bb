# SPDX-License-Identifier: Apache-2.0
"""A witness cosigns what continues what was seen, and nothing else; every bit of a cosignature counts."""

import base64
import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from rempart.audit.checkpoint import assemble, body, parse_and_verify
from rempart.audit.cosignature import Cosigned, cosign, cosignatures, key_id, witness_name, witnessed
from rempart.audit.tree import Tree
from rempart.audit.witness import Request, judge, parse_request, request_text
from rempart.errors import NotTrusted, Refused
from rempart.records.signature import sign_text

ORIGIN = "rempart.test/witness"
NAME = witness_name(ORIGIN, "dpo")
LEAVES = [bytes([n]) * 5 for n in range(40)]
TREE = Tree(LEAVES)
OTHER = Tree([b"rewritten", *LEAVES[1:]])


def key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def public(name: str) -> bytes:
    return key(name).public_key().public_bytes_raw()


def note(size: int, tree: Tree = TREE) -> str:
    text = body(ORIGIN, size, tree.root(size))
    return assemble(text, ORIGIN, public("log"), sign_text(key("log"), text))


def cosigned(text: str, *, by: str = "dpo", time: int = 1_790_000_000) -> str:
    name = witness_name(ORIGIN, by)
    return cosign(text, name=name, public=public(by), time=time, sign=lambda told: sign_text(key(by), told))


def request(old: int, new: int, tree: Tree = TREE) -> Request:
    return parse_request(request_text(note(new, tree), old=old, proof=tree.consistency(old, new)))


def judged(asked: Request, seen: str | None) -> int:
    return judge(asked, seen, origin=ORIGIN, public=public("log")).size


def test_the_line_is_the_one_of_the_specification() -> None:
    """Built here byte by byte from C2SP tlog-cosignature, without our functions."""
    text = body(ORIGIN, 7, TREE.root(7))
    time = 1_790_000_000
    signature = key("dpo").sign(f"cosignature/v1\ntime {time}\n{text}".encode())
    identity = hashlib.sha256(NAME.encode() + b"\n\x04" + public("dpo")).digest()[:4]
    line = "— " + NAME + " " + base64.b64encode(identity + time.to_bytes(8, "big") + signature).decode() + "\n"
    assert cosigned(note(7)) == note(7) + line
    assert key_id(NAME, public("dpo")) == identity


def test_a_cosigned_checkpoint_is_read_wherever_the_bare_one_is() -> None:
    both = cosigned(cosigned(note(9)), by="regulator", time=1_790_000_060)
    assert parse_and_verify(both, ORIGIN, public("log")) == parse_and_verify(note(9), ORIGIN, public("log"))
    names = {NAME: public("dpo"), witness_name(ORIGIN, "regulator"): public("regulator")}
    assert [told.time for told in cosignatures(both, names)] == [1_790_000_000, 1_790_000_060]
    assert cosignatures(both, {NAME: public("dpo")}) == (Cosigned(name=NAME, time=1_790_000_000),)
    again = cosigned(both, time=1_790_000_120)
    assert again.count(f"— {NAME} ") == 1, "a witness that cosigns again replaces its line"


def test_a_checkpoint_that_only_strangers_cosigned_is_not_witnessed() -> None:
    here = {"origin": ORIGIN, "public": public("log")}
    assert witnessed(cosigned(note(9)), **here, witnesses={"dpo": public("dpo")}).size == 9  # type: ignore[arg-type]
    for text, witnesses in (
        (note(9), {"dpo": public("dpo")}),
        (cosigned(note(9)), {"dpo": public("eve")}),
        (cosigned(note(9)), {}),
    ):
        with pytest.raises(NotTrusted, match="checkpoint-unwitnessed"):
            witnessed(text, **here, witnesses=witnesses)  # type: ignore[arg-type]


def test_a_cosignature_says_nothing_of_another_checkpoint_or_time() -> None:
    line = cosigned(note(9)).removeprefix(note(9))
    with pytest.raises(NotTrusted, match="checkpoint-cosignature"):
        cosignatures(note(8) + line, {NAME: public("dpo")})


@given(st.integers(0, 103 * 8 - 1))
def test_every_bit_of_a_cosignature_line_counts(bit: int) -> None:
    good = cosigned(note(9))
    raw = bytearray(base64.b64decode(good.splitlines()[-1].rpartition(" ")[2]))
    raw[(bit // 8) % len(raw)] ^= 1 << bit % 8
    changed = good.rpartition(" ")[0] + " " + base64.b64encode(bytes(raw)).decode() + "\n"
    with pytest.raises(NotTrusted):
        witnessed(changed, origin=ORIGIN, public=public("log"), witnesses={"dpo": public("dpo")})


def test_a_request_survives_its_file() -> None:
    asked = Request(note=note(20), old=7, proof=tuple(TREE.consistency(7, 20)))
    assert parse_request(request_text(asked.note, old=7, proof=asked.proof)) == asked
    assert parse_request(note(20)) == Request(note=note(20), old=None, proof=())


@pytest.mark.parametrize("text", ["old 7", "old x\n\nnote\n", "old 7\nAAAA\n\n", "old 07\n\n", "old 7\n!\n\n"])
def test_a_request_of_another_form_is_not_read(text: str) -> None:
    with pytest.raises(NotTrusted, match="witness-request"):
        parse_request(text)


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_witness_follows_every_true_growth_and_no_other(old: int, new: int) -> None:
    if old <= new:
        assert judged(request(old, new), note(old)) == new
        if old > 0:
            with pytest.raises(NotTrusted, match="consistency-proof"):
                judged(request(old, new, OTHER), note(old))
    else:
        with pytest.raises(NotTrusted, match="ledger-rolled-back"):
            judged(parse_request(note(new)), note(old))


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no proof": (lambda: judged(parse_request(note(20)), note(7)), "witness-proof"),
    "a proof from elsewhere": (lambda: judged(request(6, 20), note(7)), "witness-proof"),
    "another log's key": (lambda: judge(request(7, 20), None, origin=ORIGIN, public=public("eve")), "checkpoint-signature"),
    "another log": (lambda: judge(request(7, 20), None, origin="else", public=public("log")), "checkpoint-origin"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_witness_refuses(case: str) -> None:
    ask, code = REFUSED[case]
    with pytest.raises((NotTrusted, Refused), match=code):
        ask()
