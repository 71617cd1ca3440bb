# SPDX-License-Identifier: Apache-2.0
"""A witness policy asks for k of n as C2SP tlog-policy says, and a text that it does not allow is refused."""

import base64
import hashlib
import itertools

import pytest

from rempart.audit.cosignature import cosign
from rempart.audit.witness_policy import by_policy, cosigners, parse_policy, satisfied
from rempart.errors import BadInput, NotTrusted
from rempart.records.signature import sign_text
from rempart.records.vkey import ED25519_COSIGNER, ED25519_LOG, VerifierKey, parse_vkey
from tests.properties.test_witness import ORIGIN, cosigned, key, note, public

NAMES = ("x1", "x2", "x3", "y1", "y2", "y3")
LOG = VerifierKey(name=ORIGIN, kind=ED25519_LOG, public=public("log"))


def vkey(name: str) -> VerifierKey:
    return VerifierKey(name=f"witness.test/{name}", kind=ED25519_COSIGNER, public=public(name))


def by(*names: str) -> str:
    text = note(9)
    for name in names:
        text = cosign(
            text,
            name=vkey(name).name,
            public=public(name),
            time=1_790_000_000,
            sign=lambda told, name=name: sign_text(key(name), told),  # type: ignore[misc]
        )
    return text


def witnesses(*names: str) -> str:
    return "".join(f"witness {name} {vkey(name).line}\n" for name in names)


EXAMPLE = (  # the example of the specification, with keys
    f"log {LOG.line}\n\n{witnesses('x1', 'x2', 'x3')}group x-witnesses 2 x1 x2 x3\n\n{witnesses('y1', 'y2', 'y3')}"
    "group y-witnesses any y1 y2 y3\n\ngroup x-and-y all x-witnesses y-witnesses\nquorum x-and-y\n"
)


def test_the_published_key_line_is_read_and_written_again() -> None:
    # From the documentation of Go's sumdb/note.
    line = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert parse_vkey(line).line == line
    assert parse_vkey(line).kind == ED25519_LOG


@pytest.mark.parametrize(
    "line",
    [
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        VerifierKey(name="n" * 256, kind=1, public=bytes(32)).line,
        VerifierKey(name="n", kind=2, public=bytes(32)).line,
        VerifierKey(name="n", kind=6, public=bytes(32)).line,
        "n",
        "",
    ],
)
def test_a_key_line_of_another_form_is_refused(line: str) -> None:
    with pytest.raises(BadInput, match="verifier-key"):
        parse_vkey(line)


def test_every_set_of_cosigners_is_judged_as_counting_by_hand_does() -> None:
    policy = parse_policy(EXAMPLE)
    for size in range(len(NAMES) + 1):
        for names in itertools.combinations(NAMES, size):
            x, y = sum(n[0] == "x" for n in names), sum(n[0] == "y" for n in names)
            assert satisfied(policy, by(*names)) == (x >= 2 and y >= 1), names
            assert cosigners(policy, by(*names)) == names


def test_the_checkpoint_by_a_policy_is_the_logs_own_and_its_quorums() -> None:
    here = {"origin": ORIGIN, "public": public("log")}
    policy = parse_policy(EXAMPLE)
    assert by_policy(policy, by("x1", "x3", "y2"), **here).size == 9  # type: ignore[arg-type]
    with pytest.raises(NotTrusted, match="witness-quorum") as caught:
        by_policy(policy, by("x1", "y2"), **here)  # type: ignore[arg-type]
    assert caught.value.facts == {"quorum": "x-and-y", "seen": "x1, y2"}
    other = EXAMPLE.replace(LOG.line, VerifierKey(name=ORIGIN, kind=ED25519_LOG, public=public("eve")).line)
    with pytest.raises(NotTrusted, match="witness-policy-log"):
        by_policy(parse_policy(other), by("x1", "x2", "y1"), **here)  # type: ignore[arg-type]
    with pytest.raises(NotTrusted, match="checkpoint-signature"):
        by_policy(policy, by("x1", "x2", "y1"), origin=ORIGIN, public=public("eve"))
    assert by_policy(parse_policy("quorum none\n"), note(9), **here).size == 9  # type: ignore[arg-type]


def test_a_witness_of_another_key_or_name_is_nobody() -> None:
    policy = parse_policy(witnesses("x1") + "quorum x1\n")
    assert not satisfied(policy, by("x2"))
    assert not satisfied(policy, cosigned(note(9), by="x1")), "the same key under another name"
    line = by("x1").removeprefix(note(9))
    with pytest.raises(NotTrusted, match="checkpoint-cosignature"):
        satisfied(policy, note(8) + line)


def test_comments_spaces_and_urls_say_nothing() -> None:
    text = f"  # Kelvin \u212a\n\t\nwitness\tx1  {vkey('x1').line} https://x1.test/ \n quorum x1"
    assert satisfied(parse_policy(text), by("x1"))


REFUSED = {
    "no quorum": witnesses("x1"),
    "two quorums": witnesses("x1") + "quorum x1\nquorum x1\n",
    "a quorum before its witness": "quorum x1\n" + witnesses("x1"),
    "an unknown word": witnesses("x1") + "quorum x1\nwitnesses x1\n",
    "a name twice": witnesses("x1") + f"witness x1 {vkey('x2').line}\nquorum x1\n",
    "a key twice": witnesses("x1") + f"witness x2 {vkey('x1').line}\nquorum x1\n",
    "a log twice": f"log {LOG.line}\nlog {LOG.line}\nquorum none\n",
    "a cosigner as a log": f"log {vkey('x1').line}\nquorum none\n",
    "a log as a witness": f"witness x1 {LOG.line}\nquorum x1\n",
    "none as a name": f"witness none {vkey('x1').line}\nquorum none\n",
    "none as a member": witnesses("x1") + "group g any x1 none\nquorum g\n",
    "a member not yet known": "group g any x1\n" + witnesses("x1") + "quorum g\n",
    "a member twice in a group": witnesses("x1", "x2") + "group g 2 x1 x1\nquorum g\n",
    "a member of two groups": witnesses("x1") + "group g any x1\ngroup h any x1\nquorum h\n",
    "more than there are": witnesses("x1", "x2") + "group g 3 x1 x2\nquorum g\n",
    "zero": witnesses("x1") + "group g 0 x1\nquorum g\n",
    "a zero before": witnesses("x1") + "group g 01 x1\nquorum g\n",
    "nobody": witnesses("x1") + "group g any\nquorum g\n",
    "a carriage return": witnesses("x1") + "quorum x1\r\n",
    "a space of another kind": witnesses("x1") + "quorum\u00a0x1\n",
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_policy_with(case: str) -> None:
    with pytest.raises(BadInput, match="witness-policy"):
        parse_policy(REFUSED[case])


def test_the_line_that_is_none_is_named() -> None:
    with pytest.raises(BadInput) as caught:
        parse_policy("quorum none\n\nwitness\n")
    assert caught.value.facts == {"line": 3}


def test_an_id_is_made_of_name_type_and_key() -> None:
    raw = hashlib.sha256(b"witness.test/x1\n\x04" + public("x1")).digest()[:4]
    told = base64.b64encode(b"\x04" + public("x1")).decode()
    assert vkey("x1").line == f"witness.test/x1+{raw.hex()}+{told}"
