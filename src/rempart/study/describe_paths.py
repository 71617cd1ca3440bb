# SPDX-License-Identifier: Apache-2.0
"""Treatment pathways as result rows: first lines, then paths, rare ones shortened until enough persons share them. Counts nobody itself."""

from collections.abc import Mapping

from rempart.study.describe_cells import ARM, Describing, reference, together
from rempart.study.rows import Output
from rempart.study.tallies import Tally

THEN, MORE, OTHER = " > ", "…", "other"


def pathways(output: Output, told: Describing) -> None:
    """Persons and percent of everybody, of each first line, of each path."""
    paths = {cell.key["path"]: cell for cell in told.part("paths")}
    whole = together(paths.values())
    _line(output, "all", "all", whole, whole.persons)
    least = told.analysis.least
    for variable, found in (("first", folded(first_lines(paths), least)), ("path", folded(paths, least))):
        for name, cell in sorted(found.items(), key=lambda item: (-item[1].persons, item[0])):
            _line(output, variable, name, cell, whole.persons)


def _line(output: Output, variable: str, level: str, cell: Tally, total: int) -> None:
    values = {"n": cell.persons, "percent": 100 * cell.persons / total if total else None}
    output.write({"variable": variable, "level": level}, ARM, values, n=cell.persons, ref=reference(cell))


def first_lines(paths: Mapping[str, Tally]) -> dict[str, Tally]:
    """Persons by the first step of their path."""
    found: dict[str, list[Tally]] = {}
    for path, cell in paths.items():
        found.setdefault(path.split(THEN)[0], []).append(cell)
    return {name: together(cells) for name, cells in found.items()}


def folded(paths: Mapping[str, Tally], least: int) -> dict[str, Tally]:
    """Paths of fewer than ``least`` persons without their last steps (``a > …``), the longest first; at the end, as ``other``."""
    left = dict(paths)
    while rare := [path for path, cell in left.items() if cell.persons < least and path != OTHER]:
        longest = max(_length(path) for path in rare)
        for path in sorted(path for path in rare if _length(path) == longest):
            cell, shorter = left.pop(path), _shorter(path)
            left[shorter] = together([left[shorter], cell]) if shorter in left else cell
    return left


def _length(path: str) -> int:
    """Steps told, two each; one that goes on counts less than one that is told."""
    steps = path.split(THEN)
    return 2 * len(steps) - (steps[-1] == MORE)


def _shorter(path: str) -> str:
    steps = [step for step in path.split(THEN) if step != MORE][:-1]
    return THEN.join([*steps, MORE]) if steps else OTHER
