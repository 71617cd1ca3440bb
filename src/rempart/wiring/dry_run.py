# SPDX-License-Identifier: Apache-2.0
"""``rempart study run --dry-run``: a study on invented persons, in a warehouse that lives as long as the command. Needs nobody's key.

The way is that of true data: init, ingest, grant, the same engine, the same disclosure rules. What it leaves can never be released.
"""

import datetime
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import tomli_w

from rempart.adapters import package_data
from rempart.adapters.figures import draw, draw_designs
from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.adapters.omop_folder import write_omop
from rempart.adapters.spark_master import check_master, tasks_here
from rempart.adapters.throwaway_folder import held_back, throwaway_folder
from rempart.cohort.required import required_columns
from rempart.errors import BadInput, Cancelled, Refused, RempartError
from rempart.journeys.checked import checked_tables
from rempart.journeys.permits import events
from rempart.journeys.release import finished_run
from rempart.keys.store_secret import passphrase_secret
from rempart.permits.least import least_permit
from rempart.ports.surroundings import Progress
from rempart.records.cloned import check_runnable
from rempart.records.omop import TableLayout, layouts, whole_layouts
from rempart.records.permit import Permit
from rempart.records.study import Study
from rempart.release.dry_run import LANGUAGES, Rehearsed, dry_files, page
from rempart.release.labels import reader_labels
from rempart.release.subjects import subjects
from rempart.study.members import members_told
from rempart.synthetic.study_persons import Invented, invent
from rempart.wiring.acts import grant_permit, init_warehouse
from rempart.wiring.asked import asked
from rempart.wiring.ingest import ingest_delivery
from rempart.wiring.invented import InventedPlace, swap_may_see
from rempart.wiring.people import enrol
from rempart.wiring.releases import desk
from rempart.wiring.signing import signer, today
from rempart.wiring.spark import POOL
from rempart.wiring.spoken import spoken
from rempart.wiring.study_variants import VariantRun, run_every_variant, studies_of

PERSONS, SHARDS, _YEAR = 2000, 4, 366
_MINUTES = 60  # that the broker serves, should nobody be left to end it; told in docs/study.md
_AUTHOR, _COMMITTEE = "author", "committee"


@dataclass(frozen=True, slots=True, kw_only=True)
class DryPlan:
    """What a dry run will do. ``studies``: by name of the variant ('' for the study itself); ``permits``: what each permit that they name
    must give; ``days``: first and last that the persons are seen on."""

    studies: Mapping[str, Study]
    permits: tuple[Permit, ...]
    days: tuple[datetime.date, datetime.date]
    persons: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """``done``: the tables of each study that ended well; ``failed``: (variant, error) of the others."""

    done: tuple[Rehearsed, ...]
    failed: tuple[tuple[str, RempartError], ...]


def plan_dry_run(
    file: Path, *, variant: str | None = None, every: bool = False, persons: int = PERSONS, seed: int = 1
) -> DryPlan:
    """From the file alone; raises as ``study check`` does, and of one study alone what its run would refuse."""
    studies = studies_of(file, variant=variant, every=every)
    if not every:
        check_runnable(*studies.values())
    wanted = asked(list(studies.values()))
    ordered = sorted(studies.values(), key=lambda study: study.permit)
    groups = [list(group) for _, group in groupby(ordered, key=lambda study: study.permit)]
    permits = tuple(_permit(group, f"dry-run-{number}") for number, group in enumerate(groups, 1))
    first, last = min(permit.period[0] for permit in permits), max(permit.period[1] for permit in permits)
    back = max(wanted.before, _YEAR) + _YEAR
    seen = datetime.date.fromordinal(max(1, first.toordinal() - back))
    return DryPlan(studies=studies, permits=permits, days=(seen, last), persons=persons, seed=seed)


def check_engine(name: str) -> None:
    """The pool, or Spark in this machine's own processes: no node of a cluster sees the temporary warehouse.

    Raises BadInput ``engine-name``, Refused ``dry-run-engine``.
    """
    if name == POOL:
        return
    check_master(name)
    if tasks_here(name) is None:
        raise Refused("dry-run-engine", given=name[:80])


def _permit(studies: Sequence[Study], project: str) -> Permit:
    """The least that these studies need."""
    known, required = _layouts(), dict[str, frozenset[str]]()
    for study in studies:
        for table, columns in required_columns(study, known).items():
            required[table] = required.get(table, frozenset()) | columns
    return least_permit(studies, required=required, project=project, persons=(_AUTHOR,), today=today())


def _layouts() -> dict[str, TableLayout]:
    parsed = package_data.toml("records/omop54.toml")
    return {**layouts(parsed), **whole_layouts(parsed)}


def dry_run(
    plan: DryPlan,
    *,
    progress: Progress,
    engine: str = POOL,
    workers: int | None = None,
    memory: int | None = None,
) -> DryRun:
    """Make the warehouse, run the studies, check their tables, destroy the warehouse: also when it is interrupted or fails.

    A study that fails among several is told with its error; one alone raises it. Raises as ``check_engine`` before anything is made.
    """
    check_engine(engine)
    made = _invented(plan)
    with swap_may_see(), throwaway_folder(lambda folder: InventedPlace(folder).lock()) as folder:
        place = _Place(folder)
        place.settle()
        place.bring_in(made, progress)
        for permit in plan.permits:
            place.grant(permit, progress)
        runs = place.run(plan, progress=progress, engine=engine, workers=workers, memory=memory)
        failed = tuple((run.name, run.error) for run in runs if run.error is not None)
        if failed and len(runs) == 1:
            raise failed[0][1]
        return DryRun(done=tuple(place.rehearsed(run, plan) for run in runs if run.done is not None), failed=failed)


def _invented(plan: DryPlan) -> Invented:
    model = package_data.toml("synthetic/asked.toml")
    wanted = asked(list(plan.studies.values()), families=model["families"])
    return invent(wanted, persons=plan.persons, seed=plan.seed, days=plan.days, model=model)


def _nobody(file: Path) -> str:
    """The keys of a dry run are not encrypted: they die with it."""
    raise Refused("person-key-passphrase", file=file.name)


class _Place(InventedPlace):
    """The warehouse of one dry run."""

    def settle(self) -> None:
        """Keys that nobody knows, an officer, an author, a committee; an interrupt waits until the broker can be told to end."""
        with held_back():
            init_warehouse(
                self.folder / "warehouse",
                controller="dry run",
                officer="officer",
                officer_key=self._new_key("officer"),
                secret=passphrase_secret(secrets.token_hex(16)),
                key_passphrase="",
                shards=SHARDS,
                minutes=_MINUTES,
                keys=KeyStoreSettings(),
                invented=True,
            )
        for name, role in ((_AUTHOR, "researcher"), (_COMMITTEE, "committee")):
            enrol(
                self.warehouse,
                name=name,
                roles=[role],
                key_file=self._new_key(name),
                officer_keys=[self.key("officer")],
                ask=_nobody,
                key_passphrase="",
            )

    def _new_key(self, name: str) -> Path:
        file = self.key(name)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        return file

    def bring_in(self, made: Invented, progress: Progress) -> None:
        """The invented persons as any OMOP source is brought in."""
        source = write_omop(self.folder / "synthetic", made.persons)
        ingest_delivery(self.warehouse, source, form="omop", replace=False, progress=progress, extra=made.whole)

    def grant(self, permit: Permit, progress: Progress) -> None:
        """A project dataset of what the studies ask for."""
        file = self.folder / f"{permit.project}.toml"
        file.write_text(tomli_w.dumps(permit.as_dict()), encoding="utf-8")
        grant_permit(self.warehouse, file=file, key_file=self.key(_COMMITTEE), ask=_nobody, progress=progress)

    def run(self, plan: DryPlan, **how: Any) -> tuple[VariantRun, ...]:
        """The studies in turn; raises Cancelled ``dry-run-cancelled``, since nothing is kept that could be taken up."""
        try:
            return run_every_variant(
                self.warehouse, studies=plan.studies, key_file=self.key(_AUTHOR), ask=_nobody, **how
            )
        except Cancelled as error:
            raise Cancelled("dry-run-cancelled") from error

    def rehearsed(self, run: VariantRun, plan: DryPlan) -> Rehearsed:
        """The run's tables after the rules that a release passes."""
        warehouse, author = self.warehouse, signer(self.warehouse.trust, self.key(_AUTHOR), _nobody)
        finished = finished_run(events(warehouse.ledger), run.done.run if run.done else "")
        tables = checked_tables(replace(desk(warehouse), invented=True), finished, actor=author.salted)
        study, rules = plan.studies[run.name], package_data.joined("disclosure/rules.toml")
        rows = run.done.rows if run.done else ()
        told = asdict(members_told(study, rows, rules, persons=plan.persons))
        return Rehearsed(
            name=run.name, study=study.as_dict(), tables=tables, persons=plan.persons, seed=plan.seed, **told
        )


def page_of(done: Rehearsed, language: str) -> str:
    """The marked page of a study's tables."""
    own, words = package_data.toml("release/dry_run.toml"), spoken()
    return page(done, language, words=words, own=own)


def check_out(out: Path) -> None:
    """Raises Refused ``dry-run-folder`` when results would fall among other files."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Refused("dry-run-folder", folder=str(out))


Write = Callable[[Rehearsed, Mapping[str, bytes]], Mapping[str, bytes]]
"""A study's tables and its figures → more files of it."""


def save(done: Sequence[Rehearsed], out: Path, *, more: Write | None = None) -> None:
    """Tables, figures, page and ``more`` of each study under ``out``, of variants in a folder each; raises as ``check_out``,
    ``file-unwritable``."""
    check_out(out)
    own, words = package_data.toml("release/dry_run.toml"), spoken()
    for item in done:
        folder = out / (item.name or "study") if len(done) > 1 else out
        figures = _figures(item, words, own)
        files = dry_files(item, words=words, own=own, figures=figures)
        for name, data in {**files, **(more(item, figures) if more else {})}.items():
            _write(folder / name, data)


def _figures(item: Rehearsed, words: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, bytes]:
    """Drawn with the mark where other figures say what they are drawn from."""
    found: dict[str, bytes] = {}
    for language in LANGUAGES:
        note = str(own[language]["note"])
        names = reader_labels(item.tables, study=item.study, words=words, language=language)
        about = subjects(item.tables, study=item.study, words=words, language=language)
        found |= draw(item.tables, language=language, names={**names, "note": note, "curve_note": note}, about=about)
        found |= draw_designs(item.study, language=language, names=names, note=note)
    return found


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise BadInput("file-unwritable", file=path.name) from error
