# SPDX-License-Identifier: Apache-2.0
"""The flow of treatments: columns of first, second, third treatment, joined by bands as high as the persons who went that way.

Heights are sums of the shown counts of the path table; a suppressed path has no height and is named under the title, with no number.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from rempart.adapters.figure_words import Words, groups, hidden, shown, width_of
from rempart.records.result import CheckedTable

_HEIGHT, _COLUMN, _NODE, _GAP = 380, 260, 18, 16
_ARROW = " → "
_CURVE = 24  # points of an edge of a band
_MOST = 40  # paths
Path = tuple[str, ...]
Node = dict[str, Any]


def flow(table: CheckedTable, words: Words) -> Any:
    """The flow; None where fewer than two paths, or no second treatment, may be shown."""
    paths = _paths(table)
    if len(paths) < 2 or max(map(len, paths)) < 2:
        return None
    colours, said = _colours(paths, words), _said(paths, words)
    nodes = _nodes(paths)
    bands = [band for path in _prefixes(paths) for band in _band(path, paths, nodes)]
    steps = max(map(len, paths))
    right = width_of(*said.values()) + 30
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, (steps - 1) * _COLUMN + right], nice=False), axis=None)
    scale = alt.Scale(domain=[0, _HEIGHT], range=[0, _HEIGHT], nice=False)
    drawn = alt.Chart(alt.InlineData(values=bands)).mark_area(opacity=0.3, aria=False, line=False)
    colour = alt.Color("drug:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    layers = [
        drawn.encode(x=x, y=alt.Y("top:Q", scale=scale, axis=None), y2="bottom:Q", detail="band:N", color=colour),
        *_blocks(nodes, said, words, (x, scale), colour),
        *_heads(steps, words, x, scale),
    ]
    return alt.layer(*layers).properties(width=(steps - 1) * _COLUMN + right, height=_HEIGHT)


def masked_paths(table: CheckedTable) -> bool:
    """Whether a path is suppressed."""
    return any(
        dict(row).get("variable") == "path" and dict(row).get("level") != "all" and hidden(rows, "n")
        for (row, _), rows in groups(table).items()
    )


def _paths(table: CheckedTable) -> dict[Path, float]:
    found: dict[Path, float] = {}
    for (row, _), rows in groups(table).items():
        keys, value = dict(row), shown(rows, "n")
        if (
            keys.get("variable") == "path"
            and keys.get("level") != "all"
            and value
            and value[0] > 0
            and len(found) < _MOST
        ):
            found[tuple(keys["level"].split(_ARROW))] = value[0]
    return found


def _said(paths: Mapping[Path, float], words: Words) -> dict[str, str]:
    """Each treatment as its path is read."""
    found: dict[str, str] = {}
    for path in paths:
        spoken = words.say(_ARROW.join(path)).split(_ARROW)
        found |= (
            dict(zip(path, spoken, strict=True))
            if len(spoken) == len(path)
            else {name: words.say(name) for name in path}
        )
    return found


def _prefixes(paths: Mapping[Path, float]) -> list[Path]:
    """Every beginning of a path of two treatments and more, once, in the order of the paths."""
    return list(dict.fromkeys(path[:at] for path in _sorted(paths) for at in range(2, len(path) + 1)))


def _sorted(paths: Mapping[Path, float]) -> list[Path]:
    """By the weight of the first treatment, then of the first two, and so on."""
    weight: dict[Path, float] = {}
    for path, n in paths.items():
        for at in range(1, len(path) + 1):
            weight[path[:at]] = weight.get(path[:at], 0) + n
    return sorted(paths, key=lambda path: [(-weight[path[:at]], path[:at]) for at in range(1, len(path) + 1)])


def _weight(prefix: Path, paths: Mapping[Path, float]) -> float:
    return sum(n for path, n in paths.items() if path[: len(prefix)] == prefix)


def _nodes(paths: Mapping[Path, float]) -> dict[tuple[int, str], Node]:
    """(step, drug) → its block: where it begins, how high it is, and how much of its left and right edge is taken."""
    total = sum(paths.values())
    steps = max(map(len, paths))
    drugs = [list(dict.fromkeys(path[at] for path in _sorted(paths) if len(path) > at)) for at in range(steps)]
    most = max(map(len, drugs))
    unit = (_HEIGHT - 24 - _GAP * (most - 1)) / total
    nodes: dict[tuple[int, str], Node] = {}
    for at, names in enumerate(drugs):
        top = 24.0
        for name in names:
            n = sum(weight for path, weight in paths.items() if len(path) > at and path[at] == name)
            nodes[at, name] = {
                "x": at * _COLUMN,
                "top": top,
                "bottom": top + n * unit,
                "drug": name,
                "in": top,
                "out": top,
                "unit": unit,
            }
            top += n * unit + _GAP
    return nodes


def _band(prefix: Path, paths: Mapping[Path, float], nodes: Mapping[tuple[int, str], Node]) -> list[dict[str, Any]]:
    """The band of those who went on by this beginning: from the last but one treatment to the last."""
    at = len(prefix) - 1
    before, after = nodes[at - 1, prefix[at - 1]], nodes[at, prefix[at]]
    high = _weight(prefix, paths) * before["unit"]
    left, right = before["out"], after["in"]
    before["out"] += high
    after["in"] += high
    found = []
    for step in range(_CURVE + 1):
        share = step / _CURVE
        bend = share * share * (3 - 2 * share)
        top = left + (right - left) * bend
        x = before["x"] + _NODE + (after["x"] - before["x"] - _NODE) * share
        found.append({"x": x, "top": top, "bottom": top + high, "band": _ARROW.join(prefix), "drug": prefix[at - 1]})
    return found


def _blocks(
    nodes: Mapping[tuple[int, str], Node], said: Mapping[str, str], words: Words, scales: tuple[Any, Any], colour: Any
) -> list[Any]:
    """The blocks and the name of each beside it."""
    x, scale = scales
    rows = [
        {
            "x": node["x"],
            "x2": node["x"] + _NODE,
            "top": node["top"],
            "bottom": node["bottom"],
            "drug": node["drug"],
            "text": said[node["drug"]],
            "middle": (node["top"] + node["bottom"]) / 2,
            "spoken": f"{words.of_type('pathways_flow', 'step')} {at + 1}: {said[node['drug']]}",
        }
        for (at, _), node in nodes.items()
    ]
    drawn = alt.Chart(alt.InlineData(values=rows))
    y = alt.Y("top:Q", scale=scale, axis=None)
    text = drawn.mark_text(align="left", dx=_NODE + 7, fontSize=14, color=words.colour("ink"), aria=False)
    return [
        drawn.mark_rect().encode(x=x, x2="x2:Q", y=y, y2="bottom:Q", color=colour, description="spoken:N"),
        text.encode(x=x, y=alt.Y("middle:Q", scale=scale, axis=None), text="text:N"),
    ]


def _heads(steps: int, words: Words, x: Any, scale: Any) -> list[Any]:
    rows = [
        {"x": at * _COLUMN, "y": 4, "text": f"{words.of_type('pathways_flow', 'step')} {at + 1}"} for at in range(steps)
    ]
    text = alt.Chart(alt.InlineData(values=rows)).mark_text(
        align="left", fontSize=13, color=words.colour("quiet"), aria=False
    )
    return [text.encode(x=x, y=alt.Y("y:Q", scale=scale, axis=None), text="text:N")]


def _colours(paths: Sequence[Path] | Mapping[Path, float], words: Words) -> dict[str, str]:
    known = [words.colour("target"), words.colour("comparator"), *words.data["colours"]["others"]]
    drugs = list(dict.fromkeys(drug for path in paths for drug in path))
    return {drug: known[at] if at < len(known) else words.colour("all") for at, drug in enumerate(drugs)}
