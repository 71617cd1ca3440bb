# SPDX-License-Identifier: Apache-2.0
"""Which codes of a study's lists an operator's vocabulary (CONCEPT.csv of Athena) does not have. Reads no data of persons.

A system that the file says nothing of is not judged.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from rempart.errors import BadInput, Missing
from rempart.records.code_lists import FORMS, tidied
from rempart.records.protocol import CodeList

_FILE = "CONCEPT.csv"
_COLUMNS = ("concept_id", "vocabulary_id", "concept_code")
_PACK = "CIP13"  # looked up by the seven digits that stand in it


def unknown_codes(folder: Path, lists: Mapping[str, CodeList], names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Name of a list → its codes that no concept has; ``names``: code system → vocabulary as the folder calls it.

    A beginning is known when a code begins so. Raises Missing ``vocabulary-file``, BadInput ``vocabulary-column``.
    """
    systems = {codes.system for codes in lists.values()}
    known = {name: sorted(codes) for name, codes in _codes(folder, systems, names).items() if codes}
    found = {
        name: tuple(code for code in (*codes.include, *codes.exclude) if not _is_known(code, codes.system, known))
        for name, codes in lists.items()
        if codes.system in known
    }
    return {name: codes for name, codes in found.items() if codes}


def _is_known(code: str, system: str, known: Mapping[str, list[str]]) -> bool:
    wanted = code[5:12] if system == _PACK else code
    place = bisect_left(known[system], wanted)
    if place == len(known[system]):
        return False
    return known[system][place].startswith(wanted) if FORMS[system].branches else known[system][place] == wanted


def _codes(folder: Path, systems: set[str], names: Mapping[str, str]) -> dict[str, set[str]]:
    """Code system → codes that the folder has of its vocabulary, as the study file writes them (of packs: their seven digits)."""
    found: dict[str, set[str]] = {system: set() for system in systems}
    by_vocabulary: dict[str, list[str]] = {}
    for system in systems & names.keys():
        by_vocabulary.setdefault(names[system], []).append(system)
    for concept, vocabulary, code in _rows(folder / _FILE):
        if "OMOP" in systems:
            found["OMOP"].add(concept)
        for system in by_vocabulary.get(vocabulary, ()):
            found[system].add(tidied("CIP7" if system == _PACK else system, code))
    return {system: codes - {""} for system, codes in found.items()}


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    if not path.is_file():
        raise Missing("vocabulary-file", file=path.name)
    with path.open(encoding="utf-8", errors="replace") as file:
        header = [name.strip().lower() for name in next(chain(file, ("",))).split("\t")]
        for name in _COLUMNS:
            if name not in header:
                raise BadInput("vocabulary-column", file=path.name, column=name)
        concept, vocabulary, code = (header.index(name) for name in _COLUMNS)
        last = max(concept, vocabulary, code)
        for line in file:
            cells = line.rstrip("\r\n").split("\t")
            if len(cells) > last:
                yield cells[concept], cells[vocabulary], cells[code]
