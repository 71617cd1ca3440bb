# SPDX-License-Identifier: Apache-2.0
"""Reads a table of the study file by its declared forms (``forms.py``). What keys ask of one another is left to their readers."""

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from rempart.errors import RempartError
from rempart.records.fields import Fields, nearest
from rempart.records.forms import (
    ByPresence,
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

T = TypeVar("T")


def take(given: Fields, kind: Kind) -> dict[str, Any]:
    """Every key that the table may hold, read by its form (``forms.py`` says as what); an absent one gives its default.

    Raises BadInput ``study-field``, ``unknown-key``: the first of all that is wrong; the others are noted in ``given.problems``.
    """
    table = table_of(given, kind)
    values, errors = look(given, table)
    if errors:
        given.problems.extend([*errors[1:], *_below(values, table)])
        raise errors[0]
    return values


def judged(given: Fields, kind: Kind) -> list[RempartError]:
    """What is wrong with the forms of a table and of all tables inside it."""
    try:
        table = table_of(given, kind)
    except RempartError as error:
        return [error]
    values, errors = look(given, table)
    return [*errors, *_below(values, table)]


def _below(values: Mapping[str, Any], table: Table) -> list[RempartError]:
    found: list[RempartError] = []
    for name, value in values.items():
        form = table.keys[name].form
        inner = (
            next((f for f in form.forms if isinstance(f, Inside | Rows | Named)), form)
            if isinstance(form, OneOf)
            else form
        )
        if isinstance(inner, Inside | Rows | Named):
            held = (
                [value]
                if isinstance(value, Fields)
                else list(value.values() if isinstance(value, dict) else value or ())
            )
            found += [error for item in held if isinstance(item, Fields) for error in judged(item, resolved(inner.of))]
    return found


def look(given: Fields, table: Table) -> tuple[dict[str, Any], list[RempartError]]:
    """The keys that could be read, and what is wrong with the others; raises nothing."""
    values: dict[str, Any] = {}
    errors: list[RempartError] = []
    for name, item in table.keys.items():
        try:
            values[name] = _value(given, name, item)
        except RempartError as error:
            errors.append(error)
    errors += given.left_over(table.keys)
    for names in table.one_of:
        if sum(given.has(name) for name in names) != 1:
            errors.append(given.wrong(" | ".join(names), "exactly one of them"))
    return values, errors


def table_of(given: Fields, kind: Kind) -> Table:
    """The table's kind; raises BadInput ``study-field`` when the key that tells it does not."""
    if isinstance(kind, Table):
        return kind
    if isinstance(kind, ByPresence):
        return next((case for name, case in kind.cases.items() if name and given.has(name)), kind.cases[""])
    told = given.raw(kind.by, next(iter(kind.cases.values())).keys[kind.by].default)
    if not isinstance(told, str) or told not in kind.cases:
        raise given.wrong(kind.by, "one of " + ", ".join(kind.cases), near=nearest(str(told), kind.cases))
    return kind.cases[told]


def gathered(given: Fields, read: Callable[[], T]) -> T | None:
    """What ``read`` gives; None when it raised, with the error among the problems of the file."""
    try:
        return read()
    except RempartError as error:
        given.problems.append(error)
        return None


def _value(given: Fields, name: str, item: Key) -> Any:
    if given.has(name):
        return _read(given, name, item.form)
    if item.required:
        raise given.wrong(name, f"{_words(item.form)} (it is missing)")
    empty = isinstance(item.form, Rows | Named) or (isinstance(item.form, Inside) and item.default == {})
    return _tables(given, name, item.form) if empty else item.default


def _read(given: Fields, name: str, form: Form) -> Any:
    match form:
        case Text():
            return _text(given, name, form)
        case Choice():
            return _choice(given, name, form)
        case Flag():
            return given.flag(name)
        case Whole():
            return given.whole(name, low=form.low, high=form.high)
        case Number():
            return _number(given, name, form)
        case Wholes():
            return given.wholes(name, low=form.low, high=form.high)
        case Texts():
            return _texts(given, name, form)
        case Pair():
            return _pair(given, name, form)
        case Day():
            return _day(given, name)
        case Days():
            return given.dates(name)
        case _:
            return _tables(given, name, form)


def _tables(given: Fields, name: str, form: Form) -> Any:
    match form:
        case Inside():
            return given.table(name)
        case Rows():
            rows = given.rows(name)
            if len(rows) < form.least:
                raise given.wrong(name, f"at least {form.least}: a list of tables")
            return rows
        case Named():
            return given.tables(name)
        case OneOf():
            return _one_of(given, name, form)
        case _:
            raise given.wrong(name, _words(form))


def _text(given: Fields, name: str, form: Text) -> str:
    told = given.text(name)
    if form.pattern and not re.fullmatch(form.pattern, told, re.ASCII):
        raise given.wrong(name, form.expected)
    return told


def _choice(given: Fields, name: str, form: Choice) -> str:
    told = given.raw(name)
    if not isinstance(told, str) or told not in form.allowed:
        raise given.wrong(name, "one of " + ", ".join(form.allowed), near=nearest(str(told), form.allowed))
    return told


def _number(given: Fields, name: str, form: Number) -> float:
    told = given.raw(name)
    if not isinstance(told, int | float) or isinstance(told, bool) or not form.low <= told <= form.high:
        raise given.wrong(name, _words(form))
    return float(told)


def _texts(given: Fields, name: str, form: Texts) -> tuple[str, ...]:
    told = given.raw(name)
    kinds = str | int if form.numbers else str
    if not isinstance(told, Sequence) or isinstance(told, str):
        raise given.wrong(name, form.expected)
    if len(told) < form.least:
        raise given.wrong(name, f"at least {form.least}: {form.expected}")
    fits = re.compile(form.pattern, re.ASCII).fullmatch if form.pattern else None
    seen: dict[str, None] = {}
    for place, given_item in enumerate(told, 1):
        item = given_item.isoformat() if form.days and type(given_item) is datetime.date else given_item
        text = str(item) if isinstance(item, kinds) and not isinstance(item, bool) else ""
        if not text or (fits and not fits(text)):
            raise given.wrong(name, f"{form.expected}; not {_shown(item)}", item=place)
        if form.allowed and text not in form.allowed:
            raise given.wrong(name, "of " + ", ".join(form.allowed), item=place, near=nearest(text, form.allowed))
        if text in seen:
            raise given.wrong(name, f"each value once; {_shown(item)} comes twice", item=place)
        seen[text] = None
    return tuple(seen)


def _pair(given: Fields, name: str, form: Pair) -> tuple[int, int]:
    first, last = given.pair(name)
    if first < form.low or last > form.high:
        raise given.wrong(name, _words(form))
    return first, last


def _day(given: Fields, name: str) -> datetime.date:
    told = given.raw(name)
    try:
        return told if type(told) is datetime.date else datetime.date.fromisoformat(str(told))
    except ValueError as error:
        raise given.wrong(name, "YYYY-MM-DD") from error


def _one_of(given: Fields, name: str, form: OneOf) -> Any:
    told = given.raw(name)
    fitting = next((inner for inner in form.forms if _has_shape(told, inner)), None)
    if fitting is None:
        raise given.wrong(name, " or ".join(_words(inner) for inner in form.forms))
    if isinstance(fitting, Choice) and told not in fitting.allowed and (example := _as_table(told, form)):
        raise given.wrong(name, f"{_words(fitting)} or a table such as {example}")
    return _read(given, name, fitting)


def _as_table(told: object, form: OneOf) -> str:
    """A text that is no choice but a key of the table that may stand there too: how that table is written."""
    tables = [resolved(inner.of) for inner in form.forms if isinstance(inner, Inside)]
    keys = {name: item for table in tables if isinstance(table, Table) for name, item in table.keys.items()}
    if not isinstance(told, str) or told not in keys:
        return ""
    shapes = {Text: '"NAME"', Flag: "true", Whole: "365"}
    return f"{{ {told} = {shapes.get(type(keys[told].form), '…')} }}"


def _has_shape(told: object, form: Form) -> bool:
    listed = isinstance(told, list | tuple)
    tables = isinstance(told, list | tuple) and any(isinstance(item, Mapping) for item in told)
    match form:
        case Text() | Choice() | Day():
            return isinstance(told, str | datetime.date)
        case Flag():
            return isinstance(told, bool)
        case Whole() | Number():
            return isinstance(told, int | float) and not isinstance(told, bool)
        case Inside() | Named():
            return isinstance(told, Mapping)
        case Rows():
            return tables
        case OneOf():
            return any(_has_shape(told, inner) for inner in form.forms)
        case _:
            return listed and not tables


def _words(form: Form) -> str:
    """What is expected, for messages."""
    match form:
        case Text() | Texts():
            return form.expected
        case Choice():
            return "one of " + ", ".join(form.allowed)
        case Whole() | Number():
            return f"a {'whole ' * isinstance(form, Whole)}number from {form.low} to {form.high}"
        case Wholes():
            return f"rising whole numbers from {form.low} to {form.high}"
        case Pair():
            return f"two whole numbers from {form.low} to {form.high}, the smaller first"
        case OneOf():
            return " or ".join(_words(inner) for inner in form.forms)
        case _:
            return _WORDS[type(form)]


_WORDS = {
    Flag: "true or false",
    Day: "a day, YYYY-MM-DD",
    Days: "first and last day",
    Inside: "a table",
    Rows: "a list of tables",
    Named: "tables by name",
}


def _shown(item: object) -> str:
    """A value as an author would find it in the file, short."""
    text = f'"{item}"' if isinstance(item, str) else str(item)
    return text if len(text) <= 40 else text[:37] + "…"
