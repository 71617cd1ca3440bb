# SPDX-License-Identifier: Apache-2.0
"""``rempart study report``: a protocol, or a run with what was let out of it, as HTML and PDF. Shows no table that two checkers did not
pass.

The report of a dry run is made here too, marked on every page.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.configuration import read_configuration
from rempart.adapters.documents import DirectoryDocuments
from rempart.adapters.figures import draw, draw_designs
from rempart.adapters.program_version import program_version
from rempart.adapters.report_folder import check_report_folder, write_report
from rempart.adapters.report_html import report_html
from rempart.adapters.report_pdf import report_pdf
from rempart.cohort.study_times import Times, times_of
from rempart.errors import BadInput, Missing
from rempart.journeys.release import check_party
from rempart.journeys.reported import Reported, leaf_lines, leaf_proofs, released_tables, reported_run, reported_study
from rempart.ports.ledger import Ledger
from rempart.records.result import CheckedTable
from rempart.records.study import study_from_dict
from rempart.records.study_idle import estimand_read
from rempart.release.dry_run import Rehearsed
from rempart.release.labels import reader_labels
from rempart.release.report import State, Told, report
from rempart.release.subjects import subjects
from rempart.release.tables import table_csv
from rempart.wiring.ledger import open_ledger
from rempart.wiring.releases import desk
from rempart.wiring.signing import Ask, signer, today
from rempart.wiring.spoken import spoken
from rempart.wiring.study_check import code_lists, needs
from rempart.wiring.study_files import one_study
from rempart.wiring.warehouse import Warehouse

Speak = Callable[[Sequence[Times]], list[tuple[str, ...]]]
"""Times zero as rows of words in the session's language: whom, analyses, time zero, sources."""
_SHOWN = ("duckdb", "numpy", "scipy", "numba", "pyarrow", "altair", "vl-convert-python", "typst")


def protocol_report(
    directory: Path, file: Path, *, out: Path, language: str, speak: Speak, variant: str | None = None
) -> Reported:
    """The protocol of a study file, with its frozen versions where a warehouse stands in ``directory``."""
    check_report_folder(out)
    study = one_study(file, variant)
    ledger: Ledger | None = None
    told = Reported(study=study.as_dict(), study_id=study.content_id)
    try:
        ledger = open_ledger(directory, read_configuration(directory), sign=None)
        documents = DirectoryDocuments(directory / "controller" / "documents")
        told = reported_study(ledger, documents, study=study.as_dict(), study_id=study.content_id)
    except Missing as error:
        if error.code != "warehouse-missing":
            raise
    write_report(out, _files(told, "protocol", language=language, speak=speak, ledger=ledger))
    return told


def run_report(
    warehouse: Warehouse, run: str, *, out: Path, language: str, speak: Speak, key_file: Path | None, ask: Ask
) -> Reported:
    """A finished run's report: with its tables where they were published, and then ``key_file`` is a checker's or of a person whom the
    permit names; else the protocol alone. Raises BadInput ``report-key``, Missing ``run-missing``, as ``release review``."""
    check_report_folder(out)
    place = desk(warehouse)
    told = reported_run(place, run)
    tables: tuple[CheckedTable, ...] = ()
    if told.release:
        if key_file is None:
            raise BadInput("report-key", release=told.release)
        reader = signer(warehouse.trust, key_file, ask)
        check_party(place, reader.entry, release=told.release)
        tables = released_tables(place, told, actor=reader.salted)
    state: State = "released" if told.release else "unreleased"
    write_report(out, _files(told, state, language=language, speak=speak, ledger=warehouse.ledger, tables=tables))
    return told


def dry_report(done: Rehearsed, figures: Mapping[str, bytes], *, language: str, speak: Speak) -> dict[str, bytes]:
    """The report of a dry run, marked; ``figures``: drawn with the mark in them."""
    facts = {"persons": f"{done.persons:,}".replace(",", " "), "seed": str(done.seed)}
    study = study_from_dict(done.study)
    told = Reported(study=done.study, study_id=study.content_id, facts=facts)
    return _files(told, "synthetic", language=language, speak=speak, tables=done.tables, figures=figures)


def _files(
    told: Reported,
    state: State,
    *,
    language: str,
    speak: Speak,
    ledger: Ledger | None = None,
    tables: Sequence[CheckedTable] = (),
    figures: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """Relative path → bytes."""
    words, own = spoken(), package_data.toml("release/report.toml")
    drawn = _drawn(told.study, tables, language, words) if figures is None else figures
    study, leaves = study_from_dict(told.study), told.leaves if ledger is not None else ()
    whole = Told(
        study=told.study,
        study_id=told.study_id,
        state=state,
        tables=tables,
        figures=drawn,
        diagrams=_diagrams(told.study, language, words, synthetic=state == "synthetic"),
        estimand=estimand_read(study, (study.analyses, study.descriptions, study.designs)),
        times=speak(times_of(study)),
        reads=needs(study),
        lists=code_lists(study),
        versions=told.versions,
        others=told.others,
        facts=_facts(told, tables),
        leaves=leaf_lines(ledger, leaves) if ledger is not None else (),
        checkpoint=ledger.checkpoint() if ledger is not None and leaves else "",
        software=_software(told.facts),
    )
    made = report(whole, language, words=words, own=own, items=package_data.toml("release/record_pe.toml"))
    files = {f"report.{language}.html": report_html(made), f"report.{language}.pdf": report_pdf(made)}
    if ledger is not None and leaves:
        files["proof.json"] = (json.dumps(leaf_proofs(ledger, leaves), indent=2, sort_keys=True) + "\n").encode()
    if state == "released":
        files |= {f"tables/{table.output}.csv": table_csv(table) for table in tables}
        files |= {f"figures/{name}": data for name, data in drawn.items()}
    return files


def _facts(told: Reported, tables: Sequence[CheckedTable]) -> dict[str, str]:
    rules = sorted({table.rules for table in tables})
    return {**told.facts, "made": today().isoformat(), "rules": "; ".join(rules)}


def _drawn(
    study: Mapping[str, Any], tables: Sequence[CheckedTable], language: str, words: Mapping[str, Any]
) -> dict[str, bytes]:
    names = reader_labels(tables, study=study, words=words, language=language)
    about = subjects(tables, study=study, words=words, language=language)
    return draw(tables, language=language, names=names, about=about)


def _diagrams(study: Mapping[str, Any], language: str, words: Mapping[str, Any], *, synthetic: bool) -> list[str]:
    """SVG of each design that can be drawn."""
    note = str(package_data.toml("release/dry_run.toml")[language]["note"]) if synthetic else ""
    names = reader_labels((), study=study, words=words, language=language)
    made = draw_designs(study, language=language, names=names, note=note)
    return [data.decode() for name, data in made.items() if name.endswith(".svg")]


def _software(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    """What ran the study, where the ledger says it; then what made this report."""
    ran = [("run", facts["made_by"])] if facts.get("made_by") else []
    python = ".".join(map(str, sys.version_info[:3]))
    return [*ran, ("rempart", program_version()), ("python", python), *((name, _version(name)) for name in _SHOWN)]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "–"
