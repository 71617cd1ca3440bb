# SPDX-License-Identifier: Apache-2.0
"""Kinds of diagnosis that a study file asks for, judged by those that the warehouse writes: another word would find nobody, in silence.

The words stand in ``condition_status.toml``. ATLAS definitions ask for concepts and are not looked at.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from rempart.errors import BadInput
from rempart.records.fields import nearest

_SHOWN = 5  # words of a list that are told
_LONGEST = 40  # characters of a word that are told


def unknown_kinds(parsed: Mapping[str, object], known: Collection[str], *, file: str) -> list[BadInput]:
    """BadInput ``condition-status`` for each ``status`` of a condition, anywhere in the file, with words that are not ``known``."""
    found = []
    for path, words in _asked(parsed, ""):
        unknown = list(islice((word for word in words if word not in known), _SHOWN))
        if unknown:
            upper = unknown[0].upper()
            likely = upper if upper in known else nearest(upper, known)
            facts = {
                "given": ", ".join(word[:_LONGEST] for word in unknown),
                "expected": ", ".join(known),
                **({"near": likely} if likely else {}),
            }
            found.append(BadInput("condition-status", file=file, field=path, **facts))
    return found


def _asked(value: object, path: str) -> Iterator[tuple[str, list[str]]]:
    """(path, words) of every list of kinds that is asked of conditions."""
    if isinstance(value, Mapping):
        if value.get("domain") == "condition" and isinstance(told := value.get("status"), list | tuple):
            yield f"{path}.status", [word for word in told if isinstance(word, str)]
        for name, item in value.items():
            yield from _asked(item, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for at, item in enumerate(value, 1):
            yield from _asked(item, f"{path}[{at}]")
