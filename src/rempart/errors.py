# SPDX-License-Identifier: Apache-2.0
"""Errors by whose move is next. The words live in ``locale/*.toml``, never here.

RempartError(code, **facts)      facts: text or whole numbers, never a patient's data
├── Refused       the rules say no                       exit 10
├── NotTrusted    bytes do not prove themselves          exit 20, ledger event
├── Missing       a named thing is not there             exit 30
├── BadInput      what you gave cannot be read           exit 40
├── Unavailable   host, broker or key store unreachable  exit 60
└── Cancelled     somebody stopped it                    exit 130
"""

from typing import ClassVar

Fact = str | int


class RempartError(Exception):
    """A condition that a person can act on; ``code`` selects its words, ``facts`` fill them."""

    family: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 70

    def __init__(self, code: str, **facts: Fact) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts
        self.recorded = False  # whether a leaf of the ledger already tells of it

    def __str__(self) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.family}: {self.code} {told}".rstrip()


class Refused(RempartError):
    """The rules say no; the message names the rule and who can change it."""

    family = "refused"
    exit_code = 10


class NotTrusted(RempartError):
    """Bytes do not prove themselves: an alarm, and a ledger event."""

    family = "not trusted"
    exit_code = 20


class Missing(RempartError):
    """A named thing is not there, or is not for the asker to see."""

    family = "missing"
    exit_code = 30


class BadInput(RempartError):
    """What was given cannot be read; names file, line, column and what was expected."""

    family = "bad input"
    exit_code = 40


class Unavailable(RempartError):
    """A host, the key broker or a key store is unreachable, or a race was lost."""

    family = "unavailable"
    exit_code = 60


class Cancelled(RempartError):
    """Somebody stopped it: nothing is wrong, and what was kept can be taken up."""

    family = "cancelled"
    exit_code = 130
