# SPDX-License-Identifier: Apache-2.0
"""Reads an operator's Athena folder (tab-separated CONCEPT.csv, CONCEPT_RELATIONSHIP.csv, SOURCE_TO_CONCEPT_MAP.csv): what each code
of the systems that we know maps to. Streams the files; keeps nothing of a vocabulary that no system names. Ships no vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from rempart.adapters import package_data
from rempart.errors import BadInput, Missing
from rempart.ingest.context import Context, context
from rempart.ingest.hierarchy import Code, Standard, System, systems

_CONCEPT, _RELATION, _OWN_MAP = "CONCEPT.csv", "CONCEPT_RELATIONSHIP.csv", "SOURCE_TO_CONCEPT_MAP.csv"
_LIST, _OF_ALL = "VOCABULARY.csv", "None"
_MAPS_TO = "Maps to"
_STANDARD = "S"
_BLOCK = 8 << 20
_RULES = ("observation", "geography", "pregnancy", "hierarchy")


def context_definitions(options: Mapping[str, object] | None = None, vocabulary: Path | None = None) -> Context:
    """The rules of the context as shipped, with an operator's ``[observation]`` options and vocabulary folder.

    Raises BadInput ``unknown-key``, ``observation-months``, and as ``read_vocabulary``.
    """
    parsed = {name: package_data.toml(f"ingest/{name}.toml") for name in _RULES}
    told = read_vocabulary(vocabulary, systems(parsed["hierarchy"])) if vocabulary else None
    return context(**parsed, options=options, vocabulary=told)


def read_vocabulary(folder: Path, known: Mapping[str, System]) -> dict[Code, Standard]:
    """(Athena vocabulary, code in our form) → its own concept, the standard concept it maps to, and that one's domain.

    Of several standard concepts the lowest of the system's domain is taken, else the lowest. The operator's own map
    (SOURCE_TO_CONCEPT_MAP.csv, when it is there) comes before Athena's. Raises Missing ``vocabulary-file``, BadInput
    ``vocabulary-column``, ``vocabulary-form``.
    """
    wanted = {system.athena: system.domain for system in known.values()}
    own = _own_concepts(folder, wanted)
    targets: dict[Code, list[int]] = {code: [] for code in own}
    by_concept = {concept: code for code, concept in own.items()}
    for source, target in _related(folder, by_concept):
        targets[by_concept[source]].append(target)
    mapped = _own_map(folder, wanted)
    for code, concepts in mapped.items():
        targets[code] = concepts
    standard = _standard_domains(folder, {target for found in targets.values() for target in found})
    return {code: _chosen(own.get(code, 0), found, standard, wanted[code[0]]) for code, found in targets.items()}


def vocabulary_version(folder: Path) -> str:
    """What Athena calls the version of all that is in the folder; '' where it says none."""
    if not (folder / _LIST).is_file():
        return ""
    names = ("vocabulary_id", "vocabulary_version")
    rows = (row for batch in _batches(folder / _LIST, names) for row in batch.to_pylist())
    return next((str(row[names[1]])[:80] for row in rows if row[names[0]] == _OF_ALL), "")


def _chosen(own: int, targets: Sequence[int], standard: Mapping[int, str], domain: str) -> Standard:
    valid = sorted((standard[target] != domain, target) for target in targets if target in standard)
    concept = valid[0][1] if valid else 0
    return Standard(source_concept_id=own, concept_id=concept, domain=standard.get(concept, ""))


def our_form(code: str) -> str:
    """A code without full stop, trimmed, in capitals: as deliveries are read."""
    return code.replace(".", "").strip().upper()


def _own_concepts(folder: Path, wanted: Mapping[str, str]) -> dict[Code, int]:
    found: dict[Code, int] = {}
    names = ("concept_id", "vocabulary_id", "concept_code")
    for batch in _batches(folder / _CONCEPT, names):
        kept = batch.filter(pc.is_in(batch.column("vocabulary_id"), pa.array(list(wanted), pa.string())))
        for concept, vocabulary, code in zip(*(kept.column(name).to_pylist() for name in names), strict=True):
            found[vocabulary, our_form(code)] = _number(concept, folder / _CONCEPT)
    return found


def _related(folder: Path, sources: Mapping[int, Code]) -> Iterator[tuple[int, int]]:
    """(source concept, standard concept) of the valid relations that lead from a concept of ours."""
    names = ("concept_id_1", "concept_id_2", "relationship_id", "invalid_reason")
    ours = pa.array([str(concept) for concept in sources], pa.string())
    for batch in _batches(folder / _RELATION, names):
        valid = pc.and_(
            pc.equal(batch.column("relationship_id"), _MAPS_TO), pc.equal(batch.column("invalid_reason"), "")
        )
        kept = batch.filter(pc.and_(valid, pc.is_in(batch.column("concept_id_1"), ours)))
        for source, target in zip(*(kept.column(name).to_pylist() for name in names[:2]), strict=True):
            yield _number(source, folder / _RELATION), _number(target, folder / _RELATION)


def _own_map(folder: Path, wanted: Mapping[str, str]) -> dict[Code, list[int]]:
    """The operator's own map, valid lines alone."""
    found: dict[Code, list[int]] = {}
    if not (folder / _OWN_MAP).exists():
        return found
    names = ("source_code", "source_vocabulary_id", "target_concept_id", "invalid_reason")
    for batch in _batches(folder / _OWN_MAP, names):
        for code, vocabulary, target, invalid in zip(*(batch.column(n).to_pylist() for n in names), strict=True):
            if vocabulary in wanted and not invalid:
                found.setdefault((vocabulary, our_form(code)), []).append(_number(target, folder / _OWN_MAP))
    return found


def _standard_domains(folder: Path, targets: set[int]) -> dict[int, str]:
    """Domain of each target that is a valid standard concept."""
    names = ("concept_id", "domain_id", "standard_concept", "invalid_reason")
    ours, found = pa.array([str(target) for target in sorted(targets)], pa.string()), {}
    for batch in _batches(folder / _CONCEPT, names):
        valid = pc.and_(
            pc.equal(batch.column("standard_concept"), _STANDARD), pc.equal(batch.column("invalid_reason"), "")
        )
        kept = batch.filter(pc.and_(valid, pc.is_in(batch.column("concept_id"), ours)))
        for concept, domain in zip(*(kept.column(name).to_pylist() for name in names[:2]), strict=True):
            found[_number(concept, folder / _CONCEPT)] = domain
    return found


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The named columns as text, a block at a time; column names in any case."""
    if not path.is_file():
        raise Missing("vocabulary-file", file=path.name)
    with path.open("rb") as file:
        header = file.readline(1 << 16).decode("utf-8", "replace").rstrip("\r\n").split("\t")
    by_name = {name.lower(): name for name in header}
    for name in columns:
        if name not in by_name:
            raise BadInput("vocabulary-column", file=path.name, column=name)
    picked = [by_name[name] for name in columns]
    convert = csv.ConvertOptions(include_columns=picked, column_types=dict.fromkeys(picked, pa.string()))
    parse = csv.ParseOptions(delimiter="\t", quote_char=False, newlines_in_values=False)
    try:
        with csv.open_csv(
            path, read_options=csv.ReadOptions(block_size=_BLOCK), parse_options=parse, convert_options=convert
        ) as reader:
            for batch in reader:
                yield batch.rename_columns(list(columns))
    except (pa.ArrowInvalid, UnicodeDecodeError):
        problem = path.name
    else:
        return
    raise BadInput("vocabulary-form", file=problem)


def _number(text: str, path: Path) -> int:
    if not text.isascii() or not text.isdigit():
        raise BadInput("vocabulary-form", file=path.name)
    return int(text)
