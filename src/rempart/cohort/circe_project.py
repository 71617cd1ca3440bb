# SPDX-License-Identifier: Apache-2.0
"""An ATLAS definition made ready for the tables of a project: concept sets as the concepts they hold, names that can be shown.

A project has no vocabulary, so what stands below a concept or maps to it must be told. Opens no file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rempart.cohort.circe import used_code_sets
from rempart.cohort.circe_criterion import Words
from rempart.cohort.project_domains import absent
from rempart.errors import BadInput
from rempart.records.cohort import CodeSet, CohortDefinition
from rempart.records.cohort_text import shown_name

Told = Mapping[int, frozenset[int]]
_COLUMNS = ("concept_set", "concept_id")
_MOST = (1 << 53) - 1


def project_definition(definition: CohortDefinition, *, words: Words, told: Told, file: str) -> CohortDefinition:
    """The definition with its used concept sets in full; ``told``: concept set → its concepts, in place of what the definition says;
    ``words``: of ``circe.toml``.

    Raises BadInput ``atlas-not-in-project``, ``atlas-concepts`` (descendants or mapped concepts that nobody told), ``atlas-empty-set``,
    ``cohort-code-set`` (told and not there).
    """
    for domain, attribute in absent(definition):
        raise BadInput("atlas-not-in-project", file=file, word=_word(domain, attribute, words))
    used = used_code_sets(definition)
    for number in sorted(told.keys() - definition.code_sets.keys()):
        raise BadInput("cohort-code-set", file=file, number=number, count=0)
    sets = {number: _resolved(number, definition.code_sets[number], told, file) for number in sorted(used)}
    rules = (replace(rule, name=shown_name(rule.name) or str(at)) for at, rule in enumerate(definition.rules, 1))
    return replace(definition, code_sets=sets, rules=tuple(rules))


def concepts_told(rows: Sequence[Sequence[str]], *, file: str) -> dict[int, frozenset[int]]:
    """Concept set → concepts, from the rows of a CSV file with the columns concept_set and concept_id; raises BadInput
    ``atlas-concepts-file`` with the line."""
    head = [name.strip().lower() for name in rows[0]] if rows else []
    if any(head.count(name) != 1 for name in _COLUMNS):
        raise BadInput("atlas-concepts-file", file=file, row=1)
    at = [head.index(name) for name in _COLUMNS]
    found: dict[int, set[int]] = {}
    for number, row in enumerate(rows[1:], 2):
        cells = [row[place] if place < len(row) else "" for place in at]
        if not all(cell.isascii() and cell.isdigit() and len(cell) <= 16 and int(cell) <= _MOST for cell in cells):
            raise BadInput("atlas-concepts-file", file=file, row=number)
        found.setdefault(int(cells[0]), set()).add(int(cells[1]))
    return {number: frozenset(concepts) for number, concepts in found.items()}


def _resolved(number: int, given: CodeSet, told: Told, file: str) -> CodeSet:
    concepts = told.get(number)
    if concepts is None:
        if any(below or mapped for _, below, mapped in (*given.include, *given.exclude)):
            raise BadInput("atlas-concepts", file=file, number=number)
        concepts = frozenset(entry[0] for entry in given.include) - {entry[0] for entry in given.exclude}
    if not concepts:
        raise BadInput("atlas-empty-set", file=file, number=number)
    return CodeSet(include=tuple((concept, False, False) for concept in sorted(concepts)))


def _word(domain: str, attribute: str, words: Words) -> str:
    """The word of a definition for an attribute of a domain."""
    kinds = {"concept": "code-set", "source_concept": "source"}
    known = words.get(domain, {})
    named = (
        name
        for name, word in known.items()
        if word.get("attribute") == attribute or word["kind"] == kinds.get(attribute, "")
    )
    return ".".join(part for part in (domain, next(named, attribute)) if part)
