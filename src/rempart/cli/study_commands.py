# SPDX-License-Identifier: Apache-2.0
"""Commands about studies: what a file asks for, and its runs. What leaves is in ``result_commands``."""

from pathlib import Path

from rempart.cli.session import Session


def check(session: Session, file: Path, /) -> int:
    """Read a study file and say what it needs."""
    from rempart.wiring.acts import check_study_fits, read_study_file, study_needs
    from rempart.wiring.warehouse import Warehouse

    study = read_study_file(file)
    session.voice.say("study-check", study=study.content_id[:23], permit=study.permit)
    rows = study_needs(study)
    session.voice.table(["column-table", "column-columns"], rows)
    fits = check_study_fits(Warehouse(session.directory), study)
    session.voice.say("study-fits" if fits else "study-not-compared", permit=study.permit)
    session.voice.result(
        "study-check", {"fits": fits, "id": study.content_id, "permit": study.permit, "reads": dict(rows)}
    )
    return 0


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
            progress=bars,
        )
    voice.say("study-done", run=done.run, shards=done.cost.shards, resumed=done.resumed)
    if done.cost.reused:
        voice.say("study-reused", parts=done.cost.parts, reused=done.cost.reused)
    voice.say("study-next", run=done.run)
    voice.result(
        "study-run", {"run": done.run, "result": done.result, "resumed": done.resumed, "reused": done.cost.reused}
    )
    return 0
