# SPDX-License-Identifier: Apache-2.0
"""What the deliveries of a snapshot declared of their population: the table ``delivery``, and where they are unlike. Pure."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import pyarrow as pa

from rempart.ingest.declaration import Declaration

TABLE = "delivery"
UNLIKE = "population-unlike"
_SAMPLING = ("target", "fraction", "weight")
_COLUMNS = {
    "delivery_source_value": ("id", pa.string()),
    "produced": ("produced", pa.date32()),
    "source": ("source", pa.string()),
    "target_population": ("target", pa.string()),
    "fraction": ("fraction", pa.float64()),
    "weight": ("weight", pa.float64()),
    "first_day": ("first", pa.date32()),
    "last_day": ("last", pa.date32()),
    "units": ("units", pa.int32()),
}
Told = Mapping[str, Mapping[str, str]]


class HeldUnit(Protocol):
    """A live unit in the register of a snapshot."""

    @property
    def delivery(self) -> str:
        """The id of the delivery that it came in."""

    @property
    def produced(self) -> str:
        """ISO day of production; of a delivery that says none, the day of its ingest."""


def declared(said: Declaration) -> dict[str, str]:
    """What a declaration says of its population and extent, as texts; what it does not say is not there."""
    told = {
        "source": said.source,
        "target": said.target,
        "fraction": said.fraction,
        "weight": said.weight,
        "first": said.first,
        "last": said.last,
    }
    return {name: str(value) for name, value in told.items() if value not in ("", None)}


def delivery_table(told: Told, live: Iterable[HeldUnit]) -> pa.Table:
    """One row a delivery that gives a live unit, as ``[whole.delivery]``; ``fraction`` and the like empty where it says nothing."""
    rows: dict[str, dict[str, Any]] = {}
    for unit in live:
        row = rows.setdefault(unit.delivery, {"id": unit.delivery, "units": 0, "produced": None})
        row["units"] += 1
        day = datetime.date.fromisoformat(unit.produced) if unit.produced else None
        row["produced"] = max(filter(None, (row["produced"], day)), default=None)
    for name, row in rows.items():
        row |= _typed(told.get(name, {}))
    ordered = [rows[name] for name in sorted(rows)]
    return pa.table({ours: pa.array([row.get(key) for row in ordered], kind) for ours, (key, kind) in _COLUMNS.items()})


def unlike(told: Told, live: Iterable[HeldUnit]) -> tuple[tuple[str, str, str], ...]:
    """Notes (code, what, values) where live deliveries declare different targets, fractions or weights; one that says nothing differs
    from one that says something."""
    names = {unit.delivery for unit in live}
    found = []
    for key in _SAMPLING:
        values = sorted({told.get(name, {}).get(key, "?") for name in names})
        if len(values) > 1:
            found.append((UNLIKE, f"population.{key}", " | ".join(values)))
    return tuple(found)


def redeclared(name: str, said: Mapping[str, str], *others: Told) -> tuple[tuple[str, str, str], ...]:
    """The same notes where another delivery of this ``name`` declared otherwise: of the two, the last ingested stands for both."""
    found: dict[tuple[str, str, str], None] = {}
    for other in (told[name] for told in others if name in told):
        for key in _SAMPLING:
            values = sorted({said.get(key, "?"), other.get(key, "?")})
            if len(values) > 1:
                found[(UNLIKE, f"{name} population.{key}", " | ".join(values))] = None
    return tuple(found)


def _typed(told: Mapping[str, str]) -> dict[str, Any]:
    numbers = {key: float(told[key]) for key in ("fraction", "weight") if key in told}
    days = {key: datetime.date.fromisoformat(told[key]) for key in ("first", "last") if key in told}
    return {**{key: told[key] for key in ("source", "target") if key in told}, **numbers, **days}
