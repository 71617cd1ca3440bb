# SPDX-License-Identifier: Apache-2.0
"""Two accounts for one warehouse: the broker's, which alone reads the keys, and the commands'. First a plan, then, as root, the act.

Makes no account and no group: the system's administrator does.
"""

import grp
import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.broker_accounts import NAME as ACCOUNTS
from rempart.adapters.broker_accounts import settings_text
from rempart.adapters.configuration import NAME as CONFIGURATION
from rempart.adapters.configuration import read_configuration
from rempart.adapters.private_file import replace_private
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput, Refused, Unavailable
from rempart.wiring.key_store import keys_folder
from rempart.wiring.nodes import client

_SHARED = ("ledger", "documents")
_SHARED_KEYS = ("trust", "actors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Names of the broker's account, of the commands' account, and of the group that both are in."""

    broker: str
    commands: str
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One path and whose it becomes; ``mode`` None: as it is."""

    path: Path
    account: str
    group: str
    mode: int | None


def plan(directory: Path, accounts: Accounts) -> list[Step]:
    """What would change, whether the accounts are there yet or not; nothing is written. Raises Missing ``warehouse-missing``."""
    read_configuration(directory)
    return list(_steps(directory, accounts))


def lacking(accounts: Accounts) -> BadInput | None:
    """What the system's administrator has to make first: ``account-unknown``, ``account-group``, ``accounts-alike``; None: nothing."""
    try:
        _check(accounts)
    except BadInput as error:
        return error
    return None


def apply(directory: Path, accounts: Accounts) -> list[Step]:
    """Carry the plan out. Raises Refused ``root-needed``, ``broker-running``; what ``lacking`` returns; and as ``plan``."""
    _check(accounts)
    steps = plan(directory, accounts)
    if os.geteuid() != 0:
        raise Refused("root-needed")
    _check_stopped(directory)
    file = keys_folder(directory) / ACCOUNTS
    strict = file.exists() and read_toml(file).get("broker", {}).get("strict") is True
    replace_private(file, settings_text([accounts.commands], strict=strict).encode())
    for step in [*steps, _accounts_file(directory, accounts)]:
        uid, gid = pwd.getpwnam(step.account).pw_uid, grp.getgrnam(step.group).gr_gid
        os.chown(step.path, uid, gid, follow_symlinks=False)
        if step.mode is not None:
            step.path.chmod(step.mode)
    return steps


def _steps(directory: Path, accounts: Accounts) -> Iterator[Step]:
    """From the top down; what the broker goes by is its own, what both write is the group's, the rest is the commands'."""
    controller, keys = directory / "controller", keys_folder(directory)
    yield _shared(directory, accounts, 0o750)
    yield _shared(directory / CONFIGURATION, accounts, 0o640)
    yield _shared(controller, accounts, 0o3770)  # sticky: the commands add files, and move nothing of the broker's away
    yield _shared(keys, accounts, 0o711)
    for path in sorted(keys.iterdir()):
        if path.name in _SHARED_KEYS:
            yield from _tree(path, accounts)
        elif path.is_file() and path.name != ACCOUNTS:
            yield Step(path=path, account=accounts.broker, group=accounts.group, mode=0o600)
    for name in _SHARED:
        yield from _tree(controller / name, accounts)
    yield from _commands(controller, accounts, but=("keys", *_SHARED))
    yield from _commands(directory, accounts, but=("controller", CONFIGURATION))


def _shared(path: Path, accounts: Accounts, mode: int) -> Step:
    return Step(path=path, account=accounts.broker, group=accounts.group, mode=mode)


def _tree(folder: Path, accounts: Accounts) -> Iterator[Step]:
    for path in [folder, *sorted(folder.rglob("*"))]:
        yield _shared(path, accounts, 0o2770 if path.is_dir() else 0o660)


def _commands(folder: Path, accounts: Accounts, *, but: tuple[str, ...]) -> Iterator[Step]:
    for top in sorted(folder.iterdir()):
        if top.name not in but:
            for path in [top, *(sorted(top.rglob("*")) if top.is_dir() and not top.is_symlink() else [])]:
                yield Step(path=path, account=accounts.commands, group=accounts.group, mode=None)


def _accounts_file(directory: Path, accounts: Accounts) -> Step:
    return _shared(keys_folder(directory) / ACCOUNTS, accounts, 0o640)


def _check(accounts: Accounts) -> None:
    """Two different accounts, both in the group, none of them root."""
    people: Mapping[str, pwd.struct_passwd] = {name: _person(name) for name in (accounts.broker, accounts.commands)}
    try:
        group = grp.getgrnam(accounts.group)
    except KeyError as error:
        raise BadInput("account-group", account=accounts.group, group=accounts.group) from error
    if len({person.pw_uid for person in people.values()} - {0}) < 2:
        raise BadInput("accounts-alike")
    for name, person in people.items():
        if name not in group.gr_mem and person.pw_gid != group.gr_gid:
            raise BadInput("account-group", account=name, group=accounts.group)


def _person(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError as error:
        raise BadInput("account-unknown", account=name[:80]) from error


def _check_stopped(directory: Path) -> None:
    try:
        client(directory).status()
    except Unavailable:
        return
    raise Refused("broker-running")
