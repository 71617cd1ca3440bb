# SPDX-License-Identifier: Apache-2.0
"""What a reader sees in place of a table's labels, in a language: steps, arms, levels, names that the study gave. Counts nothing.

A published CSV keeps its labels as they were signed; figures and the summary are written with these.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rempart.records.protocol import DESIGNS
from rempart.records.result import CheckedTable
from rempart.release.curve_days import LEFT_OUT, curve_note
from rempart.release.subjects import analysis_of, one_cohort

_NUMBERED = re.compile(r"\d\d (.+)")
_JOINED = {
    " / ": " / ",
    " → ": " → ",
    " + ": " + ",
    "*": " × ",
}  # of a crossing, a pathway, a combination, a crossing's name
_OR = " or "  # between the events of a step
_EVENT = re.compile(r"([<>=]+ \d+ )?(.+) \((\w+)\)")


def reader_labels(
    tables: Sequence[CheckedTable], *, study: Mapping[str, Any], words: Mapping[str, Any], language: str
) -> dict[str, str]:
    """label → what to read in ``language``, for every label of the tables that is read otherwise than it is written;
    ``output:label`` → that too, where one output reads it in its own way; ``output:arm`` → the one cohort that it describes;
    ``output:left out`` → the days of its curve that are not shown.

    ``study``: a study in canonical form, which names the arms; ``words``: the parsed ``release/words.toml``.
    """
    said = {**_study_names(study), **words["labels"][language], **arm_names(study, words=words, language=language)}
    forms = {**words["steps"][language], _OR: words["joined"][language]}
    found = {text: _spoken(text, said, forms) for text in _texts(tables)}
    found |= {name: said[name] for name in ("all", "target", "comparator", "target versus comparator") if name in said}
    told = {text: spoken for text, spoken in found.items() if spoken != text}
    for table in tables:
        told |= _own(table, study, words, language)
    for table in tables:
        if note := curve_note(table, study=study, words=words, labels=told, language=language):
            told[f"{table.output}:{LEFT_OUT}"] = note
    return told


def _own(table: CheckedTable, study: Mapping[str, Any], words: Mapping[str, Any], language: str) -> dict[str, str]:
    """Labels with a meaning of their own in this output, and the cohort's name where one cohort alone is told of."""
    given = words["labels_in"][language]
    known = max((name for name in given if table.output.startswith(name)), key=len, default="")
    found = dict(given[known]) if known else {}
    arms = {arm for row in table.rows for arm in row.column_key.values()}
    item = analysis_of(table.output, study, words)
    if item and "target" in item["inputs"] and not arm_names(study, words=words, language=language):
        found |= _pair_names([item], study, words=words, language=language)
    if item and arms == {"all"} and (cohort := one_cohort(item)):
        found["arm"] = _plain(cohort)
    return {f"{table.output}:{label}": str(spoken) for label, spoken in found.items()}


def arm_names(study: Mapping[str, Any], *, words: Mapping[str, Any], language: str) -> dict[str, str]:
    """The arms by the names of their code lists, or of the cohorts compared; nothing when analyses of the study compare different ones."""
    items = [item for item in study.get("analyses", ()) if "target" in item["inputs"]]
    return _pair_names(items, study, words=words, language=language)


def _pair_names(
    items: Sequence[Mapping[str, Any]], study: Mapping[str, Any], *, words: Mapping[str, Any], language: str
) -> dict[str, str]:
    """The names of the one pair that these analyses compare; none of several."""
    pairs = {(item["design"] in DESIGNS, item["inputs"]["target"], item["inputs"]["comparator"]) for item in items}
    if len(pairs) != 1:
        return {}
    ((of_users, target, comparator),) = pairs
    forms = words["arms"][language]
    cases = sides_of_cases(study)
    named = {"target": _plain(cases.get(target, target)), "comparator": _plain(cases.get(comparator, comparator))}
    if of_users:
        one, other = study["exposures"][target], study["exposures"][comparator]
        form = forms["non_users" if other["non_users"] else "user"]
        named = {"target": _plain(one["codes"]), "comparator": form.format(codes=_plain(other["codes"]))}
    return {**named, "target versus comparator": forms["versus"].format(**named)}


def _study_names(study: Mapping[str, Any]) -> dict[str, str]:
    """Names of code lists, outcomes and whatever else the study defines, as words."""
    kinds = ("codes", "populations", "cohorts", "exposures", "outcomes", "covariates")
    cases = {name: _plain(to) for name, to in sides_of_cases(study).items()}
    return {name: _plain(name) for kind in kinds for name in study.get(kind, {})} | cases


def sides_of_cases(study: Mapping[str, Any]) -> dict[str, str]:
    """The side of the cases of each matched cohort → the cohort that they come from: what they are."""
    cohorts = study.get("cohorts", {}).items()
    return {
        f"{name}_cases": str(cohort["match"].get("to", f"{name}_cases"))
        for name, cohort in cohorts
        if "match" in cohort
    }


def _texts(tables: Sequence[CheckedTable]) -> Iterable[str]:
    """Every label, and a step without its number, as figures show it."""
    keys = (key for table in tables for row in table.rows for key in (row.row_key, row.column_key))
    texts = dict.fromkeys(text for key in keys for text in key.values())
    bare = (match.group(1) for match in map(_NUMBERED.fullmatch, texts) if match)
    return [*texts, *bare]


def _spoken(text: str, said: Mapping[str, str], forms: Mapping[str, str]) -> str:
    """A known word, else a step: its form in the language, with the names in it spoken in turn. Of levels and steps that are joined,
    each."""
    if text in said:
        return said[text]
    number = _NUMBERED.fullmatch(text)
    if number:
        return f"{int(text[:2])}. {_spoken(number.group(1), said, forms)}"
    for written, form in forms.items():
        parts = re.fullmatch(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(written)), text)
        if parts:
            return form.format(**{name: _part(name, part, said, forms) for name, part in parts.groupdict().items()})
    for mark, spoken in _JOINED.items():
        if mark in text:
            return spoken.join(_spoken(part, said, forms) for part in text.split(mark))
    return text


def _part(name: str, text: str, said: Mapping[str, str], forms: Mapping[str, str]) -> str:
    """What differs in a step: a name, a step in turn (``rest``), or its events, each a name with its kind."""
    if name == "rest":
        return _spoken(text, said, forms)
    if name == "cohorts":
        return ", ".join(said.get(part, part) for part in text.split(", "))
    if name != "events":
        return said.get(text, text)
    found = [_EVENT.fullmatch(event) for event in text.split(_OR)]
    told = [
        f"{many or ''}{said.get(what, what)} ({said.get(kind, kind)})"
        for many, what, kind in (event.groups() for event in found if event)
    ]
    return forms[_OR].join(told) if len(told) == len(found) else text


def _plain(name: str) -> str:
    return name.replace("_", " ")
