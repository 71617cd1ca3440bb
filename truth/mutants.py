# SPDX-License-Identifier: Apache-2.0
"""Ways to break the loader, so that the scores are seen to fall: each replaces one text of its SQL or one function."""

import contextlib
from collections.abc import Callable, Iterator
from unittest.mock import patch

from rempart.adapters import package_data

_read = package_data.text


def _edited(path: str, old: str, new: str) -> Callable[[], contextlib.AbstractContextManager[object]]:
    """A data file of the package reads with ``old``, which must stand there, replaced."""

    def text(asked: str) -> str:
        found = _read(asked)
        if asked != path:
            return found
        if old not in found:
            raise RuntimeError(f"{path} does not hold {old!r}")
        return found.replace(old, new)

    return lambda: patch.object(package_data, "text", text)


MUTANTS: dict[str, Callable[[], contextlib.AbstractContextManager[object]]] = {
    "netting-off": _edited(
        "ingest/sql/net_claim.sql", "sum(CAST(round(quantity * 10000)", "max(CAST(round(quantity * 10000)"
    ),
    "rule-d1-off": _edited("ingest/cleaning.toml", "drop = \"DPN_QLF IN ('71', '72')", "drop = \"DPN_QLF IN ('73')"),
    "twins-merged": _edited(
        "ingest/sql/resolve_persons.sql",
        "SELECT card, psa, person, person_keys FROM (",
        "SELECT card, psa, min(person) OVER (PARTITION BY psa) AS person, person_keys FROM (",
    ),
}
"""Name → how."""


@contextlib.contextmanager
def mutant(name: str | None) -> Iterator[None]:
    """The loader broken so while the block runs."""
    with MUTANTS[name]() if name else contextlib.nullcontext():
        yield
