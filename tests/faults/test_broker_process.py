# SPDX-License-Identifier: Apache-2.0
"""The broker's process: killed, locked, expired, attacked over its socket, and what the system lets others see of it."""

import contextlib
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.adapters import broker_socket, hardening
from rempart.adapters.broker_wire import LARGEST, socket_address
from rempart.errors import BadInput, NotTrusted, Refused, RempartError, Unavailable
from rempart.keys.store_secret import passphrase_secret
from rempart.wiring.broker import connect, start_broker
from tests.conformance.broker_house import PASSPHRASE, SECRET, BrokerHouse, both_ways, correspondence

pytestmark = pytest.mark.server
KEY = b"d" * 32


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerHouse]:
    folder = tmp_path_factory.mktemp("very long") / ("a folder with spaces and é, " * 6)
    house = BrokerHouse(folder)
    house.start()
    yield house
    house.stop()


def until(true: Callable[[], bool]) -> None:
    """Wait a few seconds for something to become true."""
    for _ in range(100):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


def pid_of(house: BrokerHouse) -> int:
    return int(house.client.status()["pid"])


def ended(pid: int) -> bool:
    """No such process, or one that only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def talk(house: BrokerHouse, data: bytes) -> bytes:
    """Send raw bytes, close our side, read what comes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        with socket_address(house.keys) as address:
            connection.connect(address)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def framed(value: object) -> bytes:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack(">I", len(data)) + data


def test_the_socket_works_under_a_path_longer_than_the_kernel_takes(house: BrokerHouse) -> None:
    path = house.keys / "broker.sock"
    assert len(os.fsencode(path)) > 108
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert connect(house.directory).status()["pid"] == pid_of(house)


def test_the_process_dumps_no_core_and_is_not_dumpable(house: BrokerHouse) -> None:
    folder = Path(f"/proc/{pid_of(house)}")
    limits = (folder / "limits").read_text(encoding="utf-8")
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
    # Files of a non-dumpable process belong to root; a plain user then cannot open its memory at all.
    assert (folder / "mem").stat().st_uid == 0
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            (folder / "mem").open("rb")


def test_hardening_shows_in_the_process_itself() -> None:
    probe = (
        "import ctypes, resource; from rempart.adapters.hardening import harden; p = ctypes.CDLL(None).prctl;"
        "before = p(3, 0, 0, 0, 0); harden(swap_allowed=True);"
        "print(before, p(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    told = subprocess.run([sys.executable, "-c", probe], capture_output=True, encoding="utf-8", check=True).stdout
    assert told.split(maxsplit=2)[1:] == ["0", "(0, 0)\n"]


def test_no_secret_is_in_its_arguments_environment_or_open_files(house: BrokerHouse) -> None:
    folder = Path(f"/proc/{pid_of(house)}")
    for name in ("cmdline", "environ"):
        try:
            seen = (folder / name).read_bytes()
        except PermissionError:
            continue
        assert seen
        assert PASSPHRASE.encode() not in seen
        assert all(word.encode() not in seen for word in PASSPHRASE.split())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">I", LARGEST + 1),
        struct.pack(">I", 0xFFFFFFFF) + b"x" * 1000,
        struct.pack(">I", 100) + b"{}",
        framed(b"\xff\xfe"),
        framed(b"[" * 200_000),
        framed([]),
        framed({}),
        framed({"call": "unwrap"}),
        framed({"call": ["grant"], "arguments": {}}),
        framed({"call": "__init__", "arguments": {}}),
        framed({"call": "forget", "arguments": {}}),
        framed({"call": "status", "arguments": {"extra": 1}}),
        framed({"call": "grant", "arguments": {"request": {}, "uses": 1}}),
        framed({"call": "grant", "arguments": {"request": {"intent": True, "tables": [], "secrets": []}, "uses": 1}}),
        framed(
            {"call": "grant", "arguments": {"request": {"intent": 0, "tables": ["abcd"], "secrets": []}, "uses": 10**9}}
        ),
        framed({"call": "grant", "arguments": {"request": {"intent": 0, "tables": [["a"]], "secrets": []}, "uses": 1}}),
        framed({"call": "unwrap", "arguments": {"reference": 7, "items": []}}),
        framed({"call": "unwrap", "arguments": {"reference": "a", "items": [{"epoch": "1"}]}}),
        framed({"call": "unwrap", "arguments": {"reference": "\ud800", "items": []}}),
        framed({"call": "secrets", "arguments": {"reference": "a", "names": "identity"}}),
        framed({"call": "sign", "arguments": {"purpose": "ledger", "over": None}}),
        framed({"call": "sign", "arguments": {"purpose": "vault", "over": "x" * 100_000}}),
    ],
)
def test_a_malformed_request_is_answered_without_a_traceback_and_survived(house: BrokerHouse, data: bytes) -> None:
    answer = talk(house, data)
    assert b"Traceback" not in answer
    assert b".py" not in answer
    if answer:
        told = json.loads(answer[4:])
        assert told["ok"] is False
        assert told["family"] in {"bad input", "refused"}
    assert house.client.status()["pid"] == pid_of(house)


def test_a_silent_client_does_not_hold_up_the_others(house: BrokerHouse) -> None:
    with contextlib.ExitStack() as silent:
        for _ in range(10):
            connection = silent.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            with socket_address(house.keys) as address:
                connection.connect(address)
            connection.sendall(b"\x00\x00")
        began = time.monotonic()
        house.client.status()
        assert time.monotonic() - began < 2


def test_several_requests_go_over_one_connection(house: BrokerHouse) -> None:
    answer = talk(house, framed({"call": "status", "arguments": {}}) * 3)
    assert answer.count(b'"ok":true') == 3


def test_a_process_of_another_account_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        broker_socket.check_peer(ours)
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(Refused, match="broker-peer"):
            broker_socket.check_peer(ours)


def test_the_server_asks_for_the_peer_on_every_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        def forget(self) -> None:
            told.append("forgot")

    told: list[str] = []
    server = broker_socket.BrokerServer(Nobody(), expires="", minutes=1)  # type: ignore[arg-type]
    ready = threading.Event()
    thread = threading.Thread(target=server.serve, args=(tmp_path / "keys",), kwargs={"ready": ready.set})
    thread.start()
    ready.wait(5)
    house = type("House", (), {"keys": tmp_path / "keys"})
    status = framed({"call": "status", "arguments": {}})
    assert b'"ok":true' in talk(house, status)  # type: ignore[arg-type]
    uid = os.geteuid()
    monkeypatch.setattr(broker_socket.os, "geteuid", lambda: uid + 1)
    assert talk(house, status) == b""  # type: ignore[arg-type]
    monkeypatch.undo()
    server.stop()
    thread.join(5)
    assert told == ["forgot"]
    assert not (tmp_path / "keys" / "broker.sock").exists()


def test_a_lock_is_answered_before_the_server_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        def forget(self) -> None:
            """No key is held."""

    ended: list[bool] = []
    send = broker_socket.wire.send

    def slowly(connection: socket.socket, answer: object) -> None:
        thread.join(0.7)  # longer than three turns of the listener
        ended.append(not thread.is_alive())
        send(connection, answer)

    server = broker_socket.BrokerServer(Nobody(), expires="", minutes=1)  # type: ignore[arg-type]
    ready = threading.Event()
    thread = threading.Thread(target=server.serve, args=(tmp_path / "keys",), kwargs={"ready": ready.set})
    thread.start()
    ready.wait(5)
    request = framed({"call": "lock", "arguments": {}})
    monkeypatch.setattr(broker_socket.wire, "send", slowly)
    house = type("House", (), {"keys": tmp_path / "keys"})
    assert b'"ok":true' in talk(house, request)  # type: ignore[arg-type]
    thread.join(5)
    assert (ended, thread.is_alive()) == ([False], False)


def test_only_one_broker_serves_a_warehouse(house: BrokerHouse) -> None:
    pid = pid_of(house)
    with pytest.raises(Refused, match="broker-running"):
        house.start()
    assert pid_of(house) == pid


def test_eight_clients_at_once_get_their_own_keys(house: BrokerHouse) -> None:
    faults: list[object] = []

    def work(number: int) -> None:
        try:
            broker = connect(house.directory)
            for turn in range(3):
                (reference,) = broker.grant(both_ways(house.ingest()))
                items = [(correspondence(f"{number}/{turn}/{n}"), os.urandom(32)) for n in range(20)]
                wrapped = broker.wrap(reference, items)
                opened = broker.unwrap(reference, [(c, b) for (c, _), b in zip(items, wrapped, strict=True)])
                if opened != [key for _, key in items]:
                    faults.append((number, turn))
        except (RempartError, OSError) as error:
            faults.append(error)

    before = house.ledger().size()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    kinds = [json.loads(leaf)["kind"] for leaf in house.ledger().leaves(before)]
    assert (kinds.count("ingest"), kinds.count("key-grant")) == (24, 24)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[BrokerHouse]:
    """A house whose broker a test may kill."""
    house = BrokerHouse(tmp_path / "warehouse")
    yield house
    house.stop()


def test_a_killed_broker_is_told_as_locked_and_starts_again_with_its_keys(own: BrokerHouse) -> None:
    own.start()
    intent = own.ingest()
    (reference,) = own.client.grant(both_ways(intent))
    (wrapped,) = own.client.wrap(reference, [(correspondence(), KEY)])
    pid = pid_of(own)
    os.kill(pid, signal.SIGKILL)
    until(lambda: ended(pid))
    assert (own.keys / "broker.sock").exists()  # the stale socket that a killed process leaves
    with pytest.raises(Unavailable, match="broker-locked"):
        connect(own.directory)
    own.start()
    with pytest.raises(Refused, match="grant-spent"):
        own.client.unwrap(reference, [(correspondence(), wrapped)])
    (reference,) = own.client.grant(both_ways(intent))
    assert own.client.unwrap(reference, [(correspondence(), wrapped)]) == [KEY]


@pytest.mark.parametrize("end", ["lock", "SIGTERM", "SIGINT"])
def test_a_broker_that_ends_takes_its_socket_with_it(own: BrokerHouse, end: str) -> None:
    own.start()
    pid = pid_of(own)
    if end == "lock":
        own.client.lock()
    else:
        os.kill(pid, signal.Signals[end])
    until(lambda: ended(pid))
    assert not (own.keys / "broker.sock").exists()
    own.start()


def test_a_broker_ends_when_its_time_is_over(own: BrokerHouse) -> None:
    ready_out, ready_in = os.pipe()
    secret_out, secret_in = os.pipe()
    os.write(secret_in, SECRET.to_bytes())
    os.close(secret_in)
    command = [sys.executable, "-m", "rempart.broker", "--dir", str(own.directory), "--minutes", "0.02"]
    command += ["--secret-fd", str(secret_out), "--ready-fd", str(ready_in)]
    command += ["--allow-unencrypted-swap", "--allow-quick-key-file"]
    with subprocess.Popen(command, pass_fds=(secret_out, ready_in)) as process:
        os.close(ready_in)
        os.close(secret_out)
        with os.fdopen(ready_out, "rb") as ready:
            assert json.loads(ready.read())["ok"] is True
        began = time.monotonic()
        assert process.wait(timeout=15) == 0
        assert time.monotonic() - began < 5
    assert not (own.keys / "broker.sock").exists()


def test_a_wrong_passphrase_starts_nothing(own: BrokerHouse) -> None:
    with pytest.raises(Refused) as caught:
        wrong = passphrase_secret("not the passphrase")
        start_broker(own.directory, secret=wrong, minutes=5, swap_allowed=True, quick_allowed=True)
    assert caught.value.code == "passphrase"
    with pytest.raises(Unavailable, match="broker-locked"):
        connect(own.directory)


def test_a_cheap_key_file_starts_nothing_unless_asked(own: BrokerHouse) -> None:
    with pytest.raises(Refused, match="key-file-weak"):
        start_broker(own.directory, secret=SECRET, minutes=5, swap_allowed=True)


@pytest.mark.parametrize("minutes", [0, -1, 100_000])
def test_a_broker_is_not_opened_for_ever(own: BrokerHouse, minutes: int) -> None:
    with pytest.raises(BadInput, match="broker-minutes"):
        own.start(minutes=minutes)


@pytest.mark.parametrize("name", ["root.key", "table-keys.json"])
def test_key_files_that_others_may_read_start_nothing(own: BrokerHouse, name: str) -> None:
    (own.keys / name).chmod(0o644)
    with pytest.raises(Refused, match="file-open-to-others"):
        own.start()
    (own.keys / name).chmod(0o600)
    own.start()


def test_a_trust_file_of_another_first_version_opens_no_key(own: BrokerHouse) -> None:
    own.start()
    intent = own.ingest()
    (own.keys / "trust" / "1.json").unlink()
    other = BrokerHouse(own.directory.parent / "other")
    (own.keys / "trust" / "1.json").write_bytes((other.keys / "trust" / "1.json").read_bytes())
    with pytest.raises(NotTrusted, match="trust-chain"):
        own.client.grant(both_ways(intent))


@pytest.mark.parametrize(
    ("line", "uuid", "safe"),
    [
        ("", "", True),
        ("/dev/sda2 partition 1000 0 -2", "", False),
        ("/swapfile file 1000 0 -2", "", False),
        ("/dev/dm-1 partition 1000 0 -2", "CRYPT-LUKS2-00-swap", True),
        ("/dev/dm-1 partition 1000 0 -2", "LVM-00", False),
        ("/dev/zram0 partition 1000 0 100", "", True),
    ],
)
def test_unencrypted_swap_is_refused(tmp_path: Path, line: str, uuid: str, safe: bool) -> None:
    swaps = tmp_path / "swaps"
    swaps.write_text(f"Filename Type Size Used Priority\n{line}\n", encoding="utf-8")
    (tmp_path / "dm-1" / "dm").mkdir(parents=True)
    (tmp_path / "dm-1" / "dm" / "uuid").write_text(uuid + "\n", encoding="utf-8")
    if safe:
        hardening.check_swap(swaps=swaps, blocks=tmp_path)
    else:
        with pytest.raises(Refused, match="swap-unencrypted"):
            hardening.check_swap(swaps=swaps, blocks=tmp_path)


def test_a_memory_swap_with_a_disk_behind_it_is_refused(tmp_path: Path) -> None:
    swaps = tmp_path / "swaps"
    swaps.write_text("Filename Type\n/dev/zram0 partition 1000 0 100\n", encoding="utf-8")
    (tmp_path / "zram0").mkdir()
    (tmp_path / "zram0" / "backing_dev").write_text("/dev/sdb\n", encoding="utf-8")
    with pytest.raises(Refused, match="swap-unencrypted"):
        hardening.check_swap(swaps=swaps, blocks=tmp_path)
