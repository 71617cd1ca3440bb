# SPDX-License-Identifier: Apache-2.0
"""What officers sign when a ledger that lost leaves takes them back: ``rempart.recovery/1``."""

from dataclasses import dataclass
from typing import Any

from rempart.errors import NotTrusted

SCHEMA = "rempart.recovery/1"
KIND = "recovery"
OFFICERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """``had``, ``got``: leaves before and after; ``witnessed``: the checkpoint that somebody else remembered; ``source``: where the leaves
    came from, in a word."""

    origin: str
    had: int
    got: int
    witnessed: str
    source: str

    def body(self) -> dict[str, Any]:
        """The document's body."""
        told = {"origin": self.origin, "had": self.had, "got": self.got, "witnessed": self.witnessed}
        return {"schema": SCHEMA, **told, "source": self.source}


def recovery_from_body(body: dict[str, Any]) -> Recovery:
    """From a signed body; raises NotTrusted ``document-form``."""
    kinds = {"origin": str, "had": int, "got": int, "witnessed": str, "source": str}
    if set(body) != {"schema", *kinds} or any(type(body[name]) is not kind for name, kind in kinds.items()):
        raise NotTrusted("document-form", expected=SCHEMA)
    return Recovery(**{name: body[name] for name in kinds})
