# SPDX-License-Identifier: Apache-2.0
"""What is told of the names of delivered files and columns: a name that holds a direct identifier is replaced by a place. Keeps no name."""

import re
from pathlib import PurePath

from rempart.adapters.leak_scan import finder

_LONGEST = 40
_ENDING = re.compile(r"(?:\.[A-Za-z]{1,8}){1,2}$")
_WORD = re.compile(r"[^\W_]+")
_HIDDEN = re.compile(r"hidden[0-9]+(?:\.|$)")


def told_column(name: str, place: int) -> str:
    """The name, cut to 40 characters; ``#7`` for the seventh (``place`` counts from 1) where it holds an identifier."""
    return f"#{place}" if finder().in_name(name) else name[:_LONGEST]


def told_file(name: str, number: int) -> str:
    """The name; where it holds an identifier, what stands before it, ``hidden`` with the file's number among all, and the ending."""
    if not finder().in_name(name):
        return name
    found = _ENDING.search(name)
    ending = "" if not found or finder().in_name(found.group()) else found.group()
    stem = name.removesuffix(ending)
    before = stem[: _begin(stem)].rstrip(" _-.")
    return PurePath(f"{before}_hidden{number}{ending}" if before else f"hidden{number}{ending}").name


def is_hidden(name: str) -> bool:
    """Whether a file's name is one that ``told_file`` made."""
    return bool(_HIDDEN.search(name))


def _begin(stem: str) -> int:
    """Where the first identifier begins: no later than at the last word from which the shortest beginning that holds it still does."""
    words = [(word.start(), word.end()) for word in _WORD.finditer(stem)]
    end = next((end for _, end in words if finder().in_name(stem[:end])), len(stem))
    return max((start for start, _ in words if start < end and finder().in_name(stem[start:end])), default=0)
