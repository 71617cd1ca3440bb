# SPDX-License-Identifier: Apache-2.0
"""The key broker under an account of its own: the commands' account is served, and reaches neither keys nor process.

With root's rights (as in a container) two real system accounts are made for the length of the test, and a third to knock in vain.
Without them accounts cannot be made: the same tests then run on what one account can show, the plan, the file that names whom to
serve, and who else may have written it. Nothing is skipped either way.
"""

import contextlib
import ctypes
import grp
import importlib.readers
import os
import pickle
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.broker_accounts import BrokerSettings, broker_settings
from rempart.adapters.documents import DirectoryDocuments
from rempart.adapters.hardening import harden
from rempart.errors import BadInput, Refused, Unavailable
from rempart.wiring import accounts as set_up
from rempart.wiring.accounts import Accounts, Step, plan
from rempart.wiring.acts import make_folders
from rempart.wiring.broker import connect, open_server
from rempart.wiring.people import enrol
from rempart.wiring.warehouse import Warehouse
from tests.conformance.broker_house import SECRET, BrokerHouse, both_ways, correspondence

pytestmark = pytest.mark.server
ROOT = os.geteuid() == 0
LATE = (importlib.readers,)  # by package data
PTRACE_ATTACH = 16


@dataclass(frozen=True, slots=True)
class Two:
    """A warehouse whose set-up was carried out: its accounts, a stranger's, and the broker's process."""

    house: BrokerHouse
    accounts: Accounts
    stranger: str

    def run(self, account: str, work: Callable[[], Any]) -> Any:
        """What ``work`` returns when it runs under that account; raises what it raised."""
        out, into = os.pipe()
        child = start(account, self.accounts.group, lambda: tell(into, work))
        os.close(into)
        with os.fdopen(out, "rb") as stream:
            told = stream.read()
        os.waitpid(child, 0)
        answer = pickle.loads(told)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def serve(self, ready: int) -> None:
        """The broker, as ``rempart.broker`` runs it; tells its pid, or why it does not serve."""

        def served() -> None:
            harden(swap_allowed=True)
            server = open_server(self.house.directory, secret=SECRET, minutes=5, quick_allowed=True)
            server.serve(self.house.keys, ready=lambda: tell(ready, os.getpid))

        try:
            served()
        except Exception as error:  # noqa: BLE001  the test says it
            told = repr(error)
            tell(ready, lambda: told)


def start(account: str, group: str, work: Callable[[], None]) -> int:
    """A child process of that account alone; its pid."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            person = pwd.getpwnam(account)
            os.setgroups([grp.getgrnam(group).gr_gid])
            os.setgid(person.pw_gid)
            os.setuid(person.pw_uid)
            os.umask(0o077)  # the strictest: what is shared must not depend on it
            work()
        os._exit(0)
    return child


def tell(descriptor: int, work: Callable[[], Any]) -> None:
    try:
        answer = work()
    except Exception as error:  # noqa: BLE001  it is raised again on the other side
        answer = error
    os.write(descriptor, pickle.dumps(answer))
    os.close(descriptor)


def system(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[Accounts, str]]:
    """Two accounts and their group, and a stranger who is in the group too, made for these tests and taken away after them."""
    stem = f"rt{os.getpid()}"
    names = [f"{stem}{letter}" for letter in "kcs"]
    try:
        system("groupadd", "--system", stem)
        for name in names:
            system("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name)
        for name in names:
            system("usermod", "--append", "--groups", stem, name)
        yield Accounts(broker=names[0], commands=names[1], group=stem), names[2]
    finally:
        for name in names:
            subprocess.run(["userdel", name], check=False, capture_output=True)
        subprocess.run(["groupdel", stem], check=False, capture_output=True)


def fresh_house(base: Path) -> BrokerHouse:
    """A warehouse with its first leaf, its broker stopped."""
    house = BrokerHouse(base / "w")
    make_folders(house.directory)
    house.start()
    house.stop()
    open_server(
        house.directory, secret=SECRET, minutes=5, quick_allowed=True
    )  # what is imported late is imported now: an
    house.ledger().size()  # account made for a test may not read the interpreter's own files
    return house


@pytest.fixture(scope="module")
def two(accounts: tuple[Accounts, str]) -> Iterator[Two]:
    base = Path(tempfile.mkdtemp(prefix="rempart-accounts-"))
    base.chmod(0o755)
    served: list[int] = []
    try:
        made = Two(fresh_house(base), *accounts)
        set_up.apply(made.house.directory, made.accounts)
        out, into = os.pipe()
        served.append(start(made.accounts.broker, made.accounts.group, lambda: made.serve(into)))
        os.close(into)
        with os.fdopen(out, "rb") as stream:
            assert pickle.loads(stream.read()) == served[0], "the broker does not serve"
        yield made
    finally:
        for child in served:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
        shutil.rmtree(base)


def refused_by_the_system(work: Callable[[], Any]) -> bool:
    try:
        work()
    except PermissionError:
        return True
    return False


def attached(pid: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.ptrace(PTRACE_ATTACH, pid, 0, 0) == 0)


if ROOT:

    def test_the_commands_account_is_served_and_both_accounts_read_what_the_other_wrote(two: Two) -> None:
        def work() -> tuple[bool, str]:
            house, broker = two.house, connect(two.house.directory)
            (reference,) = broker.grant(both_ways(house.ingest()))
            items = [(correspondence(), b"k" * 32)]
            (wrapped,) = broker.wrap(reference, items)
            opened = broker.unwrap(reference, [(items[0][0], wrapped)]) == [b"k" * 32]
            enrol(
                Warehouse(house.directory),
                name="rita",
                roles=["researcher"],
                key_file=house.directory / "controller" / "rita.key",
                officer_keys=[house.directory / "olga.pem"],
                ask=lambda _: "",
                key_passphrase="",
            )
            (reference,) = broker.grant(
                both_ways(house.ingest())
            )  # the broker reads the trust file that was just written
            return opened, DirectoryDocuments(house.directory / "controller" / "documents").put(b"{}")

        opened, document = two.run(two.accounts.commands, work)
        assert opened
        documents = DirectoryDocuments(two.house.directory / "controller" / "documents")
        assert two.run(two.accounts.broker, lambda: documents.get(document)) == b"{}"

    def test_the_commands_account_reaches_no_key_and_nothing_that_the_broker_goes_by(two: Two) -> None:
        directory, keys = two.house.directory, two.house.keys

        def work() -> dict[str, bool]:
            pid = int(connect(directory).status()["pid"])
            process = Path(f"/proc/{pid}")
            tried: dict[str, Callable[[], Any]] = {
                "root key": (keys / "root.key").read_bytes,
                "table keys": (keys / "table-keys.json").read_bytes,
                "list of keys": lambda: list(keys.iterdir()),
                "memory": lambda: (process / "mem").open("rb"),
                "environment": (process / "environ").read_bytes,
                "descriptors": lambda: list((process / "fd").iterdir()),
                "signal": lambda: os.kill(pid, signal.SIGKILL),
                "accounts": lambda: (keys / "broker.toml").write_text("", encoding="utf-8"),
                "pins": lambda: (directory / "rempart.toml").write_text("", encoding="utf-8"),
                "other pins": lambda: (directory / "rempart.toml").rename(directory / "away"),
                "other keys": lambda: keys.rename(directory / "controller" / "away"),
                "other socket": (keys / "broker.sock").unlink,
                "other ledger": lambda: (directory / "controller" / "ledger").rename(directory / "controller" / "away"),
            }
            return {name: refused_by_the_system(each) for name, each in tried.items()} | {"ptrace": not attached(pid)}

        assert [name for name, kept in two.run(two.accounts.commands, work).items() if not kept] == []

    def test_another_account_is_not_served_though_it_reaches_the_socket(two: Two) -> None:
        assert two.run(two.stranger, (two.house.keys / "broker.sock").is_socket)
        with pytest.raises(Unavailable, match="broker-locked"):
            two.run(two.stranger, lambda: connect(two.house.directory))

    def test_the_broker_serves_nobody_by_a_file_that_the_commands_could_write(two: Two) -> None:
        file = two.house.keys / "broker.toml"
        uid = pwd.getpwnam(two.accounts.commands).pw_uid
        broker = pwd.getpwnam(two.accounts.broker).pw_uid
        assert two.run(two.accounts.broker, lambda: broker_settings(two.house.directory)).accounts == {uid}
        for path, put, back in (
            (file, lambda path: os.chown(path, uid, -1), lambda path: os.chown(path, broker, -1)),
            (file, lambda path: path.chmod(0o660), lambda path: path.chmod(0o640)),
            (two.house.keys, lambda path: path.chmod(0o777), lambda path: path.chmod(0o711)),
            (two.house.directory, lambda path: path.chmod(0o770), lambda path: path.chmod(0o750)),
        ):
            put(path)
            with pytest.raises(Refused, match="broker-file-open"):
                two.run(two.accounts.broker, lambda: broker_settings(two.house.directory))
            back(path)

    def test_the_plan_is_what_then_is(two: Two) -> None:
        steps = plan(two.house.directory, two.accounts)
        ours = [step for step in steps if step.account == two.accounts.broker and step.path.name != "broker.sock"]
        assert {step.path.name for step in ours} >= {"root.key", "table-keys.json", "rempart.toml", "ledger", "trust"}
        for step in ours:
            state = step.path.stat()
            mode = step.mode if step.mode is None or step.path.is_dir() else stat.S_IMODE(state.st_mode)
            assert (pwd.getpwuid(state.st_uid).pw_name, stat.S_IMODE(state.st_mode)) in {
                (step.account, mode),
                (two.accounts.commands, mode),  # written since, in a folder of both
            }

    def test_a_plan_changes_nothing_and_a_running_broker_is_left_alone(two: Two) -> None:
        broker, group = two.accounts.broker, two.accounts.group
        for chosen, code, account in (
            (
                Accounts(broker="nobody-here", commands=two.accounts.commands, group="root"),
                "account-unknown",
                "nobody-here",
            ),
            (Accounts(broker=broker, commands="daemon", group=group), "account-group", "daemon"),
            (Accounts(broker=broker, commands=broker, group=group), "accounts-alike", None),
        ):
            lack = set_up.lacking(chosen)
            assert lack is not None
            assert (lack.code, lack.facts.get("account")) == (code, account)
            with pytest.raises(BadInput, match=code):
                set_up.apply(two.house.directory, chosen)
        assert set_up.lacking(two.accounts) is None


def test_one_account_can_show_the_file_that_names_whom_to_serve_and_who_may_write_it(tmp_path: Path) -> None:
    house = fresh_house(tmp_path)
    file = house.keys / "broker.toml"
    assert broker_settings(house.directory) == BrokerSettings()
    file.write_text('[broker]\naccounts = ["root", 4711]\n', encoding="utf-8")
    file.chmod(0o640)
    assert broker_settings(house.directory).accounts == {0, 4711}
    file.chmod(0o660)
    with pytest.raises(Refused, match="broker-file-open"):
        broker_settings(house.directory)
    file.chmod(0o640)
    for text, code in (
        ('[broker]\naccounts = "root"\n', "config-field"),
        ("[broker]\naccounts = []\nstrict = 1\n", "config-field"),
        ('[broker]\naccounts = ["nobody called this"]\n', "account-unknown"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(BadInput, match=code):
            broker_settings(house.directory)


def test_a_shared_folder_makes_shared_files_whatever_the_umask(tmp_path: Path) -> None:
    for mode, wanted in ((0o2770, 0o660), (0o700, 0o600)):
        folder = tmp_path / f"{mode:o}"
        folder.mkdir()
        folder.chmod(mode)
        before = os.umask(0o077)
        try:
            DirectoryDocuments(folder / "deeper" / "still").put(b"{}")
        finally:
            os.umask(before)
        (file,) = (folder / "deeper" / "still").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == wanted
        assert bool(stat.S_IMODE((folder / "deeper").stat().st_mode) & 0o2020) is (wanted == 0o660)


def test_only_root_carries_a_plan_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = fresh_house(tmp_path)
    monkeypatch.setattr(set_up, "_check", lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    chosen = Accounts(broker="keys", commands="work", group="both")
    steps = plan(house.directory, chosen)
    assert Step(path=house.keys / "root.key", account="keys", group="both", mode=0o600) in steps
    assert Step(path=house.directory / "public", account="work", group="both", mode=None) in steps
    with pytest.raises(Refused, match="root-needed"):
        set_up.apply(house.directory, chosen)
