# SPDX-License-Identifier: Apache-2.0
"""Whom the broker serves beside its own account: ``DIR/controller/keys/broker.toml``, which only the broker's account may write.

    [broker]
    accounts = ["rempart", 1001]

With other accounts served, what the broker pins at its start must be out of their reach too; that is checked here.
"""

import os
import pwd
import stat
from pathlib import Path
from typing import Any

from rempart.adapters.configuration import NAME as CONFIGURATION
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput, Refused

NAME = "broker.toml"
_OTHERS_WRITE = 0o022


def served_accounts(directory: Path) -> frozenset[int]:
    """User ids that ``DIR``'s broker serves beside its own; none without the file.

    Raises Refused ``broker-file-open`` when somebody else could have written what the broker goes by, BadInput ``config-field`` or
    ``account-unknown``.
    """
    keys = directory / "controller" / "keys"
    if not (keys / NAME).exists():
        return frozenset()
    for path in (directory.resolve().parent, directory, directory / CONFIGURATION, keys.parent, keys, keys / NAME):
        _check_own(path)
    return frozenset(_uid(account) for account in _accounts(read_toml(keys / NAME)))


def accounts_text(accounts: list[str]) -> str:
    """The file's text for those account names."""
    return "[broker]\naccounts = [" + ", ".join(f'"{name}"' for name in accounts) + "]\n"


def _accounts(value: dict[str, Any]) -> list[object]:
    told = value.get("broker")
    accounts = told.get("accounts") if isinstance(told, dict) else None
    if not isinstance(accounts, list) or set(value) != {"broker"} or not isinstance(told, dict) or len(told) != 1:
        raise BadInput("config-field", file=NAME, field="broker.accounts", expected="a list of account names")
    return accounts


def _uid(account: object) -> int:
    if type(account) is int and account >= 0:
        return account
    try:
        return pwd.getpwnam(str(account)).pw_uid
    except KeyError as error:
        raise BadInput("account-unknown", account=str(account)) from error


def _check_own(path: Path) -> None:
    """Ours or root's, and nobody else may change it; of a sticky folder others may write, but not take away what is ours."""
    state = path.lstat()
    sticky = stat.S_ISDIR(state.st_mode) and state.st_mode & stat.S_ISVTX
    others = state.st_mode & _OTHERS_WRITE and not sticky
    if state.st_uid not in {os.geteuid(), 0} or others or stat.S_ISLNK(state.st_mode):
        raise Refused("broker-file-open", file=path.name)
