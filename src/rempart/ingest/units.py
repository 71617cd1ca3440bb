# SPDX-License-Identifier: Apache-2.0
"""Units: what is read, recorded and replaced together (a flow month of claims, a year of a PMSI field, a whole referential). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pyarrow as pa

from rempart.ingest.schema import TableSchema

Note = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredFile:
    """One file: ``sha256`` of its raw bytes, hexadecimal; ``path`` is opaque here, the reader opens it."""

    name: str
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFile:
    """A file whose table is known. ``period``: '' or YYYY or YYYYMM; ``suffix``: what follows the period in the name."""

    file: DeliveredFile
    table: TableSchema
    period: str
    suffix: str

    @property
    def year(self) -> int:
        """The year whose columns apply; 0 where the table has no period."""
        return int(self.period[:4] or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """``product`` as in the schema files (``dcir``, ``mco``, …, ``environment/<name>``); ``files`` in reading order."""

    product: str
    period: str
    files: tuple[UnitFile, ...]

    @property
    def name(self) -> str:
        """Such as ``dcir/201503``, ``mco/2015``, ``cards``."""
        return f"{self.product}/{self.period}" if self.period else self.product

    @property
    def year(self) -> int:
        """The year of the period; 0 where there is none."""
        return int(self.period[:4] or 0)

    @property
    def size(self) -> int:
        """Bytes of its files as delivered."""
        return sum(found.file.size for found in self.files)

    @property
    def hashes(self) -> tuple[tuple[str, str], ...]:
        """(name, SHA-256) of every file, sorted."""
        return tuple(sorted((found.file.name, found.file.sha256) for found in self.files))

    def of(self, word: str) -> tuple[UnitFile, ...]:
        """Files of one table."""
        return tuple(found for found in self.files if found.table.word == word)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPart:
    """What the tables ``unit_<word>`` hold at one step: the whole unit, or the lines of one share of its keys.

    ``lines``: of this part, by word; ``flows``: months since January 2000 met in this part, sorted; ``notes``: (code, table, detail)
    of the whole unit's drift; ``quarantine``: what was kept out of this part as a direct identifier, (table, column, kind) → values.
    """

    number: int
    parts: int
    lines: Mapping[str, int]
    flows: tuple[int, ...]
    notes: tuple[Note, ...]
    quarantine: Mapping[tuple[str, str, str], int] = field(default_factory=dict)


class Spill(Protocol):
    """Sealed scratch for the shares of a unit that does not fit into memory."""

    def put(self, word: str, partition: int, table: pa.Table) -> None:
        """Add rows of a table to a share; called several times for one share."""

    def get(self, word: str, partition: int) -> Iterable[pa.Table]:
        """The rows of a share in the order in which they were put; none where nothing was."""


State = Literal["live", "superseded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEntry:
    """A unit in the register of a snapshot. ``number``: never used twice; ``produced``: ISO day, '' = not said;
    ``rules``: hash of the rules' parameters; ``read``: notes of drift."""

    name: str
    number: int
    delivery: str
    produced: str
    files: tuple[tuple[str, str], ...]
    lines: Mapping[str, int]
    flows: tuple[int, ...]
    rules: str
    state: State = "live"
    read: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a number below 1 or an unknown state."""
        if self.number < 1:
            raise ValueError("a unit's number is at least 1")
        if self.state not in ("live", "superseded"):
            raise ValueError("a unit is live or superseded")

    def to_json(self) -> dict[str, Any]:
        """As plain data: lists, texts, whole numbers."""
        return {
            "name": self.name,
            "number": self.number,
            "delivery": self.delivery,
            "produced": self.produced,
            "files": [list(pair) for pair in self.files],
            "lines": dict(self.lines),
            "flows": list(self.flows),
            "rules": self.rules,
            "state": self.state,
            "read": [list(note) for note in self.read],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "UnitEntry":
        """From ``to_json``'s form; raises KeyError or ValueError for another."""
        return cls(
            name=raw["name"],
            number=raw["number"],
            delivery=raw["delivery"],
            produced=raw["produced"],
            files=tuple((name, sha256) for name, sha256 in raw["files"]),
            lines=dict(raw["lines"]),
            flows=tuple(raw["flows"]),
            rules=raw["rules"],
            state=raw["state"],
            read=tuple((code, table, detail) for code, table, detail in raw["read"]),
        )


def unit_of(product: str, period: str, files: Sequence[UnitFile], words: Sequence[str]) -> Unit:
    """A unit with its files in reading order: by table as in ``words``, then by suffix and name."""
    ordered = sorted(files, key=lambda found: (words.index(found.table.word), found.suffix, found.file.name))
    return Unit(product=product, period=period, files=tuple(ordered))
