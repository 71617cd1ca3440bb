# SPDX-License-Identifier: Apache-2.0
"""ATLAS definitions that a study file names: read beside it, once each, and put into the study as text. Judges no cohort."""

from collections.abc import Callable
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.code_list_files import rows_of
from rempart.adapters.definition_files import read_definition
from rempart.cohort.circe import definition_from_circe
from rempart.cohort.circe_project import concepts_told, project_definition
from rempart.records.cohort_text import definition_text


def texts_beside(folder: Path) -> Callable[[str, str], str]:
    """(file, file of concepts or '') → the definition's text, for files in ``folder``.

    Raises BadInput as ``definition_from_circe``, ``project_definition`` and ``concepts_told``; ``file-missing``.
    """
    words, known = package_data.tables("cohort/circe.toml"), dict[tuple[str, str], str]()

    def text_of(file: str, concepts: str) -> str:
        if (file, concepts) not in known:
            definition = definition_from_circe(read_definition(folder / file), words=words, file=file)
            told = concepts_told(rows_of(folder / concepts), file=concepts) if concepts else {}
            known[file, concepts] = definition_text(project_definition(definition, words=words, told=told, file=file))
        return known[file, concepts]

    return text_of
