# SPDX-License-Identifier: Apache-2.0
"""Commands about researchers' own code. Shows no value of what it wrote."""

from dataclasses import asdict
from pathlib import Path

from rempart.cli.session import Session


def job(session: Session, file: Path, /, *, key: Path, passphrase_fd: int | None = None) -> int:
    """Run one's own code on the project dataset."""
    from rempart.wiring.jobs import run_job_file
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    done = run_job_file(Warehouse(session.directory), file=file, key_file=key, ask=session.asker(passphrase_fd))
    voice.say("job-done", run=done.run, count=len(done.files), files=", ".join(done.files))
    if done.left:
        voice.say("job-left", count=done.left)
    voice.say("job-stays", run=done.run)
    voice.result("study-job", {"run": done.run, "permit": done.permit, "files": list(done.files), "left": done.left})
    return 0


def jobs(session: Session) -> int:
    """Runs of researchers' own code."""
    from rempart.wiring.jobs import job_list
    from rempart.wiring.warehouse import Warehouse

    voice, found = session.voice, job_list(Warehouse(session.directory))
    rows = [
        (
            one.run,
            one.permit,
            voice.when(one.time),
            voice.word(f"job-state-{one.state}"),
            one.ended or "-",
            str(one.kept),
        )
        for one in found
    ]
    voice.table([f"column-{name}" for name in ("run", "permit", "time", "state", "ended", "kept")], rows)
    voice.result("study-jobs", {"jobs": [asdict(one) for one in found]})
    return 0
