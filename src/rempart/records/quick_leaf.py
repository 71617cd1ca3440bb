# SPDX-License-Identifier: Apache-2.0
"""The fields of a leaf read in one match, for the leaves that nearly all are: canonical JSON of plain ASCII without an escape.

What matches is canonical: one layout, keys in their order, no space, no escape, whole numbers in their only form. What does not match
is no verdict: the long way judges it.
"""

import datetime
import re
from functools import lru_cache

_PLAIN = r"[ !#-\[\]-~]*+"
_TEXT = rf'"({_PLAIN})"'
_TEXTS = rf'(\[\]|\["{_PLAIN}"(?:,"{_PLAIN}")*+\])'
_TIME = r'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?\+00:00)"'
_HEAD = rf'\{{"actor":{_TEXT},"basis":{_TEXT},"class":{_TEXT},"kind":{_TEXT}'
_TAIL = rf'{_TEXTS},"of":(null|0|[1-9][0-9]{{0,14}}),"phase":{_TEXT},"salt":{_TEXT},"schema":"rempart\.event/1","time":{_TIME}\}}'
_BETWEEN = b',"objects":'
_head, _tail = re.compile(_HEAD).fullmatch, re.compile(_TAIL).fullmatch
_instant = datetime.datetime.fromisoformat

Fields = tuple[str, str, str, str, tuple[str, ...], int | None, str, str, str]
"""Actor, basis, class, kind, objects, of, phase, salt, time."""


def quick_fields(leaf: bytes) -> Fields | None:
    """The fields of a well-formed event, None where only the long way can tell."""
    first, _, rest = leaf.partition(_BETWEEN)
    try:
        who, found = first_half(first.decode("ascii")), _tail(rest.decode("ascii"))
    except UnicodeDecodeError:
        return None
    if who is None or found is None:
        return None
    texts, number, phase, salt, time = found.groups()
    of = None if number == "null" else int(number)
    if (of is None) != (phase == "intent"):
        return None
    try:
        _instant(time)
    except ValueError:
        return None
    objects = tuple(texts[2:-2].split('","')) if texts != "[]" else ()
    return *who, objects, of, phase, salt, time


@lru_cache(maxsize=4096)
def first_half(first: str) -> tuple[str, str, str, str] | None:
    """Actor, basis, class and kind, of which a log has few together: what stands before the objects is read once."""
    found = _head(first)
    return (found[1], found[2], found[3], found[4]) if found else None
