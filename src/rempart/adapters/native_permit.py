# SPDX-License-Identifier: Apache-2.0
"""``[native]`` of ``rempart.toml``: which delivered tables may be sealed beside as they were read, until when, under which document."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, Refused

_FILE = "rempart.toml"
_DOCUMENT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NativePermit:
    """``tables``: plain words, () = none; ``until``: the last day; ``document``: SHA-256, hexadecimal, of what an officer signed."""

    tables: tuple[str, ...] = ()
    until: datetime.date = datetime.date.min
    document: str = ""

    def words(self, today: datetime.date) -> tuple[str, ...]:
        """The tables that may be sealed today; raises Refused ``native-expired``."""
        if self.tables and today > self.until:
            raise Refused("native-expired", until=self.until.isoformat())
        return self.tables


def native_permit(table: Any) -> NativePermit:
    """From the parsed table, None where there is none; raises BadInput ``config-field``."""
    if table is None:
        return NativePermit()
    given: Mapping[str, Any] = table if isinstance(table, dict) else {}
    tables, until, document = given.get("tables"), given.get("until"), given.get("document")
    if not isinstance(tables, list) or not tables or not all(isinstance(word, str) for word in tables):
        raise BadInput("config-field", file=_FILE, field="native.tables", expected='["claims", "drugs"]')
    if not isinstance(until, datetime.date) or isinstance(until, datetime.datetime):
        raise BadInput("config-field", file=_FILE, field="native.until", expected="2027-12-31")
    if not isinstance(document, str) or not _DOCUMENT.fullmatch(document):
        raise BadInput("config-field", file=_FILE, field="native.document", expected="SHA-256")
    return NativePermit(tables=tuple(tables), until=until, document=document)
