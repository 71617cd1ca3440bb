# SPDX-License-Identifier: Apache-2.0
"""Commands about data on its way in: synthetic deliveries, ingest, permits."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rempart.cli.host_commands import warn_of_endings
from rempart.cli.session import Session
from rempart.errors import BadInput

if TYPE_CHECKING:
    from rempart.ingest.report import IngestReport
    from rempart.journeys.ingest import Ingested


def synth(
    session: Session, out: Path, /, *, persons: int = 2000, years: str = "2012:2017", seed: int = 1, effect: float = 2.0
) -> int:
    """Write a synthetic delivery with a planted effect."""
    from rempart.wiring.synthetic import write_synthetic

    voice = session.voice
    first, last = parse_years(years)
    with voice.bars() as bars:
        made = write_synthetic(
            out, persons=persons, first_year=first, last_year=last, seed=seed, effect=effect, mark=None, progress=bars
        )
    voice.say("synth-done", files=made.files, folder=str(made.delivery), persons=persons)
    voice.table(["column-table", "column-lines"], sorted(made.lines.items()))
    voice.say("synth-truth", file=str(out / "truth.json"), effect=str(effect))
    voice.result(
        "synth",
        {"delivery": str(made.delivery), "files": made.files, "lines": made.lines, "truth": str(out / "truth.json")},
    )
    return 0


def parse_years(years: str) -> tuple[int, int]:
    """``2012:2017`` → (2012, 2017); raises BadInput ``years``."""
    first, _, last = years.partition(":")
    if not (first.isdecimal() and last.isdecimal()):
        raise BadInput("years", given=years, expected="2012:2019")
    return int(first), int(last)


def ingest(
    session: Session,
    delivery: Path,
    /,
    *,
    as_: Literal["snds", "omop"] = "snds",
    plan: bool = False,
    replace: bool = False,
) -> int:
    """Bring a delivery in."""
    from rempart.wiring.ingest import ingest_delivery, plan_delivery
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    if plan:
        rows = plan_delivery(delivery, form=as_)
        voice.table(["column-table", "column-files", "column-bytes"], rows)
        voice.say("plan-only")
        voice.result("ingest-plan", {"tables": [list(row) for row in rows]})
        return 0
    warn_of_endings(session)
    with voice.bars() as bars:
        done = ingest_delivery(Warehouse(session.directory), delivery, form=as_, replace=replace, progress=bars)
    show_ingested(session, done)
    voice.result(
        "ingest",
        {
            "head": done.commit.head,
            "rows": dict(done.rows),
            "content": dict(done.content),
            "report": asdict(done.report),
        },
    )
    return 0


def show_ingested(session: Session, done: "Ingested", *, most: int | None = None) -> None:
    """The reconciliation (the ``most`` frequent drops, when given), then what was sealed."""
    _show_report(session, done.report, most)
    rows = [(table, count, done.content[table][:16]) for table, count in done.rows.items()]
    session.voice.table(["column-table", "column-rows", "column-content"], rows)
    session.voice.say("ingest-done", head=done.commit.head[:16])


def _show_report(session: Session, report: "IngestReport", most: int | None) -> None:
    """Lines in = lines kept + lines dropped, rule by rule; then who is one person."""
    voice = session.voice
    voice.say("reconciliation")
    sheets = [
        (r.table, r.lines, r.kept, sum(n for _, n in r.dropped), "=" if r.balanced else "≠")
        for r in report.reconciliation
    ]
    voice.table(["column-table", "column-lines-in", "column-kept", "column-dropped", "column-balance"], sheets)
    voice.say("rules-applied")
    words = {rule: said[voice.language] for rule, said in report.rules.items()}
    drops = [(r.table, rule, words.get(rule, ""), count) for r in report.reconciliation for rule, count in r.dropped]
    if most is not None:
        drops = sorted(drops, key=lambda drop: -drop[3])[:most]
    voice.table(["column-table", "column-rule", "column-why", "column-lines"], drops)
    voice.say("persons-steps")
    voice.table(["column-step", "column-persons"], [(voice.word(f"persons-{s.what}"), s.count) for s in report.persons])
    if report.notes and most is None:
        voice.say("drift-notes")
        notes = [(voice.word(f"note-{code}"), table, detail) for code, table, detail in report.notes]
        voice.table(["column-note", "column-table", "column-detail"], notes)


def check_permit(session: Session, file: Path, /) -> int:
    """Say what a permit would give, without granting it."""
    from rempart.wiring.acts import read_permit_file
    from rempart.wiring.permits import describe

    permit = read_permit_file(file)
    session.voice.say("permit-check", permit=permit.id, project=permit.project, lookback=permit.lookback.isoformat())
    session.voice.table(["column-table", "column-sibling", "column-columns"], describe(permit))
    session.voice.result("permit-check", {"id": permit.content_id, "permit": permit.as_dict()})
    return 0


def grant(session: Session, file: Path, /, *, key: Path, passphrase_fd: int | None = None) -> int:
    """Create the project dataset of a permit."""
    from rempart.wiring.acts import grant_permit
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    warn_of_endings(session)
    with voice.bars() as bars:
        made = grant_permit(
            Warehouse(session.directory), file=file, key_file=key, ask=session.asker(passphrase_fd), progress=bars
        )
    voice.say("permit-granted", persons=made.persons, objections=made.objections, space=made.commit.space)
    voice.table(["column-table", "column-rows"], list(made.rows.items()))
    voice.say("grant-next")
    voice.result("permit-grant", {"head": made.commit.head, "persons": made.persons, "rows": dict(made.rows)})
    return 0


def list_permits(session: Session) -> int:
    """Granted permits."""
    from rempart.wiring.projection import permit_list
    from rempart.wiring.warehouse import Warehouse

    found = permit_list(Warehouse(session.directory))
    names = {"permit": "permit", "project": "project", "valid_from": "from", "valid_to": "to"}
    rows = [[row[name] for name in names] for row in found]
    session.voice.table([f"column-{word}" for word in names.values()], rows)
    session.voice.result("permit-list", {"permits": found})
    return 0
