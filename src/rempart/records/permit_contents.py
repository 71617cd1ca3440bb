# SPDX-License-Identifier: Apache-2.0
"""Does a permit hold what the law says that it holds? By the table of ``permits/permit_contents.toml``, in the permit or in the application
that it answers. One reading for those who grant, for the key broker and for the audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.records.application import Application
from rempart.records.permit import Permit


@dataclass(frozen=True, slots=True)
class Absent:
    """A content that is not told. ``letter``: of Regulation (EU) 2025/327 art. 68(10); ``name``: of its row."""

    letter: str
    name: str


def absent(permit: Permit, application: Application | None, form: Mapping[str, Any]) -> tuple[Absent, ...]:
    """What neither the permit nor its application tells, in the order of the form."""
    return tuple(
        Absent(str(row["letter"]), name)
        for name, row in form["contents"].items()
        if not any(_told(getattr(permit, field)) for field in row.get("permit", ()))
        and not any(_told(_at(application, place)) for place in row.get("application", ()))
    )


def _told(value: Any) -> bool:
    """A flag that is false tells something; nothing, and an empty text or list, do not."""
    return isinstance(value, bool) or bool(value)


def _at(application: Application | None, place: str) -> Any:
    if application is None:
        return None
    rows, _, flag = place.partition("[].")
    value = application.value(rows)
    if not flag:
        return value
    return [True for row in value if isinstance(row, Mapping) and row.get(flag)] if isinstance(value, list) else None


def listed(lacks: tuple[Absent, ...]) -> str:
    """Letters and names as one text."""
    return ", ".join(f"{one.letter} {one.name}" for one in lacks)
