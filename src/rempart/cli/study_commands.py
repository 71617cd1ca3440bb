# SPDX-License-Identifier: Apache-2.0
"""Commands about runs of studies. Study files are in ``study_file_commands``, what leaves in ``result_commands``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rempart.cli.session import Session
from rempart.errors import BadInput

if TYPE_CHECKING:
    from rempart.journeys.study import StudyRun


def list_runs(session: Session) -> int:
    """Finished runs of studies."""
    from rempart.wiring.acts import forget_ended
    from rempart.wiring.releases import run_list
    from rempart.wiring.warehouse import Warehouse

    warehouse = Warehouse(session.directory)
    forget_ended(warehouse)
    found = run_list(warehouse)
    columns = ("run", "permit", "time", "release")
    session.voice.table([f"column-{name}" for name in columns], [[row[name] for name in columns] for row in found])
    session.voice.result("study-list", {"runs": found})
    return 0


def run(
    session: Session,
    file: Path,
    /,
    *,
    key: Path | None = None,
    variant: str | None = None,
    every_variant: bool = False,
    dry_run: bool = False,
    persons: int | None = None,
    seed: int | None = None,
    out: Path | None = None,
    engine: str = "local",
    workers: int | None = None,
    memory: str | None = None,
    fresh: bool = False,
    passphrase_fd: int | None = None,
) -> int:
    """Run a study."""
    from rempart.adapters.machine import size_of
    from rempart.cli.dry_run import DryAsked, rehearse
    from rempart.cli.study_variants import run_every

    invented = DryAsked(persons=persons, seed=seed, out=out)
    _apart(("--variant", variant is not None), ("--every-variant", every_variant))
    _apart(("--dry-run", dry_run), ("--key", key is not None))
    how = {"engine": engine, "workers": workers, "memory": size_of(memory) if memory else None}
    if dry_run:
        return rehearse(session, file, invented, variant=variant, every=every_variant, **how)
    for option in invented.given():
        raise BadInput("option-needs", option=option, other="--dry-run")
    if key is None:
        raise BadInput("study-key")
    if every_variant:
        return run_every(session, file, key=key, passphrase_fd=passphrase_fd, fresh=fresh, **how)
    return _run_one(session, file, key=key, passphrase_fd=passphrase_fd, variant=variant, fresh=fresh, **how)


def _apart(*options: tuple[str, bool]) -> None:
    """Raises BadInput ``options-apart`` when both of two options were given."""
    (one, first), (other, second) = options
    if first and second:
        raise BadInput("options-apart", option=one, other=other)


def _run_one(
    session: Session, file: Path, *, key: Path, passphrase_fd: int | None, variant: str | None, **how: Any
) -> int:
    from rempart.wiring.acts import run_study_file
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    with voice.bars() as bars:
        done = run_study_file(
            Warehouse(session.directory),
            file=file,
            key_file=key,
            ask=session.asker(passphrase_fd),
            variant=variant,
            progress=bars,
            **how,
        )
    _tell_done(session, done)
    if variant is None and not voice.as_json:
        _tell_left(session, file)
    told = {"run": done.run, "result": done.result, "resumed": done.resumed, "reused": done.cost.reused}
    voice.result("study-run", {**told, "unkept": done.cost.unkept})
    return 0


def _tell_left(session: Session, file: Path) -> None:
    from rempart.wiring.study_files import variant_names

    others = variant_names(file)
    if others:
        session.voice.say("study-variants-left", count=len(others), name=others[0])


def _tell_done(session: Session, done: "StudyRun") -> None:
    voice, frozen = session.voice, done.frozen
    if frozen is not None and frozen.anew:
        when = voice.when(frozen.time)
        voice.say("protocol-frozen", study=frozen.study, permit=frozen.permit, leaf=frozen.leaf, time=when)
    voice.say("study-done", run=done.run, shards=done.cost.shards, resumed=done.resumed)
    if done.cost.reused:
        voice.say("study-reused", parts=done.cost.parts, reused=done.cost.reused)
    if done.cost.unkept and not voice.as_json:
        voice.warn(voice.word("study-unkept", unkept=done.cost.unkept))
    voice.say("study-next", run=done.run)
