# SPDX-License-Identifier: Apache-2.0
"""The permit: which columns × rows × period a project may use, by whom, from when to when (contract §8)."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rempart.errors import BadInput, Refused
from rempart.records.canonical import content_id, plain
from rempart.records.derogation import Derogation, read_derogations

SCHEMA = "rempart.permit/1"
_KEYS = {"schema", "id", "project", "purpose", "basis", "persons", "valid", "lookback", "period", "rows", "tables"}
_OPTIONAL = {
    "derogations",
    "application",
    "reference",
    "conditions",
    "version",
    "amends",
    "identifiers",
    "perimeter",
    "fees",
    "depth",
}
_DOCUMENT = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_ID = re.compile(r"P-\d{4}-\d{4}", re.ASCII)
_PROJECT = re.compile(r"[a-z][a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A permit as data. ``valid``, ``period``: first and last day, both included; ``tables``: table → permitted columns;
    ``derogations``: rare harms that may be told from fewer persons than the threshold; ``application``: content id of the application
    that it answers, ``reference``: of the regulator's decision, ``conditions``: under which it was given; '' and () where none is told;
    ``fees``: what is paid.
    ``identifiers``: potential identifiers that are given fine, each with its reason, None in a permit that says nothing of them;
    ``perimeter``: of the decree that lets them be crossed. ``depth``: years of history before the period, and before any time zero, 0 where
    none is told. ``version``: 1, or of an amendment, which names by ``amends`` the content id
    of the version before.
    """

    id: str
    project: str
    purpose: str
    basis: str
    persons: tuple[str, ...]
    valid: tuple[datetime.date, datetime.date]
    lookback: datetime.date
    period: tuple[datetime.date, datetime.date]
    rows: Mapping[str, str]
    tables: Mapping[str, tuple[str, ...]]
    derogations: tuple[Derogation, ...] = ()
    application: str = ""
    reference: str = ""
    conditions: tuple[str, ...] = ()
    version: int = 1
    amends: str = ""
    identifiers: Mapping[str, str] | None = None
    perimeter: str = ""
    fees: str = ""
    depth: int = 0

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise BadInput("permit-field", field="id", expected="P-YYYY-NNNN")
        if not _PROJECT.fullmatch(self.project):
            raise BadInput("permit-field", field="project", expected="lower-case letters, digits, hyphens")
        if self.valid[0] > self.valid[1] or self.period[0] > self.period[1] or self.lookback > self.period[0]:
            raise BadInput(
                "permit-field", field="valid, lookback, period", expected="lookback <= period[0] <= period[1]"
            )
        if self.application and not _DOCUMENT.fullmatch(self.application):
            raise BadInput("permit-field", field="application", expected="sha256:…")
        if (self.version > 1) != bool(_DOCUMENT.fullmatch(self.amends)) or self.version < 1:
            raise BadInput("permit-field", field="version, amends", expected='version = 2…, amends = "sha256:…"')
        if not self.persons or not self.tables:
            raise BadInput("permit-field", field="persons, tables", expected="at least one of each")

    @property
    def first_day(self) -> datetime.date:
        """The first day of history that is given: the look-back, no further before the period than the depth."""
        return max(self.lookback, _years_before(self.period[0], self.depth)) if self.depth else self.lookback

    @property
    def space(self) -> str:
        """The name of the project dataset's space."""
        return f"project:{self.project}"

    def as_dict(self) -> dict[str, object]:
        """The canonical form that is hashed and signed."""
        body: dict[str, object] = {
            "schema": SCHEMA,
            "id": self.id,
            "project": self.project,
            "purpose": self.purpose,
            "basis": self.basis,
            "persons": list(self.persons),
            "valid": list(self.valid),
            "lookback": self.lookback,
            "period": list(self.period),
            "rows": dict(self.rows),
            "tables": [{"name": name, "columns": list(columns)} for name, columns in self.tables.items()],
        }
        if self.derogations:
            body["derogations"] = [one.as_dict() for one in self.derogations]
        told = {
            "application": self.application,
            "reference": self.reference,
            "conditions": list(self.conditions),
            "fees": self.fees,
        }
        body |= {name: item for name, item in told.items() if item}
        if self.identifiers is not None:
            body |= {"identifiers": dict(self.identifiers)}
        if self.perimeter:
            body |= {"perimeter": self.perimeter}
        if self.depth:
            body |= {"depth": self.depth}
        if self.version > 1:
            body |= {"version": self.version, "amends": self.amends}
        return dict(plain(body))

    @property
    def content_id(self) -> str:
        """``sha256:…`` of the canonical form."""
        return content_id(self.as_dict())

    def check_valid_on(self, day: datetime.date) -> None:
        """Raises Refused ``permit-not-yet`` or ``permit-expired``."""
        if day < self.valid[0]:
            raise Refused("permit-not-yet", permit=self.id, date=self.valid[0].isoformat())
        if day > self.valid[1]:
            raise Refused("permit-expired", permit=self.id, date=self.valid[1].isoformat())

    def check_names(self, actor: str) -> None:
        """Raises Refused ``permit-person`` when the actor is not one of the named persons."""
        if actor not in self.persons:
            raise Refused("permit-person", permit=self.id, actor=actor)

    def check_not_own(self, actor: str) -> None:
        """Raises Refused ``permit-own`` when the committee member who signs is one of the persons it names."""
        if actor in self.persons:
            raise Refused("permit-own", permit=self.id, actor=actor)


def permit_from_dict(value: Mapping[str, object], *, file: str = "permit.toml") -> Permit:
    """A permit from parsed TOML or canonical JSON; an unknown key, a missing key or a wrong type is BadInput ``permit-field``."""
    for name in set(value) - _KEYS - _OPTIONAL:
        raise BadInput("unknown-key", file=file, key=name, expected=", ".join(sorted(_KEYS | _OPTIONAL)))
    for name in _KEYS - {"rows"} - set(value):
        raise BadInput("permit-field", field=name, expected="present")
    if value["schema"] != SCHEMA:
        raise BadInput("permit-field", field="schema", expected=SCHEMA)
    return Permit(
        id=_text(value, "id"),
        project=_text(value, "project"),
        purpose=_text(value, "purpose"),
        basis=_text(value, "basis"),
        persons=tuple(_texts(value["persons"], "persons")),
        valid=_days(value, "valid"),
        lookback=_day(value["lookback"], "lookback"),
        period=_days(value, "period"),
        rows=_rows(value.get("rows", {})),
        tables=_tables(value["tables"]),
        derogations=read_derogations(value.get("derogations", [])),
        application=_text(value, "application") if "application" in value else "",
        reference=_text(value, "reference") if "reference" in value else "",
        conditions=tuple(_texts(value.get("conditions", []), "conditions")),
        version=_version(value.get("version", 1)),
        amends=_text(value, "amends") if "amends" in value else "",
        identifiers=_reasons(value["identifiers"]) if "identifiers" in value else None,
        perimeter=_text(value, "perimeter") if "perimeter" in value else "",
        fees=_text(value, "fees") if "fees" in value else "",
        depth=_depth(value["depth"]) if "depth" in value else 0,
    )


def _depth(value: object) -> int:
    if type(value) is not int or not 1 <= value <= 99:
        raise BadInput("permit-field", field="depth", expected="whole years, 1 to 99")
    return value


def _years_before(day: datetime.date, years: int) -> datetime.date:
    """The day of the same number, or the last of February for a day that the year has not."""
    try:
        return day.replace(year=max(day.year - years, 1))
    except ValueError:
        return day.replace(year=max(day.year - years, 1), day=28)


def _reasons(value: object) -> Mapping[str, str]:
    texts = isinstance(value, Mapping) and all(isinstance(why, str) and why.strip() for why in value.values())
    if not isinstance(value, Mapping) or not texts:
        raise BadInput("permit-field", field="identifiers", expected='name = "why"')
    return {str(name): str(why) for name, why in value.items()}


def _version(value: object) -> int:
    if type(value) is not int:
        raise BadInput("permit-field", field="version", expected="1, 2, 3…")
    return value


def _text(value: Mapping[str, object], name: str) -> str:
    text = value[name]
    if not isinstance(text, str) or not text.strip():
        raise BadInput("permit-field", field=name, expected="text")
    return text


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadInput("permit-field", field=name, expected="list of text")
    return value


def _day(value: object, name: str) -> datetime.date:
    try:
        return value if type(value) is datetime.date else datetime.date.fromisoformat(str(value))
    except ValueError as error:
        raise BadInput("permit-field", field=name, expected="YYYY-MM-DD") from error


def _days(value: Mapping[str, object], name: str) -> tuple[datetime.date, datetime.date]:
    pair = value[name]
    if not isinstance(pair, list) or len(pair) != 2:
        raise BadInput("permit-field", field=name, expected="[first day, last day]")
    return _day(pair[0], name), _day(pair[1], name)


def _rows(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or set(value) - {"cohort"}:
        raise BadInput("permit-field", field="rows", expected="empty, or cohort")
    return {str(key): str(item) for key, item in value.items()}


def _tables(value: object) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value, list):
        raise BadInput("permit-field", field="tables", expected="[[tables]] with name and columns")
    tables: dict[str, tuple[str, ...]] = {}
    for item in value:
        if not isinstance(item, Mapping) or set(item) != {"name", "columns"} or str(item["name"]) in tables:
            raise BadInput("permit-field", field="tables", expected="name and columns, each table once")
        tables[str(item["name"])] = tuple(_texts(item["columns"], "columns"))
    return tables
