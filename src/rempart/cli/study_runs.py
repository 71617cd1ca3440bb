# SPDX-License-Identifier: Apache-2.0
"""Commands around the runs of studies: what one would read and cost, what became of one, and stopping one. Shows no value of a cell."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rempart.cli.move_bar import bytes_in_words, seconds_in_words
from rempart.cli.session import Session
from rempart.cli.study_lookback import all_before_told, show_all_before
from rempart.cli.study_times import show_ends, times_told
from rempart.cli.study_variants import plan_every
from rempart.errors import BadInput, Missing

if TYPE_CHECKING:
    from rempart.wiring.studies import PlannedStudy, ShownRun
    from rempart.wiring.warehouse import Warehouse


def plan(
    session: Session,
    file: Path,
    /,
    *,
    variant: str | None = None,
    every_variant: bool = False,
    workers: int | None = None,
    memory: str | None = None,
) -> int:
    """What a study would read and cost."""
    from rempart.adapters.machine import size_of
    from rempart.wiring.studies import plan_study_file

    limit = size_of(memory) if memory else None
    if every_variant and variant is not None:
        raise BadInput("options-apart", option="--variant", other="--every-variant")
    warehouse = _warehouse(session, file)
    if every_variant:
        return plan_every(session, file, workers=workers, memory=limit)
    planned = plan_study_file(warehouse, file, workers=workers, memory=limit, variant=variant)
    _show_reads(session, planned)
    show_all_before(session.voice, planned.all_before)
    _show_permit(session, planned)
    _show_cost(session, planned)
    session.voice.result("study-plan", _told(planned))
    made = planned.plan
    return int(made.refused)


def _warehouse(session: Session, file: Path) -> "Warehouse":
    """The one here; without any, what of a study can be had without it is said: Missing ``plan-warehouse``."""
    from rempart.wiring.warehouse import Warehouse

    found = Warehouse(session.directory)
    try:
        _ = found.configuration  # read here, so that its absence is told as what planning needs
    except Missing as error:
        if error.code != "warehouse-missing":
            raise
        raise Missing("plan-warehouse", study=str(file), **error.facts) from error
    return found


def _show_reads(session: Session, planned: "PlannedStudy") -> None:
    voice, made = session.voice, planned.plan
    voice.say("study-check", study=planned.study[:23], permit=planned.permit)
    missing = made.compared.missing if made.compared else {}
    rows: list[tuple[str | int, ...]] = []
    for table, columns in made.required.items():
        size = made.size
        read = size is not None and table in size.rows
        counted = (size.rows[table], bytes_in_words(voice, size.size[table])) if read and size else ("", "")
        rows.append((table, *counted, "\n".join(sorted(columns))))
    voice.table(["column-table", "column-rows", "column-size", "column-columns"], rows)
    lacking = [(f"{table}.{column}",) for table, columns in missing.items() for column in columns]
    if lacking:
        voice.table(["column-not-permitted"], lacking)
    first, last = planned.period
    voice.say("plan-period", first=first, last=last, earliest=made.earliest.isoformat())


def _show_permit(session: Session, planned: "PlannedStudy") -> None:
    voice, made = session.voice, planned.plan
    if made.not_yet is not None:
        voice.plain(voice.error_line(made.not_yet))
        voice.plain(voice.hint(made.not_yet))
    if made.permit is None or made.compared is None:
        voice.say("study-not-compared", permit=planned.permit)
        return
    begins, ends = (day.isoformat() for day in made.permit.period)
    voice.say(
        "plan-permit", permit=made.permit.id, lookback=made.permit.first_day.isoformat(), begins=begins, ends=ends
    )
    if made.compared.days is not None:
        voice.plain(voice.error_line(made.compared.days))
        voice.plain(voice.hint(made.compared.days))
    if made.compared.missing:
        voice.say("plan-missing", count=sum(map(len, made.compared.missing.values())))
    if made.compared.fits:
        voice.say("study-fits", permit=made.permit.id)
    if made.size is not None:
        show_ends(voice, made.times, made.ends)


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _show_cost(session: Session, planned: "PlannedStudy") -> None:
    from rempart.journeys.study_size import LEAST_BYTES, LEAST_ROWS

    voice, made = session.voice, planned.plan
    if made.size is None:
        if made.why is not None and made.permit is not None:
            voice.say("plan-not-looked", why=voice.error_line(made.why))
        return
    size = bytes_in_words(voice, sum(made.size.size.values()))
    voice.say("plan-size", shards=made.size.shards, rows=_spaced(made.size.all_rows), size=size)
    if made.size.rows:
        voice.say("plan-coarse", rows=_spaced(LEAST_ROWS), size=bytes_in_words(voice, LEAST_BYTES))
    if made.kept:
        voice.say("plan-kept", kept=made.kept, parts=made.parts)
    voice.say(
        "plan-memory",
        need=bytes_in_words(voice, made.size.memory),
        workers=planned.workers,
        limit=bytes_in_words(voice, planned.memory),
    )
    if made.size.memory > planned.memory:
        voice.say("plan-memory-short")
    if made.seconds is None:
        voice.say("plan-no-pace")
    else:
        voice.say("plan-time", time=seconds_in_words(voice, made.seconds), workers=planned.workers)
    voice.say("plan-next")


def _told(planned: "PlannedStudy") -> dict[str, object]:
    from rempart.journeys.study_size import LEAST_BYTES, LEAST_ROWS

    made = planned.plan
    compared, size = made.compared, made.size
    days = compared.days if compared else None
    return {
        "id": planned.study,
        "permit": planned.permit,
        "granted": made.permit is not None,
        "fits": None if compared is None else compared.fits,
        "missing": {table: list(columns) for table, columns in compared.missing.items()} if compared else {},
        "days": days.code if days else None,
        "reads": {table: sorted(columns) for table, columns in made.required.items()},
        "period": list(planned.period),
        "earliest": made.earliest.isoformat(),
        "all_before": all_before_told(planned.all_before),
        "rows": dict(size.rows) if size else None,
        "bytes": dict(size.size) if size else None,
        "least": {"rows": LEAST_ROWS, "bytes": LEAST_BYTES},
        "shards": size.shards if size else None,
        "memory": {"need": size.memory if size else None, "limit": planned.memory},
        "workers": planned.workers,
        "parts": made.parts,
        "kept": made.kept,
        "seconds": made.seconds,
        "not_looked": made.why.code if made.why else None,
        "not_yet": made.not_yet.code if made.not_yet else None,
        "times": times_told(made.times, made.ends),
    }


def show(session: Session, run: str, /) -> int:
    """What a run was and what became of it."""
    from rempart.wiring.studies import show_run
    from rempart.wiring.warehouse import Warehouse

    voice, shown = session.voice, show_run(Warehouse(session.directory), run)
    voice.say("run-shown", run=shown.run, state=voice.word(f"run-{shown.state}"), title=shown.title)
    voice.say("study-check", study=shown.study[:23], permit=shown.permit)
    voice.say("run-times", begun=voice.when(shown.begun), ended=voice.when(shown.ended) if shown.ended else "–")
    voice.say("run-shards", done=shown.done, shards=shown.shards)
    if shown.result:
        _show_result(session, shown)
    elif shown.state in {"failed", "cancelled", "killed"}:
        if shown.error:
            voice.say("run-error", error=shown.error)
        voice.say("run-again")
    voice.result("study-show", asdict(shown))
    return 0


def _show_result(session: Session, shown: "ShownRun") -> None:
    voice = session.voice
    time = seconds_in_words(voice, shown.seconds)
    voice.say("run-cost", time=time, engine=shown.engine, workers=shown.workers)
    if shown.reused:
        voice.say("study-reused", parts=shown.parts, reused=shown.reused)
    voice.say("run-result", result=shown.result[:23])
    voice.table(["column-output", "column-cells-most"], list(shown.outputs.items()))
    if shown.release:
        voice.say("run-released", release=shown.release, state=shown.release_state)
    else:
        voice.say("study-next", run=shown.run)


def cancel(session: Session, run: str, /) -> int:
    """Stop a run."""
    from rempart.wiring.studies import cancel_run
    from rempart.wiring.warehouse import Warehouse

    cancel_run(Warehouse(session.directory), run)
    session.voice.say("run-stopped", run=run)
    session.voice.result("study-cancel", {"run": run})
    return 0
