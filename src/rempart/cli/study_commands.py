# SPDX-License-Identifier: Apache-2.0
"""Commands about runs of studies. Study files are in ``study_file_commands``, what leaves in ``result_commands``."""

from pathlib import Path
from typing import TYPE_CHECKING

from rempart.cli.session import Session

if TYPE_CHECKING:
    from rempart.journeys.study import StudyRun


def list_runs(session: Session) -> int:
    """Finished runs of studies."""
    from rempart.wiring.releases import run_list
    from rempart.wiring.warehouse import Warehouse

    found = run_list(Warehouse(session.directory))
    columns = ("run", "permit", "time", "release")
    session.voice.table([f"column-{name}" for name in columns], [[row[name] for name in columns] for row in found])
    session.voice.result("study-list", {"runs": found})
    return 0


def run(
    session: Session,
    file: Path,
    /,
    *,
    key: Path,
    variant: str | None = None,
    engine: str = "local",
    workers: int | None = None,
    memory: str | None = None,
    fresh: bool = False,
    passphrase_fd: int | None = None,
) -> int:
    """Run a study."""
    from rempart.adapters.machine import size_of
    from rempart.wiring.acts import run_study_file
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    limit = size_of(memory) if memory else None
    with voice.bars() as bars:
        done = run_study_file(
            Warehouse(session.directory),
            file=file,
            key_file=key,
            ask=session.asker(passphrase_fd),
            engine=engine,
            workers=workers,
            memory=limit,
            fresh=fresh,
            variant=variant,
            progress=bars,
        )
    _tell_done(session, done)
    if variant is None and not voice.as_json:
        _tell_left(session, file)
    voice.result(
        "study-run", {"run": done.run, "result": done.result, "resumed": done.resumed, "reused": done.cost.reused}
    )
    return 0


def _tell_left(session: Session, file: Path) -> None:
    from rempart.wiring.study_files import variant_names

    others = variant_names(file)
    if others:
        session.voice.say("study-variants-left", count=len(others), name=others[0])


def _tell_done(session: Session, done: "StudyRun") -> None:
    voice = session.voice
    voice.say("study-done", run=done.run, shards=done.cost.shards, resumed=done.resumed)
    if done.cost.reused:
        voice.say("study-reused", parts=done.cost.parts, reused=done.cost.reused)
    voice.say("study-next", run=done.run)
