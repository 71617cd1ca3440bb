# SPDX-License-Identifier: Apache-2.0
"""Study files as their authors write them: read and judged, with the line of all that is wrong, variants too. Opens no warehouse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.supply_files import read_packs
from rempart.adapters.text_input import read_text
from rempart.adapters.toml_input import parse_toml
from rempart.adapters.toml_lines import located
from rempart.errors import BadInput, Missing, RempartError
from rempart.records.atlas_cohort import with_definitions
from rempart.records.condition_status import unknown_kinds
from rempart.records.design_names import tell_designs
from rempart.records.exposure_sets import filled
from rempart.records.fields import near
from rempart.records.study import Study, study_or_problems
from rempart.records.study_variants import Variant, variants
from rempart.wiring.study_atlas import texts_beside

Parsed = Mapping[str, Any]
_SHOWN = 12  # names of variants in a message
_TOLD = 50  # problems of one file that are told; beyond it the first are enough to go on with


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile:
    """A file that holds: the study, and its variants by name, each a study of its own id."""

    study: Study
    variants: Mapping[str, Study]


def read_study(path: Path) -> StudyFile:
    """A study file with its variants; raises the first thing that is wrong, in order of the lines (``judge_study``)."""
    found, problems = judge_study(path)
    if found is None:
        raise problems[0]
    return found


def one_study(path: Path, variant: str | None = None) -> Study:
    """The study of a file, or its variant of that name; raises as ``read_study``, and Missing ``study-variant``."""
    held = read_study(path)
    if variant is None:
        return held.study
    if variant not in held.variants:
        expected = ", ".join(islice(held.variants, _SHOWN)) or "-"
        raise Missing("study-variant", file=path.name, name=variant, expected=expected, **near(variant, held.variants))
    return held.variants[variant]


def variant_names(path: Path) -> tuple[str, ...]:
    """Names of the variants of a file, not yet judged."""
    return tuple(item.name for item in variants(parse_toml(read_text(path), path.name), file=path.name))


def judge_study(path: Path) -> tuple[StudyFile | None, list[RempartError]]:
    """The file, or None and everything that is wrong with it, in order of its lines, each error with its ``line``.

    Raises BadInput ``file-missing``, ``file-encoding``, ``toml-syntax`` when it cannot be looked at.
    """
    text = read_text(path)
    parsed = parse_toml(text, path.name)
    known = package_data.toml("cohort/supply.toml")
    texts = texts_beside(path.parent)

    def with_supplies(given: Parsed) -> Parsed:
        packs = partial(filled, file=path.name, known=known, packs_of=lambda name: read_packs(path.parent / name))
        return packs(with_definitions(given, texts))

    base = {key: item for key, item in parsed.items() if key != "variants"}
    study, problems = _judged(base, with_supplies, path.name)
    others: dict[str, Study] = {}
    try:
        for variant in variants(parsed, file=path.name) if study else ():
            read, wrong = _judged(variant.parsed, with_supplies, path.name)
            problems += [_of_variant(error, variant) for error in wrong]
            others |= {variant.name: read} if read else {}
    except BadInput as error:
        problems.append(error)
    if problems or study is None:
        return None, located(_each_once(problems)[:_TOLD], text, file=path.name)
    return StudyFile(study=study, variants=others), []


def _judged(
    parsed: Parsed, with_supplies: Callable[[Parsed], Parsed], file: str
) -> tuple[Study | None, list[RempartError]]:
    """A study with the sets of rules, packs and ATLAS definitions that it names in their place; a wrong name or file is a problem of it,
    and so is a kind of diagnosis that no warehouse writes."""
    known = package_data.toml("records/condition_status.toml")["kinds"]
    unknown = unknown_kinds(parsed, tuple(known), file=file)
    try:
        study, problems = study_or_problems(with_supplies(parsed), file=file)
    except BadInput as error:
        return None, [error, *unknown]
    tell_designs(parsed, problems, package_data.toml("records/design_names.toml")["names"])
    return (None if unknown else study), [*problems, *unknown]


def _of_variant(error: RempartError, variant: Variant) -> RempartError:
    """An error of a variant, told of the path that it changes where it is that one."""
    field = str(error.facts.get("field", ""))
    changed = next((path for path in variant.changes if field == path or field.startswith(f"{path}[")), None)
    if changed is not None:
        error.facts["field"] = f"variants.{variant.grid}.{field}"
    error.facts["variant"] = variant.name
    return error


def _each_once(problems: list[RempartError]) -> list[RempartError]:
    """Without what several variants have wrong alike."""
    return list(
        {(error.code, str(error.facts.get("field", error.facts.get("key", "")))): error for error in problems}.values()
    )
