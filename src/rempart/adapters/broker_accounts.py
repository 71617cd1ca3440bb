# SPDX-License-Identifier: Apache-2.0
"""What the broker is told, and by whom it may be told: ``DIR/controller/keys/broker.toml``, which only its own account may write.

Whom it serves beside its own account; whether it asks for officers' orders.

    [broker]
    accounts = ["rempart", 1001]
    strict = true

With other accounts served, what the broker pins at its start must be out of their reach too; that is checked here.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.adapters.configuration import NAME as CONFIGURATION
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput, Refused

NAME = "broker.toml"
_OTHERS_WRITE = 0o022


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """``accounts``: user ids that the broker serves beside its own; ``strict``: whether it asks for officers' orders."""

    accounts: frozenset[int] = frozenset()
    strict: bool = False


def broker_settings(directory: Path) -> BrokerSettings:
    """What ``DIR``'s broker is told; nothing beyond its own account without the file.

    Raises Refused ``broker-file-open`` when somebody else could have written what the broker goes by, BadInput ``config-field`` or
    ``account-unknown``.
    """
    keys = directory / "controller" / "keys"
    if not (keys / NAME).exists():
        return BrokerSettings()
    for path in (directory.resolve().parent, directory, directory / CONFIGURATION, keys.parent, keys, keys / NAME):
        _check_own(path)
    return _parsed(read_toml(keys / NAME))


def settings_text(accounts: list[str], *, strict: bool) -> str:
    """The file's text for those account names."""
    names = ", ".join(f'"{name}"' for name in accounts)
    return f"[broker]\naccounts = [{names}]\nstrict = {str(strict).lower()}\n"


def _parsed(value: dict[str, Any]) -> BrokerSettings:
    told = value.get("broker")
    if set(value) != {"broker"} or not isinstance(told, dict) or not set(told) <= {"accounts", "strict"}:
        raise BadInput("config-field", file=NAME, field="broker", expected="accounts, strict")
    accounts, strict = told.get("accounts", []), told.get("strict", False)
    if not isinstance(accounts, list):
        raise BadInput("config-field", file=NAME, field="broker.accounts", expected="a list of account names")
    if not isinstance(strict, bool):
        raise BadInput("config-field", file=NAME, field="broker.strict", expected="true or false")
    return BrokerSettings(accounts=frozenset(_uid(account) for account in accounts), strict=strict)


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
