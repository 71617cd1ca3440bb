# SPDX-License-Identifier: Apache-2.0
"""Commands about data on its way in: synthetic deliveries, ingest, permits."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rempart.cli.drift_rows import show_delivery, show_notes, show_populations, told_notes
from rempart.cli.host_commands import warn_of_endings
from rempart.cli.ingest_words import show_choice, show_leaving, show_mapped, told_leaving
from rempart.cli.planted_rows import planted_rows, show_planted
from rempart.cli.session import Session
from rempart.errors import BadInput

if TYPE_CHECKING:
    from rempart.ingest.report import IngestReport
    from rempart.wiring.ingest import Brought


def synth(
    session: Session,
    out: Path,
    /,
    *,
    persons: int = 2000,
    years: str = "2012:2017",
    seed: int = 1,
    effect: float | None = None,
    population: Literal["study", "france"] = "study",
    whole: bool = False,
    density: float = 1.0,
    studies: str = "",
    mode: str = "population",
    monthly: bool = False,
    archives_until: int = 0,
    leaks: bool = False,
    form: Literal["gzip", "csv", "parquet"] = "gzip",
) -> int:
    """Write a synthetic delivery with a planted effect."""
    from rempart.wiring.synthetic import write_synthetic

    voice = session.voice
    first, last = parse_years(years)
    with voice.bars() as bars:
        made = write_synthetic(
            out, persons=persons, first_year=first, last_year=last, seed=seed, effect=effect, mark=None, progress=bars,
            population=population, whole=whole, density=density, studies=studies, mode=mode, monthly=monthly,
            archives_until=archives_until, leaks=leaks, form=form,
        )  # fmt: skip
    voice.say("synth-done", files=made.files, folder=str(made.delivery), persons=persons)
    voice.table(["column-table", "column-lines"], sorted(made.lines.items()))
    show_planted(voice, out / "truth.json", made.truth)
    planted = [list(row) for row in planted_rows(made.truth)]
    told = {"files": made.files, "lines": made.lines, "truth": str(out / "truth.json"), "planted": planted}
    voice.result("synth", {"delivery": str(made.delivery), **told})
    return 0


def parse_years(years: str) -> tuple[int, int]:
    """``2012:2017`` → (2012, 2017); raises BadInput ``years``."""
    first, _, last = years.partition(":")
    if not (first.isdecimal() and last.isdecimal()):
        raise BadInput("years", given=years, expected="2012:2019")
    return int(first), int(last)


def ingest(
    session: Session,
    /,
    *deliveries: Path,
    as_: Literal["snds", "omop"] = "snds",
    plan: bool = False,
    replace: bool = False,
    later: bool = False,
    rules: Path | None = None,
    vocabulary: Path | None = None,
    schema: Path | None = None,
) -> int:
    """Bring deliveries in."""
    from rempart.wiring.ingest import ingest_delivery
    from rempart.wiring.warehouse import Warehouse

    if not deliveries:
        raise BadInput("deliveries-none")
    if plan:
        how = {"replace": replace, "later": later, "rules": rules, "vocabulary": vocabulary}
        return _plan(session, deliveries, as_, schema, how)
    voice = session.voice
    warn_of_endings(session)
    with voice.bars() as bars:
        done = ingest_delivery(
            Warehouse(session.directory),
            deliveries,
            form=as_,
            replace=replace,
            progress=bars,
            later=later,
            rules=rules,
            vocabulary=vocabulary,
            schema=schema,
        )
    show_ingested(session, done)
    if later and (rules or vocabulary):
        voice.say("ingest-later-again")
    voice.result("ingest", _told(done))
    return 0


def compact(session: Session, /, *, rules: Path | None = None, vocabulary: Path | None = None) -> int:
    """Make the research tables anew."""
    from rempart.wiring.ingest import compact_warehouse
    from rempart.wiring.warehouse import Warehouse

    with session.voice.bars() as bars:
        done = compact_warehouse(Warehouse(session.directory), rules=rules, vocabulary=vocabulary, progress=bars)
    if done.commit is None:
        show_choice(session.voice, done.told)
        session.voice.say("compact-current")
    else:
        show_ingested(session, done)
    session.voice.result("vault-compact", _told(done))
    return 0


def native(session: Session, file: Path, /, *, key: Path, passphrase_fd: int | None = None) -> int:
    """Let delivered tables be sealed beside as they were read."""
    from rempart.wiring.native import authorise_native
    from rempart.wiring.warehouse import Warehouse

    ask = session.asker(passphrase_fd)
    made = authorise_native(Warehouse(session.directory), file=file, key_file=key, ask=ask)
    session.voice.say("native-allowed", tables=", ".join(made.tables) or "-", until=made.until.isoformat())
    session.voice.result("vault-native", {"document": made.document, **made.body})
    return 0


def _told(done: "Brought") -> dict[str, object]:
    """What was done, as plain data."""
    return {
        "head": done.commit.head if done.commit else None,
        "units": [[unit.name, unit.fate] for unit in done.units],
        "leaving": told_leaving(done.left),
        "rules": asdict(done.told),
        "mapped": [list(row) for row in done.mapped],
        "declared": {name: dict(said) for name, said in done.declared.items()},
        "rows": dict(done.rows),
        "content": dict(done.content),
        "notes": told_notes(done.report.notes if done.report else done.notes),
        "other": list(done.other),
        "report": asdict(done.report) if done.report else None,
    }


def _plan_omop(session: Session, deliveries: Sequence[Path]) -> int:
    """The tables of an OMOP source."""
    from rempart.adapters.omop_reader import list_omop

    sources = [row for delivery in deliveries for row in list_omop(delivery)]
    session.voice.table(["column-table", "column-files", "column-bytes"], sources)
    session.voice.say("plan-only")
    session.voice.result("ingest-plan", {"tables": [list(row) for row in sources]})
    return 0


def _plan(session: Session, deliveries: Sequence[Path], form: str, schema: Path | None, how: Mapping[str, Any]) -> int:
    """What would become of each unit."""
    voice = session.voice
    if form == "omop":
        return _plan_omop(session, deliveries)
    from rempart.adapters.delivery_reader import ingest_definitions
    from rempart.wiring.ingest_plan import plan_folders
    from rempart.wiring.warehouse import Warehouse

    made = plan_folders(Warehouse(session.directory), deliveries, ingest_definitions(schema), **how)
    for one in made.deliveries:
        show_delivery(voice, one)
    show_populations(voice, {one.id: one.declared for one in made.deliveries})
    rows = [(unit.plan.name, unit.plan.fate, unit.files, unit.size, unit.lines, unit.replaced) for unit in made.units]
    shown = [(row[0], voice.word(f"fate-{row[1]}"), *row[2:5], row[5] or "") for row in rows]
    columns = [
        "column-unit",
        "column-fate",
        "column-files",
        "column-bytes",
        "column-lines-estimated",
        "column-replaced",
    ]
    voice.table(columns, shown)
    show_leaving(voice, made.left, word="plan-leaving")
    show_choice(voice, made.told)
    lines = sum(unit.lines for unit in made.units if unit.plan.fate in {"new", "replaces", "former"})
    many = f"{lines:,}".replace(",", "\u202f")
    voice.say("ingest-plan-told", lines=many, units=len(rows), commits=made.commits, minutes=made.minutes)
    show_notes(voice, made.notes, made.other)
    voice.say("ingest-plan-known" if made.known else "ingest-plan-unknown")
    told: dict[str, object] = {"units": [list(row) for row in rows], "known": made.known, "other": list(made.other)}
    given = [{"id": one.id, "produced": one.produced, "declared": dict(one.declared)} for one in made.deliveries]
    told |= {"leaving": told_leaving(made.left), "commits": made.commits, "rules": asdict(made.told)}
    voice.result("ingest-plan", {**told, "deliveries": given, "notes": told_notes(made.notes)})
    return 0


def show_ingested(session: Session, done: "Brought", *, most: int | None = None) -> None:
    """What became of the units, the reconciliation (the ``most`` frequent drops, when given), then what was sealed."""
    voice = session.voice
    if done.units:
        fates = Counter(unit.fate for unit in done.units)
        voice.say("units-told", **{fate: fates[fate] for fate in ("new", "replaces", "held", "older", "former")})
    show_leaving(voice, done.left, word="units-left")
    show_populations(voice, done.declared)
    if done.commit is None:
        show_notes(voice, (), done.other)
        show_choice(voice, done.told)
        voice.say("units-unchanged")
        return
    if done.report is None:
        show_notes(voice, done.notes, done.other)
        voice.say("ingest-later" if done.stood else "ingest-later-first", head=done.commit.head[:16])
        voice.say("ingest-later-next")
        return
    _show_report(session, done.report, most)
    if most is None:
        show_choice(voice, done.told)
        show_mapped(voice, done)
        show_notes(voice, done.report.notes, done.other)
    rows = [(table, count, done.content.get(table, "")[:16]) for table, count in done.rows.items()]
    voice.table(["column-table", "column-rows", "column-content"], rows)
    voice.say("ingest-done", head=done.commit.head[:16])


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
    if report.unmapped:
        voice.say("natures-unmapped", count=len(report.unmapped))
        top = [(nature or "-", "1-10" if lines is None else lines) for nature, lines in report.unmapped[:10]]
        voice.table(["column-nature", "column-lines"], top)
    voice.say("persons-steps")
    voice.table(["column-step", "column-persons"], [(voice.word(f"persons-{s.what}"), s.count) for s in report.persons])


def grant(
    session: Session, file: Path, /, *, key: Path, formula: str | None = None, passphrase_fd: int | None = None
) -> int:
    """Create the project dataset of a permit."""
    from rempart.wiring.acts import grant_permit
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    warn_of_endings(session)
    with voice.bars() as bars:
        ask, place = session.asker(passphrase_fd), Warehouse(session.directory)
        made = grant_permit(place, file=file, key_file=key, ask=ask, progress=bars, formula=formula)
    voice.say("permit-granted", persons=made.persons, objections=made.objections, space=made.commit.space)
    voice.table(["column-table", "column-rows"], list(made.rows.items()))
    voice.say("grant-formula", formula=made.formula)
    voice.say("grant-next")
    told = {"head": made.commit.head, "persons": made.persons, "rows": dict(made.rows), "formula": made.formula}
    voice.result("permit-grant", told)
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
