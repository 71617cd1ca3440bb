# SPDX-License-Identifier: Apache-2.0
"""Which design a name that is none of the study file's probably means. The names stand in ``design_names.toml``."""

import unicodedata
from collections.abc import Mapping, Sequence

from rempart.errors import RempartError


def tell_designs(
    parsed: Mapping[str, object], problems: Sequence[RempartError], names: Mapping[str, Sequence[str]]
) -> None:
    """Give each error of a ``design`` that is not known the design that is also called so, as its ``near``. ``names``: design → its other
    names."""
    called = {other: design for design, others in names.items() for other in others}
    listed = parsed.get("analyses")
    for place, item in enumerate(listed if isinstance(listed, list | tuple) else (), 1):
        told = item.get("design") if isinstance(item, Mapping) else None
        likely = called.get(_plain(told)) if isinstance(told, str) else None
        for error in problems:
            if likely and error.facts.get("field") == f"analyses[{place}].design":
                error.facts["near"] = likely


def _plain(name: str) -> str:
    """Small letters without accents, hyphens for what parts words."""
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(letter)
    )
    return "-".join(bare.replace("_", " ").replace("-", " ").split())
