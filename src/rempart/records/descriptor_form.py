# SPDX-License-Identifier: Apache-2.0
"""Reads a host's or a node's declaration, strictly: from the TOML file that a person wrote, or from a signed body.

An unknown key is an error, a missing one too, unless its absence says something. Judges nothing.
"""

import datetime
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from rempart.errors import BadInput, NotTrusted
from rempart.records.descriptor import (
    HOST,
    NODE,
    Authorisation,
    Declaration,
    Hds,
    HostDescriptor,
    NodeDescriptor,
    Owner,
    Subprocessor,
    wrong,
)

Row = TypeVar("Row")
_NEEDED = ("name", "operator", "seat", "storage_countries", "access_countries", "laws", "valid")
_OPTIONAL = (
    "own",
    "ownership",
    "hds",
    "secnumcloud",
    "subprocessors",
    "safeguards",
    "authorisations",
    "measures",
    "residual_risks",
)


def declaration_from(value: Mapping[str, Any], *, schema: str, file: str) -> Declaration:
    """A declaration from a parsed TOML file or a body, ``schema`` and keys included, nothing else.

    Raises BadInput ``unknown-key`` or ``descriptor-field``, naming ``file`` and the field.
    """
    try:
        _only(value, ("schema", *_NEEDED, *_OPTIONAL), path="", file=file)
        if value.get("schema") != schema:
            raise wrong("schema", schema)
        for name in _NEEDED:
            if name not in value:
                raise wrong(name, "present")
        return _declaration(value, file)
    except BadInput as error:
        if error.code == "descriptor-field":
            error.facts["file"] = file
        raise


def host_from_body(body: Mapping[str, Any]) -> HostDescriptor:
    """The host of a signed body; raises NotTrusted ``document-form``."""
    try:
        return HostDescriptor(declaration=declaration_from(body, schema=HOST, file=HOST))
    except BadInput as error:
        raise NotTrusted("document-form", expected=HOST) from error


def node_from_body(body: Mapping[str, Any]) -> NodeDescriptor:
    """The node of a signed body, its public keys included; raises NotTrusted ``document-form``."""
    told = {name: item for name, item in body.items() if name != "keys"}
    keys = body.get("keys")
    try:
        if not isinstance(keys, Mapping) or set(keys) != {"kem", "hpke", "signing"}:
            raise wrong("keys", "kem, hpke, signing")
        return NodeDescriptor(
            declaration=declaration_from(told, schema=NODE, file=NODE),
            kem=_text(keys["kem"], "keys.kem"),
            hpke=_text(keys["hpke"], "keys.hpke"),
            signing=_text(keys["signing"], "keys.signing"),
        )
    except BadInput as error:
        raise NotTrusted("document-form", expected=NODE) from error


def _declaration(value: Mapping[str, Any], file: str) -> Declaration:
    return Declaration(
        name=_text(value["name"], "name"),
        operator=_text(value["operator"], "operator"),
        own=_flag(value.get("own", False), "own"),
        seat=_text(value["seat"], "seat"),
        ownership=_rows(value, "ownership", lambda item: _owner(item, file)),
        storage_countries=_texts(value["storage_countries"], "storage_countries"),
        access_countries=_texts(value["access_countries"], "access_countries"),
        laws=_texts(value["laws"], "laws"),
        valid=_period(value["valid"]),
        hds=_hds(value.get("hds"), file),
        secnumcloud=_secnumcloud(value.get("secnumcloud"), file),
        subprocessors=_rows(value, "subprocessors", lambda item: _subprocessor(item, file)),
        safeguards=_texts(value.get("safeguards", []), "safeguards"),
        authorisations=_rows(value, "authorisations", lambda item: _authorisation(item, file)),
        measures=_texts(value.get("measures", []), "measures"),
        residual_risks=_texts(value.get("residual_risks", []), "residual_risks"),
    )


def _owner(item: Any, file: str) -> Owner:
    told = _table(item, "ownership", ("holder", "country", "share"), file=file, optional=("veto",))
    return Owner(
        holder=_text(told["holder"], "ownership.holder"),
        country=_text(told["country"], "ownership.country"),
        share=_share(told["share"]),
        veto=_flag(told.get("veto", False), "ownership.veto"),
    )


def _share(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong("ownership.share", "per cent")
    try:
        share = Decimal(str(value))
    except InvalidOperation as error:
        raise wrong("ownership.share", "per cent") from error
    if not share.is_finite():
        raise wrong("ownership.share", "per cent")
    return share


def _hds(value: Any, file: str) -> Hds | None:
    if value is None:
        return None
    told = _table(value, "hds", ("activities", "until"), file=file)
    given = told["activities"]
    if not isinstance(given, list | tuple) or not all(type(item) is int for item in given):
        raise wrong("hds.activities", "rising numbers from 1 to 6")
    return Hds(activities=tuple(given), until=_day(told["until"], "hds.until"))


def _secnumcloud(value: Any, file: str) -> datetime.date | None:
    if value is None:
        return None
    return _day(_table(value, "secnumcloud", ("until",), file=file)["until"], "secnumcloud.until")


def _subprocessor(item: Any, file: str) -> Subprocessor:
    told = _table(item, "subprocessors", ("name", "country"), file=file)
    return Subprocessor(
        name=_text(told["name"], "subprocessors.name"), country=_text(told["country"], "subprocessors.country")
    )


def _authorisation(item: Any, file: str) -> Authorisation:
    told = _table(item, "authorisations", ("name", "until"), file=file)
    return Authorisation(
        name=_text(told["name"], "authorisations.name"), until=_day(told["until"], "authorisations.until")
    )


def _table(
    value: Any, path: str, needed: tuple[str, ...], *, file: str, optional: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(path, "a table with " + ", ".join(needed))
    _only(value, (*needed, *optional), path=f"{path}.", file=file)
    for name in needed:
        if name not in value:
            raise wrong(f"{path}.{name}", "present")
    return value


def _only(value: Mapping[str, Any], known: tuple[str, ...], *, path: str, file: str) -> None:
    for name in value:
        if name not in known:
            raise BadInput("unknown-key", file=file, key=f"{path}{name}", expected=", ".join(sorted(known)))


def _rows(value: Mapping[str, Any], name: str, read: Callable[[Any], Row]) -> tuple[Row, ...]:
    items = value.get(name, [])
    if not isinstance(items, list | tuple):
        raise wrong(name, "a list of tables")
    return tuple(read(item) for item in items)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wrong(field, "text")
    return value


def _texts(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise wrong(field, "a list of text")
    return tuple(_text(item, field) for item in value)


def _flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(field, "true or false")
    return value


def _day(value: object, field: str) -> datetime.date:
    try:
        return value if type(value) is datetime.date else datetime.date.fromisoformat(str(value))
    except ValueError as error:
        raise wrong(field, "YYYY-MM-DD") from error


def _period(value: object) -> tuple[datetime.date, datetime.date]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise wrong("valid", "[first day, last day]")
    return _day(value[0], "valid"), _day(value[1], "valid")
