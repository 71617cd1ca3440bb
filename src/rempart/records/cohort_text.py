# SPDX-License-Identifier: Apache-2.0
"""A cohort definition as canonical JSON text and back: how a study holds one that was drawn in ATLAS. Judges forms, no meaning.

What is as by default is left out, so that a later key of the model changes no text. What claims alone know is neither written nor read.
"""

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from rempart.errors import BadInput
from rempart.records.canonical import canonical_bytes
from rempart.records.cohort import CohortDefinition, Concepts, DateOffset, Day, DrugEraExit, Flag, Number, Text
from rempart.records.json_text import parsed_json

_KIND = "is"  # tells which of several terms stands there
_TERMS: Mapping[str, type] = {
    term.__name__: term for term in (Concepts, Number, Day, Text, Flag, DateOffset, DrugEraExit)
}
_OF_CLAIMS = frozenset({"codes", "cohort", "ended", "of_visit", "of_code"})
_TEXT = re.compile(r"[^\x00-\x1f\x7f]{0,4000}")
_WHOLE = (1 << 53) - 1
_LONGEST_NAME = 200


def definition_text(definition: CohortDefinition) -> str:
    """The text; raises BadInput ``not-canonical`` for a number that JSON cannot carry exactly."""
    return canonical_bytes(_plain(definition)).decode()


def definition_from_text(text: str, *, file: str, field: str) -> CohortDefinition:
    """The definition; raises BadInput ``study-field`` for anything that ``definition_text`` does not write."""
    try:
        definition: CohortDefinition = _term(CohortDefinition, parsed_json(text))
    except (ValueError, RecursionError) as error:
        raise BadInput("study-field", file=file, field=field, expected=_EXPECTED) from error
    return definition


_EXPECTED = "the name of a file with an ATLAS definition"


def shown_name(name: str) -> str:
    """A rule's name as a text may hold it: no line ends or other control marks, not too long."""
    return "".join(mark if mark.isprintable() else " " for mark in name)[:_LONGEST_NAME].strip()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        told = {_KIND: type(value).__name__} if type(value).__name__ in _TERMS else {}
        return told | {
            item.name: _plain(getattr(value, item.name))
            for item in fields(value)
            if item.name not in _OF_CLAIMS and getattr(value, item.name) != _default(item)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def _default(item: "Field[Any]") -> object:
    return item.default_factory() if item.default_factory is not MISSING else item.default


@cache
def _hints(term: type) -> dict[str, Any]:
    return {name: kind for name, kind in get_type_hints(term).items() if name not in _OF_CLAIMS}


def _term(term: type, value: Any) -> Any:
    hints = _hints(term)
    given = {key: item for key, item in _table(value).items() if key != _KIND}
    needed = {item.name for item in fields(term) if _default(item) is MISSING}
    if not needed <= given.keys() <= hints.keys():
        raise ValueError
    return term(**{key: _value(hints[key], item) for key, item in given.items()})


def _value(kind: Any, value: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _one_of(inner, value)
    if origin in (Union, UnionType):
        return _either(inner, value)
    if origin is tuple:
        return _items(inner, value)
    if origin is not None:  # code sets by number
        return {int(key): _value(inner[1], item) for key, item in _table(value).items()}
    return _term(kind, value) if isinstance(kind, type) and is_dataclass(kind) else _scalar(kind, value)


def _one_of(allowed: tuple[Any, ...], value: Any) -> Any:
    if not any(type(value) is type(item) and value == item for item in allowed):
        raise ValueError
    return value


def _either(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    if len(others) == 1:
        return _value(others[0], value)
    term = _TERMS.get(str(_table(value).get(_KIND)))
    if term is None or term not in others:
        raise ValueError
    return _term(term, value)


def _items(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError
    if kinds[-1] is Ellipsis:
        return tuple(_value(kinds[0], item) for item in value)
    return tuple(_value(kind, item) for kind, item in zip(kinds, value, strict=True))


def _scalar(kind: Any, value: Any) -> Any:
    if kind is datetime.date and isinstance(value, str):
        return datetime.date.fromisoformat(value)
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return value
    if type(value) is not kind or (kind is int and abs(value) > _WHOLE) or (kind is str and not _TEXT.fullmatch(value)):
        raise ValueError
    return value


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError
    return value
