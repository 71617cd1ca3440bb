# SPDX-License-Identifier: Apache-2.0
"""The way out of files of a researcher's own code, on the command line: looked at, submitted, read by checkers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.release_folder import write_for_eyes
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput, Refused
from rempart.journeys.desk_view import seen_by
from rempart.journeys.job_outputs import KeptFile, ids_of, job_files, leaving
from rempart.journeys.permits import events
from rempart.journeys.release import (
    FinishedRun,
    ReleaseDesk,
    current_state,
    finished_run,
    next_release,
    submission_of,
    submit,
    valid_permit,
)
from rempart.release.job_files import CRITERIA, files_body
from rempart.wiring.releases import desk
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """A file as it may be told. ``findings``: (rule, verdict, words) each; ``kept``: what checkers alone see."""

    name: str
    findings: tuple[tuple[str, str, str], ...]
    kept: KeptFile


def is_job(run: str) -> bool:
    """Whether a run is one of a researcher's own code, by its id."""
    return run.startswith("J-")


def check_job(warehouse: Warehouse, *, run: str, key_file: Path, ask: Ask, language: str) -> list[SeenFile]:
    """What the rules make of a job's files, for a person of its permit; nothing is submitted."""
    author = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    finished = finished_run(events(warehouse.ledger), run)
    valid_permit(place, finished.permit).check_names(author.entry.actor)
    return _seen(place, finished, author.salted, language)


def submit_job(
    warehouse: Warehouse,
    *,
    run: str,
    files: Sequence[str],
    context: str,
    statement: Path | None,
    key_file: Path,
    ask: Ask,
    language: str,
    release: str = "",
) -> tuple[str, list[SeenFile]]:
    """(release, files) once the author signed the ids of what would leave. ``files``: those to submit, default all; ``statement``: a file
    of three texts. Raises Refused ``disclosure-file``, BadInput ``release-field``, ``release-file-unknown``."""
    author = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    finished = finished_run(events(warehouse.ledger), run)
    valid_permit(place, finished.permit).check_names(author.entry.actor)
    seen = _chosen(_seen(place, finished, author.salted, language), files, run)
    release = release or next_release(place)
    body = files_body(
        release=release,
        permit=finished.permit,
        run=run,
        job=finished.study,
        result=finished.result,
        files=ids_of({one.name: one.kept for one in seen}),
        context=context,
        controls=str(place.file_rules["id"]),
        statement=_statement(statement),
        after=current_state(place, release).submission,
    )
    submit(place, signed=author.document(body), actor=author.salted)
    return release, seen


def files_under_review(
    warehouse: Warehouse, *, release: str, key_file: Path, ask: Ask, language: str, out: Path | None = None
) -> list[SeenFile] | None:
    """The files of a release for the eyes of a checker who is no author of it; None where it is one of tables. ``out``: a folder that is
    made, to look at pictures in.

    Raises Missing ``release-missing``; Refused ``role-missing``: nobody else sees what a job wrote before it left.
    """
    reader = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    submission = submission_of(place, release)
    if "files" not in submission.body:
        return None
    seen_by(place, reader.entry, release)
    if "checker" not in reader.entry.roles or reader.entry.actor in current_state(place, release).authors:
        raise Refused("role-missing", actor=reader.entry.actor, role="checker")
    finished = finished_run(events(warehouse.ledger), str(submission.body["run"]))
    seen = [one for one in _seen(place, finished, reader.salted, language) if one.name in submission.body["files"]]
    if out is not None:
        write_for_eyes(out, leaving({one.name: one.kept for one in seen}))
    return seen


def _seen(place: ReleaseDesk, finished: FinishedRun, actor: str, language: str) -> list[SeenFile]:
    rules = place.file_rules
    return [
        SeenFile(
            name=name,
            findings=tuple((item.rule, item.verdict, item.say(rules, language)) for item in one.looked.findings),
            kept=one,
        )
        for name, one in job_files(place, finished, actor=actor).items()
    ]


def _chosen(seen: list[SeenFile], files: Sequence[str], run: str) -> list[SeenFile]:
    known = {one.name for one in seen}
    for name in files:
        if name not in known:
            raise BadInput("release-file-unknown", release=run, file=name)
    return [one for one in seen if not files or one.name in files]


def _statement(file: Path | None) -> Mapping[str, str]:
    """The three texts of a TOML file; raises BadInput ``release-field``."""
    if file is None:
        raise BadInput("release-field", field="statement")
    told = read_toml(file)
    if not set(told) <= set(CRITERIA):
        raise BadInput("release-field", field=", ".join(CRITERIA))
    return {name: str(text) for name, text in told.items()}
