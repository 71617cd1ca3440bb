# SPDX-License-Identifier: Apache-2.0
"""Names of sets of rules and of lists of packs in a study file, filled in before it is read: its canonical form holds what they stood for.

A later version of a set or file therefore changes no study. Reads no file: ``adapters/supply_files.py`` does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rempart.errors import BadInput
from rempart.records.fields import near

SHIPPED = "shipped"
_KEYS = ("code", "units", "days", "kind")
Packs = Callable[[str], list[dict[str, Any]]]


def filled(parsed: Mapping[str, Any], *, file: str, known: Mapping[str, Any], packs_of: Packs) -> dict[str, Any]:
    """The parsed study with the rules and packs of its exposures in place of their names.

    ``known``: the parsed ``cohort/supply.toml``; ``packs_of``: the packs of a file beside the study. What is no name is left as it
    stands, for the reader to judge. Raises BadInput ``study-name`` for a set that there is not.
    """
    exposures = parsed.get("exposures")
    if not isinstance(exposures, Mapping):
        return dict(parsed)
    found = {
        name: {
            **item,
            **_rules(item, f"exposures.{name}.supply", file, known["sets"]),
            **_packs(item, parsed, known, packs_of),
        }
        if isinstance(item, Mapping)
        else item
        for name, item in exposures.items()
    }
    return {**parsed, "exposures": found}


def _rules(item: Mapping[str, Any], field: str, file: str, sets: Mapping[str, Any]) -> dict[str, Any]:
    supply = item.get("supply")
    if not isinstance(supply, str):
        return {}
    if supply not in sets:
        expected = ", ".join(sets)
        raise BadInput("study-name", file=file, field=field, name=supply, expected=expected, **near(supply, sets))
    return {"supply": sets[supply]["rules"]}


def _packs(
    item: Mapping[str, Any], study: Mapping[str, Any], known: Mapping[str, Any], packs_of: Packs
) -> dict[str, Any]:
    packs = item.get("packs")
    if not isinstance(packs, str) or not packs:
        return {}
    return {"packs": _shipped(known["packs"], _codes(item, study)) if packs == SHIPPED else packs_of(packs)}


def _codes(exposure: Mapping[str, Any], study: Mapping[str, Any]) -> Mapping[str, Any]:
    lists, name = study.get("codes"), exposure.get("codes")
    found = lists.get(name) if isinstance(lists, Mapping) and isinstance(name, str) else None
    return found if isinstance(found, Mapping) else {}


def _shipped(groups: Mapping[str, Any], codes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The listed packs that a code list names, by pack or by class."""
    named = codes.get("include")
    include = tuple(map(str, named)) if isinstance(named, list) else ()
    rows = [row for group in groups.values() for row in group["rows"]]
    if codes.get("system") == "ATC":
        wanted = [row for row in rows if row["atc"].startswith(include)]
    else:
        wanted = [row for row in rows if row["code"] in include]
    return [{key: row[key] for key in _KEYS if key in row} for row in wanted]
