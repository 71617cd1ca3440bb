# SPDX-License-Identifier: Apache-2.0
"""What a study file asks for, said without a key, a query engine or a row: what it reads, and whether the permit allows it."""

from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.configuration import read_configuration
from rempart.adapters.documents import DirectoryDocuments
from rempart.adapters.known_codes import unknown_codes
from rempart.adapters.text_input import read_text
from rempart.adapters.toml_lines import located
from rempart.adapters.trust_files import load_trust
from rempart.cohort.required import required_columns
from rempart.cohort.study_times import times_of
from rempart.errors import Missing, Refused, RempartError
from rempart.journeys.permits import events, find_permit
from rempart.permits.check_study import check_study
from rempart.records.cloned import check_runnable
from rempart.records.code_lists import list_id
from rempart.records.omop import TableLayout, layouts, whole_layouts
from rempart.records.outcome_definition import outcome_ids
from rempart.records.study import Study
from rempart.wiring.ledger import open_ledger
from rempart.wiring.study_files import StudyFile

__all__ = ["code_lists", "file_fits", "file_runs", "fits", "needs", "not_in_vocabulary", "times_of"]


def needs(study: Study) -> list[tuple[str, str]]:
    """Table → columns that the study's SQL reads."""
    required = required_columns(study, _layouts())
    return [(table, ", ".join(sorted(columns))) for table, columns in sorted(required.items())]


def fits(directory: Path, study: Study) -> str | None:
    """The permit that the study fits, or None when it is not granted here; raises Refused as ``study run`` would."""
    try:
        settings = read_configuration(directory)
        ledger = open_ledger(directory, settings, sign=None)
        trust = load_trust(directory / "controller" / "keys", settings.trust_first)
        documents = DirectoryDocuments(directory / "controller" / "documents")
        permit = find_permit(events(ledger), documents, trust, study.permit)
    except Missing:
        return None
    known = _layouts()
    check_study(study, permit, known, required=required_columns(study, known))
    return permit.id


def file_fits(directory: Path, path: Path, held: StudyFile) -> str | None:
    """As ``fits``, of the study and of each variant; a refusal that names a key of the file has its ``line``."""
    try:
        permit, *_ = [fits(directory, study) for study in (held.study, *held.variants.values())]
    except RempartError as error:
        raise located([error], read_text(path), file=path.name)[0] from error
    return permit


def file_runs(path: Path, held: StudyFile) -> None:
    """Raises Refused ``cohort-not-yet-run``, with its ``line``, for a design that is checked and cannot be run by this version."""
    try:
        for study in (held.study, *held.variants.values()):
            check_runnable(study)
    except Refused as error:
        error.facts["field"] = f"cohorts.{error.facts['cohort']}.clone_censor_weight"
        raise located([error], read_text(path), file=path.name)[0] from error


def not_in_vocabulary(directory: Path, study: Study, folder: Path | None) -> dict[str, tuple[str, ...]]:
    """Code list → its codes that the vocabulary in ``folder``, else the warehouse's own, does not have; empty without any.

    Raises Missing ``vocabulary-file``, BadInput ``vocabulary-column``.
    """
    try:
        chosen = folder or read_configuration(directory).vocabulary_folder
    except Missing:
        return {}
    if chosen is None:
        return {}
    systems = package_data.toml("ingest/hierarchy.toml")["systems"]
    names = {name.replace("-", ""): system["athena"] for name, system in systems.items()}
    return unknown_codes(chosen, study.codes, names)


def _layouts() -> dict[str, TableLayout]:
    parsed = package_data.toml("records/omop54.toml")
    return {**layouts(parsed), **whole_layouts(parsed)}


def outcomes_of(study: Study) -> dict[str, str]:
    """Name → id of what each outcome is: what a derogation of a permit is bound to."""
    return outcome_ids(study.as_dict())


def code_lists(study: Study) -> list[tuple[str, str, int, str]]:
    """(name, system, codes, content id) of each code list."""
    return [
        (name, codes.system, len(codes.include) + len(codes.exclude), list_id(codes))
        for name, codes in study.codes.items()
    ]
