# SPDX-License-Identifier: Apache-2.0
"""Treatment pathways as result rows: first lines, then paths, rare ones shortened until enough persons share them. Counts nobody itself."""

from collections.abc import Mapping

from rempart.study.describe_cells import ARM, Describing, reference, together
from rempart.study.rows import Output
from rempart.study.tallies import Tally

THEN, MORE, OTHER = " → ", "…", "other"


def pathways(output: Output, told: Describing) -> None:
    """Persons and percent of everybody, of each first line, of each path."""
    paths = {cell.key["path"]: cell for cell in told.part("paths")}
    whole = together(paths.values())
    _line(output, "all", "all", whole, whole.persons)
    lines, rest = first_lines(paths, told.analysis.least)
    firsts = {name: together(group.values()) for name, group in lines.items()}
    kept = {path: cell for group in lines.values() for path, cell in folded(group, told.analysis.least).items()}
    others = {OTHER: together(rest.values())} if rest else {}
    for variable, found in (("first", firsts | others), ("path", kept | others)):
        for name, cell in sorted(found.items()):  # by name: the check orders what it shows
            _line(output, variable, name, cell, whole.persons)


def _line(output: Output, variable: str, level: str, cell: Tally, total: int) -> None:
    values = {"n": cell.persons, "percent": 100 * cell.persons / total if total else None}
    output.write({"variable": variable, "level": level}, ARM, values, n=cell.persons, ref=reference(cell))


def first_lines(paths: Mapping[str, Tally], least: int) -> tuple[dict[str, dict[str, Tally]], dict[str, Tally]]:
    """First step → its paths; and the paths of first steps of fewer than ``least`` persons, joined by the next smallest until they are
    as many themselves."""
    groups: dict[str, dict[str, Tally]] = {}
    for path, cell in sorted(paths.items()):
        groups.setdefault(path.split(THEN)[0], {})[path] = cell
    rest: dict[str, Tally] = {}
    for name in sorted(groups, key=lambda name: (_persons(groups[name]), name)):
        if _persons(groups[name]) < least or 0 < _persons(rest) < least:
            rest |= groups.pop(name)
    return groups, rest


def folded(group: Mapping[str, Tally], least: int) -> dict[str, Tally]:
    """The paths of one first step ``a``, those of fewer than ``least`` persons told without their last steps (``a → b → …``), the longest
    first; at last as ``a → …``, which the next smallest joins until there are enough, or all are one."""
    left = dict(group)
    first = min(left).split(THEN)[0]
    bucket = THEN.join([first, MORE])
    while (step := _next(left, bucket, least)) is not None:
        path, shorter = step
        cell = left.pop(path)
        left[shorter] = together([left[shorter], cell]) if shorter in left else cell
    return left


def _next(left: Mapping[str, Tally], bucket: str, least: int) -> tuple[str, str] | None:
    """The path to shorten next, and to what: the longest rare one; else, where what is told together is too rare, the smallest."""
    others = [path for path in left if path != bucket]
    rare = [path for path in others if left[path].persons < least]
    if rare:
        longest = max(rare, key=lambda path: (_length(path), path))
        return longest, _shorter(longest)
    if others and bucket in left and left[bucket].persons < least:
        return min(others, key=lambda path: (left[path].persons, path)), bucket
    return None


def _persons(cells: Mapping[str, Tally]) -> int:
    return sum(cell.persons for cell in cells.values())


def _length(path: str) -> int:
    """Steps told, two each; one that goes on counts less than one that is told."""
    steps = path.split(THEN)
    return 2 * len(steps) - (steps[-1] == MORE)


def _shorter(path: str) -> str:
    """Without its last step, but never without its first."""
    steps = [step for step in path.split(THEN) if step != MORE]
    return THEN.join([*(steps[:-1] or steps), MORE])
