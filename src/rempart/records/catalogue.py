# SPDX-License-Identifier: Apache-2.0
"""What a catalogue tells of a warehouse: what the operator says of it, and what may be shown of its variables. Computes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, NotTrusted
from rempart.records.canonical import canonical_bytes, parse_canonical

SCHEMA = "rempart.catalogue/1"
TOLD = "rempart.catalogue-told/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableTold:
    """``percent``: of the table's persons who have a value, coarse; ``codes``: that enough persons have; ``first``, ``last``: months with
    enough persons; None and '' where it is not told."""

    table: str
    column: str
    type: str
    holds: str
    percent: float | None = None
    codes: int | None = None
    quantiles: Mapping[str, float | None] | None = None
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueTold:
    """``persons``, ``rows``: drawn and rounded, 0 = fewer than the step; ``tables``: name → persons, rounded; ``head``: of the snapshot."""

    variables: tuple[VariableTold, ...]
    persons: int
    rows: int
    tables: Mapping[str, int]
    head: str


def told_bytes(told: CatalogueTold) -> bytes:
    """What was told of a snapshot, as a document; shares and quantiles as text."""
    variables = [
        {
            **{name: getattr(one, name) for name in _TEXTS},
            "codes": one.codes,
            "percent": _text(one.percent),
            "quantiles": {name: _text(value) for name, value in one.quantiles.items()} if one.quantiles else None,
        }
        for one in told.variables
    ]
    counts = {"persons": told.persons, "rows": told.rows, "tables": dict(told.tables)}
    return canonical_bytes({"schema": TOLD, "head": told.head, **counts, "variables": variables})


def told_from_bytes(data: bytes) -> CatalogueTold:
    """The same, read; raises NotTrusted ``document-form``."""
    body = parse_canonical(data, what="catalogue")
    try:
        if body["schema"] != TOLD:
            raise KeyError(TOLD)
        variables = tuple(
            VariableTold(
                **{name: one[name] for name in _TEXTS},
                codes=one["codes"],
                percent=_number(one["percent"]),
                quantiles={name: _number(text) for name, text in one["quantiles"].items()}
                if one["quantiles"]
                else None,
            )
            for one in body["variables"]
        )
        counts = {name: body[name] for name in ("persons", "rows", "tables", "head")}
    except (KeyError, TypeError, ValueError) as error:
        raise NotTrusted("document-form", expected=TOLD) from error
    return CatalogueTold(variables=variables, **counts)


_TEXTS = ("table", "column", "type", "holds", "first", "last")


def _text(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _number(text: str) -> float | None:
    return float(text) if text else None


def operator_words(value: Mapping[str, Any], form: Mapping[str, str], *, file: str) -> dict[str, Any]:
    """What the operator says, every field of the form there and of its kind; raises BadInput ``catalogue-field``.

    ``form``: dotted field → ``text``, ``texts`` (a text in each language), ``list``, ``iri``, ``iris``, ``email``, ``number``.
    """
    if value.get("schema") != SCHEMA:
        raise BadInput("catalogue-field", file=file, field="schema", expected=SCHEMA)
    told: dict[str, Any] = {}
    for place, kind in form.items():
        found: Any = value
        for part in place.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if not _fits(found, kind):
            raise BadInput("catalogue-field", file=file, field=place, expected=kind)
        told[place] = found
    return told


def _fits(found: object, kind: str) -> bool:
    if kind == "number":
        return type(found) is int and found >= 0
    if kind == "texts":
        return isinstance(found, Mapping) and bool(found) and all(_fits(one, "text") for one in found.values())
    if kind in {"list", "iris"}:
        return (
            isinstance(found, list)
            and bool(found)
            and all(_fits(one, "iri" if kind == "iris" else "text") for one in found)
        )
    if not isinstance(found, str) or not found.strip():
        return False
    if kind == "iri":
        return found.startswith(("https://", "http://", "urn:")) and not set(found) & set(' <>"{}|\\^`\n\t')
    return kind != "email" or ("@" in found and not set(found) & set(' <>"\n\t'))
