# SPDX-License-Identifier: Apache-2.0
"""Sensitivity variants: ``[variants.NAME]`` of a study file, a grid of other values → studies of their own. Checks no value."""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from rempart.errors import BadInput
from rempart.records.fields import NAME, Fields, near
from rempart.records.forms import NAME_PATTERN
from rempart.records.study_forms import STUDY

MOST = 200  # studies that one file may stand for
VARIANTS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Sensitivity variants by name: each a grid of changed values, each combination a study of its own.",
    "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
    "additionalProperties": {
        "type": "object",
        "description": 'A key\'s path ("cohorts.main.washout_days") with a list of values, or an axis: level names with changed paths.',
        "minProperties": 1,
        "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1}, {"type": "object", "minProperties": 1}]},
    },
}
_STEP = re.compile(r"([^.\[\]]+)((?:\[\d+\])*)")
Changes = Mapping[str, object]
"""Path of a key → its other value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One combination: ``name`` tells its grid and levels; ``grid``: the table of the file that it comes from."""

    name: str
    grid: str
    changes: Changes
    parsed: Mapping[str, Any]


def expand(parsed: Mapping[str, Any], *, file: str = "study.toml") -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """(name, parsed study without variants): the study itself under the name '', then each variant; raises as ``variants``."""
    base = {key: item for key, item in parsed.items() if key != "variants"}
    return (("", base), *((item.name, item.parsed) for item in variants(parsed, file=file)))


def variants(parsed: Mapping[str, Any], *, file: str = "study.toml") -> tuple[Variant, ...]:
    """The variants of a study file, not yet read as studies.

    Raises BadInput ``study-field`` (a path that leads nowhere, no values), ``study-variants`` (more combinations than ``MOST``).
    """
    base = {key: item for key, item in parsed.items() if key != "variants"}
    top = Fields({"variants": parsed.get("variants", {})}, file=file)
    grids = {name: _axes(given) for name, given in top.tables("variants").items()}
    count = sum(_size(axes) for axes in grids.values())
    if count > MOST:
        raise BadInput("study-variants", file=file, field="variants", count=count, limit=MOST)
    found = []
    for name, axes in grids.items():
        given = top.table("variants").table(name)
        for levels in product(*axes):
            changes = {path: value for _, changed in levels for path, value in changed.items()}
            label = ".".join((name, *(label for label, _ in levels)))
            found.append(Variant(name=label, grid=name, changes=changes, parsed=_changed(base, changes, given)))
    return tuple(found)


Level = tuple[str, Changes]


def _size(axes: Sequence[Sequence[Level]]) -> int:
    count = 1
    for axis in axes:
        count *= len(axis)
    return count


def _axes(given: Fields) -> list[list[Level]]:
    """The axes of a grid: each a list of levels."""
    axes = [axis for name, value in given.items() for axis in _axis(given, name, value)]
    if not axes:
        raise given.wrong("", 'at least one "path.of.a.key" = [values]')
    return axes


def _axis(given: Fields, name: str, value: object) -> list[list[Level]]:
    if isinstance(value, list | tuple):
        return [_values(given, name, value)]
    if not isinstance(value, Mapping) or not value:
        raise given.wrong(name, "a list of values, or a table of levels")
    if name in STUDY.keys:  # a path written without quotes
        return [_values(given, path, values) for path, values in _flat(name, value)]
    if not NAME.fullmatch(name):
        raise given.wrong(name, "a path in quotes with a list of values, or the name of an axis")
    levels = given.table(name)
    return [[(level, dict(_flat_changes(levels, level, changes))) for level, changes in levels.items()]]


def _values(given: Fields, path: str, values: object) -> list[Level]:
    if not isinstance(values, list | tuple) or not values:
        raise given.wrong(path, "a list of at least one value")
    twice = next((value for place, value in enumerate(values) if value in values[:place]), None)
    if twice is not None:
        raise given.wrong(path, f"each value once; {twice} comes twice")
    last = path.rpartition(".")[2]
    labels = [_label(value, place) for place, value in enumerate(values, 1)]
    plain = labels if len(set(labels)) == len(labels) else [str(place) for place in range(1, len(values) + 1)]
    return [(f"{last}_{label}", {path: value}) for label, value in zip(plain, values, strict=True)]


def _label(value: object, place: int) -> str:
    """A value in a name: as it is when it is short, else its place in the list."""
    text = str(value).lower()
    return text if re.fullmatch(r"[a-z0-9_-]{1,20}", text) else str(place)


def _flat(path: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, Mapping):
        return [found for key, item in value.items() for found in _flat(f"{path}.{key}", item)]
    return [(path, value)]


def _flat_changes(levels: Fields, level: str, changes: object) -> list[tuple[str, object]]:
    if not NAME.fullmatch(level) or not isinstance(changes, Mapping) or not changes:
        raise levels.wrong(level, 'a level: a name with { "path.of.a.key" = value }')
    return [
        f for path, value in changes.items() for f in (_flat(path, value) if path in STUDY.keys else [(path, value)])
    ]


def _changed(base: Mapping[str, Any], changes: Changes, given: Fields) -> dict[str, Any]:
    """A copy of the study with other values; tables that no change touches are shared."""
    result = dict(base)
    for path, value in changes.items():
        steps = _steps(path, given)
        held: Any = result
        for step in steps[:-1]:
            held[step] = copy.copy(_inside(held, step, path, given))
            held = held[step]
        last = steps[-1]
        if isinstance(last, int) or not isinstance(held, dict):
            _inside(held, last, path, given)
        held[last] = value
    return result


def _steps(path: str, given: Fields) -> list[str | int]:
    steps: list[str | int] = []
    for part in path.split("."):
        found = _STEP.fullmatch(part)
        if found is None:
            raise given.wrong(
                path, "the path of a key, such as cohorts.main.washout_days or analyses[1].parameters.ties"
            )
        steps.append(found[1])
        steps += [int(number) - 1 for number in re.findall(r"\d+", found[2])]
    if len(steps) < 2:
        raise given.wrong(path, "the path of a key inside a table")
    return steps


def _inside(held: Any, step: str | int, path: str, given: Fields) -> Any:
    """What stands at a step; raises BadInput ``study-field`` where nothing does."""
    if isinstance(held, dict) and isinstance(step, str) and step in held:
        return held[step]
    if isinstance(held, list) and isinstance(step, int) and 0 <= step < len(held):
        return held[step]
    known = [str(name) for name in held] if isinstance(held, dict) else []
    likely = near(str(step), known).get("near", "")
    raise given.wrong(
        path, f"the path of a key of this file; {step if isinstance(step, str) else step + 1} is not there", near=likely
    )
