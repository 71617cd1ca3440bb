# SPDX-License-Identifier: Apache-2.0
"""What a move is, as the mover is told it, and what it answers: JSON of fixed shape. Holds no key and no credential."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput

ORDER = "rempart.move/1"
REPORT = "rempart.move-report/1"
_ID = re.compile(r"M-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One host: the name under which the controller registered it, and how to reach it (settings without a secret)."""

    name: str
    connection: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOrder:
    """``origin``, ``ledger_public``, ``vault_public``: whose signatures count (keys: 32 raw bytes); ``kept``: the checkpoint kept
    outside when the move was planned."""

    move: str
    warehouse: str
    origin: str
    ledger_public: bytes
    vault_public: bytes
    source: Place
    target: Place
    kept: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "schema": ORDER,
            "move": self.move,
            "warehouse": self.warehouse,
            "origin": self.origin,
            "ledger_public": base64.b64encode(self.ledger_public).decode(),
            "vault_public": base64.b64encode(self.vault_public).decode(),
            "from": {"name": self.source.name, "connection": dict(self.source.connection)},
            "to": {"name": self.target.name, "connection": dict(self.target.connection)},
            "kept": self.kept,
        }

    @classmethod
    def from_dict(cls, value: Any) -> "MoveOrder":
        """From JSON; raises BadInput ``move-form``."""
        try:
            if value["schema"] != ORDER or not _ID.fullmatch(value["move"]):
                raise BadInput("move-form", expected=ORDER)
            made = cls(
                move=value["move"],
                warehouse=str(value["warehouse"]),
                origin=str(value["origin"]),
                ledger_public=base64.b64decode(value["ledger_public"], validate=True),
                vault_public=base64.b64decode(value["vault_public"], validate=True),
                source=Place(name=str(value["from"]["name"]), connection=dict(value["from"]["connection"])),
                target=Place(name=str(value["to"]["name"]), connection=dict(value["to"]["connection"])),
                kept=str(value["kept"]),
            )
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise BadInput("move-form", expected=ORDER) from error
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveReport:
    """What the mover found. ``root``: of the inventory that the signed lists give; ``proven``: of what was read again on the
    target; ``size``: leaves of the log that it is about; ``failed``: (object, family, code); ``memory``: peak, bytes."""

    move: str
    mode: str
    size: int
    objects: int
    bytes: int
    root: str
    proven: str
    copied: int
    already: int
    replaced: int
    failed: Sequence[tuple[str, str, str]]
    seconds: float
    memory: int

    @property
    def whole(self) -> bool:
        """Whether the target was proven to hold everything."""
        return not self.failed and self.root == self.proven

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        names = ("move", "mode", "size", "objects", "bytes", "root", "proven", "copied", "already", "replaced")
        told = {name: getattr(self, name) for name in names}
        failed = [list(one) for one in self.failed]
        return {
            "schema": REPORT,
            **told,
            "failed": failed,
            "milliseconds": round(self.seconds * 1000),
            "memory": self.memory,
        }

    @classmethod
    def from_dict(cls, value: Any) -> "MoveReport":
        """From JSON; raises BadInput ``move-form``."""
        try:
            given = dict(value)
            if given.pop("schema") != REPORT:
                raise BadInput("move-form", expected=REPORT)
            seconds = given.pop("milliseconds") / 1000
            failed = tuple((str(name), str(family), str(code)) for name, family, code in given.pop("failed"))
            return cls(**given, seconds=seconds, failed=failed)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput("move-form", expected=REPORT) from error
