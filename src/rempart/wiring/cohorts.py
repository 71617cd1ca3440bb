# SPDX-License-Identifier: Apache-2.0
"""ATLAS cohort definitions run on an unsealed OMOP file: files read, the file opened, rows written. Refuses a warehouse."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.cohort_rows import CohortRows
from rempart.adapters.definition_files import definition_files, read_definition
from rempart.adapters.machine import cores, memory_each
from rempart.adapters.omop_file import OmopFile
from rempart.cohort.circe import definition_from_circe
from rempart.errors import Refused
from rempart.journeys.cohorts import Made, Plan, make_cohorts, plan_cohorts
from rempart.ports.surroundings import Progress
from rempart.records.cohort import CohortDefinition


def read_cohorts(given: Sequence[Path]) -> list[tuple[str, CohortDefinition]]:
    """Definitions under the stems of their files; a folder stands for its JSON files. Raises BadInput as ``definition_from_circe`` and
    ``definition_files``."""
    words = package_data.tables("cohort/circe.toml")
    return [
        (file.stem, definition_from_circe(read_definition(file), words=words, file=file.name))
        for file in definition_files(given)
    ]


def run_cohorts(
    given: Sequence[Path],
    *,
    omop: Path | None,
    schema: str,
    rows: Path | None,
    threads: int | None,
    memory: int | None,
    progress: Progress,
) -> list[Made]:
    """Make every cohort on the file; with ``rows`` write their rows and no report, else tell the reports.

    Raises Refused ``cohort-rows``, ``cohort-warehouse`` for a warehouse; BadInput for a definition or a file that cannot be read.
    """
    if omop is None or (omop / "rempart.toml").is_file():
        raise Refused("cohort-rows") if rows else Refused("cohort-warehouse")
    named = read_cohorts(given)
    plan = plan_cohorts(named, domains=package_data.tables("cohort/domains.toml"), report=rows is None)
    file = OmopFile(omop, schema=schema, threads=max(1, threads or cores()), memory=memory or memory_each(1))
    with closing(file):
        file.expose(plan.reads)
        if rows is None:
            return make_cohorts(file, plan, progress=progress)
        return _with_rows(file, plan, rows, progress)


def _with_rows(file: OmopFile, plan: Plan, rows: Path, progress: Progress) -> list[Made]:
    out = CohortRows(rows, plan.names)
    try:
        made = make_cohorts(file, plan, progress=progress, take=out.take)
    except BaseException:
        out.give_up()
        raise
    out.finish()
    return made
