# SPDX-License-Identifier: Apache-2.0
"""The rule file as Markdown, for docs/disclosure.md: people read the same rules that run. Applies no rule."""

from collections.abc import Mapping
from typing import Any


def rules_table(rules: Mapping[str, Any]) -> str:
    """Three tables: thresholds, output types, rules with their source and date."""
    limits = {**rules["threshold"], **rules["dominance"], **rules.get("limits", {})}
    parts = [f"Rule file `{rules['id']}` of {rules['date']}.", _table(["threshold", "value"], limits.items())]
    types = [
        (name, ", ".join(entry["counts"]) or "none", ", ".join(entry["measures"]) or "none", ", ".join(entry["rules"]))
        for name, entry in rules["types"].items()
    ]
    parts.append(_table(["output type", "counts", "measures", "rules applied"], types))
    named = [
        (name, entry["en"], entry["fr"], f"{entry['source']} ({entry['date']})")
        for name, entry in rules["rules"].items()
    ]
    parts.append(_table(["rule", "in English", "en français", "source and date"], named))
    options = [(name, entry["en"], entry["fr"], entry["reference"]) for name, entry in rules.get("options", {}).items()]
    parts.append(_table(["option", "in English", "en français", "after"], options))
    rounding = [(name, " ".join(f"{value} {key}" for key, value in how.items())) for name, how in _rounding(rules)]
    parts.append(_table(["statistic", "rounded to"], rounding))
    return "\n\n".join(parts) + "\n"


def _rounding(rules: Mapping[str, Any]) -> list[tuple[str, Mapping[str, int]]]:
    of_types = [
        (f"{name} of {kind}", how) for kind, entry in rules["rounding_of"].items() for name, how in entry.items()
    ]
    return [*rules["rounding"].items(), *of_types]


def _table(head: list[str], rows: Any) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def files_table(rules: Mapping[str, Any]) -> str:
    """The rules for files of a researcher's own as Markdown: kinds, bounds, rules in both languages, forms of identifiers."""
    kinds = [(kind, ", ".join(suffixes)) for kind, suffixes in rules["kinds"].items()]
    bounds = list(rules["limits"].items())
    named = [(name, one["verdict"], one["en"], one["fr"]) for name, one in rules["rules"].items()]
    forms = [(name, one["about"]) for name, one in rules["identifiers"].items()]
    parts = [
        _table(["kind", "suffixes"], kinds),
        _table(["rule", "verdict", "in English", "en français"], named),
        _table(["form of an identifier", "what it is"], forms),
        _table(["bound", "value"], bounds),
    ]
    return "\n\n".join(parts) + "\n"
