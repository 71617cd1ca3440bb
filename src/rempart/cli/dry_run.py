# SPDX-License-Identifier: Apache-2.0
"""``rempart study run --dry-run``: said before, shown marked, saved where asked. Needs no warehouse and no key."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rempart.cli.report_commands import times_spoken
from rempart.cli.session import Session
from rempart.cli.study_variants import name_of, tell_failed

if TYPE_CHECKING:
    from rempart.release.dry_run import Rehearsed
    from rempart.wiring.dry_run import DryPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class DryAsked:
    """What only a dry run takes: how many invented persons, drawn from which seed, and where to save."""

    persons: int | None = None
    seed: int | None = None
    out: Path | None = None

    def given(self) -> list[str]:
        """Names of the options that were given."""
        return [f"--{name}" for name in ("persons", "seed", "out") if getattr(self, name) is not None]


def rehearse(session: Session, file: Path, asked: DryAsked, *, variant: str | None, every: bool, **how: Any) -> int:
    """The study, its variant or all of them on invented persons; the exit code is the first failure's, 0 without one."""
    from rempart.wiring.dry_run import PERSONS, check_engine, check_out, dry_run, plan_dry_run, save
    from rempart.wiring.reports import dry_report

    voice = session.voice
    persons, seed = asked.persons or PERSONS, 1 if asked.seed is None else asked.seed
    plan = plan_dry_run(file, variant=variant, every=every, persons=persons, seed=seed)
    check_engine(how["engine"])
    if asked.out is not None:
        check_out(asked.out)
    _tell_plan(session, plan)
    with voice.bars() as bars:
        found = dry_run(plan, progress=bars, **how)
    if asked.out is not None:
        more = partial(dry_report, language=voice.language, speak=times_spoken(voice))
        save(found.done, asked.out, more=more)
    _show(session, found.done, asked.out)
    told: dict[str, object] = {"synthetic": True, "releasable": False, "persons": persons, "seed": seed}
    told |= {"out": str(asked.out) if asked.out else None, "studies": [_told(done) for done in found.done]}
    if code := tell_failed(voice, file, found.failed, told):
        return code
    voice.result("study-run", told)
    return 0


def _tell_plan(session: Session, plan: "DryPlan") -> None:
    voice = session.voice
    first, last = (day.isoformat() for day in plan.days)
    voice.say(
        "dry-plan", studies=len(plan.studies), persons=f"{plan.persons:,}".replace(",", " "), first=first, last=last
    )
    rows = [(table, "\n".join(columns)) for permit in plan.permits for table, columns in permit.tables.items()]
    voice.table(["column-table", "column-columns"], rows)
    voice.say("dry-plan-next")


def _show(session: Session, done: "tuple[Rehearsed, ...]", out: Path | None) -> None:
    """The marked page; of several studies their sizes, since the pages lie in the folder."""
    from rempart.wiring.dry_run import page_of

    voice = session.voice
    voice.plain()
    voice.say("dry-mark")
    for item in done:
        for name in item.few:
            voice.say("study-few", name=name, persons=item.fewer_than)
        for name in item.nearly_all:
            voice.say("study-nearly-all", name=name, persons=item.fewer_than)
    if len(done) == 1 and not voice.as_json:
        voice.plain(page_of(done[0], voice.language))
    elif done:
        rows = [(name_of(voice, item.name), table.output, len(table.rows)) for item in done for table in item.tables]
        voice.table(["column-variant", "column-output", "column-cells"], rows)
    voice.say("dry-saved" if out else "dry-not-saved", folder=str(out))
    voice.say("dry-gone")


def _told(done: "Rehearsed") -> dict[str, object]:
    """The checked cells of one study."""
    from rempart.records.canonical import content_id

    tables = {
        table.output: [
            {
                "row": dict(row.row_key),
                "column": dict(row.column_key),
                "statistic": row.statistic,
                "value": row.value,
                "unit": row.unit,
                "status": row.status,
            }
            for row in table.rows
        ]
        for table in done.tables
    }
    few = {"few": done.few, "nearly_all": done.nearly_all, "fewer_than": done.fewer_than}
    return {"variant": done.name, "study": content_id(done.study), "tables": tables, **few}
