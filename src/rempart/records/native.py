# SPDX-License-Identifier: Apache-2.0
"""What an officer signs for native tables: which delivered tables may be sealed beside as they were read, until when, and why."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, Refused

SCHEMA = "rempart.native/1"
_KEYS = {"schema", "tables", "until", "basis"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NativePermit:
    """``tables``: plain words, () = none; ``until``: the last day; ``basis``: the decision it rests on; ``document``: its id, '' = no
    permit was ever signed."""

    tables: tuple[str, ...] = ()
    until: datetime.date = datetime.date.min
    basis: str = ""
    document: str = ""

    def words(self, today: datetime.date) -> tuple[str, ...]:
        """The tables that may be sealed today; raises Refused ``native-expired``."""
        if self.tables and today > self.until:
            raise Refused("native-expired", until=self.until.isoformat())
        return self.tables

    @property
    def body(self) -> dict[str, Any]:
        """What is signed."""
        return {
            "schema": SCHEMA,
            "tables": list(self.tables),
            "until": self.until.isoformat(),
            "basis": self.basis,
        }


def native_permit(given: Mapping[str, Any], *, file: str, document: str = "") -> NativePermit:
    """From a parsed file or a signed body; no tables: what was allowed is taken back. Raises BadInput ``native-field``."""
    tables, until, basis = given.get("tables"), given.get("until"), given.get("basis")
    if set(given) != _KEYS or given.get("schema") != SCHEMA:
        raise BadInput("native-field", file=file, field="schema", expected=f"{SCHEMA}: {', '.join(sorted(_KEYS))}")
    if not isinstance(tables, list) or not all(isinstance(word, str) and word for word in tables):
        raise BadInput("native-field", file=file, field="tables", expected='["claims", "drugs"]')
    if not isinstance(basis, str) or not basis.strip():
        raise BadInput("native-field", file=file, field="basis", expected="text")
    return NativePermit(
        tables=tuple(dict.fromkeys(tables)), until=_day(until, file), basis=basis.strip(), document=document
    )


def _day(given: object, file: str) -> datetime.date:
    if type(given) is datetime.date:
        return given
    try:
        return datetime.date.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        raise BadInput("native-field", file=file, field="until", expected="2027-12-31") from None
