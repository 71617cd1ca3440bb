# SPDX-License-Identifier: Apache-2.0
"""The witness over HTTP as C2SP tlog-witness asks of it: statuses, one history, memory before the answer. Oracle: tlog-scales."""

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tlog_scales.signing import Vkey, VkeySet
from tlog_scales.tlog import Checkpoint as OtherCheckpoint

from rempart.adapters.cosigner import Cosigner
from rempart.adapters.mldsa_key import create_mldsa_key
from rempart.adapters.person_key import load_person_key
from rempart.adapters.surroundings import SystemRandomness
from rempart.adapters.witness_http import LARGEST, WitnessDoor, memory_name
from rempart.audit.checkpoint import assemble, body
from rempart.audit.tree import Tree
from rempart.audit.witness import request_text
from rempart.records.signature import sign_text
from rempart.records.vkey import ED25519_LOG, VerifierKey
from tests.properties.test_witness import LEAVES, NAME, ORIGIN, OTHER, TREE, key, note, public

ROOT = Path(__file__).resolve().parents[2]
LOG = VerifierKey(name=ORIGIN, kind=ED25519_LOG, public=public("log")).line


@pytest.fixture
def keys(tmp_path: Path) -> list[str]:
    """The options that name a witness's two key files."""
    first, second = tmp_path / "dpo.key", tmp_path / "dpo.mldsa"
    first.write_bytes(key("dpo").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    first.chmod(0o600)
    create_mldsa_key(second, randomness=SystemRandomness())
    return ["--key", str(first), "--mldsa", str(second)]


@contextmanager
def serving_log(state: Path, name: str, origin: str, log: bytes, seconds: int = 1_790_000_000) -> Iterator[int]:
    """A witness of one key in this process; its port."""
    state.mkdir(exist_ok=True)
    cosigner = Cosigner(name=name, private=key("dpo" if name == NAME else name))
    server = WitnessDoor(state, cosigner, {origin: [log]}, now=lambda: seconds).server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serving(state: Path) -> AbstractContextManager[int]:
    return serving_log(state, NAME, ORIGIN, public("log"))


def asked(port: int, text: str | bytes, *, method: str = "POST", path: str = "/add-checkpoint") -> tuple[int, str, str]:
    """(status, type, body)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, text.encode() if isinstance(text, str) else text)
    answer = connection.getresponse()
    told = answer.status, answer.getheader("Content-Type", ""), answer.read().decode()
    connection.close()
    return told


def announced(port: int, length: str) -> int:
    """The status for a body of that length, of which no byte is sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("POST", "/add-checkpoint")
    connection.putheader("Content-Length", length)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def grown(old: int, new: int, tree: Tree = TREE) -> str:
    return request_text(note(new, tree), old=old, proof=tree.consistency(old, new) if old else ())


def believed(lines: str, size: int, *, by: list[str]) -> int:
    """How many of the lines the other implementation believes, of these public keys."""
    text = note(size) + lines
    seen = OtherCheckpoint.from_text(text)
    return len(VkeySet(*(Vkey.from_string(line) for line in by)).verify(seen.signatures, seen))


def test_every_status_is_the_one_of_the_specification(tmp_path: Path) -> None:
    elsewhere = body("else.test/log", 9, TREE.root(9))
    forged = assemble(
        body(ORIGIN, 9, TREE.root(9)),
        ORIGIN,
        public("mallory"),
        sign_text(key("mallory"), body(ORIGIN, 9, TREE.root(9))),
    )
    unknown = assemble(elsewhere, "else.test/log", public("log"), sign_text(key("log"), elsewhere))
    with serving(tmp_path / "state") as port:
        for text, status in (
            (b"\xff\xfe", 400),
            ("", 400),
            ("old 0\n", 400),
            ("old 00\n\n" + note(9), 400),
            ("old 0\nAAAA\n\n" + note(9), 400),
            ("old 10\n\n" + note(9), 400),
            (note(9), 400),
            ("old 0\n\n" + unknown, 404),
            ("old 0\n\n" + forged, 403),
            (grown(4, 9), 409),
            (request_text(note(9), old=0, proof=[bytes(32)]), 422),
            (grown(0, 9), 200),
            (request_text(note(20), old=9, proof=TREE.consistency(8, 20)), 422),
            (request_text(note(20, OTHER), old=9, proof=OTHER.consistency(9, 20)), 422),
            (request_text(note(9, OTHER), old=9, proof=()), 409),
            (request_text(note(20), old=9, proof=[bytes(32)] * 64), 400),
            (grown(8, 20), 409),
            (grown(9, 20), 200),
            (grown(20, 20), 200),
            (grown(9, 9), 409),
        ):
            assert asked(port, text)[0] == status, text
        told = asked(port, grown(0, 30))
        assert told == (409, "text/x.tlog.size", "20\n")
        assert asked(port, "", path="/logs")[0] == asked(port, "", method="GET")[0] == 404, (
            "no route lists what it serves"
        )
        assert announced(port, str(LARGEST + 1)) == announced(port, "some") == 413
        assert asked(port, "", method="GET", path=f"/seen/{memory_name(ORIGIN)}")[::2] == (200, note(20))
        assert asked(port, "", method="GET", path="/seen/" + "0" * 64)[0] == 404


def test_it_remembers_when_it_is_started_again_and_another_believes_its_line(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as port:
        lines = asked(port, grown(0, 9))[2]
    witness = Cosigner(name=NAME, private=key("dpo"))
    assert believed(lines, 9, by=list(witness.keys)) == 1
    with serving(tmp_path / "state") as port:
        assert asked(port, grown(0, 9))[2] == "9\n"
        assert asked(port, request_text(note(9, OTHER), old=9, proof=()))[0] == 409


def test_a_spoiled_memory_cosigns_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as port:
        assert asked(port, grown(0, 9))[0] == 200
        (tmp_path / "state" / memory_name(ORIGIN)).write_bytes(b"{}")
        assert asked(port, grown(9, 20))[0] == asked(port, grown(0, 9))[0] == 500


def test_of_many_at_once_every_answer_continues_the_one_before(tmp_path: Path) -> None:
    """The race of the specification: whoever proves from the same size, one alone is cosigned, and nothing rolls back."""
    found: list[tuple[int, int]] = []

    def ask(port: int, old: int, new: int) -> None:
        found.append((new, asked(port, grown(old, new))[0]))

    with serving(tmp_path / "state") as port:
        assert asked(port, grown(0, 5))[0] == 200
        threads = [threading.Thread(target=ask, args=(port, 5, 6 + n)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [size for size, status in found if status == 200]
        assert len(won) == 1 and {status for _, status in found} == {200, 409}
        assert asked(port, grown(0, 40))[2] == f"{won[0]}\n"


def test_two_processes_of_one_memory_never_sign_two_histories(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as one, serving(tmp_path / "state") as two:
        assert asked(one, grown(0, 9))[0] == 200
        assert asked(two, grown(0, 9, OTHER))[0] == 409
        assert asked(two, grown(9, 20))[0] == 200
        assert asked(one, grown(9, 30))[2] == "20\n"


CHILD = """
import os, signal, sys
from rempart.adapters import cosigner, witness_http
from rempart.witness import main

def die(*ignored, **more):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "before it remembers":
    witness_http.remember = die
if sys.argv[1] == "before it signs":
    cosigner.Cosigner.lines = die
sys.exit(main(sys.argv[2:]))
"""


@contextmanager
def process(arguments: list[str], *, dies: str = "") -> Iterator[tuple[int, list[str]]]:
    """The door as a process of its own: (port, its public key lines)."""
    command = [sys.executable, "-c", CHILD, dies] if dies else [sys.executable, "-m", "rempart.witness"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, env=environment, encoding="utf-8") as started:
        try:
            assert started.stdout is not None
            told = json.loads(started.stdout.readline())
            assert told["ok"], told
            yield told["value"]["port"], told["value"]["keys"]
        finally:
            started.send_signal(signal.SIGTERM)


def options(state: Path, keys: list[str]) -> list[str]:
    return ["--state", str(state), "--name", NAME, "--log", LOG, "--listen", "127.0.0.1:0", *keys]


def test_the_program_of_its_own_signs_with_both_keys(tmp_path: Path, keys: list[str]) -> None:
    with process(options(tmp_path / "state", keys)) as (port, lines):
        assert len(lines) == 2
        status, _, told = asked(port, grown(0, 9))
        assert (status, told.count("\n")) == (200, 2)
        assert believed(told, 9, by=lines) == 2
        assert believed(told, 9, by=lines[1:]) == 1
    assert (tmp_path / "state" / memory_name(ORIGIN)).stat().st_mode & 0o077 == 0 or os.geteuid() == 0


@pytest.mark.parametrize(("dies", "remembered"), [("before it remembers", 0), ("before it signs", 9)])
def test_killed_between_memory_and_answer_it_signs_no_second_history(
    tmp_path: Path, keys: list[str], dies: str, remembered: int
) -> None:
    state = tmp_path / "state"
    with process(options(state, keys), dies=dies) as (port, _), pytest.raises((http.client.HTTPException, OSError)):
        asked(port, grown(0, 9))
    with process(options(state, keys)) as (port, _):
        if remembered:
            assert asked(port, grown(0, 9, OTHER))[2] == f"{remembered}\n"
            assert asked(port, grown(9, 9))[0] == 200, "the log asks again and gets its line"
        else:
            assert asked(port, grown(0, 9))[0] == 200


def test_what_it_cannot_start_with_is_said(tmp_path: Path, keys: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from rempart.witness import main

    good = options(tmp_path / "state", keys)
    for changed, code in (
        ("--log=none", "verifier-key"),
        ("--listen=8420", "door-listen"),
        ("--key=absent", "file-absent"),
    ):
        assert main([*good, changed]) != 0
        assert json.loads(capsys.readouterr().out)["code"] == code
    with serving(tmp_path / "other") as port:
        assert main([*good, f"--listen=127.0.0.1:{port}"]) != 0
        assert json.loads(capsys.readouterr().out)["code"] == "door-address"


def test_the_witness_of_the_tests_is_the_one_of_the_files(tmp_path: Path, keys: list[str]) -> None:
    assert load_person_key(Path(keys[1])).public_key().public_bytes_raw() == public("dpo")
    assert memory_name(ORIGIN) == hashlib.sha256(ORIGIN.encode()).hexdigest() and len(LEAVES) == 40
