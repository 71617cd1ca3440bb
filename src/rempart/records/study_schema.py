# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of the study file (draft 2020-12), made of the forms that the reader reads by; editors complete and check with it.

A schema knows forms alone: whether a name is defined, or a window ends before day 0, only ``study check`` can tell.
"""

from typing import Any

from rempart.records.forms import (
    NAME_PATTERN,
    ByPresence,
    ByValue,
    Choice,
    Day,
    Days,
    Flag,
    Form,
    Inside,
    Key,
    Kind,
    Named,
    Number,
    OneOf,
    Pair,
    Rows,
    Table,
    Text,
    Texts,
    Whole,
    Wholes,
    resolved,
)
from rempart.records.study_forms import STUDY
from rempart.records.study_variants import VARIANTS_SCHEMA

Json = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DAY: Json = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}


def study_schema() -> Json:
    """The schema: the study's own keys at the top, every other table once under ``$defs``, by name."""
    tables: dict[str, Json] = {}
    top = _table(STUDY, tables)
    top["properties"]["variants"] = VARIANTS_SCHEMA
    return {"$schema": DIALECT, "title": "rempart.study/1", **top, "$defs": dict(sorted(tables.items()))}


def _refer(kind: Kind, tables: dict[str, Json]) -> Json:
    """A reference to a table, which is written under its name the first time it is met."""
    if kind.name not in tables:
        tables[kind.name] = {}  # so that a table that holds itself ends
        tables[kind.name] = _table(kind, tables) if isinstance(kind, Table) else _cases(kind, tables)
    return {"$ref": f"#/$defs/{kind.name}"}


def _cases(kind: ByValue | ByPresence, tables: dict[str, Json]) -> Json:
    cases = {case.name: case for case in kind.cases.values()}
    return {"description": kind.about, "anyOf": [_refer(case, tables) for case in cases.values()]}


def _table(table: Table, tables: dict[str, Json]) -> Json:
    body: Json = {
        "type": "object",
        "description": table.about,
        "properties": {name: _key(item, tables) for name, item in table.keys.items()},
        "additionalProperties": False,
    }
    required = [name for name, item in table.keys.items() if item.required]
    if required:
        body["required"] = required
    if table.one_of:
        body["allOf"] = [{"oneOf": [{"required": [name]} for name in names]} for names in table.one_of]
    return body


def _key(item: Key, tables: dict[str, Json]) -> Json:
    body = {**_form(item.form, tables), "description": item.about}
    plain = isinstance(item.default, str | int | bool) or (isinstance(item.default, tuple) and item.default)
    return {**body, "default": item.default} if plain and not item.required else body


def _form(form: Form, tables: dict[str, Json]) -> Json:
    match form:
        case Inside():
            return _refer(resolved(form.of), tables)
        case Rows():
            least = {"minItems": form.least} if form.least else {}
            return {"type": "array", "items": _refer(resolved(form.of), tables), **least}
        case Named():
            names = {"pattern": f"^{NAME_PATTERN}$"}
            return {"type": "object", "propertyNames": names, "additionalProperties": _refer(resolved(form.of), tables)}
        case OneOf():
            return {"anyOf": [_form(inner, tables) for inner in form.forms]}
        case _:
            return _plain(form)


def _plain(form: Form) -> Json:
    """A form without tables."""
    match form:
        case Text():
            return {"type": "string", "pattern": f"^(?:{form.pattern})$" if form.pattern else r"\S"}
        case Choice():
            return {"const": form.allowed[0]} if len(form.allowed) == 1 else {"enum": list(form.allowed)}
        case Flag():
            return {"type": "boolean"}
        case Whole():
            return {"type": "integer", "minimum": form.low, "maximum": form.high}
        case Number():
            return {"type": "number", "minimum": form.low, "maximum": form.high}
        case Wholes():
            numbers = {"type": "integer", "minimum": form.low, "maximum": form.high}
            return {"type": "array", "items": numbers, "minItems": 1, "uniqueItems": True}
        case Texts():
            return _texts(form)
        case Pair():
            numbers = {"type": "integer", "minimum": form.low, "maximum": form.high}
            return {"type": "array", "items": numbers, "minItems": 2, "maxItems": 2}
        case Day():
            return _DAY
        case Days():
            return {"type": "array", "items": _DAY, "minItems": 2, "maxItems": 2}
        case _:
            return {}


def _texts(form: Texts) -> Json:
    text: Json = {"type": "string", "minLength": 1}
    if form.allowed:
        text = {"enum": list(form.allowed)}
    elif form.pattern:
        text = {"type": "string", "pattern": f"^(?:{form.pattern})$".replace(r"\d", "[0-9]")}
    items = {"anyOf": [text, {"type": "integer", "minimum": 0}]} if form.numbers else text
    least = {"minItems": form.least} if form.least else {}
    return {"type": "array", "items": items, "uniqueItems": True, **least}
