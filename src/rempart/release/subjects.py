# SPDX-License-Identifier: Apache-2.0
"""Of whom and of what an output tells, in a language: its cohort, its outcome, as the study calls them. Reads no value."""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.records.result import CheckedTable


def subjects(
    tables: Sequence[CheckedTable], *, study: Mapping[str, Any], words: Mapping[str, Any], language: str
) -> dict[str, str]:
    """output → its caption (``cohort: diabetes · outcome: heart failure stay``); absent where the study does not say it.

    ``study``: in canonical form; ``words``: the parsed ``release/words.toml``.
    """
    found = {table.output: analysis_of(table.output, study, words) for table in tables}
    told = {output: _caption(output, item, words, language) for output, item in found.items() if item}
    return {output: text[0].upper() + text[1:] for output, text in told.items() if text}


def analysis_of(output: str, study: Mapping[str, Any], words: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The analysis whose output this is: the only one of its type, else the one whose id the output's name holds."""
    known = max((name for name in words["types"] if output.startswith(name)), key=len, default="")
    of_type = [item for item in study.get("analyses", ()) if item["type"] == words["types"].get(known)]
    if len(of_type) == 1:
        return dict(of_type[0])
    named = [item for item in of_type if f"_{item['id']}_" in f"{output}_"]
    return dict(max(named, key=lambda item: len(item["id"]))) if named else None


def one_cohort(item: Mapping[str, Any]) -> str:
    """The one rule cohort that an analysis describes; '' where it compares, or tells of several."""
    inputs = item["inputs"]
    cohorts = inputs.get("cohorts", [inputs["cohort"]] if "target" not in inputs and "cohort" in inputs else [])
    return str(cohorts[0]) if len(cohorts) == 1 else ""


def _caption(output: str, item: Mapping[str, Any], words: Mapping[str, Any], language: str) -> str:
    inputs, forms = item["inputs"], words["captions"][language]
    compares = "target" in inputs
    cohorts = [] if compares else inputs.get("cohorts", [inputs.get("cohort")])
    told = [forms["cohort" if len(cohorts) == 1 else "cohorts"].format(names=_listed(cohorts))] if any(cohorts) else []
    if inputs.get("outcome") and item["type"] in words["types_with_outcome"]:
        told.append(forms["outcome"].format(names=_listed([inputs["outcome"]])))
    days = item.get("parameters", {}).get("days")
    if days and not output.startswith(words["windows_apart"]):
        told.append(forms["days"].format(days=days))
    return " · ".join(told)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)
